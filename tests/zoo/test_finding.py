"""Finding models by their facts, and hearing what stands in the way."""

import random

import msgspec
import pytest

from headhunt.errors import BadValue
from headhunt.vocabulary import Measured, ModelCard
from zoo.catalogue.finding import Wanted, find, nearest_miss, unknown, wanted
from zoo.catalogue.quantities import (
    parse_bytes,
    parse_count,
    parse_milliseconds,
    parse_share,
    write_bytes,
    write_count,
)


def card(model: str, **facts: object) -> ModelCard:
    domain, _, network = model.partition("/")
    plain = ModelCard(
        id=model,
        network=network,
        domain=domain,
        origin="starter",
        input_size=32,
        mean=(0.5,),
        std=(0.5,),
        params=1,
        macs=1,
    )
    return msgspec.structs.replace(plain, **facts)


CARDS = (
    card(
        "cifar10/resnet20",
        params=270_000,
        macs=41_000_000,
        accuracy=0.92,
        license="bsd-2-clause",
        head=2,
        classes=("cat", "dog"),
        origin="file:resnet20.th",
        weights="a" * 64,
        weights_bytes=1_100_000,
        measured=Measured(latency_ms=2.0, peak_bytes=8_000_000, device="cpu"),
    ),
    card("cifar10/resnet56", params=850_000, accuracy=0.94, license="MIT", parent="cifar10/resnet20"),
    card("digits/vit_tiny", params=5_500_000, input_size=64, license="apache-2.0", head=10),
)
IDS = [c.id for c in CARDS]


def ids(want: Wanted, sort: str = "id") -> list[str]:
    return [found.id for found in find(CARDS, want, sort)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, IDS),
        ({"domain": ["cifar10"]}, IDS[:2]),
        ({"domain": "CIFAR*"}, IDS[:2]),
        ({"domain": ["digits", "cifar10"]}, IDS),
        ({"network": ["resnet*"]}, IDS[:2]),
        ({"network": "resnet20"}, IDS[:1]),
        ({"license": ["mit", "apache*"]}, IDS[1:]),
        ({"origin": "file:*"}, IDS[:1]),
        ({"parent": "cifar10/resnet20"}, IDS[1:2]),
        ({"knows": ["cat", "dog"]}, IDS[:1]),
        ({"knows": ["cat", "cow"]}, []),
        ({"text": "VIT"}, IDS[2:]),
        ({"text": "dog"}, IDS[:1]),
        ({"here": True}, IDS[:1]),
        ({"here": False}, IDS),
        ({"max_params": "1M"}, IDS[:2]),
        ({"max_params": "850000"}, IDS[:2]),
        ({"min_params": "0.3M", "max_params": "1M"}, IDS[1:2]),
        ({"max_macs": "1k"}, IDS[1:]),
        ({"max_latency_ms": "2ms"}, IDS[:1]),
        ({"max_memory": "8MB"}, IDS[:1]),
        ({"max_memory": "7MiB"}, []),
        ({"max_size": "2MB"}, IDS[:1]),
        ({"min_accuracy": "93%"}, IDS[1:2]),
        ({"input_size": "64"}, IDS[2:]),
        ({"max_input_size": "32"}, IDS[:2]),
        ({"min_classes": "3"}, IDS[2:]),
        ({"max_params": None, "domain": None}, IDS),
    ],
)
def test_every_condition_keeps_what_meets_it(given: dict[str, str], expected: list[str]) -> None:
    assert ids(wanted(given)) == expected


def test_conditions_agree_with_a_plain_reading_of_the_facts() -> None:
    rng = random.Random(0)
    cards = [
        card(f"d{rng.randrange(5)}/n{i}", params=rng.randrange(100), accuracy=rng.choice([None, 0.5, 0.9]))
        for i in range(300)
    ]
    for _ in range(50):
        most, least = rng.randrange(100), rng.choice([0.4, 0.6, 0.95])
        found = find(cards, Wanted(max_params=most, min_accuracy=least))
        assert {c.id for c in found} == {
            c.id for c in cards if c.params <= most and c.accuracy is not None and c.accuracy >= least
        }


