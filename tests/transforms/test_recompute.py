"""`recompute`: the same values and derivatives, with less memory."""

import tracemalloc

import numpy as np
import pytest
from tests.transforms.loops import check_modes

import chainrule
from chainrule import grad, hessian, jvp, recompute, scan, value_and_grad, vectorize
from chainrule.errors import TraceError
from chainrule.trace import trace

W = np.random.default_rng(5).normal(size=(3, 3)) / 2
X = np.array([0.3, -0.7, 1.1])


def block(x):
    for _ in range(8):
        x = np.tanh(x)
    return x


def chain(block):
    def f(x):
        for _ in range(8):
            x = block(x)
        return np.sum(x)

    return f


def peak(f, x):
    """Most bytes that were in use at once while `f` ran, in arrays of the size of `x`."""
    tracemalloc.start()
    try:
        f(x)
        return tracemalloc.get_traced_memory()[1] / x.nbytes
    finally:
        tracemalloc.stop()


def test_peak_memory_falls():
    """64 layers keep 64 activations; in blocks of 8 it is 8 inputs, and 8 activations of one block at a time."""
    x = np.random.default_rng(0).normal(size=100_000)
    np.testing.assert_array_equal(grad(chain(recompute(block)))(x), grad(chain(block))(x))
    plain, recomputed = peak(grad(chain(block)), x), peak(grad(chain(recompute(block))), x)
    assert plain > 60
    assert recomputed < 25


def test_every_mode():
    check_modes(chain(recompute(block)), chain(block), X)


def captured(wrap):
    def f(w, x):
        scale = np.sum(w**2)

        @wrap
        def inner(x):
            return {"a": np.tanh(w @ x) * scale, "b": (x[0] * 2.0, "name", 3, None)}

        found = inner(x)
        assert found["b"][1:] == ("name", 3, None)
        return np.sum(found["a"] ** 2) * found["b"][0] + found["b"][2]

    return f


def test_trees_and_what_is_captured():
    check_modes(captured(recompute), captured(lambda f: f), W, X)


def test_nested():
    check_modes(chain(recompute(lambda x: np.sin(recompute(block)(x)) * x)), chain(lambda x: np.sin(block(x)) * x), X)


def test_decisions_are_followed():
    @recompute
    def f(x, times, flip=False):
        if x > 1:
            for _ in range(times):
                x = x * x
        while x > 0.5:
            x = 0.5 * x
        return -x if flip else x

    def plain(x, times, flip=False):
        return f.__wrapped__(x, times, flip)

    for x in (1.5, 0.9, 0.2):
        assert f(x, 2) == plain(x, 2)
        assert grad(f)(x, 2, flip=True) == grad(plain)(x, 2, flip=True)


def test_runs_once_forward():
    calls = []

    @recompute
    def f(x):
        calls.append(1)
        return np.sum(x**3)

    assert value_and_grad(f)(X)[0] == np.sum(X**3)
    assert len(calls) == 1
    assert jvp(f, (X,), (X,))[1] == np.sum(3 * X**3)


def test_filled_arrays():
    @recompute
    def f(x):
        out = np.zeros(3)
        out[0] = x[1]
        out[1:] += x[:2] ** 2
        return out

    check_modes(lambda x: np.sum(f(x) ** 2), lambda x: x[1] ** 2 + x[0] ** 4 + x[1] ** 4, X)


def test_vectorize_and_scan():
    rows = np.random.default_rng(2).normal(size=(4, 3))
    f, plain = captured(recompute), captured(lambda f: f)
    np.testing.assert_allclose(vectorize(grad(f), (None, 0))(W, rows), np.stack([grad(plain)(W, row) for row in rows]))
    np.testing.assert_allclose(
        grad(lambda w: np.sum(vectorize(f, (None, 0))(w, rows)))(W),
        grad(lambda w: sum(plain(w, row) for row in rows))(W),
    )

    def steps(block):
        return lambda w, x: scan(lambda c, row: (c + block(lambda: np.tanh(w @ c) * row)(), None), x, rows)[0] @ x

    check_modes(steps(recompute), steps(lambda f: f), W, X)


def test_with_nothing_traced():
    assert recompute(lambda x: x + 1)(2.0) == 3.0
    assert recompute(lambda: 4)() == 4
    np.testing.assert_array_equal(recompute(np.sin)(X), np.sin(X))
    assert recompute(lambda x: (x.dtype, x.shape))(X) == (X.dtype, X.shape)


def test_float32_and_weak_numbers():
    f = recompute(lambda x, y: (x * y, -y))
    product, negative = f(np.float32(2), 3.0)
    assert product.dtype == np.float32
    assert type(negative) is float
    assert grad(lambda x: f(x, 3.0)[0])(np.float32(2)).dtype == np.float32
    # A Python number stays one when the block runs again, so that it does not widen what it meets.
    assert hessian(lambda y: np.sum(f(np.ones(2, np.float32), y)[0] ** 2))(2.0) == 4.0


def test_its_graph():
    graph = trace(chain(recompute(block)))(X)
    assert str(graph).count("np.tanh") == 64
    assert [node.name for node in graph.nodes if node.name == "chainrule.recompute"] == ["chainrule.recompute"] * 8


def test_what_cannot_be_followed():
    with pytest.raises(TraceError, match="float"):
        grad(recompute(lambda x: float(x)))(1.0)
    escaped = []
    recompute(lambda x: escaped.append(x))(1.0)
    with pytest.raises(TraceError, match="escaped"):
        escaped[0] * 2.0
    assert chainrule.value(recompute(lambda x: chainrule.value(x))(2.0)) == 2.0


def test_a_gradient_inside_in_a_batch():
    def f(b, wrap):
        step = wrap(lambda b: b - 0.1 * grad(lambda b: np.sum(np.cos(b * b)))(b))
        return np.sum(step(b) ** 2)

    many = np.arange(6.0).reshape(2, 3) / 6
    found = vectorize(grad(lambda b: f(b, recompute)))(many)
    np.testing.assert_allclose(found, [grad(lambda b: f(b, lambda g: g))(row) for row in many], rtol=1e-12)
