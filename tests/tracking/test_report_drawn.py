"""Reports as they are drawn: by the real child process, looked into with another library."""

import base64
import io
import re
import time

import pypdfium2
import pytest
import uharfbuzz as hb
from PIL import Image

from headhunt.errors import BadTemplate
from headhunt.track.wire import RunFile
from tests.tracking.report_cases import KOREAN, SCRIPTS, a_report, judged, line
from tracking.reports.charts import HIGH, SHOWN, WIDE, charts_of, picture
from tracking.reports.evaluation import evaluations_of
from tracking.reports.page import facts_for, filled, page, plain
from tracking.reports.rendering import TEMPLATE_SECONDS, Wanted, drawn
from tracking.reports.scripts import Fonts, printable_text


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(one.get_textpage().get_text_range() for one in document)
    finally:
        document.close()


def test_a_report_says_the_same_as_page_as_text_and_on_paper() -> None:
    made = drawn(a_report(), "mail")
    assert made.html.count('src="cid:chart') == len(made.pictures) == 3
    told = text_of(made.pdf)
    for words in ("resnet18 warm", "val_accuracy", "Try a lower learning rate", "about 1 h 30 min", "commit 3f9a1c2"):
        assert words in made.html
        assert words in made.text
        assert words in told
    assert KOREAN in made.html
    assert KOREAN in told
    assert "장미" in told
    for image in made.pictures.values():
        with Image.open(io.BytesIO(image)) as shown:
            assert shown.size == (WIDE * SHOWN, HIGH * SHOWN)


def test_tags_and_what_was_judged_stand_in_page_text_and_paper() -> None:
    few, many = (
        judged(["장미", "tulip", "daisy"], at=2.0),
        judged([f"kind {n}" for n in range(30)], "evaluation/test.json"),
    )
    found = evaluations_of([few, many])
    made = drawn(a_report(tags={"baseline": "", "optimiser": "adam"}, evaluations=found), "mail")
    paper = text_of(made.pdf)
    for words in (
        "baseline",
        "optimiser: adam",
        "confusion: 123 judged, accuracy 0.9756, at step 9",
        "장미 taken for tulip: 1",
        "0.9524",
        "test: ",
        "and 10 that are known better",
    ):
        assert words in made.html, words
        assert words in made.text, words
        assert words in paper, words
    assert made.html.count("bgcolor=") == 9  # of thirty classes no matrix is shown
    assert "kind 29" not in made.text.partition("that are known better")[0].partition("test:")[0]


def test_a_mail_with_large_evaluations_is_not_cut_off() -> None:
    found = evaluations_of(judged([f"a class of name {n}" for n in range(12)], f"e/{n}.json") for n in range(9))
    html = drawn(a_report(evaluations=found, intent="", name="plain"), "mail").html
    assert len(found) == 3
    assert len(html.encode()) < 100_000


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"count": -1},
        {"count": "many"},
        {"count": 2**70},
        {"count": 1, "accuracy": "nan"},
        {"count": 1, "classes": ["a"], "matrix": [[2**60]]},
        {"count": 1, "classes": "ab", "matrix": 5},
    ],
)
def test_an_evaluation_that_is_none_is_left_out(facts: dict) -> None:
    assert evaluations_of([RunFile("e/c.json", "0" * 64, 1, "confusion", None, 1.0, facts)]) == ()


def test_a_matrix_that_does_not_fit_its_classes_is_not_shown() -> None:
    facts = {"count": 3, "accuracy": 0.5, "classes": ["a", "b"], "matrix": [[1, 2]]}
    (one,) = evaluations_of([RunFile("e/c.json", "0" * 64, 1, "confusion", None, 1.0, facts)])
    assert (one.count, one.accuracy, one.matrix, one.per_class) == (3, 0.5, (), ())


def test_a_page_alone_has_its_pictures_inside_and_names_no_other_place() -> None:
    html = drawn(a_report(), "html").html
    assert html.count("data:image/png;base64,") == 3
    assert not re.findall(r"https?://|<script|<link|@import", html)


