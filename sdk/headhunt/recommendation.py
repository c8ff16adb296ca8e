"""What `suggest_model` answers: candidates in order, what speaks for each, and the way on from there.

    rec = headhunt.suggest_model("photos/")
    print(rec)                                  # the table
    print(rec.explain(0))                       # everything that is known of the first
    model, transform = rec.best.load()          # ready to train
    run = rec.best.finetune(seconds=120)        # or let headhunt do it
    study = rec.tune(trials=40)                 # or search for its hyper-parameters first

The facts are a `headhunt.vocabulary.Ranking`, the same that `headhunt suggest --json` prints; an engine does the work.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from headhunt.errors import BadValue, NoCandidate, did_you_mean, printable
from headhunt.habits import no_option
from headhunt.progress import Watch
from headhunt.vocabulary import Evidence, ModelCard, Ranked, Ranking
from zoo.catalogue.columns import in_columns

if TYPE_CHECKING:
    from torch import nn

    from headhunt.tuned import TunedStudy
    from recommender.finetune import FineTuned
    from tuning.tune import Wish
    from zoo.images.preprocess import Preprocess

HEADS = ("", "model", "expected", "80 % interval", "tie", "latency", "params", "why")
NUMBERS = (0, 2, 4, 5, 6)
AXES: dict[str, tuple[Callable[[Ranked], float | None], int]] = {
    "accuracy": (lambda one: one.expected_accuracy, 1),
    "latency_ms": (lambda one: one.card.measured.latency_ms if one.card.measured else None, -1),
    "memory": (lambda one: one.card.measured.peak_bytes if one.card.measured else None, -1),
    "params": (lambda one: one.card.params, -1),
    "macs": (lambda one: one.card.macs, -1),
    "size": (lambda one: one.card.weights_bytes, -1),
}
"""Facts to weigh against each other, and whether more (1) or less (-1) is better."""


class Engine(Protocol):
    """Who does the work of a recommendation: this process, or a server."""

    def load(self, ranking: Ranking, one: Ranked) -> "tuple[nn.Module, Preprocess]":
        """The network with a new head for the sample's classes, and what turns an image into its input."""

    def finetune(self, ranking: Ranking, one: Ranked, seconds: str | float) -> "FineTuned":
        """Train it on the whole sample, and keep the result in the zoo and in the history."""

    def tune(self, ranking: Ranking, ones: Sequence[Ranked], wish: "Wish", watch: Watch | None) -> "TunedStudy":
        """Search for the hyper-parameters of one, or of several with the choice among them; keep the best."""


class Candidate:
    """One model of a recommendation."""

    def __init__(self, facts: Ranked, ranking: Ranking, engine: Engine) -> None:
        self.facts, self._ranking, self._engine = facts, ranking, engine

    @property
    def card(self) -> ModelCard:
        return self.facts.card

    @property
    def model(self) -> str:
        return self.facts.model

    @property
    def rank(self) -> int:
        return self.facts.rank

    @property
    def expected_accuracy(self) -> float | None:
        return self.facts.expected_accuracy

    @property
    def interval(self) -> tuple[float, float] | None:
        return self.facts.interval

    @property
    def tie_group(self) -> int:
        return self.facts.tie_group

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return self.facts.evidence

    def load(self) -> "tuple[nn.Module, Preprocess]":
        """A torch module with a head for the sample's classes, and its preprocessing: ready to train.

        Without labels there are no classes: then it has the head it came with.
        """
        return self._engine.load(self._ranking, self.facts)

    def finetune(self, seconds: str | float = 120.0) -> "FineTuned":
        """Train it on the whole sample for about so long: 120, "90s" or "5m". The result is a model of the zoo, and a
        row of the history."""
        return self._engine.finetune(self._ranking, self.facts, seconds)

    def tune(self, trials: int | None = None, seconds: str | float | None = None, **asked: Any) -> "TunedStudy":
        """Search for its hyper-parameters on the whole sample; all else as `Recommendation.tune` has it."""
        return self._engine.tune(self._ranking, [self.facts], *asked_for(trials, seconds, asked))

    def explain(self) -> str:
        """Everything that was seen of it, stage by stage."""
        return explained(self.facts)

    def __repr__(self) -> str:
        return f"<Candidate {self.rank}: {self.model}, expected {shown(self.expected_accuracy)}>"


