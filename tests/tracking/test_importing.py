"""Runs of other trackers, from files that those trackers wrote: see fixtures/README.md."""

import json
import math
import shutil
import sqlite3
import struct
import zlib
from pathlib import Path

import msgspec
import pytest

from headhunt.cli.main import main
from headhunt.track.journal import Began, Ended, Kept, Known, Noted
from headhunt.track.wire import RunBegun
from tests.tracking.imports import brought, curve, home, logs, mlruns, of, records, wandb
from tests.tracking.telling import PROJECT
from tracking.importers.protobuf import Garbled, fields
from tracking.importers.tfrecord import masked
from tracking.importers.wandb import Log

__all__ = ["home", "logs", "mlruns", "wandb"]


def check_mlflow_run(told: list) -> None:
    loss = curve(told, "loss")
    assert [step for step, _ in loss] == [0, 1, 2, 3, 4, 5]
    assert loss[:3] == [(0, 2.0), (1, 1.0), (2, 2 / 3)]
    assert math.isnan(loss[5][1])
    assert curve(told, "up") == [(0, math.inf)]
    assert curve(told, "val/acc") == [(5, 0.9)]
    params = {name: value for one in of(told, Noted) if one.kind == "param" for name, value in one.values.items()}
    assert params == {"lr": "0.02", "name/with slash": "a b"}
    assert of(told, Ended)[0].state == "failed"
    assert of(told, Known)[0].facts["code"]["commit"] == "abc" * 13 + "a"
    assert told[0] == Began(1700000001.0, told[0].facts)


def test_a_folder_mlruns_comes_with_points_parameters_tags_state_and_files(mlruns, home, capsys):
    runs = {run["name"]: run for run in brought(capsys, "mlflow", mlruns)}
    assert len(runs) == 3
    told = records(home, runs["run 1"])
    check_mlflow_run(told)
    (kept,) = of(told, Kept)
    assert (kept.path, kept.size) == ("notes/x.txt", 5)
    assert (home / "runs" / runs["run 1"]["id"] / "files" / kept.digest).read_bytes() == b"hello"


def test_a_database_of_mlflow_says_the_same_of_the_same_run(mlruns, tmp_path, home, capsys):
    by_folder = {run["id"] for run in brought(capsys, "mlflow", mlruns)}
    (run,) = brought(capsys, "mlflow", database_like(mlruns, tmp_path / "mlflow.db"))
    assert run["id"] in by_folder
    assert run["state"] == "other", "it is here already, and the files of it lie elsewhere"


def test_a_database_of_mlflow_alone(mlruns, tmp_path, home, capsys):
    (run,) = brought(capsys, "mlflow", database_like(mlruns, tmp_path / "mlflow.db"))
    check_mlflow_run(records(home, run))


def database_like(mlruns: Path, place: Path) -> Path:
    """The tables of MLflow's own migrations, as far as they are read, with the failed run of the folder."""
    run = next(path.parent.name for path in mlruns.glob("*/*/meta.yaml") if "run_name: run 1" in path.read_text())
    with sqlite3.connect(place) as database:
        database.executescript(
            "create table experiments (experiment_id integer primary key, name text, lifecycle_stage text);"
            "create table runs (run_uuid text, name text, status text, start_time bigint, end_time bigint,"
            " lifecycle_stage text, artifact_uri text, experiment_id integer);"
            "create table params (key text, value text, run_uuid text);"
            "create table tags (key text, value text, run_uuid text);"
            "create table metrics (key text, value float, timestamp bigint, run_uuid text, step bigint, is_nan int);"
            "insert into experiments values (1, 'flowers', 'active');"
        )
        values = (run, "run 1", "FAILED", 1700000001000, 1700000009000, "active", "file:///etc", 1)
        database.execute("insert into runs values (?,?,?,?,?,?,?,?)", values)
        params = [("lr", "0.02", run), ("name/with slash", "a b", run)]
        database.executemany("insert into params values (?,?,?)", params)
        database.execute("insert into tags values ('mlflow.source.git.commit', ?, ?)", ("abc" * 13 + "a", run))
        rows = [("loss", 2 / (step + 1), 1700000000000 + step * 100, run, step, 0) for step in range(5)]
        rows += [("loss", 0.0, 1700000000600, run, 5, 1), ("val/acc", 0.9, 1700000000600, run, 5, 0)]
        rows += [("up", 1.7976931348623157e308, 1700000000600, run, 0, 0)]
        database.executemany("insert into metrics values (?,?,?,?,?,?)", rows)
    database.close()
    return place


