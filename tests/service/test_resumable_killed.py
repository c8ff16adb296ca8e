"""An upload in parts while its server is killed again and again, wherever it is at that moment. Nothing is lost, and
the dataset is made once."""

import contextlib
import hashlib
import io
import random
import tarfile
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.parts import service_of
from service.settings import Settings
from tests.service.test_serve import serving
from tests.zoo.images import picture

PARTS = 6


def archive() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for i in range(300):
            data = picture(i)
            info = tarfile.TarInfo(f"{'cat' if i % 2 else 'dog'}/{i}.png")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return held.getvalue()


def go_on(client: httpx.Client, data: bytes) -> Any:
    """What a client does after every break: ask what is there, send what is not, finish. None: it broke again."""
    asked = {"name": "photos", "size": len(data), "digest": hashlib.sha256(data).hexdigest()}
    step = -(-len(data) // PARTS)
    with contextlib.suppress(httpx.TransportError):
        made = client.post("/api/v1/uploads", json=asked, headers={"Idempotency-Key": "once"})
        assert made.status_code == 201, made.text
        upload = made.json()
        if upload["received"] < len(data):
            for number in set(range(1, PARTS + 1)) - set(upload["parts"]):
                place = f"/api/v1/uploads/{upload['id']}/parts/{number}"
                sent = client.put(place, content=data[(number - 1) * step : number * step])
                assert sent.status_code == 200, sent.text
        return client.post(f"/api/v1/uploads/{upload['id']}/finish")
    return None


@pytest.mark.parametrize("seed", [0, 1])
def test_an_upload_survives_its_server(tmp_path: Path, seed: int) -> None:
    data, chance, answers = archive(), random.Random(seed), []
    for _ in range(5):
        with serving(tmp_path, "--workers", "0") as (process, client):
            killing = threading.Timer(chance.uniform(0.02, 0.4), process.kill)
            killing.start()
            answers.append(go_on(client, data))
            killing.join()
            process.wait()
    with serving(tmp_path, "--workers", "0") as (_, client):
        last = go_on(client, data)
        assert last.status_code in (200, 201), last.text
        ids = {one.json()["id"] for one in (*answers, last) if one is not None}
        assert ids == {last.json()["id"]}
        assert len(client.get("/api/v1/datasets").json()["items"]) == 1
    service = service_of(Settings(home=tmp_path))
    sample = service.store.manifest(last.json()["version"])
    assert len(sample.entries) == 300
    assert service.store.lacking([entry.digest for entry in sample.entries], ()) == set()
    service.database.close()
