"""Pixels as a network sees them: within one level of timm's Pillow transform, whoever decodes and in whatever order."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform

from headhunt import errors
from headhunt.vocabulary import Entry, SampleLimits
from tests.zoo.images import encode, folder_of, many, picture, with_exif, zip_of
from zoo.images import pixels as module
from zoo.images.pixels import View, load_pixels
from zoo.images.samples import open_sample


def by_timm(data: bytes, view: View) -> torch.Tensor:
    """timm's evaluation transform up to the tensor, before it is normalised."""
    whole = create_transform(
        input_size=view.size, crop_pct=view.crop, interpolation=view.interpolation, mean=0.0, std=1.0
    )
    with Image.open(io.BytesIO(data)) as opened:
        image = opened.convert("RGB")
    for step in whole.transforms[:2]:
        image = step(image)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def photo(seed: int, size: tuple[int, int]) -> Image.Image:
    """Smooth shapes under sharp noise: every frequency that a resizing kernel may treat badly."""
    rng = np.random.default_rng(seed)
    low = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    noise = rng.normal(0, 30, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(low) + noise, 0, 255).astype(np.uint8))


VIEWS = [View(224, 0.875), View(224), View(224, 0.95), View(32), View(64, 0.9), View(240, 0.875, "bilinear")]
SIZES = [(500, 375), (375, 500), (333, 500), (96, 64), (32, 32), (2000, 301), (31, 33)]


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_no_pixel_is_more_than_one_level_from_timm(tmp_path: Path, view: View) -> None:
    files = {f"{i:02}.{f.lower()}": encode(photo(i, size), f) for i, size in enumerate(SIZES) for f in ("JPEG", "PNG")}
    with open_sample(folder_of(files, tmp_path)) as sample:
        found = load_pixels(sample, view)
        for image, entry in zip(found.images, sample.entries(), strict=True):
            assert (image.int() - by_timm(files[entry.path], view).int()).abs().max() <= 1, entry.path


def test_nearest_takes_the_pixels_that_pillow_takes(tmp_path: Path) -> None:
    files = {f"{i}.png": encode(photo(i, size)) for i, size in enumerate(SIZES)}
    view = View(48, 0.8, "nearest")
    with open_sample(folder_of(files, tmp_path)) as sample:
        found = load_pixels(sample, view)
        for image, entry in zip(found.images, sample.entries(), strict=True):
            assert (image == by_timm(files[entry.path], view)).all()


def test_an_image_of_the_right_size_is_not_touched(tmp_path: Path) -> None:
    image = photo(1, (32, 32))
    with open_sample(folder_of({"a.png": encode(image)}, tmp_path)) as sample:
        assert (load_pixels(sample, View(32)).images[0].permute(1, 2, 0).numpy() == np.asarray(image)).all()


def test_a_grey_image_has_three_equal_channels(tmp_path: Path) -> None:
    files = {f"{f}.x": encode(photo(1, (64, 48)).convert("L"), f) for f in ("PNG", "JPEG")}
    with open_sample(folder_of(files, tmp_path), SampleLimits(max_broken=1)) as sample:
        images = load_pixels(sample, View(32)).images
        assert (images[:, 0] == images[:, 1]).all()
        assert (images[:, 0] == images[:, 2]).all()


def test_all_eight_orientations_give_the_same_pixels(tmp_path: Path) -> None:  # row 63
    square = photo(3, (96, 96)).resize((12, 12)).resize((96, 64), Image.Resampling.BICUBIC)
    turn = Image.Transpose
    undo = (None, turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM)
    undo += (turn.TRANSPOSE, turn.ROTATE_90, turn.TRANSVERSE, turn.ROTATE_270)
    files = {}
    for orientation, how in enumerate(undo, 1):
        turned = square if how is None else square.transpose(how)
        files[f"{orientation}.jpg"] = with_exif(encode(turned, "JPEG", quality=100, subsampling=0), orientation)
    with open_sample(folder_of(files, tmp_path)) as sample:
        images = load_pixels(sample, View(48, 0.875)).images.int()
    assert (images - images[0]).abs().max() <= 3


