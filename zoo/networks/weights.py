"""Weights: read from files that others wrote, checked against a network, and kept once by what they are.

Reading trusts nothing: pickles are opened with `weights_only=True` alone, sizes are compared with the file before they
are believed, and every value must be finite. The store names each file by its SHA-256 and checks it on loading.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save_file
from torch import Tensor

from headhunt.errors import BadValue, BrokenWeights, NonFiniteWeights, NotWritten, WeightsUnavailable, one_line
from zoo.files import discard, draft_beside, put_in_place
from zoo.networks.weight_files import read_file
from zoo.networks.weight_paths import weights_path

State = dict[str, Tensor]

NESTED = (
    "state_dict_ema", "model_ema", "ema_state_dict", "state_dict", "model_state_dict", "model", "net", "network",
    "module", "params_ema", "params", "ema", "weights", "teacher", "student",
)  # fmt: skip
"""Where trainers put the weights within a checkpoint; averaged ones first, as timm reads them."""
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.")
"""What wrappers put before every key."""
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Eight bits and fewer need scales that stand elsewhere."""
COUNTERS = frozenset({"n_averaged"})
"""What an averaging wrapper keeps next to the weights."""
MAX_COPIES = 4
"""A file may name the same values several times (tied weights), but not without end."""


def read_state(path: Path) -> State:
    """The weights in a safetensors or torch file: unwrapped, prefixes stripped, every value finite."""
    state = without_prefixes(unwrapped(read_file(path), path.name))
    check_sizes(state, path)
    check_finite(state, path.name)
    return state


def unwrapped(loaded: object, name: str, depth: int = 3) -> State:
    """The mapping from names to tensors, found under the usual keys or as the only nested one that holds tensors."""
    if not isinstance(loaded, Mapping):
        raise BrokenWeights(f"holds a {type(loaded).__name__}, not a state dict. Save network.state_dict().", name)
    state = {key: value for key, value in loaded.items() if isinstance(key, str) and isinstance(value, Tensor)}
    nested = [loaded[key] for key in NESTED if isinstance(loaded.get(key), Mapping)]
    if not nested and not state:
        nested = [value for value in loaded.values() if isinstance(value, Mapping)]
    for inner in nested if depth and len(state) <= len(COUNTERS) else []:
        if found := unwrapped_or_none(inner, name, depth - 1):
            return found
    if not state:
        keys = ", ".join(repr(key) for key in list(loaded)[:5]) or "nothing"
        raise BrokenWeights(f"has no weights in it; it holds {keys}. Save network.state_dict().", name)
    return state


def unwrapped_or_none(loaded: object, name: str, depth: int) -> State | None:
    try:
        return unwrapped(loaded, name, depth)
    except BrokenWeights:
        return None


def without_prefixes(state: State) -> State:
    """Strip what stands before every key, as often as it does."""
    kept = {key: value for key, value in state.items() if key not in COUNTERS}
    for prefix in PREFIXES:
        if kept and all(key.startswith(prefix) and key != prefix for key in kept):
            return without_prefixes({key.removeprefix(prefix): value for key, value in kept.items()})
    return kept if kept else state


def check_sizes(state: State, path: Path) -> None:
    """A small file may not unfold into a large state: no tensor beyond its storage, no storage again and again."""
    for key, value in state.items():
        if value.layout is not torch.strided or value.is_quantized or value.device.type != "cpu":
            raise BrokenWeights(
                f"{key!r} is not a plain dense tensor. Save network.state_dict() of the float model.", path.name
            )
        if (value.is_floating_point() and value.dtype not in FLOATS) or value.is_complex():
            raise BrokenWeights(
                f"{key!r} is {value.dtype}. Save the weights as float32, float16 or bfloat16.", path.name
            )
        if value.nbytes > value.untyped_storage().nbytes():
            raise BrokenWeights(
                f"{key!r} claims {value.nbytes} bytes and the file holds fewer. Save it again.", path.name
            )
    held, size = sum(value.nbytes for value in state.values()), path.stat().st_size
    if held > MAX_COPIES * size:
        raise BrokenWeights(f"unfolds from {size} to {held} bytes. Save network.state_dict() again.", path.name)


def check_finite(state: State, name: str) -> None:
    bad = [key for key, value in state.items() if value.is_floating_point() and not bool(torch.isfinite(value).all())]
    if bad:
        more = f" and {len(bad) - 1} more tensors" if len(bad) > 1 else ""
        raise NonFiniteWeights(
            f"{bad[0]!r}{more} holds NaN or infinite values. Use a checkpoint from before it diverged.", name
        )


# --- The store --------------------------------------------------------------------------------------------------------


class WeightStore:
    """States as safetensors files named by their SHA-256: each kept once, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, state: Mapping[str, Tensor]) -> tuple[str, int]:
        """Keep a state; its digest and size. Equal states are one file, and a crash leaves none that is broken."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = draft_beside(self.folder / "adding")
        try:
            draft.touch()
            mode = draft.stat().st_mode  # as the umask has it; safetensors would shut out all but the owner
            save_file(separate(state), draft)
            draft.chmod(mode)
            digest, size = digest_of(draft), draft.stat().st_size
            if not self.path(digest).exists():
                put_in_place(draft, self.path(digest))
            return digest, size
        except (OSError, SafetensorError) as error:
            raise NotWritten(f"{self.folder}: {one_line(error)}. The weights are not kept: make space.") from error
        finally:
            discard(draft)

    def path(self, digest: str) -> Path:
        return weights_path(self.folder, digest)

    def load(self, digest: str) -> State:
        """A state, checked to be what was kept."""
        path = self.path(digest)
        if not path.is_file():
            raise WeightsUnavailable(
                f"The weights {digest[:12]} are not in {self.folder}. Remove the model and add it again."
            )
        if digest_of(path) != digest:
            raise BrokenWeights("is no longer what was stored. Remove the model and add it again.", path.name)
        try:
            return load_file(path)
        except SafetensorError as error:
            raise BrokenWeights(
                f"is no safetensors file: {one_line(error)}. Add the model again.", path.name
            ) from error

    def blob(self, digest: str) -> bytes:
        """The file itself, for whoever reads it elsewhere, with `state_in`."""
        try:
            return self.path(digest).read_bytes()
        except OSError as error:
            raise WeightsUnavailable(
                f"The weights {digest[:12]} are not in {self.folder}. Remove the model and add it again."
            ) from error

    def remove(self, digest: str) -> None:
        self.path(digest).unlink(missing_ok=True)


def state_in(blob: bytes, digest: str) -> State:
    """The state in a file of the store that was sent here, checked to be what was kept."""
    name = f"{digest}.safetensors"
    if hashlib.sha256(blob).hexdigest() != digest:
        raise BrokenWeights("is no longer what was stored. Remove the model and add it again.", name)
    try:
        return load(blob)
    except SafetensorError as error:
        raise BrokenWeights(f"is no safetensors file: {one_line(error)}. Add the model again.", name) from error


def separate(state: Mapping[str, Tensor]) -> State:
    """Tensors as a file holds them: on the CPU, contiguous, none sharing memory with another."""
    seen: set[int] = set()
    apart: State = {}
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise BadValue(f"{key!r} is a {type(value).__name__}: only tensors can be kept.")
        plain = value.detach().cpu().contiguous()
        storage = plain.untyped_storage()
        shared = storage.data_ptr() in seen or storage.nbytes() != plain.nbytes
        seen.add(storage.data_ptr())
        apart[key] = plain.clone() if shared else plain
    return apart


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
