"""Runs as MLflow's clients read them, many at a time: values, the newest of every metric, what they saw and made."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from service.mlflow.desk import Desk, id_of
from service.mlflow.words import ACTIVE, ARTIFACTS, DELETED, RUN_NAME, STATUS, USER, milliseconds, number, pairs
from tracking.listing import rows_of
from tracking.sql import in_parts
from tracking.tables import logged_models, run_links, run_metrics, run_values, runs
from tracking.terms import text_of
from tracking.values import read

DATA, MODEL_IN, MODEL_OUT = "data", "model-in", "model-out"


def row_of(connection: Connection, desk: Desk, run: str) -> Any:
    """None: there is no such run, or it only holds a model."""
    wanted = rows_of(desk.database.now).where(runs.c.id == run, runs.c.project == desk.project, ~holds_a_model())
    return connection.execute(wanted).first()


def holds_a_model() -> sa.ColumnElement[bool]:
    return sa.exists().where(logged_models.c.run == runs.c.id, logged_models.c.own)


def told(connection: Connection, rows: list[Any]) -> list[dict[str, Any]]:
    ids = [row.id for row in rows]
    values = values_of(connection, ids)
    metrics, links = metrics_of(connection, ids), links_of(connection, ids)
    return [run_of(row, values[row.id], metrics[row.id], links[row.id]) for row in rows]


def values_of(connection: Connection, ids: list[str]) -> dict[str, dict[str, dict[str, str]]]:
    found: dict[str, dict[str, dict[str, str]]] = {one: {"param": {}, "tag": {}} for one in ids}
    for some in in_parts(ids):
        mine = run_values.c.run.in_(some) & run_values.c.kind.in_(("param", "tag"))
        for row in connection.execute(sa.select(run_values).where(mine).order_by(run_values.c.name)):
            found[row.run][row.kind][row.name] = text_of(read(row.value))
    return found


def metrics_of(connection: Connection, ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {one: [] for one in ids}
    columns = [run_metrics.c[name] for name in ("run", "name", "last", "last_step", "last_time")]
    for some in in_parts(ids):
        wanted = sa.select(*columns).where(run_metrics.c.run.in_(some)).order_by(run_metrics.c.name)
        for run, name, last, step, time in connection.execute(wanted):
            found[run].append(point(name, last, time, step))
    return found


def point(name: str, value: float | None, time: float, step: int) -> dict[str, Any]:
    return {"key": name, "value": number(value), "timestamp": milliseconds(time), "step": step}


def links_of(connection: Connection, ids: Collection[str], *kinds: str) -> dict[str, dict[str, list[Any]]]:
    found: dict[str, dict[str, list[Any]]] = {one: {} for one in ids}
    for some in in_parts(list(ids)):
        wanted = sa.select(run_links).where(run_links.c.run.in_(some)).order_by(run_links.c.name)
        if kinds:
            wanted = wanted.where(run_links.c.kind.in_(kinds))
        for row in connection.execute(wanted):
            found[row.run].setdefault(row.kind, []).append(read(row.value))
    return found


def run_of(
    row: Any, values: dict[str, dict[str, str]], metrics: list[dict[str, Any]], links: dict[str, list[Any]]
) -> dict[str, Any]:
    tags = {**values["tag"], RUN_NAME: row.name}
    inputs = {"dataset_inputs": links.get(DATA, []), "model_inputs": links.get(MODEL_IN, [])}
    return {
        "info": info_of(row, tags.get(USER) or row.by or ""),
        "data": {"metrics": metrics, "params": pairs(values["param"]), "tags": pairs(tags)},
        "inputs": inputs,
        "outputs": {"model_outputs": links.get(MODEL_OUT, [])},
    }


def info_of(row: Any, user: str) -> dict[str, Any]:
    experiment = id_of(row.experiment_id, row.experiment)
    ended = {} if row.ended is None else {"end_time": milliseconds(row.ended)}
    return {
        "run_id": row.id,
        "run_uuid": row.id,
        "run_name": row.name,
        "experiment_id": experiment,
        "user_id": user,
        "status": STATUS[row.state],
        "start_time": milliseconds(row.started),
        **ended,
        "artifact_uri": f"{ARTIFACTS}{experiment}/{row.id}/artifacts",
        "lifecycle_stage": ACTIVE if row.deleted is None else DELETED,
    }
