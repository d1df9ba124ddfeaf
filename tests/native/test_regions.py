"""Rows in blocks: the same results whatever the number of rows, blocks and threads."""

import numpy as np
import pytest

from chainrule import nn, tree, value_and_grad
from chainrule.evaluate import evaluate
from chainrule.native.pool import using_threads
from chainrule.native.program import Program
from chainrule.native.regions import Region, divided
from chainrule.native.training import compiled_steps
from chainrule.passes import optimized
from chainrule.trace.sizes import trace_every_size

RNG = np.random.default_rng(0)

NETWORKS = {
    "softmax": (nn.Network.of(5, (16,), 4, "tanh", "softmax"), "cross_entropy"),
    "two hidden layers": (nn.Network.of(4, (33, 16), 4, "relu", "identity"), "squared"),
    "one output": (nn.Network.of(7, (20,), 1, "elu", "sigmoid"), "binary_cross_entropy"),
    "layer norm": (nn.Network(6, (nn.Dense(12), nn.LayerNorm("relu"), nn.Dense(3, "softmax"))), "cross_entropy"),
    "batch norm": (nn.Network(6, (nn.Dense(12), nn.BatchNorm("relu"), nn.Dense(3, "softmax"))), "cross_entropy"),
    "residual": (nn.Network(8, (nn.Residual((nn.Dense(8),)), nn.Dense(3, "softmax"))), "cross_entropy"),
}


def gradient_graph(name, dtype):
    network, loss = NETWORKS[name]
    f = value_and_grad(nn.objective(network, loss), has_aux=True)
    parameters, state = network.initialize(0, dtype), network.initial_state()

    def step(parameters, state, x, t):
        return f(parameters, state, x, t, None, True)

    x, t = np.ones((4, network.inputs), dtype), np.ones((4, network.outputs), dtype)
    names = ["parameters", "state", "x", "t"]
    graph = trace_every_size(step, [parameters, state, x, t], names, [False, False, True, True], careful=False)
    assert graph.specialized is None
    return optimized(graph), [*tree.leaves(parameters), *tree.leaves(state)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NETWORKS)
def test_gradient_of_a_network(name, dtype):
    network, _ = NETWORKS[name]
    graph, leaves = gradient_graph(name, dtype)
    program = Program(graph)
    assert program.is_native
    eps = np.finfo(dtype).eps
    for rows in (2, 31, 128, 129, 300, 1000):
        x = RNG.normal(size=(rows, network.inputs)).astype(dtype)
        t = np.abs(RNG.normal(size=(rows, network.outputs))).astype(dtype)
        t /= t.sum(axis=1, keepdims=True)
        want = evaluate(graph, *leaves, x, t)
        found = []
        for count in (1, 2, 3):
            with using_threads(count):
                found.append(program(*leaves, x, t))
        for again in found[1:]:
            for a, b in zip(found[0], again, strict=True):
                np.testing.assert_array_equal(a, b)
        for a, b in zip(found[0], want, strict=True):
            assert np.asarray(a).dtype == np.asarray(b).dtype
            np.testing.assert_allclose(a, b, rtol=200 * eps, atol=200 * eps)


def test_which_part_is_a_region():
    """All of a plain network's gradient, but for what follows the sums."""
    graph, _ = gradient_graph("softmax", np.float32)
    program = Program(graph)
    before, region, after = divided(program.groups, program.access, program.places, set(program.graph.outputs))
    assert isinstance(region, Region)
    assert not before
    products = [node for group in region.groups for node in group.nodes if node.op.name == "np.matmul"]
    assert len(products) == 5
    assert all(node.shape == () for group in after for node in group.nodes)


def test_what_needs_a_sum_over_the_rows_comes_after_it():
    """Batch normalisation looks at all rows before it goes on with one."""
    graph, _ = gradient_graph("batch norm", np.float32)
    program = Program(graph)
    _, region, after = divided(program.groups, program.access, program.places, set(program.graph.outputs))
    later = [node for group in after for node in group.nodes]
    assert any(node.op.name == "np.matmul" for node in later)
    assert region is None or not {node for group in region.groups for node in group.nodes} & set(later)


def test_an_earlier_row_is_no_row_of_the_block():
    def f(x, w):
        y = np.tanh(x @ w)
        z = np.exp(y)[::-1] + y[:-1].sum() + y[0]
        return np.sum(z * y, axis=0), (y[1:] - y[:-1]) * 2.0

    w = RNG.normal(size=(3, 4))
    graph = optimized(trace_every_size(f, [np.ones((4, 3)), w], ["x", "w"], [True, False]))
    assert graph.specialized is None
    program = Program(graph)
    for rows in (1, 5, 128, 300):
        x = RNG.normal(size=(rows, 3))
        for a, b in zip(program(x, w), f(x, w), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_an_input_is_written_over_only_after_the_region_has_read_it():
    """The new value could be computed before, but the rows still need the old one."""

    def step(v, p, clock, x, t):
        y = np.tanh(np.tanh(x @ p) * 2.0) - t
        moved = v + np.sum(y, axis=0)
        return moved, p * 0.5, np.sum(y * y)

    v, p = RNG.normal(size=4), RNG.normal(size=(3, 4))
    x, t = RNG.normal(size=(300, 3)), RNG.normal(size=(300, 4))
    names = ["v", "p", "clock", "x", "t"]
    graph = trace_every_size(step, [v, p, 0.0, x, t], names, [False, False, False, True, True])
    found, objectives = (
        compiled_steps(optimized(graph), 2).bench((), (x, t), 300, gathers=False).run([v, p], 0, None, 0, 1)
    )
    moved, after, objective = step(v, p, 0.0, x, t)
    np.testing.assert_allclose(found[0], moved, rtol=1e-12)
    np.testing.assert_array_equal(found[1], after)
    np.testing.assert_allclose(objectives, objective, rtol=1e-12)
