"""Groups with equal keys: written once, and with the same instructions."""

import numpy as np
import pytest
from tests.native.running import check, check_traced
from tests.programs.generate import generate, load

from chainrule import scan, trace, tree, value_and_grad
from chainrule.native.lowering import Lowering
from chainrule.native.program import PASSES
from chainrule.passes import optimized, run


def lowered(graph):
    return Lowering(run(optimized(graph), PASSES), {})


def bodies(graph):
    """Of each kernel the function that has its instructions; of a kernel by itself its own name."""
    x = lowered(graph)
    return [found[0].name for found in x._placed.values()]


def layers(parameters, x):
    for w, b in parameters:
        x = np.tanh(x @ w + b)
    return np.sum(x)


def deep(count, units=5):
    rng = np.random.default_rng(0)
    parameters = [(rng.normal(size=(units, units)), rng.normal(size=units)) for _ in range(count)]
    return value_and_grad(layers), (parameters, rng.normal(size=(3, units)))


def test_equal_layers_are_written_once():
    counts = []
    for count in (6, 12):
        f, arguments = deep(count)
        graph = trace(f)(*arguments)
        found = bodies(graph)
        assert len(found) > 3 * count
        counts.append(len(set(found)))
        check(graph, *tree.leaves(arguments))
    assert counts[0] == counts[1] < 8


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x * 3.0,
        lambda x: np.sin(x * 2.0),
        lambda x: np.exp(x[:, ::-1] * 2.0),
        lambda x: np.exp(x.T * 2.0),
        lambda x: np.exp(x * 2.0)[:3],
        lambda x: np.exp(x[:3] * 2.0),
        lambda x: np.exp(x * np.float64(2.0)) * x,
        lambda x: np.exp(x * -0.0),
        lambda x: np.exp(x * 0.0),
        lambda x: x @ x,
        lambda x: x @ x.T,
        lambda x: np.sum(np.exp(x * 2.0), axis=0) + x,
        lambda x: np.sum(np.exp(x * 2.0), axis=1) + x,
        lambda x: np.cumsum(x, axis=0),
        lambda x: np.cumsum(x, axis=1),
    ],
)
def test_what_differs_is_written_for_itself(change):
    """A group beside others that are alike: nothing of it may be taken for theirs."""
    x = np.random.default_rng(1).normal(size=(4, 4))

    def f(x):
        parts = []
        for k in range(3):
            y = np.exp(x[k] * 2.0)
            parts += [np.flip(y) @ x, np.cumsum(np.exp(x * 2.0), axis=0), np.cumsum(np.exp(x * 0.0), axis=0)]
            x = np.roll(x, 1, axis=1) @ x
            x = x / np.max(x)
        return *parts, np.exp(x * 2.0), change(x)

    check_traced(f, x)


def texts_by_key(graph, monkeypatch):
    """The instructions of each group with a key that others have too, written for itself."""
    found = {}
    body = Lowering._body

    def own(self, group, key, buffers):
        function, order = body(self, group, key, buffers)
        del self._bodies[key]
        written = "".join(map(str, function.blocks)), tuple(x is None for x, _ in order)
        found.setdefault(key, []).append((written, [x for x, _ in order]))
        return function, order

    with monkeypatch.context() as patched:
        patched.setattr(Lowering, "_body", own)
        lowered(graph)
    return [written for written in found.values() if len(written) > 1]


@pytest.mark.parametrize("seed", range(0, 40, 2))
def test_equal_keys_are_equal_instructions(seed, monkeypatch):
    program = generate(seed)
    names = load(program.source)
    try:
        graph = trace(value_and_grad(names["loss"], (0, 1)))(program.x, program.w)
    except Exception as problem:
        pytest.skip(f"not recorded: {problem}")
    for written in texts_by_key(graph, monkeypatch):
        assert all(other == written[0] for other in written)


def test_equal_layers_are_equal_instructions(monkeypatch):
    f, arguments = deep(5)
    found = texts_by_key(trace(f)(*arguments), monkeypatch)
    assert len(found) > 3
    for written in found:
        assert all(other == written[0] for other in written)


def test_kernels_inside_of_a_loop():
    def f(x):
        def body(carry, row):
            for _ in range(3):
                carry = np.tanh(carry @ carry + row)
            return carry, np.sum(carry)

        return scan(body, x, x)

    check_traced(f, np.random.default_rng(0).normal(size=(4, 4)))
