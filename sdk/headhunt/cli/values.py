"""Text from the command line becomes values; a wrong one is answered with its name, itself, and what would do."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from headhunt.durations import seconds_of
from headhunt.errors import BadValue, MissingFile, did_you_mean, printable
from headhunt.home import home_folder
from headhunt.protocols import RANGES
from headhunt.spaces import Space, from_json
from headhunt.vocabulary import Protocol

T = TypeVar("T")


def whole(option: str, text: str, least: int = 1) -> int:
    return bounded(
        option, text, int, f"a whole number of {least} or more, as in {max(least, 1) * 8}", lambda n: n >= least
    )


def check_suggest(asked: argparse.Namespace) -> None:
    """What can be wrong without a look at the images, told before the engine is loaded."""
    whole("top", asked.top)
    seconds_of(asked.budget)
    if (asked.sample is None) == (asked.job is None):
        raise BadValue("Give either images (a folder, zip, tar or domain) or the --job of a server.")
    if asked.job is not None or not asked.wait:
        check_server(asked)
    if asked.sample is not None:
        from headhunt.samples import Here, check_there

        check_there(Here(home_folder()), asked.sample)


def check_server(asked: argparse.Namespace) -> None:
    from headhunt.remote.credentials import chosen

    if chosen(asked.server, None, home_folder()) is None:
        option = "--job" if asked.job is not None else "--no-wait"
        raise BadValue(f"{option} is for servers, and none is asked. Give --server http://host:8765, or log in to one.")


def bounded(option: str, text: str, kind: Callable[[str], T], would_do: str, allowed: Callable[[T], bool]) -> T:
    try:
        value = kind(text)
    except ValueError:
        raise BadValue(f"--{option} {printable(text, 60)!r} is not a number. Give {would_do}.") from None
    if not allowed(value):
        raise BadValue(f"--{option} {printable(text, 60)} is out of range. Give {would_do}.")
    return value


def numbers(option: str, texts: list[str] | None) -> tuple[float, ...] | None:
    """`0.48 0.45 0.41`, or the same with commas: one number for each channel."""
    if texts is None:
        return None
    parts = [part for text in texts for part in text.split(",") if part.strip()]
    try:
        return tuple(float(part) for part in parts)
    except ValueError:
        raise BadValue(
            f"--{option} {' '.join(texts)!r} is not a list of numbers. Give one for each channel: 0.485 0.456 0.406."
        ) from None


def names(option: str, text: str | None) -> tuple[str, ...]:
    """`a,b,c`, or a text file with a name a line."""
    if text is None:
        return ()
    if "," in text:
        return tuple(part.strip() for part in text.split(","))
    path = Path(text)
    if not path.is_file():
        raise MissingFile(
            f"--{option} {text!r} is neither names with commas nor a file. Give a,b,c or a file with a name a line."
        )
    try:
        return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except UnicodeDecodeError:
        raise BadValue(f"--{option} {text!r} is not text in UTF-8. Save it as UTF-8, a name a line.") from None


def space_in(given: str) -> Space:
    """A space as JSON: in a file, or as the words themselves."""
    if given.lstrip().startswith("{"):
        return from_json(given)
    try:
        return from_json(Path(given).read_bytes())
    except OSError as error:
        raise MissingFile(
            f"--space {printable(given, 80)!r} is no file that can be read ({error.strerror}). Give one with a space as"
            ' JSON, or the JSON itself, as in \'{"lr": {"type": "double", "low": 0.001, "high": 0.1}}\'.'
        ) from error


WORDS = ("optimiser", "schedule", "augment", "precision")


def seeds(text: str) -> list[int]:
    """`0,1,2`: each once, and each as large as torch takes."""
    would_do = "whole numbers from 0 to 4294967295, each once, as in 0,1,2"
    found = [bounded("seeds", part.strip(), int, would_do, lambda n: 0 <= n < 2**32) for part in text.split(",")]
    if len(set(found)) < len(found):
        raise BadValue(f"--seeds {text!r} names a seed twice. Give {would_do}.")
    return found


def protocol(asked: argparse.Namespace) -> Protocol:
    """The options that were given, over the protocol's own defaults."""
    given: dict[str, Any] = {}
    for name, (kind, would_do, allowed) in RANGES.items():
        text = getattr(asked, name)
        if text is not None:
            given["input_size" if name == "input" else name] = bounded(
                name.replace("_", "-"), text, kind, would_do, allowed
            )
    if asked.epochs is not None and asked.steps is not None:
        raise BadValue(f"--steps {asked.steps} and --epochs {asked.epochs} are two answers to one question. Give one.")
    given.update((name, word(name, getattr(asked, name))) for name in WORDS if getattr(asked, name) is not None)
    if asked.seeds is not None:
        given["seeds"] = seeds(asked.seeds)
    return msgspec.convert(given, Protocol)


def word(option: str, text: str) -> str:
    """One of the words that the protocol knows."""
    known = get_args(get_type_hints(Protocol)[option])
    if text not in known:
        raise BadValue(did_you_mean(option, text, known, f"There are: {', '.join(known)}."))
    return text
