"""A new head that begins where a linear probe ends, so that short training need not spend its steps on it.

Question: which linear map from the features to the classes would do best on images it has not seen? Ridge regression
on one-hot labels answers in one eigendecomposition, with its leave-one-out predictions in closed form (Allen's PRESS,
1974). Of the ridges and scales of the logits that come near the least leave-one-out cross-entropy the strongest ridge
and the smallest scale are taken: a head of small weights survives the first steps, in which the features move.

    X [n, d]  features, centred, each divided by its deviation      Y [n, C]  one-hot labels less their mean
    K = X X' = U diag(e) U'                                         k_l = e / (e + l)
    fit_l = U diag(k_l) U' Y          h_l = diag(U diag(k_l) U') + 1/n          loo_l = Y - (Y - fit_l) / (1 - h_l)
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor, nn

from zoo.networks.building import head_name
from zoo.training.batches import Normalise
from zoo.training.devices import borrowed
from zoo.training.evaluation import in_mode, predict
from zoo.training.trainable import TrainingData

Array = NDArray[np.float64]

MOST_ROWS = 1024
"""The decomposition costs their cube, and a head that begins well needs no more."""
RIDGES = np.logspace(-3, 3, 13)
"""Times the mean eigenvalue."""
SCALES = 2.0 ** np.arange(0, 7)
NEAR = 0.03
"""How much of the least cross-entropy may be given away, in nats."""


class Head(NamedTuple):
    """weight [C, d], bias [C], and the leave-one-out cross-entropy they promise."""

    weight: Array
    bias: Array
    loss: float


def warm_head(network: nn.Module, data: TrainingData, device: str | None = None) -> float | None:
    """Give the network's new head its weights. The leave-one-out loss; None where the head is no linear layer."""
    name = head_name(network)
    head = network.get_submodule(name) if name else None
    if not isinstance(head, nn.Linear):
        return None
    rows = _rows(data.train.labels)
    features = _features_before(network, head, data, rows, device)
    if features is None:
        return None
    fitted = ridge_head(features, data.train.labels[rows].numpy(), head.out_features)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(fitted.weight))
        if head.bias is not None:
            head.bias.copy_(torch.from_numpy(fitted.bias))
    return fitted.loss


def _rows(labels: Tensor) -> Tensor:
    """At most MOST_ROWS, evenly through the images ordered by class, so that every class keeps its share."""
    order = torch.argsort(labels, stable=True)
    count = min(len(order), MOST_ROWS)
    return order[torch.linspace(0, len(order) - 1, count).long()]


def _features_before(
    network: nn.Module, head: nn.Module, data: TrainingData, rows: Tensor, device: str | None
) -> Array | None:
    """What goes into the head: float64 [n, d]; None where that is no vector for each image, or not finite."""
    seen: list[Tensor] = []

    def keep(_: nn.Module, arguments: Sequence[Tensor]) -> None:
        seen.append(arguments[0].detach().float().cpu())

    hook = head.register_forward_pre_hook(keep)
    try:
        with borrowed(network, device) as place, in_mode(network, training=False):
            predict(network, data.train.images[rows], Normalise(data.mean, data.std, place), 256)
    finally:
        hook.remove()
    if any(part.ndim != 2 for part in seen) or sum(map(len, seen)) != len(rows):
        return None
    features: Array = torch.cat(seen).double().numpy()
    return features if bool(np.isfinite(features).all()) else None


def ridge_head(features: Array, labels: NDArray[np.int64], classes: int) -> Head:
    """features [n, d]; labels [n], every one of 0 .. classes - 1. A class without images keeps a low logit."""
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scale = np.where(deviation > 1e-6 * (deviation.max() + 1e-12), deviation, np.inf)
    x = (features - mean) / scale
    onehot = np.eye(classes)[labels]
    shares = onehot.mean(axis=0)
    values, vectors = np.linalg.eigh(x @ x.T)
    values = values.clip(min=0)
    ridges = RIDGES * max(values.mean(), 1e-12)
    ridge, temperature, loss = _best(vectors, values, onehot, ridges)
    weight = (x.T @ (vectors @ ((vectors.T @ (onehot - shares)) / (values + ridge)[:, None]))).T / scale
    return Head(temperature * weight, temperature * (shares - weight @ mean), loss)


def _best(vectors: Array, values: Array, onehot: Array, ridges: Array) -> tuple[float, float, float]:
    """The strongest ridge, then the smallest scale of the logits, among those near the least cross-entropy; and that."""
    labels, shares = onehot.argmax(axis=1), onehot.mean(axis=0)
    centred = onehot - shares
    turned = vectors.T @ centred
    tried = []
    for ridge in ridges:
        kept = values / (values + ridge)
        residual = centred - vectors @ (kept[:, None] * turned)
        leverage = np.minimum((vectors**2) @ kept + 1 / len(labels), 1 - 1e-6)
        left_out = shares + centred - residual / (1 - leverage)[:, None]
        tried += [(cross_entropy(scale * left_out, labels), ridge, scale) for scale in SCALES]
    least = min(tried)[0]
    ridge, scale, loss = min((-ridge, scale, loss) for loss, ridge, scale in tried if loss <= least + NEAR)
    return -ridge, scale, loss


def cross_entropy(logits: Array, labels: NDArray[np.int64]) -> float:
    return float(np.mean(logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]))
