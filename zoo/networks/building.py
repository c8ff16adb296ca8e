"""Networks by name: the architectures of timm by an allow-list, and a user's own as `package.module:factory`.

A name is judged by its form and looked up in timm's registry before anything is built, so a path, a URL or the name of
a repository (`local-dir:/etc`, `hf-hub:x/y`) never reaches a file system or a network.
"""

import contextlib
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any, cast

import timm
from torch import nn

from headhunt.errors import BadSpec, UnknownNetwork, one_line, printable

ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9_]{0,79}")
FACTORY = re.compile(r"(?P<module>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*):(?P<factory>[A-Za-z_]\w*)", re.ASCII)
RESERVED = frozenset({"timm", "hf_hub", "local_dir", "file", "http", "https", "ftp"})
"""What stands before a colon and names a place: never the name of a user's module."""
MAX_SIZE = 4096
HINT = "Give a timm architecture such as 'resnet18', or your own as package.module:factory."


def build_network(name: str, *, classes: int | None, input_size: int | None = None) -> nn.Module:
    """A network with random weights and a head of `classes` outputs; 0: no head, None: as many as it comes with."""
    if classes is not None and classes < 0:
        raise BadSpec(f"A head of {classes} outputs is impossible. Give 1 or more, or 0 for a network without a head.")
    if input_size is not None and not 1 <= input_size <= MAX_SIZE:
        raise BadSpec(f"An input of {input_size} px is impossible. Give 1 to {MAX_SIZE}; most networks want 224.")
    if ":" in name:
        return own_network(name, classes)
    return timm_network(checked_architecture(name), classes, input_size)


def network_names(pattern: str = "*") -> tuple[str, ...]:
    """The architectures of timm that a pattern such as `convnext_*` names."""
    return tuple(name for name in timm.list_models() if fnmatchcase(name, pattern))


def architecture(tag: str) -> str:
    """The architecture in a tag: `resnet18` of `resnet18.a1_in1k`. Raises UnknownNetwork."""
    return checked_architecture(tag.partition(".")[0])


def checked_architecture(name: str) -> str:
    known = network_names()
    if ARCHITECTURE.fullmatch(name) and name in known:
        return name
    stem, _, tag = name.partition(".")
    if tag and stem in known:
        raise UnknownNetwork(
            name, (), f"The network is {stem!r}; its weights come by 'headhunt zoo add timm:{stem}.TAG'."
        )
    raise UnknownNetwork(printable(name, 200), known, HINT)


# --- timm -------------------------------------------------------------------------------------------------------------


def timm_network(name: str, classes: int | None, input_size: int | None) -> nn.Module:
    """Only networks whose weights depend on the size of the input are told it (most transformers)."""
    options: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    if input_size is not None and needs_size(name):
        options["img_size"] = input_size
    try:
        return timm.create_model(name, pretrained=False, **options)
    except (AssertionError, ValueError, RuntimeError, TypeError, ZeroDivisionError, IndexError) as error:
        raise BadSpec(
            f"{name} cannot be built for {input_size} px: {one_line(error)}. {own_size_hint(name)}"
        ) from error


def needs_size(name: str) -> bool:
    cfg = timm.get_pretrained_cfg(name)
    return bool(cfg is not None and cfg.fixed_input_size)


def own_size_hint(name: str) -> str:
    cfg = timm.get_pretrained_cfg(name)
    return f"Its own size is {cfg.input_size[-1]}." if cfg is not None else "Try 224."


# --- A user's own -----------------------------------------------------------------------------------------------------


def own_network(name: str, classes: int | None) -> nn.Module:
    """Call a user's factory: with `num_classes` if it takes that, else bare, and then its last Linear is replaced.

    What it prints goes to standard error: standard output is ours, and may be JSON.
    """
    factory, told = own_factory(name), False
    try:
        told = classes is not None and takes_num_classes(factory)
        with working_folder_importable(), contextlib.redirect_stdout(sys.stderr):
            network = factory(num_classes=classes) if told else factory()
    except (Exception, SystemExit) as error:
        raise BadSpec(f"Calling {name} failed: {type(error).__name__}: {one_line(error)}. Mend the factory.") from error
    if not isinstance(network, nn.Module):
        raise BadSpec(f"{name} gave a {type(network).__name__}. A factory returns a torch.nn.Module.")
    return network if told or classes is None else with_new_head(network, classes)


def own_factory(name: str) -> Callable[..., object]:
    form = FACTORY.fullmatch(name)
    if form is None or form["module"] in RESERVED or len(name) > 200:
        raise UnknownNetwork(printable(name, 200), (), HINT)
    try:
        with working_folder_importable(), contextlib.redirect_stdout(sys.stderr):
            module = importlib.import_module(form["module"])
    except (Exception, SystemExit) as error:
        raise import_fault(name, form["module"], error) from error
    factory = getattr(module, form["factory"], None)
    if not callable(factory):
        offered = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise UnknownNetwork(
            name, [f"{form['module']}:{key}" for key in offered], f"{form['module']} has no such function."
        )
    return cast(Callable[..., object], factory)


def import_fault(name: str, module: str, error: BaseException) -> UnknownNetwork | BadSpec:
    """Tell a module that is not there from one that is there and fails inside."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and (module == missing or module.startswith(f"{missing}.")):
        return UnknownNetwork(
            name, (), f"There is no module {missing!r}: run this in the folder that holds it, or install it."
        )
    return BadSpec(f"Importing {module} for {name} failed: {type(error).__name__}: {one_line(error)}. Mend the module.")


@contextmanager
def working_folder_importable() -> Iterator[None]:
    """The working folder can be imported from, as with `python -m`, for as long as this lasts."""
    here = os.getcwd()  # noqa: PTH109 - sys.path holds strings
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(here)


def takes_num_classes(factory: Callable[..., object]) -> bool:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(p.name == "num_classes" or p.kind is p.VAR_KEYWORD for p in parameters)


# --- Heads ------------------------------------------------------------------------------------------------------------


def with_new_head(network: nn.Module, classes: int) -> nn.Module:
    """The same network with a new random head of `classes` outputs; 0: without a head."""
    reset = getattr(network, "reset_classifier", None)
    if callable(reset):
        reset(classes)
        return network
    name = head_name(network)
    if name is None:
        raise BadSpec(
            f"{type(network).__name__} has no Linear layer for {classes} outputs. Let its factory take num_classes."
        )
    old = cast(nn.Linear, network.get_submodule(name))
    new = nn.Linear(old.in_features, classes, bias=old.bias is not None).to(old.weight) if classes else nn.Identity()
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, new)
    return network


def head_name(network: nn.Module) -> str | None:
    """Where the source head stands: timm's classifier, else the last Linear. None: there is none."""
    names = {module: name for name, module in network.named_modules()}
    classifier = getattr(network, "get_classifier", None)
    if callable(classifier):
        head = classifier()
        head = head[0] if isinstance(head, tuple) else head
        return names.get(head) if isinstance(head, nn.Module) and list(head.parameters()) else None
    linear = [name for module, name in names.items() if isinstance(module, nn.Linear)]
    return linear[-1] if linear else None
