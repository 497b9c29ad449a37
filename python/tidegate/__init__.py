"""asyncio on Tidegate: an event loop that takes the place of asyncio's own, with the same words.

    import tidegate

    tidegate.run(main())

There is an EventLoopPolicy as well, for programs that leave the choice to asyncio's. It is made when it is asked for by
its name, and `from tidegate import *` does not ask: asyncio warns of whoever uses its policies.
"""

import importlib.util
import sysconfig
from typing import TYPE_CHECKING

if importlib.util.find_spec("._native", __name__) is None:
    raise ImportError(f"tidegate in {__path__[0]} was not built for this Python: it has no native half named "
                      f"_native{sysconfig.get_config_var('EXT_SUFFIX')}", name=f"{__name__}._native")

from ._loop import Loop, new_event_loop, run
from ._version import __version__

__all__ = ("Loop", "__version__", "install", "new_event_loop", "run")

if TYPE_CHECKING:
    from ._policy import EventLoopPolicy as EventLoopPolicy


def install() -> None:
    """From now on asyncio.run() and asyncio.new_event_loop() make Tidegate's loops, by asyncio's policy."""
    import asyncio

    from ._policy import EventLoopPolicy

    asyncio.set_event_loop_policy(EventLoopPolicy())


def __getattr__(name: str) -> object:
    # What asyncio warns of is imported by whoever uses it.
    if name != "EventLoopPolicy":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._policy import EventLoopPolicy

    return EventLoopPolicy
