"""Where the command meets the shell: streams that are closed or full, encodings that lack letters, names that bite."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headhunt.cli.main import main
from headhunt.vocabulary import Domain
from zoo.catalogue.store import Catalogue

COMMAND = [sys.executable, "-c", "from headhunt.cli.main import run; run()", "zoo"]
NAME = "grün"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("HEADHUNT_HOME", str(home))
    with Catalogue(home).change() as draft:
        draft.add_domain(Domain(name=NAME, license="\x1b[31mred\nblue", description="left\u202eright"))
    return home


def in_shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command, named "$@", in a shell that bends its streams."""
    return subprocess.run(
        ["/bin/sh", "-c", line, "sh", *COMMAND], capture_output=True, env={**os.environ, **environment}, check=False
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_ends_no_command(home: Path, closed: str) -> None:
    assert in_shell(f'"$@" domain list {closed}').returncode == 0
    told = in_shell(f'"$@" show nothing {closed}')
    assert (told.returncode, told.stdout) == (2, b"")
    assert b"Traceback" not in told.stderr


@pytest.mark.parametrize("full", [">/dev/full", "2>/dev/full"])
def test_a_full_stream_is_a_fault_in_a_line_at_most(home: Path, full: str) -> None:
    told = in_shell(f'"$@" {"domain list" if full[0] == ">" else "show nothing"} {full}')
    assert told.returncode == 2
    assert told.stderr.count(b"\n") <= 1


def test_letters_that_the_terminal_lacks_are_escaped(home: Path) -> None:
    told = in_shell('"$@" domain list', PYTHONIOENCODING="ascii")
    assert told.returncode == 0, told.stderr
    assert rb"gr\xfcn" in told.stdout


def test_what_is_printed_cannot_move_the_cursor(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "domain", "list"]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 2
    assert r"\x1b[31mred\nblue" in shown
    assert r"left\u202eright" in shown


@pytest.mark.parametrize(
    "words", [["zoo", "list", "--nope", "invalid choice: x"], ["zoo", "list", "a\nb"], ["zoo", "invalid choice: x"]]
)
def test_words_that_look_like_the_parsers_own_are_told_in_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert capsys.readouterr().err.count("\n") == 1


def test_a_home_of_nobody_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADHUNT_HOME", "~nobody-of-this-name/zoo")
    assert main(["zoo", "list"]) == 2
    assert "Set HEADHUNT_HOME to a folder" in capsys.readouterr().err


def test_the_package_is_the_command_too(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headhunt", "zoo", "liist"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Did you mean 'list'?" in done.stderr
