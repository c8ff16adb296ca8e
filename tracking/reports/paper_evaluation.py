"""How an evaluation is put on paper: the matrix as coloured cells, classes as rows, mistakes as lines."""

from typing import TYPE_CHECKING

from tracking.reports.evaluation import Evaluation, heading_of
from tracking.reports.words import number, shown

if TYPE_CHECKING:
    from tracking.reports.paper import Sheet

COLUMNS = ("class", "count", "precision", "recall", "F1")
CORNER = "true, then said"
INK, SOFT = "#111827", "#6b7280"
CELL, NAMES, GAP = 7.0, 34.0, 0.6


def texts_of(one: Evaluation) -> list[str]:
    numbers = [number(cell) for row in one.matrix for cell in row]
    shares = [number(share) for row in one.per_class for share in (row.count, row.precision, row.recall, row.f1)]
    return [heading_of(one), hidden_words(one), CORNER, *COLUMNS, *one.classes, *numbers, *shares, *mistake_words(one)]


def put(sheet: "Sheet", one: Evaluation, width: float) -> None:
    sheet.paragraph(heading_of(one), 10, INK)
    sheet.space(2)
    if one.matrix:
        put_matrix(sheet, one, width)
    if one.per_class:
        sheet.row(COLUMNS, 8.5, (SOFT,) * 5)
    for row in one.per_class:
        told = ("" if value is None else number(value) for value in (row.count, row.precision, row.recall, row.f1))
        sheet.row((row.name, *told), 9.5, (INK,) * 5, bold=4)
    if one.mistakes or one.hidden:
        sheet.space(2)
    for words in (hidden_words(one), *mistake_words(one)):
        if words:
            sheet.paragraph(words, 9, SOFT)


def put_matrix(sheet: "Sheet", one: Evaluation, width: float) -> None:
    wide = min(18.0, (width - NAMES) / len(one.classes))
    sheet.room(CELL * (len(one.classes) + 1) + 4)
    left, top = sheet.pdf.l_margin, sheet.pdf.y
    sheet.line((left, top + 4.6), CORNER, 8, SOFT, most=NAMES - 3)
    for place, name in enumerate(one.classes):
        sheet.line((left + NAMES + place * wide, top + 4.6), shown(name, 24), 8, SOFT, most=wide - 1.5, middle=wide)
    for at, row in enumerate(one.matrix):
        y = top + CELL * (at + 1)
        sheet.line((left, y + 4.6), shown(one.classes[at], 40), 8.5, SOFT, most=NAMES - 3)
        for to, count in enumerate(row):
            x = left + NAMES + to * wide
            sheet.pdf.set_fill_color(one.shades[at][to])
            sheet.pdf.rect(x, y, wide - GAP, CELL - GAP, style="F")
            if count:
                words = number(count)
                sheet.line((x, y + 4.6), words, 8.5, INK, bold=at == to, most=wide - GAP, middle=wide - GAP)
    sheet.pdf.y = top + CELL * (len(one.classes) + 1) + 4


def hidden_words(one: Evaluation) -> str:
    return f"and {one.hidden} that are known better" if one.hidden else ""


def mistake_words(one: Evaluation) -> list[str]:
    return [f"{wrong.true} taken for {wrong.said}: {number(wrong.count)}" for wrong in one.mistakes]
