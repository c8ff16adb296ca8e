"""What MLflow's clients ask, as its protocol buffers say it in JSON: int64 as a number or as text, doubles that are no
numbers as "NaN", "Infinity" and "-Infinity". Fields of newer clients are passed over, as MLflow's own server does,
but never in a search: a condition that is not understood must not be ignored.
"""

from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=250)]
ViewType = Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]
Status = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
ModelStatus = Literal[
    "LOGGED_MODEL_STATUS_UNSPECIFIED",
    "LOGGED_MODEL_PENDING",
    "LOGGED_MODEL_READY",
    "LOGGED_MODEL_UPLOAD_FAILED",
]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
MOST_METRICS, MOST_OTHERS, MOST_TOGETHER = 1000, 100, 1000
"""Of one batch, as MLflow has it."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Searched(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Pair(Asked, frozen=True, kw_only=True):
    """A parameter or a tag. MLflow leaves an empty value away."""

    key: Name
    value: str = ""


class Point(Asked, frozen=True, kw_only=True):
    key: Name
    value: float
    timestamp: Milliseconds
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


# --- Experiments -----------------------------------------------------------------------------------------------------

Title = Annotated[str, msgspec.Meta(min_length=1, max_length=250)]


class NewExperiment(Asked, frozen=True, kw_only=True):
    name: Title
    artifact_location: str = ""
    tags: tuple[Pair, ...] = ()


class OfExperiment(Asked, frozen=True, kw_only=True):
    experiment_id: str


class ByName(Asked, frozen=True, kw_only=True):
    experiment_name: Title


class Renamed(OfExperiment, frozen=True, kw_only=True):
    new_name: Title


class ExperimentTag(OfExperiment, frozen=True, kw_only=True):
    key: Name
    value: str = ""


class ExperimentKey(OfExperiment, frozen=True, kw_only=True):
    key: Name


class ExperimentsSearched(Searched, frozen=True, kw_only=True):
    max_results: Annotated[int, msgspec.Meta(ge=1, le=50_000)] = 1000
    page_token: str = ""
    filter: str = ""
    order_by: tuple[str, ...] = ()
    view_type: ViewType = "ACTIVE_ONLY"


# --- Runs ------------------------------------------------------------------------------------------------------------


class NewRun(Asked, frozen=True, kw_only=True):
    experiment_id: str = "0"
    user_id: str = ""
    run_name: str = ""
    start_time: Milliseconds | None = None
    tags: tuple[Pair, ...] = ()


class OfRun(Asked, frozen=True, kw_only=True):
    """run_uuid: what old clients call it."""

    run_id: str = ""
    run_uuid: str = ""

    @property
    def id(self) -> str:
        return self.run_id or self.run_uuid


class RunUpdated(OfRun, frozen=True, kw_only=True):
    status: Status | None = None
    end_time: Milliseconds | None = None
    run_name: str = ""


class OneMetric(OfRun, frozen=True, kw_only=True):
    """The fields of Point."""

    key: Name
    value: float
    timestamp: Milliseconds
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class OnePair(OfRun, frozen=True, kw_only=True):
    key: Name
    value: str = ""


class OneKey(OfRun, frozen=True, kw_only=True):
    key: Name


class Batch(OfRun, frozen=True, kw_only=True):
    metrics: tuple[Point, ...] = ()
    params: tuple[Pair, ...] = ()
    tags: tuple[Pair, ...] = ()


class RunsSearched(Searched, frozen=True, kw_only=True):
    experiment_ids: tuple[str, ...] = ()
    filter: str = ""
    run_view_type: ViewType = "ACTIVE_ONLY"
    max_results: Annotated[int, msgspec.Meta(ge=1, le=50_000)] = 1000
    order_by: tuple[str, ...] = ()
    page_token: str = ""


class HistoryAsked(OfRun, frozen=True, kw_only=True):
    metric_key: Name
    page_token: str = ""
    max_results: Annotated[int, msgspec.Meta(ge=1, le=25_000)] | None = None


class OldModel(OfRun, frozen=True, kw_only=True):
    model_json: str


class FilesAsked(OfRun, frozen=True, kw_only=True):
    path: str = ""
    page_token: str = ""


# --- What a run saw and made -----------------------------------------------------------------------------------------


class Data(Asked, frozen=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    digest: Annotated[str, msgspec.Meta(min_length=1, max_length=36)]
    source_type: str = ""
    source: Annotated[str, msgspec.Meta(max_length=65_535)] = ""
    schema: Annotated[str, msgspec.Meta(max_length=1 << 20)] = ""
    profile: Annotated[str, msgspec.Meta(max_length=1 << 20)] = ""


class DataSeen(Asked, frozen=True, kw_only=True):
    dataset: Data
    tags: Annotated[tuple[Pair, ...], msgspec.Meta(max_length=100)] = ()


class ModelSeen(Asked, frozen=True, kw_only=True):
    model_id: Name
    step: Int64 = 0


class Inputs(OfRun, frozen=True, kw_only=True):
    datasets: Annotated[tuple[DataSeen, ...], msgspec.Meta(max_length=1000)] = ()
    models: Annotated[tuple[ModelSeen, ...], msgspec.Meta(max_length=1000)] = ()


class Outputs(OfRun, frozen=True, kw_only=True):
    models: Annotated[tuple[ModelSeen, ...], msgspec.Meta(max_length=1000)] = ()


# --- Logged models ---------------------------------------------------------------------------------------------------


class NewModel(Asked, frozen=True, kw_only=True):
    experiment_id: str = "0"
    name: Annotated[str, msgspec.Meta(max_length=250)] = ""
    model_type: Annotated[str, msgspec.Meta(max_length=250)] = ""
    source_run_id: str = ""
    params: Annotated[tuple[Pair, ...], msgspec.Meta(max_length=1000)] = ()
    tags: Annotated[tuple[Pair, ...], msgspec.Meta(max_length=1000)] = ()


class OfModel(Asked, frozen=True, kw_only=True):
    """model_id: from the address."""

    model_id: str = ""


class ModelAsked(OfModel, frozen=True, kw_only=True):
    allow_deleted: bool = False


class ModelFinal(OfModel, frozen=True, kw_only=True):
    status: ModelStatus


class ModelTags(OfModel, frozen=True, kw_only=True):
    tags: Annotated[tuple[Pair, ...], msgspec.Meta(max_length=1000)] = ()


class ModelTag(OfModel, frozen=True, kw_only=True):
    tag_key: str = ""


class ModelParams(OfModel, frozen=True, kw_only=True):
    params: Annotated[tuple[Pair, ...], msgspec.Meta(max_length=1000)] = ()


class ModelFiles(OfModel, frozen=True, kw_only=True):
    artifact_directory_path: str = ""
    page_token: str = ""


class ModelOrder(Searched, frozen=True, kw_only=True, forbid_unknown_fields=True):
    field_name: str
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class ModelData(Searched, frozen=True, kw_only=True):
    dataset_name: str
    dataset_digest: str = ""


class ModelsSearched(Searched, frozen=True, kw_only=True):
    experiment_ids: tuple[str, ...] = ()
    filter: str = ""
    datasets: tuple[ModelData, ...] = ()
    max_results: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    order_by: tuple[ModelOrder, ...] = ()
    page_token: str = ""