def test_files_that_a_store_claims_to_have_elsewhere_on_this_machine_are_not_taken(mlruns, tmp_path, home, capsys):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("mine")
    for path in mlruns.glob("*/*/meta.yaml"):
        path.write_text(path.read_text().replace("file:///nowhere/art", f"file://{secret}"))
        if (inside := path.parent / "artifacts").is_dir():
            (inside / "link").symlink_to(secret / "key")
    for run in brought(capsys, "mlflow", mlruns):
        assert {one.path for one in of(records(home, run), Kept)} <= {"notes/x.txt"}


def test_what_is_no_number_in_a_store_is_told_and_the_rest_is_kept(mlruns, home, capsys):
    path = next(mlruns.glob("*/*/metrics/loss"))
    path.write_text(path.read_text() + "what is this\n1700000000700 0.25 6\n")
    told = [run for run in brought(capsys, "mlflow", mlruns) if run["unread"].get(unread_of("loss"))]
    assert len(told) == 1
    assert curve(records(home, told[0]), "loss")[-1] == (6, 0.25)


def unread_of(metric: str) -> str:
    return f"lines of the metric {metric} that are no time, value and step"


def test_the_same_import_twice_makes_no_second_run(mlruns, logs, wandb, home, capsys):
    for kind, path in (("mlflow", mlruns), ("tensorboard", logs), ("wandb", wandb)):
        first, second = brought(capsys, kind, path), brought(capsys, kind, path)
        assert [run["id"] for run in first] == [run["id"] for run in second]
        assert {run["state"] for run in first} == {"new"}
        assert {run["state"] for run in second} == {"there"}


def test_events_of_tensorboard_come_with_numbers_texts_pictures(logs, home, capsys):
    (run,) = brought(capsys, "tensorboard", logs)
    told = records(home, run)
    assert curve(told, "val_acc") == [(step, pytest.approx(step / 20)) for step in range(20)]
    assert curve(told, "train/loss")[3] == (3, 0.5)
    assert math.isnan(curve(told, "train/loss")[20][1])
    assert {(one.path, one.kind, one.step) for one in of(told, Kept)} == {
        ("notes.txt", "text", 3),
        ("img.png", "image", 4),
    }
    assert run["unread"] == {"histograms, sounds and graphs": 1}


def test_a_log_that_is_cut_off_or_damaged_gives_what_stands_before(logs, home, capsys):
    (path,) = logs.glob("*/*tfevents*")
    whole = path.read_bytes()
    path.write_bytes(whole[:800])
    (cut,) = brought(capsys, "tensorboard", logs)
    assert 3 < len(curve(records(home, cut), "val_acc")) < 20
    assert any("within a record" in words for words in cut["unread"])
    path.rename(path.with_name("other.tfevents"))
    path.with_name("other.tfevents").write_bytes(whole[:700] + b"\xff" + whole[701:])
    (bad,) = brought(capsys, "tensorboard", logs)
    assert any("checksum" in words for words in bad["unread"])


def test_the_checksum_is_that_of_the_castagnoli_polynomial():
    unmasked = (masked(b"123456789") - 0xA282EAD8) & 0xFFFFFFFF
    assert (unmasked >> 17 | unmasked << 15) & 0xFFFFFFFF == 0xE3069283  # the check value of CRC-32C


def framed(event: bytes) -> bytes:
    head = struct.pack("<Q", len(event))
    return head + struct.pack("<I", masked(head)) + event + struct.pack("<I", masked(event))


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2, len(data)]) + data


