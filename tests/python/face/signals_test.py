"""Signals: with a handler of the loop's, with one of Python's, and Ctrl-C."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading

from support import SECONDS, LoopTest, on_loop, run_python


class SignalsTest(LoopTest):
    @on_loop
    async def test_a_handler_of_the_loop_is_called_with_its_arguments_from_the_loop(self):
        called = self.loop.create_future()
        self.loop.add_signal_handler(signal.SIGUSR1, lambda *arguments: called.set_result(arguments), 1, "two")
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
            self.assertFalse(called.done())
            self.assertEqual(await called, (1, "two"))
        finally:
            self.assertTrue(self.loop.remove_signal_handler(signal.SIGUSR1))
        self.assertFalse(self.loop.remove_signal_handler(signal.SIGUSR1))
        self.assertEqual(signal.getsignal(signal.SIGUSR1), signal.SIG_DFL)

    @on_loop
    async def test_another_handler_takes_the_place_of_the_first(self):
        called = self.loop.create_future()
        self.loop.add_signal_handler(signal.SIGUSR1, called.set_exception, AssertionError("the first"))
        self.loop.add_signal_handler(signal.SIGUSR1, called.set_result, "the second")
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
            self.assertEqual(await called, "the second")
        finally:
            self.loop.remove_signal_handler(signal.SIGUSR1)

    @on_loop
    async def test_a_signal_wakes_a_loop_that_waits(self):
        called = self.loop.create_future()
        self.loop.add_signal_handler(signal.SIGUSR1, called.set_result, True)
        try:
            is_waiting = threading.Event()
            thread = threading.Thread(target=lambda: (is_waiting.wait(SECONDS), os.kill(os.getpid(), signal.SIGUSR1)))
            thread.start()
            self.loop.call_later(0.01, is_waiting.set)
            self.assertTrue(await called)
            thread.join()
        finally:
            self.loop.remove_signal_handler(signal.SIGUSR1)

    @on_loop
    async def test_a_handler_of_pythons_is_called_while_the_loop_waits(self):
        called = self.loop.create_future()
        with self.signals_until_handled(lambda: self.loop.call_soon_threadsafe(called.set_result, True)):
            self.assertTrue(await called)

    def test_an_exception_in_a_handler_of_pythons_comes_out_of_the_loop(self):
        class Fault(Exception):
            pass

        def fail():
            raise Fault

        with self.signals_until_handled(fail):
            with self.assertRaises(Fault):
                self.loop.call_later(SECONDS, self.loop.stop)
                self.loop.run_forever()
        self.turn()

    @contextlib.contextmanager
    def signals_until_handled(self, handler):
        """SIGUSR1 to the main thread until `handler` has been called, which happens once.

        A single one may arrive between Python's last look for signals and the system call that waits: it is not seen
        before the call returns.
        """
        is_handled = threading.Event()

        def handle(*_):
            if not is_handled.is_set():
                is_handled.set()
                handler()

        def send():
            while not is_handled.wait(0.01):
                signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

        before = signal.signal(signal.SIGUSR1, handle)
        thread = threading.Thread(target=send)
        self.loop.call_soon(thread.start)
        try:
            yield
        finally:
            is_handled.set()
            thread.join()
            signal.signal(signal.SIGUSR1, before)

    def test_what_cannot_be_handled_is_refused(self):
        with self.assertRaises(ValueError):
            self.loop.add_signal_handler(10_000, print)
        with self.assertRaises(RuntimeError):
            self.loop.add_signal_handler(signal.SIGKILL, print)
        with self.assertRaises(TypeError):
            self.loop.add_signal_handler("SIGUSR1", print)

    def test_only_the_main_thread_may_add_a_handler(self):
        errors = []

        def add():
            try:
                self.loop.add_signal_handler(signal.SIGUSR1, print)
            except (RuntimeError, ValueError) as error:
                errors.append(error)

        thread = threading.Thread(target=add)
        thread.start()
        thread.join()
        self.assertEqual(len(errors), 1)

    def test_a_closed_loop_has_given_its_signals_back(self):
        self.loop.add_signal_handler(signal.SIGUSR1, print)
        self.loop.close()
        self.assertEqual(signal.getsignal(signal.SIGUSR1), signal.SIG_DFL)
        self.assertEqual(signal.set_wakeup_fd(-1), -1)


class InterruptTest(LoopTest):
    def test_an_interrupt_cancels_the_main_task_and_comes_out_of_the_runner(self):
        printed = run_python("""
import asyncio, os, signal, threading

async def main():
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        print("cancelled")

signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
except KeyboardInterrupt:
    print("interrupted")
""")
        self.assertEqual(printed, "cancelled\ninterrupted\n")

    def test_an_interrupt_stops_a_task_that_never_waits(self):
        printed = run_python("""
import asyncio, os, signal, threading

async def main():
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    while True:
        await asyncio.sleep(0)

signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
except KeyboardInterrupt:
    print("interrupted")
""")
        self.assertEqual(printed, "interrupted\n")

    def test_without_a_runner_an_interrupt_comes_out_of_run_forever(self):
        printed = run_python("""
import os, signal, threading

signal.signal(signal.SIGINT, signal.default_int_handler)
loop = new_loop()
threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    loop.run_forever()
except KeyboardInterrupt:
    print("interrupted")
loop.call_soon(print, "runs again")
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
""")
        self.assertEqual(printed, "interrupted\nruns again\n")

    @on_loop
    async def test_a_child_takes_its_signals_as_by_default(self):
        """What a loop does about signals is not handed on."""
        self.loop.add_signal_handler(signal.SIGTERM, print)
        try:
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('ready', flush=True); input()",
                                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.assertEqual(await child.stdout.readline(), b"ready\n")
            child.terminate()
            self.assertEqual(await child.wait(), -signal.SIGTERM)
        finally:
            self.loop.remove_signal_handler(signal.SIGTERM)
