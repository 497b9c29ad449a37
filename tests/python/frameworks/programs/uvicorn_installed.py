"""uvicorn told to take the loop that asyncio's policy makes: for versions that know no loop but their own."""

import sys

import uvicorn
from application import application

import tidegate

if __name__ == "__main__":
    tidegate.install()
    uvicorn.run(application, fd=int(sys.argv[1]), loop="none")
