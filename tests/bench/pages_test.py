"""The report and the picture: what they say about runs whose outcome is known."""

import json
import re
import unittest
import xml.etree.ElementTree

import samples
from runner import contestants, plot, report, results, targets, words

SVG = "{http://www.w3.org/2000/svg}"


def line_with(text, part):
    found = [line for line in text.splitlines() if part in line]
    assert found, f"no line with {part!r} in:\n{text}"
    return found[0]


class ReportTest(unittest.TestCase):
    def test_names_met_and_missed_targets(self):
        page = report.write(samples.outcome(
            samples.echo("echo-tcp-1x64x1", ours=(99, 99, 99)),
            samples.row("in-tcp", {"epoll": (100,) * 3, "epoll_again": (100,) * 3, "tidegate": (70,) * 3})))
        self.assertRegex(line_with(page, "| Echo: CPU per message, against bare epoll"),
                         r"at most 1\.03 .* 0\.99 \(echo-tcp-1x64x1\) .*\| met ")
        self.assertRegex(line_with(page, "| One-way in"),
                         r"at most 0\.65 .* 0\.70 \(in-tcp\) .*\| \*\*missed\*\*")
        self.assertRegex(line_with(page, "| Spinning"), r"\*\*not measured\*\*")
        self.assertIn(f"1 met, 1 missed and {len(targets.TARGETS) - 2} not measured", " ".join(page.split()))

    def test_lists_rows_that_are_not_plainly_met(self):
        page = report.write(samples.outcome(
            samples.echo("echo-tcp-1x64x1", ours=(120,) * 3),
            samples.echo("echo-unix-1x64x1", ours=(105,) * 3, again=(95, 95, 105))))
        listed = page[page.index("Where a target is not plainly met"):]
        self.assertRegex(line_with(listed, "echo-tcp-1x64x1"), r"1\.20 .* missed")
        self.assertRegex(line_with(listed, "echo-unix-1x64x1"), r"1\.05 .* 0\.05 .* met within noise")

    def test_reasons_are_given_where_a_target_is_not_plainly_met_and_nowhere_else(self):
        row = samples.row("in-tcp", {"epoll": (100,) * 3, "epoll_again": (100,) * 3, "tidegate": (70,) * 3})
        page = report.write(samples.outcome(row))
        self.assertRegex(page, r"What we know of the reasons:\n\n\*\*One-way in, [^*]*\.\*\* \w+")
        self.assertNotIn("**Echo: CPU per message", page)
        self.assertNotIn("What we know", report.write(samples.outcome(samples.echo())))

    def test_a_target_that_is_missed_for_no_known_reason_has_none(self):
        row = samples.row("framed-tcp", {"epoll": (100,) * 3, "tidegate_uring": (150,) * 3})
        page = report.write(samples.outcome(row))
        self.assertRegex(line_with(page, "| On io_uring, sixteen writes"), r"\*\*missed\*\*")
        self.assertNotIn("What we know", page)

    def test_a_target_that_is_missed_everywhere_does_not_fill_the_page(self):
        missed = [samples.echo(f"echo-{transport}-{connections}x64x{pipeline}", ours=(200 + connections,) * 3)
                  for transport in ("tcp", "unix") for connections in (1, 50, 500) for pipeline in (1, 16)]
        page = report.write(samples.outcome(*missed))
        self.assertEqual(page.count("| missed "), 8)
        self.assertIn("| and 4 more, in the JSON |", page)
        self.assertNotIn("2.01", page[page.index("Where a target"):page.index("performance.svg")])

    def test_the_reference_is_absolute_and_the_others_are_ratios(self):
        page = report.write(samples.outcome(samples.echo(ours=(1500,) * 3, libuv=(50,) * 3)))
        cells = [cell.strip() for cell in line_with(page, "| 50 connections, 1 KiB").split("|")]
        self.assertEqual(cells[2:-1], ["100 ns", "1.00", "0.50", "**15.00**"])

    def test_datagrams_are_ratios_to_their_own_reference(self):
        row = samples.row("udp-1x512x64", {"mmsg": (2000,) * 3, "mmsg_again": (2020,) * 3,
                                           "tidegate": (1800,) * 3, "libuv": (3000,) * 3})
        cells = line_with(report.write(samples.outcome(row)), "| 1 peer, 512 B, 64 in flight").split("|")
        self.assertEqual([cell.strip() for cell in cells[2:-1]], ["2.00 µs", "1.01", "1.50", "**0.90**"])

    def test_losses_are_told_with_who_and_where_and_how_many_at_worst(self):
        lossless = samples.row("udp-1x512x64", {"mmsg": (0, 0, 0), "libuv": (0, 0, 0)}, metric="lost")
        lossy = samples.row("udp-50x1400x4", {"mmsg": (0, 0, 0), "libuv": (0, 0.25, 0)}, metric="lost")
        self.assertIn("No datagram was lost.", report.write(samples.outcome(lossless)))
        self.assertIn("Datagrams were lost by libuv in udp-50x1400x4 (up to 25.0 %).",
                      report.write(samples.outcome(lossless, lossy)))

    def test_the_memory_of_relays_is_absolute(self):
        row = samples.row("relay-tcp", {"socat": (4096,) * 3, "socat_again": (4096,) * 3,
                                        "tidegate": (200_000,) * 3}, metric="grown_bytes")
        page = report.write(samples.outcome(row))
        self.assertRegex(page, r"\| socat +\| +4,096 B \|\n\| \*\*Tidegate\*\* +\| +200,000 B \|")

    def test_a_throughput_of_the_load_generator_is_marked(self):
        row = samples.row("echo-tcp-50x1024x1", {"epoll": (10, 10), "tidegate": (11, 11)}, metric="rate",
                          load_bound=["tidegate"])
        self.assertIn("**1.10†**", report.write(samples.outcome(row)))

    def test_failures_are_named_with_what_happened(self):
        failure = {"contestant": "libuv", "round": 2, "what": "echo_libuv was ended by SIGSEGV: a | b"}
        page = report.write(samples.outcome({**samples.echo(), "failures": [failure]}))
        self.assertRegex(line_with(page, "SIGSEGV"), r"echo-tcp-50x1024x1 +\| libuv +\| 2 +\| .* a \\\| b")

    def test_what_was_not_built_is_said(self):
        page = report.write(samples.outcome(samples.echo(), missing={"asio": ["echo_asio", "loop_asio"]}))
        self.assertIn("left out, as a whole or in part: Asio (`echo_asio`, `loop_asio`).", page)

    def test_a_busy_machine_a_shared_core_and_a_quick_run_are_admitted(self):
        plain = report.write(samples.outcome(samples.echo()))
        for changed, expected in (({"quiet": {"others_fraction": 0.3}}, "kept 30.0 % of a core busy"),
                                  ({"quiet": {"stolen_fraction": 0.2}}, "20.0 % of this machine's time"),
                                  ({"settings": {"cores_are_shared": True}}, "This machine has one core"),
                                  ({"settings": {"quick": True}}, "This is the quick run")):
            self.assertNotIn(expected, plain)
            self.assertIn(expected, report.write(samples.outcome(samples.echo(), **changed)))

    def test_every_table_is_rectangular(self):
        page = report.write(samples.outcome(samples.echo(),
                                            samples.row("idle", {"tidegate": (5,)}, "rss_bytes")))
        for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
            widths = {len(line) for line in table.splitlines()}
            self.assertEqual(len(widths), 1, table)


