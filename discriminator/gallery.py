"""The images of one request: chosen entries of a sample, each decoded once for each view that a network wants.

Whether an image can be decoded does not depend on the view, so the first decoding settles which images there are. A
large gallery is never whole in memory: its batches are decoded as they are asked for.
"""

import hashlib
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from headhunt.errors import NoImages
from headhunt.vocabulary import GIB, Entry, Refusal
from zoo.images.pixels import Pixels, View, close_ranks, decode_entries, places_of
from zoo.images.sample_checks import check_broken
from zoo.images.samples import Sample

HELD = GIB
"""Bytes of pixels that a gallery keeps, of all views together; what is beyond is decoded again when it is asked for."""
CHECK = View(8)
"""The cheapest view: for finding out which images can be decoded, when nobody has looked at them yet."""


class Gallery:
    """Chosen images of a sample. `key` names them by content; entries and labels are of those that can be decoded."""

    def __init__(
        self, sample: Sample, entries: Sequence[Entry], classes: tuple[str, ...] | None = None, held: int = HELD
    ) -> None:
        if not entries:
            raise NoImages(f"no image of {sample.name} is left to look at. Choose some, or send more")
        self.sample, self.asked = sample, tuple(entries)
        self.classes = sample.classes if classes is None else classes
        self.key = _key_of(sample, self.asked)
        self._labels = places_of(self.asked, self.classes)
        self._held = held
        self._images: dict[View, torch.Tensor] = {}
        self._refusals: tuple[Refusal | None, ...] | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The images, in the order they were asked for, without those that cannot be decoded."""
        return tuple(self.asked[i] for i in self.kept)

    @property
    def labels(self) -> NDArray[np.int64]:
        """[N], places in `classes`, -1: unlabelled."""
        found: NDArray[np.int64] = self._labels[torch.tensor(self.kept, dtype=torch.int64)].numpy()
        return found

    @property
    def kept(self) -> tuple[int, ...]:
        """Which of the entries that were asked for can be decoded. Asked before anything was decoded, it tries all."""
        return tuple(i for i, refusal in enumerate(self.refusals) if refusal is None)

    @property
    def refused(self) -> tuple[Refusal, ...]:
        return tuple(refusal for refusal in self.refusals if refusal is not None)

    @property
    def refusals(self) -> tuple[Refusal | None, ...]:
        """For each entry that was asked for why it was left out, if it was."""
        return self._refusals or self.settle([refusal for _, found in self._chunks(CHECK, 256) for refusal in found])

    def settle(self, refusals: Sequence[Refusal | None]) -> tuple[Refusal | None, ...]:
        """Be told which images can be decoded, by whoever decoded these very images before."""
        refused = tuple(refusal for refusal in refusals if refusal is not None)
        check_broken(refused, len(refusals) - len(refused), self.sample.limits)
        self._refusals = tuple(refusals)
        return self._refusals

    def pixels(self, view: View) -> Pixels:
        """All images as one tensor, kept for the next who asks, while there is room."""
        images = torch.cat(list(self.batches(view, len(self.asked))))
        return Pixels(images, torch.from_numpy(self.labels), self.classes, self.refused, self.kept)

    def batches(self, view: View, size: int) -> Iterator[torch.Tensor]:
        """uint8 [B, 3, S, S], one after the other, B <= size."""
        if self.hold(view):
            yield from torch.split(self._images[view], size)
        else:
            yield from self._decoded(view, size)

    def holds(self, view: View) -> bool:
        return view in self._images

    def hold(self, view: View) -> bool:
        """Decode for this view, unless that was done; False: there is no room to keep them."""
        if view not in self._images and self._room_for(view):
            images, refusals = decode_entries(self.sample, self.asked, view)
            self.settle(refusals)
            self._images[view] = close_ranks(images, self.kept)
        return view in self._images

    def _decoded(self, view: View, size: int) -> Iterator[torch.Tensor]:
        """Decode so many at a time and keep none."""
        refusals: list[Refusal | None] = []
        for images, found in self._chunks(view, size):
            refusals += found
            good = [i for i, refusal in enumerate(found) if refusal is None]
            if good:
                yield close_ranks(images, good)
        self.settle(refusals)

    def _chunks(self, view: View, size: int) -> Iterator[tuple[torch.Tensor, list[Refusal | None]]]:
        for first in range(0, len(self.asked), size):
            yield decode_entries(self.sample, self.asked[first : first + size], view)

    def _room_for(self, view: View) -> bool:
        used = sum(images.numel() for images in self._images.values())
        return used + len(self.asked) * 3 * view.size**2 <= self._held


def _key_of(sample: Sample, entries: Sequence[Entry]) -> str:
    """SHA-256 over the sample's version and the entries in their order; labels do not change what a network sees."""
    told = [sample.version.id, *(f"{entry.path}\n{entry.digest}" for entry in entries)]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()
