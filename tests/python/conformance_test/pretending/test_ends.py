"""Each way in which a test can end."""

import asyncio
import os
import subprocess
import sys
import threading
import unittest


class Ends(unittest.TestCase):
    """Their order is that of their letters."""

    def setUp(self):
        asyncio.new_event_loop().close()

    def test_a_passes(self):
        pass

    def test_b_hangs(self):
        threading.Event().wait()

    def test_c_passes_after_a_hang(self):
        pass

    def test_d_crashes(self):
        os.abort()

    def test_e_passes_after_a_crash(self):
        pass

    def test_f_leaves_the_process(self):
        os._exit(3)

    def test_g_fails(self):
        self.assertEqual("what was got", "what was expected")

    def test_h_interrupts(self):
        raise KeyboardInterrupt

    def test_i_skips(self):
        self.skipTest("not today")

    def test_j_fails_in_a_part(self):
        for part in (1, 2, 3):
            with self.subTest(part=part):
                self.assertNotEqual(part, 2)

    @unittest.expectedFailure
    def test_k_fails_as_it_expects(self):
        self.fail("as expected")

    @unittest.expectedFailure
    def test_l_passes_though_it_expects_to_fail(self):
        pass

    def test_m_leaves_a_child_with_all_that_was_open(self):
        subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"], close_fds=False)

    def test_n_leaves_a_thread(self):
        threading.Thread(target=threading.Event().wait).start()


class NeverReady(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("never ready")

    def test_is_skipped_with_its_class(self):
        raise AssertionError("not run")


class NeverDone(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        raise OSError("never done")

    def test_passes(self):
        asyncio.new_event_loop().close()
