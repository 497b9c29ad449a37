"""What bench/run-python adds to the runner, room by room."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import samples
from python import contestants, interpreter, picture, report, rows, targets, wrk
from python.measure import children_nanoseconds
from runner import figures, plot, results, rounds
from runner.contestants import OURS, OURS_URING
from runner.numbers import MET, MISSED, NOT_MEASURED, WITHIN_NOISE
from runner.processes import Failure
from runner.targets import evaluate

SVG = "{http://www.w3.org/2000/svg}"
KIBIBYTE = 1024


def row(name, metric="cpu_ns", failures=(), **values):
    """Contestants with one value for each round, or with one for all three."""
    template = next(each for each in rows.full_rows() if each.name == name)
    runs = [samples.run(number, contestant, **{metric: value})
            for contestant, given in values.items()
            for number, value in enumerate(given if isinstance(given, tuple) else (given,) * 3, start=1)]
    return {**rounds.identity_of(template), "rounds": 3, "runs": runs, "failures": list(failures)}


def outcome(*measured, missing=None, settings=None):
    return results.assemble(samples.MACHINE, {**samples.SETTINGS, **(settings or {})}, samples.QUIET, missing or {},
                            measured, contestants.CONTESTANTS, targets.TARGETS)


def held(title, *measured):
    found = [each for each in targets.TARGETS if each.title.startswith(title)]
    assert len(found) == 1, f"{title}: {len(found)} targets"
    return evaluate(found[0], outcome(*measured))


class RowsTest(unittest.TestCase):
    def test_names_are_unique_and_quick_rows_are_of_every_kind(self):
        for listed in (rows.full_rows(), rows.quick_rows()):
            names = [each.name for each in listed]
            self.assertEqual(len(names), len(set(names)))
        self.assertEqual({each.kind for each in rows.quick_rows()}, {each.kind for each in rows.full_rows()})

    def test_every_way_of_writing_a_server_echoes_every_size(self):
        names = {each.name for each in rows.full_rows()}
        for interface in ("protocol", "buffered", "streams"):
            for size in (64, KIBIBYTE, 10 * KIBIBYTE, 16 * KIBIBYTE, 100 * KIBIBYTE, 128 * KIBIBYTE):
                self.assertIn(f"echo-{interface}-{size}", names)

    def test_a_row_has_the_twin_of_its_reference_and_no_other(self):
        for each in rows.full_rows():
            takers = {contestant.name for contestant in contestants.CONTESTANTS if each.takes(contestant)}
            twins = {"bare": {"bare", "bare_again"}, "asyncio": {"asyncio_again"}}[each.reference]
            self.assertEqual(takers, {"asyncio", "uvloop", OURS, OURS_URING} | twins, each.name)

    def test_figures_are_read_as_those_of_the_library_are(self):
        by_name = {each.name: each for each in rows.full_rows()}
        raw = {"seconds": 0.5, "messages": 1000, "bytes": 1000 * 65536, "server_cpu_ns": 2_000_000,
               "load_cpu_ns": 1_000_000, "lost": 0}
        self.assertEqual(figures.figures_of(by_name["in-protocol"], raw),
                         {"cpu_ns": 2000.0, "both_cpu_ns": 3000.0, "rate": 2000.0})
        for name in ("echo-streams-64", "out-streams", "storm", "tls-protocol-50x64x1", "http-uvicorn"):
            self.assertEqual(figures.figures_of(by_name[name], raw), {"cpu_ns": 2000.0, "rate": 2000.0}, name)
        for name in ("call_soon-3", "timers", "sleep", "getaddrinfo", "threads", "spawn-8", "pipe"):
            self.assertEqual(figures.figures_of(by_name[name], {"ns": 7, "cpu_ns": 5}), {"ns": 7, "loop_cpu_ns": 5})

    def test_every_kind_has_a_chapter_and_a_place_in_the_picture(self):
        kinds = {each.kind for each in rows.full_rows()}
        self.assertEqual({chapter[0] for chapter in report.CHAPTERS}, kinds)
        self.assertEqual(set(picture.GROUPS), kinds)


class TargetsTest(unittest.TestCase):
    def test_level_with_uvloop_is_not_ahead_of_it_in_any_row(self):
        for name, metric in (("echo-streams-64", "cpu_ns"), ("http-aiohttp", "cpu_ns"), ("getaddrinfo", "loop_cpu_ns"),
                             ("pipe", "loop_cpu_ns")):
            for ours, verdict in ((99, MET), (100, MISSED)):
                measured = row(name, metric, uvloop=100, tidegate=ours)
                self.assertEqual(held("Tidegate, every row", measured).verdict, verdict, name)

    def test_one_row_of_many_decides(self):
        found = held("Tidegate, every row", row("storm", uvloop=100, tidegate=50),
                     row("sleep", "loop_cpu_ns", uvloop=100, tidegate=120))
        self.assertEqual((found.verdict, found.worst.row, len(found.checks)), (MISSED, "sleep", 2))

    def test_one_way_in_is_held_by_the_servers_share_and_by_what_it_costs_both_ends(self):
        for metric, by_server, by_both in (("cpu_ns", MISSED, NOT_MEASURED), ("both_cpu_ns", NOT_MEASURED, MISSED)):
            measured = row("in-protocol", metric, uvloop=100, tidegate=101)
            self.assertEqual(held("Tidegate, every row", measured).verdict, by_server)
            self.assertEqual(held("Tidegate, one way in", measured).verdict, by_both)

    def test_what_one_backend_does_says_nothing_of_the_other(self):
        measured = row("storm", uvloop=100, tidegate_uring=90)
        self.assertEqual(held("On io_uring, every row", measured).verdict, MET)
        self.assertEqual(held("Tidegate, every row", measured).verdict, NOT_MEASURED)

    def test_a_factor_is_held_against_uvloop_as_its_share(self):
        for title, name, metric, most in (("timers", "timers", "loop_cpu_ns", 50),
                                          ("call_soon_threadsafe", "threads", "ns", 50),
                                          ("call_soon_threadsafe", "threads", "loop_cpu_ns", 50),
                                          ("call_soon:", "call_soon-3", "loop_cpu_ns", 80),
                                          ("echo by streams", "echo-streams-1024", "cpu_ns", 80),
                                          ("TLS echo", "tls-protocol-8x16384x16", "cpu_ns", 80)):
            for ours, verdict in ((most, MET), (most + 1, MISSED)):
                measured = row(name, metric, uvloop=100, tidegate=ours)
                self.assertEqual(held(f"Tidegate, {title}", measured).verdict, verdict, f"{name}: {ours}")

    surplus = "Tidegate, echo by Protocol"

    def test_half_of_what_uvloop_costs_beyond_the_bare_server_is_allowed(self):
        for ours, verdict in ((1200, MET), (1201, MISSED)):
            found = held(self.surplus, row("echo-protocol-64", bare=1000, bare_again=1000, uvloop=1400, tidegate=ours))
            self.assertEqual((found.verdict, found.worst.limit), (verdict, 1.2))

    def test_each_size_has_the_limit_that_uvloop_gives_it(self):
        found = held(self.surplus, row("echo-protocol-16384", bare=1000, uvloop=2400, tidegate=1600),
                     row("echo-protocol-131072", bare=1000, uvloop=1040, tidegate=1030),
                     row("echo-protocol-10240", bare=1000, uvloop=1010, tidegate=5000))
        self.assertEqual([(check.row, round(check.limit, 6), check.verdict) for check in found.checks],
                         [("echo-protocol-16384", 1.7, MET), ("echo-protocol-131072", 1.02, MISSED)])
        self.assertEqual(found.worst.row, "echo-protocol-131072")

    def test_where_uvloop_costs_less_than_the_bare_server_ours_may_cost_as_much(self):
        for ours, verdict in ((1000, MET), (1001, MISSED)):
            measured = row("echo-protocol-64", bare=1000, bare_again=1000, uvloop=900, tidegate=ours)
            self.assertEqual(held(self.surplus, measured).verdict, verdict)

    def test_the_noise_of_the_bare_server_excuses_as_it_does_elsewhere(self):
        measured = row("echo-protocol-64", bare=1000, bare_again=(970, 970, 1030), uvloop=1400, tidegate=1220)
        self.assertEqual(held(self.surplus, measured).verdict, WITHIN_NOISE)

    def test_without_uvloop_or_the_bare_server_there_is_no_surplus(self):
        for others in ({"bare": 1000}, {"uvloop": 1000}):
            self.assertEqual(held(self.surplus, row("echo-protocol-64", tidegate=1, **others)).verdict, NOT_MEASURED)

    def test_every_target_is_about_a_row_that_exists(self):
        identities = [rounds.identity_of(each) for each in rows.full_rows()]
        for target in targets.TARGETS:
            self.assertTrue(any(target.rows(each) for each in identities), target.title)


class ReportTest(unittest.TestCase):
    def page(self, *measured, **more):
        return report.write(outcome(*measured, **more))

    def test_a_server_is_told_as_ratios_to_bare_c_and_a_loop_as_ratios_to_asyncio(self):
        page = self.page(row("echo-protocol-64", bare=1000, bare_again=1010, asyncio=5000, tidegate=1200),
                         row("sleep", "loop_cpu_ns", asyncio=1000, asyncio_again=1020, tidegate=500))
        self.assertRegex(page, r"\| 64 B +\| +1\.00 µs \| +1\.01 \| +5\.00 \| +\*\*1\.20\*\* \|")
        self.assertRegex(page, r"\| sleep\(0\) +\| +1\.00 µs \| +1\.02 \| +\*\*0\.50\*\* \|")

    def test_the_overview_has_every_row_against_uvloop(self):
        page = self.page(row("echo-protocol-64", bare=1000, asyncio=5000, uvloop=2000, tidegate=1500),
                         row("sleep", "loop_cpu_ns", asyncio=1000, uvloop=800, tidegate_uring=400))
        self.assertRegex(page, r"\| echo-protocol-64 \| +2\.00 µs \| +2\.50 \| +\*\*0\.75\*\* \| +- \|")
        self.assertRegex(page, r"\| sleep +\| +800 ns \| +1\.25 \| +- \| +0\.50 \|")
        self.assertNotIn("Against uvloop, row by row", self.page(row("storm", bare=1000, tidegate=1500)))

    def test_a_surplus_is_shown_with_what_is_allowed(self):
        page = self.page(row("echo-protocol-64", bare=1000, uvloop=1400, tidegate=1300))
        self.assertRegex(page, r"at most 0\.5 of its surplus +\| 1\.30 of 1\.20 \(echo-protocol-64, server CPU\)")

    def test_who_and_what_is_left_out_is_said(self):
        page = self.page(row("storm", bare=1000, tidegate=1500), missing={"uvloop": ["uvloop (ImportError: none)"]},
                         settings={"rows_left_out": {"http-aiohttp": ["aiohttp (none)", "wrk"]}})
        self.assertIn("uvloop: uvloop (ImportError: none); row http-aiohttp: aiohttp (none) and wrk.", page)
        self.assertNotIn("Left out", self.page(row("storm", bare=1000)))

    def test_failures_and_the_machine_are_told_as_elsewhere(self):
        failure = {"contestant": "uvloop", "round": 1, "what": "echo_protocol.py on uvloop fell"}
        page = self.page(row("storm", failures=[failure], bare=1000))
        self.assertRegex(page, r"\| storm \| uvloop +\| 1 +\| echo_protocol\.py on uvloop fell \|")
        self.assertIn("Example 3000", page)

    def test_every_table_is_rectangular(self):
        page = self.page(row("storm", bare=1000, uvloop=2000, tidegate=1500), row("sleep", "ns", asyncio=5, tidegate=4))
        for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
            self.assertEqual(len({len(line) for line in table.splitlines()}), 1, table)


class PictureTest(unittest.TestCase):
    def drawn(self, *measured):
        return xml.etree.ElementTree.fromstring(picture.write(outcome(*measured)))

    def place_of_ours(self, drawn):
        circles = [each for each in drawn.iter(f"{SVG}circle") if each.get("fill") == plot.OUR_COLOUR]
        return float(circles[1].get("cx"))  # the first is the legend's

    def test_ours_lies_where_its_ratio_to_uvloop_is(self):
        drawn = self.drawn(row("storm", bare=1000, uvloop=2000, asyncio=4000, tidegate=1000))
        self.assertAlmostEqual(self.place_of_ours(drawn), plot.x_of(0.5, picture.AXES["uvloop"]), delta=0.2)
        self.assertIn("relative to uvloop", drawn.find(f"{SVG}title").text)

    def test_without_uvloop_it_is_the_ratio_to_asyncio(self):
        drawn = self.drawn(row("sleep", "loop_cpu_ns", asyncio=4000, tidegate=1000))
        self.assertAlmostEqual(self.place_of_ours(drawn), plot.x_of(0.25, picture.AXES["asyncio"]), delta=0.2)

    def test_every_row_has_a_line_whose_label_has_room(self):
        measured = [row(each.name, "loop_cpu_ns" if each.program_kind in ("loop", "children") else "cpu_ns",
                        uvloop=100, tidegate=90) for each in rows.full_rows()]
        labels = [text for text in self.drawn(*measured).iter(f"{SVG}text") if text.get("text-anchor") == "end"]
        self.assertEqual(len(labels), len(measured))
        for label in labels:
            self.assertLessEqual(6.8 * len(label.text), plot.LABELS_WIDTH + plot.MARGIN, label.text)


class WrkTest(unittest.TestCase):
    said = """Running 1s test @ http://127.0.0.1:4711/
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.17ms    1.02ms   9.22ms   75.39%
  15771 requests in 1.01s, 2.47MB read
