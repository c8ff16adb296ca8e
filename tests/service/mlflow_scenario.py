"""What anybody's training does with MLflow's own client, and what it must find afterwards. Run as a program, with
MLFLOW_TRACKING_URI and MLFLOW_TRACKING_TOKEN in its environment; nothing in it knows headhunt.

It says `all is well` at its end, and fails where something is not so.
"""

import json
import math
import sys
import tempfile
import threading
import types
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.models import Model

client = MlflowClient()


def refused(code, call, *given, **named):
    with pytest.raises(MlflowException) as caught:
        call(*given, **named)
    assert caught.value.error_code == code, (caught.value.error_code, str(caught.value))
    return str(caught.value)


def experiments():
    own = mlflow.create_experiment("flowers", tags={"team": "plants"})
    found = mlflow.get_experiment(own)
    assert (found.name, found.lifecycle_stage, found.tags) == ("flowers", "active", {"team": "plants"})
    assert found.creation_time > 1.5e12
    assert mlflow.get_experiment_by_name("flowers").experiment_id == own
    assert mlflow.get_experiment_by_name("nothing of this name") is None
    refused("RESOURCE_ALREADY_EXISTS", mlflow.create_experiment, "flowers")
    refused("RESOURCE_DOES_NOT_EXIST", mlflow.get_experiment, "99999")
    refused("RESOURCE_DOES_NOT_EXIST", client.rename_experiment, "no number", "x")
    refused("INVALID_PARAMETER_VALUE", client.rename_experiment, "0", "x")
    client.set_experiment_tag(own, "team", "trees")
    client.set_experiment_tag(own, "k", "v")
    client.delete_experiment_tag(own, "k")
    client.rename_experiment(own, "trees")
    assert mlflow.get_experiment(own).tags == {"team": "trees"}
    client.rename_experiment(own, "flowers")
    other = mlflow.create_experiment("other")
    kept = client.create_run(other)
    gone = client.create_run(other)
    client.delete_run(gone.info.run_id)
    client.delete_experiment(other)
    assert client.get_run(kept.info.run_id).info.lifecycle_stage == "deleted"
    refused("INVALID_PARAMETER_VALUE", client.create_run, other)
    names = [one.name for one in mlflow.search_experiments()]
    assert names == ["flowers", "Default"], names
    assert [one.name for one in mlflow.search_experiments(view_type=ViewType.DELETED_ONLY)] == ["other"]
    client.restore_experiment(other)
    assert client.get_run(kept.info.run_id).info.lifecycle_stage == "active"
    assert client.get_run(gone.info.run_id).info.lifecycle_stage == "deleted"
    by_name = mlflow.search_experiments(order_by=["name DESC"], max_results=2)
    assert [one.name for one in by_name] == ["other", "flowers"], by_name
    paged = client.search_experiments(order_by=["name ASC"], max_results=1)
    more = client.search_experiments(order_by=["name ASC"], max_results=1, page_token=paged.token)
    assert [paged[0].name, more[0].name] == ["Default", "flowers"]
    assert [one.name for one in mlflow.search_experiments(filter_string="tags.team = 'trees'")] == ["flowers"]
    assert [one.name for one in mlflow.search_experiments(filter_string="name ILIKE 'FLOW%'")] == ["flowers"]
    refused("INVALID_PARAMETER_VALUE", mlflow.search_experiments, filter_string="colour = 'red'")
    return own


