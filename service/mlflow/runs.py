"""Runs, as MLflow's clients make, change and read them."""

import uuid
from typing import Any

from headhunt.errors import BadValue, UnknownRun
from headhunt.track.wire import RunBegun, RunChange
from service.mlflow.desk import Desk
from service.mlflow.reading import point, row_of, told
from service.mlflow.structs import HistoryAsked, NewRun, OfRun, RunUpdated
from service.mlflow.telling import note_tags
from service.mlflow.words import NOTE, PARENT, RUN_NAME, STATE, USER, place_in, tagged

MOST_POINTS = 25_000
"""Of one answer: clients ask for the next page."""


def create(desk: Desk, asked: NewRun) -> dict[str, Any]:
    experiment = desk.experiment(asked.experiment_id, active=True)
    tags = tagged(asked.tags)
    if asked.user_id:
        tags.setdefault(USER, asked.user_id)
    run = uuid.uuid4().hex
    begun = RunBegun(
        experiment=experiment.name,
        name=name_for(asked.run_name, tags.get(RUN_NAME, ""), run),
        intent=tags.get(NOTE, ""),
        parent=tags.get(PARENT),
        started=None if asked.start_time is None else asked.start_time / 1000,
    )
    desk.tracking.begin(desk.project, run, begun, desk.who)
    desk.tracking.unwatch(desk.project, run)
    if tags:
        note_tags(desk, run, tags)
    return get(desk, OfRun(run_id=run))


def name_for(given: str, tagged_as: str, run: str) -> str:
    if given and tagged_as and given != tagged_as:
        raise BadValue(f"The run is called {given[:80]!r}, and {tagged_as[:80]!r} by its tag {RUN_NAME}. Choose one.")
    return given or tagged_as or f"run-{run[:8]}"


def get(desk: Desk, asked: OfRun) -> dict[str, Any]:
    with desk.database.read() as connection:
        row = row_of(connection, desk, asked.id)
        if row is None:
            raise UnknownRun(asked.id)
        return {"run": told(connection, [row])[0]}


def update(desk: Desk, asked: RunUpdated) -> dict[str, Any]:
    check_active(desk, asked.id)
    state = STATE[asked.status] if asked.status is not None else None
    if state == "running":
        desk.tracking.unwatch(desk.project, asked.id)
    elif state is not None:
        ended = None if asked.end_time is None else asked.end_time / 1000
        desk.tracking.end(desk.project, asked.id, state, ended)
    if asked.run_name:
        desk.tracking.change(desk.project, asked.id, RunChange(name=asked.run_name, tags={RUN_NAME: asked.run_name}))
    return {"run_info": get(desk, asked)["run"]["info"]}


def delete(desk: Desk, asked: OfRun) -> dict[str, Any]:
    get(desk, asked)
    desk.tracking.lay_aside(desk.project, asked.id)
    return {}


def restore(desk: Desk, asked: OfRun) -> dict[str, Any]:
    get(desk, asked)
    desk.tracking.lay_aside(desk.project, asked.id, aside=False)
    return {}


def history(desk: Desk, asked: HistoryAsked) -> dict[str, Any]:
    first, most = place_in(asked.page_token), min(asked.max_results or MOST_POINTS, MOST_POINTS)
    found, count = desk.tracking.part(desk.project, asked.id, asked.metric_key, first, most, ordered=True)
    columns = zip(found.values.tolist(), found.times.tolist(), found.steps.tolist(), strict=True)
    more = {"next_page_token": str(first + most)} if count > first + most else {}
    return {"metrics": [point(asked.metric_key, *one) for one in columns], **more}


def check_active(desk: Desk, run: str) -> None:
    with desk.database.read() as connection:
        row = row_of(connection, desk, run)
    if row is None:
        raise UnknownRun(run)
    if row.deleted is not None:
        raise BadValue(f"The run {run} is deleted. Restore it first.")
