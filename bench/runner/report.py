"""docs/performance.md: every figure in it comes from the JSON, every sentence from here."""

from . import report_backends, report_tables, report_targets, targets, words

BUSY = 0.05  # of a core, by other programs
STOLEN = 0.01  # of all cores, by the host of a virtual machine


def write(results):
    lines = [
        "# Performance", "",
        *opening(results),
        *warnings(results), *left_out(results),
        *report_targets.chapter(results, targets.TARGETS),
        *picture(),
        *reading(),
        *report_backends.chapter(results),
        *report_tables.chapters(results),
        *failures(results),
        *method(results),
        *machine(results),
        *again(),
    ]
    return "\n".join(lines).rstrip() + "\n"


def opening(results):
    quick = results["settings"]["quick"]
    command = "make bench-quick" if quick else "make bench"
    return words.paragraph(f"""What a message costs a server that stands on Tidegate, compared with the
        same server on bare epoll, bare io_uring, libuv, Asio and libevent; what it costs with TLS; what a
        datagram costs, and a child process, a file, and a byte through `tidegate relay`. `{command}` measured this, and
        wrote this page: every figure in it comes from [performance.json](performance.json), where every
        single run can be read.""") + (
        words.paragraph("""This is the quick run: few rows, few rounds, short windows. It shows that
            everything works and roughly where things stand; it decides nothing.""") if quick else [])


def warnings(results):
    quiet, settings = results["quiet"], results["settings"]
    lines = []
    if quiet["others_fraction"] > BUSY:
        lines += words.paragraph(f"""**Other programs kept {words.percent(quiet['others_fraction'])} of a core
            busy meanwhile: take no figure of time here for true.**""")
    if quiet["stolen_fraction"] > STOLEN:
        lines += words.paragraph(f"""**The host gave {words.percent(quiet['stolen_fraction'])} of this
            machine's time to others meanwhile: expect noise.**""")
    if settings["cores_are_shared"]:
        lines += words.paragraph("""**This machine has one core: server and load generator took turns on
            it, so throughput says little, and CPU per message includes cold caches.**""")
    elif settings["cores_are_siblings"]:
        lines += words.paragraph("""Server and load generator ran on two threads of one physical core:
            this machine has no second one.""")
    return lines


def left_out(results):
    if not results["missing"]:
        return []
    programs = words.listed(f"{results['contestants'][name]} (`{'`, `'.join(lacking)}`)"
                            for name, lacking in results["missing"].items())
    return words.paragraph(f"Not built here, and so left out, as a whole or in part: {programs}.")


def picture():
    return ["![Server CPU per message, relative to bare epoll, of every contestant](performance.svg)", ""]


def reading():
    return ["## How to read it", "", *words.paragraph("""Ratios are against bare epoll, a server of some
        hundred lines of C that does nothing but this. It is the same program in every row, in the same
        round, seconds apart on the same core, so a ratio says much more than any absolute figure, which
        also measures this machine. **CPU** is what the server's process used, kernel included, divided by
        the messages that it served: less is better, and it does not depend on the speed of the load
        generator."""), *words.paragraph(""""Bare
        epoll again" is bare epoll a second time in each round: how far that column is from 1.00 is what
        chance does in that row, and no difference smaller than that means anything. "Bare epoll, tuned"
        is the fastest that we know how to write by hand, with a larger buffer than most would choose.
        "Tidegate" stands on epoll, "Tidegate, io_uring" is the same server on its other backend."""), *words.paragraph("""Datagrams, children, the relay, TLS and files
        have references of their own: the first column of each table, with its twin beside it.""")]


# --- What went wrong ---------------------------------------------------------------------------------------


def failures(results):
    found = [[row["name"], results["contestants"][failure["contestant"]], str(failure["round"]),
              failure["what"].replace("|", "\\|")]
             for row in results["rows"] for failure in row["failures"]]
    if not found:
        return []
    return ["## Failures", "", *words.paragraph("""Who failed in a row was left out of the rest of it;
        what it had done before is counted."""),
            *words.text_table(["Row", "Contestant", "Round", "What happened"], found)]


# --- How and where -----------------------------------------------------------------------------------------


def method(results):
    settings = results["settings"]
    shared = settings["cores_are_shared"]
    place = "on one core, for want of a second" if shared else "pinned to different cores"
    rounds = f"{settings['rounds']} rounds" if settings["rounds"] > 1 else "1 round"
    return ["## Method", "", *words.paragraph(f"""Server and load generator are processes of one thread
        each, {place}, over loopback or a Unix socket. Each row has {rounds}; in each
        round every contestant runs once, in an order that is shuffled anew (seed {settings['seed']}),
        with a fresh server process. Memory and timers take fewer rounds, instructions are counted once.
        The load generator connects everything, warms up for {settings['warmup_seconds']:g} s and then
        measures a window of {settings['window_seconds']:g} s: at both ends it reads the server's CPU time
        from the kernel's scheduler, in nanoseconds. It keeps a fixed number of messages in flight on each
        connection (with sixteen, it sends the sixteen at once and waits for all answers), and compares
        every byte that comes back. Of datagrams it keeps as many in flight at any time. Children that only start
        and end, and the programs that start them, run on either core. Between load and relay, and behind it, are TCP
        connections; who discards at the end shares the load generator's core. With TLS, everybody uses the same
        OpenSSL, the same cipher, the same kind of key and one certificate, made for the run; the load generator
        checks it, and speaks TLS as the bare server from memory does."""),
            *words.paragraph("""A ratio is computed within one round; what is reported is the median of the
            ratios. The noise is the median distance from 1 of the reference's ratio to itself. All servers set
            TCP_NODELAY, log nothing and are built with the same compiler and flags. Each library's is
            written as its own documentation would write it; libuv's has a second form, at its best: with
            uv_try_write and one buffer for all reads. Bare io_uring receives with one request per
            connection into buffers that the kernel picks; tuned, it is only told when there is something,
            and then receives and answers at once, in one buffer for all.""")]


def machine(results):
    machine_, processor = results["machine"], results["machine"]["processor"]
    kind = ", a virtual machine" if processor["is_virtual"] else ""
    lines = [
        ["processor", f"{processor['model']}, {processor['cores']} cores{kind}"],
        ["kernel", machine_["kernel"]],
        ["compiler", f"{machine_['compiler']['version']}, `{machine_['compiler']['flags']}`"],
        *([name, version] for name, version in machine_["libraries"].items()),
        ["Tidegate", f"commit {machine_['commit']}"],
        ["measured", f"{results['settings']['date']}, within {results['settings']['minutes']:.0f} minutes"],
    ]
    return ["## Machine", "", *words.text_table(["", ""], lines)]


def again():
    return ["## How to run it again", "",
            "```sh",
            "make bench          # everything: about 40 minutes; writes docs/performance.*",
            "make bench-quick    # a few rows: under 4 minutes; writes build/bench/performance.*",
            "bench/run --rows 'echo-tcp-50x*' --rounds 9    # some rows, closely; into build/bench as well",
            "```", "",
            *words.paragraph("Leave the machine alone meanwhile. `bench/README.md` tells what is in it.")]
