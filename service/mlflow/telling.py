"""What MLflow's clients tell of a run: metrics, parameters, tags. It goes the way of a journal, of a writer of its own.

MLflow's rules are kept: a parameter keeps its value, a point that is told again is the same point.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BadValue, UnknownTag
from headhunt.track.journal import Noted, Points, Record
from headhunt.track.wire import RunChange
from service.mlflow import models
from service.mlflow.desk import Desk
from service.mlflow.structs import Batch, OldModel, OneKey, OneMetric, OnePair, Pair, Point
from service.mlflow.words import MODELS, NOTE, RUN_NAME, check_batch, tagged, unlike
from tracking.sql import in_parts
from tracking.tables import run_values
from tracking.terms import text_of
from tracking.values import clipped, read

WRITER = "mlflow"


def batch(desk: Desk, asked: Batch) -> dict[str, Any]:
    check_batch(asked)
    models.check_models(desk, asked.metrics)
    params, tags = unlike(asked.params, "parameter"), tagged(asked.tags)

    def records(connection: Connection, row: Any) -> Iterable[Record]:
        check_params(connection, row.id, params)
        yield from points_of(fresh(connection, row.id, asked.metrics))
        if params:
            yield Noted(time.time(), "param", params)
        if tags:
            yield Noted(time.time(), "tag", tags)

    tell(desk, asked.id, records)
    told_by_tags(desk, asked.id, tags)
    models.note_metrics(desk, asked.id, asked.metrics)
    return {}


def metric(desk: Desk, asked: OneMetric) -> dict[str, Any]:
    one = Point(**{name: getattr(asked, name) for name in Point.__struct_fields__})
    return batch(desk, Batch(run_id=asked.id, metrics=(one,)))


def param(desk: Desk, asked: OnePair) -> dict[str, Any]:
    return batch(desk, Batch(run_id=asked.id, params=(Pair(key=asked.key, value=asked.value),)))


def set_tag(desk: Desk, asked: OnePair) -> dict[str, Any]:
    return batch(desk, Batch(run_id=asked.id, tags=(Pair(key=asked.key, value=asked.value),)))


def delete_tag(desk: Desk, asked: OneKey) -> dict[str, Any]:
    def records(connection: Connection, row: Any) -> Iterable[Record]:
        if asked.key not in values(connection, row.id, "tag", [asked.key]):
            raise UnknownTag(asked.key)
        yield Noted(time.time(), "tag", {asked.key: None})

    tell(desk, asked.id, records)
    return {}


def log_model(desk: Desk, asked: OldModel) -> dict[str, Any]:
    """What older clients tell of a model: a list in a tag."""
    try:
        model = json.loads(asked.model_json)
    except (ValueError, RecursionError) as error:
        raise BadValue("model_json is no JSON. Send what Model.to_json() gives.") from error
    if not isinstance(model, dict):
        raise BadValue("model_json is no object. Send what Model.to_json() gives.")

    def records(connection: Connection, row: Any) -> Iterable[Record]:
        before = values(connection, row.id, "tag", [MODELS]).get(MODELS, "[]")
        yield Noted(time.time(), "tag", {MODELS: json.dumps([*models_in(before), model])})

    tell(desk, asked.id, records)
    return {}


def models_in(text: str) -> list[Any]:
    """None where somebody has put something else into the tag, or it has become too long and was cut."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []


def note_tags(desk: Desk, run: str, tags: Mapping[str, str]) -> None:
    tell(desk, run, lambda _, __: [Noted(time.time(), "tag", dict(tags))])


def tell(desk: Desk, run: str, records: Callable[[Connection, Any], Iterable[Record]]) -> None:
    """Nothing is told of a run that was deleted."""

    def active(connection: Connection, row: Any) -> list[Record]:
        if row.deleted is not None:
            raise BadValue(f"The run {run} is deleted. Restore it first.")
        return list(records(connection, row))

    desk.tracking.tell(desk.project, run, WRITER, active)


def told_by_tags(desk: Desk, run: str, tags: Mapping[str, str]) -> None:
    """Two tags say what a run has a place for."""
    if RUN_NAME in tags or NOTE in tags:
        desk.tracking.change(desk.project, run, RunChange(name=tags.get(RUN_NAME) or None, intent=tags.get(NOTE)))


def check_params(connection: Connection, run: str, params: Mapping[str, str]) -> None:
    there = values(connection, run, "param", list(params))
    for name, value in params.items():
        if there.get(name, value) != value:
            raise BadValue(
                f"Changing param values is not allowed. Param with key={name!r} was already logged with value="
                f"{there[name][:80]!r} for run ID={run!r}. Attempted logging new value {value[:80]!r}."
            )


def values(connection: Connection, run: str, kind: str, names: Sequence[str]) -> dict[str, str]:
    kept = {clipped(name) or "": name for name in names}
    found = {}
    for some in in_parts(list(kept)):
        mine = (run_values.c.run == run) & (run_values.c.kind == kind) & run_values.c.name.in_(some)
        for row in connection.execute(sa.select(run_values.c.name, run_values.c.value).where(mine)):
            found[kept[row.name]] = text_of(read(row.value))
    return found


def fresh(connection: Connection, run: str, metrics: Sequence[Point]) -> list[Point]:
    """Those that are not there yet: a client whose answer was lost sends its batch again. Looked for among the newest
    points alone, where the first try has put them."""
    if not metrics:
        return []
    from tracking.again import as_bits, newest  # numpy, which a server at rest does without

    known = newest(connection, run, list({one.key for one in metrics}))
    kept = []
    for one in metrics:
        told = (one.step, one.timestamp / 1000, as_bits(one.value))
        if told not in known.setdefault(one.key, set()):
            known[one.key].add(told)
            kept.append(one)
    return kept


def points_of(metrics: Sequence[Point]) -> Iterable[Points]:
    """As many of one step and time together as come one after the other."""
    at, step, held = 0.0, 0, dict[str, float]()
    for one in metrics:
        now = one.timestamp / 1000
        if held and (now != at or one.step != step or one.key in held):
            yield Points(at, step, held)
            held = {}
        at, step = now, one.step
        held[one.key] = one.value
    if held:
        yield Points(at, step, held)
