"""Copies are found whatever was done to them on the way; other pictures of the same kind are not."""

import io
import itertools
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from discriminator.duplicates import LOOK, Looks, looks_of, matches, near_duplicates
from discriminator.gallery import Gallery
from zoo.images.pixels import fit
from zoo.images.samples import open_sample

DATA = os.environ.get("HEADHUNT_DATA")
COUNTER = itertools.count()
"""So that no two files have the same digest by chance."""


def compressed(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=40)
    return Image.open(stream).convert("RGB")


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "made smaller": lambda image: image.resize((image.width * 2 // 3, image.height * 2 // 3)),
    "made larger": lambda image: image.resize((image.width * 2, image.height * 2)),
    "compressed again": compressed,
    "made brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
    "made darker": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "made paler": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
}


def scene(seed: int, kind: int = 0) -> Image.Image:
    """A picture of one kind: all share the composition, each has its own objects and texture."""
    ground, own = np.random.default_rng(1000 + kind), np.random.default_rng(seed)
    total = np.asarray(Image.fromarray(ground.integers(0, 256, (4, 4, 3), np.uint8)).resize((96, 96)), float)
    for cells, weight in ((4, 0.6), (8, 0.8), (16, 0.6)):
        layer = Image.fromarray(own.integers(0, 256, (cells, cells, 3), np.uint8)).resize((96, 96))
        total += weight * np.asarray(layer, float)
    return Image.fromarray(np.clip(total / total.max() * 255, 0, 255).astype(np.uint8))


def looks(*images: Image.Image, digests: list[str] | None = None) -> Looks:
    thumbs = torch.empty(len(images), 3, LOOK.size, LOOK.size, dtype=torch.uint8)
    for i, image in enumerate(images):
        fit(np.array(image.convert("RGB")), LOOK, thumbs[i])
    return Looks(thumbs.numpy(), tuple(digests or [f"file {next(COUNTER)}" for _ in images]))


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_is_found_that_was(change: str) -> None:
    originals = [scene(i) for i in range(30)]
    copies = [CHANGES[change](image) for image in originals]
    assert set(near_duplicates(looks(*originals, *copies))) == {(i, i + 30) for i in range(30)}
    np.testing.assert_array_equal(matches(looks(*copies), looks(*originals)), np.arange(30))


def test_different_pictures_of_the_same_kind_are_no_copies() -> None:
    images = looks(*(scene(i, kind=i % 3) for i in range(300)))
    assert near_duplicates(images) == ()
    assert (matches(looks(*(scene(i) for i in range(900, 1000))), images) == -1).all()


def test_equal_bytes_are_one_picture_even_without_detail() -> None:
    grey = Image.new("RGB", (40, 40), "grey")
    assert near_duplicates(looks(grey, grey, grey, digests=["a", "b", "a"])) == ((0, 2),)


def test_copies_of_copies_are_one_group_and_large_groups_come_first() -> None:
    steps = [scene(0), compressed(scene(0)), CHANGES["made larger"](compressed(scene(0)))]
    assert near_duplicates(looks(scene(5), scene(5), *steps)) == ((2, 3, 4), (0, 1))


def test_a_sample_of_copies_alone_is_one_group() -> None:
    thumbs = np.repeat(looks(scene(0)).thumbs, 1500, axis=0)
    (group,) = near_duplicates(Looks(thumbs, tuple(map(str, range(1500)))))
    assert group == tuple(range(1500))


def test_no_images_have_no_copies() -> None:
    nothing = Looks(np.empty((0, 3, 32, 32), np.uint8), ())
    assert near_duplicates(nothing) == ()
    assert len(matches(nothing, looks(scene(0)))) == 0
    assert matches(looks(scene(0)), nothing).tolist() == [-1]


def test_thousands_of_images_are_compared_in_seconds() -> None:
    rng = np.random.default_rng(0)
    thumbs = rng.integers(0, 256, (3000, 3, 32, 32), np.uint8)
    thumbs[2500:] = thumbs[:500]
    began = time.process_time()
    groups = near_duplicates(Looks(thumbs, tuple(map(str, range(3000)))))
    assert len(groups) == 500
    assert time.process_time() - began < 60


@pytest.mark.skipif(DATA is None, reason="HEADHUNT_DATA names no folder with real images")
@pytest.mark.parametrize("name", ["scenes", "pacs_sketch", "sign_digits", "omniglot_alphabets"])
def test_real_photographs_and_their_copies(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(Path(str(DATA)) / "images" / f"{name}.zip") as archive:
        files = [file for file in archive.namelist() if file.lower().endswith((".jpg", ".png"))]
        chosen = np.random.default_rng(0).choice(files, 600, replace=False)
        originals = [Image.open(io.BytesIO(archive.read(file))).convert("RGB") for file in chosen]
    assert len(near_duplicates(looks(*originals))) <= 3, "of 180,000 pairs"
    for change in ("made smaller", "compressed again", "made darker"):
        found = matches(looks(*map(CHANGES[change], originals[:100])), looks(*originals))
        assert (found == np.arange(100)).mean() >= 0.95, change


def test_a_gallery_is_looked_at_once(tmp_path: Path) -> None:
    for i in range(4):
        scene(i % 2).save(tmp_path / f"{i}.png")
    with open_sample(tmp_path) as sample:
        assert near_duplicates(looks_of(Gallery(sample, sample.entries()))) == ((0, 2), (1, 3))
