"""From an estimator's parameters to a network, and between the network's parameters and fitted attributes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.nn import Activation, BatchNorm, Dense, Dropout, Embedding, Layer, LayerNorm, Network, Parameters
from chainrule.nn.activations import ACTIVATIONS, activation

__all__ = ["NAMES", "drawn", "joined", "known", "network_of", "split"]

#: scikit-learn's names of activations, where they are others than chainrule's.
_OTHERS = {"logistic": "sigmoid"}
#: Every name that an activation may have.
NAMES = frozenset({*ACTIVATIONS, *_OTHERS})


def known(name: str | Activation) -> str | Activation:
    """Turn scikit-learn's name of an activation into chainrule's; a row of one's own stays.

    Examples
    --------
    >>> known("logistic")
    'sigmoid'
    """
    return _OTHERS.get(name, name) if isinstance(name, str) else name


def _one_for_each(name: str, given: Any, hidden: Sequence[int]) -> list[Any]:
    """A list with an entry for each hidden layer, of one value for all or one for each."""
    if isinstance(given, str) or not np.iterable(given):
        return [given] * len(hidden)
    entries = list(given)
    if len(entries) != len(hidden):
        raise ValueError(f"{name} has {len(entries)} entries for {len(hidden)} hidden layers: give one for each")
    return entries


def network_of(model: Any, features: int, hidden: Sequence[int], outputs: int) -> Network:
    """Make the network that the parameters of an estimator describe.

    Parameters
    ----------
    model : estimator
        Its `activation`, `dropout`, `batch_norm` and `layer_norm`, and its `out_activation_`.
    features, outputs : int
        Numbers of features and of outputs.
    hidden : sequence of int
        Units of each hidden layer.

    Returns
    -------
    Network
        Each hidden layer is dense, then normalised, then activated, then thinned out. Where there are categorical
        columns, vectors for their categories come first.
    """
    if model.batch_norm and model.layer_norm:
        raise ValueError("batch_norm and layer_norm stand in one place: choose one of them")
    norm = BatchNorm if model.batch_norm else LayerNorm if model.layer_norm else None
    rates = _one_for_each("dropout", model.dropout, hidden)
    names = _one_for_each("activation", model.activation, hidden)
    columns = getattr(model, "_columns", None)
    layers: list[Layer] = [] if columns is None else [columns.layer]
    for units, name, rate in zip(hidden, names, rates, strict=True):
        if norm is None:
            layers.append(Dense(units, known(name)))
        else:
            layers += [Dense(units, "identity"), norm(known(name))]
        if rate:
            layers.append(Dropout(rate))
    network = Network(features, (*layers, Dense(outputs, known(model.out_activation_))))
    network.check_trainable()
    return network


def drawn(model: Any, network: Network, rng: np.random.RandomState, dtype: DTypeLike) -> Parameters:
    """Draw first weights and biases, in the order and from the intervals of scikit-learn.

    Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.
    """
    dense = [place for place in network.places if isinstance(place.layer, Dense)]
    one = isinstance(model.activation, str | Activation)
    names = [model.activation] * len(dense) if one else [*model.activation, *list(model.activation)[-1:]]
    found = []
    for place in network.places:
        if isinstance(place.layer, Embedding):
            found.append(model._columns.first_vectors(rng, dtype))
            continue
        if not isinstance(place.layer, Dense):
            # These draw nothing.
            found.append(place.layer.initialize(np.random.default_rng(0), place.inputs, dtype))
            continue
        factor = 2.0 if names and activation(known(names.pop(0))) is ACTIVATIONS["sigmoid"] else 6.0
        bound = np.sqrt(factor / (place.inputs + place.units))
        weights = rng.uniform(-bound, bound, (place.inputs, place.units)).astype(dtype, copy=False)
        bias = rng.uniform(-bound, bound, place.units).astype(dtype, copy=False)
        found.append({"weights": weights, "bias": bias, **place.layer.activation_row.initialize(place.units, dtype)})
    return tuple(found)


def split(parameters: Parameters) -> tuple[list[NDArray[Any]], list[NDArray[Any]], list[dict[str, NDArray[Any]]]]:
    """Weights and biases of the dense layers, and what else each layer has learned: scales, shifts, slopes."""
    dense = [layer for layer in parameters if "weights" in layer]
    others = [{name: x for name, x in layer.items() if name not in ("weights", "bias")} for layer in parameters]
    return [layer["weights"] for layer in dense], [layer["bias"] for layer in dense], others


def joined(coefs: Any, intercepts: Any, others: Any, network: Network) -> Parameters:
    """The opposite of `split`."""
    pairs = zip(coefs, intercepts, strict=True)
    found = []
    for place, other in zip(network.places, others, strict=True):
        layer = {}
        if isinstance(place.layer, Dense):
            layer["weights"], layer["bias"] = next(pairs)
        found.append({**layer, **other})
    return tuple(found)