def a_training(own):
    mlflow.set_experiment("flowers")
    with mlflow.start_run(run_name="warm", tags={"baseline": "yes"}, description="a lower rate") as run:
        assert mlflow.active_run().info.run_id == run.info.run_id
        mlflow.log_param("lr", 0.01)
        mlflow.log_params({"epochs": 20, "network": "resnet18", "empty": ""})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"none": math.nan, "most": math.inf, "least": -math.inf}, step=3)
        mlflow.set_tag("stage", "late")
        mlflow.set_tags({"a": "1", "b": "2"})
        mlflow.delete_tag("b")
        with mlflow.start_run(nested=True, run_name="fold") as child:
            mlflow.log_metric("loss", 9.0)
        refused("INVALID_PARAMETER_VALUE", mlflow.log_param, "lr", 0.02)
        mlflow.log_param("lr", 0.01)
    read = client.get_run(run.info.run_id)
    assert (read.info.run_name, read.info.status, read.info.experiment_id) == ("warm", "FINISHED", own)
    assert read.info.end_time >= read.info.start_time > 1.5e12
    assert read.data.params == {"lr": "0.01", "epochs": "20", "network": "resnet18", "empty": ""}
    assert read.data.metrics["loss"] == 0.2
    assert read.data.metrics["most"] == math.inf
    assert read.data.metrics["least"] == -math.inf
    assert math.isnan(read.data.metrics["none"])
    assert read.data.tags["stage"] == "late"
    assert read.data.tags["mlflow.note.content"] == "a lower rate"
    assert "b" not in read.data.tags
    assert read.data.tags["mlflow.user"] == read.info.user_id
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
    assert mlflow.get_parent_run(child.info.run_id).info.run_id == run.info.run_id
    return run.info.run_id, child.info.run_id


def a_training_that_fails():
    try:
        with mlflow.start_run(run_name="fails") as run:
            raise RuntimeError("out of memory")
    except RuntimeError:
        pass
    assert client.get_run(run.info.run_id).info.status == "FAILED"
    client.set_terminated(run.info.run_id, "KILLED")
    assert client.get_run(run.info.run_id).info.status == "KILLED"
    client.update_run(run.info.run_id, status="RUNNING", name="again")
    read = client.get_run(run.info.run_id)
    assert (read.info.status, read.info.run_name, read.info.end_time) == ("RUNNING", "again", None)
    client.set_terminated(run.info.run_id, "FAILED")


def batches(own):
    run = client.create_run(own, run_name="batches").info.run_id
    metrics = [Metric("m", float(i), 1_700_000_000_000 + i, 10 - i) for i in range(10)]
    metrics += [Metric("m", 5.5, 1_700_000_000_003, 7), Metric("m", 5.5, 1_700_000_000_004, 7)]
    for _ in range(3):  # as a client does whose answer was lost
        client.log_batch(run, metrics, [Param("p", "1")], [RunTag("t", "1")])
    found = client.get_metric_history(run, "m")
    assert [(one.step, one.value) for one in found] == [
        (1, 9.0), (2, 8.0), (3, 7.0), (4, 6.0), (5, 5.0), (6, 4.0), (7, 3.0), (7, 5.5), (7, 5.5), (8, 2.0), (9, 1.0),
        (10, 0.0),
    ], found  # fmt: skip
    assert found[0].timestamp == 1_700_000_000_009
    assert client.get_metric_history(run, "no such metric") == []
    first = client._tracking_client.store.get_metric_history(run, "m", max_results=5)
    assert (len(first), bool(first.token)) == (5, True)
    refused("INVALID_PARAMETER_VALUE", client.log_batch, run, params=[Param("q", "1"), Param("q", "2")])
    refused(
        "INVALID_PARAMETER_VALUE", client.log_batch, run, metrics=[Metric("m", 1.0, 1, 0)], params=[Param("p", "2")]
    )
    assert len(client.get_metric_history(run, "m")) == 12
    refused("RESOURCE_DOES_NOT_EXIST", client.delete_tag, run, "no such tag")
    refused("RESOURCE_DOES_NOT_EXIST", client.get_run, "f" * 32)
    refused("RESOURCE_DOES_NOT_EXIST", client.log_metric, "f" * 32, "m", 1.0)
    client.delete_run(run)
    refused("INVALID_PARAMETER_VALUE", client.log_metric, run, "m", 1.0)
    refused("INVALID_PARAMETER_VALUE", client.set_tag, run, "m", "1")
    assert run not in {one.info.run_id for one in client.search_runs([own])}
    assert [one.info.run_id for one in client.search_runs([own], run_view_type=ViewType.DELETED_ONLY)] == [run]
    client.restore_run(run)
    client.set_terminated(run)


