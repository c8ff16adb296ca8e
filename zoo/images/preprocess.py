"""From any image to what a network wants to see: decoded, resized and normalised as everywhere in headhunt."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from headhunt.errors import BadValue
from headhunt.vocabulary import ModelCard, SampleLimits
from zoo.images.decoding import Pixels8, decode
from zoo.images.pixels import View, allocate, fit
from zoo.judging import view_of

Picture = Image.Image | bytes | str | Path | np.ndarray


@dataclass(frozen=True)
class Preprocess:
    """Called with an image - a path, the bytes of a file, a PIL image or an array [H, W, 3] - gives float32 [3, S, S].

    It holds no state, so it can be handed to the workers of a DataLoader.
    """

    view: View
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, picture: Picture) -> torch.Tensor:
        out = allocate(1, self.view.size)
        fit(pixels_of(picture), self.view, out[0])
        return ((out[0].float() / 255 - column(self.mean)) / column(self.std)).contiguous()


def preprocess_of(card: ModelCard) -> Preprocess:
    return Preprocess(view_of(card), card.mean, card.std)


def column(values: Sequence[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)


def pixels_of(picture: Picture) -> Pixels8:
    """uint8 [H, W, 3], upright."""
    if isinstance(picture, str | Path):
        return decode(Path(picture).expanduser().read_bytes(), SampleLimits())
    if isinstance(picture, bytes):
        return decode(picture, SampleLimits())
    if isinstance(picture, Image.Image):
        stream = io.BytesIO()
        picture.convert("RGBA" if "A" in picture.getbands() else "RGB").save(stream, "PNG", compress_level=0)
        return decode(stream.getvalue(), SampleLimits())
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3:
        return np.ascontiguousarray(picture)
    raise BadValue(
        f"A {type(picture).__name__} is no picture that can be read. Give a path, the bytes of a file, a PIL image,"
        " or a uint8 array of shape [height, width, 3]."
    )
