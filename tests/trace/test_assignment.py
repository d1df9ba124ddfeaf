"""Assignment into arrays: what NumPy does, with its views and aliases, and the derivative of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import array as imported_array
from numpy import zeros as imported_zeros
from tests.differentiate.differences import along

from chainrule import TraceError, grad, trace, value_and_grad, vectorize, vjp
from chainrule.evaluate import evaluate
from chainrule.graph import verify

X = np.array([1.0, 2.0, 4.0])
M = np.array([[1.0, 2.0, 4.0], [8.0, 5.0, 7.0]])


# New arrays that traced values go into: (function, point, gradient).


def array_of_numbers(x):
    return np.sum(np.array([x, 2.0, x * x]))


def array_of_arrays(x):
    return np.sum(np.asarray([[x[0], 1.0], [x[1], x[2]]]) ** 2)


def array_of_rows(x):
    return np.sum(np.array([x, x * 2]) ** 2)


def filled(x):
    return np.sum(np.full((3, 2), x) * np.ones((3, 2)))


def filled_by_entry(x):
    result = np.empty(3)
    for k in range(3):
        result[k] = x[k] ** 2
    return np.sum(result)


def filled_by_row(x):
    result = np.zeros((2, 3))
    result[1] = x
    result[:, 0] += 1.0
    return np.sum(result**2)


def filled_by_mask(x):
    result = np.ones(3)
    result[x > 1.5] = 2 * x[x > 1.5]
    return np.sum(result)


def filled_by_places(x):
    result = np.zeros(5)
    result[[4, 0]] = x[:2]
    result[np.array([1, 1])] = x[2]
    return np.sum(result * np.arange(5))


def filled_with_a_sum(x):
    result = np.zeros_like(x)
    result += x
    result *= x
    return np.sum(result)


def running(x):
    u = np.ones(4)
    for k in range(3):
        u[k + 1] = u[k] * x[k]
    return u[-1]


def dot_of_a_new_array(x):
    return np.ones(3).dot(x)


def joined_by_index_trick(x):
    return np.sum(np.r_[x, 1.0, 3 * x[0]]) + np.sum(np.c_[x, x][0])


def by_output(x):
    result = np.zeros(3)
    np.exp(x, out=result)
    np.multiply(result, 2.0, out=result)
    return np.sum(result)


def stencil(x):
    u = np.zeros(5)
    u[1:-1] = x
    v = u.copy()
    v[1:-1] = u[:-2] - 2 * u[1:-1] + u[2:]
    return np.sum(v**2)


def by_copyto(x):
    result = np.zeros((2, 3))
    np.copyto(result, x)
    np.copyto(result, 5.0, where=np.array([True, False, False]))
    return np.sum(result)


def into_a_traced_array(x):
    y = x * 1.0
    y[0] = 7.0
    y[1] = y[0] * y[2]
    return np.sum(y)


def of_constants_alone(x):
    result = np.zeros(3)
    result[1] = 5.0
    result[result > 1] *= 2
    return np.sum(x * result) * len(result) + result.max() * 0


FILLED = {
    array_of_numbers: (3.0, 7.0),
    array_of_arrays: (X, 2 * X),
    array_of_rows: (X, 10 * X),
    filled: (2.0, 6.0),
    filled_by_entry: (X, 2 * X),
    filled_by_row: (X, [2 * 2.0, 4.0, 8.0]),
    filled_by_mask: (X, [0.0, 2.0, 2.0]),
    filled_by_places: (X, [4.0, 0.0, 1.0]),
    filled_with_a_sum: (X, 2 * X),
    running: (X, [8.0, 4.0, 2.0]),
    dot_of_a_new_array: (X, [1.0, 1.0, 1.0]),
    joined_by_index_trick: (X, [1 + 3 + 2, 1.0, 1.0]),
    by_output: (X, 2 * np.exp(X)),
    stencil: (X, None),
    by_copyto: (X, [0.0, 2.0, 2.0]),
    into_a_traced_array: (X, [0.0, 0.0, 8.0]),
    of_constants_alone: (X, [0.0, 30.0, 0.0]),
}


@pytest.mark.parametrize("f", FILLED, ids=lambda f: f.__name__)
def test_filled(f):
    x, expected = FILLED[f]
    plain = f(np.copy(x) if np.ndim(x) else x)
    value, g = value_and_grad(f)(x)
    assert value == pytest.approx(plain, rel=1e-14)
    if expected is None:
        expected = [(f(x + 1e-6 * e) - f(x - 1e-6 * e)) / 2e-6 for e in np.eye(3)]
    np.testing.assert_allclose(g, expected, rtol=1e-8)
    graph = trace(f)(x)
    verify(graph)
    np.testing.assert_allclose(evaluate(graph, x)[0], plain, rtol=1e-14)


def test_names_imported_from_numpy():
    def f(x):
        result = imported_zeros(2)
        result[1] = x
        return np.sum(result * imported_array([x, x]))

    assert grad(f)(3.0) == 6.0


def test_names_imported_where_no_module_is():
    """As in a doctest, or a notebook's copy: the namespace is found through the function, in a nested recording too."""
    for _ in range(3):
        names = {}
        exec("from numpy import zeros\ndef f(x):\n    B = zeros(2)\n    B[1] = x[0]\n    return (B * x).sum()", names)
        own = names["zeros"]
        for derivative in (grad(names["f"]), lambda x, f=names["f"]: vectorize(grad(f))(x[None])[0]):
            np.testing.assert_array_equal(derivative(np.array([3.0, 4.0])), [4.0, 3.0])
        assert names["zeros"] is own is np.zeros