def many_points(own):
    run = client.create_run(own, run_name="many").info.run_id
    for first in range(0, 3000, 1000):
        client.log_batch(run, [Metric("x", float(i), 1_700_000_000_000 + i, i) for i in range(first, first + 1000)])
    for _ in range(2):
        client.log_batch(run, [Metric("x", float(i), 1_700_000_000_000 + i, i) for i in range(2000, 3000)])
    assert [one.value for one in client.get_metric_history(run, "x")] == [float(i) for i in range(3000)]
    store = client._tracking_client.store
    refused("INVALID_PARAMETER_VALUE", store.log_batch, run, [Metric("x", 0.0, 1, i) for i in range(1001)], [], [])
    refused("INVALID_PARAMETER_VALUE", store.log_batch, run, [], [Param(f"p{i}", "") for i in range(101)], [])
    refused("INVALID_PARAMETER_VALUE", store.log_batch, run, [], [], [RunTag(f"t{i}", "") for i in range(101)])
    client.set_terminated(run)


def searches(own, run, child):
    def found(condition, **more):
        return [one.info.run_name for one in client.search_runs([own], condition, **more)]

    assert found("metrics.loss < 0.5 and params.lr = '0.01'") == ["warm"]
    assert found("tags.baseline = 'yes' AND attributes.status = 'FINISHED'") == ["warm"]
    assert found("params.network LIKE 'resnet%' and attributes.run_name ILIKE 'WARM'") == ["warm"]
    assert found(f"run_id IN ('{run}', '{child}')", order_by=["metrics.loss DESC"]) == ["fold", "warm"]
    assert found("tags.`mlflow.parentRunId` = '" + run + "'") == ["fold"]
    assert found('params."network" IS NOT NULL') == ["warm"]
    assert found("attributes.start_time > 1500000000000 and metrics.loss > 1") == ["fold"]
    assert found("attributes.user_id = '" + client.get_run(run).info.user_id + "' and metrics.loss = 9") == ["fold"]
    assert found("datasets.name = 'flowers-train' and dataset.context = 'training'") == ["seeing"]
    assert found("datasets.name = 'flowers-test'") == []
    assert found("not metrics.loss < 100 and run_name != 'many'", order_by=["attributes.run_name ASC"])[0] == "again"
    everything = client.search_runs([own], order_by=["start_time DESC"])
    paged, token = [], None
    while True:
        page = client.search_runs([own], order_by=["start_time DESC"], max_results=2, page_token=token)
        paged, token = paged + list(page), page.token
        if not token:
            break
    assert [one.info.run_id for one in paged] == [one.info.run_id for one in everything]
    assert client.search_runs(["98765"]) == []
    for wrong in ("metrics.loss >", "colour = 'red'", "metrics.loss > 'a'", "params.a RLIKE '(a+)+$'", "loss ~ 3"):
        told = refused("INVALID_PARAMETER_VALUE", client.search_runs, [own], wrong)
        assert "What would do" in told, told
    refused("INVALID_PARAMETER_VALUE", client.search_runs, [own], order_by=["colour DESC"])


