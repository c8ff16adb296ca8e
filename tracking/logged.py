"""Models that clients of MLflow logged: what is known of each. Its files lie among those of a run, below
`models/ID/`: of the run that made it, or, where none did, of one that was made to hold it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import UnknownLoggedModel
from tracking.sql import Database
from tracking.tables import logged_models
from tracking.values import read, written

JSON = ("params", "tags", "metrics")


class Logged(NamedTuple):
    """own: `run` was made to hold it. metrics: the newest of each name and dataset."""

    id: str
    experiment: int
    run: str
    own: bool
    name: str
    kind: str
    state: str
    created: float
    changed: float
    deleted: float | None
    params: dict[str, str]
    tags: dict[str, str]
    metrics: list[dict[str, Any]]

    @property
    def folder(self) -> str:
        """Where its files lie in the run."""
        return f"models/{self.id}/"


class LoggedModels:
    def __init__(self, database: Database) -> None:
        self.database = database

    def make(self, project: str, model: Logged) -> Logged:
        row = {**model._asdict(), "project": project, "created": self.database.now, "changed": self.database.now}
        row |= {name: written(row[name]) for name in JSON}
        with self.database.write() as connection:
            connection.execute(sa.insert(logged_models).values(row))
        return self.get(project, model.id)

    def get(self, project: str, model: str, deleted: bool = False) -> Logged:
        """deleted: one that was laid aside, too."""
        with self.database.read() as connection:
            return need(connection, project, model, deleted)

    def all(self, project: str, experiments: list[int]) -> list[Logged]:
        """The newest first."""
        mine = (logged_models.c.project == project) & logged_models.c.deleted.is_(None)
        wanted = sa.select(logged_models).where(mine, logged_models.c.experiment.in_(experiments))
        with self.database.read() as connection:
            rows = connection.execute(wanted.order_by(logged_models.c.created.desc(), logged_models.c.id))
            return [told(row) for row in rows]

    def change(self, project: str, model: str, change: Callable[[Logged], dict[str, Any]]) -> Logged:
        """change: what of it is different now, asked while nobody else changes it."""
        with self.database.write() as connection:
            values = change(need(connection, project, model, lock=True))
            values = {name: written(value) if name in JSON else value for name, value in values.items()}
            mine = logged_models.c.id == model
            connection.execute(sa.update(logged_models).where(mine).values(changed=self.database.now, **values))
        return self.get(project, model, deleted=True)


def need(connection: Connection, project: str, model: str, deleted: bool = False, lock: bool = False) -> Logged:
    wanted = sa.select(logged_models).where(logged_models.c.id == model, logged_models.c.project == project)
    row = connection.execute(wanted.with_for_update() if lock else wanted).first()
    if row is None or (row.deleted is not None and not deleted):
        raise UnknownLoggedModel(model)
    return told(row)


def told(row: Any) -> Logged:
    plain = {name: getattr(row, name) for name in Logged._fields if name not in JSON}
    return Logged(**plain, **{name: read(getattr(row, name)) for name in JSON})
