"""Spaces: what is refused, in words that say what to change; the same over JSON; conditions."""

import math
import time
from typing import Any

import numpy as np
import pytest

import headhunt
from headhunt.errors import BadSpace
from headhunt.spaces import active, allowed, checked, from_json, to_json
from tuning.spaces import checked_start, distributions, grid


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: headhunt.double(2, 1), "Exchange them"),
        (lambda: headhunt.double(0, 1, log=True), "above zero"),
        (lambda: headhunt.double(-1, 1, log=True), "above zero"),
        (lambda: headhunt.integer(0, 8, log=True), "above zero"),
        (lambda: headhunt.double(0, 1, step=2), "smaller step"),
        (lambda: headhunt.double(0, 1, step=0), "above zero"),
        (lambda: headhunt.integer(1, 8, step=-1), "above zero"),
        (lambda: headhunt.double(1, 8, log=True, step=1), "Leave out one"),
        (lambda: headhunt.integer(1, 8, log=True, step=2), "Leave out one"),
        (lambda: headhunt.double(0, math.nan), "Give a number"),
        (lambda: headhunt.double(0, math.inf), "Give a number"),
        (lambda: headhunt.double("0", 1), "Give a number"),  # type: ignore[arg-type]
        (lambda: headhunt.double(False, True), "Give a number"),
        (lambda: headhunt.integer(1, 2.5), "whole number"),  # type: ignore[arg-type]
        (lambda: headhunt.integer(1, 2**60), "logarithm"),
        (lambda: headhunt.integer(1, 10**400), "logarithm"),
        (lambda: headhunt.double(0, 10**400), "logarithm"),
        (lambda: headhunt.double(0, 1, step=1e-300), "larger step"),
        (lambda: headhunt.double(1e6, 1e6 + 1, step=1e-9), "larger step"),
        (lambda: headhunt.integer(-(2**53), 2**53, step=3), "larger step"),
        (lambda: headhunt.integer(0, 10**5000), "too long to print"),
        (lambda: headhunt.choice(10**5000), "too long to print"),
        (lambda: headhunt.choice("\ud800"), "whole characters"),
        (lambda: headhunt.double(np.float64(0), np.float64("inf")), "Give a number"),
        (lambda: headhunt.choice(), "Name some"),
        (lambda: headhunt.choice("a", "a"), "twice"),
        (lambda: headhunt.choice(1, True), "twice"),
        (lambda: headhunt.choice(math.nan), "as text"),
        (lambda: headhunt.choice((1, 2)), "as text"),  # type: ignore[arg-type]
        (lambda: headhunt.choice("a", when="opt"), "when="),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_searched_is_refused_with_what_to_change(make: Any, said: str) -> None:
    with pytest.raises(BadSpace, match=said):
        make()


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({}, "empty"),
        ({"": 1}, "printable"),
        ({" x": 1}, "printable"),
        ({"a\nb": 1}, "printable"),
        ({3: 1}, "printable"),
        ({"x": [1, 2]}, "no parameter"),
        ({"x": headhunt.double(0, 1, when={"otp": "a"}), "opt": headhunt.choice("a")}, "Did you mean 'opt'"),
        ({"x": headhunt.double(0, 1, when={"opt": "b"}), "opt": headhunt.choice("a")}, "never 'b'"),
        ({"x": headhunt.double(0, 1, when={"opt": []}), "opt": headhunt.choice("a")}, "Name one"),
        ({"x": headhunt.double(0, 1, when={"y": 0.5}), "y": headhunt.double(0, 1)}, "is a double"),
        ({"x": headhunt.choice(1, when={"y": 1}), "y": headhunt.choice(1, when={"x": 1})}, "wait for each other"),
        ({"x": headhunt.choice(1, when={"x": 1})}, "wait for each other"),
    ],
)
def test_a_space_that_does_not_hold_together_is_refused(space: Any, said: str) -> None:
    with pytest.raises(BadSpace, match=said):
        checked(space)


def test_a_space_is_the_same_after_json() -> None:
    space = checked(
        {
            "momentum": headhunt.double(0.5, 0.99, when={"opt": ["sgd", "rmsprop"]}),
            "opt": headhunt.choice("sgd", "rmsprop", "adamw", None, True, 3),
            "lr": headhunt.double(1e-5, 1e-1, log=True),
            "batch": headhunt.integer(16, 128, step=16),
            "epochs": 3,
        }
    )
    assert list(space) == ["opt", "lr", "batch", "epochs", "momentum"], "parents stand first"
    assert from_json(to_json(space)) == space
    assert from_json(to_json(space))["opt"].values == ["sgd", "rmsprop", "adamw", None, True, 3]  # type: ignore[union-attr]


def test_plain_values_are_read_from_json_as_they_are_taken_in_code() -> None:
    text = '{"lr": {"type": "double", "low": 0.1, "high": 1}, "epochs": 20, "opt": "sgd", "clip": null, "ema": false}'
    plain = {"lr": headhunt.double(0.1, 1), "epochs": 20, "opt": "sgd", "clip": None, "ema": False}
    assert from_json(text) == checked(plain)


