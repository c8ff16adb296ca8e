import pytest
import torch

from zoo.training.batches import Batches, Normalise, Order, Preparation, derived_seed

CPU = torch.device("cpu")


@pytest.mark.parametrize(("count", "batch"), [(10, 3), (7, 7), (12, 4), (5, 64), (2, 1)])
def test_every_image_is_seen_once_before_any_is_seen_again(count, batch):
    order = Order(count, batch, seed=0)
    seen = torch.cat([order.indices(step) for step in range(3 * count)])
    epochs = seen[: len(seen) // count * count].view(-1, count)
    assert all(epoch.sort().values.tolist() == list(range(count)) for epoch in epochs)
    assert len({tuple(epoch.tolist()) for epoch in epochs}) > 1


def test_every_batch_is_full_and_none_is_larger_than_the_data():
    assert {len(Order(10, 4, 0).indices(step)) for step in range(9)} == {4}
    assert len(Order(5, 64, 0).indices(0)) == 5


def test_a_batch_does_not_depend_on_what_was_drawn_before():
    walked, jumped = Order(10, 3, 5), Order(10, 3, 5)
    batches = [walked.indices(step) for step in range(30)]
    assert torch.equal(jumped.indices(29), batches[29])
    assert torch.equal(jumped.indices(4), batches[4])


def test_seeds_of_neighbours_have_nothing_in_common():
    seeds = {derived_seed(seed, word, step) for seed in range(9) for word in ("a", "b") for step in range(99)}
    assert len({seed & 0xFFFFFFFF for seed in seeds}) == 9 * 2 * 99


def test_normalising_is_the_formula():
    images = torch.randint(0, 256, (4, 3, 5, 5), dtype=torch.uint8)
    mean, std = (0.1, 0.5, 0.9), (0.2, 0.25, 0.5)
    wanted = (images.double() / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    assert torch.allclose(Normalise(mean, std, CPU)(images).double(), wanted, atol=1e-5)


def test_one_mean_gives_the_grey_of_the_image():
    grey = torch.randint(0, 256, (4, 1, 5, 5), dtype=torch.uint8)
    normalised = Normalise((0.5,), (0.25,), CPU)(grey.expand(-1, 3, -1, -1))
    assert normalised.shape == (4, 1, 5, 5)
    assert torch.allclose(normalised, (grey / 255 - 0.5) / 0.25, atol=1e-5)


def test_a_batch_holds_its_images_with_their_labels():
    images = torch.arange(20, dtype=torch.uint8).view(20, 1, 1, 1).expand(-1, 3, 4, 4).contiguous()
    normalise = Normalise((0.0,) * 3, (1 / 255,) * 3, CPU)
    batches = Batches(
        images, torch.arange(20), Order(20, 6, 0), Preparation("shift-flip", normalise, torch.channels_last)
    )
    pixels, labels = batches(2)
    assert pixels.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(pixels[:, 0, 0, 0].round().long(), labels)
