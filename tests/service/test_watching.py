"""What a server must not do is counted by audit hooks, in processes of their own: nothing is found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recommender.little_zoo import REFERENCE
from tests.service.watching import Watch

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("what", ["web", "job"])
def test_it_unpickles_nothing_starts_nothing_connects_nowhere_and_writes_at_home(tmp_path: Path, what: str) -> None:
    environment = {**os.environ, "HEADHUNT_REFERENCE": REFERENCE, "HEADHUNT_HOME": str(tmp_path / "home")}
    words = [sys.executable, "-m", "tests.service.watching", str(tmp_path / "home"), what]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {}


def test_the_watch_hears_what_it_is_there_for(tmp_path: Path) -> None:
    """Asked without being installed: a hook cannot be taken out again."""
    watch = Watch.__new__(Watch)
    watch.home = str(tmp_path)
    assert watch.judge("pickle.find_class", ("os", "system"))
    assert watch.judge("subprocess.Popen", ("sh", [], None, None))
    assert watch.judge("socket.connect", (None, ("93.184.216.34", 80)))
    assert watch.judge("open", ("/etc/passwd", "w", os.O_WRONLY))
    assert watch.judge("os.rename", (str(tmp_path / "a"), "/etc/b", -1, -1))
    assert watch.judge("open", ("/etc/passwd", "r", os.O_RDONLY)) is None
    assert watch.judge("socket.connect", (None, ("127.0.0.1", 80))) is None
    assert watch.judge("open", (str(tmp_path / "a"), "w", os.O_WRONLY)) is None
