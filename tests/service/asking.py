"""Asking the application as a program would."""

import io
import zipfile
from typing import Any

from litestar.testing import TestClient

from tests.zoo.images import picture

Client = TestClient[Any]


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
