"""A model of a server comes here: its weights by their digest, then its card.

It is taken into this machine's zoo under its own id. Where that id stands for another model here, it is called
`ID-<first digits of its weights>`: two servers may both have a `photos/resnet18`.
"""

import hashlib
from pathlib import Path

import msgspec

from headhunt.errors import (
    BadSpec,
    BadValue,
    BrokenWeights,
    NotWritten,
    ServerUnreachable,
    ServiceUnavailable,
    one_line,
)
from headhunt.remote.refusals import stranger
from headhunt.remote.transport import Server, Waiting
from headhunt.vocabulary import GIB, Domain, ModelCard
from zoo.clock import now
from zoo.files import discard, draft_beside, put_in_place
from zoo.networks.weights import WeightStore
from zoo.repository import Zoo

LARGEST = 32 * GIB
"""Of weights whose size nobody told, or told too large to be true."""


def taken_in(server: Server, zoo: Zoo, card: ModelCard) -> ModelCard:
    """The card as this zoo has it, with its weights on this disk where the server has them."""
    check_network(zoo, card)
    if card.weights is not None and not zoo.weights.path(card.weights).is_file():
        fetch(server, card.weights, zoo.weights, min(card.weights_bytes or LARGEST, LARGEST))
    with zoo.catalogue.change() as draft:
        for name in (card.id, f"{card.id}-{(card.weights or 'hub')[:8]}"):
            there = draft.cards.get(name)
            if there is None:
                draft.ensure_domain(Domain(name=card.domain, created=now()))
                there = msgspec.structs.replace(card, id=name, measured=None)  # it was measured on another machine
                draft.add_card(there)
            if same_model(there, card):
                return there
    raise BadValue(f"There are other models called {card.id} here. Remove one: headhunt zoo remove {card.id}.")


def same_model(here: ModelCard, there: ModelCard) -> bool:
    """The same network with the same weights; from the same place, where one of them has not fetched them yet."""
    if here.network != there.network or here.head != there.head:
        return False
    if here.weights is None or there.weights is None:
        return here.origin == there.origin and here.origin.startswith("timm:")
    return here.weights == there.weights


def check_network(zoo: Zoo, card: ModelCard) -> None:
    """A factory of the user's own is code: a server does not decide that it is run here."""
    if ":" not in card.network or any(one.network == card.network for one in zoo.catalogue.read().cards.values()):
        return
    raise BadSpec(
        f"{card.id} is built by code of its own, {card.network}, which a server cannot have run here."
        f" Take it in yourself first: headhunt zoo add FILE --network {card.network}."
    )


def fetch(server: Server, digest: str, store: WeightStore, most: int = LARGEST) -> None:
    """Into the store, whole and checked, and no more than `most` bytes; a lost connection goes on where it stopped."""
    place = store.path(digest)
    draft = draft_beside(place)
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        draft.touch()
        download_all(server, digest, draft, most)
        with draft.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise BrokenWeights(
                    f"came from {server.url} with other bytes than {digest[:12]}. Try again.", place.name
                )
        put_in_place(draft, place)
    except OSError as error:
        raise NotWritten(f"{place} could not be written: {one_line(error)}. Make space, and try again.") from error
    finally:
        discard(draft)


def download_all(server: Server, digest: str, into: Path, most: int) -> None:
    """As long as bytes come, patience begins anew."""
    waits, had = Waiting(server.patience), 0
    while True:
        try:
            return download(server, digest, into, most)
        except (ServerUnreachable, ServiceUnavailable) as error:
            if (have := into.stat().st_size) > had:
                waits.heard()
            had = have
            waits.nap(error)


def download(server: Server, digest: str, into: Path, most: int) -> None:
    have = into.stat().st_size
    headers = {"Accept": "application/octet-stream, application/problem+json", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with server.opened("GET", f"/zoo/weights/{digest}", headers=headers) as response:
        if "html" in response.headers.get("content-type", ""):
            raise stranger(server.url, response)
        with into.open("ab" if response.status_code == 206 else "wb") as file:
            for piece in response.iter_bytes():  # as they come: what is gathered first is lost with the connection
                if file.tell() + len(piece) > most:
                    raise BrokenWeights(f"are more than {most:,} bytes at {server.url}: not as announced.", digest[:12])
                file.write(piece)
        told = response.headers.get("content-length")
        if response.status_code == 200 and told is not None and into.stat().st_size < int(told):
            raise ServerUnreachable(f"{server.url} ended before all weights had come. Try again.")
