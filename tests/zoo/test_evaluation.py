import pytest
import torch
from torch import nn

from headhunt.errors import BadValue
from zoo.images.pixels import Pixels
from zoo.training.evaluation import evaluate

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


class Brightness(nn.Module):
    """Dark images are of class 0, bright ones of class 1. Its norm would notice an evaluation in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, affine=False)
        self.sure = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        light = self.norm(x).mean(dim=(1, 2, 3)) * self.sure
        return torch.stack([-light, light], dim=1)


def flat_images(*levels: int) -> torch.Tensor:
    return torch.tensor(levels, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 4, 4)


def test_accuracy_loss_classes_and_predictions_are_right():
    pixels = Pixels(flat_images(0, 10, 250, 255), torch.tensor([0, 1, 1, 1]), ("dark", "bright"))
    scores = evaluate(Brightness(), pixels, MEAN, STD, device="cpu")
    light = (torch.tensor([0.0, 10.0, 250.0, 255.0]).double() / 255 - 0.5) / 0.25 / (1 + 1e-5) ** 0.5
    logits = torch.stack([-light, light], dim=1)
    picked = logits.log_softmax(dim=1)[range(4), pixels.labels]
    assert scores.accuracy == 0.75
    assert scores.per_class == {"dark": 1.0, "bright": pytest.approx(2 / 3)}
    assert scores.predictions.tolist() == [0, 0, 1, 1]
    assert scores.loss == pytest.approx(-float(picked.mean()), rel=1e-5)
    assert scores.n == 4


def test_unlabelled_images_are_predicted_and_not_counted():
    pixels = Pixels(flat_images(0, 255, 255), torch.tensor([0, -1, 0]), ("dark", "bright"))
    scores = evaluate(Brightness(), pixels, MEAN, STD, device="cpu")
    assert scores.predictions.tolist() == [0, 1, 1]
    assert (scores.accuracy, scores.n, scores.per_class) == (0.5, 2, {"dark": 0.5})


def test_the_batch_size_changes_nothing():
    pixels = Pixels(flat_images(*range(0, 250, 10)), torch.arange(25) % 2, ("a", "b"))
    one = evaluate(Brightness(), pixels, MEAN, STD, device="cpu", batch_size=4)
    all_at_once = evaluate(Brightness(), pixels, MEAN, STD, device="cpu", batch_size=100)
    assert one.loss == pytest.approx(all_at_once.loss)
    assert torch.equal(one.predictions, all_at_once.predictions)


def test_the_network_is_left_as_it_was():
    network = nn.Sequential(Brightness(), nn.Dropout())
    network.train()
    network[0].eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    evaluate(network, Pixels(flat_images(0, 255), torch.tensor([0, 1]), ("a", "b")), MEAN, STD, device="cpu")
    assert (network.training, network[0].training, network[1].training) == (True, False, True)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert network[0].sure.requires_grad


def test_a_grey_network_is_asked_about_the_grey_of_the_images():
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    pixels = Pixels(flat_images(0, 255), torch.tensor([0, 1]), ("a", "b"))
    assert evaluate(network, pixels, (0.5,), (0.5,), device="cpu").predictions.shape == (2,)


def test_a_larger_head_is_no_error_and_a_smaller_one_is():
    larger = nn.Sequential(nn.Flatten(), nn.Linear(48, 1000))
    pixels = Pixels(flat_images(0, 255), torch.tensor([0, 3]), ("a", "b", "c", "d"))
    assert set(evaluate(larger, pixels, MEAN, STD, device="cpu").per_class) == {"a", "d"}
    with pytest.raises(BadValue, match=r"2 outputs.* 4 classes"):
        evaluate(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), pixels, MEAN, STD, device="cpu")


@pytest.mark.parametrize("labels", [[], [-1, -1]])
def test_without_a_label_there_is_nothing_to_compare_with(labels):
    pixels = Pixels(flat_images(0, 255)[: len(labels)], torch.tensor(labels, dtype=torch.int64), ("a", "b"))
    with pytest.raises(BadValue, match="has a label"):
        evaluate(Brightness(), pixels, MEAN, STD, device="cpu")


def test_a_device_that_is_not_there_is_named():
    pixels = Pixels(flat_images(0), torch.tensor([0]), ("a",))
    for device in ("cuda:99", "toaster"):
        with pytest.raises(BadValue, match=device):
            evaluate(Brightness(), pixels, MEAN, STD, device=device)
