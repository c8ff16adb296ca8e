"""A tuning that a server does: asked for, followed, and read as one of this process."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from headhunt.progress import Watch
from headhunt.remote.asking import asked as job_for, remember
from headhunt.remote.following import outcome
from headhunt.remote.sending import sent
from headhunt.remote.transport import Server
from headhunt.samples import Here, sample_at
from headhunt.spaces import to_json
from headhunt.studies.remote import trial_of
from headhunt.studies.tuned import TuningAsked, TuningDone
from headhunt.vocabulary import ModelCard

if TYPE_CHECKING:
    from torch import nn

    from headhunt.tuned import TunedStudy
    from tuning.study import Study
    from tuning.tune import Wish


def of_models(wish: "Wish", models: Sequence[str], recommendation: str | None = None) -> TuningAsked:
    """What a server is asked; its dataset is that of the recommendation."""
    return TuningAsked(
        models=tuple(models),
        recommendation=recommendation,
        trials=wish.trials,
        seconds=wish.seconds,
        space=dict(wish.space),
        aims=wish.goals.aims,
        limits=dict(wish.goals.limits),
        algo=wish.algo,
        seed=wish.seed,
        study=wish.name,
        curtail=wish.curtail,
        part=wish.share,
    )


def tune_models(
    server: Server, home: Path, path: str | Path, asked: TuningAsked, watch: Watch | None = None
) -> "TunedStudy":
    """Of the server's zoo, by their ids; what is lacking of the images is sent."""
    with sample_at(Here(home), path) as sample:
        server.greet()
        dataset = sent(server, sample, watch or nobody)
        return tune(server, home, msgspec.structs.replace(asked, dataset=dataset.id), sample.version.id, watch)


def brought(server: Server, home: Path, models: Sequence[str]) -> list[str]:
    """Models of the server come here; their ids in the zoo of this home."""
    from headhunt.remote.weights import taken_in
    from zoo.repository import Zoo

    zoo = Zoo(home)
    cards = [server.ask("GET", f"/zoo/models/{quote(model)}", ModelCard) for model in models]
    return [taken_in(server, zoo, card).id for card in cards]


def tune(server: Server, home: Path, asked: TuningAsked, version: str, watch: Watch | None = None) -> "TunedStudy":
    """Ask, and wait. Ctrl-C stops the waiting, not the job; the same call finds it again."""
    server.greet()
    job = job_for(server, asked, version, home)
    done = outcome(server, job, TuningDone, watch or nobody, "tuning")
    remember(job.id, home)
    return study_of(done, There(server, home, done.card))


def study_of(done: TuningDone, there: "There") -> "TunedStudy":
    """With all that can be asked of one of this process."""
    from headhunt.tuned import TunedStudy
    from tuning.goals import Goals
    from tuning.recommended import Recommended
    from tuning.tune import Tuned

    study = copy_of(done)
    best = next(one for one in study.trials() if one.number == done.best)
    tuned = Tuned(
        study=study,
        name=done.name,
        goals=Goals(done.aims, done.limits),
        recommended=msgspec.convert(done.recommended, Recommended),
        best=best,
        card=done.card,
        models=done.models,
        learned=done.learned,
    )
    return TunedStudy(tuned, there)


def copy_of(done: TuningDone) -> "Study":
    from tuning.copies import copied
    from tuning.study import About

    facts = msgspec.structs.asdict(done.plan)
    about = About(**{**facts, "space": to_json(done.plan.space).decode()})
    return copied(about, done.plan.space, [trial_of(one) for one in done.trials])


class There:
    """The best, which comes here when it is loaded."""

    def __init__(self, server: Server, home: Path, card: ModelCard) -> None:
        self.server, self.home, self.card = server, home, card

    def load(self, model: str) -> "nn.Module":  # noqa: ARG002 - there is one
        from headhunt.remote.weights import taken_in
        from zoo.repository import Zoo

        zoo = Zoo(self.home)
        with self.server:
            return zoo.load(taken_in(self.server, zoo, self.card).id)


def nobody(_: object) -> None:
    """Nobody watches."""
