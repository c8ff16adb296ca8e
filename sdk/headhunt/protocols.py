"""How a network may be trained: what each number of a Protocol can be. The command line and the service ask alike."""

from collections.abc import Callable
from typing import Any

from headhunt.errors import BadValue
from headhunt.vocabulary import Protocol

RANGES: dict[str, tuple[Callable[[str], Any], str, Callable[[Any], bool]]] = {
    "epochs": (float, "a number above 0, as in 10 or 0.5", lambda x: 0 < x <= 100_000),
    "steps": (int, "a whole number of 1 or more", lambda x: 1 <= x <= 10**9),
    "batch_size": (int, "a whole number from 1 to 65536, as in 64", lambda x: 1 <= x <= 65_536),
    "lr": (float, "a number above 0 and at most 10, as in 0.002", lambda x: 0 < x <= 10),
    "head_first": (float, "a share from 0 to 1", lambda x: 0 <= x <= 1),
    "layer_decay": (float, "a factor above 0 and at most 1, as in 0.75", lambda x: 0 < x <= 1),
    "label_smoothing": (float, "a number from 0 to 0.5", lambda x: 0 <= x <= 0.5),
    "ema": (float, "a decay from 0 to less than 1, as in 0.99", lambda x: 0 <= x < 1),
    "input": (int, "a number of pixels from 8 to 2048, as in 32 or 224", lambda x: 8 <= x <= 2048),
}
"""Those that have an option: how it is read, what would do, what is allowed."""
OTHERS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "weight_decay": ("a number from 0 to 1", lambda x: 0 <= x <= 1),
    "momentum": ("a number from 0 to less than 1", lambda x: 0 <= x < 1),
    "warmup": ("a share from 0 to 1", lambda x: 0 <= x <= 1),
    "clip": ("a number of 0 or more", lambda x: 0 <= x <= 1e6),
    "evaluate_every": ("a number of epochs from 0 on", lambda x: 0 <= x <= 100_000),
}
MOST_SEEDS = 20


def check_protocol(asked: Protocol) -> None:
    """Raises BadValue."""
    allowed = {"input_size" if name == "input" else name: one[1:] for name, one in RANGES.items()} | OTHERS
    for name, (would_do, holds) in allowed.items():
        value = getattr(asked, name)
        if value is not None and not holds(value):
            raise BadValue(f"{name} {value!r} is out of range. Give {would_do}.")
    seeds = asked.seeds
    if not 1 <= len(seeds) <= MOST_SEEDS or len(set(seeds)) < len(seeds) or not all(0 <= n < 2**32 for n in seeds):
        raise BadValue(f"seeds are 1 to {MOST_SEEDS} whole numbers from 0 to 4294967295, each once, as in [0, 1, 2].")
