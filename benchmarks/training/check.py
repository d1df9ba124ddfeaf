"""That the program in C computes what chainrule computes: cost, gradient and parameters, step by step."""

from collections.abc import Iterable

import numpy as np

from benchmarks.training import ours
from benchmarks.training.networks import Case
from benchmarks.training.reference import Reference
from chainrule import nn, optim, tree, value_and_grad

__all__ = ["check"]


def check(cases: Iterable[Case], threads: int = 1, steps: int = 3) -> None:
    """Raise AssertionError unless the two agree to float32 rounding, from the same parameters before each step."""
    for case in cases:
        data, net, rule = case.data(), ours.network(case), ours.optimizer(case)
        reference = Reference(case, case.parameters(), threads)
        gradient = value_and_grad(nn.objective(net, case.loss), has_aux=True)
        parameters = ours.start(case)
        moments = rule.init(parameters)
        for k in range(steps):
            # A whole batch has no next one.
            rows = data.order[:: -1 if k % 2 else 1] if case.whole else data.order[k * case.batch :][: case.batch]
            (cost,) = reference.train(data.inputs, data.targets if data.labels is None else data.labels, rows)
            (value, _), found = gradient(parameters, net.initial_state(), data.inputs[rows], data.targets[rows])
            theirs = split(reference.gradients(), parameters)
            np.testing.assert_allclose(cost, value, rtol=1e-5, err_msg=f"{case.name}: cost of step {k}")
            for a, b in zip(tree.leaves(theirs), tree.leaves(found), strict=True):
                size = np.abs(b).max()
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * size, err_msg=f"{case.name}: gradient {k}")
            # Adam's first steps are the signs of the gradient, rounding included: it is given the same one.
            updates, moments = rule.update(theirs, moments, parameters)
            expected = optim.apply_updates(parameters, updates)
            parameters = split(reference.parameters(), parameters)
            for a, b in zip(tree.leaves(parameters), tree.leaves(expected), strict=True):
                np.testing.assert_allclose(
                    a, b, rtol=1e-6, atol=2e-6 * case.rate, err_msg=f"{case.name}: parameters {k}"
                )


def split(flat: np.ndarray, parameters: tuple[dict[str, np.ndarray], ...]) -> tuple[dict[str, np.ndarray], ...]:
    """The arrays of all layers, cut from one that holds them one after the other."""
    layers, begin = [], 0
    for layer in parameters:
        layers.append({})
        for name in ("weights", "bias"):
            size = layer[name].size
            layers[-1][name] = flat[begin : begin + size].reshape(layer[name].shape)
            begin += size
    return tuple(layers)
