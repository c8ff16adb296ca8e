"""What a run saw and made: datasets, models it began from, models it left."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BadValue, UnknownRun
from service.mlflow.desk import Desk
from service.mlflow.reading import DATA, MODEL_IN, MODEL_OUT
from service.mlflow.structs import DataSeen, Inputs, ModelSeen, Outputs
from service.mlflow.words import pairs
from tracking.sql import put
from tracking.tables import run_links, runs
from tracking.values import read, without_nul, written

MOST_LINKS = 10_000


def inputs(desk: Desk, asked: Inputs) -> dict[str, Any]:
    for model in asked.models:
        desk.models.get(desk.project, model.model_id)
    seen = [(DATA, f"{one.dataset.name}@{one.dataset.digest}", data_of(one)) for one in asked.datasets]
    began = [(MODEL_IN, one.model_id, {"model_id": one.model_id}) for one in asked.models]
    keep(desk, asked.id, [*seen, *began])
    return {}


def outputs(desk: Desk, asked: Outputs) -> dict[str, Any]:
    for model in asked.models:
        desk.models.get(desk.project, model.model_id)
    keep(desk, asked.id, [(MODEL_OUT, one.model_id, made_of(one)) for one in asked.models])
    return {}


def keep(desk: Desk, run: str, links: list[tuple[str, str, dict[str, Any]]]) -> None:
    """Told again, it is the same. The first dataset is the run's, where it has none."""
    with desk.database.write() as connection:
        need_active(connection, desk, run)
        rows = {(kind, name): {"run": run, "kind": kind, "name": name, "value": value} for kind, name, value in links}
        for row in rows.values():
            row["value"] = written(joined(connection, row))
        if rows:
            put(connection, run_links, list(rows.values()))
        there = sa.select(sa.func.count()).select_from(run_links).where(run_links.c.run == run)
        if int(connection.execute(there).scalar() or 0) > MOST_LINKS:
            raise BadValue(f"A run sees and makes at most {MOST_LINKS:,} datasets and models.")
        first = next((value["dataset"]["name"] for kind, _, value in links if kind == DATA), None)
        if first is not None:
            mine = (runs.c.id == run) & runs.c.dataset.is_(None)
            connection.execute(sa.update(runs).where(mine).values(dataset=first))


def joined(connection: Connection, row: dict[str, Any]) -> dict[str, Any]:
    """A dataset that is told of again keeps the tags that it had."""
    value: dict[str, Any] = row["value"]
    if row["kind"] != DATA:
        return value
    mine = (run_links.c.run == row["run"]) & (run_links.c.kind == DATA) & (run_links.c.name == row["name"])
    before = connection.execute(sa.select(run_links.c.value).where(mine)).scalar()
    tags = [*(read(before)["tags"] if before else []), *value["tags"]]
    return {**value, "tags": pairs({tag["key"]: tag["value"] for tag in tags})}


def need_active(connection: Connection, desk: Desk, run: str) -> None:
    """The row is locked."""
    wanted = sa.select(runs.c.deleted).where(runs.c.id == run, runs.c.project == desk.project).with_for_update()
    row = connection.execute(wanted).first()
    if row is None:
        raise UnknownRun(run)
    if row.deleted is not None:
        raise BadValue(f"The run {run} is deleted. Restore it first.")


def data_of(one: DataSeen) -> dict[str, Any]:
    told = {name: getattr(one.dataset, name) for name in one.dataset.__struct_fields__}
    return {
        "dataset": {name: without_nul(value) for name, value in told.items() if value},
        "tags": [{"key": tag.key, "value": tag.value} for tag in one.tags],
    }


def made_of(one: ModelSeen) -> dict[str, Any]:
    return {"model_id": one.model_id, "step": one.step}
