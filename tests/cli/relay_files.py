"""`tidegate relay` among files, FIFOs and other tools of the shell."""

import errno
import fcntl
import os
import pty
import shutil
import signal
import socket
import struct
import subprocess
import termios
import tty

from relay_peers import SocketEnd, relay
from support import MEBIBYTE, PATIENCE_SECONDS, check, check_equal, echo, has_io_uring, run, wait_until


def write_file(context, data):
    path = context.path()
    write_file_to(path, data)
    return path


def write_file_to(path, data):
    with open(path, "wb") as file:
        file.write(data)


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def shell(context, command, backend="epoll", **how):
    """`command` with $RELAY as the command under test; bash, for PIPESTATUS."""
    return subprocess.run(["bash", "-c", command], capture_output=True, timeout=2 * PATIENCE_SECONDS,
                          env={**os.environ, "RELAY": f"{context.program} relay", "TIDEGATE_BACKEND": backend}, **how)


def backends(context):
    return ["epoll", "io_uring"] if has_io_uring(context) else ["epoll"]


# --- Redirections ------------------------------------------------------------------------------------------


def test_files_at_both_standard_streams_are_read_and_written_whole(context):
    data = os.urandom(8 * MEBIBYTE + 13)
    source, sink = write_file(context, data), context.path()
    for backend in backends(context):
        with echo(context, "tcp://127.0.0.1:0") as server:
            result = shell(context, f"$RELAY - {server.urls[0]} < {source} > {sink}", backend)
            check_equal((result.returncode, result.stderr), (0, b""), "result")
            check(read_file(sink) == data, f"{os.path.getsize(sink)} of {len(data)} bytes, or other ones")


def test_appending_to_a_file_keeps_what_was_there(context):
    sink = write_file(context, b"before, ")
    result = shell(context, f"echo after | $RELAY - exec:cat >> {sink}")
    check_equal((result.returncode, result.stderr, read_file(sink)), (0, b"", b"before, after\n"), "result")


def test_what_others_write_to_the_same_file_meanwhile_is_kept(context):
    gate, sink = context.path(), write_file(context, b"")
    os.mkfifo(gate)
    with open(sink, "r+b", buffering=0) as file:
        with relay(context, "-", f"exec:echo first; cat {gate}", stdin=subprocess.DEVNULL, stdout=file) as running:
            wait_until(lambda: read_file(sink) == b"first\n", "the first line")
            os.write(file.fileno(), b"from the shell\n")
            with open(gate, "wb") as opened:
                opened.write(b"last\n")
            running.check_exit(0)
        check_equal(read_file(sink), b"first\nfrom the shell\nlast\n", "the file")


def test_a_file_is_read_from_where_the_shell_has_left_it(context):
    source = write_file(context, b"first line\nsecond line\n")
    result = shell(context, f"{{ read line; $RELAY - exec:cat; }} < {source}")
    check_equal((result.returncode, result.stdout), (0, b"second line\n"), "result")


def test_devices_that_never_make_anybody_wait_are_taken_as_files(context):
    for backend in backends(context):
        result = shell(context, "$RELAY - 'exec:echo hello' < /dev/null", backend)
        check_equal((result.returncode, result.stdout, result.stderr), (0, b"hello\n", b""), "result")
        result = shell(context, "$RELAY - exec:'head -c 100000 | wc -c' < /dev/zero", backend)
        check_equal((result.returncode, result.stdout, result.stderr), (0, b"100000\n", b""), "result")
        result = shell(context, "echo hello | $RELAY - exec:cat > /dev/null", backend)
        check_equal((result.returncode, result.stderr), (0, b""), "result")


def test_a_disk_that_is_full_is_an_error(context):
    for backend in backends(context):
        result = shell(context, "$RELAY - exec:'head -c 1000000 /dev/zero' < /dev/null > /dev/full", backend)
        check_equal(result.returncode, 1, "exit code")
        check(os.strerror(errno.ENOSPC).encode() in result.stderr and b"standard output" in result.stderr,
              f"{result.stderr!r}")