Requests/sec:  15644.62
"""

    def test_its_summary_is_read(self):
        self.assertEqual(wrk.figures(self.said), {"messages": 15771, "seconds": 1.01})
        self.assertAlmostEqual(wrk.figures(self.said.replace("1.01s", "1.50m"))["seconds"], 90)

    def test_answers_that_were_none_are_a_failure(self):
        for complaint in ("  Socket errors: connect 0, read 3, write 0, timeout 0", "  Non-2xx or 3xx responses: 12"):
            with self.assertRaisesRegex(Failure, complaint.strip()[:10]):
                wrk.figures(self.said.replace("Requests/sec", f"{complaint}\nRequests/sec"))

    def test_what_is_no_summary_is_a_failure(self):
        with self.assertRaisesRegex(Failure, "no number of requests"):
            wrk.figures("unable to connect")

    def test_it_counts_in_whole_seconds(self):
        for seconds, told in ((0.25, "1s"), (1.0, "1s"), (2.6, "3s")):
            self.assertIn(told, wrk.arguments(50, seconds, "http://127.0.0.1:4711/"))

    def test_processor_time_is_that_of_all_threads_and_of_children_that_ended(self):
        working = ("import threading\n"
                   "has_worked = threading.Event()\n"
                   "def work():\n"
                   "    sum(range(2_000_000))\n"
                   "    has_worked.set()\n"
                   "    threading.Event().wait()\n"
                   "threading.Thread(target=work, daemon=True).start()\n"
                   "has_worked.wait()\n"
                   "print(flush=True)\n"
                   "input()\n")
        begun = children_nanoseconds()
        with subprocess.Popen([sys.executable, "-c", working], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            main_thread = int(pathlib.Path(f"/proc/{child.pid}/schedstat").read_text(encoding="ascii").split()[0])
            self.assertGreater(wrk.processor_nanoseconds(child.pid), main_thread)
            child.communicate(b"\n")
        self.assertGreater(children_nanoseconds(), begun)


class InterpreterTest(unittest.TestCase):
    def test_it_says_which_it_is_and_what_it_can_import(self):
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-test-") as folder:
            package = pathlib.Path(folder, "tidegate")
            package.mkdir()
            (package / "__init__.py").write_text("", encoding="utf-8")
            (pathlib.Path(folder) / "uvloop.py").write_text("raise OSError('not for this Python')", encoding="utf-8")
            found = interpreter.Interpreter(sys.executable, pathlib.Path(folder))
            self.assertTrue(found.has("tidegate"))
            self.assertTrue(found.has(""))
            self.assertFalse(found.has("uvloop"))
            self.assertEqual(found.why_not("uvloop"), "uvloop (OSError: not for this Python)")
            self.assertEqual(found.versions()["Python"], ".".join(map(str, sys.version_info[:3])))
            self.assertNotIn("uvloop", found.versions())
            self.assertEqual(json.loads(json.dumps(found.versions())), found.versions())
            self.assertEqual(list(package.iterdir()), [package / "__init__.py"])  # nothing is left behind

    def test_what_python_says_of_a_failure_is_told_without_the_places_of_this_machine(self):
        for said, told in (('File "/home/me/.venv/lib/tidegate/_loop.py", line 4', 'File "_loop.py", line 4'),
                           ("ImportError: /opt/x/_native.so: undefined symbol", "ImportError: _native.so: undefined symbol"),
                           ("GET http://127.0.0.1:4711/ took 3 B/s, 1/2", "GET http://127.0.0.1:4711/ took 3 B/s, 1/2"),
                           ("No module named 'uvloop'", "No module named 'uvloop'")):
            self.assertEqual(interpreter.without_folders(said), told)

    def test_what_is_no_interpreter_is_a_failure_that_says_so(self):
        with self.assertRaisesRegex(Failure, "could not say what it is"):
            interpreter.Interpreter("true")
