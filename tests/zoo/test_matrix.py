"""The matrix: every model is counted once, in any width, and no name does anything but be read."""

import re
from html.parser import HTMLParser

import pytest

from headhunt.vocabulary import Domain, ModelCard
from zoo.catalogue.columns import text_width
from zoo.catalogue.matrix import as_text, family
from zoo.catalogue.matrix_page import as_page
from zoo.catalogue.store import Shelf


def card(domain: str, network: str, accuracy: float | None = None, name: str = "") -> ModelCard:
    return ModelCard(
        id=f"{domain}/{name or network}", network=network, domain=domain, origin="starter", input_size=32, mean=(0.5,),
        std=(0.5,), params=1, macs=1, accuracy=accuracy,
    )  # fmt: skip


def shelf_of(*cards: ModelCard, empty: tuple[str, ...] = ()) -> Shelf:
    names = {card.domain for card in cards} | set(empty)
    return Shelf({card.id: card for card in cards}, {name: Domain(name=name) for name in names})


def many(count: int = 2000, domains: int = 40, networks: int = 700) -> Shelf:
    families = (
        "resnet",
        "vit_",
        "convnext_",
        "swin",
        "regnety_",
        "mobilenetv",
        "deit",
        "xcit_",
        "coatnet_",
        "levit_",
        "beit",
        "dla",
    )
    return shelf_of(
        *(
            card(
                f"domain-{i % domains}",
                f"{families[i % 12]}{i % networks}",
                (i % 100) / 100 if i % 3 else None,
                f"model{i}",
            )
            for i in range(count)
        )
    )


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.attributes: list[tuple[str, str, str | None]] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes.extend((tag, name, value) for name, value in attrs)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip(" \n")


# --- Text ------------------------------------------------------------------------------------------------------------


def test_two_models_are_a_small_table_with_totals() -> None:
    text = as_text(shelf_of(card("digits", "resnet10t", 0.981), card("glyphs", "vit_tiny")), 80)
    assert text.splitlines()[:4] == [
        "domain  resnet10t  vit_tiny  models",
        "digits      1 98%         .       1",
        "glyphs          .         1       1",
        "models          1         1       2",
    ]
    assert "2 models: 2 domains x 2 networks" in text


def test_several_models_in_a_cell_are_counted_and_the_best_is_told() -> None:
    text = as_text(shelf_of(card("d", "n", 0.5, "a"), card("d", "n", 0.75, "b"), card("d", "n", None, "c")))
    assert text.splitlines()[1].split() == ["d", "3", "75%", "3"]


def test_a_domain_without_models_is_a_row() -> None:
    assert as_text(shelf_of(card("a", "n"), empty=("b",))).splitlines()[2].split() == ["b", ".", "0"]


def test_an_empty_repository_says_how_to_fill_it() -> None:
    assert "build-starter" in as_text(shelf_of())


@pytest.mark.parametrize("width", [1, 40, 80, 120, 200, 20_000])
def test_two_thousand_models_fit_the_width_and_none_is_lost(width: int) -> None:
    lines = as_text(many(), width).splitlines()
    table = lines[: lines.index("")]
    assert len(table) == 42
    if width >= 40:
        assert max(map(text_width, table)) <= width
    assert table[-1].split()[-1] == "2000"
    assert sum(map(int, table[-1].split()[1:-1])) == 2000
    assert sum(int(line.split()[-1]) for line in table[1:-1]) == 2000


def test_networks_are_joined_into_families_before_any_is_hidden() -> None:
    shelf = shelf_of(*(card("d", f"resnet{i}") for i in range(50)), *(card("d", f"vit_{i}") for i in range(50)))
    text = as_text(shelf, 80)
    assert text.splitlines()[0].split() == ["domain", "resnet", "vit", "models"]
    assert "families" in text
    assert "'more'" not in text