def test_standard_streams_that_are_closed_are_named(context):
    for closing, name in (("<&-", b"standard input is closed"), (">&-", b"standard output is closed")):
        result = shell(context, f"$RELAY - exec:cat {closing}")
        check(result.returncode == 1 and name in result.stderr, f"{result}")
    result = shell(context, "$RELAY - exec:cat < /")
    check(result.returncode == 1 and b"standard input is a folder" in result.stderr, f"{result}")


def test_closed_standard_streams_matter_only_where_they_are_used(context):
    source = write_file(context, b"hello")
    sink = context.path()
    result = shell(context, f"$RELAY 'exec:cat {source}' 'exec:cat > {sink}' <&- >&- 2>&-")
    check_equal((result.returncode, read_file(sink)), (0, b"hello"), "result")


def test_blocking_standard_streams_are_put_back_as_found(context):
    result = shell(context, "{ $RELAY - exec:cat; cat /proc/self/fdinfo/1 >&2; } < /dev/null | cat")
    flags = int(next(line for line in result.stderr.decode().splitlines() if line.startswith("flags:")).split()[1], 8)
    check(not flags & os.O_NONBLOCK, f"standard output has stayed non-blocking: {result.stderr!r}")


def test_what_standard_streams_are_shared_with_stays_blocking_meanwhile(context):
    for backend in backends(context):
        (our_read, their_write), (their_read, our_write), (master, slave) = os.pipe(), os.pipe(), pty.openpty()
        for stdin, stdout, reads in ((their_read, their_write, our_read), (slave, slave, master)):
            with relay(context, "-", "exec:echo ready; cat", "--backend", backend, stdin=stdin, stdout=stdout) as running:
                check_equal(os.read(reads, 5), b"ready", "what says that all is open")
                check(os.get_blocking(stdin) and os.get_blocking(stdout), "others find it non-blocking")
        for number in (our_read, their_write, their_read, our_write, master, slave):
            os.close(number)


def test_who_shows_a_terminal_can_be_standard_input_and_output(context):
    """Opened anew, that would be another terminal."""
    for backend in backends(context):
        master, slave = pty.openpty()
        tty.setraw(slave)
        with relay(context, "-", "exec:cat", "--backend", backend, stdin=master, stdout=master):
            os.write(slave, b"hello")
            wait_until(lambda: unread_in(slave) == 5, "the bytes to come back")
            check_equal(os.read(slave, 5), b"hello", "bytes")
        os.close(master)
        os.close(slave)


def test_a_command_that_writes_errors_to_the_pipe_of_standard_output_waits_for_its_reader(context):
    status = context.path()
    read_end, write_end = os.pipe()
    with relay(context, "-", f"exec:seq 100000 >&2; echo $? > {status}", stdin=subprocess.DEVNULL, stdout=write_end,
               stderr=write_end) as running, os.fdopen(read_end, "rb") as said:
        os.close(write_end)
        wait_until(lambda: unread_in(read_end) > 60_000 or os.path.exists(status), "the pipe to be full")
        check_equal(len(said.read()), 588_895, "bytes")
        running.check_exit(0)
    check_equal(read_file(status), b"0\n", "status of what wrote them")


def unread_in(pipe):
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def test_a_fifo_at_standard_input_whose_writer_has_left_already_ends(context):
    for backend in backends(context):
        for data in (b"", b"hello"):
            path = context.path()
            os.mkfifo(path)
            fifo = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            write_file_to(path, data)
            os.set_blocking(fifo, True)
            with relay(context, "-", "exec:cat", "--backend", backend, stdin=fifo) as running:
                running.check_exit(0)
                check_equal(running.process.stdout.read(), data, "bytes")
            os.close(fifo)


# --- Other tools -------------------------------------------------------------------------------------------


