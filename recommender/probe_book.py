"""What short trainings came to, on the disk: a probe that was finished is never made again, whatever is killed.

    HOME/probes/<sample>/<key>.json               the result of one rung, and the digest of its weights
    HOME/probes/<sample>/weights/<digest>.safetensors

The key is made of all that a rung's result depends on: the model's weights, the images, rates, steps and seed. Weights
are written before the record that names them, each whole or not at all, so a kill loses at most the rung in the
making. A record that cannot be read, or weights that are gone or are no longer what they were, count as not there.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from torch import nn

from headhunt.errors import HeadhuntError
from headhunt.vocabulary import GIB, ModelCard, Struct
from recommender.contender import ProbeResult
from zoo.files import discard, replace_file
from zoo.networks.weights import State, WeightStore

FORMAT = 1
MOST_BYTES = 4 * GIB
"""Of the weights of all samples together; the oldest go first."""
LEFT_BEHIND = 3600.0
"""Seconds after which a half-written file belongs to nobody."""


class Record(Struct, frozen=True):
    """One line of the book. `weights`: the digest of the network after the rung; None where it is not kept."""

    result: ProbeResult
    weights: str | None = None


class ProbeBook:
    """The finished probes of one sample. `sample` names the images that are probed on, such as a gallery's key."""

    def __init__(self, home: Path, sample: str) -> None:
        self.sample = sample
        self.folder = home / "probes" / hashlib.sha256(sample.encode()).hexdigest()[:24]
        self._store = WeightStore(self.folder / "weights")
        self._writing = threading.Lock()
        self._own: set[str] = set()
        """Digests of weights that this process wrote."""

    def key(self, card: ModelCard, trial: Struct) -> str:
        """The name of one model's probe: `trial` holds everything that was chosen about it."""
        what = (FORMAT, card.weights or [card.id, card.origin], card.network, card.input_size, self.sample, trial)
        return hashlib.sha256(msgspec.json.encode(what)).hexdigest()[:40]

    def result(self, key: str) -> ProbeResult | None:
        """What that probe came to, if it was finished."""
        record = self._record(key)
        return None if record is None else record.result

    def state(self, key: str) -> State | None:
        """The network's weights after that probe, if they are still there."""
        record = self._record(key)
        if record is None or record.weights is None:
            return None
        try:
            return self._store.load(record.weights)
        except (HeadhuntError, OSError):
            return None

    def keep(self, key: str, result: ProbeResult, network: nn.Module | None) -> None:
        """Write down a finished probe; first its weights, where it has any worth going on from."""
        self.keep_state(key, result, None if network is None else network.state_dict())

    def keep_state(self, key: str, result: ProbeResult, state: State | None) -> None:
        """The same, of a network that was trained elsewhere."""
        with self._writing:
            digest = None if state is None else self._store.add(state)[0]
            self._own |= {digest} if digest else set()
            replace_file(self._path(key), msgspec.json.encode(Record(result=result, weights=digest)))

    def forget_weights(self, but: Iterable[str]) -> None:
        """Keep the weights of these probes alone; the results of all of them stay. What is young and not ours stays
        too: another process may be about to go on from it.
        """
        with self._writing:
            records = [self._record(key) for key in but]
            kept = {record.weights for record in records if record}
            for path in _weights_below(self.folder):
                if path.stem not in kept and (path.stem in self._own or _age(path) > LEFT_BEHIND):
                    discard(path)
            _clear(self.folder / "weights")
            _bound(self.folder.parent)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _record(self, key: str) -> Record | None:
        try:
            return msgspec.json.decode(self._path(key).read_bytes(), type=Record)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None


def _weights_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.safetensors") if path.is_file()]


def _clear(folder: Path) -> None:
    """Remove what killed writers left."""
    if folder.is_dir():
        for path in folder.glob(".*.draft"):
            if _age(path) > LEFT_BEHIND:
                discard(path)


def _age(path: Path) -> float:
    """In seconds; of a file that somebody else has just removed, none."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _bound(probes: Path) -> None:
    """Over all samples, the oldest weights go until the rest is small enough."""
    aged = sorted((found.st_mtime, found.st_size, path) for path, found in _stats(_weights_below(probes)))
    total = sum(size for _, size, _ in aged)
    for _, size, path in aged:
        if total <= MOST_BYTES:
            return
        discard(path)
        total -= size


def _stats(paths: Iterable[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    for path in paths:
        with suppress(OSError):  # another process may remove it at this moment
            yield path, path.stat()
