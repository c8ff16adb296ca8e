"""What the names and facts of a card must be. The rest of the project relies on it."""

import re
import unicodedata

from headhunt.errors import BadValue, printable
from headhunt.vocabulary import ModelCard

LONGEST_NAME = 200
NAME = re.compile(r"[^\W_][\w.+@=-]*")
"""A domain, or the part of an id behind it: letters and digits of any script, then also _ . + @ = -"""


def check_name(name: str, what: str) -> None:
    """A name that is safe everywhere: on a page, in a path, in a command."""
    if len(name) > LONGEST_NAME or not NAME.fullmatch(name) or not unicodedata.is_normalized("NFC", name):
        raise BadValue(
            f"{printable(name, 60)!r} cannot be the name of a {what}: letters and digits, then also . _ + @ = -,"
            f" at most {LONGEST_NAME} in all. As in 'my-photos' or 'resnet18.a1_in1k'."
        )


def check_id(model: str) -> None:
    domain, slash, name = model.partition("/")
    if not slash or len(model) > LONGEST_NAME:
        raise BadValue(
            f"{printable(model, 60)!r} cannot be the id of a model: that is DOMAIN/NAME, as in 'cifar10/resnet20',"
            f" at most {LONGEST_NAME} characters."
        )
    check_name(domain, "domain")
    check_name(name, "model")


def check_card(card: ModelCard) -> None:
    """A card whose facts can be true: the rest of the project relies on this."""
    check_id(card.id)
    wrong = [
        (
            not card.id.startswith(card.domain + "/"),
            f"domain {printable(card.domain, 60)!r}",
            "the part of the id before '/'",
        ),
        (not 1 <= card.input_size <= 65_536, f"input size {card.input_size}", "a number of pixels, as in 224"),
        (
            not len(card.mean) == len(card.std) == card.channels,
            "mean and std",
            f"{card.channels} numbers each, one a channel",
        ),
        (not all(0 < value < 1e6 for value in card.std), f"std {card.std}", "numbers above 0"),
        (not all(abs(value) < 1e6 for value in card.mean), f"mean {card.mean}", "finite numbers"),
        (min(card.params, card.macs, card.head) < 0, "a count below 0", "counts of 0 or more"),
        (
            bool(card.classes) and len(card.classes) != card.head,
            f"{len(card.classes)} names of classes",
            f"{card.head}, as the head has outputs",
        ),
        (
            card.accuracy is not None and not 0 <= card.accuracy <= 1,
            f"accuracy {card.accuracy}",
            "a fraction from 0 to 1",
        ),
        (
            card.weights is not None and not re.fullmatch("[0-9a-f]{64}", card.weights),
            "weights",
            "the SHA-256 of their file",
        ),
    ]
    for is_wrong, what, would_do in wrong:
        if is_wrong:
            raise BadValue(f"{what} is wrong on the card of {card.id}: it must be {would_do}.")
