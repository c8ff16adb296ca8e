"""Asking the application as a program would."""

import io
import socket
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from litestar import Litestar
from litestar.testing import TestClient

from tests.zoo.images import picture

Client = TestClient[Any]
HERE = "http://testserver.local"
"""What the test client calls every server."""


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def archive(count: int = 3, seed: int = 0) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        for label in ("cat", "dog"):
            for i in range(count):
                file.writestr(f"{label}/{i}.png", picture(seed + i + (100 if label == "dog" else 0)))
    return held.getvalue()


def send(client: Client, key: str, name: str = "photos", data: bytes | None = None) -> Any:
    files = {"archive": ("photos.zip", archive() if data is None else data)}
    return client.post("/api/v1/datasets", headers=bearer(key), files=files, data={"name": name})


@contextmanager
def served(app: Litestar) -> Iterator[str]:
    """The application on a free port of loopback, in a thread; its address.

    The protocol is named, else asyncio does not know that it may send at once, and a body waits for its head.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as place:
        place.bind(("127.0.0.1", 0))
        place.listen(128)  # whoever asks before the server is up waits for it
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, args=([place],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{place.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
