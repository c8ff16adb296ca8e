"""What `suggest_model` answers, without an engine: table, explanation, Pareto front, the way to a candidate."""

import msgspec
import pytest

from headhunt.errors import BadValue, NoCandidate
from headhunt.recommendation import Recommendation, as_table
from headhunt.vocabulary import Evidence, Measured, Ranked, Ranking
from tests.zoo.cards import card


def ranked(rank: int, accuracy: float | None, latency: float | None = None, params: int = 5) -> Ranked:
    measured = None if latency is None else Measured(latency_ms=latency, peak_bytes=1, device="cpu")
    return Ranked(
        rank=rank,
        model=f"d/m{rank}",
        expected_accuracy=accuracy,
        interval=None if accuracy is None else (accuracy - 0.1, accuracy + 0.05),
        tie_group=rank,
        why="separates the classes as it is (+3.0 points)",
        evidence=(Evidence(stage="features", name="head", value=0.5, words="a linear classifier: 50%"),),
        moved={"features": 3.0},
        card=card(f"d/m{rank}", measured=measured, params=params),
    )


def ranking(*ones: Ranked) -> Ranking:
    return Ranking(
        sample="photos",
        version="0" * 64,
        images=60,
        classes=("a", "b"),
        candidates=ones,
        spent={"features": 1.25, "ranking": 0.001},
        budget=60.0,
        warnings=("be careful",),
        refused=(),
        advice=("The choice hardly matters.",),
        resembles={},
        out_of_domain=None,
        majority=0.5,
        settled=True,
    )


class Nobody:
    """An engine that only remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def load(self, facts: Ranking, one: Ranked) -> object:
        self.asked.append(("load", one.model))
        return "network", "transform"

    def finetune(self, facts: Ranking, one: Ranked, seconds: float) -> object:
        self.asked.append((f"finetune {seconds}", one.model))
        return "run"


def made(*ones: Ranked) -> Recommendation:
    return Recommendation(ranking(*ones), Nobody())  # type: ignore[arg-type]


def test_it_is_a_sequence_of_candidates_the_best_first() -> None:
    rec = made(ranked(1, 0.9), ranked(2, 0.8))
    assert len(rec) == 2
    assert rec.best is rec.candidates[0] is rec[0] is next(iter(rec))
    assert (rec.best.rank, rec.best.model, rec.best.expected_accuracy, rec.best.tie_group) == (1, "d/m1", 0.9, 1)
    assert rec.best.evidence[0].stage == "features"
    assert rec.spent["features"] == 1.25
    assert rec.warnings == ("be careful",)


def test_the_table_shows_accuracy_interval_ties_and_reasons() -> None:
    shown = str(made(ranked(1, 0.9, 2.5), ranked(2, None)))
    assert "90.0 %" in shown
    assert "80.0 % - 95.0 %" in shown
    assert "2.5 ms" in shown
    assert "separates the classes" in shown
    assert "hardly matters" in shown
    assert "60 images of 2 classes" in shown
    assert "1.3 s (features 1.2 s)" in shown or "1.3 s (features 1.3 s)" in shown


def test_a_long_table_is_cut_and_says_so() -> None:
    assert "... and 3 more" in as_table(ranking(*(ranked(i, 0.5) for i in range(1, 6))), top=2)


def test_an_explanation_tells_stage_by_stage() -> None:
    told = made(ranked(1, 0.9)).explain(0)
    assert "1. d/m1: expected 90.0 %" in told
    assert "features (+3.0 points)" in told
    assert "a linear classifier: 50%" in told


def test_a_place_that_is_not_there_is_refused_by_number() -> None:
    with pytest.raises(BadValue, match="no candidate at place 7; there are 1"):
        made(ranked(1, 0.9)).explain(7)


def test_the_pareto_front_leaves_out_who_is_worse_everywhere() -> None:
    rec = made(ranked(1, 0.9, 10.0), ranked(2, 0.8, 5.0), ranked(3, 0.7, 7.0), ranked(4, 0.9, 20.0))
    assert [one.rank for one in rec.pareto("accuracy", "latency_ms")] == [1, 2]
    assert [one.rank for one in rec.pareto()] == [1, 2]


def test_equals_stay_both_on_the_front_and_unknown_facts_leave_it() -> None:
    rec = made(ranked(1, 0.9, 10.0), ranked(2, 0.9, 10.0), ranked(3, 0.99))
    assert [one.rank for one in rec.pareto("accuracy", "latency_ms")] == [1, 2]


def test_a_fact_that_cannot_be_weighed_is_refused_with_those_that_can() -> None:
    with pytest.raises(BadValue, match="Did you mean 'latency_ms'"):
        made(ranked(1, 0.9)).pareto("accuracy", "latency")


def test_a_candidate_hands_its_work_to_the_engine() -> None:
    engine = Nobody()
    rec = Recommendation(ranking(ranked(1, 0.9), ranked(2, 0.8)), engine)  # type: ignore[arg-type]
    rec.best.load()
    rec[1].finetune(seconds=5)
    assert engine.asked == [("load", "d/m1"), ("finetune 5", "d/m2")]


def test_nobody_ranked_has_no_best() -> None:
    with pytest.raises(NoCandidate):
        _ = made().best


def test_the_json_has_what_programs_look_for() -> None:
    told = msgspec.json.decode(msgspec.json.encode(ranking(ranked(1, 0.9))))
    assert {"sample", "candidates", "spent", "warnings"} <= told.keys()
    first = told["candidates"][0]
    assert {"rank", "model", "expected_accuracy", "interval", "tie_group", "evidence"} <= first.keys()
    assert first["interval"] == [pytest.approx(0.8), pytest.approx(0.95)]
    assert msgspec.json.decode(msgspec.json.encode(ranking(ranked(1, 0.9))), type=Ranking) == ranking(ranked(1, 0.9))
