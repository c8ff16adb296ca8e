"""The matrix as one HTML page: a table that scrolls under its heads, for 2 models or 2,000, and needs nothing else.

Names come from users, so every one is escaped, and the page's own policy forbids scripts and anything from outside.
"""

from html import escape

from headhunt.errors import first_few
from zoo.catalogue.matrix import REST, TOTAL, Cell, Matrix, fitted
from zoo.catalogue.store import Shelf

MOST_CELLS = 300_000
STEPS = ((0.95, "a5"), (0.9, "a4"), (0.8, "a3"), (0.6, "a2"), (0.0, "a1"))
"""The scale of colours: from each accuracy on."""
NAMED = 20

STYLE = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--line:#d5dae1;--head:#f2f4f7;--none:#9aa3af;
--u:#eceff3;--a1:#fde3d3;--a2:#fbf0bd;--a3:#dcefc0;--a4:#aedfae;--a5:#7cc98d}
@media(prefers-color-scheme:dark){:root{--bg:#14171c;--fg:#e8ebef;--line:#343b45;--head:#1e232a;--none:#69727f;
--u:#2a3039;--a1:#5a2f1c;--a2:#55480f;--a3:#3a4f14;--a4:#1f5a2a;--a5:#0c7034}}
body{margin:1rem;background:var(--bg);color:var(--fg);font:14px/1.4 system-ui,sans-serif}
.scroll{overflow:auto;max-height:85vh;border:1px solid var(--line)}
table{border-collapse:separate;border-spacing:0;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .5rem;border-right:1px solid var(--line);border-bottom:1px solid var(--line);white-space:nowrap}
td{text-align:center;min-width:3rem}
th{background:var(--head);font-weight:600;text-align:left}
thead th{position:sticky;top:0;z-index:2;vertical-align:bottom}
thead th.n{writing-mode:vertical-rl;transform:rotate(180deg);max-height:14rem;overflow:hidden;text-overflow:ellipsis}
tbody th,tfoot th{position:sticky;left:0;z-index:1;max-width:18rem;overflow:hidden;text-overflow:ellipsis}
thead th:first-child{left:0;z-index:3}
tfoot td,tfoot th,td.t{font-weight:600;background:var(--head)}
caption,p{text-align:left;margin:.5rem 0}
.key span{padding:.15rem .6rem;border:1px solid var(--line);margin-right:.3rem;white-space:nowrap}
.u{background:var(--u)}.a1{background:var(--a1)}.a2{background:var(--a2)}.a3{background:var(--a3)}
.a4{background:var(--a4)}.a5{background:var(--a5)}
small{opacity:.8}
"""


def as_page(shelf: Shelf) -> str:
    """The whole page. Beyond `MOST_CELLS` crossings, networks are joined into families as in the text."""
    rows = max(len(shelf.domains), 1)
    found = fitted(shelf, lambda matrix: len(matrix.columns) * rows <= MOST_CELLS)
    networks = len({card.network for card in shelf.cards.values()})
    counts = f"{len(shelf.cards)} models: {len(shelf.domains)} domains &times; {networks} networks"
    return "".join(
        (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>Data x Network</title><style>{STYLE}</style></head><body>",
            f"<h1>Data &times; Network</h1><p>{counts}. A cell holds the number of models and the best accuracy that",
            " one of them has on its own domain; point at it for their names.</p>",
            key(),
            notes(found),
            '<div class="scroll" tabindex="0" role="region" aria-label="The matrix">',
            html_table(found),
            "</div></body></html>\n",
        )
    )


def key() -> str:
    """What the colours mean."""
    bounds = [lower for lower, _ in STEPS]
    spans = []
    for i, (lower, name) in enumerate(STEPS):
        said = f"{lower:.0%} and more" if i == 0 else f"{lower:.0%} to {bounds[i - 1]:.0%}"
        spans.append(f'<span class="{name}">{said}</span>')
    return f'<p class="key">Accuracy: {"".join(spans)}<span class="u">not known</span></p>'


def notes(matrix: Matrix) -> str:
    if not matrix.families:
        return ""
    hidden = f" &lsquo;{REST}&rsquo; holds {len(matrix.hidden)} families." if matrix.hidden else ""
    return f"<p>There are too many networks to show each: they are joined into families.{hidden}</p>"


def html_table(matrix: Matrix) -> str:
    columns = [*matrix.columns, *([REST] if matrix.hidden else [])]
    sums = [sum(matrix.cell(row, column).count for row in matrix.rows) for column in columns]
    heads = "".join(f'<th scope="col" class="n" title="{escape(name)}">{escape(name)}</th>' for name in columns)
    feet = "".join(f"<td>{total}</td>" for total in sums)
    return "".join(
        (
            "<table><caption>Models by the data they were trained on (rows) and their network (columns)</caption>",
            f'<thead><tr><th scope="col">domain</th>{heads}<th scope="col" class="n">{TOTAL}</th></tr></thead>',
            "<tbody>\n",
            *(html_row(matrix, row, columns) for row in matrix.rows),
            f'</tbody><tfoot><tr><th scope="row">{TOTAL}</th>{feet}<td>{sum(sums)}</td></tr></tfoot></table>',
        )
    )


def html_row(matrix: Matrix, row: str, columns: list[str]) -> str:
    name = escape(row)
    cells = "".join(html_cell(matrix.cell(row, column)) for column in columns)
    return f'<tr><th scope="row" title="{name}">{name}</th>{cells}<td class="t">{matrix.row_total(row)}</td></tr>\n'


def html_cell(cell: Cell) -> str:
    if cell.count == 0:
        return "<td></td>"
    names = first_few(cell.models, NAMED)
    if cell.best is None:
        return f'<td class="u" title="{escape(names)}">{cell.count}</td>'
    shade = next(name for lower, name in STEPS if cell.best >= lower)
    tip = escape(f"{100 * cell.best:.2f} %: {names}")
    return f'<td class="{shade}" title="{tip}">{cell.count} <small>{100 * cell.best:.0f}%</small></td>'
