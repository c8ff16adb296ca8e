"""What the documents say is run: every command is parsed, and, slowly, every command and snippet works as written."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from headhunt.cli.parser import build_parser
from tests.sharing import HEADHUNT, demonstrated
from zoo.networks.building import build_network

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: Path, kind: str) -> list[str]:
    return [block for one, block in BLOCK.findall(document.read_text(encoding="utf-8")) if one == kind]


def commands(block: str) -> list[list[str]]:
    """The words of every `$ headhunt ...`, or `headhunt ...`, of a block."""
    lines = [line.removeprefix("$ ") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("headhunt ")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_of_a_document_is_understood(document: Path) -> None:
    """Those that are run here, and those of a block without `console`, that need a server or somebody's files."""
    for block in (*blocks(document, "console"), *blocks(document, "")):
        for words in commands(block):
            assert build_parser().parse_args(words).handler


@pytest.mark.parametrize("document", [*DOCUMENTS, *ROOT.glob("[A-Z]*.md")], ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the documents imagine it: photos, weights, a table of runs, a package with a network."""
    place = tmp_path_factory.mktemp("desk")
    chance = np.random.default_rng(0)
    with zipfile.ZipFile(place / "photos.zip", "w") as archive:
        for split, number in (("train", 24), ("test", 8)):
            for name, level in (("cat", 60), ("dog", 190)):
                for i in range(number):
                    buffer = BytesIO()
                    pixels = chance.integers(level - 50, level + 50, (32, 32, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(buffer, "png")
                    archive.writestr(f"photos/{split}/{name}/{i}.png", buffer.getvalue())
    with zipfile.ZipFile(place / "photos.zip") as archive:
        archive.extractall(place)
    Image.new("RGB", (40, 30), "white").save(place / "photo.png")
    (place / "weights").mkdir()
    state = build_network("test_resnet", classes=10).state_dict()
    save_file(dict(state), place / "weights" / "my_resnet.safetensors")
    (place / "runs.csv").write_text("model,dataset,accuracy\na,flowers,0.9\nb,flowers,0.8\n", encoding="utf-8")
    package = next(block for block in blocks(ROOT / "docs" / "models.md", "python") if "mypkg/models.py" in block)
    (place / "mypkg").mkdir()
    (place / "mypkg" / "models.py").write_text(package, encoding="utf-8")
    return place


def told(desk: Path, command: list[str]) -> str:
    environment = {**os.environ, "HEADHUNT_HOME": str(desk / "home")}
    done = subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_documents_work_as_written(desk: Path) -> None:
    """The README from top to bottom, then the others, in one home: what is named there was made there above.

    It begins with `make demo`, which is `headhunt demo`.
    """
    demo = demonstrated()
    assert "of 8 classes were looked at" in (demo / "told.txt").read_text(encoding="utf-8")
    shutil.copytree(demo / "home", desk / "home")
    done: set[tuple[str, ...]] = set()
    for document in DOCUMENTS:
        for kind, block in BLOCK.findall(document.read_text(encoding="utf-8")):
            if kind == "python":
                told(desk, [sys.executable, "-c", block])
            for words in commands(block) if kind == "console" else ():
                if tuple(words) not in done:
                    told(desk, [*HEADHUNT, *words])
                    done.add(tuple(words))
    assert len(done) >= 20
