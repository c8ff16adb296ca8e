"""Weights that were sent, until their job has run. A worker of this machine finds them in the home.

Where several machines share a database, this is the place that has to hand the file to the others.
"""

import re
import time
import uuid
from contextlib import suppress
from pathlib import Path

from headhunt.errors import WeightsUnavailable

DRAFT = re.compile(r"weights-[0-9a-f]{32}\.safetensors")
OLD_S = 24 * 3600.0
"""Weights whose job never came are thrown away after so long."""


def kept_draft(home: Path, draft: Path) -> Path:
    """The file under a name of its own, for a worker to find. What nobody came for is thrown away on the way."""
    folder = home / "uploads"
    for old in folder.glob("weights-*.safetensors"):
        with suppress(FileNotFoundError):
            if old.stat().st_mtime < time.time() - OLD_S:
                old.unlink()
    kept = folder / f"weights-{uuid.uuid4().hex}.safetensors"
    kept.hardlink_to(draft)
    return kept


def draft_named(home: Path, name: str) -> Path:
    """Raises WeightsUnavailable."""
    path = home / "uploads" / name
    if not DRAFT.fullmatch(name) or not path.is_file():
        raise WeightsUnavailable("The file that was sent is no longer here. Send it again.")
    return path
