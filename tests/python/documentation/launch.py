"""Runs the main() of a program, which is left as it is, by the function that is named.

    python launch.py MODULE:FUNCTION PROGRAM [ARGUMENT ...]         python launch.py tidegate:run tcp_echo_server.py 0
"""

import importlib
import runpy
import signal
import sys

if __name__ == "__main__":
    _, by, program, *arguments = sys.argv
    sys.argv = [program, *arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever a shell's background job has inherited
    module, _, function = by.partition(":")
    main = runpy.run_path(program, run_name="program")["main"]
    getattr(importlib.import_module(module), function)(main())
