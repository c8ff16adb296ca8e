"""What a server says went wrong, as the error that it raised: the same class, with the same words."""

from collections.abc import Iterator

from headhunt.errors import HeadhuntError, Refused, TooManyTries, UnknownName, printable

LONGEST_WORDS = 4000


def error_of(code: str, words: str) -> HeadhuntError:
    """The error of this code. A code that nobody here knows is a HeadhuntError that carries it. What comes from afar is
    made safe to print: a terminal obeys what it is shown."""
    code, words = printable(code, 80), printable(words, LONGEST_WORDS)
    kind = {one.code: one for one in family(HeadhuntError)}.get(code)
    error: HeadhuntError = (kind or HeadhuntError).__new__(kind or HeadhuntError, words)
    Exception.__init__(error, words)  # the words are whole already; the class's own __init__ would make others
    if kind is None:
        error.code = code
    elif isinstance(error, Refused):
        error.member, error.reason = None, words
    elif isinstance(error, UnknownName):
        error.name = words.partition(" named '")[2].partition("'")[0]
    elif isinstance(error, TooManyTries):
        error.wait_s = next((int(word) for word in words.split() if word.isdecimal()), 60)
    return error


def family(kind: type[HeadhuntError]) -> Iterator[type[HeadhuntError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)
