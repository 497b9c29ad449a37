"""`tidegate relay`: how it ends. Half-closes, exit statuses, ends that are refused or lost, signals."""

import errno
import os
import signal
import socket
import struct
import time

from relay_peers import SocketEnd, connect, relay
from support import MEBIBYTE, PATIENCE_SECONDS, check, check_equal, echo, receive_all, send_until_stuck, wait_until

REFUSED = os.strerror(errno.ECONNREFUSED)


def a_port_where_nobody_listens():
    """Bound and not listening, so that nobody else gets it meanwhile."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock, "tcp://127.0.0.1:%d" % sock.getsockname()[1]


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return [int(child) for child in children.read().split()]


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- Half-closes -------------------------------------------------------------------------------------------


def check_half_close(context, first, second):
    """The first end of file arrives alone; the other way goes on until the second."""
    first.sendall(b"last words")
    first.shutdown(socket.SHUT_WR)
    check_equal(receive_all(second), b"last words", "before the end of file")
    for number in range(3):
        second.sendall(b"answer %d" % number)
        check_equal(first.recv(100), b"answer %d" % number, "after the end of file")
    second.shutdown(socket.SHUT_WR)
    check_equal(receive_all(first), b"", "the other end of file")


def test_an_end_of_file_is_passed_on_and_the_other_way_goes_on(context):
    for from_first in (True, False):
        to = SocketEnd(context, "tcp", listens=False)
        with relay(context, "listen+tcp://127.0.0.1:0", to.url) as running:
            client = connect(running.listens_at())
            to.meet(running)
            with client:
                check_half_close(context, *((client, to._sock) if from_first else (to._sock, client)))
            running.wait_for_log("#1 closed", "bytes out", "back")
        to.close()


def test_standard_output_ends_when_the_other_end_has_though_standard_input_goes_on(context):
    to = SocketEnd(context, "tcp", listens=False)
    with relay(context, "-", to.url) as running:
        to.meet(running)
        to._sock.sendall(b"bye")
        to._sock.shutdown(socket.SHUT_WR)
        check_equal(running.process.stdout.read(), b"bye", "standard output")
        check(running.process.poll() is None, "it ended, though there could be input")
        running.process.stdin.write(b"still here")
        running.process.stdin.close()
        check_equal(receive_all(to._sock), b"still here", "what came later")
        running.check_exit(0)
    to.close()


# --- Exit statuses -----------------------------------------------------------------------------------------


def test_the_status_of_a_command_is_that_of_the_relay(context):
    for command, status in (("cat", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143),
                            ("no-such-command-anywhere", 127), ("cat; exit 3", 3)):
        with relay(context, "-", f"exec:{command}") as running:
            running.process.stdin.close()
            running.check_exit(status)


def test_of_two_commands_the_first_status_that_is_not_0_counts(context):
    for first, second, status in (("exit 3", "cat", 3), ("true", "cat > /dev/null; exit 4", 4), ("exit 5", "cat; exit 6", 6)):
        with relay(context, f"exec:{first}", f"exec:{second}") as running:
            running.check_exit(status)


def test_what_a_command_wrote_before_its_end_is_not_lost(context):
    with relay(context, "-", "exec:head -c 1000000 /dev/zero; exit 9") as running:
        check_equal(len(running.process.stdout.read()), 1_000_000, "bytes")
        running.process.stdin.close()
        running.check_exit(9)


def test_a_command_that_reads_nothing_is_no_error(context):
    with relay(context, "-", "exec:exec <&-; echo done") as running:
        check_equal(running.process.stdout.readline(), b"done\n", "its output")
        running.check_exit(0)


def test_a_status_is_a_line_of_the_log_where_the_relay_listens(context):
    with relay(context, "listen+tcp://127.0.0.1:0", "exec:exit 7") as running:
        with connect(running.listens_at()) as client:
            check_equal(receive_all(client), b"", "bytes")
        running.wait_for_log("#1 closed", "exit status 7")
        running.process.send_signal(signal.SIGTERM)
        running.check_exit(0)


# --- Refused, and lost -------------------------------------------------------------------------------------


def test_a_to_that_is_refused_ends_the_relay_with_1_and_leaves_its_input_to_others(context):
    taken, url = a_port_where_nobody_listens()
    read_end, write_end = os.pipe()
    os.write(write_end, b"unread")
    with taken, relay(context, "-", url, stdin=read_end) as running:
        running.check_exit(1)
        running.check_said("tidegate: ", url, REFUSED)
    check_equal(os.read(read_end, 100), b"unread", "what is left in the pipe")
    os.close(read_end)
    os.close(write_end)


def test_a_from_that_is_refused_ends_the_relay_with_1(context):
    taken, url = a_port_where_nobody_listens()
    with taken, relay(context, url, "exec:cat") as running:
        running.check_exit(1)
        running.check_said("tidegate: ", url, REFUSED)


def test_a_connection_whose_to_is_refused_is_closed_and_the_next_one_gets_its_chance(context):
    path = context.path()
    with relay(context, "listen+tcp://127.0.0.1:0", f"unix://{path}") as running:
        url = running.listens_at()
        with connect(url) as client:
            check_equal(receive_all(client), b"", "bytes")
        running.wait_for_log("#1 closed", f"cannot open unix://{path}", os.strerror(errno.ENOENT))
        with echo(context, f"unix://{path}"), connect(url) as client:
            client.sendall(b"hello")
            check_equal(client.recv(100), b"hello", "echo")


def test_udp_that_is_refused_ends_the_relay_with_1(context):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.connect(("127.0.0.1", 1))  # so that it gets nothing of ours, and the kernel refuses it
        url = "udp://127.0.0.1:%d" % taken.getsockname()[1]
        with relay(context, "-", url) as running:
            running.process.stdin.write(b"anybody?")
            running.process.stdin.flush()
            running.check_exit(1)
            running.check_said(url, REFUSED)


def test_a_reset_of_one_end_lets_the_other_have_what_was_read_and_exits_1(context):
    source, sink = (SocketEnd(context, "tcp", listens=False) for _ in range(2))
    with relay(context, source.url, sink.url) as running:
        source.meet(running)
        sink.meet(running)
        source._sock.sendall(b"so far")
        check_equal(sink._sock.recv(100), b"so far", "bytes")
        reset(source._sock)
        check_equal(receive_all(sink._sock), b"", "after the reset")
        running.check_exit(1)
        running.check_said("tidegate: ", source.url, os.strerror(errno.ECONNRESET))


def test_a_client_that_resets_is_a_line_of_the_log_and_disturbs_nobody(context):
    with echo(context, "tcp://127.0.0.1:0") as server, relay(context, "listen+tcp://127.0.0.1:0",
                                                             server.urls[0]) as running:
        url = running.listens_at()
        with connect(url) as patient:
            rude = connect(url)
            name = "%s:%d" % rude.getsockname()
            rude.sendall(b"x")
            check_equal(rude.recv(1), b"x", "echo")
            reset(rude)
            running.wait_for_log("#2 closed", f": {name}: ", os.strerror(errno.ECONNRESET))
            patient.sendall(b"hello")
            check_equal(patient.recv(100), b"hello", "echo")


def test_a_relay_that_waits_for_the_reader_of_a_fifo_can_be_stopped(context):
    path = context.path()
    os.mkfifo(path)  # which nobody reads: the relay waits for somebody
    with relay(context, "listen+tcp://127.0.0.1:0", f"fifo://{path}") as running:
        client = connect(running.listens_at())
        running.wait_for_log("#1 opened")
        running.process.send_signal(signal.SIGTERM)
        check_equal(receive_all(client), b"", "bytes")
        client.close()
        running.check_exit(0)


def test_an_end_that_takes_nothing_while_its_answers_are_not_read_gets_what_was_read_all_the_same(context):
    """An echo server that is paused by its own answers, whose reader has gone: neither must wait for the other."""
    source = SocketEnd(context, "unix", listens=False)
    with echo(context, f"unix://{context.path()}") as server, relay(context, source.url, server.urls[0]) as running:
        source.meet(running)
        send_until_stuck(source._sock, bytes(64 * MEBIBYTE))
        source._sock.close()
        running.check_exit(1)
        running.check_said(source.url)
    source.close()


# --- Signals -----------------------------------------------------------------------------------------------


def test_who_is_still_sending_gets_all_that_a_command_that_has_ended_wrote(context):
    size = 3_000_000  # more than the two kernels hold
    with relay(context, "listen+tcp://127.0.0.1:0", f"exec:exec <&-; head -c {size} /dev/zero") as running:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            client.settimeout(PATIENCE_SECONDS)
            host, port = running.listens_at().removeprefix("tcp://").rsplit(":", 1)
            client.connect((host, int(port)))
            received = 0
            while received < size:
                client.sendall(b"nobody reads this")
                piece = client.recv(8192)
                check(piece, f"the end after {received} bytes of {size}")
                received += len(piece)
        running.wait_for_log("#1 closed")


def test_sigint_ends_a_single_relay_with_130_and_its_command_with_it(context):
    for command in ("sleep 1000", "trap '' TERM; while :; do sleep 0.1; done"):
        with relay(context, "-", f"exec:{command}") as running:
            wait_until(lambda: children_of(running.process.pid), "the command")
            child = children_of(running.process.pid)[0]
            time.sleep(0.1)  # the shell sets its trap: nobody can see when
            running.process.send_signal(signal.SIGINT)
            running.check_exit(130)
            check(not is_running(child), f"process {child} outlived the relay")


def test_a_second_signal_kills_all_that_a_command_has_started(context):
    with relay(context, "-", "exec:trap '' TERM; sleep 1000 & echo $!; wait") as running:
        started = int(running.process.stdout.readline())
        running.process.send_signal(signal.SIGTERM)
        check_equal(running.process.stdout.read(), b"", "standard output, which ends at the first one")
        check(is_running(started), f"process {started} has ended, though it ignores SIGTERM")
        running.process.send_signal(signal.SIGTERM)
        running.check_exit(130)
        wait_until(lambda: not is_running(started), f"process {started} to be killed")


def test_quiet_logs_no_connections(context):
    with relay(context, "listen+tcp://127.0.0.1:0", "exec:exit 7", "--quiet") as running:
        with connect(running.listens_at()) as client:
            check_equal(receive_all(client), b"", "bytes")
        running.process.send_signal(signal.SIGTERM)
        running.check_exit(0)
        check_equal(running.log, [], "the log")


def test_sigterm_sends_what_was_read_closes_and_exits_0_where_the_relay_listens(context):
    to = SocketEnd(context, "tcp", listens=False)
    with relay(context, "listen+tcp://127.0.0.1:0", to.url) as running:
        url = running.listens_at()
        client = connect(url)
        to.meet(running)
        client.sendall(b"so far")
        check_equal(to._sock.recv(100), b"so far", "bytes")
        running.process.send_signal(signal.SIGTERM)
        check_equal(receive_all(to._sock), b"", "TO")
        check_equal(receive_all(client), b"", "FROM")
        running.check_exit(0)
        client.close()
    to.close()


def test_no_zombie_is_left_behind(context):
    with relay(context, "listen+tcp://127.0.0.1:0", "exec:cat") as running:
        url = running.listens_at()
        for number in range(1, 6):
            with connect(url) as client:
                client.sendall(b"meow")
                client.shutdown(socket.SHUT_WR)
                check_equal(receive_all(client), b"meow", "cat")
            running.wait_for_log(f"#{number} closed")
        check_equal(children_of(running.process.pid), [], "children")


def test_a_socket_file_is_removed_at_the_end_and_a_stale_one_replaced(context):
    path = context.path()
    for number in range(2):
        with relay(context, f"listen+unix://{path}", "exec:cat") as running:
            check_equal(running.listens_at(), f"unix://{path}", "URL")
            with connect(f"unix://{path}") as client:
                client.sendall(b"meow")
                check_equal(client.recv(100), b"meow", "cat")
            if number == 0:
                running.process.kill()  # and leaves the file
                running.exit_code()
                check(os.path.exists(path), "the file is gone")
            else:
                running.process.send_signal(signal.SIGTERM)
                running.check_exit(0)
                check(not os.path.exists(path), "the file is still there")


def test_a_place_that_is_taken_is_named(context):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = "tcp://127.0.0.1:%d" % taken.getsockname()[1]
        with relay(context, f"listen+{url}", "exec:cat") as running:
            running.check_exit(1)
            running.check_said("cannot listen", url, os.strerror(errno.EADDRINUSE))
