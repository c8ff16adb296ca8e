"""Question: which accuracy did each model reach on each dataset, as far as the history can be compared?

    M models, D columns; a column is one dataset under one protocol, so that only what was trained alike is compared

A dataset that was trained on under two protocols has two columns of the same name. Within a column, a model's accuracy
is that of its best setting (rate and batch size), chosen by validation where all its settings have one and by the
accuracy itself where not, and averaged over seeds.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import msgspec
import numpy as np
from numpy.typing import NDArray

from headhunt.vocabulary import Outcome

Array = NDArray[np.float64]
Column = tuple[str, str]


@dataclass(frozen=True)
class Outcomes:
    """What is known: `accuracy` [M, D] as a fraction, nan where unknown; `failed` [M, D]: every run diverged.

    A failure is knowledge, too: that model stands below all that learned. Its accuracy is nan, for it says what the
    largest class's share is, not what the model is worth. None: no failures.
    """

    models: tuple[str, ...]
    datasets: tuple[str, ...]
    accuracy: Array
    failed: NDArray[np.bool_] | None = None

    def failures(self) -> NDArray[np.bool_]:
        """[M, D]"""
        return np.zeros(self.accuracy.shape, bool) if self.failed is None else self.failed

    def without(self, dataset: str) -> "Outcomes":
        """All columns but those of one dataset; models that nothing is left of stay, unknown."""
        kept = [place for place, name in enumerate(self.datasets) if name != dataset]
        return Outcomes(
            self.models, tuple(self.datasets[i] for i in kept), self.accuracy[:, kept], self.failures()[:, kept]
        )


def outcomes_of(rows: Iterable[Outcome]) -> Outcomes:
    """The table of a history. Left out: models that had seen the dataset before, and tests that never took place."""
    cells: dict[tuple[str, Column], list[Outcome]] = defaultdict(list)
    for row in rows:
        if not {"seen-target", "untested"} & set(row.flags):
            cells[row.model, (row.dataset, protocol_key(row))].append(row)
    models = {model: i for i, model in enumerate(sorted({model for model, _ in cells}))}
    columns = {column: i for i, column in enumerate(sorted({column for _, column in cells}))}
    accuracy = np.full((len(models), len(columns)), np.nan)
    failed = np.zeros(accuracy.shape, bool)
    for (model, column), runs in cells.items():
        at = models[model], columns[column]
        sound = [run for run in runs if "diverged" not in run.flags]
        failed[at] = not sound
        if sound:
            accuracy[at] = best_setting(sound)
    return Outcomes(tuple(models), tuple(name for name, _ in columns), accuracy, failed)


def protocol_key(row: Outcome) -> str:
    """What makes two trainings comparable: all of the protocol but what is tuned (the rate) and repeated (the seed)."""
    if row.protocol is None:
        return f"{row.protocol_name or ''} {row.epochs or ''}"
    return msgspec.json.encode(msgspec.structs.replace(row.protocol, lr=0.0, seeds=())).decode()


def best_setting(runs: Sequence[Outcome]) -> float:
    """The accuracy of the setting that looks best, as the mean over its runs."""
    settings: dict[tuple[float | None, int | None], list[Outcome]] = defaultdict(list)
    for run in runs:
        settings[rate(run), run.batch_size].append(run)
    if all(run.val_accuracy is not None for run in runs):
        return max(
            (fmean(run.val_accuracy or 0.0 for run in s), fmean(r.accuracy for r in s)) for s in settings.values()
        )[1]
    return max(fmean(run.accuracy for run in same) for same in settings.values())


def rate(run: Outcome) -> float | None:
    return run.lr if run.protocol is None else run.protocol.lr
