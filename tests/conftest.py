"""For all tests: one thread a process, since the tests themselves run on every core; Ctrl-C as a terminal has it; and
no server that the environment names.

A shell that starts the tests in the background has them ignore Ctrl-C, and those that press it would wait for nothing.
"""

import contextlib
import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")
for name in ("HEADHUNT_SERVER", "HEADHUNT_API_KEY"):
    os.environ.pop(name, None)
with contextlib.suppress(ValueError):  # not in the main thread: then nobody ignores it either
    signal.signal(signal.SIGINT, signal.default_int_handler)
