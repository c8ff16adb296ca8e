"""Where the weights of a digest lie in a home. It loads no torch: who only hands files on needs none."""

import re
from pathlib import Path

from headhunt.errors import BadValue

DIGEST = re.compile(r"[0-9a-f]{64}")


def weights_folder(home: Path) -> Path:
    return home / "weights"


def weights_path(folder: Path, digest: str) -> Path:
    if not DIGEST.fullmatch(digest):
        raise BadValue(f"{digest[:80]!r} is not the digest of weights: 64 hexadecimal digits.")
    return folder / f"{digest}.safetensors"
