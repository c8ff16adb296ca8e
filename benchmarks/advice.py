"""How often the advice spoke, and how often it was right, on trainings of which the truth is known.

    python -m benchmarks.advice [--sources digits,cells] [--seeds 1] [--json FILE]

Every setting (data, network, optimiser, situation) is trained at six rates, and for twice the epochs that the advice
sees. So what it claims can be looked up: whether a lower or higher rate came lower in the same time, whether stopping
there was better on other data, whether more epochs brought anything. With HEADHUNT_DATA, real pictures are sources too.
"""

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import torch

from benchmarks.advice_trainings import EPOCHS, PICTURES, RATES, Setting, Training, settings, task_of, trained
from benchmarks.report import Table, arguments, publish
from tracking.advice import Advice, advise

SHOWN = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr")
Runs = Sequence[Training]


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    there = ("digits", "cells") + (PICTURES if "HEADHUNT_DATA" in os.environ else ())
    parser.add_argument("--sources", default=",".join(there))
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    families = [
        done for setting in settings(tuple(asked.sources.split(",")), asked.seeds) for done in [family(setting)]
    ]
    publish("advice", tables(families), seed=asked.seed, keep=asked.json)


def family(setting: Setting) -> list[Training]:
    task = task_of(setting.data, setting.situation, setting.seed)
    print(setting, file=sys.stderr)
    return [trained(setting, rate, task) for rate in RATES[setting.optimiser]]


def said_of(run: Training) -> tuple[Advice, ...]:
    steps = np.arange(EPOCHS)
    shown = {name: (steps, run.curves[name][:EPOCHS]) for name in SHOWN if name in run.curves}
    return advise(shown, {"lr": run.rate}, run.task.baselines)


def last(run: Training, metric: str = "train_loss", epoch: int = EPOCHS) -> float:
    """The mean of the last three epochs; what is no number counts as worse than all."""
    value = float(np.mean(run.curves[metric][epoch - 3 : epoch]))
    return value if np.isfinite(value) else float("inf")


def lower_is_better(run: Training, runs: Runs) -> bool:
    """Of the training's loss a fifth lower, or of the held-out loss a tenth."""
    lower = [one for one in runs if one.rate < run.rate]
    learnt = min((last(one) for one in lower), default=np.inf) < 0.8 * last(run)
    return learnt or min((last(one, "test_loss") for one in lower), default=np.inf) < 0.9 * last(run, "test_loss")


def higher_is_better(run: Training, runs: Runs) -> bool:
    return min((last(one) for one in runs if one.rate > run.rate), default=np.inf) < 0.8 * last(run)


def stopping_was_better(run: Training, _: Runs) -> bool:
    best = int(np.argmin(run.curves["val_loss"][:EPOCHS]))
    return float(run.curves["test_loss"][best]) < 0.97 * last(run, "test_loss")


def little_carries_over(run: Training, _: Runs) -> bool:
    return last(run, "train_accuracy") - last(run, "test_accuracy") > 0.1


def more_brings_more(run: Training, _: Runs) -> bool:
    return last(run, "test_accuracy", 2 * EPOCHS) > last(run, "test_accuracy") + 0.01


def more_brings_nothing(run: Training, _: Runs) -> bool:
    return last(run, "train_loss", 2 * EPOCHS) > last(run) - 0.05 * float(run.curves["train_loss"][0])


def only_guesses(run: Training, _: Runs) -> bool:
    return last(run, "train_accuracy") < run.task.baselines["majority"] + 0.05


def linear_is_better(run: Training, _: Runs) -> bool:
    return last(run, "test_accuracy") < run.task.baselines["linear"]


TRUTHS: dict[str, Callable[[Training, Runs], bool]] = {
    "not-a-number": lower_is_better,
    "diverged": lower_is_better,
    "learning-rate-too-high": lower_is_better,
    "learning-rate-too-low": higher_is_better,
    "over-fitting": stopping_was_better,
    "variance": little_carries_over,
    "train-longer": more_brings_more,
    "plateau": more_brings_nothing,
    "overfit-one-batch": only_guesses,
    "under-fitting": linear_is_better,
    "below-baseline": linear_is_better,
}


def healthy(run: Training, runs: Runs) -> bool:
    """Within a tenth of the best accuracy of all rates, and learnt: nothing should be said of its rate."""
    best = max(last(one, "test_accuracy") for one in runs if np.isfinite(last(one)))
    return (
        bool(np.isfinite(last(run)))
        and last(run, "test_accuracy") > 0.98 * best
        and last(run) < 1.5 * min(map(last, runs))
    )


def tables(families: Sequence[Runs]) -> list[Table]:
    spoke, right, wrong = Counter[str](), Counter[str](), defaultdict[str, list[str]](list)
    true = Counter[str]()
    fine, blamed, count = 0, 0, 0
    for runs in families:
        for run in runs:
            codes = {found.code for found in said_of(run)}
            count += 1
            true.update(code for code, holds in TRUTHS.items() if holds(run, runs))
            for code in codes:
                spoke[code] += 1
                right[code] += TRUTHS[code](run, runs)
                if not TRUTHS[code](run, runs):
                    setting = run.setting
                    wrong[code].append(
                        f"{setting.data} {setting.network} {setting.optimiser} {setting.situation} {run.rate:g}"
                    )
            if healthy(run, runs):
                fine += 1
                blamed += bool(
                    codes
                    & {
                        "not-a-number",
                        "diverged",
                        "learning-rate-too-high",
                        "learning-rate-too-low",
                        "overfit-one-batch",
                    }
                )
    table = Table(f"Advice on {count} trainings", ("advice", "spoke", "right", "share", "where it holds"))
    for code in TRUTHS:
        table.add(code, spoke[code], right[code], right[code] / spoke[code] if spoke[code] else None, true[code])
    rates = Table("Trainings near the best rate", ("what", "trainings", "blamed for the rate"))
    rates.add("within 2 % of the best accuracy and 1.5 times the lowest loss", fine, blamed)
    for code, cases in wrong.items():
        print(code, *cases, sep="\n    ", file=sys.stderr)
    return [table, rates]


if __name__ == "__main__":
    main()
