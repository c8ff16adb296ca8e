"""Weights that were sent, until their job has run: in the home, and in the store where other machines look."""

import re
import uuid
from pathlib import Path

from headhunt.errors import WeightsUnavailable
from service.store import Store

SENT = "sent"
DRAFT = re.compile(r"weights-[0-9a-f]{32}\.safetensors")


def kept_draft(home: Path, draft: Path) -> Path:
    """The file under a name of its own, for a worker to find. Where no job waits for it, it goes after a day."""
    kept = home / "uploads" / f"weights-{uuid.uuid4().hex}.safetensors"
    kept.hardlink_to(draft)
    return kept


def sent_name(name: str) -> str:
    """In the store."""
    return f"{SENT}/{name}"


def draft_named(home: Path, name: str, store: Store) -> Path:
    """Raises WeightsUnavailable."""
    path = home / "uploads" / name
    if DRAFT.fullmatch(name) and not path.is_file():
        store.bring({sent_name(name): path})
    if not DRAFT.fullmatch(name) or not path.is_file():
        raise WeightsUnavailable("The file that was sent is no longer here. Send it again.")
    return path
