"""Runs that are tables: which column is what, how spreadsheets write them, and what no table is."""

import math

import pytest

from headhunt.cli.main import main
from headhunt.track.journal import Points
from tests.tracking.imports import brought, curve, home, of, records

__all__ = ["home"]


def test_a_table_is_a_run_and_its_header_says_which_column_is_what(tmp_path, home, capsys):
    path = tmp_path / "history.csv"
    path.write_text(
        "\ufeffepoch,Time,train_loss,val_acc,lr\n1,1700000000,2.0,0.5,x\n2,1700000001,nan,0.6,\n\n3,1700000002,1,,0.1\n"
    )
    (run,) = brought(capsys, "csv", path)
    told = records(home, run)
    assert curve(told, "val_acc") == [(1, 0.5), (2, 0.6)]
    assert math.isnan(curve(told, "train_loss")[1][1])
    assert run["unread"] == {"cells of lr that are no numbers": 1}
    assert of(told, Points)[0].at == 1700000000.0


@pytest.mark.parametrize(
    "text", ["step;loss;note\n0;1,5;a,1\n1;-2,5e-1;\n", "step\tloss\tnote\n0\t1.5\tb\n1\t-0.25\t\n"]
)
def test_a_table_of_a_spreadsheet_may_have_semicolons_or_tabs(text, tmp_path, home, capsys):
    path = tmp_path / "excel.csv"
    path.write_text(text)
    (run,) = brought(capsys, "csv", path)
    assert curve(records(home, run), "loss") == [(0, 1.5), (1, -0.25)]
    assert run["unread"] == {"cells of note that are no numbers": 1}


def test_a_table_of_many_runs_is_taken_apart(tmp_path, home, capsys):
    path = tmp_path / "runs.csv"
    path.write_text("run,step,loss\na,0,1\nb,0,3\na,1,0.5\n")
    runs = {run["name"]: run for run in brought(capsys, "csv", path)}
    assert curve(records(home, runs["a"]), "loss") == [(0, 1.0), (1, 0.5)]
    assert curve(records(home, runs["b"]), "loss") == [(0, 3.0)]


def test_the_table_that_tensorboard_exports_is_one_curve(tmp_path, home, capsys):
    path = tmp_path / "val_loss.csv"
    path.write_text("Wall time,Step,Value\n1700000000.5,10,0.5\n1700000001.5,20,0.25\n")
    (run,) = brought(capsys, "csv", path)
    assert curve(records(home, run), "val_loss") == [(10, 0.5), (20, 0.25)]


def test_columns_may_be_named(tmp_path, home, capsys):
    path = tmp_path / "x.csv"
    path.write_text("n,loss\n5,1\n6,0.5\n")
    (run,) = brought(capsys, "csv", path, "--step", "n")
    assert curve(records(home, run), "loss") == [(5, 1.0), (6, 0.5)]
    assert main(["import", "csv", str(path), "--step", "m"]) == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"1,0.5\n2,0.4\n", "no header"),
        (b"step,loss,loss\n1,2,3\n", "same name: loss"),
        ("step,größe\n1,0.5\n".encode("latin-1"), "Save the table as UTF-8"),
        (b'step,loss\n1,"0.5\n', "cannot be read as CSV"),
        (b"step,loss\n", "no numbers under step, loss"),
        (b"PK\3\4\0\0", "is no CSV"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_the_reason(data, words, tmp_path, home, capsys):
    (tmp_path / "t.csv").write_bytes(data)
    assert main(["import", "csv", str(tmp_path / "t.csv")]) == 2
    assert words in capsys.readouterr().err
    assert not (home / "runs").exists()


@pytest.mark.parametrize(
    "data",
    ["step\tloss\n1\t0.5\n".encode("utf-16"), "\ufeffstep,loss\r\n1,0.5\r\n".encode(), b"step|loss\n1|0.5\n"],
)
def test_a_table_is_read_as_spreadsheets_write_it(data, tmp_path, home, capsys):
    (tmp_path / "t.csv").write_bytes(data)
    (run,) = brought(capsys, "csv", tmp_path / "t.csv")
    assert curve(records(home, run), "loss") == [(1, 0.5)]


def test_a_table_that_became_another_is_another_run(tmp_path, home, capsys):
    path = tmp_path / "x.csv"
    path.write_text("step,loss\n0,1\n")
    (first,) = brought(capsys, "csv", path)
    path.write_text("step,loss\n0,2\n")
    (second,) = brought(capsys, "csv", path)
    assert first["id"] != second["id"]
