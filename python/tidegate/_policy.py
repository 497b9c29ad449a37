"""For programs that leave the choice of their loop to asyncio's policy, which asyncio itself gives up: 3.14 warns of
whoever uses it, and 3.16 will have none. So this is imported when it is asked for, and warns when asyncio does."""

import asyncio

from ._loop import Loop, new_event_loop


class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes Tidegate's loops."""

    def _loop_factory(self) -> Loop:
        return new_event_loop()
