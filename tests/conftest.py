"""For all tests: one thread a process, since the tests themselves run on every core."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
