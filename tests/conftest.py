"""For all tests: one thread a process, since the tests themselves run on every core; Ctrl-C as a terminal has it; no
server that the environment names; and a place for what is made once for all of them.

A shell that starts the tests in the background has them ignore Ctrl-C, and those that press it would wait for nothing.
"""

import contextlib
import functools
import os
import signal

import pytest

from tests import sharing

os.environ.setdefault("OMP_NUM_THREADS", "1")
for name in ("HEADHUNT_SERVER", "HEADHUNT_API_KEY"):
    os.environ.pop(name, None)
with contextlib.suppress(ValueError):  # not in the main thread: then nobody ignores it either
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the processes of pytest-xdist find what this one made
        config.add_cleanup(functools.partial(sharing.end, sharing.begin()))
