"""Who is compared: a program with its arguments is a contestant, and adding one is one line here."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Contestant:
    name: str  # in --contestants and in the JSON
    title: str  # in the report
    server: str = ""  # the echo server, if there is one
    loop: str = ""  # the program of timers and calls, if there is one
    datagrams: str = ""  # the echo server of datagrams, if there is one
    children: str = ""  # the program that starts children, if there is one
    relay: str = ""  # the program that joins two connections, if there is one
    tls: str = ""  # the echo server with TLS, if there is one
    file: str = ""  # the server that sends a file, if there is one
    relay_arguments: tuple[str, ...] = ()  # of the last; PORT is that of the other end
    arguments: tuple[str, ...] = ()  # of all of them
    is_library: bool = False  # somebody else's: what Tidegate wants to be ahead of
    only_in: str = ""  # the one kind of row that it takes part in; empty: every kind
    not_in: str = ""  # the one kind of row in which it would only be another contestant once more

    def program_for(self, program_kind):
        """Empty where it has none. What counts instructions takes a server."""
        return {"server": self.server, "instructions": self.server, "loop": self.loop,
                "datagrams": self.datagrams, "datagram_instructions": self.datagrams,
                "children": self.children, "relay": self.relay, "tls": self.tls,
                "tls_instructions": self.tls, "file": self.file}[program_kind]

    @property
    def programs(self):
        every = (self.server, self.loop, self.datagrams, self.children, self.relay, self.tls, self.file)
        return list(dict.fromkeys(program for program in every if program))


# --- What ratios are computed against ----------------------------------------------------------------------

# By the kind of row; bare epoll for all others. Its twin, the same program once more, is the noise.
REFERENCE = "epoll"
REFERENCES = {"udp": "mmsg", "train": "mmsg", "udp_instructions": "mmsg",
              "spawn": "posix", "output": "posix", "relay": "socat",
              **dict.fromkeys(("tls", "tls_in", "tls_out", "handshake", "tls_idle", "tls_instructions"), "openssl"),
              "file": "sendfile"}


def reference_of(kind):
    return REFERENCES.get(kind, REFERENCE)


def twin_of(reference):
    return f"{reference}_again"


REFERENCE_AGAIN = twin_of(REFERENCE)
EVERY_REFERENCE = (REFERENCE, *dict.fromkeys(REFERENCES.values()))
TWINS = tuple(twin_of(reference) for reference in EVERY_REFERENCE)

# --- All of them -------------------------------------------------------------------------------------------

OURS = "tidegate"
OURS_URING = "tidegate_uring"
OURS_THREAD = "tidegate_thread"
OURS_STREAMS = "tidegate_streams"
OURS_STREAMS_URING = "tidegate_streams_uring"
BOTH_OURS = (OURS, OURS_URING)
BARE_URING = ("uring", "uring_best")

SOCAT = ("TCP4-LISTEN:0,bind=127.0.0.1", "TCP4:127.0.0.1:PORT")
OUR_RELAY = ("relay", "listen+tcp://127.0.0.1:0", "tcp://127.0.0.1:PORT")

CONTESTANTS = [
    Contestant(REFERENCE, "bare epoll", server="echo_epoll"),
    Contestant(REFERENCE_AGAIN, "bare epoll again", server="echo_epoll"),
    Contestant("epoll_best", "bare epoll, tuned", server="echo_epoll_best"),
    Contestant("uring", "bare io_uring", server="echo_uring"),
    Contestant("uring_best", "bare io_uring, tuned", server="echo_uring",
               arguments=("--receive", "poll-multishot", "--buffer-bytes", "524288")),
    Contestant("mmsg", "bare recvmmsg/sendmmsg", datagrams="datagrams_bare"),
    Contestant("mmsg_again", "the same again", datagrams="datagrams_bare"),
    Contestant("sendto", "bare recvfrom/sendto", datagrams="datagrams_bare", arguments=("--calls", "sendto")),
    Contestant("trains", "bare GRO/GSO", datagrams="datagrams_bare", arguments=("--calls", "trains")),
    Contestant("posix", "posix_spawn, read", children="child_posix"),
    Contestant("posix_again", "the same again", children="child_posix"),
    Contestant("socat", "socat", relay="relay_socat", relay_arguments=SOCAT),
    Contestant("socat_again", "socat again", relay="relay_socat", relay_arguments=SOCAT),
    Contestant("socat_best", "socat, 128 KiB", relay="relay_socat", relay_arguments=("-b", "131072", *SOCAT)),
    Contestant("openssl", "bare OpenSSL, from memory", tls="tls_memory"),
    Contestant("openssl_again", "the same again", tls="tls_memory"),
    Contestant("openssl_socket", "bare OpenSSL, on the socket", tls="tls_socket"),
    Contestant("openssl_keeps", "from memory, keeping buffers", tls="tls_memory", arguments=("--buffers", "keep")),
    Contestant("sendfile", "bare sendfile", file="file_bare"),
    Contestant("sendfile_again", "bare sendfile again", file="file_bare"),
    Contestant("libuv", "libuv", server="echo_libuv", loop="loop_libuv", datagrams="datagrams_libuv",
               children="child_libuv", is_library=True),
    Contestant("libuv_try", "libuv, try_write", server="echo_libuv_try", datagrams="datagrams_libuv_try",
               is_library=True),
    Contestant("asio", "Asio", server="echo_asio", loop="loop_asio", datagrams="datagrams_asio",
               tls="tls_asio", is_library=True),
    Contestant("libevent", "libevent", server="echo_libevent", loop="loop_libevent", is_library=True),
    Contestant("asyncio", "Python's asyncio", children="child_asyncio"),
    # Each names its backend: neither the default nor TIDEGATE_BACKEND decides what is measured. A timer never
    # reaches the kernel: those of one backend are those of the other.
    Contestant(OURS, "Tidegate", server="echo_tidegate", loop="loop_tidegate", datagrams="datagrams_tidegate",
               children="child_tidegate", relay="relay_tidegate", relay_arguments=OUR_RELAY, tls="echo_tidegate",
               file="file_tidegate", arguments=("--backend", "epoll")),
    Contestant(OURS_URING, "Tidegate, io_uring", server="echo_tidegate", loop="loop_tidegate",
               datagrams="datagrams_tidegate", children="child_tidegate", relay="relay_tidegate",
               relay_arguments=OUR_RELAY, tls="echo_tidegate", file="file_tidegate",
               arguments=("--backend", "io_uring"), not_in="timers"),
    Contestant("tidegate_spin", "Tidegate, spinning", server="echo_tidegate",
               arguments=("--backend", "epoll", "--spin", "50"), only_in="spin"),
    Contestant(OURS_STREAMS, "Tidegate, streams", server="streams_tidegate", arguments=("--backend", "epoll"),
               only_in="streams"),
    Contestant(OURS_STREAMS_URING, "Tidegate, streams, io_uring", server="streams_tidegate",
               arguments=("--backend", "io_uring"), only_in="streams"),
    Contestant("asio_coroutines", "Asio, coroutines", server="streams_asio", only_in="streams"),
    Contestant(OURS_THREAD, "Tidegate, without pidfd", children="child_tidegate",
               arguments=("--backend", "epoll", "--exit-watch", "thread"), only_in="spawn"),
]

BY_NAME = {contestant.name: contestant for contestant in CONTESTANTS}
LIBRARIES = tuple(contestant.name for contestant in CONTESTANTS if contestant.is_library)
DATAGRAM_LIBRARIES = tuple(name for name in LIBRARIES if BY_NAME[name].datagrams)


def chosen(names):
    """The contestants of these names, or all. The references and their twins are always among them, because
    ratios need them; and who takes part in one kind of row only comes along with its program."""
    unknown = sorted(set(names) - set(BY_NAME))
    if unknown:
        raise ValueError(f"unknown contestant {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    wanted = {*EVERY_REFERENCE, *TWINS, *(names or BY_NAME)}
    programs = {program for name in wanted for program in BY_NAME[name].programs}
    return [contestant for contestant in CONTESTANTS
            if contestant.name in wanted or (contestant.only_in and programs.issuperset(contestant.programs))]
