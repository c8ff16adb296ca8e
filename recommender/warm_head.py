"""A new head that begins where a linear probe ends, so that short training need not spend its steps on it.

Question: which linear map from the features to the classes would do best on images it has not seen? Ridge regression
on one-hot labels answers in one eigendecomposition, with its leave-one-out predictions in closed form (Allen's PRESS,
1974). Of the ridges and scales of the logits that come near the least leave-one-out cross-entropy the strongest ridge
and the smallest scale are taken: a head of small weights survives the first steps, in which the features move.

    X [n, d]  features, centred, each divided by its deviation      Y [n, C]  one-hot labels less their mean
    K = X X' = U diag(e) U'                                         k_l = e / (e + l)
    fit_l = U diag(k_l) U' Y          h_l = diag(U diag(k_l) U') + 1/n          loo_l = Y - (Y - fit_l) / (1 - h_l)
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor, nn

from recommender.norms import by_batch
from zoo.networks.building import head_name
from zoo.training.augment import choose_augment
from zoo.training.batches import Batches, Normalise, Order, Preparation, derived_seed
from zoo.training.devices import best_layout, borrowed
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


def warm_head(network: nn.Module, data: TrainingData, batch: int, device: str | None = None) -> float | None:
    """Give the network's new head its weights. The leave-one-out loss; None where the head is no linear layer.

    The features are those that training will see: of images changed by chance, with BatchNorm's statistics of batches
    of `batch`. A head fitted to the calmer ones of evaluation leans on what the first batch upsets.
    """
    name = head_name(network)
    head = network.get_submodule(name) if name else None
    if not isinstance(head, nn.Linear):
        return None
    with borrowed(network, device) as place:
        features, labels = _features_before(network, head, _epoch(network, data, batch, place))
    if features is None:
        return None
    fitted = ridge_head(features, labels, head.out_features)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(fitted.weight))
        if head.bias is not None:
            head.bias.copy_(torch.from_numpy(fitted.bias))
    return fitted.loss


def _epoch(network: nn.Module, data: TrainingData, batch: int, place: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches as training draws them, no image twice, MOST_ROWS images at most."""
    images = data.train.images
    order = Order(len(images), batch, derived_seed(0, "head", len(images)))
    how = choose_augment("auto", images.shape[-1])
    preparation = Preparation(how, Normalise(data.mean, data.std, place), best_layout(network))
    batches = Batches(images, data.train.labels, order, preparation)
    return (batches(step) for step in range(max(1, min(len(images), MOST_ROWS) // order.batch)))


def _features_before(
    network: nn.Module, head: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]
) -> tuple[Array | None, NDArray[np.int64]]:
    """What goes into the head: float64 [n, d], with the labels [n]; None where that is no finite vector an image."""
    seen: list[Tensor] = []

    def keep(_: nn.Module, arguments: Sequence[Tensor]) -> None:
        seen.append(arguments[0].detach().float().cpu())

    labels: list[Tensor] = []
    hook = head.register_forward_pre_hook(keep)
    try:
        with by_batch(network, 0.0), torch.inference_mode():
            for images, names in batches:
                network(images)
                labels.append(names.cpu())
    finally:
        hook.remove()
    known: NDArray[np.int64] = torch.cat(labels).numpy()
    if any(part.ndim != 2 for part in seen) or sum(map(len, seen)) != len(known):
        return None, known
    features: Array = torch.cat(seen).double().numpy()
    return (features if bool(np.isfinite(features).all()) else None), known


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
    """The strongest ridge, then the smallest scale of the logits, among those near the least loss; and their loss."""
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