def test_what_is_hidden_is_told() -> None:
    shelf = shelf_of(
        *(card("d", name) for name in ("alpha", "beta", "gamma", "delta", "omega", "kappa", "sigma", "theta", "zeta"))
    )
    text = as_text(shelf, 40)
    assert "more" in text.splitlines()[0]
    assert re.search(r"'more': .*zeta", text)


def test_wide_letters_and_long_names_keep_the_columns_straight() -> None:
    text = as_text(shelf_of(card("손글씨", "n"), card("d" * 180, "m" * 180)), 100)
    table = text.splitlines()[:4]
    assert len({text_width(line) for line in table}) == 1
    assert text_width(table[0]) <= 100


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("resnet18", "resnet"), ("resnet10t", "resnet"), ("test_resnet", "resnet"), ("vit_tiny_patch16_224", "vit"),
        ("tf_efficientnetv2_b0", "efficientnet"), ("convnextv2_atto", "convnext"),
        ("mobilenetv3_small_050", "mobilenet"), ("regnety_002", "regnety"), ("mypkg.models:resnet20", "resnet"),
        ("res2net50_14w_8s", "res2net"), ("123", "123"), ("", ""), ("test", "test"),
    ],
)  # fmt: skip
def test_a_family_is_the_name_without_size_and_version(network: str, expected: str) -> None:
    assert family(network) == expected


# --- Page ------------------------------------------------------------------------------------------------------------


def test_the_page_has_a_table_that_can_be_read_without_seeing_it() -> None:
    page = Reader(as_page(shelf_of(card("digits", "resnet10t", 0.981), card("glyphs", "vit_tiny"))))
    assert page.rows == [
        ["domain", "resnet10t", "vit_tiny", "models"],
        ["digits", "198%", "", "1"],
        ["glyphs", "", "1", "1"],
        ["models", "1", "1", "2"],
    ]
    assert ("th", "scope", "col") in page.attributes
    assert ("th", "scope", "row") in page.attributes
    assert page.tags["caption"] == 1
    assert ("html", "lang", "en") in page.attributes
    assert ("td", "title", "98.10 %: digits/resnet10t") in page.attributes


def test_the_page_asks_for_nothing_from_outside_and_runs_nothing() -> None:
    text = as_page(many())
    page = Reader(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not [value for _, name, value in page.attributes if name in ("src", "href") or name.startswith("on")]
    assert "url(" not in text
    assert "default-src 'none'" in text


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'--><!--",
    "{{7*7}}",
    "&lt;b&gt;",
    "\u202etxt",
    "</style><style>",
)


def test_hostile_names_are_only_text() -> None:
    page = Reader(as_page(shelf_of(*(card(name, name, 0.5, name) for name in HOSTILE))))
    assert not {"script", "img", "b"} & set(page.tags)
    assert page.tags["style"] == 1
    assert {row[0] for row in page.rows} >= set(HOSTILE)
    assert {value for tag, name, value in page.attributes if (tag, name) == ("td", "title")} == {
        f"50.00 %: {name}/{name}" for name in HOSTILE
    }


@pytest.mark.parametrize(("domains", "networks"), [(40, 700), (2000, 2000), (1, 2000)])
def test_two_thousand_models_are_one_page_of_some_megabytes(domains: int, networks: int) -> None:
    text = as_page(many(2000, domains, networks))
    page = Reader(text)
    assert len(text) < 8_000_000
    assert len(page.rows) == domains + 2
    assert page.rows[-1][-1] == "2000"
    assert sum(map(int, page.rows[-1][1:-1])) == 2000


def test_the_colours_are_explained_and_every_colour_is_defined_for_light_and_dark() -> None:
    text = as_page(shelf_of(*(card("d", f"n{i}", i / 20) for i in range(21)), card("d", "unknown")))
    for name in ("a1", "a2", "a3", "a4", "a5", "u"):
        assert text.count(f"--{name}:#") == 2
        assert f'<span class="{name}">' in text
        assert f'<td class="{name}"' in text
    assert "prefers-color-scheme:dark" in text
