"""What `rec.tune(...)` answers: the best values, how sure they are, what mattered, and the model that came of it.

study = rec.tune(trials=40)
print(study)                                # the trials, the best first, and what to use
study.best.params; study.recommended; study.importance()
model, transform = study.best.load()        # trained, with its preprocessing
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from headhunt.durations import seconds_of
from headhunt.errors import BadValue, NotReady, printable
from headhunt.spaces import Space, Value
from headhunt.trials import Trial
from headhunt.tuning import as_dict, whole
from zoo.catalogue.columns import in_columns

if TYPE_CHECKING:
    from torch import nn

    from headhunt.vocabulary import ModelCard
    from tuning.importance import Importance, Interaction, Slice
    from tuning.recommended import Recommended
    from tuning.tune import Tuned, Wish
    from zoo.images.preprocess import Preprocess

TRIALS = 40
TOP = 10


class Models(Protocol):
    """Where the best is loaded from: a zoo of this machine, or of a server."""

    def load(self, model: str) -> "nn.Module": ...


class Winner:
    """The best trial, and the model that it became."""

    def __init__(self, tuned: "Tuned", zoo: Models) -> None:
        self._tuned, self._zoo = tuned, zoo
        self.trial: Trial = tuned.best

    @property
    def params(self) -> dict[str, Value]:
        return dict(self.trial.params)

    @property
    def value(self) -> float:
        """Of the first aim, on the validation part that chose it."""
        return float(self.trial.value or 0.0)

    @property
    def card(self) -> "ModelCard":
        """Of the zoo."""
        if self._tuned.card is None:
            raise NotReady("The search was interrupted before the best was trained. The same call again goes on.")
        return self._tuned.card

    @property
    def accuracy(self) -> float:
        """On the test part, which was looked at once."""
        return float(self.card.accuracy or 0.0)

    def load(self) -> "tuple[nn.Module, Preprocess]":
        """The trained network and its preprocessing."""
        from zoo.images.preprocess import preprocess_of

        return self._zoo.load(self.card.id), preprocess_of(self.card)

    def __repr__(self) -> str:
        return f"<Winner: trial {self.trial.number}, value {self.value:.4g}, {self.params}>"


class TunedStudy:
    """A search for hyper-parameters of a fine-tuning, that ended."""

    def __init__(self, tuned: "Tuned", zoo: Models) -> None:
        self._tuned = tuned
        self.best = Winner(tuned, zoo)

    @property
    def name(self) -> str:
        """Under which it is kept, in HOME/studies."""
        return self._tuned.name

    @property
    def trials(self) -> list[Trial]:
        return self._tuned.study.trials()

    @property
    def front(self) -> list[Trial]:
        """The trials within the limits that no other beats in one aim without losing in another; by the first aim."""
        return self._tuned.study.front()

    @property
    def space(self) -> Space:
        return self._tuned.study.space

    @property
    def algo(self) -> str:
        return self._tuned.study.about.algo

    @property
    def recommended(self) -> "Recommended":
        """For each parameter the value to use and the range of the best; the accuracy to expect, with its interval."""
        return self._tuned.recommended

    @property
    def learned(self) -> tuple[int, int] | None:
        """Where trials learned from a part of the images: from how many, of how many. The best learned from all."""
        return self._tuned.learned

    @property
    def interrupted(self) -> bool:
        """Ctrl-C ended it: the same call again goes on."""
        return self._tuned.card is None

    def importance(self, method: str = "ped-anova", aim: str | None = None) -> "Importance":
        """How much each parameter matters, and what that means; method: `ped-anova` or `fanova`; aim: the first."""
        from tuning.importance import importance

        return importance(self._tuned.study, method, aim)

    def slices(self) -> "list[Slice]":
        """For each parameter: its values and what came of them."""
        from tuning.importance import slices

        return slices(self._tuned.study)

    def interactions(self) -> "list[Interaction]":
        """Pairs of parameters that matter together more than alone, the strongest first."""
        from tuning.importance import interactions

        return interactions(self._tuned.study)

    def __str__(self) -> str:
        return as_table(self)

    def __repr__(self) -> str:
        return f"<Study {self.name}: {len(self.trials)} trials, best {self.best.params}>"


def wish_of(
    trials: object,
    seconds: str | float | None,
    asked: Mapping[str, Any],
) -> "Wish":
    """What was asked for, read. asked: space, aims, limits, algo, seed, study, curtail, part."""
    from tuning.goals import goals

    most = whole("trials", trials, 100_000)
    time_given = seconds_of(seconds, "A search")
    if not isinstance(asked["curtail"], bool):
        raise BadValue(f"curtail is {asked['curtail']!r}. Give True or False.")
    share = share_of(asked.get("part"))
    space, sought = as_dict("space", asked["space"] or {}), goals(asked["aims"], asked["limits"])
    seed = whole("seed", asked["seed"], 2**32 - 1, least=0) or 0
    from tuning.tune import Wish  # loads torch: what is wrong with the question is told before

    return Wish(
        trials=TRIALS if most is None and time_given is None else most,
        seconds=time_given,
        space=space,
        goals=sought,
        algo=asked["algo"],
        seed=seed,
        name=asked["study"],
        curtail=asked["curtail"],
        share=share,
    )


def share_of(part: object) -> float | None:
    """True: a part as large as was measured. None: by rule."""
    if part is True:
        from tuning.choosing import SHARE

        return SHARE
    if part is None or part is False:
        return None if part is None else 1.0
    if not isinstance(part, int | float) or not 0 < part <= 1:
        raise BadValue(f"part is {printable(repr(part), 60)}. Give True, False, or a share above 0 and up to 1.")
    return float(part)


# --- Words ------------------------------------------------------------------------------------------------------------


def as_table(study: TunedStudy, top: int = TOP) -> str:
    """The best trials, then what to use, then what came of it."""
    ordered = best_first(study)
    names = [name for name in study.space if any(name in one.params for one in ordered)]
    rows = [row_of(study, one, names) for one in ordered[:top]]
    lines = in_columns([heads(study, names), *rows], right=range(1 + len(heads(study, names))))
    more = len(ordered) - len(rows)
    return "\n".join(
        [*lines, *([f"... and {more} more"] if more > 0 else []), "", str(study.recommended), *after(study)]
    )


def after(study: TunedStudy) -> list[str]:
    counts = {state: sum(one.state == state for one in study.trials) for state in ("complete", "stopped", "failed")}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    lines = [f"{len(study.trials)} trials ({told}) by {study.algo}; kept as study {study.name!r}"]
    if learned := study.learned:
        lines.append(
            f"trials learned from {learned[0]:,} of {learned[1]:,} images, and so does the expected accuracy; the best"
            " few were trained on all"
        )
    if study.interrupted:
        return [*lines, "It was interrupted: the same call again goes on, and trains the best."]
    card = study.best.card
    return [*lines, f"{card.id}: {100 * study.best.accuracy:.1f} % of the test part, looked at once"]


def best_first(study: TunedStudy) -> list[Trial]:
    """The front first, where there are several aims; those without a value last."""
    front = {one.number for one in study.front} if len(study._tuned.goals.aims) > 1 else set()
    sign = -1.0 if study._tuned.goals.aims[0] == "accuracy" else 1.0

    def place(one: Trial) -> tuple[bool, bool, bool, float]:
        return one.number not in front, one.value is None, not one.within, sign * (one.value or 0.0)

    return sorted(study.trials, key=place)


def heads(study: TunedStudy, names: list[str]) -> tuple[str, ...]:
    aims = study._tuned.goals.aims
    return ("trial", *aims, *names, *(("front",) if len(aims) > 1 else ()))


def row_of(study: TunedStudy, one: Trial, names: list[str]) -> tuple[str, ...]:
    from tuning.goals import shown

    aims = study._tuned.goals.aims
    values = [one.values.get(name) for name in aims] if one.values else [one.value]
    told = [one.state if value is None else shown(name, value) for name, value in zip(aims, values, strict=False)]
    told += [one.state] * (len(aims) - len(told))
    params = [short(one.params[name]) if name in one.params else "-" for name in names]
    front = ["*" if one.number in {each.number for each in study.front} else ""] if len(aims) > 1 else []
    return (str(one.number), *told, *params, *front)


def short(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
