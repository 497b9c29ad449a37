"""What a loop does by itself, without connections: calls, timers, turns, names.

    PROGRAM call_soon COUNT [--arguments N]    COUNT callbacks, each of which schedules the next of its chain
    PROGRAM threads COUNT                      another thread schedules COUNT callbacks
    PROGRAM timers COUNT                       COUNT timers are set, then cancelled, a thousand at a time
    PROGRAM sleep COUNT                        COUNT times sleep(0), by ten tasks
    PROGRAM getaddrinfo COUNT                  COUNT addresses that are numbers already

Each prints one line of JSON: time on the clock, and processor time of all threads, in nanoseconds for each.
"""

import argparse
import asyncio
import json
import socket
import threading
import time

import loops

CHAINS = 100  # of callbacks, under way at once
TIMERS_AT_ONCE = 1000
TASKS = 10
NEAREST_SECONDS, DELAYS = 1, 60  # none of the timers comes to pass


async def call_soon(request):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = request.count

    def step():
        nonlocal left
        left -= 1
        if left > 0:
            loop.call_soon(step)
        elif left == 0:
            done.set_result(None)

    def step_with_three(first, second, third):
        nonlocal left
        left -= 1
        if left > 0:
            loop.call_soon(step_with_three, first, second, third)
        elif left == 0:
            done.set_result(None)

    for number in range(CHAINS):
        if request.arguments:
            loop.call_soon(step_with_three, number, "second", done)
        else:
            loop.call_soon(step)
    await done


async def threads(request):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = request.count

    def arrive():
        nonlocal left
        left -= 1
        if left == 0:
            done.set_result(None)

    def schedule_all():
        for _ in range(request.count):
            loop.call_soon_threadsafe(arrive)

    thread = threading.Thread(target=schedule_all)
    thread.start()
    await done
    thread.join()


async def timers(request):
    loop = asyncio.get_running_loop()

    def never():
        raise AssertionError("a timer expired that was cancelled")

    for _ in range(request.count // TIMERS_AT_ONCE):
        handles = [loop.call_later(NEAREST_SECONDS + number * 7 % DELAYS, never) for number in range(TIMERS_AT_ONCE)]
        for handle in handles:
            handle.cancel()
        await asyncio.sleep(0)  # the loop may clear up: that is part of what cancelling costs


async def sleep(request):
    async def turn_often():
        for _ in range(request.count // TASKS):
            await asyncio.sleep(0)

    await asyncio.gather(*(turn_often() for _ in range(TASKS)))


async def getaddrinfo(request):
    loop = asyncio.get_running_loop()
    for _ in range(request.count):
        found = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        if found[0][4] != ("127.0.0.1", 80):
            raise AssertionError(f"127.0.0.1 is {found}")


WORKS = {each.__name__: each for each in (call_soon, threads, timers, sleep, getaddrinfo)}


def read_request():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("count", type=int)
    parser.add_argument("--arguments", type=int, choices=[0, 3], default=0, help="of a callback")
    loops.add_option(parser)
    return parser.parse_args()


async def measure(request):
    begun = time.perf_counter_ns(), time.process_time_ns()
    await WORKS[request.work](request)
    clock, processor = time.perf_counter_ns() - begun[0], time.process_time_ns() - begun[1]
    print(json.dumps({"ns": clock / request.count, "cpu_ns": processor / request.count}))


def main():
    request = read_request()
    loops.run(request.loop, measure, request)


main()
