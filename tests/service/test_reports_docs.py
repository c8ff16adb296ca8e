"""What docs/reports.md says is so."""

import re
from pathlib import Path

from tests.tracking.report_cases import a_report
from tracking.reports.conditions import condition_of
from tracking.reports.page import facts_for
from tracking.reports.rendering import drawn

TEXT = (Path(__file__).parents[2] / "docs" / "reports.md").read_text("utf-8")


def test_every_name_that_a_template_may_use_is_told_and_no_other() -> None:
    rows = re.findall(r"^\| (`[^|]*) \|", TEXT.partition("## Templates")[2], re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)} | {"took", "left", "done", "percent"}
    assert told == set(facts_for(a_report(), ()))


def test_the_template_that_is_shown_can_be_filled() -> None:
    (template,) = re.findall(r"```html\n(.*?)```", TEXT, re.DOTALL)
    assert "<h1 style=" in drawn(a_report(), "mail", template).html


def test_the_conditions_that_are_shown_are_understood() -> None:
    told = re.findall(r'when="([^"]+)"', TEXT)
    table = re.findall(r"^\| `(METRIC[^`]*)`", TEXT, re.MULTILINE)
    plain = [
        one.replace("N ...", "N epochs").replace("METRIC", "loss").replace("N", "5").replace("X", "1") for one in table
    ]
    for text in (*told, *plain):
        assert condition_of(text).name in ("val_loss", "loss"), text
