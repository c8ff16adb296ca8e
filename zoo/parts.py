"""A sample cut into what a network learns from, what chooses between trainings, and what judges the chosen one."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from headhunt.errors import BadValue
from headhunt.vocabulary import Refusal
from zoo.images.pixels import Pixels, View, load_pixels, places_of
from zoo.images.samples import Sample

HELD_OUT = 0.15
CUT_SEED = 0


@dataclass(frozen=True)
class Parts:
    """`test` is `val` where the sample has no test part: then the accuracy was seen once, when seeds were compared."""

    train: Pixels
    val: Pixels
    test: Pixels

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """Images that were left out when they were decoded, each once."""
        return tuple(dict.fromkeys((*self.train.refused, *self.val.refused, *self.test.refused)))


def divide(sample: Sample, view: View) -> Parts:
    """The sample's own splits where it has them; what is missing is held out of the training part, class by class."""
    if sample.splits and "train" not in sample.splits:
        raise BadValue(
            f"{sample.name} has the parts {', '.join(sample.splits)} and no train: nothing is there to learn from."
            " Add a folder 'train'."
        )
    given = {name: load_pixels(sample, view, name, sample.classes) for name in ("val", "test") if name in sample.splits}
    whole = load_pixels(sample, view, "train" if sample.splits else None, sample.classes)
    if "val" in given:
        return Parts(whole, given["val"], given.get("test", given["val"]))
    train, val = hold_out(whole, labels_of(sample, "train" if sample.splits else None))
    if not len(val.images):
        raise BadValue(
            f"{sample.name} has one image of each class to train on, so none is left to validate on."
            " Add images, two or more of a class, or a folder 'val'."
        )
    return Parts(train, val, given.get("test", val))


def labels_of(sample: Sample, split: str | None) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """[N], -1: unlabelled; of every entry of a part, whether it can be decoded or not."""
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = places_of(sample.entries(split), sample.classes).numpy()
    return found


def hold_out(whole: Pixels, asked: "np.ndarray[tuple[int], np.dtype[np.int64]] | None" = None) -> tuple[Pixels, Pixels]:
    """Labelled images, cut in two: of each class a share, at least one where there are two, the same at every call.

    asked: the labels of all entries, of which `whole.kept` could be decoded. The cut is made among all: one image more
    that is broken moves no other to the other side. Where all that was held out is broken, among those that are left.
    """
    labels = whole.labels.numpy()
    mask = held_out(labels) if asked is None else held_out(asked)[list(whole.kept)]
    mask = mask if mask.any() else held_out(labels)
    return pick(whole, np.flatnonzero(~mask & (labels >= 0))), pick(whole, np.flatnonzero(mask))


def held_out(labels: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """labels [N], -1: unlabelled -> [N], true for those that are held out."""
    generator = np.random.default_rng(CUT_SEED)
    held: list[int] = []
    for label in np.unique(labels[labels >= 0]):
        members = generator.permutation(np.flatnonzero(labels == label))
        held.extend(members[: max(round(len(members) * HELD_OUT), int(len(members) > 1))].tolist())
    mask = np.zeros(len(labels), dtype=bool)
    mask[held] = True
    return mask


def pick(pixels: Pixels, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Pixels:
    index = torch.from_numpy(rows)
    kept = tuple(pixels.kept[row] for row in rows.tolist()) if pixels.kept else ()
    return replace(pixels, images=pixels.images[index], labels=pixels.labels[index], kept=kept)
