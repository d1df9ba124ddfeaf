"""A network with one layer of tanh units, a sigmoid output and cross-entropy, as the lecture notes write it out."""

import numpy as np


def forward(parameters, X):
    """Activations of the hidden units, and the outputs."""
    (W, b), (V, c) = ((layer["weights"], layer["bias"]) for layer in parameters)
    hidden = np.tanh(X @ W + b)
    return hidden, 1 / (1 + np.exp(-(hidden @ V + c)))


def cost(parameters, X, T, strength=0.0):
    """Mean cross-entropy, and half the strength times the squares of all weights."""
    _, y = forward(parameters, X)
    losses = -T * np.log(y) - (1 - T) * np.log(1 - y)
    return np.mean(losses) + strength / 2 * sum(np.sum(layer["weights"] ** 2) for layer in parameters)


def gradient(parameters, X, T, strength=0.0):
    """The derivative by all parameters: delta = y - t at the output, (delta V^T) (1 - a^2) below."""
    hidden, y = forward(parameters, X)
    W, V = (layer["weights"] for layer in parameters)
    last = (y - T) / len(X)
    first = (last @ V.T) * (1 - hidden**2)
    return (
        {"weights": X.T @ first + strength * W, "bias": np.sum(first, axis=0)},
        {"weights": hidden.T @ last + strength * V, "bias": np.sum(last, axis=0)},
    )


def vector(parameters):
    """All parameters in one vector: of each layer first the weights, then the bias."""
    return np.concatenate([np.ravel(layer[name]) for layer in parameters for name in ("weights", "bias")])


def parameters_of(values, like):
    """What `vector` makes, taken apart again."""
    made, at = [], 0
    for layer in like:
        parts = {}
        for name in ("weights", "bias"):
            size = np.size(layer[name])
            parts[name] = np.reshape(values[at : at + size], np.shape(layer[name]))
            at += size
        made.append(parts)
    return tuple(made)
