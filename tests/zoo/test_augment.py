import numpy as np
import pytest
import torch

from zoo.training.augment import augment, choose_augment


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 8, side: int = 16) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=draws(1))


def all_shifts(image: torch.Tensor, reach: int) -> list[np.ndarray]:
    """Every place that a window can take on the image with its border reflected."""
    padded = np.pad(image.numpy(), ((0, 0), (reach, reach), (reach, reach)), mode="reflect")
    side = image.shape[-1]
    places = range(2 * reach + 1)
    return [padded[:, top : top + side, left : left + side] for top in places for left in places]


def test_a_shift_is_a_window_on_the_image_with_its_border_reflected():
    images = pictures()
    for image, moved in zip(images, augment(images, "shift", draws()), strict=True):
        assert any(np.array_equal(moved.numpy(), window) for window in all_shifts(image, 2))


def test_shifts_reach_every_place():
    one = pictures(1)
    many = augment(one.expand(600, -1, -1, -1), "shift", draws())
    assert len({moved.numpy().tobytes() for moved in many}) == 25


def test_half_of_the_flipped_images_are_mirrored():
    image = pictures(1)[0]
    straight = [window.tobytes() for window in all_shifts(image, 2)]
    mirrored = [window.tobytes() for window in all_shifts(image.flip(-1), 2)]
    moved = [one.numpy().tobytes() for one in augment(image.expand(400, -1, -1, -1), "shift-flip", draws())]
    assert all(one in straight or one in mirrored for one in moved)
    assert 150 < sum(one in mirrored for one in moved) < 250


def test_crops_without_flip_keep_left_on_the_left():
    ramp = torch.arange(0, 256, 4, dtype=torch.uint8).expand(200, 3, 64, 64)
    steps = augment(ramp, "crop", draws()).int().diff(dim=-1)
    assert int(steps.min()) >= 0
    flipped = augment(ramp, "crop-flip", draws()).int().diff(dim=-1)
    falling = int((flipped.amin(dim=(1, 2, 3)) < 0).sum())
    assert 70 < falling < 130


def test_a_crop_shows_a_part_no_smaller_than_a_third_and_not_always_the_same():
    ramp = torch.arange(0, 256, 4, dtype=torch.uint8).expand(200, 3, 64, 64)
    cropped = augment(ramp, "crop", draws()).int()
    width = (cropped[:, 0, 0, -1] - cropped[:, 0, 0, 0]) / 252
    assert 0.45 < float(width.min()) < 0.7
    assert float(width.max()) > 0.95
    assert len(set(cropped[:, 0, 0, 0].tolist())) > 20


@pytest.mark.parametrize("how", ["shift", "shift-flip", "crop", "crop-flip"])
def test_the_same_draws_give_the_same_batch_and_others_another(how):
    images = pictures()
    untouched = images.clone()
    first = augment(images, how, draws(3))
    assert first.dtype == torch.uint8
    assert first.shape == images.shape
    assert torch.equal(first, augment(images, how, draws(3)))
    assert not torch.equal(first, augment(images, how, draws(4)))
    assert torch.equal(images, untouched)


def test_none_changes_nothing():
    assert torch.equal(augment(pictures(), "none", draws()), pictures())


@pytest.mark.parametrize("size", [1, 2, 16, 32, 64, 65, 224, 512])
def test_auto_never_mirrors(size):
    assert not choose_augment("auto", size).endswith("flip")


def test_auto_moves_small_images_and_crops_large_ones():
    assert choose_augment("auto", 64) == "shift"
    assert choose_augment("auto", 65) == "crop"
    assert choose_augment("crop-flip", 32) == "crop-flip"


@pytest.mark.parametrize("side", [1, 2, 3])
@pytest.mark.parametrize("how", ["shift-flip", "crop-flip"])
def test_tiny_images_survive(side, how):
    assert augment(pictures(4, side), how, draws()).shape == (4, 3, side, side)


def test_images_that_are_not_square_keep_their_shape():
    wide = torch.randint(0, 256, (4, 3, 8, 24), dtype=torch.uint8)
    assert augment(wide, "shift-flip", draws()).shape == wide.shape
    assert augment(wide, "crop", draws()).shape == wide.shape
