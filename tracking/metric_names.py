"""What a metric's name says: of which part of the data it is, and what it measures.

Keras says `loss` and `val_loss`, Lightning `train_loss_epoch`, timm `eval_top1`, MLflow `training_accuracy_score`,
others `Loss/validation`. A word that is not known here makes the whole name unknown: `loss_weight` is no loss, and
`box_loss` is a part of one.
"""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

Part = Literal["train", "val", "plain"]
Kind = Literal["loss", "accuracy", "rate"]

PARTS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "tr", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "eval", "evaluation", "dev"), "val"),
}
LOSSES = {"loss", "nll", "xent", "crossentropy", "logloss", "objective"}
ACCURACIES = {"acc", "accuracy", "top1", "acc1", "accuracy1", "acctop1", "accuracytop1", "top1acc", "top1accuracy"}
RATES = {"lr", "learningrate"}
FILLERS = {"epoch", "step", "mean", "avg", "average", "total", "running", "smoothed", "score", "metrics", "metric"}
FILLERS |= {"sparse", "categorical", "binary", "multiclass", "ce", "balanced", "percent", "overall", "set"}
JOINED = (("learning", "rate"), ("cross", "entropy"), ("log", "loss"), ("top", "1"), ("acc", "1"), ("accuracy", "1"))
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
OPTIMISER = re.compile(r"^(lr|learning_rate)[-_/.](sgd|adamw?|rmsprop|group_?\d+|pg\d+|\d+)\d*$", re.IGNORECASE)


class Meaning(NamedTuple):
    part: Part
    kind: Kind
    plainness: int
    """Fewer words more than needed are plainer; a mean over an epoch is plainer than the value of a step."""


def meaning_of(name: str) -> Meaning | None:
    """What a name says; None where a word of it is not known, or where it says two things."""
    if OPTIMISER.match(name):
        return Meaning("plain", "rate", 1)
    words = words_of(name)
    parts = {PARTS[word] for word in words if word in PARTS}
    kinds = {kind for word in words if (kind := kind_of(word))}
    rest = [word for word in words if word not in PARTS and kind_of(word) is None]
    if len(parts) > 1 or len(kinds) != 1 or any(word not in FILLERS for word in rest):
        return None
    return Meaning(next(iter(parts), "plain"), kinds.pop(), len(rest) + ("step" in rest) * 9 - ("epoch" in rest))


def kind_of(word: str) -> Kind | None:
    if word in LOSSES:
        return "loss"
    if word in ACCURACIES:
        return "accuracy"
    return "rate" if word in RATES else None


def words_of(name: str) -> list[str]:
    """The words of a name in small letters, with those joined that belong together: `Top-1` is `top1`."""
    words = [word.lower() for word in WORD.findall(name)]
    joined: list[str] = []
    for word in words:
        if joined and (joined[-1], word) in JOINED:
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def plainest(names: Iterable[str], part: Part, kind: Kind) -> str | None:
    """The name that says this most plainly."""
    found = [
        (meaning.plainness, name) for name in names if (meaning := meaning_of(name)) and meaning[:2] == (part, kind)
    ]
    return min(found)[1] if found else None


def roles(names: Iterable[str]) -> dict[str, str]:
    """train_loss, val_loss, train_accuracy, val_accuracy and rate, each with the name of its metric, as far as known.

    A plain `loss` is the training's. A plain `accuracy` is so only where there is another for the held-out part, as
    Keras has it: alone it may be either.
    """
    known = list(names)
    picked = {
        f"{part}_{kind}": plainest(known, part, kind) for part in ("train", "val") for kind in ("loss", "accuracy")
    }
    picked["train_loss"] = picked["train_loss"] or plainest(known, "plain", "loss")
    if picked["val_accuracy"]:
        picked["train_accuracy"] = picked["train_accuracy"] or plainest(known, "plain", "accuracy")
    picked["rate"] = plainest(known, "plain", "rate") or plainest(known, "train", "rate")
    return {role: name for role, name in picked.items() if name}
