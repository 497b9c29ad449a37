"""What `bench/run-python` adds to the runner, to compare event loops of Python. Each module is one room:

    family        all of it as the runner takes it     interpreter  what the Python that is measured can import
    contestants   the loops, and the bare servers      rows         what each of them is asked to do
    measure       one run of one loop                  wrk          the load of the HTTP servers
    targets       what we want to reach (data)         report       docs/python-performance.md (pure)
    picture       what docs/python-performance.svg shows (pure)

`programs/` has the programs that are measured: ordinary programs on asyncio, which differ in their loop only.
"""
