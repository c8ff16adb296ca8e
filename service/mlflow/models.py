"""Logged models, as MLflow's clients make and read them."""

import uuid
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from headhunt.errors import BadValue, UnknownExperiment, UnknownRun, UnknownTag
from headhunt.track.wire import RunBegun
from service.mlflow.desk import Desk, id_of
from service.mlflow.experiments import Row
from service.mlflow.reading import row_of
from service.mlflow.structs import (
    ModelAsked,
    ModelData,
    ModelFinal,
    ModelParams,
    ModelsSearched,
    ModelTag,
    ModelTags,
    NewModel,
    OfModel,
    Point,
)
from service.mlflow.words import ARTIFACTS, milliseconds, number, paged, pairs, tagged, unlike
from tracking.experiments import Named
from tracking.listing import ordered
from tracking.logged import Logged
from tracking.query import parse, parse_order

MOST_VALUES = 1000
READY = "LOGGED_MODEL_READY"
SHORT = {READY: "READY", "LOGGED_MODEL_PENDING": "PENDING", "LOGGED_MODEL_UPLOAD_FAILED": "FAILED"}
WORDS = {
    "name": "name",
    "model_id": "id",
    "model_type": "kind",
    "status": "status",
    "source_run_id": "run",
    "experiment_id": "experiment",
    "creation_timestamp": "made",
    "creation_time": "made",
    "last_updated_timestamp": "changed",
    "last_updated_time": "changed",
}


def create(desk: Desk, asked: NewModel) -> dict[str, Any]:
    experiment = desk.experiment(asked.experiment_id, active=True)
    own = f"m-{uuid.uuid4().hex}"
    name = asked.name or f"model-{own[2:10]}"
    params, tags = unlike(asked.params, "parameter"), tagged(asked.tags)
    run = run_for(desk, asked.source_run_id, experiment, name)
    empty = Logged(
        id=own,
        experiment=experiment.id,
        run=run,
        own=not asked.source_run_id,
        name=name,
        kind=asked.model_type,
        state="LOGGED_MODEL_PENDING",
        created=0.0,
        changed=0.0,
        deleted=None,
        params=params,
        tags=tags,
        metrics=[],
    )
    return {"model": told(desk, desk.models.make(desk.project, empty))}


def run_for(desk: Desk, source: str, experiment: Named, name: str) -> str:
    """Where the files of a model will lie: in the run that made it, or in one that is made for it."""
    if source:
        with desk.database.read() as connection:
            if row_of(connection, desk, source) is None:
                raise UnknownRun(source)
        return source
    run = uuid.uuid4().hex
    desk.tracking.begin(desk.project, run, RunBegun(experiment=experiment.name, name=name), desk.who)
    desk.tracking.end(desk.project, run, "finished")
    return run


def get(desk: Desk, asked: ModelAsked) -> dict[str, Any]:
    return {"model": told(desk, desk.models.get(desk.project, asked.model_id, asked.allow_deleted))}


def finalize(desk: Desk, asked: ModelFinal) -> dict[str, Any]:
    return changed(desk, asked, lambda _: {"state": asked.status})


def delete(desk: Desk, asked: OfModel) -> dict[str, Any]:
    desk.models.change(desk.project, asked.model_id, lambda _: {"deleted": desk.database.now})
    return {}


def set_tags(desk: Desk, asked: ModelTags) -> dict[str, Any]:
    return changed(desk, asked, lambda model: {"tags": bounded({**model.tags, **tagged(asked.tags)})})


def delete_tag(desk: Desk, asked: ModelTag) -> dict[str, Any]:
    def without(model: Logged) -> dict[str, Any]:
        if asked.tag_key not in model.tags:
            raise UnknownTag(asked.tag_key)
        return {"tags": {name: value for name, value in model.tags.items() if name != asked.tag_key}}

    changed(desk, asked, without)
    return {}


def add_params(desk: Desk, asked: ModelParams) -> dict[str, Any]:
    """A parameter keeps its value."""
    new = unlike(asked.params, "parameter")

    def more(model: Logged) -> dict[str, Any]:
        for name, value in new.items():
            if model.params.get(name, value) != value:
                raise BadValue(f"The parameter {name[:80]!r} of this model has another value, and keeps it.")
        return {"params": bounded({**model.params, **new})}

    return changed(desk, asked, more)


def changed(desk: Desk, asked: OfModel, change: Any) -> dict[str, Any]:
    return {"model": told(desk, desk.models.change(desk.project, asked.model_id, change))}


def bounded(values: dict[str, str]) -> dict[str, str]:
    if len(values) > MOST_VALUES:
        raise BadValue(f"A model has at most {MOST_VALUES:,} tags and as many parameters. Send fewer.")
    return values


