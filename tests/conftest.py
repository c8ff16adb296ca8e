"""For all tests: one thread a process, since the tests themselves run on every core; Ctrl-C as a terminal has it; no
server that the environment names; a place for what is made once for all of them; and the longest first, so that no core
waits at the end for what another one began last.

A shell that starts the tests in the background has them ignore Ctrl-C, and those that press it would wait for nothing.
"""

import contextlib
import functools
import os
import signal
from pathlib import Path

import pytest

from tests import sharing

os.environ.setdefault("OMP_NUM_THREADS", "1")
for name in ("HEADHUNT_SERVER", "HEADHUNT_API_KEY"):
    os.environ.pop(name, None)
with contextlib.suppress(ValueError):  # not in the main thread: then nobody ignores it either
    signal.signal(signal.SIGINT, signal.default_int_handler)


PATIENCE_S = 600
"""The `timeout` of pyproject.toml."""


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the processes of pytest-xdist find what this one made
        config.add_cleanup(functools.partial(sharing.end, sharing.begin()))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, those with the most patient ones before all. A file stays together."""
    patience = dict[Path, float]()
    for item in items:
        patience[item.path] = max(patience.get(item.path, 0.0), patience_of(item))
    items.sort(key=lambda item: -patience[item.path])


def patience_of(item: pytest.Item) -> float:
    marked = item.get_closest_marker("timeout")
    if item.get_closest_marker("slow") is None:
        return 0.0
    return float(marked.args[0]) if marked else PATIENCE_S