class Recommendation:
    """Candidates, the best first. It is also a sequence of them."""

    def __init__(self, ranking: Ranking, engine: Engine) -> None:
        self.facts, self.engine = ranking, engine
        self.candidates = tuple(Candidate(one, ranking, engine) for one in ranking.candidates)

    @property
    def best(self) -> Candidate:
        if not self.candidates:
            raise NoCandidate("There is no candidate: nobody was ranked.")
        return self.candidates[0]

    @property
    def spent(self) -> dict[str, float]:
        """Seconds, by stage."""
        return self.facts.spent

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.facts.warnings

    def explain(self, place: int = 0) -> str:
        """What is known of the candidate at this place, 0 being the first."""
        if not isinstance(place, int) or not -len(self) <= place < len(self):
            raise BadValue(f"There is no candidate at place {place!r}; there are {len(self)}, the first at 0.")
        return self.candidates[place].explain()

    def pareto(self, *facts: str) -> tuple[Candidate, ...]:
        """Whom nobody beats in one of these facts without losing in another: `rec.pareto("accuracy", "latency_ms")`."""
        chosen = facts or ("accuracy", "latency_ms")
        for fact in chosen:
            if not isinstance(fact, str) or fact not in AXES:
                raise BadValue(did_you_mean("fact to weigh", str(fact), AXES, f"There are: {', '.join(AXES)}."))
        worth = [(one, values_of(one.facts, chosen)) for one in self.candidates]
        known = [(one, values) for one, values in worth if values is not None]
        if self.candidates and not known:
            raise BadValue(
                f"Of no candidate all of {', '.join(chosen)} is known; accuracies need labels, latencies measuring."
            )
        return tuple(one for one, values in known if not any(beats(other, values) for _, other in known))

    def tune(
        self, trials: int | None = None, seconds: str | float | None = None, *, models: int = 1, **asked: Any
    ) -> "TunedStudy":
        """Search for good hyper-parameters of the best candidate, train it with them, and keep it in the zoo.

        trials, seconds: when to end, what comes first; by default 40 trials. "10m": the answer comes within it.
        models: so many of the best are searched together, the choice among them being one more parameter.
        space: the user's own, over the default: `{"lr": headhunt.double(1e-4, 1e-2, log=True), "epochs": 10}`.
        aims: "loss" (the default) or "accuracy" of the validation part, and with one of them latency, memory, size,
            params, macs: then `study.front` has those whom nobody beats.
        limits: the worst allowed: `{"latency": "20ms", "memory": "200MB", "accuracy": 0.9}`.
        algo, seed, curtail, study: as `headhunt.fmin` has them; without a name, the study's is made of the question,
            and the same call goes on with it.
        part: the share of the images to learn from that trials learn from, the best few being trained on all at the
            end; True: a quarter; False: all. By default a quarter where there are many images and trials.
        progress: called as the work goes on.
        """
        return self.engine.tune(self.facts, self.first(models), *asked_for(trials, seconds, asked))

    def first(self, count: int) -> list[Ranked]:
        """The best so many. Those that know the images already are none: they would win by memory."""
        from headhunt.tuning import whole

        wanted = whole("models", count, 1_000) or 1
        clean = [one.facts for one in self.candidates if "seen-images" not in one.facts.flags]
        found = clean or [one.facts for one in self.candidates]
        if len(found) < wanted:
            raise BadValue(f"models is {wanted}, and the recommendation has {len(found)}. Give at most that.")
        return found[:wanted]

    def __len__(self) -> int:
        return len(self.candidates)

    def __getitem__(self, place: int) -> Candidate:
        return self.candidates[place]

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)

    def __str__(self) -> str:
        return as_table(self.facts)

    def __repr__(self) -> str:
        first = f", first {self.best.model}" if self.candidates else ""
        return f"<Recommendation for {self.facts.sample}: {len(self)} candidates{first}>"


