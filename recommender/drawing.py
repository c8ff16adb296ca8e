"""Which images of a sample are looked at: enough of every class, and no more than pays."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import islice, zip_longest

import numpy as np

from headhunt.errors import BadValue
from headhunt.vocabulary import Entry
from zoo.images.samples import Sample
from zoo.parts import held_out

ENOUGH = 400
"""Images. The scores of 400 rank models as those of thousands do; the time is better spent on probes."""
PER_CLASS = 4
"""With many classes, at least so many of each."""
MOST = 2000
PARTS = (1.0, 0.5, 0.25, 0.125)
"""Of these images, where decoding all would take too much of the time; at least LEAST, and two of each class."""
LEAST = 40


def looked_at(entries: Sequence[Entry], classes: int) -> int:
    """How many images are looked at."""
    return min(len(entries), MOST, max(ENOUGH, PER_CLASS * classes))


def balanced(entries: Sequence[Entry], count: int, seed: int = 0) -> tuple[Entry, ...]:
    """`count` labelled entries, of every class as many as of every other while they last, in the sample's order."""
    generator = np.random.default_rng(seed)
    of_class: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.label is not None:
            of_class[entry.label].append(entry)
    shuffled = [[members[i] for i in generator.permutation(len(members))] for _, members in sorted(of_class.items())]
    rounds = (entry for turn in zip_longest(*shuffled) for entry in turn if entry is not None)
    chosen = {entry.path for entry in islice(rounds, count)}
    return tuple(entry for entry in entries if entry.path in chosen)


def any_of(entries: Sequence[Entry], count: int, seed: int = 0) -> tuple[Entry, ...]:
    """`count` entries, labelled or not, in the sample's order."""
    if len(entries) <= count:
        return tuple(entries)
    chosen = np.random.default_rng(seed).choice(len(entries), count, replace=False)
    return tuple(entries[i] for i in sorted(chosen.tolist()))


def chosen_entries(sample: Sample, labels: bool, seed: int, part: float = 1.0) -> tuple[Entry, ...]:
    """Labelled images of the training part, all classes alike; without labels, any images."""
    entries = training_entries(sample)
    whole = looked_at(entries, len(sample.classes))
    count = min(whole, max(LEAST, 2 * len(sample.classes), round(part * whole)))
    return balanced(entries, count, seed) if labels and sample.classes else any_of(entries, count, seed)


def training_entries(sample: Sample) -> tuple[Entry, ...]:
    """The training part. Where the sample has no part to test on, what a fine-tuning would hold out is left alone, so
    that the winner can go on from its probe and still be judged on images that it has never seen."""
    if sample.splits and "train" not in sample.splits:
        raise BadValue(
            f"{sample.name} has the parts {', '.join(sample.splits)} and no train: what is kept for judging is not"
            " looked at. Add a folder 'train'."
        )
    entries = sample.entries("train" if "train" in sample.splits else None)
    if {"val", "test"} & set(sample.splits):
        return entries
    place = {name: i for i, name in enumerate(sample.classes)}
    labels = np.array([place.get(entry.label or "", -1) for entry in entries], np.int64)
    held = held_out(labels)
    return tuple(entry for entry, left_out in zip(entries, held.tolist(), strict=True) if not left_out)


def largest_share(entries: Sequence[Entry]) -> float:
    """What naming the largest class would give, of the labelled images."""
    counts = Counter(entry.label for entry in entries if entry.label is not None)
    return max(counts.values()) / counts.total() if counts else 0.0
