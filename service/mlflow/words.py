"""What is called differently there and here: states, times in milliseconds, numbers that are none, the experiment 0."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from headhunt.errors import BadValue
from service.mlflow.structs import MOST_METRICS, MOST_OTHERS, MOST_TOGETHER, Batch, Pair

DEFAULT, DEFAULT_ID = "default", "0"
"""Where runs go that name no experiment: MLflow calls it Default, and its id is 0."""
RUN_NAME, PARENT, USER, NOTE = "mlflow.runName", "mlflow.parentRunId", "mlflow.user", "mlflow.note.content"
MODELS = "mlflow.log-model.history"
STATUS = {"running": "RUNNING", "finished": "FINISHED", "failed": "FAILED", "lost": "KILLED"}
STATE = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "lost", "RUNNING": "running", "SCHEDULED": "running"}
ACTIVE, DELETED = "active", "deleted"
SEEN = {"ACTIVE_ONLY": False, "DELETED_ONLY": True, "ALL": None}
"""Whether what was laid aside is seen: alone, not at all, or beside the rest."""
ARTIFACTS = "mlflow-artifacts:/"


def milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


def number(value: float | None) -> float | str:
    """As protocol buffers have it in JSON."""
    if value is None or math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in values.items()]


def unlike(found: Iterable[Pair], noun: str) -> dict[str, str]:
    """By name; raises BadValue where one name comes with two values."""
    values: dict[str, str] = {}
    for one in found:
        if values.setdefault(one.key, one.value) != one.value:
            raise BadValue(f"The {noun} {one.key[:80]!r} comes twice, with two values. Send one.")
    return values


def tagged(found: Iterable[Pair]) -> dict[str, str]:
    return {one.key: one.value for one in found}


def check_batch(batch: Batch) -> None:
    """As many as MLflow takes at once."""
    counts = {"metrics": len(batch.metrics), "params": len(batch.params), "tags": len(batch.tags)}
    for name, most in {"metrics": MOST_METRICS, "params": MOST_OTHERS, "tags": MOST_OTHERS}.items():
        if counts[name] > most:
            raise BadValue(f"A batch can contain at most {most} {name}, and this has {counts[name]}. Send several.")
    if sum(counts.values()) > MOST_TOGETHER:
        raise BadValue(f"A batch can contain at most {MOST_TOGETHER} metrics, params and tags. Send several.")


def place_in(token: str) -> int:
    """A page token that is a place in a list."""
    if not token:
        return 0
    if not token.isdecimal() or len(token) > 12:
        raise BadValue("The page_token is none of ours. Give the next_page_token of the page before.")
    return int(token)


def paged(found: list[Any], name: str, most: int, token: str) -> dict[str, Any]:
    """A page of a list that lies whole in memory."""
    first = place_in(token)
    more = {"next_page_token": str(first + most)} if len(found) > first + most else {}
    return {name: found[first : first + most], **more}