@pytest.mark.parametrize(
    ("tensor", "wanted"),
    [
        (b"\x08\x01" + field(4, struct.pack("<f", 0.5)), 0.5),
        (b"\x08\x02" + field(4, struct.pack("<d", 0.25)), 0.25),
        (b"\x08\x01" + field(5, struct.pack("<f", 0.5)), 0.5),
        (b"\x08\x01\x2d" + struct.pack("<f", 0.5), 0.5),
        (b"\x08\x09" + field(10, b"\x07"), 7.0),
        (b"\x08\x03" + field(7, b"\x05"), 5.0),
    ],
)
def test_a_tensor_of_one_number_is_a_number(tensor, wanted, tmp_path, home, capsys):
    value = field(1, b"acc") + field(8, tensor)
    event = b"\x09" + struct.pack("<d", 1700000000.0) + b"\x10\x03" + field(5, field(1, value))
    (tmp_path / "x.tfevents").write_bytes(framed(event))
    (run,) = brought(capsys, "tensorboard", tmp_path / "x.tfevents")
    assert curve(records(home, run), "acc") == [(3, wanted)]


def test_a_run_of_wandb_comes_with_its_history_config_summary_and_end(wandb, home, capsys):
    (run,) = brought(capsys, "wandb", wandb.parent)
    told = records(home, run)
    assert (run["experiment"], run["name"]) == ("flowers", "first")
    assert curve(told, "loss")[:10] == [(step, 2.0 / (step + 1)) for step in range(10)]
    assert math.isnan(curve(told, "loss")[10][1])
    assert curve(told, "up") == [(10, math.inf)]
    assert curve(told, "val.acc")[9] == (9, 0.9)
    noted = {kind: {} for kind in ("param", "tag", "summary")}
    for one in of(told, Noted):
        noted[one.kind] |= one.values
    assert noted["param"] == {"lr": 0.1, "net.depth": 3}
    assert noted["tag"] == {"baseline": ""}
    assert noted["summary"]["best"] == 0.9
    assert of(told, Ended)[0].state == "finished"
    assert told[0].facts["intent"] == "does it work?"


def test_a_run_of_wandb_that_was_killed_is_lost_and_keeps_what_it_told(wandb, home, capsys):
    wandb.write_bytes(wandb.read_bytes()[:2200])
    (run,) = brought(capsys, "wandb", wandb)
    told = records(home, run)
    assert 0 < len(curve(told, "loss")) < 11
    assert of(told, Ended)[0].state == "lost"
    assert any("cut off" in words for words in run["unread"])


@pytest.mark.parametrize("kind", ["mlflow", "tensorboard", "wandb", "csv"])
@pytest.mark.parametrize("content", [None, b"", b"\0\1\2", b"hello", b":W&B\xe1\xbe\x00" + b"\xff" * 99])
def test_what_is_nothing_of_the_kind_is_a_line_or_an_empty_run_with_its_reason(kind, content, tmp_path, capsys):
    path = tmp_path / "thing"
    if content is not None:
        path.write_bytes(content)
    status, said = main(["import", kind, str(path)]), capsys.readouterr()
    assert (status == 2 and len(said.err.splitlines()) == 1) or "not taken" in said.out


@pytest.mark.parametrize("kind", ["tensorboard", "wandb"])
def test_a_log_that_tells_nothing_makes_no_run_and_keeps_no_other_back(kind, logs, wandb, tmp_path, home, capsys):
    names = {"tensorboard": "a/events.out.tfevents.1.empty", "wandb": "a/run-empty.wandb"}
    for top in (tmp_path / "nothing", {"tensorboard": logs, "wandb": wandb.parent}[kind]):
        (top / "a").mkdir(parents=True)
        (top / names[kind]).write_bytes(b"" if kind == "tensorboard" else b":W&B\xe1\xbe\x00")
    assert main(["import", kind, str(tmp_path / "nothing")]) == 2
    assert "not one whole" in capsys.readouterr().err
    assert not (home / "runs").exists()
    assert len(brought(capsys, kind, logs if kind == "tensorboard" else wandb.parent)) == 1


def test_steps_that_no_journal_can_hold_and_cells_too_many_are_told_and_the_rest_is_kept(tmp_path, home, capsys):
    (tmp_path / "t.csv").write_text("step,loss\n99999999999999999999,1\n1e400,2\n7,3,4\n")
    (run,) = brought(capsys, "csv", tmp_path / "t.csv")
    assert curve(records(home, run), "loss") == [(0, 1.0), (1, 2.0), (7, 3.0)]
    assert sorted(run["unread"].values()) == [1, 2]


