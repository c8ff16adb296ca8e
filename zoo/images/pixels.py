"""All images of a sample as one uint8 tensor, as a network wants to see them: resized, cropped at the centre.

The geometry is that of timm's evaluation transform: the shorter side becomes floor(size / crop), then the middle
`size` x `size` is taken. Pixels are within one level of it: both weigh the same pixels and round after each of the two
passes. To make an image smaller, the kernel is torch's for uint8, three times as fast as Pillow's. It is called with
explicit scales, which the public `interpolate` does not take together with a size, so that what lies right of and below
the crop is never computed. Its weights have 15 bits and Pillow's 22. Where few pixels carry all the weight, as when an
image is enlarged, that adds up to two levels now and then, so those go through Pillow; where it is made smaller, in one
value of a million.
"""

import math
import mmap
import tempfile
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from headhunt.errors import BadValue, ImageRefused, printable
from headhunt.vocabulary import GIB, Entry, Interpolation, Refusal
from zoo.images.decoding import Pixels8, decode
from zoo.images.sample_checks import check_broken
from zoo.images.samples import Sample
from zoo.machine import usable_cores

IN_MEMORY = 4 * GIB
"""Pixels beyond this lie in a temporary file that is mapped into memory."""
CHUNK = 32
SMALL_VIEW, SMALL_FILE = 128, 6_000
"""In pixels and in bytes. What is smaller in both is decoded by one thread: it takes less time than handing Python's
lock from thread to thread (JPEG files of 32 x 32 take 110 us each with one thread and 220 us with two)."""
FINE = 1.0
"""Images whose shorter side is below so many times the wanted one are resized by Pillow."""
KERNELS = {
    "bicubic": torch.ops.aten._upsample_bicubic2d_aa,
    "bilinear": torch.ops.aten._upsample_bilinear2d_aa,
}


@dataclass(frozen=True)
class View:
    """What a network wants to see. `crop`: the share of the resized image that the centre crop keeps."""

    size: int
    crop: float = 1.0
    interpolation: Interpolation = "bicubic"

    def __post_init__(self) -> None:
        if not 1 <= self.size <= 4096:
            raise BadValue(f"An input size of {self.size} pixels cannot be used; 1 to 4096 can.")
        if not 0 < self.crop <= 1:
            raise BadValue(f"A crop of {self.crop:g} cannot be used; it is a share, above 0 and up to 1.")
        if self.interpolation not in (*KERNELS, "nearest"):
            raise BadValue(f"No interpolation named {self.interpolation!r}; bicubic, bilinear and nearest are known.")

    @property
    def resized(self) -> int:
        """The shorter side before the crop."""
        return math.floor(self.size / self.crop)


