"""Default spaces, the first points of a fine-tuning, and the prior that a recommendation is."""

import pytest
from torch import nn

import headhunt
from headhunt.errors import BadSpace
from headhunt.spaces import Choice, Fixed, allowed, to_json
from headhunt.vocabulary import Protocol
from tests.zoo.cards import card
from tuning.bench import Model
from tuning.defaults import Facts, Family, bare, ends_of, family_of, joint_space, protocol_of, space_of, usual
from tuning.opening import chances, dealt, opening
from zoo.networks.building import build_network
from zoo.training.trainable import check_protocol

CONV, VIT = Facts("batchnorm", 200, 32), Facts("layernorm", 200, 32)
FAMILIES: tuple[Family, ...] = ("batchnorm", "mobile", "layernorm")


@pytest.mark.parametrize(
    ("network", "family"),
    [
        ("test_resnet", "batchnorm"),
        ("test_efficientnet", "mobile"),
        ("test_vit", "layernorm"),
        ("test_convnext", "layernorm"),
    ],
)
def test_the_family_of_a_network_is_that_of_its_normalisation(network: str, family: str) -> None:
    assert family_of(build_network(network, classes=3, input_size=32)) == family


def test_a_network_of_the_users_own_has_a_family_too() -> None:
    assert family_of(nn.Sequential(nn.Flatten(), nn.Linear(4, 2))) == "layernorm"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("images", [20, 800, 20_000, 900_000])
@pytest.mark.parametrize("size", [32, 224])
@pytest.mark.parametrize("most", [0.3, 2, float("inf")])
def test_every_corner_of_every_default_space_can_be_trained(
    family: Family, images: int, size: int, most: float
) -> None:
    facts = Facts(family, images, size, most)
    space = joint_space({"m": facts}, {})
    for side in (0, -1):
        corner = {name: ends_of(one)[side] for name, one in space.items()}
        check_protocol(protocol_of(corner))
    point = usual(space, facts, "m")
    assert all(allowed(space[name], value) for name, value in point.items())
    assert set(point) == {name for name, one in space.items() if not isinstance(one, Fixed)}


def test_more_images_are_seen_less_often_and_short_times_less_still() -> None:
    most = [space_of(Facts("batchnorm", images, 32))["epochs"] for images in (100, 1_000, 10_000, 100_000)]
    highs = [ends_of(one)[1] for one in most]
    assert highs == sorted(highs, reverse=True)  # type: ignore[type-var]
    assert ends_of(space_of(Facts("batchnorm", 100, 32, 3.9))["epochs"]) == [1, 3]


def test_the_users_own_parameters_stand_in_for_the_defaults() -> None:
    space = joint_space({"m": CONV}, {"lr": 0.01, "ema": headhunt.choice(0.0, 0.99)})
    assert space["lr"] == headhunt.fixed(0.01)
    assert "ema" in space
    assert "epochs" in space


def test_models_of_one_family_share_all_and_those_of_two_have_their_own_rates() -> None:
    one = joint_space({"a": CONV, "b": CONV}, {})
    assert isinstance(one["model"], Choice)
    assert not any(one[name].when for name in one)
    two = joint_space({"a": CONV, "b": CONV, "v": VIT}, {})
    assert two["lr.batchnorm"].when == {"model": ["a", "b"]}
    assert two["lr.layernorm"].when == {"model": ["v"]}
    assert not two["label_smoothing"].when
    assert protocol_of({"model": "v", "lr.layernorm": 1e-4, "epochs": 3}) == Protocol(lr=1e-4, epochs=3)
    assert to_json(joint_space({"a": CONV, "v": VIT}, {"lr": 0.1}))


def test_sgd_gets_rates_of_its_own() -> None:
    both = joint_space({"m": CONV}, {"optimiser": headhunt.choice("adamw", "sgd")})
    assert both["lr"].when == {"optimiser": ["adamw"]}
    assert both["lr.sgd"].when == {"optimiser": ["sgd"]}
    alone = joint_space({"m": CONV}, {"optimiser": "sgd"})
    assert ends_of(alone["lr"]) == [1e-3, 0.1]
    given = joint_space({"m": CONV}, {"optimiser": "sgd", "lr": 0.02})
    assert given["lr"] == headhunt.fixed(0.02)
    assert usual(both, CONV, "m")["optimiser"] == "adamw"


# --- the opening ------------------------------------------------------------------------------------------------------


def model(name: str, rates: tuple[float, ...] = (), expected: float | None = None) -> Model:
    interval = None if expected is None else (expected - 0.02, expected + 0.02)
    return Model(card(name), expected, interval, rates)