def test_labels_follow_the_order_of_the_classes(tmp_path: Path) -> None:
    with open_sample(zip_of(many(6).items(), tmp_path / "x.zip")) as sample:
        own = load_pixels(sample, View(8))
        assert own.classes == ("cat", "dog")
        assert own.labels.tolist() == [0, 0, 0, 1, 1, 1]
        theirs = load_pixels(sample, View(8), classes=("dog", "owl", "cat"))
        assert theirs.labels.tolist() == [2, 2, 2, 0, 0, 0]
        assert (theirs.images == own.images).all()
        with pytest.raises(errors.BadValue, match="'dog'"):
            load_pixels(sample, View(8), classes=("cat", "owl"))


def test_a_part_is_loaded_alone_and_unlabelled_images_are_minus_one(tmp_path: Path) -> None:
    files = {f"train/{i}.png": picture(i) for i in range(3)} | {"test/x.png": picture(9)}
    with open_sample(folder_of(files, tmp_path)) as sample:
        assert load_pixels(sample, View(8), "train").labels.tolist() == [-1, -1, -1]
        with pytest.raises(errors.UnknownSplit):
            load_pixels(sample, View(8), "val")


def test_the_number_of_threads_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{i}.jpg": encode(photo(i, (70 + i % 9, 50)), "JPEG") for i in range(100)}
    with open_sample(zip_of(files.items(), tmp_path / "x.zip")) as sample:
        monkeypatch.setattr(module, "usable_cores", lambda: 1)
        alone = load_pixels(sample, View(32)).images
        monkeypatch.setattr(module, "usable_cores", lambda: 8)
        assert (load_pixels(sample, View(32)).images == alone).all()


def test_pixels_beyond_memory_lie_in_a_file_and_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_sample(folder_of(many(6), tmp_path)) as sample:
        in_memory = load_pixels(sample, View(16))
        monkeypatch.setattr(module, "IN_MEMORY", 100)
        mapped = load_pixels(sample, View(16))
    assert (mapped.images == in_memory.images).all()
    assert mapped.images[2:4].clone().float().mean() > 0


def broken_jpeg(seed: int) -> bytes:
    data = picture(seed, (256, 256), "JPEG", quality=95)
    return data[: len(data) // 2] + b"\xff\xd9"


def test_an_image_that_turns_out_broken_is_left_out_and_reported(tmp_path: Path) -> None:
    files = many(40) | {"cat/broken.jpg": broken_jpeg(1)}
    with open_sample(folder_of(files, tmp_path)) as sample:
        found = load_pixels(sample, View(8))
        expected = [entry for entry in sample.entries() if entry.path != "cat/broken.jpg"]
        assert [r.member for r in found.refused] == ["cat/broken.jpg"]
        assert len(found.images) == len(found.labels) == 40
        for image, label, entry in zip(found.images, found.labels, expected, strict=True):
            assert found.classes[label] == entry.label
            assert (image == by_timm(files[entry.path], View(8))).all()


def test_too_many_images_that_turn_out_broken_refuse_the_sample(tmp_path: Path) -> None:
    with (
        open_sample(folder_of(many(10) | {"cat/x.jpg": broken_jpeg(1)}, tmp_path / "a")) as sample,
        pytest.raises(errors.TooManyBroken),
    ):
        load_pixels(sample, View(8))
    with (
        open_sample(folder_of({"cat/x.jpg": broken_jpeg(1)}, tmp_path / "b")) as sample,
        pytest.raises(errors.NoValidImages),
    ):
        load_pixels(sample, View(8))


@pytest.mark.parametrize(
    "bad",
    [
        {"size": 0},
        {"size": 10**6},
        {"size": 32, "crop": 0.0},
        {"size": 32, "crop": 1.5},
        {"size": 32, "interpolation": "magic"},
    ],
)
def test_a_senseless_view_is_refused(bad: dict[str, int]) -> None:
    with pytest.raises(errors.BadValue):
        View(**bad)


@pytest.mark.parametrize(("size", "bytes_each", "alone"), [(32, 1000, True), (224, 1000, False), (32, 50_000, False)])
def test_small_images_are_decoded_by_one_thread(
    size: int, bytes_each: int, alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 8)
    entries = [Entry(path=f"{i}.jpg", digest="", size=bytes_each) for i in range(3)]
    assert module.threads_for(entries, View(size)) == (1 if alone else 8)