@dataclass(frozen=True)
class Pixels:
    """Decoded images: uint8 [N, 3, S, S], channels last. `labels`: int64 [N], places in `classes`, -1: unlabelled.

    `kept`: which of the entries that were asked for the N images are, in order; the others are `refused`.
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    refused: tuple[Refusal, ...] = ()
    kept: tuple[int, ...] = ()


def load_pixels(sample: Sample, view: View, split: str | None = None, classes: tuple[str, ...] | None = None) -> Pixels:
    """Decode a sample or one part of it. Images that turn out broken are left out, reported, and counted.

    `classes` fixes the order of the labels; by default the sample's own, sorted.
    """
    return load_entries(sample, sample.entries(split), view, classes)


def load_entries(
    sample: Sample, entries: Sequence[Entry], view: View, classes: tuple[str, ...] | None = None
) -> Pixels:
    """The same for chosen images of a sample, in the order given."""
    names = sample.classes if classes is None else classes
    labels = places_of(entries, names)
    images, refusals = decode_entries(sample, entries, view)
    kept = tuple(i for i, refusal in enumerate(refusals) if refusal is None)
    refused = tuple(refusal for refusal in refusals if refusal is not None)
    check_broken(refused, len(kept), sample.limits)
    return Pixels(close_ranks(images, kept), labels[torch.tensor(kept, dtype=torch.int64)], names, refused, kept)


def decode_entries(sample: Sample, entries: Sequence[Entry], view: View) -> tuple[torch.Tensor, list[Refusal | None]]:
    """Every entry has its place in the images [N, 3, S, S]; where it was refused, its place holds nothing of worth."""
    images = allocate(len(entries), view.size)
    return images, _fill(images, sample, entries, view)


def close_ranks(images: torch.Tensor, kept: Sequence[int]) -> torch.Tensor:
    """The images at these places, in rising order, moved to the front of the same memory."""
    for to, origin in enumerate(kept):
        if to != origin:
            images[to] = images[origin]
    return images[: len(kept)]


def places_of(entries: Sequence[Entry], classes: tuple[str, ...]) -> torch.Tensor:
    """The label of each entry as its place in `classes`: int64 [N], -1: unlabelled."""
    place = {name: i for i, name in enumerate(classes)}
    strange = sorted({entry.label for entry in entries if entry.label is not None} - place.keys())
    if strange:
        raise BadValue(
            f"The sample has the class {printable(strange[0])!r}, which is none of {', '.join(classes[:10])}."
        )
    return torch.tensor([-1 if entry.label is None else place[entry.label] for entry in entries], dtype=torch.int64)


def allocate(count: int, size: int) -> torch.Tensor:
    """uint8 [N, 3, S, S] in memory, or in a temporary file that goes when the tensor goes.

    The channels of a pixel lie together (torch.channels_last), as decoders write them and convolutions read them.
    """
    total = count * 3 * size * size
    if total <= IN_MEMORY:
        return torch.empty((count, size, size, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    with tempfile.TemporaryFile(prefix="headhunt-") as file:
        file.truncate(total)
        mapped = mmap.mmap(file.fileno(), total)
    return torch.frombuffer(mapped, dtype=torch.uint8).view(count, size, size, 3).permute(0, 3, 1, 2)


def _fill(images: torch.Tensor, sample: Sample, entries: Sequence[Entry], view: View) -> list[Refusal | None]:
    """Decode into `images`, in threads: the decoders and the kernel work outside Python's lock.

    Every image has its own place, so the result does not depend on who comes first. Pillow's warnings about odd
    metadata are switched off once, around all threads, since the switch is one for the whole process.
    """
    refusals: list[Refusal | None] = [None] * len(entries)

    def work(start: int) -> None:
        for i in range(start, min(start + CHUNK, len(entries))):
            try:
                fit(decode(sample.read(entries[i]), sample.limits), view, images[i])
            except ImageRefused as error:
                refusals[i] = Refusal(member=printable(entries[i].path), code=error.code, reason=error.reason)

    with warnings.catch_warnings(), ThreadPoolExecutor(threads_for(entries, view), "decode") as pool:
        warnings.filterwarnings("ignore", module="PIL")
        list(pool.map(work, range(0, len(entries), CHUNK)))
    return refusals


def threads_for(entries: Sequence[Entry], view: View) -> int:
    small = view.size < SMALL_VIEW and sum(entry.size for entry in entries) < SMALL_FILE * len(entries)
    return 1 if small else usable_cores()


class Scratch(threading.local):
    """The resized image of each thread, in memory that is used again."""

    def __init__(self) -> None:
        self._flat = torch.empty(0, dtype=torch.uint8)

    def take(self, height: int, width: int) -> torch.Tensor:
        """uint8 [1, 3, H, W], channels last."""
        count = 3 * height * width
        if self._flat.numel() < count:
            self._flat = torch.empty(count, dtype=torch.uint8)
        return self._flat[:count].view(1, height, width, 3).permute(0, 3, 1, 2)


_scratch = Scratch()


def fit(pixels: Pixels8, view: View, out: torch.Tensor) -> None:
    """Resize [H, W, 3] so that the shorter side is `view.resized`, and put the middle into `out` [3, S, S]."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    tall, wide = (view.resized * side // short for side in (height, width))
    top, left = (round((side - view.size) / 2.0) for side in (tall, wide))
    if short == view.resized:
        resized = torch.from_numpy(pixels).permute(2, 0, 1)
    elif short < FINE * view.resized or view.interpolation not in KERNELS:
        resized = _by_pillow(pixels, (tall, wide), view.interpolation)
    else:
        resized = _by_torch(pixels, (tall, wide), (top + view.size, left + view.size), KERNELS[view.interpolation])
    out.copy_(resized[:, top : top + view.size, left : left + view.size])


def _by_torch(
    pixels: Pixels8, size: tuple[int, int], wanted: tuple[int, int], kernel: "torch._ops.OpOverloadPacket"
) -> torch.Tensor:
    """The upper left `wanted` rows and columns, at least, of the image resized to `size`.

    The kernel leaves out the pass along a side that has the same length before and after, so no cut may make it so.
    """
    sides = zip(pixels.shape[:2], size, wanted, strict=True)
    rows, columns = (whole if part == side else part for side, whole, part in sides)
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    resized = _scratch.take(rows, columns)
    kernel.out(image, [rows, columns], False, size[0] / image.shape[2], size[1] / image.shape[3], out=resized)
    return resized[0]


def _by_pillow(pixels: Pixels8, size: tuple[int, int], interpolation: str) -> torch.Tensor:
    method = Image.Resampling[interpolation.upper()]
    resized = Image.fromarray(pixels).resize((size[1], size[0]), method)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1)