def note_metrics(desk: Desk, run: str, metrics: Sequence[Point]) -> None:
    """Metrics that were told of models: each model keeps the newest of a name and a dataset."""
    for model in {one.model_id for one in metrics if one.model_id}:
        mine = [metric_of(run, one) for one in metrics if one.model_id == model]
        desk.models.change(desk.project, model, partial(with_metrics, mine))


def with_metrics(more: Iterable[dict[str, Any]], model: Logged) -> dict[str, Any]:
    return {"metrics": newest(model.metrics, more)}


def check_models(desk: Desk, metrics: Sequence[Point]) -> None:
    """Raises UnknownLoggedModel, before anything is told."""
    for model in {one.model_id for one in metrics if one.model_id}:
        desk.models.get(desk.project, model)


def metric_of(run: str, one: Point) -> dict[str, Any]:
    return {
        "key": one.key,
        "value": number(one.value),
        "timestamp": one.timestamp,
        "step": one.step,
        "dataset_name": one.dataset_name,
        "dataset_digest": one.dataset_digest,
        "model_id": one.model_id,
        "run_id": run,
    }


def newest(before: Iterable[dict[str, Any]], more: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in (*before, *more):
        key = (one["key"], one["dataset_name"], one["dataset_digest"])
        if key not in kept or (one["step"], one["timestamp"]) >= (kept[key]["step"], kept[key]["timestamp"]):
            kept[key] = one
    return list(kept.values())[:MOST_VALUES]


def search(desk: Desk, asked: ModelsSearched) -> dict[str, Any]:
    query = parse(asked.filter, WORDS) if asked.filter.strip() else None
    orders = [
        (one, parse_order(f"{one.field_name} {'asc' if one.ascending else 'desc'}", WORDS)) for one in asked.order_by
    ]
    ids = [found for one in asked.experiment_ids if (found := number_of(desk, one)) is not None]
    models = desk.models.all(desk.project, ids)
    facts = {one.id: facts_of(one, asked.datasets) for one in models}
    rows: list[Any] = [Row(one.id, one) for one in models if query is None or query.holds(facts[one.id])]
    for by, order in reversed(orders):
        data = (ModelData(dataset_name=by.dataset_name, dataset_digest=by.dataset_digest),) if by.dataset_name else ()
        rows = ordered(rows, {row.id: facts_of(row.held, data) for row in rows}, order)
    page = paged(rows, "models", asked.max_results, asked.page_token)
    return {**page, "models": [told(desk, row.held) for row in page["models"]]}


def number_of(desk: Desk, experiment: str) -> int | None:
    try:
        return desk.experiment(experiment).id
    except UnknownExperiment:
        return None


def facts_of(model: Logged, data: tuple[ModelData, ...]) -> dict[tuple[str, str], Any]:
    """data: of which datasets metrics count; of all, where none are named."""
    facts: dict[tuple[str, str], Any] = {("attribute", name): value for name, value in attributes_of(model).items()}
    facts |= {("param", name): value for name, value in model.params.items()}
    facts |= {("tag", name): value for name, value in model.tags.items()}
    for one in model.metrics:
        if not data or any(of_data(one, each) for each in data):
            key = ("metric", one["key"])
            facts[key] = (*facts.get(key, ()), float(one["value"]))
    return facts


def attributes_of(model: Logged) -> dict[str, Any]:
    return {
        "name": model.name,
        "id": model.id,
        "kind": model.kind,
        "status": SHORT.get(model.state, model.state),
        "run": None if model.own else model.run,
        "experiment": str(model.experiment),
        "made": model.created,
        "changed": model.changed,
    }


def of_data(metric: dict[str, Any], data: ModelData) -> bool:
    return metric["dataset_name"] == data.dataset_name and data.dataset_digest in ("", metric["dataset_digest"])


def told(desk: Desk, model: Logged) -> dict[str, Any]:
    experiment = desk.experiments.get(desk.project, model.experiment)
    own = id_of(experiment.id, experiment.name)
    info = {
        "model_id": model.id,
        "experiment_id": own,
        "name": model.name,
        "creation_timestamp_ms": milliseconds(model.created),
        "last_updated_timestamp_ms": milliseconds(model.changed),
        "artifact_uri": f"{ARTIFACTS}{own}/models/{model.id}/artifacts",
        "status": model.state,
        "model_type": model.kind,
        "source_run_id": "" if model.own else model.run,
        "tags": pairs(model.tags),
    }
    return {"info": info, "data": {"params": pairs(model.params), "metrics": model.metrics}}