def test_probes_count_as_first_points_the_best_rate_first() -> None:
    space = joint_space({"d/a": CONV}, {})
    points = opening(space, [(model("d/a", (5e-3, 2e-3, 5e-4)), CONV)], 40, 0)
    assert [one["lr"] for one in points] == [5e-3, 2e-3, 5e-4]
    assert all(one["batch_size"] == 32 and one["layer_decay"] == 1.0 for one in points)


def test_few_trials_have_a_short_opening_and_rates_outside_the_space_are_left_out() -> None:
    space = joint_space({"d/a": CONV}, {"lr": headhunt.double(1e-3, 1e-2, log=True)})
    known = [(model("d/a", (5e-4, 2e-3, 5e-3)), CONV)]
    assert [one["lr"] for one in opening(space, known, 4, 0)] == [2e-3]
    assert [one["lr"] for one in opening(space, known, 40, 0)] == [2e-3, 5e-3]


def test_where_the_rate_is_fixed_the_model_is_tried_once() -> None:
    space = joint_space({"d/a": CONV}, {"lr": 1e-3})
    points = opening(space, [(model("d/a", (5e-4, 2e-3)), CONV)], 40, 0)
    assert len(points) == 1
    assert "lr" not in points[0]


def test_points_from_elsewhere_come_after_each_models_first_and_before_its_other_rates() -> None:
    space = joint_space({"d/a": CONV}, {})
    points = opening(space, [(model("d/a", (2e-3, 5e-3)), CONV)], 40, 0, elsewhere=[{"lr": 7e-4}])
    assert [one["lr"] for one in points] == [2e-3, 7e-4, 5e-3]


def test_points_from_elsewhere_make_the_opening_a_third_of_the_trials() -> None:
    space, known = joint_space({"d/a": CONV}, {}), [(model("d/a", (2e-3, 5e-3, 5e-4, 1e-3)), CONV)]
    four = [{"lr": rate} for rate in (3e-3, 4e-3, 6e-3, 7e-3)]
    assert len(opening(space, known, 12, 0)) == 3
    assert [one["lr"] for one in opening(space, known, 12, 0, four)] == [2e-3, 3e-3, 4e-3, 6e-3]
    assert len(opening(space, known, 2, 0, four)) == 1


def test_every_model_is_tried_and_the_likeliest_most_often() -> None:
    known = [(model("d/a", (2e-3,), 0.95), CONV), (model("d/v", (), 0.90), VIT), (model("d/b", (), 0.70), CONV)]
    facts = {one.card.id: about for one, about in known}
    points = opening(joint_space(facts, {}), known, 40, 0)
    assert [one["model"] for one in points[:3]] == ["d/a", "d/v", "d/b"]
    assert points[0]["lr.batchnorm"] == 2e-3
    assert points[1]["lr.layernorm"] == 5e-4
    assert len(points) == 10
    rest = [one["model"] for one in points[3:]]
    assert rest.count("d/a") == 7, "nobody else is likely to be the best"
    assert [len(opening(joint_space(facts, {}), known, trials, 0)) for trials in (3, 8, 20)] == [3, 3, 5]


def test_chances_are_those_of_being_the_best_and_equal_where_nothing_is_expected() -> None:
    likely = chances([model("d/a", (), 0.90), model("d/b", (), 0.90), model("d/c", (), 0.80)], 0)
    assert likely[:2] == pytest.approx([0.5, 0.5], abs=0.05)
    assert likely[2] < 0.01
    assert chances([model("d/a", (), 0.9), model("d/b")], 0).tolist() == [0.5, 0.5]
    assert dealt([model("d/a"), model("d/b")], 0, 0) == []
    assert len(dealt([model("d/a"), model("d/b")], 3, 0)) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rate": 0.1}, "rate"),
        ({"lr": [0.1]}, "no parameter"),
        ({"augment": headhunt.choice("none", "blur")}, "'blur'"),
        ({"batch_size": headhunt.double(8, 16)}, "whole numbers"),
        ({"evaluate_every": 1}, "evaluate_every"),
        ({"lr": headhunt.double(0.1, 0.2, when={"opt": "sgd"})}, "opt"),
    ],
)
def test_what_the_trainer_does_not_know_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(BadSpace, match=said):
        joint_space({"m": CONV}, given)


def test_variants_are_named_by_what_stands_before_the_dot() -> None:
    assert [bare(name) for name in ("lr", "lr.sgd", "batch_size")] == ["lr", "lr", "batch_size"]
