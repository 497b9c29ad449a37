"""CPython's own tests of asyncio as the judge of an event loop that is not CPython's.

In the order of the work:

    interpreters   which CPythons are here, and what the others lack
    catalogue      which of CPython's test classes are taken, and how a loop gets into each
    tied           the tests that are bound to the insides of CPython's loops, with the reason
    binding        a module's test classes, bound to the loop           (inside the child)
    child          runs one module's tests and says how each one ended  (a process of its own)
    watch          looks after the child: what hangs or crashes is charged to its test
    course         every module, for one interpreter and one loop
    baseline       what the same interpreter's own loop does with the same tests
    verdict        what an outcome is worth beside the baseline
    report         the text and the JSON of it
    command        the command line
"""
