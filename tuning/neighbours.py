"""Where to begin: settings that were good on images like these, before the first trial.

    embedding of the sample --index--> nearest past studies --diverse--> k of them --one good setting each--> starts

The question: which few settings are worth trying first? The best settings of the nearest study alone are near copies of
one another, and wrong together when that neighbour misleads. So there is one from each of several neighbours, and they
are chosen to differ:

    neighbours   from the nearest on; of studies of the same images the last alone
    settings     of the first neighbour its best; of each other one that is good (within GOOD of its best) and lies
                 farthest in the space from those that were taken

What is kept of a study is one line of HOME/studies/past.jsonl, written when it ends: where its images lie, its space,
its best settings. A line that cannot be read, and one that was cut by a kill, is passed over.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from discriminator.index import Borders, Index
from headhunt.errors import BadValue, NotWritten
from headhunt.spaces import Choice, Double, Fixed, Integer, Parameter, Space, Value, allowed
from headhunt.vocabulary import Struct
from zoo.files import unwritten, writer_lock

FILE = "past.jsonl"
KEPT = 10
"""Settings of a study that are kept."""
GOOD = 0.03
"""A setting is good whose loss is at most so much above the best, as a share of it, or one of the best three."""
LEAST_GOOD = 3
LONGEST_LINE = 1_000_000

Params = dict[str, Value]


class Setting(Struct, frozen=True, omit_defaults=False):
    """One that was tried, and its loss: lower is better."""

    params: Params
    loss: float


class PastStudy(Struct, frozen=True, omit_defaults=False):
    """What is kept of one. `eyes`: what made the embedding: only embeddings of the same eyes are compared.
    `images`: the version of the images. `about`: what else has to be the same, such as the network's family."""

    images: str
    eyes: str
    embedding: list[float]
    settings: list[Setting]
    about: str = ""


def past_study(images: str, eyes: str, embedding: NDArray[np.floating], trials: Iterable[Setting]) -> PastStudy:
    """The best KEPT of the trials; those without a finite loss are left out."""
    ended = sorted((one for one in trials if math.isfinite(one.loss)), key=lambda one: one.loss)
    return PastStudy(images, eyes, [round(float(value), 6) for value in embedding], ended[:KEPT])


def starts(
    embedding: NDArray[np.floating], past: Sequence[PastStudy], k: int, space: Space, borders: Borders | None = None
) -> list[Params]:
    """At most k settings to try first, the most likely first. All of `past` has to be of the same eyes."""
    if k < 1:
        raise BadValue(f"{k} starts cannot be had; 1 or more can.")
    taken: list[Params] = []
    for study in nearest(embedding, past, k, borders):
        own = [params for one in good(study.settings) if (params := fitting(space, one.params))]
        if taken:
            own.sort(key=lambda params: -min(apart(space, params, other) for other in taken))
        if own and own[0] not in taken:
            taken.append(own[0])
    return taken


def nearest(
    embedding: NDArray[np.floating], past: Sequence[PastStudy], k: int, borders: Borders | None = None
) -> list[PastStudy]:
    """The k nearest studies of different images; exact search while they are few, a graph or codes when they are many
    (discriminator/index.py)."""
    place = np.asarray(embedding, np.float32)
    if place.ndim != 1 or not np.isfinite(place).all() or not place.any():
        raise BadValue(f"An embedding of shape {place.shape} has no neighbours. Give [d] numbers, not all zero.")
    last = {study.images: study for study in past if usable(study, len(place))}
    if not last:
        return []
    index = Index(len(place), "cosine", borders)
    index.add(list(last), np.array([study.embedding for study in last.values()], np.float32))
    names, _ = index.search(place[None], min(k, len(last)))
    return [last[name] for name in names[0]]


def usable(study: PastStudy, dimension: int) -> bool:
    good_place = len(study.embedding) == dimension and all(map(math.isfinite, study.embedding)) and any(study.embedding)
    return good_place and bool(study.settings)


def good(settings: Sequence[Setting]) -> list[Setting]:
    """Best first."""
    ended = sorted((one for one in settings if math.isfinite(one.loss)), key=lambda one: one.loss)
    return [
        one for i, one in enumerate(ended) if i < LEAST_GOOD or one.loss <= ended[0].loss + GOOD * abs(ended[0].loss)
    ]


def fitting(space: Space, params: Mapping[str, Value]) -> Params:
    """What of a setting can come up in this space; the sampler draws the rest. Empty where nothing is left."""
    return {
        name: value
        for name, value in params.items()
        if name in space and not isinstance(space[name], Fixed) and allowed(space[name], value)
    }


# --- How far two settings lie apart ---------------------------------------------------------------------------------


def apart(space: Space, one: Mapping[str, Value], other: Mapping[str, Value]) -> float:
    """The mean over the parameters, from 0 to 1 each; 1 where only one of them has it."""
    found = [
        gap(space[name], one[name], other[name]) if name in one and name in other else 1.0
        for name in space
        if not isinstance(space[name], Fixed) and (name in one or name in other)
    ]
    return sum(found) / len(found) if found else 0.0


def gap(parameter: Parameter, one: Value, other: Value) -> float:
    """Of numbers the share of the range that lies between them, of choices 0 or 1."""
    if isinstance(parameter, Choice | Fixed) or isinstance(one, str) or isinstance(other, str):
        return 0.0 if one == other else 1.0
    return abs(share_of(parameter, float(one or 0)) - share_of(parameter, float(other or 0)))


def share_of(parameter: Double | Integer, value: float) -> float:
    low, high = float(parameter.low), float(parameter.high)
    if parameter.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low) if high > low else 0.0


# --- What is kept -----------------------------------------------------------------------------------------------------


def remember(folder: Path, study: PastStudy) -> None:
    """Add a line to FOLDER/past.jsonl. A line that a kill cut off before is closed first, so it harms no other."""
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with writer_lock(folder / f"{FILE}.lock"), path.open("a+b") as file:
            if file.tell() and (file.seek(-1, 2), file.read(1))[1] != b"\n":
                file.write(b"\n")
            file.write(msgspec.json.encode(study) + b"\n")
    except OSError as error:
        raise NotWritten(unwritten(path, error)) from error


def remembered(folder: Path, eyes: str, about: str = "") -> list[PastStudy]:
    """The past studies whose embeddings can be compared, in the order they ended; none where there is no file."""
    try:
        lines = (folder / FILE).read_bytes().splitlines()
    except OSError:
        return []
    read = (study_of(line) for line in lines if len(line) <= LONGEST_LINE)
    return [one for one in read if one is not None and (one.eyes, one.about) == (eyes, about)]


def study_of(line: bytes) -> PastStudy | None:
    """None where the line is no study; numbers that JSON cannot hold are refused with it."""
    try:
        return msgspec.json.decode(line, type=PastStudy)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