@pytest.mark.parametrize("wanted", ["html", "mail"])
def test_a_page_brings_along_the_letters_that_its_reader_may_lack(wanted: Wanted) -> None:
    html = drawn(a_report(name=KOREAN, experiment="", intent="", error=None), wanted).html
    faces = re.findall(r"@font-face\{font-family:([\w-]+);[^}]*base64,([A-Za-z0-9+/=]+)\)", html)
    letters = {chr(one) for _, data in faces for one in hb.Face(base64.b64decode(data)).unicodes}
    assert set(KOREAN) - set(map(chr, range(128))) <= letters
    assert all(f"{name}," in html for name, _ in faces)


def test_a_mail_stays_short_and_a_page_bounded_whatever_letters_it_has() -> None:
    many = "".join(map(chr, range(0xAC00, 0xAC00 + 3000)))
    assert "@font-face" not in drawn(a_report(intent=many), "mail").html


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_has_glyphs_in_the_fonts_that_come_along(script: str) -> None:
    fonts = Fonts()
    fonts.take(SCRIPTS[script])
    missing = [c for c in SCRIPTS[script] for piece in fonts.pieces(c) if not has_glyph(piece, c)]
    assert missing == []


def has_glyph(piece, char: str) -> bool:  # type: ignore[no-untyped-def]
    from tracking.reports.scripts import covered

    return ord(char) in covered(piece.family)


def test_right_to_left_text_is_seen_in_its_own_order_and_numbers_in_theirs() -> None:
    fonts = Fonts()
    text = "run אבג 12 end"
    fonts.take(text)
    seen = [(piece.text.strip(), piece.backwards) for piece in fonts.pieces(text) if piece.text.strip()]
    assert seen == [("run", False), ("12", False), ("אבג", True), ("end", False)]


def test_ideographs_take_the_form_of_whoever_writes_the_report() -> None:
    places = []
    for text in ("学習 テスト", "學習 시험", "学习"):
        fonts = Fonts()
        fonts.take(text)
        places.append(fonts.pieces(text)[0].family.place)
    assert places == [0, 1, 2]


def test_what_draws_nothing_and_turns_text_around_is_left_out() -> None:
    assert printable_text("a\x00b\u202ec\nd\ud800") == "abc d"
    assert drawn(a_report(intent="a\x00b\u202e" + "\uffff" * 9, name="x\ny"), "pdf").pdf.startswith(b"%PDF")


def test_very_long_texts_go_over_pages_and_none_is_wider_than_its_place() -> None:
    params = {f"parameter number {i} {'long' * 30}": "value" * 100 for i in range(120)}
    pdf = drawn(a_report(intent="word " * 2000 + "w" * 3000, params=params, error="Traceback\n" * 300), "pdf").pdf
    document = pypdfium2.PdfDocument(pdf)
    assert 5 < len(document) < 40
    for one in document:
        wide = one.get_size()[0]
        image = one.render(scale=1).to_pil().convert("L")
        edge = image.crop((int(wide) - 20, 0, int(wide), image.height))
        assert edge.getextrema() == (255, 255)
    document.close()


def test_curves_that_cannot_be_drawn_are_drawn_as_far_as_they_can() -> None:
    wild = [
        line("loss", ["nan"] * 5),
        line("val_loss", [1e308, -1e308, 1e-300, "inf"]),
        line("one", [3.0]),
        line("flat", [2.0] * 9),
        line("huge", [1e30, 1e-30, 5.0]),
        line("accuracy", [0.0]),
    ]
    fonts, charts = Fonts(), charts_of(wild)
    for chart in charts:
        for words in chart.words:
            fonts.take(words)
    for chart in charts:
        with Image.open(io.BytesIO(picture(chart, fonts))) as shown:
            assert shown.convert("L").getextrema()[0] < 100, chart.title


