"""What a program is told that asks for what can't be: an exception that names it, and nothing besides."""

import asyncio
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import tidegate

SECONDS = 60  # what takes longer hangs
PACKAGE_FOLDER = pathlib.Path(tidegate.__file__).resolve().parent.parent


def end_of(code, **environment):
    """The last line that a program writes to its standard error, and all of them."""
    ended = subprocess.run([sys.executable, "-X", "dev", "-B", "-c", code],
                           env={**os.environ, "PYTHONPATH": str(PACKAGE_FOLDER), **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
    lines = ended.stderr.splitlines()
    return (lines[-1] if lines else ""), ended.stderr


class MisuseTest(unittest.TestCase):
    def test_a_backend_that_does_not_exist_is_refused_by_name(self):
        for backend in ("kqueue", "", 3):
            with self.subTest(backend=backend):
                with self.assertRaises(ValueError) as caught:
                    tidegate.new_event_loop(backend)
                self.assertIn(repr(backend), str(caught.exception))
                self.assertIn("'epoll'", str(caught.exception))

    def test_a_backend_that_does_not_exist_is_refused_in_the_environment_too(self):
        last, everything = end_of("import tidegate; tidegate.new_event_loop()", TIDEGATE_BACKEND="kqueue")
        self.assertTrue(last.startswith("ValueError: ") and "TIDEGATE_BACKEND" in last, everything)
        self.assertNotIn("Exception ignored", everything)

    def test_a_way_to_tls_that_does_not_exist_is_refused_in_the_environment(self):
        last, everything = end_of("""if True:
            import asyncio, socket, ssl, tidegate

            async def main():
                near, far = socket.socketpair()
                with near, far:
                    await asyncio.open_connection(sock=near, ssl=ssl.create_default_context(), server_hostname="x")

            tidegate.run(main())
            """, TIDEGATE_PYTHON_TLS="fast")
        self.assertEqual(last, "ValueError: TIDEGATE_PYTHON_TLS is 'fast', expected 'direct' or 'memory'", everything)

    def test_a_package_that_was_built_for_another_python_says_so(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(PACKAGE_FOLDER / "tidegate", pathlib.Path(folder, "tidegate"),
                            ignore=shutil.ignore_patterns("_native*.so"))
            last, everything = end_of("import tidegate", PYTHONPATH=folder)
        self.assertRegex(last, "ImportError: tidegate in .* was not built for this Python", everything)

    def test_a_subinterpreter_is_told_that_it_can_not_have_us(self):
        # asyncio first: CPython 3.12.1 itself breaks where a subinterpreter is the first to import it.
        last, everything = end_of("""if True:
            import asyncio
            try:
                import _interpreters as interpreters
            except ImportError:
                import _xxsubinterpreters as interpreters
            code = '''if True:
                import sys
                try:
                    import tidegate
                except ImportError as error:
                    print(error, file=sys.stderr)
                else:
                    print("imported", file=sys.stderr)
                '''
            interpreters.run_string(interpreters.create(), code)
            """)
        self.assertRegex(last, "tidegate.*subinterpreters", everything)

    def test_what_was_thrown_out_of_sys_modules_can_be_imported_again(self):
        last, everything = end_of("""if True:
            import sys, tidegate
            before = tidegate.new_event_loop()
            for name in [name for name in sys.modules if name.startswith("tidegate")]:
                del sys.modules[name]
            import tidegate as again
            assert again is not tidegate
            for loop in (before, again.new_event_loop()):
                handle = loop.call_soon(loop.stop)
                loop.call_later(1000, print)
                loop.run_forever()
                loop.close()
        """)
        self.assertEqual(everything, "")

    def test_asyncios_policy_is_used_by_those_only_who_ask_for_it(self):
        # As 3.14 has it: whoever takes it out of asyncio is warned.
        last, everything = end_of("""if True:
            import asyncio, sys, warnings
            policy = asyncio.DefaultEventLoopPolicy
            if "DefaultEventLoopPolicy" in vars(asyncio):
                del asyncio.DefaultEventLoopPolicy
            def warn(name):
                if name != "DefaultEventLoopPolicy":
                    raise AttributeError(name)
                warnings.warn(name, DeprecationWarning)
                return policy
            asyncio.__getattr__ = warn
            warnings.simplefilter("error")
            import tidegate
            from tidegate import *
            tidegate.run(asyncio.sleep(0))
            try:
                tidegate.EventLoopPolicy
            except DeprecationWarning as warning:
                print(warning, file=sys.stderr)
        """)
        self.assertEqual(everything, "DefaultEventLoopPolicy\n")

    def test_a_loop_does_not_run_inside_of_another(self):
        async def main():
            other = tidegate.new_event_loop()
            try:
                with self.assertRaisesRegex(RuntimeError, "while another loop is running"):
                    other.run_forever()
            finally:
                other.close()

        tidegate.run(main())

    def test_run_does_not_run_inside_of_run(self):
        async def main():
            inner = asyncio.sleep(0)
            try:
                with self.assertRaisesRegex(RuntimeError, "cannot be called from a running event loop"):
                    tidegate.run(inner)
            finally:
                inner.close()

        tidegate.run(main())

    def test_run_wants_a_coroutine(self):
        with self.assertRaisesRegex(ValueError, "a coroutine was expected, got 7"):
            tidegate.run(7)

    def test_a_closed_loop_takes_nothing_more(self):
        loop = tidegate.new_event_loop()
        loop.close()
        loop.close()
        for use in (lambda: loop.call_soon(print), lambda: loop.call_later(1, print), loop.run_forever,
                    lambda: loop.call_soon_threadsafe(print)):
            with self.assertRaisesRegex(RuntimeError, "Event loop is closed"):
                use()
        self.assertEqual(repr(loop), "<Loop running=False closed=True debug=False>")
