"""Graphs for every number of rows: recorded at two sizes, unified, and held against others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule
from chainrule import grad, scan, trace, value_and_grad
from chainrule.errors import OptionError, TraceError
from chainrule.evaluate import evaluate, node_values, runner
from chainrule.graph import verify
from chainrule.lengths import Length, Quotient, settle
from chainrule.random import random_state, uniform
from chainrule.trace.sizes import trace_sizes
from chainrule.trace.unify import Mismatch

RNG = np.random.default_rng(0)
BIG = RNG.normal(size=(1000, 2))  # Large enough to be held by reference.


def decayed(x):
    y = np.zeros(x.shape)
    y[1:] = np.exp(-x[:-1])
    return y


@chainrule.custom_gradient(lambda g, ans, x: g * 3 * x**2)
def cube(x):
    return x**3


def cubed(x):
    again = chainrule.custom_gradient(lambda g, ans, x: g * 3 * x**2)(lambda x: x**3)
    return again(x) + cube(x)


# Functions of x, shape (n, 2), that one graph serves for every n.
GENERAL = {
    "mean": lambda x: np.mean(x, axis=0),
    "mean of all": lambda x: np.mean(x),
    "var": lambda x: np.var(x, axis=0, ddof=1),
    "weight": lambda x: x * (1 / len(x)),
    "weight of n - 1": lambda x: x * (2 / (len(x) - 1 + 1)),
    "gram": lambda x: x @ x.T,
    "flat": lambda x: x.reshape(-1),
    "flat by size": lambda x: x.reshape(x.size),
    "double": lambda x: np.concatenate([x, x]),
    "differences": lambda x: x[1:] - x[:-1],
    "reverse": lambda x: x[::-1],
    "last": lambda x: x[-1] + x[0],
    "ones": lambda x: x + np.ones((len(x), 1)),
    "full of share": lambda x: x * np.full((len(x), 2), 1 / len(x)),
    "numbers of rows": lambda x: x * np.arange(len(x))[:, None],
    "numbers from three": lambda x: x[:, 0] * np.arange(3.0, len(x) + 3.0),
    "assigned": decayed,
    "softmax": lambda x: np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True),
    "large constant": lambda x: x @ BIG.T @ BIG,
    "gradient": grad(lambda x: np.mean(np.tanh(x) ** 2)),
    "gradient of gradient": grad(lambda x: np.sum(grad(lambda y: np.mean(np.sin(y) ** 2))(x) ** 2)),
    "scan": lambda x: scan(lambda c, row: (c + row, c * row), np.zeros(2), x),
    "gradient of scan": grad(lambda x: np.sum(scan(lambda c, row: (c * np.tanh(row), c), np.ones(2), x)[1])),
    "custom": cubed,
    "count": lambda x: np.float64(len(x)),
    "batch": chainrule.vectorize(lambda x: x / (1 + np.sum(x**2))),
}


@pytest.mark.filterwarnings("ignore:Degrees of freedom:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("name", GENERAL)
@pytest.mark.parametrize("rows", [1, 2, 7, 64])
def test_one_graph_serves_every_size(name, rows):
    f = GENERAL[name]
    graph = trace(f, leading="x")(RNG.normal(size=(5, 2)))
    assert graph.specialized is None
    assert graph.is_open
    verify(graph)
    x = RNG.normal(size=(rows, 2))
    want = chainrule.tree.leaves(f(x))
    found = evaluate(graph, x)
    for a, b in zip(found, want, strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)
    for a, b in zip(runner(graph)(x), found, strict=True):
        np.testing.assert_array_equal(a, b)


SPECIAL = {
    "loop over rows": (lambda x: sum(x[i] for i in range(len(x))), "operations"),
    "branch on many": (lambda x: x * 2 if len(x) > 100 else x, "fails for 1009"),
    "branch on one": (lambda x: x * 2 if len(x) == 1 else x, "fails for 1:"),
    "squeeze": (np.squeeze, "fails for 1:"),
    "every other": (lambda x: x[::2], "shape"),
    "first five": (lambda x: x[:5], "fails for 1:"),
    "root of n": (lambda x: x / np.sqrt(len(x)), "a constant is"),
    "square of n": (lambda x: x * len(x) ** 2, "fails for 8"),
    "identity": (lambda x: np.eye(len(x)) @ x, "rows made longer"),
    "other operation": (lambda x: np.sin(x) if len(x) % 2 else np.cos(x), "stands where"),
    "other operand": (lambda x: x @ x.T @ (x if len(x) == 8 else 2 * x), "fails for 8"),
    "table": (lambda x: x + np.ones((8, 2)), "raised ValueError"),
    "constant or not": (lambda x: x if len(x) < 1000 else np.ones((len(x), 2)), "fails for 1009"),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_dependence_on_the_size_is_found_and_said(name):
    f, reason = SPECIAL[name]
    x = RNG.normal(size=(8, 2))
    graph = trace(f, leading=0)(x)
    assert not graph.is_open
    assert reason in graph.specialized
    assert "for this number of rows alone" in str(graph)
    verify(graph)
    np.testing.assert_allclose(evaluate(graph, x)[0], f(x), rtol=1e-13)


def test_a_function_that_refuses_one_row():
    def f(x):
        if len(x) == 1:
            raise ValueError("no variance of one row")
        return np.sum((x - np.mean(x, axis=0)) ** 2) / (len(x) - 1)

    graph = trace(f, leading=0)(np.ones((3, 2)))
    assert graph.specialized is None
    assert graph.least == 2
    x = RNG.normal(size=(2, 2))
    np.testing.assert_allclose(evaluate(graph, x)[0], f(x))
    with pytest.raises(OptionError, match="f needs at least 2 rows, found 1"):
        evaluate(graph, x[:1])


def test_the_line_is_named():
    def f(x):
        y = x + 1.0
        return y * np.sqrt(len(x))

    assert "return y * np.sqrt(len(x))" in trace(f, leading=0)(np.ones((3, 2))).specialized


def test_impurity_is_an_error_with_the_line():
    rng = np.random.default_rng(0)

    def noisy(x):
        scale = rng.normal()
        return x * scale

    with pytest.raises(TraceError, match=r"noisy does not do the same each time(.|\n)*return x \* scale"):
        trace(noisy, leading="x")(np.ones((3, 2)))


def test_a_decision_on_a_value_is_refused():
    with pytest.raises(TraceError, match=r"chainrule\.cond"):
        trace(lambda x: x if np.sum(x) > 0 else -x, leading="x")(np.ones((3, 2)))


def test_training_step():
    def loss(w, x, t):
        return np.mean((np.tanh(x @ w["hidden"]) @ w["out"] - t) ** 2)

    w = {"hidden": RNG.normal(size=(3, 4)), "out": RNG.normal(size=4)}
    graph = trace(value_and_grad(loss), leading=("x", "t"))(w, np.ones((6, 3)), np.ones(6))
    assert graph.specialized is None
    for rows in (1, 5, 32):
        x, t = RNG.normal(size=(rows, 3)), RNG.normal(size=rows)
        value, gradient = value_and_grad(loss)(w, x, t)
        found = evaluate(graph, w["hidden"], w["out"], x, t)
        np.testing.assert_allclose(found[0], value, rtol=1e-14)
        np.testing.assert_allclose(found[1], gradient["hidden"], rtol=1e-13)
        np.testing.assert_allclose(found[2], gradient["out"], rtol=1e-13)


def test_random_numbers():
    def masked(x, state):
        return x * (uniform(state, x.shape)[0] < 0.5)

    state = random_state(3)
    graph = trace(masked, leading="x")(np.ones((5, 2)), state)
    for rows in (1, 4, 9):
        x = RNG.normal(size=(rows, 2))
        np.testing.assert_array_equal(evaluate(graph, x, state.key, state.counter)[0], masked(x, state))


def test_values_of_nodes_are_found_by_the_nodes_of_the_open_graph():
    graph = trace(lambda x: np.sin(x) * 2, leading=0)(np.ones(3))
    values = node_values(graph, np.zeros(4))
    assert [values[node].shape for node in graph.nodes] == [(4,), (4,)]


def test_float32_stays():
    graph = trace(lambda x: np.mean(x, axis=0) / len(x), leading=0)(np.ones((3, 2), np.float32))
    assert evaluate(graph, np.ones((9, 2), np.float32))[0].dtype == np.float32


def test_wrong_rows():
    graph = trace(lambda x, y: x + y, leading=(0, 1))(np.ones(3), np.ones(3))
    with pytest.raises(OptionError, match="x: 4, y: 5"):
        evaluate(graph, np.ones(4), np.ones(5))
    with pytest.raises(OptionError, match=r"recorded with shape \(n,\), found \(4, 1\)"):
        evaluate(graph, np.ones((4, 1)), np.ones(4))
    with pytest.raises(OptionError, match="x was recorded"):
        evaluate(trace(lambda x: x, leading=0)(np.ones((3, 2))), np.ones((3, 4)))


@pytest.mark.parametrize(
    ("leading", "args", "message"),
    [
        ("z", (np.ones(3),), "leading names 'z', but the arguments are x"),
        (2, (np.ones(3),), "leading names 2"),
        ("x", (1.0,), "x is a number"),
        ("x", ([np.ones(3), np.ones(4)],), r"x\[0\]: 3, x\[1\]: 4"),
    ],
)
def test_bad_leading(leading, args, message):
    with pytest.raises(OptionError, match=message):
        trace(lambda x: x, leading=leading)(*args)


@given(st.integers(1, 9), st.integers(-9, 9), st.integers(0, 100))
def test_lengths(factor, offset, n):
    length = Length(factor, offset)
    assert length.at(n) == factor * n + offset
    assert settle((length, (length, None), 3), n) == (length.at(n), (length.at(n), None), 3)
    if length.at(n):
        assert Quotient(2.0, length).at(n) == 2.0 / length.at(n)


def test_text():
    assert str(Length(1)) == "n"
    assert str(Length(3, 2)) == "3n + 2"
    assert str(Length(1, -1)) == "n - 1"
    assert str(Quotient(2.0, Length(1, -1))) == "2.0/(n - 1)"


# One size, or two


def sized(f, *sizes):
    return trace_sizes(f, (np.ones((3, 2)),), ("x",), (True,), sizes)


@pytest.mark.parametrize("name", GENERAL)
def test_two_sizes(name):
    f = GENERAL[name]
    graph = sized(f, 7, 4)
    verify(graph)
    for rows in (7, 4):
        x = RNG.normal(size=(rows, 2))
        expected = f(x)
        for one, other in zip(
            evaluate(graph, x), expected if isinstance(expected, tuple) else (expected,), strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-12)


def test_one_size_needs_no_formulas():
    def f(x):
        return np.sum(x) * (2.5 if len(x) == 5 else 1.7) / len(x) ** 2

    graph = sized(f, 5)
    assert not graph.is_open
    assert evaluate(graph, np.ones((5, 2)))[0] == pytest.approx(25 / 25)
    with pytest.raises(Mismatch):
        sized(f, 5, 4)


def test_sizes_that_are_not_asked_for_are_not_tried():
    def f(x):
        assert len(x) in (5, 4)
        return np.mean(x)

    assert sized(f, 5, 4).is_open


def test_what_is_not_the_same_each_time_is_named_with_its_line():
    with pytest.raises(TraceError, match=r"does not do the same each time(.|\n)*test_sizes.py"):
        sized(lambda x: x * RNG.normal(), 5, 4)
    with pytest.raises(Mismatch) as caught:
        sized(lambda x: x * (2.5 if len(x) == 5 else 1.7), 5, 4)
    assert "test_sizes.py" in caught.value.line
