"""The report as a PDF, on A4, with no library of the system's. Any script: the fonts come along (scripts.py)."""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fpdf import FPDF

from tracking.reports import paper_evaluation
from tracking.reports.charts import HIGH, WIDE, Chart, fitting
from tracking.reports.facts import RunReport
from tracking.reports.page import TONES, labels, tiles
from tracking.reports.scripts import BOLD, PLAIN, REGULAR, Fonts, printable_text, runs_backwards
from tracking.reports.words import clock, number, shown

MARGIN, WIDTH, FOOT = 16.0, 178.0, 16.0
INK, SOFT, EDGE, BLUE = "#111827", "#6b7280", "#e5e7eb", "#2563eb"
HEADINGS = ("NEWEST AND BEST SO FAR", "ADVICE", "CURVES", "PARAMETERS", "NOT KEPT AS TOLD", "EVALUATION")
COLUMNS = ("metric", "newest", "best so far", "at step")
LONGEST = 4000
"""Characters of one paragraph; an intent may be a book."""
MM = 25.4 / 72


def paper(report: RunReport, charts: Sequence[tuple[Chart, bytes]], fonts: Fonts) -> bytes:
    """charts: with their pictures. The texts of the report have been told to the fonts (`texts_of`)."""
    with tempfile.TemporaryDirectory(prefix="headhunt-") as folder:
        return Sheet(report, fonts, Path(folder)).filled(charts)


def texts_of(report: RunReport) -> list[str]:
    """Everything that may be written of this report."""
    pairs = [(name, shown(value)) for name, value in report.params.items()]
    numbers = [number(v) for one in report.metrics for v in (one.value, one.best, one.best_step) if v is not None]
    found = [
        report.title, report.experiment, report.why, report.intent, report.error or "", report.code, report.environment,
        report.run, clock(report.made), *(word for tile in tiles(report) for word in tile), *report.marks,
        *(one.name for one in report.metrics), *numbers, *(word for pair in (*pairs, *report.advice) for word in pair),
        *HEADINGS, *COLUMNS, "…·", *labels(report),
        *(text for one in report.evaluations for text in paper_evaluation.texts_of(one)),
    ]  # fmt: skip
    return [printable_text(text[:LONGEST]) for text in found]


