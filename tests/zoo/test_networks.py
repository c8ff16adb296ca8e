"""Networks by name: what is built, what is refused, and what the refusal says."""

import socket
import sys
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from headhunt.errors import BadSpec, HeadhuntError, UnknownNetwork
from zoo.networks.building import architecture, build_network, head_name, network_names, with_new_head

HOSTILE = [
    "local-dir:/etc",
    "local_dir:etc",
    "hf-hub:x/y",
    "hf_hub:x",
    "../../x",
    "..",
    "/etc/passwd",
    "https://example.org/model.pth",
    "https:model",
    "file:passwd",
    "resnet18\0",
    "resnet18\n",
    "resnet18 ",
    " resnet18",
    "RESNET18",
    "",
    "résnet18",
    "x" * 10_000,
    "x" * 5_000 + ":" + "y" * 5_000,
    "a.b:c.d",
    "a..b:c",
    "a:b:c",
    "os.path:../x",
    ":resnet18",
    "package:",
]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name[:20]))
def test_a_name_that_is_no_network_is_refused_without_touching_network_or_disk(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_network("test_resnet", classes=2)
    seen: list[str] = []
    watching = True

    def watch(event: str, details: tuple[object, ...]) -> None:
        if watching and (event.startswith("socket.") or event in {"open", "import", "os.listdir", "os.scandir"}):
            seen.append(f"{event} {details}")

    sys.addaudithook(watch)
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: pytest.fail("it was built"))
    try:
        with pytest.raises((UnknownNetwork, BadSpec)) as caught:
            build_network(name, classes=10)
    finally:
        watching = False
    assert seen == []
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_misspelt_architecture_is_answered_with_the_one_that_comes_near() -> None:
    with pytest.raises(UnknownNetwork, match=r"No network named 'resnt18'\. Did you mean 'resnet18'"):
        build_network("resnt18", classes=10)


def test_a_tag_is_told_apart_from_a_network() -> None:
    with pytest.raises(UnknownNetwork, match=r"The network is 'resnet18'; .*headhunt zoo add timm:resnet18"):
        build_network("resnet18.a1_in1k", classes=10)


def test_the_architecture_stands_before_the_dot_of_a_tag() -> None:
    assert architecture("resnet18.a1_in1k") == "resnet18"
    assert architecture("resnet18") == "resnet18"
    with pytest.raises(UnknownNetwork):
        architecture("hf-hub:x/y")


def test_names_are_listed_by_pattern() -> None:
    assert "test_vit" in network_names("test_*")
    assert network_names("no_such_*") == ()


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("test_resnet", 32),
        ("test_vit", 64),
        ("deit3_small_patch16_224", 64),
        ("swin_tiny_patch4_window7_224", 64),
        ("mixer_s32_224", 64),
        ("levit_128s", 128),
        ("beit_base_patch16_224", 64),
    ],
)
def test_a_network_is_built_for_the_size_and_classes_asked(name: str, size: int) -> None:
    with torch.device("meta"):
        network = build_network(name, classes=7, input_size=size).eval()
        assert network(torch.empty(2, 3, size, size)).shape == (2, 7)


def test_no_classes_means_no_head() -> None:
    network = build_network("test_resnet", classes=0).eval()
    assert head_name(network) is None
    assert network(torch.zeros(1, 3, 32, 32)).ndim == 2


@pytest.mark.parametrize("size", [0, -1, 10**6])
def test_a_size_that_no_network_has_is_refused(size: int) -> None:
    with pytest.raises(BadSpec, match=f"An input of {size} px is impossible"):
        build_network("test_vit", classes=2, input_size=size)


def test_a_size_that_an_architecture_cannot_have_is_an_error_that_names_its_own() -> None:
    with pytest.raises(BadSpec, match=r"nest_tiny cannot be built for 100 px: .* Its own size is 224\."):
        build_network("nest_tiny", classes=2, input_size=100)


def test_a_negative_number_of_classes_is_refused() -> None:
    with pytest.raises(BadSpec, match="-1 outputs"):
        build_network("test_resnet", classes=-1)


