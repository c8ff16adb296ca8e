"""A recommendation from end to end, with a little zoo: what it answers, what it refuses, what it costs again."""

import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headhunt.errors import NeedTwoClasses, NoModelMeets, NoModels, NotWritten, NoValidImages, TrainingFailed
from headhunt.vocabulary import Outcome, Ranking
from recommender.clock import Deadline
from recommender.contender import Contender
from recommender.drawing import training_entries
from recommender.knowledge import Known
from recommender.probe_book import ProbeBook
from recommender.probe_plan import ProbePlan
from recommender.probes import Probe, Probed, Trial, probe
from recommender.recommend import recommend
from recommender.request import Progress, Request
from tests.recommender.little_zoo import REFERENCE, lessons, little_zoo, stripes
from tests.zoo.images import folder_of, picture
from zoo.images.samples import Sample, open_sample, stored_sample
from zoo.repository import Zoo

BRIEF = Request(budget=30.0, device="cpu")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADHUNT_REFERENCE", REFERENCE)
        yield little_zoo(tmp_path_factory.mktemp("zoo"))


@pytest.fixture
def zoo(made: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zoo:
    """A copy, so that nothing is known from the test before."""
    monkeypatch.setenv("HEADHUNT_REFERENCE", REFERENCE)
    brief = ProbePlan(rungs=(3, 6), rates=(2e-3,), device="cpu")
    monkeypatch.setattr("recommender.recommend.plan_for", lambda _: brief)
    shutil.copytree(made.home, tmp_path / "home")
    return Zoo(tmp_path / "home")


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Sample]:
    with open_sample(stripes(tmp_path / "stripes")) as opened:
        yield opened


def known() -> Known:
    return Known(lessons(), [])


def test_every_candidate_is_told_with_its_evidence(zoo: Zoo, sample: Sample) -> None:
    ranking = recommend(zoo, sample, BRIEF, known=known())
    assert [one.rank for one in ranking.candidates] == [1, 2, 3, 4]
    assert {one.model for one in ranking.candidates} == set(zoo.catalogue.read().cards)
    said = {evidence.stage for one in ranking.candidates for evidence in one.evidence}
    assert said == {"features", "training", "domain", "history"}
    for one in ranking.candidates:
        assert one.interval is not None
        assert one.expected_accuracy is not None
        assert 0 < one.interval[0] < one.expected_accuracy < one.interval[1] < 1
        assert "features" in {said.stage for said in one.evidence}
    assert any(said.stage == "training" for said in ranking.candidates[0].evidence)
    assert {"stages", "neighbours", "depth", "alike"} <= {said.name for said in ranking.candidates[0].evidence}
    assert set(ranking.spent) == {"sample", "domain", "history", "features", "training", "ranking"}
    assert ranking.images == 60
    assert ranking.majority == pytest.approx(1 / 3)
    assert set(ranking.resembles) == {"glyphs", "solids"}


def test_a_second_request_is_the_same_and_costs_next_to_nothing(zoo: Zoo, sample: Sample) -> None:
    first = recommend(zoo, sample, BRIEF, known=known())
    again = recommend(zoo, sample, BRIEF, known=known())
    assert [one.model for one in again.candidates] == [one.model for one in first.candidates]
    assert again.candidates[0].signals == first.candidates[0].signals


