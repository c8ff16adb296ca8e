"""What a query can name: a metric, a parameter, a tag, a figure of the summary, a dataset, or an attribute of the run.

MLflow's words stand beside ours: `attributes.run_name` is `name`, `attr.start_time` is `started` in milliseconds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

KINDS = {
    "metric": ("metrics",),
    "param": ("params", "parameter", "parameters"),
    "tag": ("tags",),
    "summary": (),
    "attribute": ("attributes", "attr", "run"),
    "dataset": ("datasets",),
}
OF_WORD = {word: kind for kind, others in KINDS.items() for word in (kind, *others)}
PLURAL = {"metric": "metrics", "param": "params", "tag": "tags"}
ATTRIBUTES = {
    "id": ("run_id",),
    "name": ("run_name", "run name"),
    "state": ("status",),
    "started": ("start_time", "created"),
    "ended": ("end_time",),
    "seen": (),
    "intent": (),
    "experiment": (),
    "dataset": (),
    "group": (),
    "parent": (),
    "model": (),
    "by": ("user_id", "user"),
    "error": (),
}
ATTRIBUTE_OF = {word: name for name, others in ATTRIBUTES.items() for word in (name, *others)}
DATASET_FIELDS = ("name", "digest", "context")
TIMES = ("started", "ended", "seen", "made", "changed")
STATES = ("running", "finished", "failed", "lost", "scheduled")
ALSO_STATES = {"killed": "lost"}
"""MLflow's FINISHED is finished, and its KILLED is what we call lost. SCHEDULED is what none of our runs is."""
MILLISECONDS_FROM = 1e11
"""A time so large is told in milliseconds: in seconds it would be the year 5138."""


@dataclass(frozen=True, slots=True)
class Key:
    kind: str
    name: str

    @property
    def is_time(self) -> bool:
        return self.kind == "attribute" and self.name in TIMES

    @property
    def is_state(self) -> bool:
        return self.kind == "attribute" and self.name == "state"

    @property
    def is_number(self) -> bool:
        return self.kind == "metric" or self.is_time

    def __str__(self) -> str:
        if self.kind == "attribute":
            return self.name
        quoted = self.name.replace('"', '""')
        return f'{PLURAL.get(self.kind, self.kind)}."{quoted}"'


def seconds(value: float) -> float:
    return value / 1000 if abs(value) >= MILLISECONDS_FROM else value


def moment(text: str) -> float | None:
    """Seconds since 1970 of a date, or of a date and a time; UTC where it says nothing else."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def state(text: str) -> str | None:
    word = text.lower()
    word = ALSO_STATES.get(word, word)
    return word if word in STATES else None
