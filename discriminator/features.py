"""Features on disk by (weights, preprocessing, images): a second request builds no network and decodes no image.

    HOME/features/<key>.safetensors     stages, head, outputs; which images were refused, and a checksum, beside them

A file that is damaged, or not what its name says, is computed anew. A disk that is full costs the next request time,
and this one nothing.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from discriminator.backbone import Backbone
from discriminator.extraction import extract
from discriminator.gallery import Gallery
from discriminator.gap import Features, Floats
from headhunt.errors import NotWritten
from headhunt.vocabulary import Refusal
from zoo.files import replace_file

FORMAT = 1
"""Counts up when the same network and images give other features than before."""
Refusals = tuple[Refusal | None, ...]


class FeatureStore:
    """Features on disk. Several processes may use one home: what is twice asked for at once is computed twice."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "features"

    def known(self, backbone: Backbone, gallery: Gallery) -> bool:
        """Whether they are there; whether undamaged is found out by reading."""
        return self.path(backbone, gallery).is_file()

    def features(self, backbone: Backbone, gallery: Gallery, *, device: str | None = None) -> Features:
        """Read, or computed and kept. The rows are the gallery's entries."""
        path = self.path(backbone, gallery)
        if (kept := read_features(path, len(gallery.asked))) is not None:
            features, refusals = kept
            gallery.settle(refusals)
            return features
        features = extract(backbone, gallery, device)
        self.keep(backbone, gallery, features)
        return features

    def keep(self, backbone: Backbone, gallery: Gallery, features: Features) -> None:
        """What was computed, here or elsewhere; a disk that is full is no fault."""
        with suppress(NotWritten):
            write_features(self.path(backbone, gallery), features, gallery.refusals)

    def path(self, backbone: Backbone, gallery: Gallery) -> Path:
        seen = (FORMAT, backbone.digest, backbone.view, backbone.mean, backbone.std, gallery.key)
        return self.folder / f"{hashlib.sha256(repr(seen).encode()).hexdigest()}.safetensors"


def write_features(path: Path, features: Features, refusals: Refusals) -> None:
    arrays = {f"stage{i}": stage for i, stage in enumerate(features.stages)} | {"head": features.head}
    if features.outputs is not None:
        arrays["outputs"] = features.outputs
    said = {"key": path.stem, "checksum": checksum(arrays), "refusals": msgspec.json.encode(refusals).decode()}
    replace_file(path, save(arrays, said))


def read_features(path: Path, asked: int) -> tuple[Features, Refusals] | None:
    """What was kept under this name for so many images; None if nothing was, or not this, or not as it was."""
    try:
        with safe_open(path, "numpy") as file:
            said = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        refusals = msgspec.json.decode(said.get("refusals", ""), type=Refusals)
    except (OSError, SafetensorError, msgspec.DecodeError):
        return None
    if said.get("key") != path.stem or said.get("checksum") != checksum(arrays) or len(refusals) != asked:
        return None
    stages = tuple(arrays[f"stage{i}"] for i in range(sum(name.startswith("stage") for name in arrays)))
    return Features(stages, arrays["head"], arrays.get("outputs")), refusals


def checksum(arrays: dict[str, Floats]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name}{arrays[name].dtype}{arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()
