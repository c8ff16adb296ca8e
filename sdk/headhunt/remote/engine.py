"""The engine of a recommendation that a server made: the ranking is worked out there, the winner is loaded and trained
here."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from headhunt.durations import seconds_of
from headhunt.errors import BadValue, NotAllowed, UnknownJob, one_line
from headhunt.progress import Watch
from headhunt.recommendation import Recommendation
from headhunt.remote.asking import asked as job_for, remember
from headhunt.remote.following import outcome
from headhunt.remote.jobs import Job
from headhunt.remote.sending import sent
from headhunt.remote.transport import Server
from headhunt.samples import Here, sample_at
from headhunt.vocabulary import Ranked, Ranking
from headhunt.wire import RecommendationAsked
from zoo.catalogue.finding import wanted as checked_limits

if TYPE_CHECKING:
    from torch import nn

    from headhunt.local import Local
    from headhunt.tuned import TunedStudy
    from recommender.finetune import FineTuned
    from tuning.tune import Wish as Search
    from zoo.images.preprocess import Preprocess
    from zoo.images.samples import Sample


log = logging.getLogger("headhunt.remote")


def suggest(
    server: Server, home: Path, path: str | Path, asked: Mapping[str, Any], watch: Watch | None = None
) -> Recommendation:
    """`asked`: the fields of a request, the budget as the user wrote it. The server's seconds count from when it
    begins."""
    job, sample = ask(server, home, path, asked, watch)
    rec = answer(server, home, job, watch, Wanted(path, asked))
    if rec.facts.version != sample.version.id:
        raise BadValue(
            f"Others sent another {sample.name!r} to {server.url} at the same moment, and it was ranked instead."
            " Call again, or give your images a name of their own."
        )
    return with_here(rec, sample)


def ask(
    server: Server, home: Path, path: str | Path, asked: Mapping[str, Any], watch: Watch | None = None
) -> "tuple[Job, Sample]":
    """Send what is lacking and ask; the job, and the sample as it was sent."""
    wanted = request_of(asked)
    with sample_at(Here(home), path) as sample:
        server.greet()
        dataset = sent(server, sample, watch or nobody)
        wanted = msgspec.structs.replace(wanted, dataset=dataset.id)
        return job_for(server, wanted, sample.version.id, home), sample


def request_of(asked: Mapping[str, Any]) -> RecommendationAsked:
    """What can be wrong without a look at the images is an error before anything is sent."""
    seconds_of(asked.get("budget"))
    limits = {name: value for name, value in asked.get("limits", {}).items() if value is not None}
    checked_limits(limits)
    try:
        return msgspec.convert({**asked, "limits": limits, "dataset": ""}, RecommendationAsked)
    except msgspec.ValidationError as error:
        raise BadValue(
            f"This cannot be asked of a server: {one_line(error)}. Give text, numbers, lists of text."
        ) from error


class Wanted(msgspec.Struct, frozen=True):
    """What was asked, for training on the same images later."""

    path: str | Path
    asked: Mapping[str, Any]


def answer(
    server: Server, home: Path, job: Job, watch: Watch | None = None, wanted: Wanted | None = None
) -> Recommendation:
    """Wait for a job, and say what came of it. Ctrl-C stops the waiting, not the job."""
    ranking = outcome(server, job, Ranking, watch or nobody, "ranking")
    remember(job.id, home)
    return Recommendation(ranking, Remote(server, home, wanted, job.id))


def find(server: Server, job: str) -> Job:
    """A recommendation by the id of its job. Raises UnknownJob."""
    if not job.isalnum():
        raise UnknownJob(job)
    server.greet()
    return server.ask("GET", f"/recommendations/{job}", Job)


def link(server: Server, job: Job) -> str:
    return f"{server.url}/api/v1/recommendations/{job.id}"


def with_here(rec: Recommendation, sample: "Sample") -> Recommendation:
    """What was left out, and what is to be said of the sample, was found on this side."""
    facts = msgspec.structs.replace(
        rec.facts,
        sample=sample.name,
        refused=(*sample.refused, *rec.facts.refused),
        warnings=tuple(dict.fromkeys((*sample.warnings, *rec.facts.warnings))),
    )
    return Recommendation(facts, rec.engine)


def nobody(_: object) -> None:
    """Nobody watches."""


class Remote:
    """Does what a recommendation offers: the server tunes, and models that it gives are loaded and trained in this
    process. job: the recommendation's."""

    def __init__(self, server: Server, home: Path, wanted: Wanted | None, job: str) -> None:
        self.server, self.home, self.wanted, self.job = server, home, wanted, job

    def load(self, ranking: Ranking, one: Ranked) -> "tuple[nn.Module, Preprocess]":
        local, here = self._here(one)
        return local.load(ranking, here)

    def finetune(self, ranking: Ranking, one: Ranked, seconds: str | float) -> "FineTuned":
        if self.wanted is None:
            raise BadValue(
                "This recommendation was found by its job, without its images. Call suggest_model with them to train."
            )
        seconds_of(seconds, "A training")
        local, here = self._here(one)
        return local.finetune(ranking, here, seconds)

    def tune(self, ranking: Ranking, ones: Sequence[Ranked], wish: "Search", watch: Watch | None) -> "TunedStudy":
        """At the server, whose probes count. Whoever may not keep models in its zoo tunes in this process, with its
        models and expectations."""
        from headhunt.remote.tuning import of_models, tune

        try:
            with self.server:
                asked = of_models(wish, [one.model for one in ones], recommendation=self.job)
                return tune(self.server, self.home, asked, ranking.version or "", watch)
        except NotAllowed as error:
            return self._tuned_here(ranking, ones, wish, watch, error)

    def _tuned_here(
        self, ranking: Ranking, ones: Sequence[Ranked], wish: "Search", watch: Watch | None, refused: NotAllowed
    ) -> "TunedStudy":
        if self.wanted is None:
            raise BadValue(
                f"{refused} To tune on this machine, call suggest_model with the images: this recommendation was found"
                " by its job, without them."
            ) from refused
        log.warning("%s So it is tuned on this machine.", refused)
        found = [self._here(one) for one in ones]
        return found[0][0].tune(ranking, [here for _, here in found], wish, watch)

    def _here(self, one: Ranked) -> "tuple[Local, Ranked]":
        """The engine of this process, and the candidate as this machine's zoo knows it."""
        from headhunt.local import Local
        from headhunt.remote.weights import taken_in
        from recommender.request import Request
        from zoo.repository import Zoo

        zoo = Zoo(self.home)
        with self.server:
            card = taken_in(self.server, zoo, one.card)
        asked = self.wanted.asked if self.wanted is not None else {}
        request = Request(**{**asked, "budget": seconds_of(asked.get("budget"))})
        path = self.wanted.path if self.wanted is not None else ""
        return Local(zoo, path, request), msgspec.structs.replace(one, model=card.id, card=card)
