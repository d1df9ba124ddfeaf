"""Backpropagation by hand: derivatives of activations and losses, the four equations, the matrix form.

They stand here so that the package need not contain them: its backward pass is the derivative of its graph.
"""

import numpy as np
from scipy.special import expit, ndtr

from chainrule.nn.activations import ACTIVATIONS

LEARNING = [name for name, row in ACTIVATIONS.items() if row.learns]

# g'(z) for the activations that act element by element; slope is that of parametric relu.
DERIVATIVES = {
    "identity": lambda z, slope: np.ones_like(z),
    "sigmoid": lambda z, slope: expit(z) * expit(-z),
    "tanh": lambda z, slope: 1 - np.tanh(z) ** 2,
    "relu": lambda z, slope: np.where(z > 0, 1.0, 0.0),
    "leaky_relu": lambda z, slope: np.where(z > 0, 1.0, 0.01),
    "prelu": lambda z, slope: np.where(z > 0, 1.0, slope),
    "abs": lambda z, slope: np.sign(z),
    "softplus": lambda z, slope: expit(z),
    "elu": lambda z, slope: np.exp(np.minimum(z, 0)),
    "gelu": lambda z, slope: ndtr(z) + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi),
    "silu": lambda z, slope: expit(z) * (1 + z * expit(-z)),
    "exp": lambda z, slope: np.exp(z),
}

# dl/da, element by element.
LOSS_DERIVATIVES = {
    "squared": lambda a, t: 2 * (a - t),
    "half_squared": lambda a, t: a - t,
    "absolute": lambda a, t: np.sign(a - t),
    "huber": lambda a, t: np.clip(a - t, -1, 1),
    "binary_cross_entropy": lambda a, t: (1 - t) / (1 - a) - t / a,
    "cross_entropy": lambda a, t: -t / a,
    "poisson": lambda a, t: 1 - t / a,
}


def through(name, z, a, slope, da):
    """The derivative by the signals, from `da`, the derivative by the activations."""
    if name == "softmax":
        # The Jacobian of softmax is diag(a) - a a^T, one matrix for each example.
        jacobian = a[:, :, None] * (np.eye(a.shape[1]) - a[:, None, :])
        return np.einsum("nij,nj->ni", jacobian, da)
    return da * DERIVATIVES[name](z, slope)


def four_equations(network, parameters, passes, x, targets, loss_name):
    """Sensitivities and gradients of every layer, for the sum of the losses.

    delta_L = dl/da * g'(z_L);  delta_l = (delta_{l+1} W_{l+1}^T) * g'(z_l);
    dC/db = sum of delta over the examples;  dC/dW = a_{l-1}^T delta_l.
    """
    da = LOSS_DERIVATIVES[loss_name](passes[-1].activation, targets)
    deltas, gradients = [], []
    for number in reversed(range(len(network.layers))):
        z, a = passes[number]
        name = network.layers[number].activation_row.name
        slope = parameters[number].get("slope")
        delta = through(name, z, a, slope, da)
        before = passes[number - 1].activation if number else x
        gradient = {"weights": before.T @ delta, "bias": delta.sum(axis=0)}
        if slope is not None:
            gradient["slope"] = np.sum(da * np.where(z > 0, 0.0, z), axis=0)
        deltas.insert(0, delta)
        gradients.insert(0, gradient)
        da = delta @ parameters[number]["weights"].T
    return deltas, gradients


def matrix_form(parameters, name, loss_name, x, targets):
    """Gradient matrices of the mean loss, one example after the other, with the bias as row 0 of W.

    x_0 = [1, x];  s_l = W_l^T x_{l-1};  x_l = [1, g(s_l)];
    delta_l = g'(s_l) * [W_{l+1} delta_{l+1}] without entry 0;
    G_l = mean over the examples of x_{l-1} delta_l^T.  All layers have the activation `name`.
    """
    matrices = [np.vstack([layer["bias"], layer["weights"]]) for layer in parameters]
    total = [np.zeros_like(w) for w in matrices]
    activate, derivative = ACTIVATIONS[name].function, DERIVATIVES[name]
    for example, target in zip(x, targets, strict=True):
        xs, signals = [np.concatenate([[1.0], example])], []
        for w in matrices:
            signals.append(w.T @ xs[-1])
            xs.append(np.concatenate([[1.0], activate(signals[-1])]))
        delta = LOSS_DERIVATIVES[loss_name](xs[-1][1:], target) * derivative(signals[-1], None)
        for number in reversed(range(len(matrices))):
            total[number] += np.outer(xs[number], delta) / len(x)
            if number:
                delta = derivative(signals[number - 1], None) * (matrices[number] @ delta)[1:]
    return total
