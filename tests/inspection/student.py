"""Backpropagation as somebody writes it who has no library, with ten kinds of slips to choose from.

Written from the textbooks' equations, and not from the table of slips that it is to test.
"""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


ACTIVATIONS = {
    "identity": (lambda z: z, np.ones_like),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype)),
}

SLIPS = (
    "untransposed",
    "derivative missing",
    "derivative at the activations",
    "bias in the sensitivity",
    "off by one layer",
    "stale activations",
    "missing regulariser",
    "regularised bias",
    "wrong layer's weights",
    "sum over the wrong axis",
    "softmax elementwise",
)


def gradients(parameters, X, y, names, *, loss="squared", strength=0.0, slip=None):
    """Gradients of the mean of the losses plus strength/2 times the squares of the weights, and sensitivities."""
    a, z = [X], []
    for layer, name in zip(parameters, names, strict=True):
        z.append(a[-1] @ layer["weights"] + layer["bias"])
        a.append(softmax(z[-1]) if name == "softmax" else ACTIVATIONS[name][0](z[-1]))
    count, found, last = len(X), [], len(parameters) - 1
    delta = None
    for k in range(last, -1, -1):
        if k == last:
            back = 2 * (a[-1] - y) if loss == "squared" else -y / a[-1]
        else:
            w = parameters[k + 1]["weights"]
            if slip == "untransposed":
                w = w.T
            if slip == "wrong layer's weights":
                w = parameters[k]["weights"]
            back = delta @ w.T
            if slip == "bias in the sensitivity":
                whole = np.vstack([parameters[k + 1]["bias"], w])
                back = (delta @ whole.T)[:, : w.shape[0]]
        if names[k] == "softmax":
            p = a[k + 1]
            if slip == "softmax elementwise":
                delta = back * p * (1 - p)
            else:
                delta = p * (back - (back * p).sum(axis=1, keepdims=True))
        else:
            slope = ACTIVATIONS[names[k]][1]
            if slip == "derivative missing" and k < last:
                delta = back
            elif slip == "derivative at the activations" and k < last:
                delta = back * slope(a[k + 1])
            else:
                delta = back * slope(z[k])
        x = a[k]
        if slip == "off by one layer" and k > 0:
            x = a[k - 1]
        if slip == "stale activations" and k > 0:
            x = np.roll(a[k], 1, axis=0)
        by_weights = x.T @ delta / count
        by_bias = delta.sum(axis=1 if slip == "sum over the wrong axis" else 0) / count
        if slip != "missing regulariser":
            by_weights = by_weights + strength * parameters[k]["weights"]
        if slip == "regularised bias":
            by_bias = by_bias + strength * parameters[k]["bias"]
        found.insert(0, (by_weights, by_bias, delta))
    return found
