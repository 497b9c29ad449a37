"""asyncio on Tidegate: an event loop that takes the place of asyncio's own, with the same words.

    import tidegate

    tidegate.run(main())
"""

from ._loop import EventLoopPolicy, Loop, install, new_event_loop, run
from ._version import __version__

__all__ = ("EventLoopPolicy", "Loop", "__version__", "install", "new_event_loop", "run")
