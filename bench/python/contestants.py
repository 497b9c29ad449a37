"""Who is compared: event loops, and the servers in C that say what the kernel's share is."""

import dataclasses

from runner.contestants import OURS, OURS_URING, twin_of


@dataclasses.dataclass(frozen=True)
class Contestant:
    name: str  # in --contestants and in the JSON
    title: str  # in the report
    loop: str = ""  # what the programs are told; empty: not in Python at all
    module: str = ""  # what the interpreter has to import for it

    @property
    def is_bare(self):
        return not self.loop


BARE = "bare"
STOCK = "asyncio"
UVLOOP = "uvloop"

# Ratios are against the bare server where there is one, and against asyncio's own loop elsewhere. The twin of
# each, the same program once more, is the noise.
REFERENCES = (BARE, STOCK)

CONTESTANTS = (
    Contestant(BARE, "bare C"),
    Contestant(twin_of(BARE), "bare C again"),
    Contestant(STOCK, "asyncio", loop="asyncio"),
    Contestant(twin_of(STOCK), "asyncio again", loop="asyncio"),
    Contestant(UVLOOP, "uvloop", loop="uvloop", module="uvloop"),
    Contestant(OURS, "Tidegate", loop="tidegate", module="tidegate"),
    Contestant(OURS_URING, "Tidegate, io_uring", loop="tidegate_uring", module="tidegate"),
)


def chosen(names):
    """The contestants of these names, or all. The references and their twins are always among them."""
    known = [each.name for each in CONTESTANTS]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"unknown contestant {', '.join(unknown)}; there are {', '.join(known)}")
    needed = {*REFERENCES, *map(twin_of, REFERENCES)}
    return [each for each in CONTESTANTS if not names or each.name in needed or each.name in names]
