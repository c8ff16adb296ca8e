"""Which settings are tried first: what was good on near images, and what is kept of a study for that."""

import math
from multiprocessing import get_context
from pathlib import Path

import msgspec
import numpy as np
import pytest

import headhunt
from discriminator.index import Borders
from headhunt.errors import BadValue, NotWritten
from headhunt.spaces import Space
from tuning.neighbours import FILE, KEPT, PastStudy, Setting, apart, past_study, remember, remembered, starts

SPACE: Space = {
    "lr": headhunt.double(1e-4, 1e-1, log=True),
    "batch": headhunt.integer(16, 64),
    "opt": headhunt.choice("sgd", "adamw"),
    "epochs": headhunt.fixed(3),
}


def study(images: str, place: list[float], *settings: tuple[float, float]) -> PastStudy:
    """settings: (lr, loss)"""
    tried = [Setting({"lr": lr, "batch": 32, "opt": "sgd"}, loss) for lr, loss in settings]
    return past_study(images, "eyes", np.array(place), tried)


def rates(found: list[dict]) -> list[float]:
    return [one["lr"] for one in found]


NEAR = study("near", [1, 0.1, 0], (1e-2, 0.5), (1e-3, 0.9))
MIDDLE = study("middle", [1, 0.5, 0], (3e-2, 0.2), (3e-3, 0.3))
FAR = study("far", [0, 0, 1], (1e-4, 0.1))
HERE = np.array([1.0, 0.0, 0.0])


def test_the_first_start_is_the_best_of_the_nearest_study() -> None:
    assert starts(HERE, [FAR, MIDDLE, NEAR], 1, SPACE) == [{"lr": 1e-2, "batch": 32, "opt": "sgd"}]


def test_each_start_comes_from_another_neighbour_nearest_first() -> None:
    found = rates(starts(HERE, [FAR, MIDDLE, NEAR], 3, SPACE))
    assert found[0] == 1e-2
    assert found[1] in (3e-2, 3e-3)
    assert found[2] == 1e-4


def test_a_later_neighbour_gives_the_good_setting_that_is_farthest_from_what_was_taken() -> None:
    copy = study("copy", [1, 0.2, 0], (1e-2, 0.500), (1e-3, 0.501), (1e-1, 0.9), (3e-1, 0.95))
    assert rates(starts(HERE, [NEAR, copy], 2, SPACE)) == [1e-2, 1e-3]


def test_of_studies_of_the_same_images_the_last_counts_alone() -> None:
    again = study("near", [1, 0.1, 0], (5e-2, 0.4))
    assert rates(starts(HERE, [NEAR, again, MIDDLE], 5, SPACE))[0] == 5e-2
    assert len(starts(HERE, [NEAR, again], 5, SPACE)) == 1


def test_the_same_setting_does_not_come_twice() -> None:
    twin = PastStudy("twin", "eyes", [1, 0.2, 0], [NEAR.settings[0]])
    assert len(starts(HERE, [NEAR, twin], 2, SPACE)) == 1


def test_what_does_not_fit_the_space_is_left_to_the_sampler() -> None:
    odd = PastStudy("odd", "e", [1.0, 0, 0], [Setting({"lr": 5.0, "batch": 16, "opt": "lion", "depth": 3}, 0.1)])
    assert starts(HERE, [odd], 1, SPACE) == [{"batch": 16}]
    strange = PastStudy("strange", "e", [1.0, 0, 0], [Setting({"depth": 3, "epochs": 3}, 0.1)])
    assert starts(HERE, [strange], 1, SPACE) == []


def test_without_a_past_there_are_no_starts() -> None:
    assert starts(HERE, [], 3, SPACE) == []


@pytest.mark.parametrize("place", [[], [0.0, 0, 0], [math.nan, 1, 1], [1.0, 2.0]])
def test_studies_without_a_place_are_passed_over(place: list[float]) -> None:
    lost = PastStudy("lost", "eyes", place, [Setting({"lr": 1e-2}, 0.1)])
    assert starts(HERE, [lost, FAR], 3, SPACE) == starts(HERE, [FAR], 3, SPACE)


def test_a_study_in_which_nothing_came_to_an_end_gives_nothing() -> None:
    assert starts(HERE, [study("lost", [1, 0, 0], (1e-2, math.inf), (1e-3, math.nan))], 3, SPACE) == []


