#!/usr/bin/env python3
"""Children by create_subprocess_exec, and their output by its streams.

See bench/peers/child_program.h for what is asked, what is done and what is printed. The build calls it child_asyncio
as well, where it stands beside the programs that are not in Python.
"""

import argparse
import asyncio
import mmap
import resource
import sys
import time

import loops

MEBIBYTE = 1024 * 1024
READ_BYTES = 64 * 1024


def read_request():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=["spawn", "output"])
    parser.add_argument("count", type=int)
    parser.add_argument("child")
    parser.add_argument("--at-a-time", type=int, default=1)
    parser.add_argument("--resident", type=int, default=0)
    loops.add_option(parser)
    return parser.parse_args()


def resident_memory(mebibytes):
    """Touched, in pages of the ordinary size."""
    memory = mmap.mmap(-1, mebibytes * MEBIBYTE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    for begin in range(0, len(memory), MEBIBYTE):
        memory[begin:begin + MEBIBYTE] = b"1" * MEBIBYTE
    return memory


async def wait_for(process):
    status = await process.wait()
    if status != 0:
        sys.exit(f"a child ended with status {status}")


async def spawn_all(request):
    left = request.count
    devnull = {name: asyncio.subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}

    async def run_children():
        nonlocal left
        while left > 0:
            left -= 1
            await wait_for(await asyncio.create_subprocess_exec(request.child, **devnull))

    await asyncio.gather(*(run_children() for _ in range(request.at_a_time)))


async def read_output(request):
    wanted = request.count * MEBIBYTE
    process = await asyncio.create_subprocess_exec(request.child, str(wanted), stdin=asyncio.subprocess.DEVNULL,
                                                   stdout=asyncio.subprocess.PIPE)
    size = 0
    while piece := await process.stdout.read(READ_BYTES):
        size += len(piece)
    await wait_for(process)
    if size != wanted:
        sys.exit(f"a child's output had {size} bytes instead of {wanted}")


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


async def measure(request):
    begun = time.monotonic(), time.process_time(), children_seconds()
    await (spawn_all if request.work == "spawn" else read_output)(request)
    clock, own, children = (now - then for now, then in
                            zip((time.monotonic(), time.process_time(), children_seconds()), begun))
    if request.work == "spawn":
        units, processor = request.count, own + children
    else:
        units, processor = request.count * MEBIBYTE / READ_BYTES, own
    print(f'{{"ns": {clock / units * 1e9:.1f}, "cpu_ns": {processor / units * 1e9:.1f}}}')


def main():
    request = read_request()
    memory = resident_memory(request.resident) if request.resident else None
    loops.run(request.loop, measure, request)
    del memory  # it was there all the while


main()
