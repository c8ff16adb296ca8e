"""Question: which models had been trained on the very data that they are tested on, before the run?

Three signs, each of which a row of the table can be checked against:

1. *Lineage.* The model is a card of this repository, and its domain, or that of an ancestor, is the dataset.
2. *Its name says so.* Cut into words, the model's name holds one of the dataset's names: its own or a usual one
   (`svhn_cropped` is also `svhn`). Words may be joined (`cifar-100`), carry a count (`eurosat2700`) or one wrong
   letter (`eurostat`), but digits must be the same: `cifar10` is not `cifar100`. Names that are plain words (`flowers`,
   `pets`) count only when the model was called by it as a whole (`someone/flowers`), for the dataset of that name.
3. *It remembers.* Small validation sets are cut from the training images. A model that was trained on those knows its
   validation images by heart and not its test images: among the best quarter of runs, validation beyond test by more
   than 4 standard errors, over the usual difference of runs that are near in accuracy.

Much better than expected is no sign: by a two-way fit (model + dataset), the largest surpluses belong to large models
that are merely good.
"""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from headhunt.vocabulary import Outcome

USUAL_NAMES = {
    "cifar10": ("cifar10",),
    "cifar100": ("cifar100",),
    "svhncropped": ("svhn",),
    "svhn": ("svhn", "svhncropped"),
    "oxfordiiitpet": ("oxfordpets", "oxfordpet", "iiitpet", "iiitpets", "pets37"),
    "pets": ("oxfordpets", "oxfordpet", "oxfordiiitpet", "iiitpet"),
    "oxfordflowers102": ("flowers102", "flower102", "oxfordflowers"),
    "flowers": ("flowers102", "flower102", "oxfordflowers"),
    "diabeticretinopathydetection": ("diabeticretinopathy", "retinopathy"),
    "patchcamelyon": ("camelyon", "pcam"),
    "resisc45": ("resisc", "nwpuresisc45"),
    "aircraft": ("fgvcaircraft",),
    "cars": ("stanfordcars",),
    "food": ("food101",),
    "food101": ("food101",),
    "voc2007": ("voc2007", "pascalvoc"),
    "imagenet": ("imagenet1k", "in1k", "ft1k", "1k"),
    "imagenet1k": ("imagenet", "in1k", "ft1k", "1k"),
}
"""What else a dataset is called within names of models; both sides without anything but letters and digits."""
PLAIN_WORDS = frozenset((
    "aircraft", "animals", "birds", "blocks", "cars", "cats", "digits", "dogs", "faces", "flowers", "food", "fruits",
    "pets", "places", "scenes", "textures",
))  # fmt: skip
LONGEST_JOIN = 4
LEAST_TYPO = 7
LEAST_RUNS = 20
BEST = 0.25
STANDARD_ERRORS = 4.0
NEAR = 0.1


def names_target(rows: Sequence[Outcome], lineage: Mapping[str, frozenset[str]]) -> set[str]:
    """The models whose lineage or name says that they were trained on these rows' dataset."""
    dataset = joined(rows[0].dataset)
    return {
        model
        for model in {row.model for row in rows}
        if dataset in {joined(domain) for domain in lineage.get(model, ())} or says(model, dataset)
    }


def joined(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def says(model: str, dataset: str) -> bool:
    """Whether a model's name holds a name of the dataset."""
    names = {dataset, *USUAL_NAMES.get(dataset, ())}
    plain = {name for name in names if name in PLAIN_WORDS and name not in USUAL_NAMES.get(dataset, ())}
    last = joined(model.rpartition("/")[2])
    return last in plain or any(same(word, name) for name in names - plain for word in words(model))


def words(model: str) -> set[str]:
    """The words of a name, and neighbours joined: `vit-cifar-100` gives cifar, 100, cifar100 and more."""
    parts = [part for part in re.split(r"[^a-z0-9]+", model.lower()) if part]
    return {"".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, min(i + LONGEST_JOIN, len(parts)) + 1)}


def same(word: str, name: str) -> bool:
    """Equal; or, for a name without digits, equal but for a count behind it or for one letter."""
    if word == name:
        return True
    if len(name) < LEAST_TYPO or any(c.isdigit() for c in name):
        return False
    stem = word.rstrip("0123456789")
    return stem == name or (stem == word and one_off(word, name))


def one_off(a: str, b: str) -> bool:
    """Whether one insertion, deletion or replacement makes them equal."""
    if abs(len(a) - len(b)) > 1 or a[0] != b[0]:
        return False
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[at + 1 :] == b[at + 1 :] or a[at:] == b[at + 1 :] or a[at + 1 :] == b[at:]


def remembering(rows: Sequence[Outcome]) -> set[str]:
    """The models that know their validation images by heart. `rows`: the sound ones of one dataset."""
    runs = [(row.accuracy, row.val_accuracy, row.model) for row in rows if row.val_accuracy is not None]
    if len(runs) < LEAST_RUNS:
        return set()
    size = validation_images([val for _, val, _ in runs])
    bar = sorted((accuracy for accuracy, _, _ in runs), reverse=True)[int(BEST * len(runs))]
    return {
        model
        for accuracy, val, model in runs
        if accuracy >= bar and surplus(accuracy, val, model, runs, size) > STANDARD_ERRORS
    }


def surplus(accuracy: float, val: float, model: str, runs: Sequence[tuple[float, float, str]], size: float) -> float:
    """By how many standard errors validation exceeds test, over the usual difference of runs near in accuracy."""
    near = [v - a for a, v, other in runs if other != model and abs(a - accuracy) <= NEAR]
    if len(near) < LEAST_RUNS // 2:
        return 0.0
    usual = median(near)
    spread = 1.4826 * median(abs(difference - usual) for difference in near)
    expected = min(max(accuracy + usual, 0.02), 0.98)
    return (val - accuracy - usual) / max(math.sqrt(expected * (1 - expected) / size), spread)


def validation_images(values: Sequence[float]) -> float:
    """How many images the validation set had: the smallest step between its accuracies is one of them."""
    steps = [b - a for a, b in pairwise(sorted(set(values))) if b - a > 1e-6]
    return min(1 / min(steps), 1e5) if steps else 1e5
