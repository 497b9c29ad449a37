"""A module that is not for this system."""

import unittest

raise unittest.SkipTest("for another system")
