"""Runs are searched for: conditions, orders, pages. What is not understood is refused."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import UnknownExperiment
from service.mlflow.desk import Desk
from service.mlflow.reading import DATA, links_of, told
from service.mlflow.structs import RunsSearched
from service.mlflow.words import DEFAULT, SEEN, USER
from tracking import listing
from tracking.listing import Facts
from tracking.query import Query, parse, parse_order
from tracking.tables import logged_models, run_links, runs

ID, USED, TAGGED = ("attribute", "id"), ("attribute", "by"), ("tag", USER)


@dataclass(frozen=True)
class Seen:
    """A query, of runs whose datasets are told one by one, and whose user is whom the client named. hidden: runs that
    only hold a model."""

    query: Query | None
    data: dict[str, list[Any]]
    hidden: frozenset[str]

    def names(self) -> Collection[tuple[str, str]]:
        names = self.query.names() if self.query else frozenset()
        return {*names, ID, *([TAGGED] if USED in names else [])}

    def holds(self, facts: Facts) -> bool:
        if facts[ID] in self.hidden:
            return False
        return self.query is None or self.query.holds({**facts, **self.more(facts)})

    def more(self, facts: Facts) -> dict[tuple[str, str], Any]:
        more: dict[tuple[str, str], Any] = {}
        data = self.data.get(facts[ID], [])
        if data:
            for name in ("name", "digest"):
                more["dataset", name] = tuple(one["dataset"][name] for one in data)
            tags = [tag for one in data for tag in one["tags"]]
            more["dataset", "context"] = tuple(t["value"] for t in tags if t["key"] == "mlflow.data.context")
        if facts.get(TAGGED):
            more[USED] = facts[TAGGED]
        return more


def search(desk: Desk, asked: RunsSearched) -> dict[str, Any]:
    query = parse(asked.filter) if asked.filter.strip() else None
    orders = [parse_order(one) for one in asked.order_by]
    names = names_of(desk, asked.experiment_ids)
    after = asked.page_token or None
    with desk.database.read() as connection:
        wanted = listing.Asked(
            Seen(query, data_of(connection, desk, query) if query else {}, holders(connection, desk)),
            orders,
            after,
            asked.max_results + 1,
            names,
            SEEN[asked.run_view_type],
        )
        rows = listing.found(connection, desk.database.now, desk.project, wanted)
        shown = rows[: asked.max_results]
        more = {"next_page_token": shown[-1].id} if len(rows) > asked.max_results else {}
        return {"runs": told(connection, shown), **more}


def names_of(desk: Desk, ids: tuple[str, ...]) -> list[str]:
    """Of an experiment that is not there, no run is found."""
    names = []
    for one in dict.fromkeys(ids):
        try:
            names.append(DEFAULT if one == "0" else desk.experiment(one).name)
        except UnknownExperiment:
            continue
    return names


def holders(connection: Connection, desk: Desk) -> frozenset[str]:
    mine = (logged_models.c.project == desk.project) & logged_models.c.own
    return frozenset(connection.execute(sa.select(logged_models.c.run).where(mine)).scalars())


def data_of(connection: Connection, desk: Desk, query: Query) -> dict[str, list[Any]]:
    """By run, where the query asks for it."""
    if not any(kind == "dataset" for kind, _ in query.names()):
        return {}
    mine = sa.select(run_links.c.run).distinct().join(runs, runs.c.id == run_links.c.run)
    ids = connection.execute(mine.where(runs.c.project == desk.project, run_links.c.kind == DATA)).scalars().all()
    found = links_of(connection, ids, DATA)
    return {run: links[DATA] for run, links in found.items() if DATA in links}
