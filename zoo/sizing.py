"""How large images should be for a network that is trained anew: as large as the images are, within what pays."""

import statistics

from headhunt.vocabulary import Entry
from zoo.images.headers import inspect
from zoo.images.samples import Sample

LOOKED_AT = 64
STEPS = (32, 48, 64, 96, 128, 160, 224)
"""Larger inputs cost more than a network that starts from nothing makes of them; ask for them by --input."""
NEAR = 1.15
"""A step may be exceeded by so much: 36 px images become 32 px."""


def fitting_size(sample: Sample) -> int:
    """The step that fits the median of the images' shorter sides."""
    entries = sample.entries()
    looked_at = entries[:: max(1, len(entries) // LOOKED_AT)]
    typical = statistics.median(_shorter_side(sample, entry) for entry in looked_at)
    return next((step for step in STEPS if typical <= step * NEAR), STEPS[-1])


def _shorter_side(sample: Sample, entry: Entry) -> int:
    header = inspect(sample.read(entry), sample.limits)
    return min(header.width, header.height)
