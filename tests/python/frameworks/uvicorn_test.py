"""uvicorn, in the three ways in which it can be given a loop."""

import unittest

from support import ServesAsItShould, needs, serving, version_of

TAKES_A_FACTORY = (0, 36)


@needs("uvicorn")
class ServedByAProgramTest(ServesAsItShould, unittest.TestCase):
    def server(self):
        return serving("uvicorn_served.py", "{fd}")


@needs("uvicorn")
class InstalledLoopTest(ServesAsItShould, unittest.TestCase):
    def server(self):
        return serving("uvicorn_installed.py", "{fd}")


@needs("uvicorn")
@unittest.skipIf(version_of("uvicorn") < TAKES_A_FACTORY, "uvicorn takes a loop by --loop MODULE:FACTORY from 0.36 on")
class CommandTest(ServesAsItShould, unittest.TestCase):
    def server(self):
        return serving("-m", "uvicorn", "--loop", "tidegate:new_event_loop", "--fd", "{fd}", "application:application")