def test_a_second_request_builds_no_network(zoo: Zoo, sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    recommend(zoo, sample, BRIEF, known=known())
    monkeypatch.setattr(Zoo, "load", lambda *_, **__: pytest.fail("a network was built again"))
    again = recommend(zoo, sample, BRIEF, known=known())
    assert not again.warnings
    assert any(said.stage == "training" for said in again.candidates[0].evidence)


def test_without_labels_it_answers_from_resemblance_and_says_so(zoo: Zoo, tmp_path: Path) -> None:
    for path in stripes(tmp_path / "mixed", splits=("",)).rglob("*.png"):
        path.rename(tmp_path / "mixed" / f"{path.parent.name}-{path.name}")
    with open_sample(tmp_path / "mixed") as bare:
        ranking = recommend(zoo, bare, BRIEF, known=known())
    assert any("no labels" in warning for warning in ranking.warnings)
    assert all(one.expected_accuracy is None and one.interval is None for one in ranking.candidates)
    assert "training" not in ranking.spent
    assert ranking.majority is None


def test_labels_can_be_left_aside(zoo: Zoo, sample: Sample) -> None:
    ranking = recommend(zoo, sample, Request(budget=30.0, labels=False), known=known())
    assert "features" not in ranking.spent
    assert not any("no labels" in warning for warning in ranking.warnings)


def test_one_image_of_each_class_is_enough_for_an_answer(zoo: Zoo, tmp_path: Path) -> None:
    with open_sample(stripes(tmp_path / "few", count=1, splits=("",))) as few:
        ranking = recommend(zoo, few, BRIEF, known=known())
    assert len(ranking.candidates) == 4
    assert ranking.images == 3


def test_one_class_cannot_be_ranked_for_and_says_what_would_do(zoo: Zoo, tmp_path: Path) -> None:
    with (
        open_sample(stripes(tmp_path / "one", classes=1)) as one,
        pytest.raises(NeedTwoClasses, match=r"one class, 'width-0'.*--no-labels"),
    ):
        recommend(zoo, one, BRIEF, known=known())


def test_images_that_are_all_broken_end_before_anything_is_spent(zoo: Zoo, tmp_path: Path) -> None:
    folder = stripes(tmp_path / "broken", splits=("",))
    for path in folder.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(NoValidImages), open_sample(folder) as broken:
        recommend(zoo, broken, BRIEF, known=known())


def test_an_empty_zoo_and_limits_that_nobody_meets_have_errors_of_their_own(tmp_path: Path, sample: Sample) -> None:
    with pytest.raises(NoModels):
        recommend(Zoo(tmp_path / "empty"), sample, BRIEF, known=known())


def test_limits_hold_for_every_candidate(zoo: Zoo, sample: Sample) -> None:
    ranking = recommend(zoo, sample, Request(budget=30.0, limits={"max_params": "200K"}), known=known())
    assert {one.card.network for one in ranking.candidates} == {"test_efficientnet"}
    with pytest.raises(NoModelMeets, match="nearest"):
        recommend(zoo, sample, Request(limits={"max_params": 10}), known=known())


def test_a_model_that_was_trained_on_these_images_does_not_stand_first(zoo: Zoo) -> None:
    version = zoo.catalogue.read().domains["glyphs"].version
    assert version is not None
    with stored_sample(version, zoo.home) as glyphs:
        ranking = recommend(zoo, glyphs, BRIEF, known=known())
        assert [one.card.domain for one in ranking.candidates] == ["solids", "solids", "glyphs", "glyphs"]
        assert [one.flags for one in ranking.candidates[2:]] == [("seen-images",)] * 2
        assert any("already trained" in warning for warning in ranking.warnings)
        allowed = recommend(zoo, glyphs, Request(budget=30.0, allow_seen=True), known=known())
    assert allowed.candidates[0].card.domain == "glyphs"


def test_when_the_time_is_up_the_answer_is_what_is_there(zoo: Zoo, sample: Sample) -> None:
    ranking = recommend(zoo, sample, BRIEF, clock=Deadline(-1.0), known=known())
    assert len(ranking.candidates) == 4
    assert all("not-looked-at" in one.flags for one in ranking.candidates)
    assert any("not looked at" in warning for warning in ranking.warnings)
    assert all(one.expected_accuracy is not None for one in ranking.candidates)


@pytest.mark.parametrize("stage", ["domain", "features", "training"])
def test_ctrl_c_ends_it_early_with_what_is_there(zoo: Zoo, sample: Sample, stage: str) -> None:
    def press(progress: Progress) -> None:
        if progress.stage == stage and (progress.done or stage == "domain"):
            raise KeyboardInterrupt

    ranking = recommend(zoo, sample, BRIEF, known=known(), watch=press)
    assert len(ranking.candidates) == 4
    assert any("stopped by hand" in warning for warning in ranking.warnings)
    assert not ranking.settled


def test_who_leads_is_told_on_the_way_and_in_the_end_it_is_the_answer(zoo: Zoo, sample: Sample) -> None:
    heard: list[Progress] = []
    ranking = recommend(zoo, sample, BRIEF, known=known(), watch=heard.append)
    first = tuple((one.model, one.expected_accuracy) for one in ranking.candidates)
    assert heard[-1].leaders == first
    assert len({one.leaders for one in heard if one.leaders}) > 1
    assert {one.stage for one in heard if one.leaders} == {"history", "features", "training"}


def test_without_labels_who_leads_is_told_without_an_accuracy(zoo: Zoo, sample: Sample) -> None:
    heard: list[Progress] = []
    ranking = recommend(zoo, sample, Request(budget=30.0, labels=False), known=known(), watch=heard.append)
    assert heard[-1].leaders == tuple((one.model, None) for one in ranking.candidates)


def test_a_model_that_cannot_be_read_is_left_aside_by_name(zoo: Zoo, sample: Sample) -> None:
    card = zoo.card("glyphs/test_resnet")
    zoo.weights.path(str(card.weights)).unlink()
    ranking = recommend(zoo, sample, BRIEF, known=known())
    lost = next(one for one in ranking.candidates if one.model == card.id)
    assert "not-looked-at" in lost.flags
    assert any(card.id in warning for warning in ranking.warnings)


def test_history_moves_the_answer_and_near_history_more(zoo: Zoo, sample: Sample) -> None:
    def effect(rows: list[Outcome], model: str) -> float:
        ranking = recommend(zoo, sample, Request(budget=5.0, labels=False), known=Known(lessons(), rows))
        return next(one.signals["history"] for one in ranking.candidates if one.model == model)

    models = sorted(zoo.catalogue.read().cards)
    rows = [
        Outcome(model=model, dataset=f"d{d}", accuracy=0.5 + 0.1 * i + 0.01 * d, source="test")
        for d in range(4)
        for i, model in enumerate(models)
    ]
    assert effect(rows, models[-1]) > 0 > effect(rows, models[0])


def test_where_nothing_is_left_to_judge_on_the_held_out_images_are_not_looked_at(tmp_path: Path) -> None:
    with open_sample(stripes(tmp_path / "flat", splits=("",))) as flat:
        looked_at = training_entries(flat)
        assert len(looked_at) == len(flat.version.entries) - 3 * 3
    with open_sample(stripes(tmp_path / "split")) as split:
        assert len(training_entries(split)) == 60


def test_lessons_of_the_same_images_are_not_used(zoo: Zoo, sample: Sample) -> None:
    poison = [replace(lesson, target=sample.name, accuracy=0.01) for lesson in lessons(targets=3, seed=9)]
    plain = recommend(zoo, sample, BRIEF, known=known())
    poisoned = recommend(zoo, sample, BRIEF, known=Known([*lessons(), *poison], []))
    assert accuracies(poisoned) == accuracies(plain)


def test_what_was_learned_on_data_that_holds_these_images_is_not_used(zoo: Zoo, tmp_path: Path) -> None:
    """A part of a domain's images, under another name: their outcomes would be a memory."""
    version = zoo.catalogue.read().domains["glyphs"].version
    assert version is not None
    with stored_sample(version, zoo.home) as glyphs:
        few = {f"{entry.label}/{i}.png": glyphs.read(entry) for i, entry in enumerate(glyphs.entries("train")[:60])}
    poison = [replace(lesson, target="glyphs", accuracy=0.01) for lesson in lessons(targets=3, seed=9)]
    rows = [Outcome(model="solids/test_resnet", dataset="glyphs", accuracy=0.01, source="test")]
    with open_sample(folder_of(few, tmp_path / "part")) as part:
        plain = recommend(zoo, part, BRIEF, known=known())
        poisoned = recommend(zoo, part, BRIEF, known=Known([*lessons(), *poison], rows))
    assert accuracies(poisoned) == accuracies(plain)
    assert not any("history" in one.signals for one in poisoned.candidates)


def test_unequal_classes_are_judged_and_told_as_if_all_were_alike(zoo: Zoo, tmp_path: Path) -> None:
    folder = stripes(tmp_path / "unequal", classes=2, count=250)
    for path in sorted((folder / "train" / "width-1").iterdir())[30:]:
        path.unlink()
    with open_sample(folder) as unequal:
        ranking = recommend(zoo, unequal, BRIEF, known=known())
    assert any("89 % are of one" in warning for warning in ranking.warnings) or ranking.majority == 250 / 280


def test_of_images_that_take_long_to_decode_fewer_are_looked_at(
    zoo: Zoo, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommender.recommend.decoding_seconds", lambda *_: 0.2)
    ranking = recommend(zoo, sample, BRIEF, known=known())
    assert ranking.images == 40
    assert any("40 of 60 were looked at" in warning for warning in ranking.warnings)
    assert len({one.expected_accuracy for one in ranking.candidates}) > 1


def test_a_model_that_cannot_be_trained_costs_the_others_nothing(
    zoo: Zoo, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(contender: Contender, trial: Trial, how: Probe, start: None = None) -> Probed:
        if contender.card.id == "glyphs/test_resnet":
            raise TrainingFailed("glyphs/test_resnet cannot be trained (its head is a tuple)")
        return probe(contender, trial, how, start)

    monkeypatch.setattr("recommender.halving.probe", broken)
    ranking = recommend(zoo, sample, BRIEF, known=known())
    assert sum("probe" in one.signals for one in ranking.candidates) == 3
    assert any("its head is a tuple" in warning for warning in ranking.warnings)


def test_a_full_disk_costs_no_probe(zoo: Zoo, sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise NotWritten("No space left on the disk.")

    monkeypatch.setattr(ProbeBook, "keep", full)
    ranking = recommend(zoo, sample, BRIEF, known=known())
    assert all("probe" in one.signals for one in ranking.candidates)


def accuracies(ranking: Ranking) -> list[float]:
    found = [one.expected_accuracy or math.nan for one in ranking.candidates]
    assert all(math.isfinite(value) for value in found)
    return found


def test_a_folder_of_two_images_is_no_reason_to_crash(zoo: Zoo, tmp_path: Path) -> None:
    folder = folder_of({"a/1.png": picture(1), "b/1.png": picture(2)}, tmp_path / "tiny")
    with open_sample(folder) as tiny:
        assert len(recommend(zoo, tiny, BRIEF, known=known()).candidates) == 4