def test_float32_stays():
    def f(x):
        result = np.zeros(3, np.float32)
        result[:2] = x[:2]
        result[2] = 2 * x[2]
        assert result.dtype == np.float32
        return np.sum(result)

    value, g = value_and_grad(f)(X.astype(np.float32))
    assert type(value) is np.float32
    assert g.dtype == np.float32
    assert g.tolist() == [1.0, 1.0, 2.0]


def test_the_arguments_array_stays_as_it_is():
    x = X.copy()

    def f(x):
        x[0] = 10.0
        x *= 2
        return np.sum(x * x)

    np.testing.assert_array_equal(grad(f)(x), [0.0, 8 * 2.0, 8 * 4.0])
    np.testing.assert_array_equal(x, X)
    vjp(f, x)
    np.testing.assert_array_equal(x, X)


def test_what_the_function_returns_is_plain():
    def f(x):
        result = np.zeros(3)
        result[0] = x[0]
        untouched = np.ones(2)
        return np.sum(result), (result, untouched, np.zeros(1) + 1)

    _, aux = grad(f, has_aux=True)(X)
    assert [type(part) for part in aux] == [np.ndarray] * 3
    assert aux[0].tolist() == [1.0, 0.0, 0.0]
    value, _ = vjp(lambda x: f(x)[1], X)
    assert [type(part) for part in value] == [np.ndarray] * 3


def test_numpy_is_itself_again():
    own = np.zeros, np.array, np.r_

    def f(x):
        raise KeyError

    grad(filled_by_entry)(X)
    with pytest.raises(KeyError):
        grad(f)(1.0)
    assert (np.zeros, np.array, np.r_) == own
    assert type(np.zeros(2)) is np.ndarray


@pytest.mark.parametrize("flat", [np.ravel, lambda x: x.reshape(-1)])
def test_a_copy_that_reshape_makes(flat):
    def f(x):
        old = flat(x.T)
        x += 1
        return np.sum(old * np.arange(6.0))

    value, g = value_and_grad(f)(M)
    assert value == f(M.copy())
    np.testing.assert_array_equal(g, [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]])


def test_output_into_a_view_of_an_array_that_became_traced():
    def f(x):
        whole = np.zeros(3)
        part = whole[1:]
        whole += x
        np.multiply(part, 0.5, out=part)
        return np.sum(whole)

    np.testing.assert_array_equal(grad(f)(X), [1.0, 0.5, 0.5])


# Mistakes.


def message_of(f, *args):
    with pytest.raises(TraceError) as problem:
        grad(f)(*args)
    assert __file__ in str(problem.value).splitlines()[-1]
    return str(problem.value)


def test_a_number_cannot_be_assigned_into():
    def f(x):
        x[()] = 1.0
        return x

    assert "number" in message_of(f, 1.0)


def test_in_place_operators_keep_shape_and_dtype():
    def widened(x):
        y = x[:1] * 1.0
        y += x
        return np.sum(y)

    def rounded(x):
        y = x.astype(np.complex128)
        x += y
        return np.sum(np.abs(x))

    assert "shape (3,)" in message_of(widened, X)
    assert "complex128" in message_of(rounded, X)


@pytest.mark.parametrize(
    ("key", "item"),
    [
        (5, 1.0),
        ((0, 0), 1.0),
        (slice(0, 2), np.ones(3)),
        ([0, 7], 1.0),
        (np.array([True, False]), 1.0),
        (0, np.ones(2)),
    ],
)
def test_numpys_own_errors(key, item):
    def f(x):
        y = x * 1.0
        y[key] = item
        return np.sum(y)

    with pytest.raises((IndexError, ValueError, TypeError)):
        f(X)
    with pytest.raises((IndexError, ValueError, TypeError)):
        grad(f)(X)


# Random programs: views, aliases and writes in any order.

