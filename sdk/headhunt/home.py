"""Where headhunt keeps things: HEADHUNT_HOME, else ~/.headhunt."""

import os
from pathlib import Path


def home_folder() -> Path:
    """The folder that holds the zoo, the history and the blobs. It need not exist yet."""
    named = os.environ.get("HEADHUNT_HOME")
    return Path(named).expanduser() if named else Path.home() / ".headhunt"
