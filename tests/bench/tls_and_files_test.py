"""What rows of TLS, files and streams need beside programs: a certificate, a file, and targets of their own."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
from unittest import mock

import samples
from runner import figures, pattern, report, rounds, rows, targets
from runner.certificate import Certificate
from runner.contestants import reference_of
from runner.numbers import MET, MISSED, NOT_MEASURED
from runner.processes import Failure

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
OPENSSL = shutil.which("openssl")


def row_named(name):
    return next(row for row in rows.full_rows() if row.name == name)


def outcome_of(title, *measured):
    found = [each for each in targets.TARGETS if each.title.startswith(title)]
    assert len(found) == 1, f"{title}: {len(found)} targets"
    return targets.evaluate(found[0], samples.outcome(*measured))


class CertificateTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-bench-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    @unittest.skipUnless(OPENSSL, "the openssl program is not installed")
    def test_is_of_p_256_is_its_own_issuer_and_its_key_is_with_the_server_only(self):
        certificate = Certificate(self.folder)
        said = subprocess.run([OPENSSL, "x509", "-in", certificate.trusted, "-noout", "-text"],
                              capture_output=True, text=True, check=True).stdout
        self.assertIn("prime256v1", said)
        self.assertIn("IP Address:127.0.0.1", said)
        verified = subprocess.run([OPENSSL, "verify", "-CAfile", certificate.trusted, certificate.chain],
                                  capture_output=True, check=False)
        self.assertEqual(verified.returncode, 0, verified.stderr)
        self.assertNotIn("PRIVATE KEY", certificate.trusted.read_text(encoding="ascii"))
        self.assertIn("PRIVATE KEY", certificate.chain.read_text(encoding="ascii"))

    def test_without_the_program_that_makes_it_is_a_failure_that_says_so(self):
        with mock.patch("shutil.which", return_value=None), self.assertRaisesRegex(Failure, "openssl"):
            Certificate(self.folder)


class PatternTest(unittest.TestCase):
    def test_its_period_is_that_of_the_programs(self):
        header = (SOURCE / "bench" / "shared" / "pattern.h").read_text(encoding="utf-8")
        self.assertEqual(int(re.search(r"PATTERN_PERIOD_BYTES = (\d+)", header)[1]), pattern.PERIOD_BYTES)
        # What the header computes, by hand: 2654435761 is 0x9e3779b1.
        self.assertEqual(pattern.period()[:2], bytes([0x9e, 0x13c6ef362 >> 24 & 0xff]))

    def test_a_file_has_whole_periods_so_that_it_continues_itself(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "file")
            for most, periods in ((4092, 0), (4093, 1), (3 << 20, 768), ((3 << 20) + 4093, 769)):
                pattern.write_pattern(path, most)
                self.assertEqual(path.read_bytes(), pattern.period() * periods, most)


class FiguresTest(unittest.TestCase):
    raw = {"seconds": 0.5, "messages": 1000, "bytes": 1000 * 65536, "server_cpu_ns": 2_000_000,
           "server_rss_bytes": 5_000_000, "server_rss_before_bytes": 1_000_000}

    def test_with_tls_one_way_is_counted_in_messages_which_are_records(self):
        for name in ("tls-in", "tls-out", "tls-echo-50x64x1", "handshake-new"):
            self.assertEqual(figures.figures_of(row_named(name), self.raw), {"cpu_ns": 2000.0, "rate": 2000.0})

    def test_a_file_is_counted_in_pieces_of_64_kib(self):
        raw = {**self.raw, "messages": 1}
        self.assertEqual(figures.figures_of(row_named("file-1GiB"), raw), {"cpu_ns": 2000.0, "rate": 2000.0})

    def test_idle_memory_with_tls_is_what_each_connection_added(self):
        self.assertEqual(figures.figures_of(row_named("tls-idle"), self.raw), {"rss_bytes": 2000.0})


class TargetsTest(unittest.TestCase):
    def verdicts(self, title, name, limits, metric="cpu_ns", **rivals):
        for ours, verdict in limits:
            row = samples.row(name, {"tidegate": (ours,) * 3,
                                     **{rival: (value,) * 3 for rival, value in rivals.items()}}, metric=metric)
            self.assertEqual(outcome_of(title, row).verdict, verdict, f"{name}: {ours}")

    def test_bulk_is_16_kib_in_either_direction_or_both_and_small_is_the_rest(self):
        for name in ("tls-in", "tls-out", "tls-echo-8x16384x16"):
            self.verdicts("TLS, messages of 16 KiB", name, ((105, MET), (106, MISSED)), openssl=100)
            self.verdicts("TLS, echo of 64 B", name, ((200, NOT_MEASURED),), openssl=100)
        for name in ("tls-echo-1x64x1", "tls-echo-50x1024x1"):
            self.verdicts("TLS, echo of 64 B", name, ((110, MET), (111, MISSED)), openssl=100)
            self.verdicts("TLS, messages of 16 KiB", name, ((200, NOT_MEASURED),), openssl=100)

    def test_level_with_asio_is_not_ahead_of_it(self):
        for name in ("tls-in", "tls-echo-50x64x1", "handshake-resumed"):
            self.verdicts("TLS: CPU, against Asio", name, ((99, MET), (100, MISSED)), openssl=90, asio=100)

    def test_handshakes_are_held_against_bare_openssl_by_number_and_by_cpu(self):
        for name in ("handshake-new", "handshake-resumed"):
            self.verdicts("TLS, handshakes, new and resumed: how many", name, ((95, MET), (94, MISSED)), "rate",
                          openssl=100)
            self.verdicts("TLS, handshakes, new and resumed: CPU", name, ((105, MET), (106, MISSED)), openssl=100)

    idle = "TLS, idle connections"

    def test_idle_memory_is_held_against_openssl_by_what_is_on_top(self):
        self.verdicts(self.idle, "tls-idle", ((13_000 + 1536, MET), (13_000 + 1537, MISSED), (12_000, MET)),
                      "rss_bytes", openssl=13_000)

    def test_a_difference_is_paired_by_rounds_and_noise_does_not_excuse_it(self):
        row = samples.row("tls-idle", {"openssl": (10_000, 12_000, 14_000), "openssl_again": (14_000, 16_000, 18_000),
                                       "tidegate": (11_600, 13_600, 15_600)}, metric="rss_bytes")
        outcome = outcome_of(self.idle, row)
        self.assertEqual((outcome.checks[0].measured, outcome.verdict), (1600, MISSED))

    def test_the_report_says_a_difference_in_bytes(self):
        row = samples.row("tls-idle", {"openssl": (13_000,), "tidegate": (14_000,)}, metric="rss_bytes")
        page = report.write(samples.outcome(row))
        self.assertRegex(page, r"\| TLS, idle connections[^|]*\| at most 1536 B +\| 1000 B \(tls-idle\)")
        self.assertRegex(page, r"\| \*\*Tidegate\*\* +\| +14,000 B \|")

    def test_streams_are_held_against_callbacks_of_the_same_backend(self):
        for streams, callbacks, title in (("tidegate_streams", "tidegate", "Streams, echo"),
                                          ("tidegate_streams_uring", "tidegate_uring", "Streams on io_uring")):
            for ours, verdict in ((125, MET), (126, MISSED)):
                row = samples.row("streams-50x1024", {"epoll": (1000,) * 3, streams: (ours,) * 3,
                                                        callbacks: (100,) * 3})
                self.assertEqual(outcome_of(title, row).verdict, verdict)

    def test_a_file_may_cost_a_twentieth_more_than_the_bare_loop(self):
        self.verdicts("Sending a file: CPU", "file-1GiB", ((105, MET), (106, MISSED)), sendfile=100)

    def test_each_of_these_rows_has_its_reference(self):
        found = {row.name: reference_of(rounds.identity_of(row)["kind"]) for row in rows.full_rows()
                 if row.name.startswith(("tls-", "handshake-", "file-", "streams-", "instructions-tls"))}
        self.assertEqual(len(found), 14)
        for name, reference in found.items():
            expected = {"file": "sendfile", "streams": "epoll"}.get(name.partition("-")[0], "openssl")
            self.assertEqual(reference, expected, name)
