"""Counts what a server must not do, by Python's audit hooks: unpickling, starting programs, connecting elsewhere,
writing outside its home. A hook cannot be taken out again, so all this runs in a process of its own:

    python -m tests.service.watching HOME web|job
"""

import io
import json
import os
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

LOOPBACK = ("127.", "::1")
PROGRAMS = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "os.forkpty", "pty.spawn")
MOVES = {"os.rename": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "os.symlink": 1, "os.link": 1, "os.truncate": 0}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """What was counted since it began."""

    def __init__(self, home: Path) -> None:
        self.home, self.seen, self.on = str(home.resolve()), Counter[str](), False
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and (found := self.judge(event, arguments)):
            self.seen[found] += 1

    def judge(self, event: str, arguments: tuple[Any, ...]) -> str | None:
        if event == "pickle.find_class":
            return f"unpickled {arguments[0]}.{arguments[1]}"
        if event in PROGRAMS:
            return f"started {event} {arguments[0]}"
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            return None if str(arguments[1][0]).startswith(LOOPBACK) else f"connected {arguments[1]}"
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES:
            return self.outside(arguments[0], "wrote")
        return self.outside(arguments[MOVES[event]], event) if event in MOVES else None

    def outside(self, path: Any, what: str) -> str | None:
        if not isinstance(path, str | bytes | os.PathLike):
            return None
        place = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - of bytes, too, and without a look at the disk
        allowed = place == "/dev/null" or place.startswith(self.home + "/") or place == self.home
        return None if allowed else f"{what} {place}"


def archive() -> bytes:
    from tests.zoo.images import picture

    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        for label in ("cat", "dog"):
            for i in range(8):
                file.writestr(f"{label}/{i}.png", picture(i + (100 if label == "dog" else 0)))
        file.writestr("notes.txt", b"no picture")
    return held.getvalue()


def web(home: Path, watch: Watch) -> None:
    """A round of what users do, and of what they should not."""
    from litestar.testing import TestClient

    from service.app import create_app
    from service.parts import first_link, service_of
    from service.settings import Settings

    settings = Settings(home=home, url="http://testserver.local")
    service = service_of(settings)
    key, link = service.key("default", "owner"), first_link(service)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        watch.on = True
        held = {"Authorization": f"Bearer {key}"}
        for name, data in (("photos", archive()), ("broken", b"PK\x03\x04"), ("../../etc/passwd", archive())):
            sent = client.post("/api/v1/datasets", headers=held, files={"archive": (name, data)}, data={"name": name})
            assert sent.status_code == (422 if name == "broken" else 201), sent.text
        for limit in ("5M", "../x"):
            asked = {"dataset": "photos", "limits": {"max_params": limit}}
            client.post("/api/v1/recommendations", headers=held, json=asked)
        for source in ("timm:resnet18.a1_in1k", "local-dir:/etc", "hf-hub:x/y", "http://169.254.169.254/", "../../x"):
            client.post("/api/v1/zoo/models", headers=held, json={"source": source})
        for route in client.app.routes:
            path = route.path_format.replace("{", "").replace("}", "")
            for method in getattr(route, "methods", ()):
                if not path.endswith("/events"):
                    client.request(str(method), path, headers=held, **({"json": {}} if method == "POST" else {}))
        client.post("/api/v1/session", json={"token": link})
        client.post("/api/v1/session", json={"name": "admin", "password": "guess"})
        watch.on = False
    service.database.close()


def job(home: Path, watch: Watch) -> None:
    """A recommendation, as the child of a worker makes it."""
    from service.data.rows import Target
    from service.jobs.worker import Work
    from service.parts import service_of
    from service.recommending import run
    from service.settings import Settings
    from tests.recommender.little_zoo import little_zoo

    little_zoo(home)
    service = service_of(Settings(home=home))
    project = service.projects.ensure("default", make=True)
    place = home / "photos.zip"
    place.write_bytes(archive())
    dataset, _ = service.datasets.add(Target(project, "photos"), place)
    spec = {"asked": {"dataset": "photos", "budget": "20s"}, "version": dataset.version, "name": "photos"}
    watch.on = True
    run(Work(home, project, spec, None, lambda *_: None))
    watch.on = False


if __name__ == "__main__":
    home = Path(sys.argv[1])
    home.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(home)
    watch = Watch(home)
    {"web": web, "job": job}[sys.argv[2]](home, watch)
    print(json.dumps(watch.seen))
