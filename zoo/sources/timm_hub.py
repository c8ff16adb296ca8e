"""Cards from timm: any pretrained tag of `timm.list_pretrained()`, alone or by pattern; weights come at first use.

    timm:resnet18.a1_in1k                  one tag
    timm:resnet18                          an architecture: its default tag
    timm:convnext_*.fb_in22k_ft_in1k       every tag that the pattern names

A card needs no download: its facts are timm's own configuration of the tag, and its costs are computed on the meta
device. The weights are fetched by the hub's client into its own cache, and timm turns the file into the network.
"""

import functools
import re
import warnings
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import timm
import torch
from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset
from timm.models import PretrainedCfg
from torch import Tensor

from headhunt.errors import (
    BrokenWeights,
    UnknownNetwork,
    UnknownWeights,
    WeightsRefused,
    WeightsUnavailable,
    first_few,
    one_line,
    printable,
)
from headhunt.vocabulary import Interpolation, ModelCard
from zoo.networks.building import HINT, architecture, build_network, needs_size
from zoo.networks.hollow import hollow
from zoo.networks.measure import count_macs, count_params
from zoo.networks.weight_files import read_file
from zoo.networks.weights import check_finite
from zoo.sources import Found
from zoo.sources.domains import domain_of
from zoo.sources.hub import from_hub, from_url

PREFIX = "timm:"
PLAIN = re.compile(r"[a-z0-9_*?.\[\]!-]{1,200}")
WILD = frozenset("*?[")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
MAX_NAMED = 1000
"""The outputs of a larger head stand in the card by number only: their names would fill the catalogue."""


def from_timm(spec: str, domain: str | None = None) -> Iterator[Found]:
    """The models that a spec names, one after the other as their costs are counted; nothing is fetched."""
    for tag in tags_of(spec):
        yield Found(card_of(tag, domain), None)


def tags_of(spec: str) -> tuple[str, ...]:
    """The tags that `timm:TAG`, `timm:ARCHITECTURE` or `timm:PATTERN` names. UnknownNetwork, UnknownWeights."""
    wanted = spec.removeprefix(PREFIX)
    if not PLAIN.fullmatch(wanted):
        raise UnknownNetwork(printable(wanted, 200), (), HINT)
    if WILD & set(wanted):
        return tags_by_pattern(wanted)
    name, tags = architecture(wanted), pretrained_tags()
    own = [tag for tag in tags if tag.partition(".")[0] == name]
    if wanted in own:
        return (wanted,)
    if wanted != name:
        raise UnknownWeights(wanted, own, f"timm has {first_few([repr(tag) for tag in own]) or 'none'} for {name}.")
    return (default_tag(name, own),)


def tags_by_pattern(pattern: str) -> tuple[str, ...]:
    found = tuple(tag for tag in pretrained_tags() if fnmatchcase(tag, pattern))
    if not found:
        raise UnknownWeights(pattern, (), "No tag matches the pattern; quote it, so that the shell leaves it alone.")
    return found


def default_tag(name: str, own: list[str]) -> str:
    """The tag that timm itself would load for a bare architecture."""
    cfg = timm.get_pretrained_cfg(name)
    tag = f"{name}.{cfg.tag}" if cfg is not None else name
    if tag not in own:
        raise UnknownWeights(name, own, f"timm has no pretrained weights for {name}; train it: 'headhunt zoo train'.")
    return tag


@functools.cache
def pretrained_tags() -> tuple[str, ...]:
    return tuple(timm.list_pretrained())


# --- A card -----------------------------------------------------------------------------------------------------------


def card_of(tag: str, domain: str | None = None) -> ModelCard:
    """What timm knows of a tag, and what its network costs."""
    cfg, name = config(tag), architecture(tag)
    size, row = min(cfg.input_size[1:]), domain or domain_of(tag)
    with hollow():
        network = build_network(name, classes=cfg.num_classes, input_size=size)
    return ModelCard(
        id=f"{row}/{tag}",
        network=name,
        domain=row,
        origin=f"{PREFIX}{tag}",
        input_size=size,
        mean=tuple(cfg.mean),
        std=tuple(cfg.std),
        params=count_params(network),
        macs=count_macs(network, input_size=size),
        crop=cfg.crop_pct,
        interpolation=cast(Interpolation, cfg.interpolation),
        head=cfg.num_classes,
        classes=class_names(cfg.num_classes),
        license=cfg.license,
    )


def config(tag: str) -> PretrainedCfg:
    cfg = timm.get_pretrained_cfg(tag)
    if cfg is None:
        raise UnknownWeights(tag, pretrained_tags())
    return cfg


@functools.cache
def class_names(outputs: int) -> tuple[str, ...]:
    """The synsets of an ImageNet head in the order of its outputs, as the folders of ImageNet are called."""
    subset = infer_imagenet_subset({"num_classes": outputs}) if outputs <= MAX_NAMED else None
    return tuple(read_names(subset)) if subset else ()


def read_names(subset: str) -> list[str]:
    names: list[str] = ImageNetInfo(subset).label_names()  # type: ignore[no-untyped-call]  # timm leaves it untyped
    return names


# --- Its weights ------------------------------------------------------------------------------------------------------


def fetch(card: ModelCard) -> dict[str, Tensor]:
    """The weights of a card that came from timm: from the hub's cache, else from the hub. WeightsUnavailable."""
    tag = card.origin.removeprefix(PREFIX)
    if not card.origin.startswith(PREFIX) or tag not in pretrained_tags():
        raise WeightsUnavailable(
            f"{card.id} comes from {card.origin!r}, which timm does not have. Add the model again."
        )
    file = weights_file(tag)
    try:
        read_file(file)  # by our rules first: the same errors, and nothing that runs code
    except WeightsRefused as error:
        raise type(error)(f"{error.reason} Delete it, so that it is fetched again.", str(file)) from error
    network = loaded(card, tag, file)
    state = dict(network.state_dict())
    check_finite(state, file.name)
    return state


def loaded(card: ModelCard, tag: str, file: Path) -> torch.nn.Module:
    """timm's own loading of the file, which renames, resizes and cuts as the tag needs it."""
    options: dict[str, Any] = {"img_size": card.input_size} if needs_size(card.network) else {}
    source = {"file": str(file), "custom_load": False}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return timm.create_model(
                tag, pretrained=True, pretrained_cfg_overlay=source, num_classes=card.head, **options
            )
    except Exception as error:
        why = f"timm cannot load it as {tag}: {one_line(error)}. Delete it, so that it is fetched again."
        raise BrokenWeights(why, str(file)) from error


def weights_file(tag: str) -> Path:
    """Where timm says that the weights are, safetensors before anything else."""
    cfg = config(tag)
    if cfg.hf_hub_id:
        repo, own = cfg.hf_hub_id, cfg.hf_hub_filename
        return from_hub(repo, WEIGHTS if own is None else safe_first(own))
    if not isinstance(cfg.url, str) or not cfg.url.startswith("https://"):
        raise WeightsUnavailable(f"timm does not say where the weights of {tag} are. Add another model.")
    return from_url(cfg.url, Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(cfg.url).path).name)


def safe_first(file: str) -> tuple[str, ...]:
    return (file.removesuffix(".bin") + ".safetensors", file) if file.endswith(".bin") else (file,)
