"""Who is compared: a program with its arguments is a contestant, and adding one is one line here."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Contestant:
    name: str  # in --contestants and in the JSON
    title: str  # in the report
    server: str = ""  # the echo server, if there is one
    loop: str = ""  # the program of timers and calls, if there is one
    arguments: tuple[str, ...] = ()  # of the server, and of the loop program
    is_library: bool = False  # somebody else's: what Tidegate wants to be ahead of
    only_in: str = ""  # the one kind of row that it takes part in; empty: every kind
    not_in: str = ""  # the one kind of row in which it would only be another contestant once more

    def program_for(self, program_kind):
        return self.loop if program_kind == "loop" else self.server


# What ratios are computed against, the same program once more, which is the noise, and ours.
REFERENCE = "epoll"
REFERENCE_AGAIN = "epoll_again"
OURS = "tidegate"
OURS_URING = "tidegate_uring"
BOTH_OURS = (OURS, OURS_URING)
BARE_URING = ("uring", "uring_best")

CONTESTANTS = [
    Contestant(REFERENCE, "bare epoll", server="echo_epoll"),
    Contestant(REFERENCE_AGAIN, "bare epoll again", server="echo_epoll"),
    Contestant("epoll_best", "bare epoll, tuned", server="echo_epoll_best"),
    Contestant("uring", "bare io_uring", server="echo_uring"),
    Contestant("uring_best", "bare io_uring, tuned", server="echo_uring",
               arguments=("--receive", "poll-multishot", "--buffer-bytes", "524288")),
    Contestant("libuv", "libuv", server="echo_libuv", loop="loop_libuv", is_library=True),
    Contestant("libuv_try", "libuv, try_write", server="echo_libuv_try", is_library=True),
    Contestant("asio", "Asio", server="echo_asio", loop="loop_asio", is_library=True),
    Contestant("libevent", "libevent", server="echo_libevent", loop="loop_libevent", is_library=True),
    # Each names its backend: neither the default nor TIDEGATE_BACKEND decides what is measured. A timer never
    # reaches the kernel: those of one backend are those of the other.
    Contestant(OURS, "Tidegate", server="echo_tidegate", loop="loop_tidegate",
               arguments=("--backend", "epoll")),
    Contestant(OURS_URING, "Tidegate, io_uring", server="echo_tidegate", loop="loop_tidegate",
               arguments=("--backend", "io_uring"), not_in="timers"),
    Contestant("tidegate_spin", "Tidegate, spinning", server="echo_tidegate",
               arguments=("--backend", "epoll", "--spin", "50"), only_in="spin"),
]

BY_NAME = {contestant.name: contestant for contestant in CONTESTANTS}
LIBRARIES = tuple(contestant.name for contestant in CONTESTANTS if contestant.is_library)


def chosen(names):
    """The contestants of these names, or all. The reference and its twin are always among them, because
    ratios need them; and who takes part in one kind of row only comes along with its server."""
    unknown = sorted(set(names) - set(BY_NAME))
    if unknown:
        raise ValueError(f"unknown contestant {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    wanted = {REFERENCE, REFERENCE_AGAIN, *(names or BY_NAME)}
    servers = {BY_NAME[name].server for name in wanted}
    return [contestant for contestant in CONTESTANTS
            if contestant.name in wanted or (contestant.only_in and contestant.server in servers)]