# (what it does to the list of arrays, given two of them)
STEPS = {
    "copy": lambda env, a, b: env.append(a.copy()),
    "alias": lambda env, a, b: env.append(a),
    "new": lambda env, a, b: env.append(np.zeros((2, 3))),
    "new of b": lambda env, a, b: env.append(np.full((2, 3), b.mean())),
    "sine": lambda env, a, b: env.append(np.sin(a)),
    "row": lambda env, a, b: env.append(a[0]) if a.ndim > 1 else None,
    "column": lambda env, a, b: env.append(a[:, -1]) if a.ndim > 1 else None,
    "backwards": lambda env, a, b: env.append(a[::-1]),
    "transposed": lambda env, a, b: env.append(a.T),
    "flat": lambda env, a, b: env.append(a.reshape(-1)),
    "ravelled": lambda env, a, b: env.append(np.ravel(a)),
    "part": lambda env, a, b: env.append(a[1:]),
    "picked": lambda env, a, b: env.append(a[[0, -1]]),
    "set all": lambda env, a, b: a.__setitem__(Ellipsis, b.sum() * 0.3),
    "set first": lambda env, a, b: a.__setitem__(0, b.mean()),
    "set last of all": lambda env, a, b: a.__setitem__((Ellipsis, -1), 0.5 * b.max()),
    "set by places": lambda env, a, b: a.__setitem__([0, -1], b.mean() + 1.0),
    "set by mask": lambda env, a, b: a.__setitem__(a > 0.3, b.min()),
    "set slice": lambda env, a, b: a.__setitem__(slice(None, None, 2), a[::2] * b.mean()),
    "set from b": lambda env, a, b: a.__setitem__(Ellipsis, b) if a.shape == b.shape else None,
    "add": lambda env, a, b: a.__iadd__(b) if a.shape == b.shape else a.__iadd__(b.sum()),
    "multiply": lambda env, a, b: a.__imul__(b.mean()),
    "multiply part": lambda env, a, b: a[:1].__imul__(1.5),
    "add to row": lambda env, a, b: a[0].__iadd__(b.mean()) if a.ndim > 1 else None,
    "output": lambda env, a, b: np.multiply(a, 0.5, out=a),
    "output of both": lambda env, a, b: np.add(a, b, out=a) if a.shape == b.shape else None,
    "set constant": lambda env, a, b: a.__setitem__(-1, 0.25),
    "swap": lambda env, a, b: a.__setitem__([0, -1], a[[-1, 0]]),
    "copyto": lambda env, a, b: np.copyto(a, b.mean()),
}


def run(lines, x):
    """What all arrays of a program add up to, each entry with a weight of its own."""
    env = [x, np.array([[0.5, -1.0, 0.2], [1.5, 0.1, -0.7]])]
    for name, i, j in lines:
        a, b = env[i % len(env)], env[j % len(env)]
        if a.size and b.size:
            STEPS[name](env, a, b)
    total = 0.0
    for k, a in enumerate(env):
        total = total + np.sum(a * np.cos(np.arange(a.size) + k).reshape(a.shape))
    return total


@st.composite
def programs(draw):
    """Steps, each with two of the arrays made so far."""
    names = st.sampled_from(sorted(STEPS))
    return [(draw(names), draw(st.integers(0, 9)), draw(st.integers(0, 9))) for _ in range(draw(st.integers(1, 8)))]


@settings(max_examples=3 * settings().max_examples)
@given(programs(), st.integers(0, 2**32 - 1))
def test_random_programs(lines, seed):
    rng = np.random.default_rng(seed)
    x, d = rng.uniform(-1, 1, (2, 2, 3))
    expected = run(lines, x.copy())
    before = x.copy()
    value, g = value_and_grad(lambda x: run(lines, x))(x)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)
    slope = along(lambda x: run(lines, x.copy()), x, d)
    if slope is not None:
        np.testing.assert_allclose(np.sum(g * d), slope, rtol=1e-6, atol=1e-6)
    # The graph says the same, and the gradient of the gradient runs.
    graph = trace(lambda x: run(lines, x))(x)
    verify(graph)
    np.testing.assert_allclose(evaluate(graph, x)[0], expected, rtol=1e-12, atol=1e-12)

    def phi(x):
        return np.sum(grad(lambda x: run(lines, x))(x) * d)

    curve, expected = np.sum(grad(phi)(x) * d), along(phi, x, d)
    if slope is not None and expected is not None:
        np.testing.assert_allclose(curve, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("made", [lambda: np.linspace(0.0, 1.0, 3), lambda: np.arange(3.0)], ids=["linspace", "arange"])
def test_ranges_take_traced_values(made):
    def f(x):
        steps = made()
        steps[1] = x * x
        return np.sum(steps)

    assert grad(f)(3.0) == 6.0
    assert type(made()) is np.ndarray
