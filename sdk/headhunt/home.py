"""Where headhunt keeps things: HEADHUNT_HOME, else ~/.headhunt."""

import os
from pathlib import Path

from headhunt.errors import BadValue


def home_folder() -> Path:
    """The folder that holds the zoo, the history and the blobs. It need not exist yet."""
    named = os.environ.get("HEADHUNT_HOME")
    try:
        return Path(named).expanduser() if named else Path.home() / ".headhunt"
    except RuntimeError as error:
        raise BadValue(
            f"There is no folder for headhunt: {named or '~'!r} names no user of this machine."
            " Set HEADHUNT_HOME to a folder, as in HEADHUNT_HOME=/data/headhunt."
        ) from error