TUNING: dict[str, Any] = {
    "space": None,
    "aims": ("loss",),
    "limits": None,
    "algo": "auto",
    "seed": 0,
    "study": None,
    "curtail": True,
    "part": None,
    "progress": None,
}
"""What `tune` may be asked beside the trials and the seconds, and what holds if it is not."""


def asked_for(trials: int | None, seconds: str | float | None, asked: Mapping[str, Any]) -> "tuple[Wish, Watch | None]":
    for name in asked:
        if name not in TUNING:
            raise no_option("tune", name, ("trials", "seconds", *TUNING))
    from headhunt.tuned import wish_of

    whole_wish = {**TUNING, **asked}
    watch: Watch | None = whole_wish.pop("progress")
    return wish_of(trials, seconds, whole_wish), watch


def values_of(one: Ranked, facts: tuple[str, ...]) -> tuple[float, ...] | None:
    """The larger the better; None where one of them is not known."""
    values = [AXES[fact][0](one) for fact in facts]
    if any(value is None for value in values):
        return None
    return tuple((value or 0.0) * AXES[fact][1] for value, fact in zip(values, facts, strict=True))


def beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Nowhere worse, and somewhere better."""
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


# --- Words --------------------------------------------------------------------------------------------------------


def as_table(ranking: Ranking, top: int | None = None) -> str:
    """The candidates, then what follows from them, then what it took."""
    shown_ones = ranking.candidates[:top]
    rows = [row_of(one) for one in shown_ones]
    more = len(ranking.candidates) - len(shown_ones)
    lines = in_columns([HEADS, *rows], right=NUMBERS)
    lines += [f"... and {more} more"] if more else []
    lines += ["", *ranking.advice]
    lines += [f"Naming the largest class would give {shown(ranking.majority)}."] if ranking.majority else []
    lines.append(f"{sample_words(ranking)}; {spent_words(ranking)}")
    return "\n".join(line for i, line in enumerate(lines) if line or i)


def row_of(one: Ranked) -> tuple[str, ...]:
    interval = f"{shown(one.interval[0])} - {shown(one.interval[1])}" if one.interval else "-"
    latency = f"{one.card.measured.latency_ms:.3g} ms" if one.card.measured else "-"
    params = f"{one.card.params / 1e6:.3g} M"
    return (
        str(one.rank),
        one.model,
        shown(one.expected_accuracy),
        interval,
        str(one.tie_group),
        latency,
        params,
        one.why,
    )


def shown(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def sample_words(ranking: Ranking) -> str:
    return f"{printable(ranking.sample)}: {ranking.images} images of {len(ranking.classes)} classes were looked at"


def spent_words(ranking: Ranking) -> str:
    parts = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in ranking.spent.items() if seconds >= 0.05)
    total = sum(ranking.spent.values())
    return f"{total:.1f} s ({parts})"


def explained(one: Ranked) -> str:
    lines = [f"{one.rank}. {one.model}: expected {shown(one.expected_accuracy)} after full fine-tuning"]
    if one.interval:
        lines[0] += f" (80 %: {shown(one.interval[0])} to {shown(one.interval[1])})"
    lines.append(f"   tie group {one.tie_group}; {one.why}")
    for stage in dict.fromkeys(said.stage for said in one.evidence):
        points = one.moved.get(stage)
        lines.append(f"   {stage}" + (f" ({points:+.1f} points)" if points is not None else ""))
        lines += [f"     - {said.words}" for said in one.evidence if said.stage == stage]
    lines += [f"   flags: {', '.join(one.flags)}"] if one.flags else []
    return "\n".join(lines)
