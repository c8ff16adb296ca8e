"""Which images of a sample are looked at: enough of every class, and no more than pays."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice, zip_longest

import numpy as np

from headhunt.vocabulary import Entry

ENOUGH = 400
"""Images. The scores of 400 rank models as those of thousands do; the time is better spent on probes."""
PER_CLASS = 4
"""With many classes, at least so many of each."""
MOST = 2000


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