def test_a_reader_that_has_had_enough_ends_the_relay_quietly(context):
    for backend in backends(context):
        with echo(context, "tcp://127.0.0.1:0") as server:
            result = shell(context, f"yes | $RELAY - {server.urls[0]} | head -1; echo ${{PIPESTATUS[@]}} >&2", backend)
            check_equal((result.stdout, result.stderr), (b"y\n", b"141 0 0\n"), "result")
        result = shell(context, "$RELAY - exec:yes < /dev/null | head -1; echo ${PIPESTATUS[@]} >&2", backend)
        check_equal((result.stdout, result.stderr), (b"y\n", b"141 0\n"), "the command's own end")


def test_the_same_bytes_come_out_as_of_socat(context):
    if not shutil.which("socat"):
        return
    data = os.urandom(MEBIBYTE)
    source = write_file(context, data)
    with echo(context, "tcp://127.0.0.1:0") as server:
        port = server.urls[0].rsplit(":", 1)[1]
        ours = shell(context, f"$RELAY - {server.urls[0]} < {source}")
        theirs = shell(context, f"socat -t 30 - TCP:127.0.0.1:{port} < {source}")
        check(ours.stdout == theirs.stdout == data, f"{len(ours.stdout)} bytes, and of socat {len(theirs.stdout)}")


def test_nc_talks_through_it(context):
    if not shutil.which("nc"):
        return
    data = os.urandom(MEBIBYTE)
    source = write_file(context, data)
    with echo(context, "tcp://127.0.0.1:0") as server, relay(context, "listen+tcp://127.0.0.1:0",
                                                             server.urls[0]) as running:
        port = running.listens_at().rsplit(":", 1)[1]
        result = shell(context, f"nc -N 127.0.0.1 {port} < {source}")
        check(result.stdout == data, f"{len(result.stdout)} of {len(data)} bytes, or other ones: {result.stderr!r}")


# --- FIFOs -------------------------------------------------------------------------------------------------


def test_a_fifo_waits_for_its_other_end_without_keeping_the_relay_from_ending(context):
    path = context.path()
    os.mkfifo(path)
    for places in ((f"fifo://{path}", "exec:cat"), ("exec:sleep 1000", f"fifo://{path}")):
        with relay(context, *places) as running:
            wait_until(lambda: os.path.exists(f"/proc/{running.process.pid}/fd"), "the process")
            check(running.process.poll() is None, f"it has ended: {running.log}")
            running.process.send_signal(signal.SIGTERM)
            # The signal may come before the handler is there, and then it is the ordinary one.
            check(running.exit_code() in (130, -signal.SIGTERM), f"exit {running.process.returncode}")


def test_a_fifo_that_is_written_goes_on_until_the_other_end_has_ended(context):
    path = context.path()
    os.mkfifo(path)
    source = SocketEnd(context, "tcp", listens=False)
    with relay(context, source.url, f"fifo://{path}") as running:
        source.meet(running)
        with open(path, "rb", buffering=0) as fifo:
            for number in range(3):
                source._sock.sendall(b"%d" % number)
                check_equal(fifo.read(1), b"%d" % number, "byte")
                check(running.process.poll() is None, "it has ended")
            source._sock.shutdown(socket.SHUT_WR)
            check_equal(fifo.read(), b"", "the end")
        running.check_exit(0)
    source.close()


def test_what_is_no_fifo_or_not_there_is_named(context):
    path = write_file(context, b"")
    for places in ((f"fifo://{path}", "exec:cat"), ("exec:cat", f"fifo://{path}")):
        result = run(context, "relay", *places)
        check(result.returncode == 1 and f"{path} is not a FIFO" in result.stderr, f"{result}")
    result = run(context, "relay", f"fifo://{context.path()}", "exec:cat")
    check(result.returncode == 1 and os.strerror(errno.ENOENT) in result.stderr, f"{result}")
