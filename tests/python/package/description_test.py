"""What the package says of itself: its names, its version, its help."""

import pathlib
import pydoc
import re
import unittest

import tidegate

PROJECT = pathlib.Path(__file__).resolve().parents[3]
PUBLIC = {"EventLoopPolicy", "Loop", "install", "new_event_loop", "run"}


class DescriptionTest(unittest.TestCase):
    def test_what_is_public_is_what_was_promised(self):
        # Of the policy asyncio warns: it is for those only who name it.
        self.assertEqual(set(tidegate.__all__), PUBLIC - {"EventLoopPolicy"} | {"__version__"})
        for name in PUBLIC:
            self.assertTrue(hasattr(tidegate, name), name)

    def test_the_version_is_that_of_the_project(self):
        lists = (PROJECT / "CMakeLists.txt").read_text(encoding="utf-8")
        self.assertEqual(tidegate.__version__, re.search(r"project\(tidegate\s+VERSION ([0-9.]+)", lists)[1])

    def test_everything_public_says_what_it_is_for(self):
        for name in sorted(PUBLIC):
            with self.subTest(name=name):
                self.assertTrue(getattr(tidegate, name).__doc__.strip())

    def test_help_shows_the_package_and_each_public_name(self):
        shown = pydoc.plain(pydoc.render_doc(tidegate))
        self.assertIn("tidegate.run(main())", shown)
        for name in PUBLIC:
            self.assertRegex(shown, rf"\b{name}\b")

    def test_every_public_method_of_the_native_loop_has_its_text(self):
        native = tidegate.Loop.__mro__[1]
        for name, member in vars(native).items():
            if not name.startswith("_"):
                with self.subTest(name=name):
                    self.assertTrue(member.__doc__)
