"""How much work do rules that end trials early save, and what do they lose? On drawn curves, so that the end is known.

    python -m benchmarks.curtailing

100 trials of 50 steps come one after the other, in the order drawn. `steps`: the part of all steps that ran. `lost`:
the best end among the trials that ran through, less the best of all; ends lie between 0.1 and 1.1. Medians and worst of
the seeds.
"""

import math
from collections.abc import Callable
from statistics import median

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.pruners import BasePruner, MedianPruner, NopPruner, PercentilePruner
from optuna.trial import TrialState

from benchmarks.curtailing_curves import Family, drawn
from benchmarks.report import Table, arguments, publish
from tuning.curtailing import BestFifth

RULES: dict[str, Callable[[], BasePruner]] = {
    "none": NopPruner,
    "median (Optuna's default)": MedianPruner,
    "best quarter of all readings": lambda: PercentilePruner(25.0),
    "best fifth (headhunt)": BestFifth,
}
FAMILIES = {
    "early losses tell the end": Family(crossing=0.0),
    "they tell much": Family(crossing=0.3),
    "they tell little": Family(crossing=0.6),
    "they tell nothing": Family(crossing=1.0),
    "the slow win": Family(crossing=0.3, slow_win=True),
    "much, with noise": Family(crossing=0.3, noise=0.1),
    "much, a fifth diverges": Family(crossing=0.3, diverging=0.2),
}


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table = Table(
        f"Ending trials early, {given.seeds} seeds",
        ("curves", "rule", "steps", "lost (median)", "lost (worst)", "best trial kept"),
    )
    for family_name, family in FAMILIES.items():
        for rule_name, rule in RULES.items():
            spent, lost = zip(*(judged(drawn(family, given.seed + i), rule()) for i in range(given.seeds)), strict=True)
            kept = f"{sum(one == 0 for one in lost)}/{given.seeds}"
            table.add(family_name, rule_name, median(spent), median(lost), max(lost), kept)
    publish("curtailing", [table], seed=given.seed, keep=given.json)


def judged(curves: NDArray[np.float64], pruner: BasePruner) -> tuple[float, float]:
    """(part of the steps that ran, what was lost)."""
    study = optuna.create_study(pruner=pruner, sampler=optuna.samplers.RandomSampler(0))
    ends, steps = [], 0
    for curve in curves:
        end, ran = lived(study, curve)
        steps += ran
        ends.append(end)
    return steps / curves.size, float(min(ends) - np.nanmin(curves[:, -1]))


def lived(study: optuna.Study, curve: NDArray[np.float64]) -> tuple[float, int]:
    """(the end, or infinity where it was not reached; steps that ran) of one trial."""
    trial = study.ask()
    for step, loss in enumerate(curve, 1):
        trial.report(float(loss), step)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return math.inf, step
    if math.isnan(curve[-1]):
        study.tell(trial, state=TrialState.FAIL)
        return math.inf, len(curve)
    study.tell(trial, float(curve[-1]))
    return float(curve[-1]), len(curve)


if __name__ == "__main__":
    main()
