"""What takes long to make is made once, by whoever comes first, for all processes of a run of the tests."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

PLACE = "HEADHUNT_TESTS_SHARE"
DEMO = "HEADHUNT_TEST_DEMO"
HEADHUNT = [sys.executable, "-c", "from headhunt.cli.main import run; run()"]


def begin() -> Path:
    """By the process that starts the others, which find the place in their environment."""
    place = Path(tempfile.mkdtemp(prefix="headhunt-tests-"))
    os.environ[PLACE] = str(place)
    return place


def end(place: Path) -> None:
    os.environ.pop(PLACE, None)
    shutil.rmtree(place, ignore_errors=True)


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` fills: copy it, leave it as it is. Others wait; what fails is tried again by the next."""
    place = Path(os.environ[PLACE]) / name
    with open(place.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            draft = place.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            make(draft)
            draft.rename(place)
    return place


def demonstrated() -> Path:
    """Where `headhunt demo` has run from nothing: its `home`, with the whole starter zoo, and in `told.txt` its words.

    CI runs it before the tests and names the folder. Else it runs here, for minutes.
    """
    return Path(os.environ[DEMO]) if DEMO in os.environ else made_once("demo", demonstrate)


def demonstrate(folder: Path) -> None:
    environment = {**os.environ, "HEADHUNT_HOME": str(folder / "home")}
    done = subprocess.run([*HEADHUNT, "demo"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "told.txt").write_text(done.stdout, encoding="utf-8")
