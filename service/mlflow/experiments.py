"""Experiments, as MLflow's clients ask for them."""

from typing import Any

from headhunt.errors import UnknownTag
from service.mlflow.desk import Desk, check_name, id_of
from service.mlflow.structs import (
    ByName,
    ExperimentKey,
    ExperimentsSearched,
    ExperimentTag,
    NewExperiment,
    OfExperiment,
    Renamed,
)
from service.mlflow.words import ACTIVE, ARTIFACTS, DEFAULT, DELETED, SEEN, milliseconds, paged, pairs, tagged
from tracking.experiments import Named
from tracking.listing import ordered
from tracking.query import parse, parse_order

WORDS = {
    "id": "id",
    "experiment_id": "id",
    "name": "name",
    "creation_time": "made",
    "created": "made",
    "last_update_time": "changed",
}


def create(desk: Desk, asked: NewExperiment) -> dict[str, Any]:
    made = desk.experiments.make(desk.project, check_name(asked.name), tagged(asked.tags))
    return {"experiment_id": str(made)}


def get(desk: Desk, asked: OfExperiment) -> dict[str, Any]:
    return {"experiment": told(desk.experiment(asked.experiment_id))}


def by_name(desk: Desk, asked: ByName) -> dict[str, Any]:
    return {"experiment": told(desk.named(asked.experiment_name))}


def rename(desk: Desk, asked: Renamed) -> dict[str, Any]:
    found = desk.changeable(asked.experiment_id)
    desk.experiments.rename(desk.project, found.id, check_name(asked.new_name))
    return {}


def delete(desk: Desk, asked: OfExperiment) -> dict[str, Any]:
    desk.experiments.lay_aside(desk.project, desk.changeable(asked.experiment_id).id)
    return {}


def restore(desk: Desk, asked: OfExperiment) -> dict[str, Any]:
    desk.experiments.lay_aside(desk.project, desk.changeable(asked.experiment_id).id, aside=False)
    return {}


def set_tag(desk: Desk, asked: ExperimentTag) -> dict[str, Any]:
    found = desk.experiment(asked.experiment_id, active=True)
    desk.experiments.put_tag(desk.project, found.id, asked.key, asked.value)
    return {}


def delete_tag(desk: Desk, asked: ExperimentKey) -> dict[str, Any]:
    found = desk.experiment(asked.experiment_id, active=True)
    if not desk.experiments.drop_tag(desk.project, found.id, asked.key):
        raise UnknownTag(asked.key)
    return {}


def search(desk: Desk, asked: ExperimentsSearched) -> dict[str, Any]:
    query = parse(asked.filter, WORDS) if asked.filter.strip() else None
    orders = [parse_order(one, WORDS) for one in asked.order_by]
    desk.experiment("0")
    seen = SEEN[asked.view_type]
    found = [one for one in desk.experiments.all(desk.project) if seen in (None, one.deleted is not None)]
    facts = {str(one.id): facts_of(one) for one in found}
    kept = [one for one in found if query is None or query.holds(facts[str(one.id)])]
    rows: list[Any] = [Row(str(one.id), one) for one in kept]
    for order in reversed(orders):
        rows = ordered(rows, facts, order)
    return paged([told(row.held) for row in rows], "experiments", asked.max_results, asked.page_token)


class Row:
    """What a list is sorted by has an id."""

    def __init__(self, own: str, held: Any) -> None:
        self.id, self.held = own, held


def facts_of(one: Named) -> dict[tuple[str, str], Any]:
    tags = {("tag", name): value for name, value in one.tags.items()}
    plain = {"id": id_of(one.id, one.name), "name": shown(one.name), "made": one.created, "changed": one.created}
    return {**tags, **{("attribute", name): value for name, value in plain.items()}}


def shown(name: str) -> str:
    return "Default" if name == DEFAULT else name


def told(one: Named) -> dict[str, Any]:
    own = id_of(one.id, one.name)
    return {
        "experiment_id": own,
        "name": shown(one.name),
        "artifact_location": f"{ARTIFACTS}{own}",
        "lifecycle_stage": ACTIVE if one.deleted is None else DELETED,
        "creation_time": milliseconds(one.created),
        "last_update_time": milliseconds(one.created if one.deleted is None else one.deleted),
        "tags": pairs(one.tags),
    }
