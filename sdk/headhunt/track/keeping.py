"""Files of a run, by SHA-256, before a word of the journal names them."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from headhunt.track.places import Place

PIECE = 1 << 20


def keep_bytes(place: Place, data: bytes) -> tuple[str, int]:
    """The digest and the size. Raises OSError."""
    return keep(place, [data])


def keep_file(place: Place, path: Path) -> tuple[str, int]:
    with open(path, "rb") as file:
        return keep(place, iter(lambda: file.read(PIECE), b""))


def keep(place: Place, pieces: Iterable[bytes]) -> tuple[str, int]:
    import hashlib  # OpenSSL with it: not before something is kept

    place.files.mkdir(parents=True, exist_ok=True)
    draft = place.files / f".{os.getpid()}-{os.urandom(4).hex()}"
    digest, size = hashlib.sha256(), 0
    try:
        with open(draft, "wb") as out:
            for piece in pieces:
                digest.update(piece)
                out.write(piece)
                size += len(piece)
        draft.replace(place.file(digest.hexdigest()))
    finally:
        draft.unlink(missing_ok=True)
    return digest.hexdigest(), size


def files_under(path: Path) -> Iterator[tuple[str, Path]]:
    """A file, or all files of a folder, each with its name from there on."""
    if not path.is_dir():
        yield path.name, path
        return
    for one in sorted(path.rglob("*")):
        if one.is_file():
            yield f"{path.name}/{one.relative_to(path).as_posix()}", one


def kind_by_name(path: Path) -> str:
    if path.suffix in (".safetensors", ".pt", ".pth", ".ckpt", ".onnx", ".h5", ".keras"):
        return "model"
    return "image" if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".gif") else "file"
