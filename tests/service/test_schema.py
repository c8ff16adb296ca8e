"""What the OpenAPI description promises: it is whole, and holds for thousands of requests made from it."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from headhunt.wire import JobFault
from service.app import create_app
from service.describing import description_of
from service.examples import EXAMPLES
from service.jobs.queue import Queue
from service.settings import Settings
from tests.service.asking import bearer, served

HERE = Path(__file__).parent
EXAMPLES_AT_LEAST = 2000
SAWN_OFF = ("DELETE /api/v1/projects/{project}", "DELETE /api/v1/keys/{key}")
"""They find their own project and key, and nothing would be left to try."""
PHASES = "examples,coverage,fuzzing"


@pytest.fixture
def document(settings: Settings) -> dict[str, Any]:
    return description_of(create_app(settings))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_says_what_it_does_and_what_can_go_wrong(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        problems = {status for status in operation["responses"] if status[0] in "45"}
        assert problems >= {"400", "429", "503"}, name
        for status in problems:
            told = operation["responses"][status]["content"]
            assert told == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}, name
        well = [status for status in operation["responses"] if status[0] == "2"]
        assert well, name
        if well != ["204"] and "/api/v1" in name:
            assert "content" in operation["responses"][well[-1]], name
        if "requestBody" in operation:
            assert problems >= {"413", "415"}, name


def test_nothing_is_answered_that_is_not_described(document: dict[str, Any]) -> None:
    text = msgspec.json.encode(document).decode()
    refs = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert refs == refs & set(document["components"]["schemas"])
    assert "Page_ModelCard_" in refs


def test_every_struct_that_is_asked_for_has_an_example(document: dict[str, Any]) -> None:
    asked = {
        body["schema"]["$ref"].rpartition("/")[2]
        for _, operation in operations(document)
        for body in operation.get("requestBody", {}).get("content", {}).values()
        if "$ref" in body["schema"]
    }
    assert len(asked) > 8
    for name in asked:
        assert document["components"]["schemas"][name]["examples"], name


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_examples_are_what_they_are_examples_of(kind: type[msgspec.Struct]) -> None:
    assert msgspec.json.decode(msgspec.json.encode(EXAMPLES[kind]), type=kind) == EXAMPLES[kind]


@contextmanager
def jobs_ending(queue: Queue) -> Iterator[None]:
    """Jobs wait for a moment, then somebody fails them: who follows one follows it to its end."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(1.0):
            while claim := queue.claim("somebody"):
                queue.tell(claim.fence, {"words": "looking"})
                queue.fail(claim.fence, JobFault("error", "Nobody works here."), again=False)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_the_description_promises_holds(settings: Settings, keys: dict[str, str], tmp_path: Path) -> None:
    """By an owner, who may do most; the same requests every time. Wrong keys do not have to wait here."""
    app = create_app(settings)
    app.state.service.access.guesses.add = lambda address: None
    with served(app) as url, jobs_ending(app.state.service.queue):
        words = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
        words += ["--config-file", str(HERE / "schemathesis.toml"), "run", f"{url}/api/schema/openapi.json"]
        words += ["--header", f"Authorization: Bearer {keys['owner']}", "--phases", PHASES, "--max-examples", "4"]
        words += [part for name in SAWN_OFF for part in ("--exclude-name", name)]
        words += ["--generation-deterministic", "--continue-on-failure", "--no-color"]
        words += ["--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "30"]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
        assert int(re.findall(r"(\d+) generated", done.stdout)[-1]) >= EXAMPLES_AT_LEAST
        assert httpx.get(f"{url}/api/v1/jobs", headers=bearer(keys["owner"])).status_code == 200
