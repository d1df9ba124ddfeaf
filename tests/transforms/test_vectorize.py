"""`vectorize`: one pass over a batch gives what a loop over the examples gives."""

import numpy as np
import pytest

from chainrule import TraceError, elementwise_grad, grad, hessian, hvp, jacobian, jvp, tree, vectorize, vjp
from chainrule.errors import OptionError

rng = np.random.default_rng(21)


def loss(w, x, t):
    return (np.tanh(w @ x) - t) ** 2


W, X, T = rng.normal(size=3), rng.normal(size=(5, 3)), rng.normal(size=5)


def test_gradients_of_examples():
    found = vectorize(grad(loss), (None, 0, 0))(W, X, T)
    np.testing.assert_allclose(found, [grad(loss)(W, x, t) for x, t in zip(X, T, strict=True)], rtol=1e-13)


def test_axes():
    np.testing.assert_allclose(vectorize(loss, (None, 1, 0))(W, X.T, T), vectorize(loss, (None, 0, 0))(W, X, T))
    np.testing.assert_allclose(vectorize(loss, (None, -1, -1))(W, X.T, T), vectorize(loss, (None, 0, 0))(W, X, T))
    np.testing.assert_array_equal(vectorize(np.add)(T, T), T + T)
    np.testing.assert_array_equal(vectorize(lambda x, y: np.outer(x, y))(X, X), X[:, :, None] * X[:, None, :])


def test_trees():
    found = vectorize(lambda p, x: {"y": p["a"] * x, "a": p["a"]}, (0, None))({"a": T}, 2.0)
    np.testing.assert_array_equal(found["y"], 2 * T)
    np.testing.assert_array_equal(found["a"], T)


def test_what_does_not_depend_on_the_example_is_repeated():
    values, n = vectorize(lambda x: (np.ones(2), 3))(X)
    np.testing.assert_array_equal(values, np.ones((5, 2)))
    np.testing.assert_array_equal(n, np.full(5, 3))


def test_nested():
    found = vectorize(lambda x: vectorize(lambda t: np.sum(x) * t)(T))(X)
    np.testing.assert_allclose(found, np.outer(X.sum(axis=1), T))


def test_no_examples():
    assert vectorize(grad(loss), (None, 0, 0))(W, X[:0], T[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    "change",
    [
        grad,
        hessian,
        jacobian,
        lambda f: elementwise_grad(f, 2),
        lambda f: lambda w, x, t: hvp(f)(w, x, t, np.ones(3)),
        lambda f: lambda w, x, t: jvp(f, (w, x, t), (W, W, 1.0)),
        lambda f: lambda w, x, t: vjp(f, w, x, t)[1](2.0),
    ],
)
@pytest.mark.parametrize("axes", [(None, 0, 0), (0, None, 0), (0, 0, 0)])
def test_every_mode(change, axes):
    args = [x[0] if axis is None else x for x, axis in zip((X[::-1], X, T), axes, strict=True)]
    found = tree.leaves(vectorize(change(loss), axes)(*args))
    rows = [change(loss)(*(x if axis is None else x[k] for x, axis in zip(args, axes, strict=True))) for k in range(5)]
    for column, part in zip(zip(*(tree.leaves(row) for row in rows), strict=True), found, strict=True):
        np.testing.assert_allclose(part, np.stack(column), rtol=1e-12, atol=1e-15)


SHAPES = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 4))]
SHAPES += [
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((0, 3), (3, 2)),
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)])
@pytest.mark.parametrize("size", [0, 1, 7])
def test_products(shapes, axes, size):
    """Of vectors, matrices and stacks of them, of which one or both differ between the examples."""
    x, y = (
        rng.normal(size=shape if axis is None else (size, *shape)) for shape, axis in zip(shapes, axes, strict=True)
    )

    def rows(f):
        return [f(x if axes[0] is None else x[k], y if axes[1] is None else y[k]) for k in range(size)]

    for f in (np.matmul, grad(lambda x, y: np.sum(np.sin(x @ y))), grad(lambda x, y: np.sum(np.sin(x @ y)), 1)):
        found = vectorize(f, axes)(x, y)
        expected = rows(f)
        assert found.shape == (size, *np.shape(f(np.ones(shapes[0]), np.ones(shapes[1]))))
        if size:
            np.testing.assert_allclose(found, np.stack(expected), rtol=1e-12, atol=1e-13)


def test_plain_tables_are_read_by_batched_numbers():
    table = rng.normal(size=(3, 4))
    places = np.array([2, 0, 1, 1])
    np.testing.assert_array_equal(vectorize(lambda i: np.array(table)[:, i])(places), table[:, places].T)
    np.testing.assert_array_equal(vectorize(lambda i: np.array(table)[i, i])(places % 3), table[places % 3, places % 3])


def while_positive(x):
    while x > 0:
        x = x - 1
    return x


@pytest.mark.parametrize(
    ("f", "x", "words"),
    [
        (lambda x: 1.0 if x > 0 else 2.0, T, ("decision", "np.where", "chainrule.cond", "test_vectorize.py")),
        (while_positive, T, ("decision", "chainrule.while_loop")),
        (lambda i: [1, 2, 3][i], np.array([0, 1]), ("index or a count", "np.array(table)[i]")),
        (lambda i: np.ones(3)[1:][np.arange(2)[i]], np.array([0, 1]), ("np.array(table)[i]",)),
        (lambda x: x[np.nonzero(x > 0)], X, ("np.nonzero", "np.where")),
        (lambda x: x[np.flatnonzero(x > 0)], X, ("np.flatnonzero",)),
        (lambda x: np.array_equal(x, W), X, ("np.array_equal",)),
        (lambda x: x[x > 0], X, ("np.where",)),
        (float, T, ("float",)),
    ],
)
def test_decisions_raise(f, x, words):
    with pytest.raises(TraceError) as caught:
        vectorize(f)(x)
    for word in words:
        assert word in str(caught.value)


def test_what_is_the_same_for_all_examples_may_be_looked_at():
    def f(w, x):
        return x[np.nonzero(w > 0)] if np.array_equal(w, W) else x

    np.testing.assert_array_equal(vectorize(f, (None, 0))(W, X), X[:, W > 0])


def test_wrong_axes():
    with pytest.raises(OptionError, match="axes has 1 entries, but the call has 2 arguments"):
        vectorize(np.add, (0,))(T, T)
    with pytest.raises(OptionError, match=r"x has shape \(\), which has no axis 0"):
        vectorize(lambda x: x)(1.0)
    with pytest.raises(OptionError, match="x: 5, y: 4"):
        vectorize(lambda x, y: x + y)(T, T[:4])
    with pytest.raises(OptionError, match="needs at least one array argument"):
        vectorize(lambda x: x, (None,))(T)
