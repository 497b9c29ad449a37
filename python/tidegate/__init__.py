"""asyncio on Tidegate: an event loop that takes the place of asyncio's own, with the same words.

    import tidegate

    tidegate.run(main())
"""

from ._loop import EventLoopPolicy, Loop, install, new_event_loop, run

__all__ = ("EventLoopPolicy", "Loop", "install", "new_event_loop", "run")
