"""Which modules of a network end its stages: at most `MOST`, from the image to the head.

timm's networks list theirs in `feature_info`; a few of them name modules that they do not have. For those, and for a
user's own network, the stages are those that the trainer gives rates to (zoo/training/layers.py): each ends with the
last module whose parameters all belong to it.
"""

from collections.abc import Sequence

from torch import nn

from zoo.training.layers import head_names, stage_depths

MOST = 6


def stage_ends(network: nn.Module) -> tuple[str, ...]:
    """Names of modules, in order of depth as far as it is known without running the network."""
    names = _stated(network) or _by_depth(network)
    return spread_out(names, MOST)


def spread_out(names: Sequence[str], most: int) -> tuple[str, ...]:
    """At most so many of them, evenly, the last always among them."""
    if len(names) <= most:
        return tuple(names)
    return tuple(names[(i + 1) * len(names) // most - 1] for i in range(most))


def _stated(network: nn.Module) -> tuple[str, ...]:
    """The modules that `feature_info` names, if it names any and all of them exist, each once."""
    info = getattr(network, "feature_info", None)
    stated = [str(entry.get("module")) for entry in info if isinstance(entry, dict)] if isinstance(info, list) else []
    known = {name for name, _ in network.named_modules()}
    return tuple(stated) if known.issuperset(stated) and len(set(stated)) == len(stated) else ()


def _by_depth(network: nn.Module) -> tuple[str, ...]:
    """For each stage below the head, the largest module around its last parameter that has no others' parameters."""
    head = head_names(network)
    depths = {name: depth for name, depth in stage_depths(network).items() if name not in head}
    last = {depth: name for name, depth in depths.items()}
    return tuple(dict.fromkeys(_end(network, last[depth], depth) for depth in sorted(last)))


def _end(network: nn.Module, parameter: str, depth: int) -> str:
    depths = stage_depths(network)
    name = parameter.rpartition(".")[0]
    while name:
        above = name.rpartition(".")[0]
        if not above or any(depths[inner] != depth for inner in depths if inner.startswith(f"{above}.")):
            return name
        name = above
    return name
