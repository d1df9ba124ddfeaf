"""LSTM: the objective of ADBench, a network with element-wise weights that predicts the next of 14 characters."""

import numpy as np
from scipy.special import expit

from benchmarks.gradients.objective import Arrays, Objective

__all__ = ["LSTM"]

CHARACTERS = 14


def data(rng: np.random.Generator, layers: int, length: int) -> tuple[Arrays, Arrays]:
    weights = rng.normal(size=(2 * layers, 4 * CHARACTERS))
    outer, states = rng.normal(size=(3, CHARACTERS)), rng.normal(size=(2 * layers, CHARACTERS))
    return (weights, outer), (states, np.eye(CHARACTERS)[rng.integers(CHARACTERS, size=length)])


def cell_step(library, weights, bias, hidden, cell, x):
    np, b = library.np, CHARACTERS
    gates = np.concatenate((x, hidden, x, hidden)) * weights + bias
    forget, take, show = library.expit(gates[:b]), library.expit(gates[b : 2 * b]), library.expit(gates[2 * b : 3 * b])
    cell = cell * forget + take * np.tanh(gates[3 * b :])
    return show * np.tanh(cell), cell


def value(library, weights, outer, states, text):
    np = library.np
    rows, begin = list(weights), list(states)
    enter, leave, bias = outer

    def step(states, x):
        x, after = x * enter, []
        for i in range(0, len(rows), 2):
            x, cell = cell_step(library, rows[i], rows[i + 1], states[i], states[i + 1], x)
            after += [x, cell]
        return after, x

    _, hidden = library.loop(step, begin, text[:-1])
    predicted = hidden * leave + bias
    # The two is ADBench's.
    logs = np.log(2 + np.sum(np.exp(predicted), axis=1))
    return -np.sum(text[1:] * (predicted - logs[:, None])) / (text[1:].shape[0] * CHARACTERS)


def by_hand(weights, outer, states, text):
    b, steps, layers = CHARACTERS, len(text) - 1, len(weights) // 2
    enter, leave, bias = outer
    # Inputs of the gates, the gates, and the cells with what they began with; for each step and layer.
    entering, gates = np.empty((steps, layers, 4 * b)), np.empty((steps, layers, 4 * b))
    cells, shown = np.empty((steps + 1, layers, b)), np.empty((steps, layers, b))
    last = np.empty((steps, b))
    hidden = states[::2].copy()
    cells[0] = states[1::2]
    for t in range(steps):
        x = text[t] * enter
        for i in range(layers):
            z, g = entering[t, i], gates[t, i]
            z[:b] = z[2 * b : 3 * b] = x
            z[b : 2 * b] = z[3 * b :] = hidden[i]
            np.multiply(z, weights[2 * i], out=g)
            g += weights[2 * i + 1]
            expit(g[: 3 * b], out=g[: 3 * b])
            np.tanh(g[3 * b :], out=g[3 * b :])
            cells[t + 1, i] = cells[t, i] * g[:b] + g[b : 2 * b] * g[3 * b :]
            np.tanh(cells[t + 1, i], out=shown[t, i])
            hidden[i] = x = g[2 * b : 3 * b] * shown[t, i]
        last[t] = x
    predicted = last * leave + bias
    powers = np.exp(predicted)
    sums = 2 + powers.sum(axis=1, keepdims=True)
    count = steps * b
    found = -np.sum(text[1:] * (predicted - np.log(sums))) / count

    by_predicted = (text[1:].sum(axis=1, keepdims=True) * powers / sums - text[1:]) / count
    by_last = by_predicted * leave
    # The slopes of all gates by their inputs at once.
    slopes = np.empty_like(gates)
    slopes[..., : 3 * b] = gates[..., : 3 * b] * (1 - gates[..., : 3 * b])
    slopes[..., 3 * b :] = 1 - gates[..., 3 * b :] ** 2
    by_gates = np.empty_like(gates)
    by_hidden, by_cells, by_enter = np.zeros((layers, b)), np.zeros((layers, b)), np.zeros(b)
    for t in reversed(range(steps)):
        by_x = by_last[t]
        for i in reversed(range(layers)):
            by_h, g, s = by_x + by_hidden[i], gates[t, i], shown[t, i]
            by_c = by_cells[i] + by_h * g[2 * b : 3 * b] * (1 - s * s)
            by_g = by_gates[t, i]
            by_g[:b] = by_c * cells[t, i]
            by_g[b : 2 * b] = by_c * g[3 * b :]
            by_g[2 * b : 3 * b] = by_h * s
            by_g[3 * b :] = by_c * g[b : 2 * b]
            by_g *= slopes[t, i]
            by_z = by_g * weights[2 * i]
            by_x, by_hidden[i] = by_z[:b] + by_z[2 * b : 3 * b], by_z[b : 2 * b] + by_z[3 * b :]
            by_cells[i] = by_c * g[:b]
        by_enter += by_x * text[t]
    by_weights = np.empty_like(weights)
    by_weights[::2], by_weights[1::2] = np.sum(by_gates * entering, axis=0), by_gates.sum(axis=0)
    by_outer = np.stack((by_enter, np.sum(by_predicted * last, axis=0), by_predicted.sum(axis=0)))
    return found, by_weights, by_outer


LSTM = Objective(data, value, by_hand)
