"""Two recommendations side by side: of one dataset before and after more images came, or of two."""

import msgspec

from headhunt.errors import NotReady
from headhunt.vocabulary import Ranked, Ranking
from headhunt.wire import Compared, Comparison, Job


def compared(before: Job, after: Job) -> Comparison:
    """By rank in the second, then those that stand in the first alone. Raises NotReady."""
    first, second = ranking_of(before), ranking_of(after)
    ranked = ({one.model: one for one in first.candidates}, {one.model: one for one in second.candidates})
    return Comparison(
        before=before.id,
        after=after.id,
        same_images=first.version == second.version,
        models=tuple(one_of(model, (ranked[0].get(model), ranked[1].get(model))) for model in ranked[1] | ranked[0]),
    )


def ranking_of(job: Job) -> Ranking:
    if job.state != "done" or job.result is None:
        raise NotReady(f"The recommendation {job.id} is {job.state} and has no result. Compare those that are done.")
    return msgspec.json.decode(job.result, type=Ranking)


def one_of(model: str, pair: tuple[Ranked | None, Ranked | None]) -> Compared:
    before, after = pair
    ranks = (before.rank if before else None, after.rank if after else None)
    expected = (before.expected_accuracy if before else None, after.expected_accuracy if after else None)
    return Compared(model=model, ranks=ranks, expected=expected)
