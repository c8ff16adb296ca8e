"""What the package looks like from outside: where it lies, what importing it loads, how soon the command answers."""

import subprocess
import sys
from pathlib import Path

import zoo

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "numpy", "timm", "litestar", "sqlalchemy", "optuna", "faiss", "sklearn", "PIL", "httpx2")


def loaded_by(code: str) -> set[str]:
    """The heavy libraries that are loaded after running `code` in a process of its own."""
    probe = f"{code}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split()) if done.stdout.strip() else set()


def test_our_zoo_is_the_one_that_is_imported() -> None:
    assert Path(zoo.__file__).parent == ROOT / "zoo"


def test_importing_headhunt_loads_no_heavy_library() -> None:
    assert loaded_by("import headhunt, headhunt.vocabulary, headhunt.errors") == set()


def test_help_loads_no_heavy_library() -> None:
    code = "from headhunt.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    print()"
    assert loaded_by(code) == set()


def test_listing_models_loads_no_heavy_library(tmp_path: Path) -> None:
    code = (
        f"import os; os.environ['HEADHUNT_HOME'] = {str(tmp_path)!r}\n"
        "from headhunt.cli.main import main\n"
        "main(['zoo', 'list']); main(['zoo', 'matrix']); print()"
    )
    assert loaded_by(code) == set()
