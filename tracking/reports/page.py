"""The report as HTML, and as plain text, by a template. What a template sees are texts, numbers, lists and tables: no
object of ours, no file, no other template. How long it may take is bounded by whoever runs it (rendering.py)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from headhunt.errors import BadTemplate, one_line
from tracking.reports.evaluation import heading_of
from tracking.reports.facts import RunReport
from tracking.reports.words import clock, duration, number, shown

HERE = Path(__file__).parent / "templates"
LARGEST = 2 << 20
"""Characters of a page: mail programs cut off far shorter ones."""
TONES = {"running": "#2563eb", "finished": "#059669", "failed": "#dc2626", "lost": "#b45309"}


def page(
    report: RunReport,
    charts: Sequence[dict[str, str]],
    template: str | None = None,
    fonts: Sequence[dict[str, str]] = (),
) -> str:
    """charts: of each its `source`, `title` and `words`. fonts: those that the page brings along, `name` and `data`
    (base64). Raises BadTemplate where the user's own cannot be filled."""
    text = (HERE / "report.html").read_text("utf-8") if template is None else template
    return filled(text, facts_for(report, charts, fonts), escaped=True)


def plain(report: RunReport) -> str:
    return filled((HERE / "report.txt").read_text("utf-8"), facts_for(report, ()), escaped=False)


def facts_for(
    report: RunReport, charts: Sequence[dict[str, str]], fonts: Sequence[dict[str, str]] = ()
) -> dict[str, Any]:
    """All that a template may name; docs/reports.md lists it."""
    facts: dict[str, Any] = msgspec.to_builtins(report)
    newest = ", ".join(f"{one.name} {number(one.value)}" for one in report.metrics[:4])
    return {
        **facts,
        "title": report.title,
        "preview": " · ".join(one for one in (report.state, newest) if one),
        "tiles": tiles(report),
        "labels": labels(report),
        "judged": [heading_of(one) for one in report.evaluations],
        "percent": max(1, min(99, round(100 * (report.done or 0.0)))),
        "charts": [dict(chart) for chart in charts],
        "fonts": [dict(font) for font in fonts],
    }


def labels(report: RunReport) -> list[str]:
    """Tags as they are read: `baseline`, `optimiser: adam`."""
    return [shown(f"{name}: {value}" if value else name, 60) for name, value in report.tags.items()]


def tiles(report: RunReport) -> list[tuple[str, str, str]]:
    """What is seen first: label, value, colour."""
    told = [("State", report.state, TONES.get(report.state, "")), ("Running for", duration(report.took), "")]
    if report.state != "running":
        told[1] = ("Took", duration(report.took), "")
    if report.done is not None and report.state == "running":
        told.append(("Done", f"{100 * report.done:.0f} %", ""))
    if report.left is not None and report.state == "running":
        told.append(("Time left", f"about {duration(report.left)}", ""))
    return told


def filled(text: str, facts: dict[str, Any], escaped: bool) -> str:
    kitchen = ImmutableSandboxedEnvironment(autoescape=escaped, undefined=StrictUndefined)
    kitchen.globals = {"range": kitchen.globals["range"]}
    kitchen.filters.update(number=number, duration=duration, clock=clock, shown=shown)
    held, size = list[str](), 0
    try:
        for part in kitchen.from_string(text).generate(facts):
            size += len(part)
            if size > LARGEST:
                raise BadTemplate(f"The template makes a page of more than {LARGEST:,} characters. Shorten it.")
            held.append(part)
    except TemplateSyntaxError as error:
        raise BadTemplate(f"The template is wrong in line {error.lineno}: {one_line(error)}.") from error
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadTemplate(f"The template cannot be filled: {one_line(error)}.") from error
    except (MemoryError, RecursionError) as error:
        raise BadTemplate("The template takes more memory than a report may. Make it simpler.") from error
    return "".join(held)
