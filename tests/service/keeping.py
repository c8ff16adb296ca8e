"""Whoever keeps the zoo over HTTP, and the work that they order, as a worker's child does it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.jobs.worker import Work
from tests.service.asking import Client, bearer


@pytest.fixture
def keeper(client: Client, keys: dict[str, str]) -> Client:
    client.headers.update(bearer(keys["owner"]))
    return client


def put(client: Client, place: str, body: dict[str, Any], **headers: str) -> Any:
    return client.post(f"/api/v1/zoo/{place}", json=body, headers=headers)


def work(home: Path, spec: dict[str, Any], step: Any = None) -> tuple[Work, list[dict[str, Any]]]:
    """A job as a child of a worker gets it; what it tells is kept."""
    told: list[dict[str, Any]] = []
    plain = msgspec.json.decode(msgspec.json.encode(spec))
    return Work(home, "p", plain, step, lambda body, step=None: told.append(body)), told
