"""Each examination finds the fault that was planted, names the files, and is silent on healthy samples."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from discriminator.duplicates import Looks
from discriminator.examinations.amounts import amounts
from discriminator.examinations.apart import apart
from discriminator.examinations.baselines import baselines_of, more_data, nothing_learnt
from discriminator.examinations.blank import blank, broken
from discriminator.examinations.case import Case, condensed
from discriminator.examinations.copies import copies
from discriminator.examinations.imbalance import imbalance
from discriminator.examinations.labelling import labelling
from discriminator.examinations.linear import fit, folds_of
from discriminator.examinations.shortcuts import shortcuts
from discriminator.examinations.wrong_labels import suspects, wrong_labels
from discriminator.health import EXAMINATIONS
from headhunt.vocabulary import Finding, Refusal
from tests.discriminator.cases import changed, healthy, of_class, without

SEEDS = range(5)


@cache
def untouched(seed: int, per_class: int = 100, apart: float = 4.0) -> Case:
    """A case that no test changes, so that all examinations share what it has computed."""
    return healthy(seed, per_class, apart)


def only(found: list[Finding], code: str) -> Finding:
    assert [finding.code for finding in found] == [code]
    return found[0]


@pytest.mark.parametrize("examination", EXAMINATIONS, ids=lambda examination: examination.__name__)
def test_a_healthy_sample_is_left_in_peace(examination: object) -> None:
    alarms = [finding.code for seed in SEEDS for finding in examination(untouched(seed))]  # type: ignore[operator]
    assert not alarms


@pytest.mark.parametrize("examination", EXAMINATIONS, ids=lambda examination: examination.__name__)
def test_a_hard_sample_is_not_an_ill_one(examination: object) -> None:
    """Classes that overlap: a linear classifier reaches two thirds, and more images would help nobody."""
    cases = [untouched(seed, per_class=150, apart=1.6) for seed in range(3)]
    alarms = [f.code for case in cases for f in examination(case) if f.code != "more_data_helps"]  # type: ignore[operator]
    assert not alarms
    assert 0.55 < np.mean([baselines_of(case)["linear"] for case in cases]) < 0.85


def test_what_needs_labels_is_silent_without_them() -> None:
    case = healthy()
    bare = changed(replace(case, labels=np.full_like(case.labels, -1), classes=()), np.arange(400), label=None)
    assert [finding.code for examine in EXAMINATIONS for finding in examine(bare)] == ["no_labels"]
    assert baselines_of(bare) == {}


def test_images_without_a_label_are_named() -> None:
    case = healthy()
    case.labels[:5] = -1
    found = only(labelling(case), "unlabelled_images")
    assert found.files == tuple(f"ant/{i}.png" for i in range(5))


def test_a_class_of_one_image_and_a_class_that_train_lacks() -> None:
    case = healthy()
    lonely = without(case, of_class(case, "dog")[1:])
    assert only(labelling(changed(lonely, np.array([300]), split="train")), "single_image_class").files == (
        "dog/300.png",
    )
    found = only(labelling(changed(case, of_class(case, "bee"), split="test")), "class_not_in_train")
    assert "bee" in found.words
    assert len(found.files) == 100


def test_few_images_of_a_class_and_in_all() -> None:
    case = healthy()
    small = without(case, of_class(case, "cat")[12:])
    found = only(amounts(small), "few_images_of_a_class")
    assert "cat 9" in found.words
    assert "11 images more would do" in found.words
    assert len(found.files) == 9, "those to learn from"
    assert {finding.code for finding in amounts(healthy(per_class=4))} == {"few_images", "few_images_of_a_class"}
    assert only(amounts(healthy(per_class=30)), "few_images").severity == "warning"


def test_a_class_many_times_smaller_than_another() -> None:
    case = healthy()
    found = only(imbalance(without(case, of_class(case, "bee")[12:])), "imbalance")
    assert (found.severity, len(found.files)) == ("warning", 9)
    assert "75" in found.words
    assert only(imbalance(without(case, of_class(case, "bee")[3:])), "imbalance").severity == "serious"


def copied(case: Case, original: int, row: int) -> Case:
    """`row` shows what `original` shows, brighter."""
    thumbs = case.looks.thumbs.copy()
    thumbs[row] = np.clip(thumbs[original] * 0.7 + 40, 0, 255).astype(np.uint8)
    return replace(case, looks=Looks(thumbs, case.looks.digests))


def test_copies_within_a_part_across_parts_and_under_other_labels() -> None:
    case = healthy()
    inside = only(copies(copied(case, 1, 2)), "duplicates")
    assert inside.groups == (("ant/1.png", "ant/2.png"),)
    across = only(copies(copied(case, 1, 4)), "leak")
    assert (across.severity, across.groups) == ("serious", (("ant/1.png", "ant/4.png"),))
    assert "1 of 100 images" in across.words
    contrary = copies(copied(case, 1, 101))
    assert [finding.code for finding in contrary] == ["same_picture_other_label", "duplicates"]
    assert contrary[0].files == ("ant/1.png", "bee/101.png")


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_most_wrong_labels_are_found_and_few_right_ones_are_accused(share: float) -> None:
    precision, recall, estimate = [], [], []
    for seed in range(3):
        case, rng = healthy(seed, per_class=200, apart=5.0), np.random.default_rng(seed)
        wrong = rng.permutation(len(case.labels))[: int(share * len(case.labels))]
        case.labels[wrong] = (case.labels[wrong] + rng.integers(1, 4, len(wrong))) % 4
        assert case.linear is not None
        named = suspects(case.linear)
        precision.append(np.isin(named.rows, wrong).mean())
        recall.append(np.isin(wrong, named.rows).mean())
        estimate.append(named.share)
        assert only(wrong_labels(case), "wrong_labels").files[0] in {case.entries[i].path for i in wrong}
    assert np.mean(precision) >= 0.95
    assert np.mean(recall) >= 0.85
    assert abs(np.mean(estimate) - share) < 0.02


def test_a_classifier_that_is_mostly_wrong_does_not_judge_labels() -> None:
    case, rng = healthy(apart=0.5), np.random.default_rng(0)
    case.labels[:] = rng.permutation(case.labels)
    assert wrong_labels(case) == []


@pytest.mark.parametrize(("shift", "severity"), [(1.0, "warning"), (5.0, "serious")])
def test_parts_from_two_sources_are_told_apart(shift: float, severity: str) -> None:
    case = healthy()
    test = np.array([entry.split == "test" for entry in case.entries])
    case.features[test, 20] += shift
    found = only(apart(case), "parts_apart")
    assert found.severity == severity
    assert set(found.files) <= {entry.path for entry in case.entries if entry.split == "test"}


def test_parts_of_one_source_alarm_falsely_as_seldom_as_promised() -> None:
    alarms = sum(bool(apart(healthy(seed, per_class=30))) for seed in range(100, 160))
    assert alarms <= 3, "of 60 at a rate of 1 %"


def test_copies_across_parts_do_not_set_them_apart() -> None:
    """Copies of one picture in test: they would be learnt in one half and recognised in the other."""
    case = healthy()
    rows = np.flatnonzero([entry.split == "test" for entry in case.entries])[:40]
    case.features[rows] = case.features[rows[0]]
    case.looks.thumbs[rows] = case.looks.thumbs[rows[0]]
    assert apart(case) == []


@pytest.mark.parametrize("fault", ["mean colour", "brightness", "the size of the file", "the size of the picture"])
def test_a_trivial_shortcut_is_named(fault: str) -> None:
    case = healthy()
    for label in range(4):
        rows = np.flatnonzero(case.labels == label)
        if fault == "mean colour":
            case.looks.thumbs[rows, label % 3] //= 4 if label < 3 else 1
        elif fault == "brightness":
            case.looks.thumbs[rows] = case.looks.thumbs[rows] // (label + 1)
        elif fault == "the size of the picture":
            case.shapes[rows] = 100 * (label + 1)
        else:
            case = changed(case, rows, size=1000 * (label + 1))
    found = {finding.words.split(" alone ")[0]: finding for finding in shortcuts(case)}
    assert fault in found
    assert found[fault].files
    assert (found[fault].severity == "serious") == fault.startswith("the size")


def test_blank_images_and_broken_files_are_named() -> None:
    case = healthy()
    case.looks.thumbs[7] = 200
    assert only(blank(case), "blank_images").files == ("ant/7.png",)
    ill = replace(case, refused=(Refusal(member="ant/x.png", code="truncated", reason="ends too early"),))
    assert "ant/x.png, ends too early" in only(broken(ill), "broken_files").words


def test_labels_that_say_nothing_of_the_images() -> None:
    case, rng = healthy(), np.random.default_rng(0)
    case.labels[:] = rng.permutation(case.labels)
    assert only(nothing_learnt(case), "nothing_learnt").severity == "warning"


def test_the_baselines_are_what_they_are_called() -> None:
    case = healthy()
    reached = baselines_of(without(case, of_class(case, "ant")[50:]))
    assert reached["majority"] == pytest.approx(100 / 350)
    assert reached["linear"] > 0.9


def test_where_more_images_help_that_is_said() -> None:
    rng = np.random.default_rng(0)
    case = healthy(per_class=100, apart=2.0)
    wide = replace(case, features=np.hstack([case.features, rng.normal(size=(400, 300)).astype(np.float32)]))
    assert only(more_data(wide), "more_data_helps").severity == "note"


def test_copies_are_held_out_together() -> None:
    pictures = np.array([0, 1, 0, 3, 4, 1, 6, 7, 8, 9])
    folds = folds_of(np.zeros(10, np.int64), pictures, np.random.default_rng(0))
    assert folds[0] == folds[2]
    assert folds[1] == folds[5]
    assert len(set(folds.tolist())) == 5


@pytest.mark.parametrize(("n", "d"), [(60, 10), (30, 80)])
def test_the_ridge_is_the_one_with_the_least_error_when_each_row_is_left_out(n: int, d: int) -> None:
    """Against refitting n times at each strength, by the normal equations."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(n, d)).astype(np.float32)
    targets = (features[:, :2] + rng.normal(size=(n, 2))).astype(np.float64)
    model = fit(features, targets)
    x = features.astype(float) - features.mean(0)
    squares = np.linalg.svd(x, compute_uv=False) ** 2
    squares = squares[squares > squares.max() * 1e-6]

    def weights(rows: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        centre, offset = features[rows].mean(0), targets[rows].mean(0)
        inner = features[rows] - centre
        return np.linalg.solve(inner.T @ inner + ridge * np.eye(d), inner.T @ (targets[rows] - offset)), centre, offset

    def error(ridge: float) -> float:
        total = 0.0
        for i in range(n):
            w, centre, offset = weights(np.delete(np.arange(n), i), ridge)
            total += float((((features[i] - centre) @ w + offset - targets[i]) ** 2).sum())
        return total

    best = min(10.0 ** np.arange(-3, 4) * squares.mean(), key=error)
    w, centre, offset = weights(np.arange(n), best)
    np.testing.assert_allclose(model.scores(features), (features - centre) @ w + offset, rtol=1e-2, atol=1e-2)


def test_stages_are_condensed_to_their_main_directions() -> None:
    rng = np.random.default_rng(0)
    narrow, wide = rng.normal(5, 3, (50, 8)).astype(np.float32), rng.normal(size=(50, 300)).astype(np.float32)
    narrow[:, 3] = 7
    found = condensed([narrow, wide])
    assert found.shape == (50, 8 + 128)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.delete(found[:, :8], 3, 1).std(0), 1, rtol=1e-4)
    distances = [np.linalg.norm(x[:1] - x, axis=1) for x in (found[:, 8:], (wide - wide.mean(0)) / wide.std(0))]
    np.testing.assert_allclose(*distances, rtol=1e-3)
