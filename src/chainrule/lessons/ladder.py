"""Deep networks as they were built since the 1980s, each with one change to the one before, and what they learn."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import nn, optim
from chainrule.inspection import backprop
from chainrule.lessons.images import read_images
from chainrule.nn import Network, Parameters
from chainrule.train import fit

__all__ = ["ADAM", "DEPTH", "RATES", "STEPS", "Learned", "Rung", "climb", "deep", "digits", "sizes"]

Array = NDArray[np.float64]

DEPTH, _WIDTH = 8, 32
#: Of gradient descent, and of Adam.
RATES, ADAM = (0.03, 0.3), 0.003
_TRAINED, _HELD_OUT = 1000, 500
_EPOCHS, _BATCH = 15, 50


@dataclass(frozen=True)
class Rung:
    """A network: what was changed in it, its layers before the output, and whether Adam is tried too."""

    name: str
    layers: tuple[nn.layers.Layer, ...]
    adam: bool = False

    @property
    def network(self) -> Network:
        """The network for images of 8 x 8."""
        return Network(64, (*self.layers, nn.Dense(10, "softmax")))


@dataclass(frozen=True, eq=False)
class Learned:
    """A network at its start and after training, by optimiser: a rate of gradient descent, or ``"adam"``.

    `first_over_last` is the size of the first layer's sensitivities over that of the last; `losses` are those of the
    last epoch, `wrong` the shares of held-out images that are taken for another digit.
    """

    first_over_last: float
    losses: dict[float | str, float]
    wrong: dict[float | str, float]


def deep(activation: str, weights: str) -> tuple[nn.Dense, ...]:
    """Make hidden layers that are alike."""
    return tuple(nn.Dense(_WIDTH, activation, weights=weights) for _ in range(DEPTH))


def _normalised(activation: str = "relu") -> tuple[nn.layers.Layer, ...]:
    return (nn.Dense(_WIDTH, "identity", weights="he"), nn.BatchNorm(activation))


def _residual() -> tuple[nn.layers.Layer, ...]:
    """One layer to the width, and then pairs of layers, each pair around a connection."""
    pairs = tuple(nn.Residual((*_normalised(), *_normalised("identity")), "relu") for _ in range((DEPTH - 1) // 2))
    return (*_normalised(), *pairs, *_normalised())


STEPS = (
    Rung("sigmoid", deep("sigmoid", "uniform"), adam=True),
    Rung("tanh", deep("tanh", "uniform"), adam=True),
    Rung("tanh, Glorot", deep("tanh", "glorot_uniform")),
    Rung("relu, He", deep("relu", "he")),
    Rung("batch normalisation", _normalised() * DEPTH),
    Rung("residual connections", _residual(), adam=True),
)


def digits(seed: int) -> tuple[Array, Array, Array, Array]:
    """Draw images to train with and images held out: inputs, one-hot targets, and the same again."""
    images = read_images(None)
    X, T = images.pixels.reshape(len(images.pixels), -1), np.eye(10)[images.labels.astype(int)]
    order = np.random.default_rng(seed).permutation(len(X))
    own, rest = order[:_TRAINED], order[_TRAINED : _TRAINED + _HELD_OUT]
    return X[own], T[own], X[rest], T[rest]


def sizes(network: Network, parameters: Parameters, X: Array, T: Array) -> Array:
    """Root mean square of the sensitivities of each layer, shape (layers,).

    Layers that normalise do so over all examples, as in training.
    """
    seen = backprop(
        network,
        X,
        T,
        parameters=parameters,
        state=network.initial_state(),
        loss="cross_entropy",
        training=True,
    )
    return np.array([np.sqrt(np.mean(layer.sensitivities**2)) for layer in seen.layers])


def climb(rung: Rung, data: tuple[Array, Array, Array, Array], seed: int) -> Learned:
    """Measure a network as it starts, and train it in each way from that start."""
    X, T, held_X, held_T = data
    network = rung.network
    start = network.initialize(seed)
    found = sizes(network, start, X, T)
    ways: dict[float | str, Any] = {rate: optim.sgd(rate) for rate in RATES}
    if rung.adam:
        ways["adam"] = optim.adam(ADAM)
    losses, wrong = {}, {}
    for name, way in ways.items():
        run = fit(network, start, "cross_entropy", X, T, optimizer=way, epochs=_EPOCHS, batch_size=_BATCH, rng=seed)
        outputs, _ = network.apply(run.parameters, run.network_state, held_X)
        losses[name] = run.history[-1].objective
        wrong[name] = float(np.mean(outputs.argmax(axis=1) != held_T.argmax(axis=1)))
    return Learned(float(found[0] / found[-1]), losses, wrong)
