"""What users are told of an error: our own words, unless they name files of the server."""

from headhunt.errors import BlobBroken, CatalogueBroken, HeadhuntError, MissingFile, NotWritten, printable

INSIDE: tuple[tuple[tuple[type[HeadhuntError], ...], str], ...] = (
    ((NotWritten,), "The server could not keep it: its disk is full, or nearly."),
    ((CatalogueBroken, BlobBroken), "A file of the server is broken. Its log has the details."),
    ((MissingFile,), "A file of the server is not there. Its log has the details."),
)
"""Errors whose words are for those who run the server, and what all others hear."""


def is_inside(error: HeadhuntError) -> bool:
    return any(isinstance(error, kinds) for kinds, _ in INSIDE)


def told_of(error: HeadhuntError, limit: int = 1000) -> str:
    plain = next((words for kinds, words in INSIDE if isinstance(error, kinds)), str(error))
    return printable(" ".join(plain.split()), limit)
