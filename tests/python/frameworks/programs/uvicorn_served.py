"""uvicorn as part of a program: its server is a coroutine."""

import contextlib
import sys

import uvicorn
from application import application

import tidegate

if __name__ == "__main__":
    # A server that was interrupted hands the signal on when it has ended, from version 0.30 on.
    with contextlib.suppress(KeyboardInterrupt):
        tidegate.run(uvicorn.Server(uvicorn.Config(application, fd=int(sys.argv[1]), loop="none")).serve())
