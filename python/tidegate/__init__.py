"""asyncio on Tidegate: an event loop that takes the place of asyncio's own, with the same words.

    import tidegate

    tidegate.run(main())
"""

import importlib.util
import sysconfig

if importlib.util.find_spec("._native", __name__) is None:
    raise ImportError(f"tidegate in {__path__[0]} was not built for this Python: it has no native half named "
                      f"_native{sysconfig.get_config_var('EXT_SUFFIX')}", name=f"{__name__}._native")

from ._loop import EventLoopPolicy, Loop, install, new_event_loop, run
from ._version import __version__

__all__ = ("EventLoopPolicy", "Loop", "__version__", "install", "new_event_loop", "run")
