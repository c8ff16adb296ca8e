"""Which version of its data a run saw: the courier finds it out, since a folder has to be read for that.

The run keeps the user's own words as a fact (`data.given`), and names the version as its dataset.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path

from headhunt.track.journal import Known
from headhunt.track.watching import Watched

NICE = 15
"""The training comes first."""


def looking_at(watched: Watched, home: Path) -> threading.Thread:
    thread = threading.Thread(target=look_at_data, args=(watched, home), daemon=True)
    thread.start()
    return thread


def look_at_data(watched: Watched, home: Path) -> None:
    given = watched.begun.asked.dataset
    if given is None:
        return
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)  # of this thread, and those it starts
    try:
        version = version_of(given, home, Path(watched.begun.cwd or "/"))
    except Exception as error:
        watched.mark(f"Which version of its data the run saw could not be found out: {type(error).__name__}.")
        return
    if version is not None:
        watched.writer.put(Known(watched.writer.now(), {"data": {"given": given, "version": version}}))


def version_of(given: str, home: Path, folder: Path) -> str | None:
    """None: nothing of that name is known, or the tracker is not installed here."""
    try:
        from tracking.versions import version_named  # hashlib and more: not before there is data to look at
    except ImportError:
        return None
    return version_named(given, home, folder)