def test_what_belongs_together_shares_a_picture() -> None:
    named = ["val_loss", "train_loss", "accuracy", "val/accuracy", "system/cpu", "lr", "epoch"]
    charts = charts_of([line(name, [1.0, 2.0]) for name in named])
    assert [(one.title, [held.name for held in one.lines]) for one in charts] == [
        ("loss", ["train_loss", "val_loss"]),
        ("accuracy", ["accuracy", "val/accuracy"]),
        ("lr", ["lr"]),
    ]


# --- templates --------------------------------------------------------------------------------------------------------


def test_a_users_template_is_filled_with_the_facts_of_the_run() -> None:
    template = (
        "<h1>{{ title }}</h1>{% for one in metrics %}<p>{{ one.name }} {{ one.value | number }}</p>{% endfor %}"
        '{% for c in charts %}<img src="{{ c.source }}">{% endfor %}'
        "{{ params.lr }} {{ took | duration }} {{ made | clock }}"
    )
    html = drawn(a_report(), "mail", template).html
    assert html.startswith("<h1>resnet18 warm</h1><p>loss 0.1262</p>")
    assert '<img src="cid:chart1">' in html
    assert html.endswith("0.001 2 h 30 min 2026-09-21 16:43 UTC")


def test_what_a_run_says_of_itself_is_text_and_no_markup() -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=y>"
    report = a_report(name=hostile, intent=hostile, params={hostile: hostile}, marks=(hostile,), why=hostile)
    for html in (page(report, ()), filled("{{ title }}{{ params }}{{ intent }}", facts_for(report, ()), escaped=True)):
        assert "<script>alert" not in html
        assert "<img src=x" not in html
    assert hostile in plain(report)


@pytest.mark.parametrize(
    "template",
    ["{{ title", "{% for x in metrics %}", "{{ nothing_of_that_name }}", "{{ 1 / 0 }}", "{{ metrics[99].name }}",
     "{{ title | no_such_filter }}", "{% include '/etc/passwd' %}", "{% extends 'report.html' %}",
     "{% import 'os' as os %}", "{{ ''.__class__.__mro__ }}", "{{ title.__class__ }}", "{{ (1).__class__ }}",
     "{{ params.update({'lr': 1}) }}", "{{ metrics.append(1) }}", "{{ self.__init__.__globals__ }}",
     "{{ lipsum.__globals__ }}", "{{ cycler }}", "{{ '%s' | format(title.__class__) }}",
     "{{ '{0.__class__}'.format(title) }}", "{{ title | attr('__class__') }}", "{% set x = config %}{{ x.items() }}"],
)  # fmt: skip
def test_a_wrong_or_reaching_template_is_a_clear_error(template: str) -> None:
    with pytest.raises(BadTemplate, match="template"):
        drawn(a_report(), "check", template)


@pytest.mark.parametrize(
    "template",
    ["{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
     "{% for a in range(99999) %}{% for b in range(99999) %}{{ title }}{% endfor %}{% endfor %}",
     "{% set x = 'a' * 2000000000 %}{{ x }}", "{{ 9 ** (9 ** 9) }}", "{{ range(999999999) | list }}",
     "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ ('a' * 100000) | wordwrap(1) * 99999 }}"],
)  # fmt: skip
def test_a_template_that_never_ends_or_grows_without_end_is_ended(template: str) -> None:
    began = time.monotonic()
    with pytest.raises(BadTemplate, match=r"template|report"):
        drawn(a_report(), "check", template)
    assert time.monotonic() - began < 20 * TEMPLATE_SECONDS  # a busy machine shares its processors


def test_a_template_sees_neither_the_environment_nor_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADHUNT_SMTP", "smtps://user:password@mail.example.org")
    names = drawn(a_report(), "mail", "{% for name in ('environ', 'os', 'env') %}{{ name }}{% endfor %}").html
    assert names == "environosenv"
    with pytest.raises(BadTemplate):
        drawn(a_report(), "check", "{{ environ }}")
