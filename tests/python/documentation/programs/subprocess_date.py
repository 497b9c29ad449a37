"""loop.subprocess_exec() and SubprocessProtocol: collects what another process prints, and waits for its end."""

import asyncio
import sys


class DateReader(asyncio.SubprocessProtocol):
    def __init__(self, exited):
        self.exited = exited
        self.output = bytearray()

    def pipe_data_received(self, fd, data):
        self.output.extend(data)

    def process_exited(self):
        self.exited.set_result(True)


async def main():
    loop = asyncio.get_running_loop()
    exited = asyncio.Future(loop=loop)
    transport, protocol = await loop.subprocess_exec(
        lambda: DateReader(exited), sys.executable, "-c", "import datetime; print(datetime.datetime.now())",
        stdin=None, stderr=None)
    await exited
    transport.close()
    print("Current date: {}".format(bytes(protocol.output).decode("ascii").rstrip()))


if __name__ == "__main__":
    asyncio.run(main())
