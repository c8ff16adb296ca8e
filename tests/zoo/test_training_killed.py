"""A training is killed with SIGKILL, taken up again, and compared bit by bit with one that nobody disturbed.

This file is its own victim: `python test_training_killed.py CHECKPOINT` trains, and prints each step.
"""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from headhunt.vocabulary import Protocol
from zoo.images.pixels import Pixels
from zoo.training.trainer import Trained, TrainingData, train

HALF = (0.5, 0.5, 0.5)
PROTOCOL = Protocol(steps=60, batch_size=8, lr=5e-3, ema=0.95, head_first=0.1, layer_decay=0.7)
EPOCH = 5


def trained(checkpoint: Path | None, talk: bool = False) -> tuple[dict[str, torch.Tensor], Trained]:
    torch.set_num_threads(1)
    draws = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (EPOCH * 8, 3, 16, 16), dtype=torch.uint8, generator=draws)
    pixels = Pixels(images, images.flatten(1).float().mean(1).argsort().argsort() % 3, ("a", "b", "c"))
    torch.manual_seed(1)
    body = [nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()]
    network = nn.Sequential(*body, nn.Dropout(0.3), nn.Linear(64, 3))
    say = (lambda step: print(step.step, flush=True)) if talk else None
    result = train(
        network, TrainingData(pixels, pixels, HALF, HALF), PROTOCOL, checkpoint=checkpoint, device="cpu", on_step=say
    )
    return network.state_dict(), result


def kill_after(step: int, checkpoint: Path) -> None:
    victim = subprocess.Popen([sys.executable, __file__, str(checkpoint)], stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    with victim.stdout as told:
        for line in told:
            if int(line) == step:
                os.kill(victim.pid, signal.SIGKILL)
                break
    assert victim.wait(timeout=240) == -signal.SIGKILL


@pytest.mark.parametrize(("times", "furthest"), [(1, 50), pytest.param(4, 12, marks=pytest.mark.slow)])
def test_a_killed_training_taken_up_again_ends_with_the_same_bits(tmp_path, times, furthest):
    checkpoint, before = tmp_path / "training.pt", 0
    for _ in range(times):
        step = random.randint(before + EPOCH + 1, before + furthest)
        kill_after(step, checkpoint)
        before = torch.load(checkpoint, weights_only=True)["step"]
        assert 0 < before <= 60
    weights, result = trained(checkpoint)
    wanted, undisturbed = trained(None)
    assert all(torch.equal(weights[name], wanted[name]) for name in wanted)
    assert result.accuracy == undisturbed.accuracy
    assert [(p.step, p.train_loss, p.val_loss) for p in result.curve] == [
        (p.step, p.train_loss, p.val_loss) for p in undisturbed.curve
    ]


if __name__ == "__main__":
    trained(Path(sys.argv[1]), talk=True)
