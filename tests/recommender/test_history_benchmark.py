"""`python -m benchmarks.history`, run as a user runs it."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.history import main, rankings, truths
from headhunt.vocabulary import Outcome
from recommender.measures import regret, weighted_tau
from tests.recommender.histories import make, names

PLAIN = ("random", "loo-rank", "loo-accuracy", "portfolio")
FACTS = ("wtau", "regret@1", "regret@3", "regret@5", "seconds")


def table(path, accuracy, seeds=1):
    """A csv of M models on D datasets; `accuracy` [M, D]."""
    rng = np.random.default_rng(0)
    lines = ["model,dataset,accuracy,seed"]
    for i, model in enumerate(names("m", len(accuracy))):
        for j, dataset in enumerate(names("d", accuracy.shape[1])):
            lines += [f"{model},{dataset},{accuracy[i, j] + s * rng.normal() * 0.005:.5f},{s}" for s in range(seeds)]
    path.write_text("\n".join(lines) + "\n")
    return path


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["history", *map(str, words)])
    main()


def benchmark(monkeypatch, tmp_path, *words):
    run(monkeypatch, *words, "--json", tmp_path / "found.json")
    return json.loads((tmp_path / "found.json").read_text())


def test_every_method_is_judged_on_every_target(monkeypatch, tmp_path, capsys):
    file = table(tmp_path / "t.csv", make(0, models=12, datasets=5).accuracy)
    found = benchmark(monkeypatch, tmp_path, file)
    assert tuple(found["methods"]) == (*PLAIN, "headhunt")
    for method in found["methods"].values():
        assert set(method) == {*FACTS, "per_target"}
        assert set(method["per_target"]) == set(names("d", 5))
        for fact in FACTS:
            assert method[fact] == pytest.approx(np.mean([one[fact] for one in method["per_target"].values()]))
    assert found["methods"]["random"]["wtau"] == 0
    assert "headhunt" in capsys.readouterr().out


def test_the_plain_mean_rank_is_what_a_reader_computes_by_hand(monkeypatch, tmp_path):
    accuracy = np.round(make(1, models=9, datasets=4).accuracy, 5)
    found = benchmark(monkeypatch, tmp_path, table(tmp_path / "t.csv", accuracy))
    rank = (accuracy[:, None] > accuracy[None]).sum(axis=1)
    for j, target in enumerate(names("d", 4)):
        score = np.delete(rank, j, axis=1).mean(axis=1)
        one = found["methods"]["loo-rank"]["per_target"][target]
        assert one["wtau"] == pytest.approx(weighted_tau(score, accuracy[:, j]))
        assert one["regret@1"] == pytest.approx(regret(score, accuracy[:, j], 1))


def test_distances_bring_two_methods_and_help_where_they_tell_something(monkeypatch, tmp_path):
    made = make(2, common=1.0, own=0.7)
    file, far = table(tmp_path / "t.csv", made.accuracy), tmp_path / "d.csv"
    lines = [f"{a},{b},{value}" for (a, b), value in made.distances.items()]
    far.write_text("\n".join(["dataset_a,dataset_b,distance", *lines, "d000,unknown,3"]) + "\n")
    without, informed = (
        benchmark(monkeypatch, tmp_path, file),
        benchmark(monkeypatch, tmp_path, file, "--distances", far),
    )
    assert set(informed["methods"]) == {*PLAIN, "similarity-loo", "nearest", "headhunt"}
    tau = {name: method["wtau"] for name, method in informed["methods"].items()}
    assert tau["headhunt"] > max(without["methods"]["headhunt"]["wtau"], tau["nearest"], tau["similarity-loo"])


def test_several_seeds_give_a_ceiling_and_are_averaged(monkeypatch, tmp_path):
    file = table(tmp_path / "t.csv", make(3, models=15, datasets=4).accuracy, seeds=3)
    found = benchmark(monkeypatch, tmp_path, file)
    assert found["methods"]["headhunt"]["wtau"] < found["ceiling"]["wtau"] < 1
    assert benchmark(monkeypatch, tmp_path, table(tmp_path / "u.csv", make(3).accuracy))["ceiling"] is None


def rows_of(accuracy):
    return [
        Outcome(model=model, dataset=dataset, accuracy=float(accuracy[i, j]))
        for i, model in enumerate(names("m", len(accuracy)))
        for j, dataset in enumerate(names("d", accuracy.shape[1]))
    ]


def test_no_method_sees_the_target():
    made = make(4, models=15, datasets=5)
    upset = made.accuracy.copy()
    upset[:, 2] = np.random.default_rng(0).permutation(1 - upset[:, 2])
    before, after = (rankings(rows_of(accuracy), made.distances) for accuracy in (made.accuracy, upset))
    assert len(before) == 7
    for method in before:
        assert before[method]["d002"][0] == after[method]["d002"][0]
        assert before[method]["d001"][0] != after[method]["d001"][0] or method in ("random", "nearest")


def test_the_truth_is_the_best_of_each_seed():
    rows = [Outcome(model="m", dataset="d", accuracy=a, seed=s) for a, s in ((0.5, 0), (0.7, 0), (0.6, 1))]
    assert truths(rows) == {"d": {"m": [0.7, 0.6]}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model,dataset,accuracy\na,x,0.5\nb,x,0.6\n", "at least two datasets"),
        ("model,dataset,accuracy\na,x,0.5\nb,y,0.6\n", "two models on one of them"),
        ("model,dataset\na,x\n", "no column 'accuracy'"),
    ],
)
def test_tables_that_cannot_be_ranked_are_refused_in_a_line(monkeypatch, tmp_path, text, words):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(SystemExit, match=words):
        run(monkeypatch, tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b,distance\nd000,d001,1\n", "Give a csv with dataset_a"),
        ("dataset_a,dataset_b,distance\nd000,d001,-1\n", "Line 2.*no distance"),
        ("dataset_a,dataset_b,distance\nd000,d001,far\n", "Give a csv with dataset_a"),
        ("dataset_a,dataset_b,distance\nx,y,1\n", "no distance between two"),
        (None, "cannot be read"),
    ],
)
def test_distances_that_cannot_be_used_are_refused_in_a_line(monkeypatch, tmp_path, text, words):
    file = table(tmp_path / "t.csv", make(5, models=5, datasets=3).accuracy)
    if text is not None:
        (tmp_path / "d.csv").write_text(text)
    with pytest.raises(SystemExit, match=words):
        run(monkeypatch, file, "--distances", tmp_path / "d.csv")


GOALS = {"vtab1k_runs.csv": 0.364, "ssl_resnet50.csv": 0.683, "vit_small_zoo.csv": 0.777}


@pytest.mark.parametrize("name", GOALS)
def test_the_real_histories_are_ranked_better_than_by_ranks_and_portfolio(monkeypatch, tmp_path, name):
    folder = os.environ.get("HEADHUNT_DATA")
    if folder is None:
        pytest.skip("HEADHUNT_DATA does not name the folder of real data")
    methods = benchmark(monkeypatch, tmp_path, Path(folder) / "history" / name)["methods"]
    assert methods["loo-rank"]["wtau"] == pytest.approx(GOALS[name], abs=3e-3)
    assert methods["headhunt"]["wtau"] > max(GOALS[name], methods["loo-rank"]["wtau"])
    for fact in ("regret@1", "regret@3"):
        assert methods["headhunt"][fact] <= min(methods[plain][fact] for plain in ("loo-rank", "portfolio")) + 1e-9