class Sheet:
    """The pages while they are written."""

    def __init__(self, report: RunReport, fonts: Fonts, folder: Path) -> None:
        self.report, self.fonts = report, fonts
        self.pdf = FPDF(format="A4")
        self.pdf.set_auto_page_break(False)
        self.pdf.set_margins(MARGIN, MARGIN, MARGIN)
        self.pdf.c_margin = 0
        self.pdf.set_title(printable_text(report.title))
        self.pdf.set_creator("headhunt")
        for family in fonts.families():
            for style, weight in (("", REGULAR), ("B", BOLD)):
                file = folder / f"{family.name}{style}.ttf"
                file.write_bytes(fonts.cut(family, weight))
                self.pdf.add_font(family.name, style, file)

    def filled(self, charts: Sequence[tuple[Chart, bytes]]) -> bytes:
        self.page()
        self.head()
        self.metrics()
        self.advice()
        self.curves(charts)
        self.evaluations()
        self.params()
        self.rest()
        self.feet()
        return bytes(self.pdf.output())

    # --- parts ---

    def head(self) -> None:
        told = self.report
        self.paragraph(" · ".join(one for one in (told.experiment, told.why) if one), 9, SOFT)
        self.paragraph(told.title, 18, INK, bold=True, lead=1.25)
        if told.intent:
            self.space(1)
            self.paragraph(told.intent, 10.5, SOFT)
        if told.tags:
            self.space(1)
            self.paragraph(" · ".join(labels(told)), 9, "#374151")
        self.space(4)
        self.tiles()
        if told.error:
            self.space(4)
            self.paragraph(told.error, 8.5, "#991b1b")

    def tiles(self) -> None:
        shown_tiles = tiles(self.report)
        wide, high, top = WIDTH / len(shown_tiles), 14.0, self.pdf.y
        self.pdf.set_draw_color(EDGE)
        self.pdf.rect(MARGIN, top, WIDTH, high, round_corners=True, corner_radius=2)
        for index, (label, value, colour) in enumerate(shown_tiles):
            x = MARGIN + index * wide
            if index:
                self.pdf.line(x, top, x, top + high)
            self.line((x + 4, top + 5.5), label, 8, SOFT)
            self.line((x + 4, top + 11), value, 11.5, colour or INK, bold=True)
        self.pdf.y = top + high
        if self.report.done is not None and self.report.state == "running":
            self.bar(self.report.done)

    def bar(self, share: float) -> None:
        top = self.pdf.y + 2.5
        for colour, wide in ((EDGE, WIDTH), (TONES["running"], WIDTH * min(1.0, max(0.01, share)))):
            self.pdf.set_fill_color(colour)
            self.pdf.rect(MARGIN, top, wide, 1.6, style="F", round_corners=True, corner_radius=0.8)
        self.pdf.y = top + 1.6

    def metrics(self) -> None:
        if not self.report.metrics:
            return
        self.heading(HEADINGS[0])
        self.row(COLUMNS, 8.5, (SOFT,) * 4)
        for one in self.report.metrics:
            best, step = ("" if value is None else number(value) for value in (one.best, one.best_step))
            self.row((one.name, number(one.value), best, step), 10, (INK, INK, INK, SOFT), bold=1)

    def evaluations(self) -> None:
        for index, one in enumerate(self.report.evaluations):
            if index == 0:
                self.heading(HEADINGS[5])
            self.space(4 if index else 0)
            paper_evaluation.put(self, one, WIDTH)

    def row(self, cells: Sequence[str], size: float, colours: Sequence[str], bold: int | None = None) -> None:
        """A name on the left, numbers on the right."""
        self.room(6.5)
        y, apart = self.pdf.y + 4.4, 0.2 if len(cells) == len(COLUMNS) else 0.14
        ends = [WIDTH * (1 - apart * (len(cells) - 1 - at)) for at in range(1, len(cells))]
        self.line((MARGIN, y), cells[0], size, colours[0], most=WIDTH * 0.42)
        for index, end in enumerate(ends, 1):
            self.line((MARGIN + end, y), cells[index], size, colours[index], bold=bold == index, right=True)
        self.rule(6.5)

    def advice(self) -> None:
        if self.report.advice:
            self.heading(HEADINGS[1])
        for headline, reason in self.report.advice:
            lines = [(one, 10.0, True) for one in self.wrapped(headline, 10, True, WIDTH - 8)]
            lines += [(one, 9.5, False) for one in self.wrapped(reason, 9.5, False, WIDTH - 8)]
            high = 5 * len(lines) + 4
            self.room(high + 2)
            top = self.pdf.y
            self.pdf.set_fill_color("#eff6ff")
            self.pdf.rect(MARGIN, top, WIDTH, high, style="F")
            self.pdf.set_fill_color(BLUE)
            self.pdf.rect(MARGIN, top, 0.9, high, style="F")
            for index, (text, size, bold) in enumerate(lines):
                self.line((MARGIN + 4, top + 5.6 + 5 * index), text, size, INK if bold else "#374151", bold=bold)
            self.pdf.y = top + high + 2

    def curves(self, charts: Sequence[tuple[Chart, bytes]]) -> None:
        """Two beside each other."""
        gap = 4.0
        wide = (WIDTH - gap) / 2
        high = wide * HIGH / WIDE
        for index, (_, image) in enumerate(charts):
            if index == 0:
                self.heading(HEADINGS[2], high)
            if index % 2 == 0:
                self.room(high + gap)
            x, y = MARGIN + (index % 2) * (wide + gap), self.pdf.y
            self.pdf.image(io.BytesIO(image), x, y, wide, high)
            self.pdf.set_draw_color(EDGE)
            self.pdf.rect(x, y, wide, high, round_corners=True, corner_radius=1.5)
            self.pdf.y = y + (high + gap if index % 2 or index == len(charts) - 1 else 0)

    def params(self) -> None:
        pairs = [(name, shown(value)) for name, value in self.report.params.items()]
        if pairs:
            self.heading(HEADINGS[3])
        for name, value in pairs:
            lines = self.wrapped(value, 9.5, False, WIDTH * 0.62)[:4]
            self.room(4.6 * len(lines) + 1.6)
            self.line((MARGIN, self.pdf.y + 4.2), name, 9.5, SOFT, most=WIDTH * 0.36)
            for index, text in enumerate(lines):
                self.line((MARGIN + WIDTH * 0.38, self.pdf.y + 4.2 + 4.6 * index), text, 9.5, INK)
            self.rule(4.6 * len(lines) + 1.6)

    def rest(self) -> None:
        if self.report.marks:
            self.heading(HEADINGS[4])
        for mark in self.report.marks:
            self.paragraph(mark, 9, "#92400e")
        self.space(5)
        for text in (self.report.code, self.report.environment):
            if text:
                self.paragraph(text, 8.5, SOFT)

    def feet(self) -> None:
        told = f"headhunt · {clock(self.report.made)} · run {self.report.run}"
        last = self.pdf.pages_count
        for number_of in range(1, last + 1):
            self.pdf.page = number_of
            self.pdf.set_font(PLAIN.name, "", 1)  # else what was set last on another page is taken to hold on this one
            self.line((MARGIN, 287), told, 8, SOFT)
            self.line((MARGIN + WIDTH, 287), f"{number_of} / {last}", 8, SOFT, right=True)

    # --- what they are made of ---

    def page(self) -> None:
        self.pdf.add_page()
        self.pdf.y = MARGIN

    def room(self, high: float) -> None:
        """The next page where this one has no room for so much."""
        if self.pdf.y + high > self.pdf.h - FOOT:
            self.page()

    def space(self, high: float) -> None:
        self.pdf.y += high

    def rule(self, below: float) -> None:
        self.pdf.y += below
        self.pdf.set_draw_color(EDGE)
        self.pdf.set_line_width(0.2)
        self.pdf.line(MARGIN, self.pdf.y, MARGIN + WIDTH, self.pdf.y)

    def heading(self, text: str, then: float = 14.0) -> None:
        self.room(13 + then)
        self.space(8)
        self.line((MARGIN, self.pdf.y + 2), text, 8.5, SOFT, bold=True)
        self.space(5)

    def paragraph(self, text: str, size: float, colour: str, bold: bool = False, lead: float = 1.45) -> None:
        high, from_right = size * MM * lead, runs_backwards(text)
        x = MARGIN + WIDTH if from_right else MARGIN
        for one in self.wrapped(text[:LONGEST], size, bold, WIDTH):
            self.room(high)
            at = (x, self.pdf.y + size * MM * (lead + 0.55) / 2)
            self.line(at, one, size, colour, bold=bold, right=from_right)
            self.pdf.y += high

    def wrapped(self, text: str, size: float, bold: bool, wide: float) -> list[str]:
        """In lines that fit. Scripts without spaces break between characters."""
        lines = list[str]()
        for part in text.splitlines() or [""]:
            line, began = "", len(lines)
            for word in chunks(printable_text(part)):
                if line.strip() and self.wide((line + word).rstrip(), size, bold) > wide:
                    lines.append(line.rstrip())
                    line = ""
                line += word if line or len(lines) == began else word.lstrip()  # only the first is set in
                while self.wide(line, size, bold) > wide and len(line) > 1:
                    head = self.head_of(line, size, bold, wide)
                    lines.append(line[:head])
                    line = line[head:]
            lines.append(line.rstrip())
        return lines

    def head_of(self, text: str, size: float, bold: bool, wide: float) -> int:
        low, high = 1, len(text) - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.wide(text[:middle], size, bold) <= wide else (low, middle - 1)
        return low

    def wide(self, text: str, size: float, bold: bool) -> float:
        return sum(self._set(one.family.name, size, bold, one.backwards).get_string_width(one.text)
                   for one in self.fonts.pieces(text))  # fmt: skip

    def _set(self, family: str, size: float, bold: bool, backwards: bool) -> FPDF:
        self.pdf.set_font(family, "B" if bold else "", size)
        self.pdf.set_text_shaping(True, direction="rtl" if backwards else "ltr")
        return self.pdf

    def line(self, at: tuple[float, float], text: str, size: float, colour: str, **more: Any) -> None:
        """On its line at y. most: cut short where it is wider; right: it ends at x; middle: so wide is its place."""
        bold = bool(more.get("bold"))
        text = printable_text(text)
        if most := more.get("most"):
            text = fitting(text, most, lambda one: self.wide(one, size, bold))
        x = at[0] - self.wide(text, size, bold) if more.get("right") else at[0]
        if middle := more.get("middle"):
            x += (middle - self.wide(text, size, bold)) / 2
        held = self.pdf.y
        self.pdf.set_text_color(colour)
        for one in self.fonts.pieces(text):
            wide = self._set(one.family.name, size, bold, one.backwards).get_string_width(one.text)
            high = size * MM
            self.pdf.set_xy(x, at[1] - high * 0.8)
            self.pdf.cell(wide, high, one.text)
            x += wide
        self.pdf.y = held


def chunks(text: str) -> list[str]:
    """Words with the spaces after them; ideographs and kana one by one; Thai, which is written without spaces, too."""
    found, word = list[str](), ""
    for index, char in enumerate(text):
        word += char
        following = text[index + 1] if index + 1 < len(text) else ""
        if (char == " " and following != " ") or (breaks(char) and following not in "、。，．）」』！？,.)!?:; "):
            found.append(word)
            word = ""
    return [*found, word] if word else found


def breaks(char: str) -> bool:
    return "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"