# --- A user's own -----------------------------------------------------------------------------------------------------


@pytest.fixture
def users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "users_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "nets.py").write_text(
        "from torch import nn\n"
        "def told(num_classes=10): return nn.Sequential(nn.Flatten(), nn.Linear(12, num_classes))\n"
        "def any_options(**options): return told(options['num_classes'])\n"
        "def bare(): return nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 10))\n"
        "def no_head(): return nn.Conv2d(3, 4, 1)\n"
        "def number(): return 42\n"
        "def broken(): raise ZeroDivisionError('one over\\nnothing')\n"
        "constant = 3\n"
    )
    (package / "fails.py").write_text("import not_installed_at_all\n")
    (package / "stops.py").write_text("raise RuntimeError('no weather today')\n")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "users_package"]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


@pytest.mark.parametrize("factory", ["told", "any_options", "bare"])
def test_a_users_own_network_comes_with_the_classes_asked(users_folder: Path, factory: str) -> None:
    before = list(sys.path)
    network = build_network(f"users_package.nets:{factory}", classes=3)
    assert network(torch.zeros(4, 3, 2, 2)).shape == (4, 3)
    assert sys.path == before


def test_a_users_own_network_keeps_its_own_head_when_no_number_is_asked(users_folder: Path) -> None:
    assert build_network("users_package.nets:bare", classes=None)(torch.zeros(1, 3, 2, 2)).shape == (1, 10)


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("users_package.nets:tolt", UnknownNetwork, r"Did you mean 'users_package\.nets:told'.*no such function"),
        ("users_package.nets:constant", UnknownNetwork, "no such function"),
        ("users_package.missing:told", UnknownNetwork, r"There is no module 'users_package\.missing'"),
        ("no_such_package_here.nets:told", UnknownNetwork, "There is no module 'no_such_package_here'"),
        ("users_package.fails:told", BadSpec, r"Importing users_package\.fails .*not_installed_at_all"),
        ("users_package.stops:told", BadSpec, "RuntimeError: no weather today"),
        (
            "users_package.nets:broken",
            BadSpec,
            r"users_package\.nets:broken failed: ZeroDivisionError: one over nothing",
        ),
        ("users_package.nets:number", BadSpec, "gave a int"),
        ("users_package.nets:no_head", BadSpec, "no Linear layer for 3 outputs"),
    ],
)
def test_what_is_wrong_with_a_users_own_network_is_said_in_a_line(
    users_folder: Path, name: str, error: type[HeadhuntError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        build_network(name, classes=3)
    assert "\n" not in str(caught.value)


def test_a_new_head_is_new_even_where_the_number_is_the_same() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    old = network[1]
    assert with_new_head(network, 5)[1] is not old  # type: ignore[index]  # a Sequential is what came in
    assert with_new_head(network, 6).get_submodule(head_name(network) or "").weight.shape == (6, 12)


def test_no_name_opens_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a connection was opened"))
    build_network("test_vit", classes=3, input_size=160)


def test_what_a_users_module_prints_does_not_get_between_the_results(
    users_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (users_folder / "prints_a_lot.py").write_text(
        "import torch\nprint('imported')\ndef net():\n    print('built')\n    return torch.nn.Linear(2, 2)\n"
    )
    build_network("prints_a_lot:net", classes=3)
    assert capsys.readouterr() == ("", "imported\nbuilt\n")


@pytest.mark.parametrize(("module", "says"), [("quits_at_once", "Importing"), ("quits_when_called", "Calling")])
def test_a_users_module_that_ends_the_process_is_told_of(users_folder: Path, module: str, says: str) -> None:
    (users_folder / "quits_at_once.py").write_text("import sys\nsys.exit(3)\n")
    (users_folder / "quits_when_called.py").write_text("import sys\ndef net():\n    sys.exit(3)\n")
    with pytest.raises(BadSpec, match=f"{says} .*SystemExit: 3"):
        build_network(f"{module}:net", classes=3)
