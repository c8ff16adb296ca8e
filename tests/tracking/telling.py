"""Journals, as trainings write them."""

from collections.abc import Iterable, Mapping

from headhunt.track.journal import Points, Record, framed

PROJECT, OTHER = "a" * 32, "b" * 32


def journal(*records: Record) -> bytes:
    return b"".join(framed(one) for one in records)


def curve(values: Iterable[float], name: str = "loss", first: int = 0, at: float = 1e9) -> bytes:
    return journal(*(Points(at + step, step, {name: value}) for step, value in enumerate(values, first)))


def points(step: int, values: Mapping[str, float], at: float = 1e9) -> bytes:
    return journal(Points(at, step, dict(values)))
