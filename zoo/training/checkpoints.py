"""A training broken off and taken up again: one file, whole or not there, that holds no code.

The file names the training it belongs to (network, data, protocol, seed); of any other it is refused.
"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from headhunt.errors import CheckpointMismatch, HeadhuntError, MissingFile
from headhunt.vocabulary import Protocol
from zoo.files import clear_drafts, discard, draft_beside, put_in_place

FORMAT = 1
SECONDS_BETWEEN = 30.0
LARGEST_COST = 0.05
"""The share of the time that writing may take: after a slow write the next one waits longer."""
_ROWS_HASHED = 4096


def identity(network: nn.Module, tensors: tuple[Tensor, ...], protocol: Protocol, *words: object) -> dict[str, str]:
    """What a training is: for each part its digest, so that a refusal can say which part is another."""
    shapes = [(name, tuple(tensor.shape), tensor.dtype) for name, tensor in network.state_dict().items()]
    learning = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    return {
        "network": hashlib.sha256(repr((shapes, learning)).encode()).hexdigest(),
        "data": _digest(tensors),
        "protocol": hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(protocol, seeds=()))).hexdigest(),
        "seed or normalisation": hashlib.sha256(repr(words).encode()).hexdigest(),
    }


def _digest(tensors: tuple[Tensor, ...]) -> str:
    """Shapes and bytes; of large tensors some thousand rows, evenly spread."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(repr((tuple(tensor.shape), tensor.dtype)).encode())
        stride = max(1, len(tensor) // _ROWS_HASHED) if tensor.ndim > 1 else 1
        digest.update(tensor[::stride].contiguous().cpu().numpy().data)
    return digest.hexdigest()


@dataclass
class Keeper:
    """Writes and reads one checkpoint. `due` says when the time has come."""

    path: Path
    identity: dict[str, str]
    written: float = 0.0
    cost: float = 0.0

    def __post_init__(self) -> None:
        if not self.path.parent.is_dir():
            raise MissingFile(f"The checkpoint {self.path} cannot be written: there is no folder {self.path.parent}.")
        clear_drafts(self.path)
        self.written = time.monotonic()

    def due(self, epoch_ended: bool) -> bool:
        waited = time.monotonic() - self.written
        return waited * LARGEST_COST >= self.cost and (epoch_ended or waited >= SECONDS_BETWEEN)

    def write(self, state: dict[str, Any]) -> None:
        """To a file beside it, to the disk, then into its place: a crash leaves the old one or the new one."""
        begun = time.monotonic()
        draft = draft_beside(self.path)
        try:
            with draft.open("xb") as file:
                torch.save({"headhunt": FORMAT, "identity": self.identity, **state}, file)
            put_in_place(draft, self.path)
        except (OSError, RuntimeError) as error:  # torch says RuntimeError where the disk is full
            why = getattr(error, "strerror", None) or "the disk takes no more"
            raise MissingFile(
                f"The checkpoint {self.path} cannot be written: {why}. Make space, or name another file."
            ) from error
        finally:
            discard(draft)
        self.written = time.monotonic()
        self.cost = self.written - begun

    def read(self, device: torch.device) -> dict[str, Any] | None:
        """What was written last; None if nothing was."""
        if not self.path.exists():
            return None
        state = self._load(device)
        other = [part for part, digest in self.identity.items() if state["identity"].get(part) != digest]
        if other:
            raise CheckpointMismatch(
                f"The checkpoint {self.path} belongs to another training: its {', '.join(other)} differs. "
                "Remove it to begin anew, or name another file."
            )
        return state

    def _load(self, device: torch.device) -> dict[str, Any]:
        try:
            state = torch.load(self.path, map_location=device, weights_only=True)
            if (
                not isinstance(state, dict)
                or state.get("headhunt") != FORMAT
                or not isinstance(state["identity"], dict)
            ):
                raise self._refusal("it is not one of headhunt's")
        except HeadhuntError:
            raise
        except Exception as error:  # torch raises a dozen classes on broken files
            raise self._refusal("it is broken, or not one of headhunt's") from error
        return state

    def _refusal(self, why: str) -> CheckpointMismatch:
        return CheckpointMismatch(f"The checkpoint {self.path} cannot be read: {why}. Remove it to begin anew.")
