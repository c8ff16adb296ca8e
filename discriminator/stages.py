"""Which modules of a network end its stages: at most `MOST`, from the image to the head.

timm's networks list theirs in `feature_info`; a few of them name modules that they do not have. For those, and for a
user's own network, the stages are those that the trainer gives rates to (zoo/training/layers.py): each ends with the
largest module around its last matrix that has no others' parameters. Where that makes fewer than `ENOUGH`, as when all
blocks of a transformer lie in one list, the largest is opened and its parts are taken instead. A list is not called, so
where it is not opened its last member stands for it.
"""

from collections.abc import Mapping, Sequence

from torch import nn

from zoo.training.layers import head_names, stage_depths

MOST = 6
ENOUGH = 4


def stage_ends(network: nn.Module) -> tuple[str, ...]:
    """Names of modules, in order of depth as far as it is known without running the network."""
    names = _stated(network) or _opened(network, _by_depth(network))
    return spread_out([end for name in names if (end := _called(network, name))], MOST)


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


def _by_depth(network: nn.Module) -> list[str]:
    """The module that ends each stage below the head."""
    head, depths = head_names(network), stage_depths(network)
    learnt = sorted(network.named_parameters(), key=lambda named: named[1].ndim > 1)  # matrices last, where they win
    last = {depths[name]: name for name, _ in learnt if name not in head}
    return [end for depth in sorted(last) if (end := _end(last[depth], depths))]


def _end(parameter: str, depths: Mapping[str, int]) -> str:
    """The largest module around a parameter that has only parameters of the same depth; "": the root."""
    end, name = "", parameter.rpartition(".")[0]
    while name and all(depths[inner] == depths[parameter] for inner in depths if inner.startswith(f"{name}.")):
        end, name = name, name.rpartition(".")[0]
    return end


def _called(network: nn.Module, name: str) -> str:
    """The module, or the last in a list of lists; "": the list is empty."""
    module = network.get_submodule(name)
    while not is_called(module):
        children = list(module.named_children())
        if not children:
            return ""
        name, module = f"{name}.{children[-1][0]}", children[-1][1]
    return name


def is_called(module: nn.Module) -> bool:
    """Lists of modules are not: their members are."""
    return type(module).forward is not nn.Module.forward


def _opened(network: nn.Module, ends: list[str]) -> list[str]:
    """Take the parts of the largest module, again and again, while there are too few ends and a part to be had."""
    while len(ends) < ENOUGH:
        parts = {name: _parts(network, name) for name in ends}
        closed = [name for name in ends if len(parts[name]) > 0]
        if not closed:
            break
        largest = max(closed, key=lambda name: sum(p.numel() for p in network.get_submodule(name).parameters()))
        place = ends.index(largest)
        ends = [*ends[:place], *parts[largest], *ends[place + 1 :]]
    return ends


def _parts(network: nn.Module, name: str) -> list[str]:
    """The children with matrices to learn."""
    children = network.get_submodule(name).named_children()
    return [f"{name}.{child}" for child, module in children if any(p.ndim > 1 for p in module.parameters())]
