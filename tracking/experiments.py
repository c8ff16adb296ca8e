"""Experiments: names for runs that belong together, with tags. One that is laid aside takes its runs along, and
brings them back."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import NameTaken, UnknownExperiment
from tracking.sql import Database, adding, put
from tracking.tables import experiment_tags, experiments, runs

LARGEST_ID = 2**31


class Named(NamedTuple):
    id: int
    name: str
    created: float
    deleted: float | None
    tags: dict[str, str]


class Experiments:
    def __init__(self, database: Database) -> None:
        self.database = database

    def all(self, project: str) -> list[Named]:
        """Those laid aside, too; the newest first."""
        with self.database.read() as connection:
            return told(connection, experiments.c.project == project)

    def get(self, project: str, experiment: int) -> Named:
        with self.database.read() as connection:
            return need(connection, project, experiment)

    def named(self, project: str, name: str) -> Named:
        with self.database.read() as connection:
            found = told(connection, (experiments.c.project == project) & (experiments.c.name == name))
        if not found:
            raise UnknownExperiment(name)
        return found[0]

    def make(self, project: str, name: str, tags: Mapping[str, str]) -> int:
        """Raises NameTaken, as well where one of this name was laid aside."""
        with self.database.write() as connection:
            row = {"project": project, "name": name, "created": self.database.now}
            adding_one = adding(connection, experiments).on_conflict_do_nothing().returning(experiments.c.id)
            made = connection.execute(adding_one.values(row)).scalar()
            if made is None:
                raise taken(name)
            put_tags(connection, made, tags)
        return int(made)

    def rename(self, project: str, experiment: int, name: str) -> None:
        with self.database.write() as connection:
            need(connection, project, experiment)
            other = (experiments.c.project == project) & (experiments.c.name == name) & (experiments.c.id != experiment)
            if connection.execute(sa.select(sa.exists().where(other))).scalar():
                raise taken(name)
            connection.execute(sa.update(experiments).where(experiments.c.id == experiment).values(name=name))

    def lay_aside(self, project: str, experiment: int, aside: bool = True) -> None:
        """With the runs that were not laid aside before; bringing it back brings back the same ones."""
        with self.database.write() as connection:
            found = need(connection, project, experiment)
            if (found.deleted is not None) == aside:
                return
            now = connection.execute(sa.select(self.database.now)).scalar() if aside else None
            together = runs.c.deleted.is_(None) if aside else runs.c.deleted == found.deleted
            connection.execute(sa.update(runs).where(runs.c.experiment == experiment, together).values(deleted=now))
            connection.execute(sa.update(experiments).where(experiments.c.id == experiment).values(deleted=now))

    def put_tag(self, project: str, experiment: int, name: str, value: str) -> None:
        with self.database.write() as connection:
            need(connection, project, experiment)
            put_tags(connection, experiment, {name: value})

    def drop_tag(self, project: str, experiment: int, name: str) -> bool:
        """Whether there was one."""
        with self.database.write() as connection:
            need(connection, project, experiment)
            mine = (experiment_tags.c.experiment == experiment) & (experiment_tags.c.name == name)
            return bool(connection.execute(sa.delete(experiment_tags).where(mine)).rowcount)


def taken(name: str) -> NameTaken:
    return NameTaken(f"An experiment named {name[:80]!r} is there already, or was laid aside. Choose another name.")


def need(connection: Connection, project: str, experiment: int) -> Named:
    mine = (experiments.c.project == project) & (experiments.c.id == experiment)
    found = told(connection, mine) if 0 <= experiment < LARGEST_ID else []
    if not found:
        raise UnknownExperiment(str(experiment)[:20])
    return found[0]


def told(connection: Connection, which: sa.ColumnElement[bool]) -> list[Named]:
    rows = connection.execute(sa.select(experiments).where(which).order_by(experiments.c.id.desc())).all()
    tags: dict[int, dict[str, str]] = {row.id: {} for row in rows}
    wanted = sa.select(experiment_tags).join(experiments).where(which).order_by(experiment_tags.c.name)
    for row in connection.execute(wanted):
        tags[row.experiment][row.name] = row.value
    return [Named(row.id, row.name, row.created, row.deleted, tags[row.id]) for row in rows]


def put_tags(connection: Connection, experiment: int, tags: Mapping[str, str]) -> None:
    rows: list[dict[str, Any]] = [{"experiment": experiment, "name": k, "value": v} for k, v in tags.items()]
    if rows:
        put(connection, experiment_tags, rows)