def files(run):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "deep" / "er").mkdir(parents=True)
        (root / "deep" / "er" / "한국어 file.txt").write_text("안녕")
        (root / "deep" / "empty.txt").write_text("")
        (root / "weights.bin").write_bytes(bytes(range(256)) * 4096)
        with mlflow.start_run(run_id=run):
            mlflow.log_artifact(str(root / "weights.bin"))
            mlflow.log_artifacts(str(root / "deep"), artifact_path="deep")
            mlflow.log_text("hello", "notes/a.txt")
            mlflow.log_text("hello again", "notes/a.txt")
            mlflow.log_dict({"a": [1, 2]}, "notes/d.json")
            from PIL import Image

            mlflow.log_image(Image.new("RGB", (4, 4), "red"), "red.png")
            assert mlflow.get_artifact_uri().startswith("mlflow-artifacts:/")
    listed = {one.path: (one.is_dir, one.file_size) for one in client.list_artifacts(run)}
    assert listed["weights.bin"] == (False, 1 << 20), listed
    assert listed["notes"] == (True, None)
    assert [one.path for one in client.list_artifacts(run, "deep")] == ["deep/empty.txt", "deep/er"]
    assert [one.path for one in client.list_artifacts(run, "deep/er")] == ["deep/er/한국어 file.txt"]
    assert client.list_artifacts(run, "nothing/here") == []
    assert client.list_artifacts(run, "weights.bin") == []
    assert mlflow.artifacts.load_text(f"runs:/{run}/notes/a.txt") == "hello again"
    assert mlflow.artifacts.load_dict(f"runs:/{run}/notes/d.json") == {"a": [1, 2]}
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(client.download_artifacts(run, "", folder))
        assert (whole / "weights.bin").read_bytes() == bytes(range(256)) * 4096
        assert (whole / "deep" / "er" / "한국어 file.txt").read_text() == "안녕"
        assert (whole / "deep" / "empty.txt").read_text() == ""


def data_seen(own):
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    with mlflow.start_run(experiment_id=own, run_name="seeing") as run:
        seen = MetaDataset(CodeDatasetSource(tags={"a": "b"}), name="flowers-train", digest="abc123")
        mlflow.log_input(seen, context="training")
        mlflow.log_input(seen, context="training")
        mlflow.log_metric("acc", 0.5, step=1, dataset=seen)
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert [(one.dataset.name, one.dataset.digest) for one in inputs] == [("flowers-train", "abc123")]
    assert [(tag.key, tag.value) for tag in inputs[0].tags] == [("mlflow.data.context", "training")]


def flavor():
    """A kind of model of its own, as libraries bring theirs."""
    made = types.ModuleType("little_flavor")

    def save_model(path, mlflow_model, weights):
        Path(path).mkdir(parents=True, exist_ok=True)
        (Path(path) / "weights.json").write_text(json.dumps(weights))
        mlflow_model.add_flavor("little", data="weights.json")
        mlflow_model.save(str(Path(path) / "MLmodel"))

    made.save_model = save_model
    sys.modules[made.__name__] = made
    return made