@pytest.mark.parametrize("place", [np.zeros(3), np.array([np.nan, 1, 1]), np.ones((1, 3))])
def test_a_sample_without_a_place_is_refused(place: np.ndarray) -> None:
    with pytest.raises(BadValue, match="neighbours"):
        starts(place, [NEAR], 1, SPACE)


def test_no_starts_at_all_are_refused() -> None:
    with pytest.raises(BadValue, match="0 starts"):
        starts(HERE, [NEAR], 0, SPACE)


def test_many_past_studies_are_searched_by_codes_and_the_nearest_is_found() -> None:
    chance = np.random.default_rng(0)
    past = [study(str(i), chance.normal(size=16).tolist(), (1e-3, 0.5)) for i in range(600)]
    target = np.array(past[123].embedding)
    past[123] = study("123", past[123].embedding, (7e-2, 0.5))
    few = Borders(exact_below=100, memory_bytes=1)
    assert rates(starts(target, past, 1, SPACE, few)) == [7e-2]


def test_the_distance_of_settings_is_by_shares_of_the_ranges() -> None:
    one, other = {"lr": 1e-4, "batch": 16, "opt": "sgd"}, {"lr": 1e-1, "batch": 40, "opt": "sgd"}
    assert apart(SPACE, one, one) == 0
    assert apart(SPACE, one, other) == pytest.approx((1 + 0.5 + 0) / 3)
    assert apart(SPACE, one, {**one, "opt": "adamw"}) == pytest.approx(1 / 3)
    assert apart(SPACE, one, {"lr": 1e-4}) == pytest.approx(2 / 3)
    assert apart(SPACE, {}, {}) == 0


# --- What is kept -----------------------------------------------------------------------------------------------------


def test_the_best_few_settings_are_kept_best_first() -> None:
    kept = study("x", [1, 0, 0], *((1e-3, float(loss)) for loss in (9, 3, math.nan, 5, math.inf)), *[(1e-2, 20.0)] * 20)
    assert [one.loss for one in kept.settings[:4]] == [3, 5, 9, 20]
    assert len(kept.settings) == KEPT


def test_what_was_remembered_comes_back_in_its_order(tmp_path: Path) -> None:
    for one in (NEAR, MIDDLE, FAR):
        remember(tmp_path / "studies", one)
    assert remembered(tmp_path / "studies", "eyes") == [NEAR, MIDDLE, FAR]


def test_only_studies_of_the_same_eyes_and_kind_come_back(tmp_path: Path) -> None:
    remember(tmp_path, NEAR)
    remember(tmp_path, msgspec.structs.replace(MIDDLE, eyes="others"))
    remember(tmp_path, msgspec.structs.replace(FAR, about="vit"))
    assert remembered(tmp_path, "eyes") == [NEAR]
    assert [one.images for one in remembered(tmp_path, "eyes", "vit")] == ["far"]


def test_a_home_without_past_studies_has_none(tmp_path: Path) -> None:
    assert remembered(tmp_path / "nowhere", "eyes") == []


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"nothing", b"\xff\xfe\n", b"null\n", b'{"images": 3}\n', b"[" * 5000 + b"\n", b"x" * 2_000_000, b"\0"],
)
def test_a_line_that_is_damaged_harms_no_other(tmp_path: Path, damage: bytes) -> None:
    remember(tmp_path, NEAR)
    with (tmp_path / FILE).open("ab") as file:
        file.write(damage)
    remember(tmp_path, FAR)
    assert remembered(tmp_path, "eyes") == [NEAR, FAR]


def test_a_line_cut_anywhere_by_a_kill_harms_no_other(tmp_path: Path) -> None:
    remember(tmp_path, NEAR)
    whole = (tmp_path / FILE).read_bytes()
    for cut in range(0, len(whole) - 1, 7):
        (tmp_path / FILE).write_bytes(whole + whole[:cut])
        remember(tmp_path, FAR)
        assert remembered(tmp_path, "eyes") == [NEAR, FAR]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotWritten, match="file"):
        remember(tmp_path / "file", NEAR)


def _remember_many(folder: Path, name: str) -> None:
    for i in range(20):
        remember(folder, study(f"{name}{i}", [1, 0, 0], (1e-3, 0.5)))


def test_several_processes_that_remember_at_once_lose_nothing(tmp_path: Path) -> None:
    context = get_context("fork")
    writers = [context.Process(target=_remember_many, args=(tmp_path, name)) for name in "abc"]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert len(remembered(tmp_path, "eyes")) == 60
