"""LIKE of SQL: `%` stands for any text, `_` for one character; a backslash before either takes its meaning away.

Each stretch between two `%` is looked for once, where it comes first, so that no pattern takes long over any text.
"""

import re
from functools import lru_cache

PARTS = re.compile(r"\\([%_\\])|(%)|(_)|(.)", re.DOTALL)


@lru_cache(256)
def stretches(pattern: str, fold: bool) -> tuple[tuple[re.Pattern[str], int], ...]:
    """What stands between the `%`, and how many characters it takes: not one has a quantifier."""
    found: list[list[str]] = [[]]
    for escaped, any_text, one, plain in PARTS.findall(pattern):
        if any_text:
            found.append([])
        else:
            found[-1].append("." if one else re.escape(escaped or plain))
    flags = re.DOTALL | (re.IGNORECASE if fold else 0)
    return tuple((re.compile("".join(stretch), flags), len(stretch)) for stretch in found)


def like(text: str, pattern: str, fold: bool = False) -> bool:
    (first, _), *rest = stretches(pattern, fold)
    if not rest:
        return first.fullmatch(text) is not None
    found = first.match(text)
    for middle, _ in rest[:-1]:
        found = found and middle.search(text, found.end())
    if found is None:
        return False
    last, length = rest[-1]
    start = len(text) - length
    return start >= found.end() and last.fullmatch(text, start) is not None