def test_a_store_of_mlflow_with_wrong_steps_and_places_is_read_as_far_as_it_goes(mlruns, home, capsys):
    meta = next(mlruns.glob("*/*/meta.yaml"))
    shutil.rmtree(meta.parent / "artifacts", ignore_errors=True)
    lines = [one for one in meta.read_text().splitlines() if not one.startswith("artifact_uri")]
    meta.write_text("\n".join([*lines, "artifact_uri: 'http://[bad'"]))
    (meta.parent / "metrics" / "odd").write_text("1 2 99999999999999999999999\n1 3 4\n")
    found = brought(capsys, "mlflow", mlruns)
    run = next(one for one in found if "its files lie on another machine" in one["unread"])
    assert curve(records(home, run), "odd") == [(4, 3.0)]


def test_a_file_that_may_not_be_read_is_a_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "t.csv").write_text("step,loss\n1,2\n")

    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", closed)
    assert main(["import", "csv", str(tmp_path / "t.csv")]) == 2
    assert "cannot be read: Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"\x08", b"\x0a\x05ab", b"\x0b", b"\xff" * 12, b"\x0d\x00"])
def test_bytes_that_are_no_message_are_garbled(data):
    with pytest.raises(Garbled):
        list(fields(data))


def test_a_log_that_grew_makes_the_run_grow_where_it_only_grew(tmp_path, home, capsys):
    path = tmp_path / "x.tfevents"
    event = (
        b"\x09" + struct.pack("<d", 1700000000.0) + b"\x10\x03" + field(5, field(1, field(1, b"a") + b"\x15\0\0\0\0"))
    )
    path.write_bytes(framed(event))
    (first,) = brought(capsys, "tensorboard", path)
    path.write_bytes(framed(event) * 2)
    (second,) = brought(capsys, "tensorboard", path)
    assert first["id"] == second["id"]
    assert second["state"] == "grown"
    assert curve(records(home, second), "a") == [(3, 0.0), (3, 0.0)]


def test_what_was_imported_is_a_run_like_all_others(mlruns, logs, wandb, home, capsys, tracking):
    for kind, path, metric, count in (
        ("mlflow", mlruns, "loss", 6),
        ("tensorboard", logs, "val_acc", 20),
        ("wandb", wandb, "loss", 11),
    ):
        run = next(one for one in brought(capsys, kind, path) if one["name"] != "run 0" and one["records"] > 5)
        data = (home / "runs" / run["id"] / "imported.journal").read_bytes()
        asked = json.loads((home / "runs" / run["id"] / "run.json").read_text())["asked"]
        tracking.begin(PROJECT, run["id"], msgspec.convert(asked, RunBegun))
        assert tracking.append(PROJECT, run["id"], "imported", 0, data) == len(data)
        found = tracking.get(PROJECT, run["id"])
        assert (found.experiment, found.name, found.marks != ()) == (
            run["experiment"],
            run["name"],
            bool(run["unread"]),
        )
        assert found.state in {"finished", "failed"}
        steps, _, values = tracking.points(PROJECT, run["id"], metric)
        assert len(steps) == len(values) == count


def blocks_of(messages: list[bytes]) -> bytes:
    """LevelDB: blocks of 32 KiB; what does not fit goes on in the next; ends of under 7 bytes stay empty."""
    out = bytearray(b":W&B\xe1\xbe\x00")
    for message in messages:
        first = True
        while True:
            left = 32768 - len(out) % 32768
            if left < 7:
                out += bytes(left)
                continue
            piece, message = message[: left - 7], message[left - 7 :]
            kind = (1 if first else 4) if not message else (2 if first else 3)
            out += struct.pack("<IHB", zlib.crc32(piece, zlib.crc32(bytes([kind]))), len(piece), kind) + piece
            first = False
            if not message:
                break
    return bytes(out)


@pytest.mark.parametrize("sizes", [[100_000], [32768 - 7 - 7, 5], [32768 - 7 - 7 - 3, 40, 70_000, 1], [20] * 5000])
def test_a_log_of_many_blocks_is_read_over_their_borders(sizes):
    messages = [bytes([count % 251]) * size for count, size in enumerate(sizes)]
    log = Log(blocks_of(messages))
    assert list(log) == messages
    assert log.fault == ""
