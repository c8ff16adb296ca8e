"""Which of the user's images are looked at, what has to be said about it, and how many the time allows.

A small picture takes a tenth of a millisecond, a photograph of a telephone a tenth of a second, a thousand times as
long. So a few are decoded and timed before anything is promised.
"""

import time
from collections.abc import Sequence

from headhunt.errors import NeedTwoClasses
from headhunt.vocabulary import Entry
from recommender.drawing import PARTS, chosen_entries, largest_share, training_entries
from zoo.images.pixels import View, decode_entries
from zoo.images.samples import Sample

TIMED = 8
"""Images, from all over the sample."""
FOR_DECODING = 0.25
"""Of the time, for MOST_VIEWS views at most."""
MOST_VIEWS = 3
LEAST = 1e-5
"""Seconds: no image takes less."""
UNEQUAL = 1.2
"""By so many times the largest class may be more frequent than among the images looked at, without a word on it."""


def choose(sample: Sample, labels: bool, seed: int) -> tuple[tuple[Entry, ...], list[str]]:
    """The images that are looked at, and a word on those that are not used."""
    entries, warnings = training_entries(sample), list[str]()
    chosen = chosen_entries(sample, labels, seed)
    if labels and not sample.classes:
        warnings.append(
            "the sample has no labels: the ranking rests on what it resembles and on history alone."
            " A folder for each class would tell much more"
        )
    elif labels:
        check_two_classes(sample, entries)
        if bare := sum(entry.label is None for entry in entries):
            warnings.append(f"{bare} images without a label were not used")
        if largest_share(entries) > UNEQUAL * largest_share(chosen):
            warnings.append(
                f"the classes are unequal ({100 * largest_share(entries):.0f} % are of one). Accuracies, and that of"
                " naming the largest class, are for images of all classes alike"
            )
    return chosen, warnings


def check_two_classes(sample: Sample, entries: Sequence[Entry]) -> None:
    if len({entry.label for entry in entries} - {None}) < 2:
        only = next((entry.label for entry in entries if entry.label is not None), "none")
        raise NeedTwoClasses(
            f"{sample.name} has one class, {only!r}: every model separates one class from"
            " nothing. Make a folder for each class, or give --no-labels to rank by resemblance alone."
        )


def decoding_seconds(sample: Sample, entries: Sequence[Entry]) -> float:
    """For one image, with all cores at work, after one that loads the decoders. Broken ones are told later."""
    if not entries:
        return LEAST
    decode_entries(sample, entries[:1], View(32))
    chosen = [entries[i * len(entries) // TIMED] for i in range(min(TIMED, len(entries)))]
    began = time.perf_counter()
    decode_entries(sample, chosen, View(32))
    return max(LEAST, (time.perf_counter() - began) / len(chosen))


def part_within(budget: float, once: float, views: int) -> float:
    """Which part of the images to look at, when decoding all of them takes `once` seconds for each view."""
    needed = once * min(views, MOST_VIEWS)
    return next((part for part in PARTS if part * needed <= FOR_DECODING * budget), PARTS[-1])


def within_time(
    sample: Sample, entries: tuple[Entry, ...], labels: bool, seed: int, part: float
) -> tuple[tuple[Entry, ...], list[str]]:
    """Fewer images where decoding them would take too much of the time."""
    fewer = chosen_entries(sample, labels, seed, part)
    if len(fewer) == len(entries):
        return entries, []
    words = f"the images take long to decode: {len(fewer)} of {len(entries)} were looked at"
    return fewer, [f"{words}. More time, or smaller images, make the answer surer"]