class BackendsTest(unittest.TestCase):
    def page(self, *ratios, again=(100, 100, 100)):
        """A row for each ratio of io_uring to epoll, in percent."""
        names = ["echo-tcp-50x64x1", "echo-tcp-500x1024x16", "echo-unix-1x64x1", "storm-tcp"]
        measured = [samples.row(name, {"epoll": (50,) * 3, "epoll_again": [each / 2 for each in again],
                                       "tidegate": (100,) * 3, "tidegate_uring": (ratio,) * 3})
                    for name, ratio in zip(names, ratios)]
        return " ".join(report.write(samples.outcome(*measured)).split())

    def test_a_line_is_the_median_of_its_rows_from_least_to_most(self):
        page = self.page(80, 100, 110, 90)
        self.assertRegex(page, r"Echo, TCP, 50 and 500 connections, up to 1 KiB \| +2 "
                               r"\| +0\.90 \| 0\.80 \.\. 1\.00 \| +1 \| +0 \|")
        self.assertRegex(page, r"Connect storm \| +1 \| +0\.90 \| 0\.90 \.\. 0\.90 \| +1 \| +0 \|")
        self.assertRegex(page, r"All of them \| +4 \| +0\.95 \| 0\.80 \.\. 1\.10 \| +2 \| +1 \|")

    def test_the_answer_follows_from_what_differs_beyond_the_noise(self):
        for ratios, answer in (((80, 110), "neither for every load"), ((80, 100), "io_uring: where"),
                               ((100, 110), "epoll: where"), ((100, 100), "no row tells the two apart")):
            self.assertIn(f"By CPU alone: **{answer}", self.page(*ratios))
        self.assertIn("no row tells the two apart", self.page(96, 104, again=(95, 95, 105)))
        self.assertIn("Of 4 rows, io_uring is cheaper in 2, dearer in 1, and no different beyond the noise "
                      "in 1.", self.page(80, 100, 110, 90))

    def test_where_only_one_of_them_was_measured_there_is_no_such_chapter(self):
        self.assertNotIn("io_uring or epoll?", report.write(samples.outcome(samples.echo())))


