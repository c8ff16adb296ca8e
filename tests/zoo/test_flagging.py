"""Flags: runs that diverged are found by what a table repeats, models that knew their target by name and memory."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from headhunt.vocabulary import Outcome
from zoo.history.constant_answers import judge
from zoo.history.flagging import flag
from zoo.history.seen_target import remembering, says
from zoo.history.store import History


def run(model: str, accuracy: float, val: float | None = None, dataset: str = "textures") -> Outcome:
    return Outcome(model=model, dataset=dataset, accuracy=round(accuracy, 4), val_accuracy=val)


def trained(n: int, low: float, high: float, seed: int = 0) -> list[Outcome]:
    """Runs that learned something: accuracies anywhere, validation near them on 200 images."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        accuracy = rng.uniform(low, high)
        rows.append(run(f"net{i}", accuracy, round((accuracy + rng.gauss(0, 0.02)) * 200) / 200))
    return rows


def diverged(rows: list[Outcome], floor: float | None = None) -> list[bool]:
    return ["diverged" in flags for flags in judge(rows, floor).flags]


def test_runs_that_share_the_accuracy_of_the_largest_class_diverged_and_the_others_did_not() -> None:
    constant = [run(f"dead{i}", 0.1958, 0.23) for i in range(12)]
    sound = trained(200, 0.3, 0.9)
    assert diverged(constant + sound) == [True] * 12 + [False] * 200
    assert judge(constant + sound).floor == 0.1958


def test_constant_answers_of_other_classes_and_worse_runs_diverged_too() -> None:
    rows = [run(f"dead{i}", 0.1958, 0.23) for i in range(12)] + [run("other", 0.0637, 0.06), run("near", 0.1961, 0.23)]
    assert diverged(rows + trained(100, 0.3, 0.9))[:14] == [True] * 14


def test_on_unbalanced_data_only_the_constant_accuracy_itself_is_divergence() -> None:
    constant = [run(f"dead{i}", 0.7356, 0.725) for i in range(20)]
    sound = trained(100, 0.65, 0.73)
    assert diverged(constant + sound) == [True] * 20 + [False] * 100


@pytest.mark.parametrize("seed", range(20))
def test_accidental_repeats_among_sound_runs_are_no_level(seed: int) -> None:
    assert not any(diverged(trained(300, 0.85, 0.95, seed)))


def test_sound_runs_on_a_coarse_test_set_are_no_level() -> None:
    for seed in range(5):
        rng = random.Random(seed)
        assert not any(diverged([run(f"net{i}", round(rng.gauss(540, 25)) / 768) for i in range(280)]))
        assert not any(diverged([run(f"net{i}", round(rng.gauss(0.8, 0.05), 2)) for i in range(2000)]))


def test_a_few_rows_are_judged_by_what_is_known_of_public_data() -> None:
    rows = [run("a", 0.1, dataset="cifar-10"), run("b", 0.08, dataset="cifar-10"), run("c", 0.9, dataset="cifar-10")]
    assert diverged(rows) == [True, True, False]


def test_a_floor_that_is_known_from_the_images_is_taken() -> None:
    assert diverged([run("a", 0.4), run("b", 0.41)], floor=0.4) == [True, False]


def test_one_model_repeating_itself_is_no_level() -> None:
    assert not any(diverged([run("same", 0.5, 0.5) for _ in range(9)] + trained(50, 0.3, 0.9)))


def test_a_test_that_never_took_place_is_no_divergence() -> None:
    rows = [run("good", 0.0, 0.76), run("dead", 0.0, 0.23)] + [run(f"d{i}", 0.1958, 0.23) for i in range(9)]
    flags = judge(rows + trained(50, 0.3, 0.9)).flags
    assert flags[:2] == (("untested",), ("untested", "diverged"))


