"""Commands that only look: models, the matrix, domains, the history. They load no torch, so they answer at once."""

import argparse
import shutil
import sys
from collections.abc import Collection
from pathlib import Path

from headhunt.cli.conditions import NUMBER_CONDITIONS, TEXT_CONDITIONS, key
from headhunt.cli.render import as_json, facts, table, told
from headhunt.errors import first_few, printable
from headhunt.home import home_folder
from headhunt.vocabulary import ModelCard, Outcome
from zoo.catalogue.finding import Wanted, find, nearest_miss, unknown, wanted
from zoo.catalogue.matrix import as_text
from zoo.catalogue.matrix_page import as_page
from zoo.catalogue.quantities import write_bytes, write_count, write_milliseconds, write_share
from zoo.catalogue.store import Catalogue
from zoo.files import replace_file
from zoo.history.store import History
from zoo.history.table import as_csv

RECENT = 30


def list_models(asked: argparse.Namespace) -> None:
    cards = cards_of(asked.server)
    want = conditions_in(asked)
    found = find(cards, want, asked.sort)
    if asked.json:
        print(as_json(found))
    elif found:
        print(table_of(found))
    else:
        print(nearest_miss(cards, want))
    for fact, number in unknown(cards, want).items():
        print(f"headhunt: {number} more models are left out because their {fact} is not known.", file=sys.stderr)


def cards_of(server: str | None) -> Collection[ModelCard]:
    """Of this home; of a server only where one is named, since all else about the zoo is about this home's."""
    home = home_folder()
    if server is None:
        return Catalogue(home).read().cards.values()
    from headhunt.remote.credentials import chosen
    from headhunt.remote.shelf import cards_at

    found = chosen(server, None, home)
    return cards_of(None) if found is None else cards_at(found)


def conditions_in(asked: argparse.Namespace) -> Wanted:
    """The options that were given, by the names of the facts."""
    names = [key(name) for name, _ in (*TEXT_CONDITIONS, *NUMBER_CONDITIONS)]
    return wanted({name: getattr(asked, name) for name in names} | {"here": asked.here, "text": asked.text})


def table_of(cards: tuple[ModelCard, ...]) -> str:
    heads = ("model", "network", "input", "classes", "params", "macs", "latency", "accuracy", "licence", "weights")
    rows = [
        (
            card.id,
            card.network,
            str(card.input_size),
            str(card.head),
            write_count(card.params),
            write_count(card.macs),
            told(card.measured.latency_ms if card.measured else None, write_milliseconds),
            told(card.accuracy, write_share),
            card.license or "-",
            "here" if card.weights else "at first use",
        )
        for card in cards
    ]
    return table(heads, rows, numbers=(2, 3, 4, 5, 6, 7))


def show_model(asked: argparse.Namespace) -> None:
    card = Catalogue(home_folder()).read().card(asked.model)
    print(as_json(card) if asked.json else facts(facts_of(card)))


def facts_of(card: ModelCard) -> list[tuple[str, str]]:
    names = printable(first_few(card.classes, 8))
    return [
        ("model", card.id),
        ("network", card.network),
        ("trained on", f"{card.domain}{f', version {card.version[:12]}' if card.version else ''}"),
        ("origin", card.origin + (f", from {card.parent}" if card.parent else "")),
        ("licence", card.license or "not known"),
        (
            "input",
            view_told(card),
        ),
        ("classes", f"{card.head}{f': {names}' if names else ', not named'}"),
        ("parameters", write_count(card.params)),
        ("multiply-adds", f"{write_count(card.macs)} an image"),
        ("measured", cost_here(card)),
        (
            "accuracy",
            f"{write_share(card.accuracy)} on the held-out part of its domain"
            if card.accuracy is not None
            else "not known",
        ),
        (
            "weights",
            f"{write_bytes(card.weights_bytes or 0)}, sha256 {card.weights}" if card.weights else "come at first use",
        ),
        ("protocol", as_json(card.protocol) if card.protocol else "not known"),
        ("added", card.created),
    ]


def view_told(card: ModelCard) -> str:
    scale = f"mean {vector(card.mean)}, std {vector(card.std)}"
    return f"{card.input_size} px, {card.interpolation}, centre crop {card.crop:g}, {scale}"


def cost_here(card: ModelCard) -> str:
    if card.measured is None:
        return f"not yet: headhunt zoo measure {card.id}"
    time, memory = write_milliseconds(card.measured.latency_ms), write_bytes(card.measured.peak_bytes)
    return f"{time} and {memory} an image on {card.measured.device}"


def vector(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.3g}" for value in values)


def show_matrix(asked: argparse.Namespace) -> None:
    shelf = Catalogue(home_folder()).read()
    if asked.html:
        replace_file(Path(asked.html), as_page(shelf).encode())
        print(f"written to {asked.html}")
    else:
        print(as_text(shelf, shutil.get_terminal_size((100, 24)).columns))


def list_domains(asked: argparse.Namespace) -> None:
    shelf = Catalogue(home_folder()).read()
    domains = sorted(shelf.domains.values(), key=lambda domain: domain.name)
    if asked.json:
        print(as_json(domains))
        return
    models = [sum(card.domain == domain.name for card in shelf.cards.values()) for domain in domains]
    rows = [
        (
            domain.name,
            str(number),
            str(domain.images or "-"),
            str(len(domain.classes) or "-"),
            (domain.version or "-")[:12],
            domain.license or "-",
            domain.description,
        )
        for domain, number in zip(domains, models, strict=True)
    ]
    print(table(("domain", "models", "images", "classes", "version", "licence", "what"), rows, numbers=(1, 2, 3)))


def show_history(asked: argparse.Namespace) -> None:
    there = History(home_folder()).rows()
    rows = [row for row in there if asked.model in (None, row.model) and asked.dataset in (None, row.dataset)]
    if asked.csv:
        replace_file(Path(asked.csv), as_csv(rows).encode())
        print(f"{len(rows)} outcomes written to {asked.csv}")
    elif asked.json:
        print(as_json(rows))
    elif rows:
        print(table_of_outcomes(rows[-RECENT:]))
        if len(rows) > RECENT:
            print(f"... the last {RECENT} of {len(rows)}; --csv FILE or --json gives all.")
    elif there:
        print(
            f"None of the {len(there)} outcomes is of that model and dataset; without --model and --dataset all show."
        )
    else:
        print("No outcomes yet: 'headhunt zoo train' and 'headhunt zoo import-history' write them.")


def table_of_outcomes(rows: list[Outcome]) -> str:
    heads = ("model", "dataset", "accuracy", "seed", "seconds", "flags", "source", "when")
    cells = [
        (
            row.model,
            row.dataset,
            write_share(row.accuracy),
            told(row.seed, str),
            told(row.seconds, "{:.1f}".format),
            " ".join(row.flags),
            row.source,
            row.created,
        )
        for row in rows
    ]
    return table(heads, cells, numbers=(2, 3, 4))
