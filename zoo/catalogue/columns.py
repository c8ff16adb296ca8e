"""Text in columns on a terminal, where the letters of East Asia take two places."""

import unicodedata
from collections.abc import Collection, Sequence

GAP = 2


def in_columns(lines: Sequence[Sequence[str]], right: Collection[int]) -> list[str]:
    """Lines of equal columns, those in `right` to the right, the rest to the left."""
    widths = [max(map(text_width, column)) for column in zip(*lines, strict=True)]
    return [joined(line, widths, right) for line in lines]


def joined(line: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    cells = []
    for i, (text, width) in enumerate(zip(line, widths, strict=True)):
        space = " " * (width - text_width(text))
        cells.append(space + text if i in right else text + space)
    return (" " * GAP).join(cells).rstrip()


def text_width(text: str) -> int:
    """How many places a text takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cut(name: str, limit: int) -> str:
    """A name in no more than `limit` places."""
    shown = "".join(c if c.isprintable() else "?" for c in name)
    while text_width(shown) > limit:
        shown = shown[:-2] + "…"
    return shown