@pytest.mark.parametrize(
    ("model", "dataset", "known"),
    [
        ("nateraw/vit-base-patch16-224-cifar10", "cifar10", True),
        ("nateraw/vit-base-patch16-224-cifar10", "cifar100", False),
        ("someone/Vit-Cifar100", "cifar100", True),
        ("someone/Vit-Cifar100", "cifar10", False),
        ("someone/vit-cifar-100", "cifar_100", True),
        ("nielsr/convnext-tiny-finetuned-eurostat", "eurosat", True),
        ("ysharma/convnext-tiny-eurosat2700-finetuned", "eurosat", True),
        ("someone/vit_svhn", "svhn_cropped", True),
        ("someone/vit-oxford-pets", "oxford_iiit_pet", True),
        ("nateraw/rare-puppers", "oxford_iiit_pet", False),
        ("Sena/flowers", "oxford_flowers102", False),
        ("Sena/flowers", "flowers", True),
        ("Sena/wild-flowers", "flowers", False),
        ("google/vit-base-patch16-224", "patch_camelyon", False),
        ("someone/resnet-pcam", "patch_camelyon", True),
        ("facebook/convnext-base-224-22k-1k", "imagenet-1k", True),
        ("facebook/convnext-base-224-22k", "imagenet-1k", False),
        ("microsoft/swin-small-patch4", "smallnorb", False),
        ("someone/food101-vit", "food", True),
    ],
)
def test_a_name_that_says_it_was_trained_on_the_target(model: str, dataset: str, known: bool) -> None:
    joined = "".join(c for c in dataset.lower() if c.isalnum())
    assert says(model, joined) is known


def test_a_model_that_knows_its_validation_images_by_heart_is_noticed() -> None:
    rows = trained(80, 0.3, 0.85)
    assert remembering(rows) == set()
    assert remembering([*rows, run("secret", 0.86, 0.995)]) == {"secret"}


def test_a_weak_run_with_lucky_validation_is_not_blamed() -> None:
    assert remembering([*trained(80, 0.3, 0.85), run("lucky", 0.35, 0.6)]) == set()


def test_flags_stand_on_every_run_of_the_model_on_that_dataset_and_on_no_other() -> None:
    rows = [
        run("x/finetuned-eurosat", 0.9, dataset="eurosat"),
        run("x/finetuned-eurosat", 0.2, dataset="eurosat"),
        run("x/finetuned-eurosat", 0.9),
    ]
    flagged, datasets = flag(rows, {}, {})
    assert [row.flags for row in flagged] == [("seen-target",), ("seen-target",), ()]
    assert datasets["eurosat"].flags == {"seen-target": 2}


def shared_table(name: str) -> Path:
    folder = os.environ.get("HEADHUNT_DATA")
    if folder is None:
        pytest.skip("HEADHUNT_DATA does not name the folder of real data")
    return Path(folder) / "history" / name


def test_the_real_runs_are_flagged_where_they_repeat_the_largest_class(tmp_path: Path) -> None:
    history = History(tmp_path)
    report = history.import_csv(shared_table("vtab1k_runs.csv"))
    assert (report.rows, report.added, report.skipped) == (5951, 5951, 0)
    floors = {name: dataset.floor for name, dataset in report.datasets.items()}
    assert floors["svhn_cropped"] == pytest.approx(0.1958, abs=2e-4)
    assert floors["dmlab"] == pytest.approx(0.2218, abs=5e-4)
    assert floors["diabetic_retinopathy_detection"] == pytest.approx(0.7358, abs=3e-4)
    rows = history.rows()
    repeated = [row for row in rows if (row.dataset, row.accuracy) in {("svhn_cropped", 0.1958), ("dmlab", 0.2215)}]
    assert len(repeated) == 207 + 136
    assert all("diverged" in row.flags for row in repeated)
    assert not any("diverged" in row.flags and row.accuracy > (floors[row.dataset] or 0) + 6e-4 for row in rows)
    seen = Counter(row.dataset for row in rows if "seen-target" in row.flags)
    assert seen == {"eurosat": 37, "cifar100": 2}


@pytest.mark.parametrize(("name", "count"), [("ssl_resnet50.csv", 132), ("vit_small_zoo.csv", 143)])
def test_the_real_tables_without_divergence_bear_no_flag(tmp_path: Path, name: str, count: int) -> None:
    report = History(tmp_path).import_csv(shared_table(name))
    assert (report.added, report.flags) == (count, {})
