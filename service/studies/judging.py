"""Which parameters of a study mattered, as a server says it."""

from headhunt.vocabulary import Struct
from service.access import Caller
from service.parts import Service


class ImportanceShown(Struct, frozen=True, omit_defaults=False):
    """As tuning.importance.Importance. shares: they sum to one, the largest first. trials: that were complete."""

    method: str
    shares: dict[str, float]
    trials: int
    meaning: str


def judged(service: Service, caller: Caller, study: str, method: str) -> ImportanceShown:
    from tuning.importance import apart, importance

    row = service.studies.get(caller, study)
    with service.desk.turns.of(row.id) as turn:
        if method == "fanova":
            looked = apart(turn.hosted.study)
        else:
            found = importance(turn.hosted.study, method)
    if method == "fanova":  # takes seconds, in which its workers are not to wait
        found = importance(looked, method)
    return ImportanceShown(method=found.method, shares=found.shares, trials=found.trials, meaning=found.meaning)
