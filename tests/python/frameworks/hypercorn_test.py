"""Hypercorn."""

import unittest

from support import ServesAsItShould, needs, serving


@needs("hypercorn")
class ServedByAProgramTest(ServesAsItShould, unittest.TestCase):
    def server(self):
        return serving("hypercorn_served.py", "{fd}")
