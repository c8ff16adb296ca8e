"""The language in which runs are asked for: each operator, what binds closest, what is refused, and how it is said."""

import math
import random
import time
from typing import Any

import pytest

from headhunt.errors import BadQuery, BadValue
from tracking.query import parse, parse_order
from tracking.words import LONGEST

FACTS: dict[tuple[str, str], Any] = {
    ("metric", "val_accuracy"): 0.93,
    ("metric", "val/loss"): 0.2,
    ("metric", "broken"): math.nan,
    ("metric", "high"): math.inf,
    ("param", "lr"): 0.005,
    ("param", "told"): "0.01",
    ("param", "epochs"): 20,
    ("param", "amp"): True,
    ("param", "network"): "resnet18.a1_in1k",
    ("param", "nothing"): None,
    ("param", "sizes"): [224, 288],
    ("param", "learning rate"): 3,
    ("tag", "baseline"): "",
    ("tag", "mlflow.user"): "ann",
    ("tag", "50% off"): 'it\'s "so"',
    ("summary", "best"): 0.95,
    ("attribute", "id"): "a" * 32,
    ("attribute", "name"): "ResNet18 warm",
    ("attribute", "state"): "finished",
    ("attribute", "started"): 1767225600.0,
    ("attribute", "experiment"): "flowers",
    ("dataset", "name"): ("train", "valid"),
}


def holds(text: str) -> bool:
    return parse(text).holds(FACTS)


