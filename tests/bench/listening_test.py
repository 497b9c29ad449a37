"""Where a process listens, as the kernel knows it."""

import os
import socket
import sys
import unittest

from runner import listening
from runner.processes import Child, Failure

CORES = os.sched_getaffinity(0)


def python(code):
    return Child(sys.executable, "-c", code, cores=CORES)


class ListeningTest(unittest.TestCase):
    def test_it_is_the_port_of_the_listening_socket_and_of_no_other(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)):
                self.assertEqual(listening.port_of(os.getpid()), port)
        self.assertIsNone(listening.port_of(os.getpid()))

    def test_one_that_will_listen_is_waited_for(self):
        code = ("import socket, time\ntime.sleep(0.1)\nlistener = socket.create_server(('127.0.0.1', 0))\n"
                "print(listener.getsockname()[1], flush=True)\ntime.sleep(60)")
        with python(code) as child:
            port = listening.wait_for_port(child)
            self.assertEqual(port, int(child.first_line()))

    def test_one_that_ends_instead_is_a_failure_with_its_last_words(self):
        with python("import sys; sys.exit('no such address')") as child:
            with self.assertRaisesRegex(Failure, "ended with exit code 1 before .*: no such address"):
                listening.wait_for_port(child)
