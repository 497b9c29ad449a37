"""Hypercorn as part of a program."""

import sys

from application import application
from hypercorn.asyncio import serve
from hypercorn.config import Config

import tidegate

if __name__ == "__main__":
    config = Config()
    config.bind = [f"fd://{sys.argv[1]}"]
    tidegate.run(serve(application, config))