TRUE = [
    "metrics.val_accuracy > 0.9 and params.lr < 0.01 and tags.baseline",
    "metric.val_accuracy >= .93",
    "metrics.val_accuracy = 93e-2",
    "metrics.val_accuracy == +0.93",
    "metrics.val_accuracy != -0.93",
    "metrics.val_accuracy <> 1",
    "metrics.val/loss <= 0.2",
    "metrics.'val/loss' <= 0.2".replace("'", '"'),
    "metrics.`val/loss` < 1",
    "metrics.broken = nan",
    "metrics.val_accuracy != NaN",
    "metrics.broken != 0.5",
    "not metrics.broken > 0 and not metrics.broken <= 0",
    "metrics.high > 1e308 and metrics.high = inf and metrics.high > -INF",
    "metrics.val_accuracy in (0.1, 0.93,)",
    "params.told > 0.009 and params.told = 0.010",
    "params.lr = '0.005'",
    "params.lr = '5e-3'",
    "params.epochs = 20 and params.epochs = 20.0 and params.epochs = '20'",
    "params.amp = true and params.amp = 'True' and params.amp != false",
    "parameters.network LIKE 'resnet%' and params.network like '%a1_in1k'",
    "params.network ILIKE 'RESNET__.%'",
    "params.network not like 'vit%' and params.network NOT ILIKE 'VIT%'",
    "params.network IN ('vit', 'resnet18.a1_in1k')",
    "params.network NOT IN ('vit')",
    "params.nothing is null and params.absent IS NULL and params.lr is not null",
    "params.sizes = '[224, 288]'",
    'params."learning rate" = 3',
    "tags.mlflow.user = 'ann' and tag.`mlflow.user` = \"ann\"",
    "tags.\"50% off\" = 'it''s \"so\"'",
    "tags.\"50% off\" like '%''s%'",
    "summary.best > 0.9",
    "state = 'finished' and status = 'FINISHED' and attributes.status != 'RUNNING'",
    "attr.state in ('KILLED','FINISHED') and run.status not in ('lost')",
    "run_id = '" + "a" * 32 + "' and attributes.run_id in ('b', '" + "a" * 32 + "')",
    "run_name ilike 'resnet%' and attributes.\"Run name\" = 'ResNet18 warm' and `run name` like '%warm'",
    "started = '2026-01-01' and started < '2026-01-01T00:00:01+00:00' and started > 1767225599",
    "attributes.start_time = 1767225600000 and start_time > 0",
    "started = '2026-01-01T01:00:00+01:00'",
    "experiment = 'flowers' and experiment < 'g' and not experiment < 'a'",
    "dataset.name = 'valid' and datasets.name in ('valid') and dataset.name like 'tr%'",
    "not tags.other = 'x' and not tags.other",
    "((((name))))",
]
FALSE = [
    "metrics.val_accuracy > 0.93",
    "metrics.absent != 1",
    "params.absent != 'x'",
    "params.network > 3",
    "params.sizes < 3",
    "params.amp = 1",
    "params.network = 'ResNet18.a1_in1k'",
    "params.network like 'RESNET%'",
    "tags.other",
    "tags.mlflow.user not in ('ann')",
    "status = 'SCHEDULED'",
    "ended > 0",
    "intent",
    "dataset.name = 'test'",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_is_so_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize("text", FALSE)
def test_what_is_not_so_does_not(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize("text", TRUE + FALSE)
def test_a_query_as_text_is_the_same_query(text: str) -> None:
    query = parse(text)
    assert parse(str(query)) == query


def test_a_query_names_what_has_to_be_known() -> None:
    query = parse(
        "metrics.loss > 1 or not (params.lr in (1, 2) and status = 'FAILED') and tags.a and dataset.name = 'x'"
    )
    assert query.names() == {
        ("metric", "loss"),
        ("param", "lr"),
        ("attribute", "state"),
        ("tag", "a"),
        ("dataset", "name"),
    }


def test_not_binds_closest_then_and_then_or() -> None:
    """Against Python's own words, which bind in the same way."""
    rng = random.Random(0)
    names = ["a", "b", "c", "d"]
    for _ in range(300):
        text = in_words(rng, 4)
        facts = {name: rng.random() < 0.5 for name in names}
        known = {("tag", name): "x" for name, there in facts.items() if there}
        expected = eval(text.replace("tags.", ""), {}, facts)
        assert parse(text).holds(known) == expected, text
        assert parse(str(parse(text))).holds(known) == expected, text


def in_words(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.2:
        return f"tags.{rng.choice('abcd')}"
    kind = rng.choice(["and", "or", "not", "()"])
    if kind == "not":
        return f"not {in_words(rng, 0)}"
    if kind == "()":
        return f"({in_words(rng, depth - 1)})"
    return f"{in_words(rng, depth - 1)} {kind} {in_words(rng, depth - 1)}"


def test_every_name_and_every_text_can_be_written() -> None:
    rng = random.Random(1)
    alphabet = "ab'\"`%_\\ .\n한é()=<>,-\x01"
    for _ in range(300):
        name, value = ("".join(rng.choices(alphabet, k=rng.randint(1, 8))) for _ in range(2))
        quoted, text = name.replace('"', '""'), value.replace("'", "''")
        query = parse(f"params.\"{quoted}\" = '{text}'")
        assert query.names() == {("param", name)}
        assert query.holds({("param", name): value})
        assert not query.holds({("param", name): value + "x"})
        assert parse(str(query)) == query


def test_like_agrees_with_a_plain_reading_of_it() -> None:
    rng = random.Random(2)
    for _ in range(2000):
        text = "".join(rng.choices("ab", k=rng.randint(0, 6)))
        pattern = "".join(rng.choices("ab%_", k=rng.randint(0, 5)))
        assert parse(f"tags.x like '{pattern}'").holds({("tag", "x"): text}) == plainly(text, pattern), (text, pattern)


def plainly(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(plainly(text[i:], pattern[1:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and plainly(text[1:], pattern[1:])


def test_a_backslash_takes_the_meaning_of_a_percent_sign_away() -> None:
    query = parse(r"tags.x like '100\% \_ \\%'")
    assert query.holds({("tag", "x"): "100% _ \\ more"})
    assert not query.holds({("tag", "x"): "1000 _ \\ more"})


REFUSED = {
    "": (0, "the end"),
    "   ": (3, "the end"),
    "metrics.loss >": (14, "the end"),
    "metrics.loss > 'a'": (15, "'a'"),
    "metrics.loss > true": (15, "'true'"),
    "metrics.loss < nan": (15, "'nan'"),
    "metrics.loss like '%'": (13, "'like'"),
    "metrics.loss ~ 3": (13, "'~'"),
    "metrics.loss > 0.9 xor params.a": (19, "'xor'"),
    "metrics.loss > 0.9 and": (22, "the end"),
    "metrics.loss > 0.9)": (18, "')'"),
    "(metrics.loss > 0.9": (19, "the end"),
    "metrics.loss 0.9": (13, "'0.9'"),
    "metrics. loss > 1": (9, "'loss'"),
    "metrics.": (8, "the end"),
    'metrics."" > 1': (8, "''"),
    "colour.red = 1": (0, "'colour.red'"),
    "colour = 'red'": (0, "'colour'"),
    "attributes.colour = 'red'": (0, "'attributes.colour'"),
    "artifact_uri like '%'": (0, "'artifact_uri'"),
    "dataset.colour = 'red'": (0, "'dataset.colour'"),
    "state = 'sleeping'": (8, "'sleeping'"),
    "state > 'failed'": (6, "'>'"),
    "started > 'yesterday'": (10, "'yesterday'"),
    "started > true": (10, "'true'"),
    "started like '2026%'": (8, "'like'"),
    "params.a = b": (11, "'b'"),
    "params.a = null": (11, "'null'"),
    "params.a is 3": (12, "'3'"),
    "params.a not 3": (13, "'3'"),
    "params.a in 3": (12, "'3'"),
    "params.a in ()": (13, "')'"),
    "params.a in ('x' 'y')": (17, "'y'"),
    "params.a rlike '(a+)+$'": (9, "'rlike'"),
    "params.a like 3": (14, "'3'"),
    "params.a = 'open": (11, "' that nothing closes"),
    'params."open = 3': (7, '" that nothing closes'),
    "params.a = 1; drop table runs": (12, "';'"),
    "params.a = 1 -- and more": (13, "'-'"),
    "and": (0, "'and'"),
    "not": (3, "the end"),
    "params.a = 1 params.b = 2": (13, "'params.b'"),
    "params.a < 1 < 2": (13, "'<'"),
    "1 < params.a": (0, "'1'"),
    "__import__('os')": (0, "'__import__'"),
    "params.a = 0x10": (11, "'0x10'"),
    "params.a = 1_000": (11, "'1_000'"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_understood_is_refused_with_its_place(text: str) -> None:
    place, found = REFUSED[text]
    with pytest.raises(BadQuery) as caught:
        parse(text)
    assert (caught.value.place, caught.value.found) == (place, found)
    assert f"character {place + 1} of the query" in str(caught.value)
    assert "What would do: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_comes_near_is_named() -> None:
    with pytest.raises(BadQuery, match="Did you mean 'started'"):
        parse("strated > 3")
    with pytest.raises(BadQuery, match=r"What would do: metrics\.val_accuracy, params"):
        parse("val_accuracy > 0.9")


def test_a_bad_query_is_a_bad_value() -> None:
    assert issubclass(BadQuery, BadValue)
    assert BadQuery.code == "bad_query"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "not " * 5_000 + "tags.a",
        "(" * 41 + "tags.a" + ")" * 41,
        " and ".join(["tags.a"] * 501),
        f"params.a in ({', '.join(['1'] * 1001)})",
        "tags.a = '" + "x" * LONGEST + "'",
        "tags.a like '" + "%" * 1001 + "'",
    ],
    ids=["open", "not", "deep", "parts", "list", "long", "pattern"],
)
def test_what_is_too_much_is_refused(text: str) -> None:
    with pytest.raises(BadQuery):
        parse(text)


def test_what_is_just_within_the_limits_is_taken() -> None:
    assert parse("(" * 39 + "tags.a" + ")" * 39).holds({("tag", "a"): ""})
    assert parse(" and ".join(["tags.a"] * 500)).holds({("tag", "a"): ""})
    assert parse(f"params.a in ({', '.join(['1'] * 1000)})").holds({("param", "a"): 1})


def test_a_hostile_pattern_takes_no_longer_than_its_text_is_long() -> None:
    query = parse("tags.x like '" + "%a" * 400 + "b'")
    began = time.process_time()
    assert not query.holds({("tag", "x"): "a" * 100_000})
    assert time.process_time() - began < 5  # a pattern that goes back over the text would take years


@pytest.mark.parametrize("digits", ["9" * 5000, "1e999999999", "-1e400", "0." + "1" * 5000])
def test_a_number_of_any_size_is_a_number(digits: str) -> None:
    query = parse(f"metrics.x < {digits} or metrics.x >= {digits}")
    assert query.holds({("metric", "x"): 1.0})
    assert isinstance(parse(f"started < {digits}").holds({("attribute", "started"): 1.0}), bool)
    assert isinstance(query.holds({("metric", "x"): math.nan}), bool)


def test_noise_is_refused_or_understood_and_never_anything_else() -> None:
    rng = random.Random(3)
    words = [
        "metrics.a",
        "params",
        ".",
        "and",
        "not",
        "(",
        ")",
        "'",
        '"',
        "`",
        "=",
        "<",
        "in",
        "is",
        "null",
        "like",
        "nan",
    ]
    words += ["1", "-", "e5", ",", "state", "'x'", " ", "\t", "\0", "한", "%", "\\", "true", "1e5", "tags."]
    understood = 0
    for _ in range(5000):
        text = " ".join(rng.choices(words, k=rng.randint(1, 7)))
        try:
            query = parse(text)
        except BadQuery:
            continue
        understood += 1
        assert parse(str(query)) == query
        query.holds(FACTS)
    assert understood


def test_an_order_is_a_key_and_a_direction() -> None:
    assert str(parse_order("metrics.`val loss` DESC").key) == 'metrics."val loss"'
    assert parse_order("metrics.loss desc").descending
    assert not parse_order("attributes.start_time ASC").descending
    assert parse_order("start_time").key == parse_order("attribute.started").key


@pytest.mark.parametrize(
    "text", ["", "metrics.loss up", "metrics.loss desc, name", "loss", "metrics.loss > 1", "desc desc"]
)
def test_an_order_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(BadQuery):
        parse_order(text)