def logged_models(own):
    with mlflow.start_run(experiment_id=own, run_name="with a model") as run:
        info = Model.log(None, name="best", flavor=flavor(), weights=[1, 2], params={"depth": "3"}, step=2)
        mlflow.log_metric("val_accuracy", 0.9, model_id=info.model_id, step=1)
        mlflow.log_metric("val_accuracy", 0.95, model_id=info.model_id, step=2)
    model = mlflow.get_logged_model(info.model_id)
    assert (model.name, model.status, model.source_run_id) == ("best", LoggedModelStatus.READY, run.info.run_id)
    assert model.params["depth"] == "3"
    assert [(one.key, one.value, one.step) for one in model.metrics] == [("val_accuracy", 0.95, 2)], model.metrics
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert [(one.model_id, one.step) for one in outputs] == [(info.model_id, 2)]
    with tempfile.TemporaryDirectory() as folder:
        for address in (f"models:/{info.model_id}", f"runs:/{run.info.run_id}/best"):
            place = Path(folder) / address.partition(":")[0]
            place.mkdir()
            whole = Path(mlflow.artifacts.download_artifacts(address, dst_path=str(place)))
            assert json.loads((whole / "weights.json").read_text()) == [1, 2]
            assert (whole / "MLmodel").is_file()
    assert "models" not in {one.path for one in client.list_artifacts(run.info.run_id)}
    assert [one.path for one in client.list_logged_model_artifacts(info.model_id)] == ["MLmodel", "weights.json"]
    mlflow.set_logged_model_tags(info.model_id, {"a": "1", "b": "2"})
    mlflow.delete_logged_model_tag(info.model_id, "a")
    assert mlflow.get_logged_model(info.model_id).tags["b"] == "2"
    assert "a" not in mlflow.get_logged_model(info.model_id).tags

    alone = mlflow.initialize_logged_model(
        name="alone", model_type="agent", params={f"p{i}": str(i) for i in range(250)}
    )
    assert alone.status == LoggedModelStatus.PENDING
    assert len(mlflow.get_logged_model(alone.model_id).params) == 250
    mlflow.finalize_logged_model(alone.model_id, LoggedModelStatus.READY)
    found = client.search_logged_models([own], order_by=[{"field_name": "metrics.val_accuracy", "ascending": False}])
    assert [one.name for one in found] == ["best", "alone"], found
    some = client.search_logged_models([own], filter_string="metrics.val_accuracy > 0.9 AND params.depth = '3'")
    assert [one.name for one in some] == ["best"]
    assert [one.name for one in client.search_logged_models([own], "name = 'alone' and status = 'READY'")] == ["alone"]
    refused("INVALID_PARAMETER_VALUE", client.search_logged_models, [own], "colour = 'red'")
    assert "alone" not in {one.info.run_name for one in client.search_runs([own])}
    client.delete_logged_model(alone.model_id)
    refused("RESOURCE_DOES_NOT_EXIST", mlflow.get_logged_model, alone.model_id)


class Doubled(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[float]) -> list[float]:
        return [2 * one for one in model_input]


def a_model_of_python(own):
    with mlflow.start_run(experiment_id=own, run_name="python") as run:
        info = mlflow.pyfunc.log_model(name="doubled", python_model=Doubled(), pip_requirements=[])
    assert mlflow.pyfunc.load_model(info.model_uri).predict([1.0, 2.0]) == [2.0, 4.0]
    assert mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/doubled").predict([3.0]) == [6.0]


def a_library_that_logs_itself(own):
    from sklearn.linear_model import LogisticRegression

    mlflow.sklearn.autolog(log_models=False, silent=True)
    with mlflow.start_run(experiment_id=own, run_name="by itself") as run:
        LogisticRegression(C=0.5).fit([[0.0], [1.0], [0.2], [0.9]], [0, 1, 0, 1])
    mlflow.sklearn.autolog(disable=True)
    read = client.get_run(run.info.run_id)
    assert read.data.params["C"] == "0.5"
    assert read.data.metrics["training_accuracy_score"] == 1.0


def several_at_once(own):
    run = client.create_run(own, run_name="together").info.run_id

    def write(worker):
        mine = MlflowClient()
        for i in range(20):
            mine.log_metric(run, "shared", float(worker), timestamp=1_700_000_000_000 + i, step=i)
            mine.log_param(run, f"p{worker}.{i}", i)

    workers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert len(client.get_metric_history(run, "shared")) == 80
    assert len(client.get_run(run).data.params) == 80
    client.set_terminated(run)


def not_served():
    refused("ENDPOINT_NOT_FOUND", client.create_registered_model, "a registry")


def main():
    with mlflow.start_run() as first:
        pass
    assert first.info.experiment_id == "0"
    own = experiments()
    run, child = a_training(own)
    a_training_that_fails()
    batches(own)
    many_points(own)
    data_seen(own)
    searches(own, run, child)
    files(run)
    logged_models(own)
    a_model_of_python(own)
    a_library_that_logs_itself(own)
    several_at_once(own)
    not_served()
    print("all is well")


if __name__ == "__main__":
    main()