def test_what_is_not_known_does_not_meet_a_limit_and_is_counted() -> None:
    want = wanted({"max_latency_ms": "100"})
    assert ids(want) == ["cifar10/resnet20"]
    assert unknown(CARDS, want) == {"latency_ms": 2}
    assert unknown(CARDS, wanted({"max_latency_ms": "100", "domain": "digits"})) == {"latency_ms": 1}
    assert unknown(CARDS, wanted({"max_params": "1"})) == {}


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("params", IDS),
        ("-params", IDS[::-1]),
        ("accuracy", IDS),
        ("-accuracy", ["cifar10/resnet56", "cifar10/resnet20", "digits/vit_tiny"]),
        ("latency-ms", IDS),
        ("-domain", ["digits/vit_tiny", "cifar10/resnet20", "cifar10/resnet56"]),
    ],
)
def test_sorting_is_by_a_fact_and_the_unknown_comes_last(sort: str, expected: list[str]) -> None:
    assert ids(Wanted(), sort) == expected


def test_an_unknown_fact_to_sort_by_is_answered_with_a_near_one() -> None:
    with pytest.raises(BadValue, match="Did you mean 'params'"):
        find(CARDS, Wanted(), "parms")


def test_a_condition_that_is_none_is_named() -> None:
    with pytest.raises(BadValue, match="max_colour"):
        wanted({"max_colour": "3"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"max_params": "0.1M"}, "The nearest is cifar10/resnet20 with 0.27M parameters, limit 0.1M."),
        ({"min_params": "10M"}, "The nearest is digits/vit_tiny with 5.5M parameters, at least 10M wanted."),
        ({"max_params": "0.3M", "min_accuracy": "0.93"}, "cifar10/resnet20 with 92% accuracy, at least 93% wanted."),
        (
            {"domain": "digits", "max_latency_ms": "5"},
            "digits/vit_tiny with latency not measured (headhunt zoo measure), limit 5ms.",
        ),
        ({"domain": "digits", "license": "mit"}, "The nearest is"),
        ({"domain": "digts"}, "No model whose domain is named 'digts'. Did you mean 'digits'?"),
        ({"knows": "cats"}, "No model with a class named 'cats'. Did you mean 'cat'?"),
        ({"network": "resnet2"}, "Did you mean 'resnet20'"),
    ],
)
def test_when_nothing_is_found_the_nearest_miss_is_told(given: dict[str, str], words: str) -> None:
    want = wanted(given)
    assert find(CARDS, want) == ()
    told = nearest_miss(CARDS, want)
    assert words in told
    assert "\n" not in told


def test_an_empty_repository_says_how_to_fill_it() -> None:
    assert "build-starter" in nearest_miss((), Wanted())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5M", 5_000_000), ("1.5G", 1_500_000_000), ("20", 20), ("2.5e6", 2_500_000), (" 10 k ", 10_000),
        ("1_000", 1000), ("2B", 2 * 10**9), ("0", 0), (".5m", 500_000),
    ],
)  # fmt: skip
def test_counts_are_read_as_people_write_them(text: str, value: int) -> None:
    assert parse_count(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "M",
        "5X",
        "5,5M",
        "-3",
        "nan",
        "inf",
        "1e999",
        "1e400",
        "0x10",
        "5 M M",
        "1.5",
        "５M\n;",
        "9" * 400,
        "5\u202eM",
    ],
)
def test_a_count_that_is_none_is_answered_with_examples(text: str) -> None:
    with pytest.raises(BadValue, match=r"5M, 1\.5G or 20") as caught:
        parse_count(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 150


def test_bytes_times_and_shares_have_their_units() -> None:
    assert parse_bytes("512MiB") == 512 * 2**20
    assert parse_bytes("20MB") == 20_000_000
    assert parse_milliseconds("0.5s") == 500
    assert parse_milliseconds("20 ms") == 20
    assert parse_share("90%") == pytest.approx(0.9)
    assert parse_share("0.9") == 0.9
    for parse, text in (
        (parse_bytes, "5 parsec"),
        (parse_milliseconds, "1h"),
        (parse_share, "90"),
        (parse_share, "101%"),
    ):
        with pytest.raises(BadValue, match="Write"):
            parse(text)


def test_numbers_are_written_shortly() -> None:
    assert [write_count(n) for n in (20, 270_000, 5_500_000, 1.82e9)] == ["20", "0.27M", "5.5M", "1.82G"]
    assert [write_bytes(n) for n in (20, 8_000_000)] == ["20B", "8MB"]