def test_numbers_and_texts_of_numpy_are_taken_as_pythons_own() -> None:
    space = {
        "lr": headhunt.double(np.exp(-9), np.float32(0.5)),  # type: ignore[arg-type]
        "n": headhunt.integer(np.int64(1), np.int64(9), step=np.int32(2)),  # type: ignore[arg-type]
        "c": headhunt.choice(*np.array(["a", "b"])),
        "m": headhunt.choice(*np.array([0.5, 0.9]), when={"c": np.str_("a")}),
        "f": np.float64(0.1),
        "t": np.True_,
    }
    best = headhunt.fmin(lambda params: params["lr"], space, trials=2, start={"lr": np.float64(0.25), "n": np.int64(3)})
    assert from_json(to_json(checked(space))) == checked(space)
    assert best.trials[0].params["lr"] == 0.25
    assert {type(value) for one in best.trials for value in one.params.values()} <= {float, int, str, bool}


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"x": {"type": "double", "low": 2, "high": 1}}',
        b'{"x": {"type": "double", "low": 0, "high": 1, "stepp": 1}}',
        b'{"x": {"type": "triple"}}',
        b'{"x": {"type": "choice", "values": [[1]]}}',
        b'{"x": {"type": "choice", "values": [1, 1.0]}}',
    ],
)
def test_what_is_sent_is_refused_alike(text: bytes) -> None:
    with pytest.raises(BadSpace):
        from_json(text)


@pytest.mark.parametrize("sent", ['{"type": "float"}', "[0.1, 1]", '{"type": "double", "lo": 0.1}', "{}", "1e999"])
def test_what_cannot_be_read_is_told_with_the_name_of_the_parameter(sent: str) -> None:
    with pytest.raises(BadSpace, match=r"cannot be read: rate: .* Write a parameter as"):
        from_json(f'{{"lr": 1, "rate": {sent}}}')


def test_conditions_of_many_values_are_read_in_no_time() -> None:
    names = [str(i) for i in range(1000)]
    began = time.process_time()
    hanging = {f"x{i}": headhunt.choice("a", when={"c": names}) for i in range(100)}
    space = checked({"c": headhunt.choice(*names), **hanging})
    fast = time.process_time() - began
    began = time.process_time()
    assert all(allowed(space["c"], name) for _ in range(10) for name in names)
    assert fast < time.process_time() - began, "a tenth of the conditions, each value gone through"


def test_a_condition_hangs_on_the_whole_chain() -> None:
    space = checked(
        {
            "a": headhunt.choice("on", "off"),
            "b": headhunt.choice(1, 2, when={"a": "on"}),
            "c": headhunt.double(0, 1, when={"b": 2}),
        }
    )
    assert active(space, "c", {"a": "on", "b": 2})
    assert not active(space, "c", {"a": "on", "b": 1})
    assert not active(space, "c", {"a": "off"})


def test_the_high_end_is_moved_to_the_last_step_without_a_warning() -> None:
    made = distributions(checked({"x": headhunt.double(0, 1, step=0.3), "n": headhunt.integer(1, 10, step=4)}))
    assert (made["x"].high, made["n"].high) == (0.9, 9)  # type: ignore[attr-defined]


def test_a_grid_has_every_step_and_refuses_what_is_too_fine() -> None:
    space = checked(
        {"x": headhunt.double(0, 0.3, step=0.1), "n": headhunt.integer(1, 3), "c": headhunt.choice("a", "b")}
    )
    assert grid(space) == {"x": [0.0, 0.1, 0.2, 0.3], "n": [1, 2, 3], "c": ["a", "b"]}
    with pytest.raises(BadSpace, match="larger steps"):
        grid(checked({"n": headhunt.integer(1, 1000), "m": headhunt.integer(1, 1000)}))
    with pytest.raises(BadSpace, match="has 10,000,001 points"):
        grid(checked({"x": headhunt.double(0, 1, step=1e-7)}))


def test_a_grid_without_end_is_refused_before_it_is_thought_of() -> None:
    with pytest.raises(BadSpace, match="too many points"):
        grid(checked({"n": headhunt.integer(0, 2**53), "m": headhunt.integer(0, 2**53)}))
    assert len(grid(checked({"n": headhunt.integer(1, 2**53, log=True)}))["n"]) == 7


@pytest.mark.parametrize(
    "start", [{"y": 1}, {"x": 2.0}, {"x": 10**400}, {"x": "1"}, {"x": True}, {"n": 2}, {"n": 1.0}, {"c": "z"}]
)
def test_a_start_outside_the_space_is_refused(start: Any) -> None:
    space = checked({"x": headhunt.double(0, 1), "n": headhunt.integer(1, 9, step=2), "c": headhunt.choice("a")})
    with pytest.raises(BadSpace, match="start"):
        checked_start(space, start)
    assert checked_start(space, {"x": 1, "n": 3}) == {"x": 1.0, "n": 3}
