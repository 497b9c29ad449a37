"""Pipes that are no pipes: terminals."""

import os
import pty
import tty

from support import LoopTest, Notes, on_loop


class TerminalTest(LoopTest):
    @on_loop
    async def test_one_terminal_is_read_and_written(self):
        master, slave = pty.openpty()
        with open(slave, "r+b", buffering=0) as other:
            tty.setraw(other)
            reads, writes = open(master, "rb", buffering=0), open(master, "wb", buffering=0, closefd=False)
            reading, noted = await self.loop.connect_read_pipe(Notes, reads)
            writing, ends = await self.loop.connect_write_pipe(Notes, writes)
            writing.write(b"written")
            self.assertEqual(await self.loop.run_in_executor(None, other.read, 100), b"written")
            other.write(b"read")
            await noted.until(lambda: noted.received == b"read")
            for transport, protocol in ((reading, noted), (writing, ends)):
                transport.close()
                await protocol.until(lambda protocol=protocol: protocol.is_lost)