class WordsTest(unittest.TestCase):
    def test_durations_have_the_unit_that_fits(self):
        self.assertEqual([words.duration(value) for value in (8.456, 845.6, 8456, 84_560, 8_456_000, 2.5e9)],
                         ["8.46 ns", "846 ns", "8.46 µs", "84.6 µs", "8.46 ms", "2.50 s"])

    def test_lists_read_as_in_a_sentence(self):
        self.assertEqual([words.listed(["a", "b", "c"][:count]) for count in range(4)],
                         ["", "a", "a and b", "a, b and c"])


class PlotTest(unittest.TestCase):
    def drawn(self, *rows):
        return xml.etree.ElementTree.fromstring(plot.write(samples.outcome(*rows)))

    def dots(self, picture, colour):
        return [float(circle.get("cx")) for circle in picture.iter(f"{SVG}circle")
                if circle.get("fill") == colour][1:]  # the first is the legend's

    def test_less_cpu_lies_left_of_one_and_as_far_as_more_lies_right(self):
        picture = self.drawn(samples.echo("echo-tcp-1x64x1", ours=(80,) * 3),
                             samples.echo("echo-tcp-50x64x1", ours=(125,) * 3))
        left, right = self.dots(picture, plot.OUR_COLOUR)
        self.assertLess(left, plot.x_of(1.0))
        self.assertAlmostEqual(plot.x_of(1.0) - left, right - plot.x_of(1.0), delta=0.2)

    def test_what_is_beyond_the_end_is_a_triangle_with_its_figure_behind_nearer_ones(self):
        picture = self.drawn(samples.echo(ours=(500,) * 3, libuv=(900,) * 3, asio=(300,) * 3))
        self.assertEqual(self.dots(picture, plot.OUR_COLOUR), [])
        places = {path.find(f"{SVG}title").text: float(path.get("d").split()[0][1:])
                  for path in picture.iter(f"{SVG}path")}
        self.assertLess(plot.PLOT_RIGHT, places["3.00"])
        self.assertLess(places["3.00"], places["5.00"])
        self.assertLess(places["5.00"], places["9.00"])
        self.assertLess(places["9.00"], plot.WIDTH)

    def test_everything_lies_on_the_page_and_rows_do_not_overlap(self):
        picture = self.drawn(*(samples.echo(name) for name in ("echo-tcp-1x64x1", "echo-tcp-50x64x1",
                                                               "echo-unix-500x131072x16")))
        width, height = float(picture.get("width")), float(picture.get("height"))
        texts = [(float(text.get("x")), float(text.get("y"))) for text in picture.iter(f"{SVG}text")]
        for x, y in texts:
            self.assertTrue(0 < x < width and 0 < y < height, (x, y))
        labels = sorted(float(text.get("y")) for text in picture.iter(f"{SVG}text")
                        if text.get("text-anchor") == "end")
        self.assertEqual(len(labels), 3)
        self.assertTrue(all(below - above >= plot.LINE_HEIGHT for above, below in zip(labels, labels[1:])))

    def test_with_everybody_the_legend_fits_and_no_two_have_the_same_colour(self):
        everybody = {each.name: (100,) * 3 for each in contestants.CONTESTANTS
                     if each.server and not each.only_in}
        picture = self.drawn(samples.row("echo-tcp-50x64x1", everybody))
        titles = {each.title for each in contestants.CONTESTANTS}
        shown = [text for text in picture.iter(f"{SVG}text") if text.text in titles]
        self.assertEqual(len(shown), len(everybody) - 2)  # bare epoll is what is divided by
        for text in shown:
            self.assertLess(float(text.get("x")) + 6.8 * len(text.text), plot.WIDTH)
        circles = [circle.get("fill") for circle in picture.iter(f"{SVG}circle")]
        self.assertEqual({circles.count(colour) for colour in circles}, {2})  # in the legend, and in the row
        top = min(float(text.get("y")) for text in picture.iter(f"{SVG}text") if text.get("class") == "group")
        self.assertTrue(all(float(text.get("y")) < top for text in shown))

    def test_the_noise_of_a_row_is_a_band_around_one(self):
        picture = self.drawn(samples.echo(again=(90, 110, 110)))
        band = [each for each in picture.iter(f"{SVG}rect") if each.get("class") == "noise"][0]
        self.assertAlmostEqual(float(band.get("x")) + float(band.get("width")), plot.x_of(1.1), delta=0.2)


class LayoutTest(unittest.TestCase):
    def test_the_json_is_json_and_each_run_is_one_line(self):
        outcome = samples.outcome(samples.echo(ours=(100 / 3,) * 3))
        text = results.layout(outcome)
        self.assertEqual(json.loads(text), outcome)
        self.assertEqual(results.rounded(outcome), outcome)
        self.assertEqual(sum('"figures"' in line for line in text.splitlines()), 9)
