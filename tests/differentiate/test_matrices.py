"""`jacobian` and `hessian`: many directions at once give what one after the other gives, in a stated memory."""

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
from tests.differentiate.row_by_row import by_rows

from chainrule import (
    TraceError,
    cond,
    custom_gradient,
    grad,
    hessian,
    jacobian,
    jvp,
    recompute,
    scan,
    trace,
    tree,
    vectorize,
    while_loop,
)
from chainrule.differentiate.chunks import chunk_length
from chainrule.errors import OptionError
from chainrule.evaluate import evaluate

rng = np.random.default_rng(3)
X, T = rng.normal(size=(20, 6)), rng.integers(0, 2, 20).astype(float)
W = rng.normal(size=6)
MODES = ("forward", "reverse", None)


def loss(w):
    z = X @ w
    return np.mean(np.logaddexp(0, z) - T * z) + 0.05 * np.sum(w**2)


def network(parameters, x):
    (w1, b1), w2 = parameters["hidden"], parameters["out"]
    return np.tanh(x @ w1 + b1) @ w2


PARAMETERS = {"hidden": (rng.normal(size=(6, 4)), rng.normal(size=4)), "out": rng.normal(size=4)}


def cost(parameters):
    return np.mean((network(parameters, X) - T) ** 2)


# Known matrices.


@pytest.mark.parametrize("mode", MODES)
def test_a_matrix_is_its_own_jacobian(mode):
    a = rng.normal(size=(3, 5))
    np.testing.assert_array_equal(jacobian(lambda x: a @ x, mode=mode)(np.ones(5)), a)


def test_the_hessian_of_logistic_regression():
    """X^T diag(p (1 - p)) X / n + lambda I."""
    p = 1 / (1 + np.exp(-X @ W))
    expected = X.T @ ((p * (1 - p))[:, None] * X) / len(X) + 0.1 * np.eye(6)
    np.testing.assert_allclose(hessian(loss)(W), expected, rtol=1e-12, atol=1e-14)


def test_a_hessian_is_symmetric_to_rounding():
    w = rng.normal(size=(5, 6))
    found = hessian(lambda w: np.sum(np.tanh(X @ w.T) ** 3))(w)
    assert found.shape == (5, 6, 5, 6)
    np.testing.assert_allclose(found, np.transpose(found, (2, 3, 0, 1)), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_shapes(mode):
    x = rng.normal(size=(2, 3))
    found = jacobian(lambda x: np.sin(x)[:, :, None] * np.arange(4.0), mode=mode)(x)
    assert found.shape == (2, 3, 4, 2, 3)
    expected = np.einsum("ij,k,ia,jb->ijkab", np.cos(x), np.arange(4.0), np.eye(2), np.eye(3))
    np.testing.assert_allclose(found, expected)


def test_the_result_belongs_to_the_caller():
    for mode in MODES:
        found = jacobian(lambda x: 2 * x, mode=mode)(np.ones(3))
        assert found.flags.writeable
        assert found.flags.c_contiguous
        assert found.base is None or found.base.size == found.size


def test_the_function_runs_once():
    calls = []

    def f(x):
        calls.append(1)
        return np.sin(x)

    for mode in MODES:
        calls.clear()
        jacobian(f, mode=mode, memory=1)(np.ones(5))
        assert len(calls) == 1


@pytest.mark.parametrize("mode", MODES)
def test_decisions_are_followed(mode):
    def f(x):
        return x**2 if x[0] > 0 else -x

    np.testing.assert_array_equal(jacobian(f, mode=mode)(np.array([1.0, 2.0])), np.diag([2.0, 4.0]))
    np.testing.assert_array_equal(jacobian(f, mode=mode)(np.array([-1.0, 2.0])), -np.eye(2))


@pytest.mark.parametrize("mode", MODES)
def test_filled_arrays(mode):
    def f(x):
        y = np.zeros(8)
        y[0] = x[0]
        for k in range(1, 8):
            y[k] = y[k - 1] * np.sin(x[k])
        y[2:5] += x[:3] ** 2
        y[[0, -1]] *= 3.0
        return y

    x = rng.normal(size=8)
    np.testing.assert_allclose(jacobian(f, mode=mode)(x), by_rows(f, x)[0][0], rtol=1e-13)
    second = hessian(lambda x: np.sum(f(x) ** 2))(x)
    np.testing.assert_allclose(second, by_rows(grad(lambda x: np.sum(f(x) ** 2)), x)[0][0], rtol=1e-10, atol=1e-12)


# Trees and several arguments.


@dataclass
class Pair:
    a: object
    b: object


@pytest.mark.parametrize("mode", MODES)
def test_trees(mode):
    def f(p, x):
        return {"y": network(p, x), "z": (np.sum(p["out"]), Pair(x, 3.0))}

    found = jacobian(f, (0, 1), mode=mode)(PARAMETERS, X[0])
    by_parameters, by_input = found["y"]
    assert by_parameters["hidden"][0].shape == (6, 4)
    np.testing.assert_allclose(by_parameters["hidden"][0], grad(network)(PARAMETERS, X[0])["hidden"][0])
    np.testing.assert_allclose(by_input, grad(network, 1)(PARAMETERS, X[0]))
    np.testing.assert_array_equal(found["z"][0][0]["out"], np.ones(4))
    np.testing.assert_array_equal(found["z"][0][1], np.zeros(6))
    np.testing.assert_array_equal(found["z"][1].a[1], np.eye(6))
    np.testing.assert_array_equal(found["z"][1].b[1], np.zeros(6))


def test_the_hessian_by_a_tree():
    """Block by block what the Hessian by one long vector is."""
    leaves, structure = tree.flatten(PARAMETERS)
    ends = np.cumsum([x.size for x in leaves])
    flat = np.concatenate([x.ravel() for x in leaves])

    def of_vector(v):
        parts = np.split(v, ends[:-1])
        return cost(structure.unflatten(p.reshape(x.shape) for p, x in zip(parts, leaves, strict=True)))

    whole = hessian(of_vector)(flat)
    found = hessian(cost)(PARAMETERS)
    rows = [*found["hidden"], found["out"]]
    blocks = [
        [block.reshape(x.size, y.size) for block, y in zip(tree.leaves(row), leaves, strict=True)]
        for row, x in zip(rows, leaves, strict=True)
    ]
    np.testing.assert_allclose(np.block(blocks), whole, rtol=1e-11, atol=1e-13)


def test_several_arguments_and_names():
    def f(a, x, scale=1.0):
        return scale * np.sum(a * x**2)

    x = np.array([1.0, 2.0, 3.0])
    (aa, ax), (xa, xx) = hessian(f, ("a", "x"))(2.0, x)
    assert aa == 0.0
    np.testing.assert_array_equal(ax, 2 * x)
    np.testing.assert_array_equal(xa, 2 * x)
    np.testing.assert_array_equal(xx, 4 * np.eye(3))
    np.testing.assert_array_equal(hessian(f, "x")(2.0, x, scale=2.0), 8 * np.eye(3))
    assert jacobian(f, "scale")(2.0, x, scale=3.0) == 28.0


# Sizes.


@pytest.mark.parametrize("mode", MODES)
def test_numbers(mode):
    assert jacobian(lambda x: x**3, mode=mode)(2.0) == 12.0
    assert jacobian(lambda x: x**3, mode=mode)(2) == 12.0
    assert jacobian(lambda x: x**3, mode=mode)(np.float32(2)).dtype == np.float32
    assert jacobian(lambda x: x**3, mode=mode)(np.array(2.0)).shape == ()
    np.testing.assert_array_equal(jacobian(lambda x: x * np.arange(3.0), mode=mode)(2.0), np.arange(3.0))
    np.testing.assert_array_equal(jacobian(np.sum, mode=mode)(np.ones((2, 2))), np.ones((2, 2)))
    assert hessian(lambda x: x**3)(2.0) == 12.0
    assert hessian(lambda x: 3.0 * x)(2.0) == 0.0


@pytest.mark.parametrize("mode", MODES)
def test_empty(mode):
    assert jacobian(lambda x: 2 * x, mode=mode)(np.zeros(0)).shape == (0, 0)
    assert jacobian(lambda x: x[:0], mode=mode)(np.ones(3)).shape == (0, 3)
    assert jacobian(lambda x: np.concatenate([x, np.ones(2)]), mode=mode)(np.zeros(0)).shape == (2, 0)
    assert jacobian(lambda x: {}, mode=mode)(np.ones(2)) == {}
    assert hessian(lambda x: np.sum(x**2))(np.zeros((0, 2))).shape == (0, 2, 0, 2)


@pytest.mark.parametrize("mode", MODES)
def test_what_depends_on_nothing(mode):
    for constant in (np.ones(3), np.arange(3), 2, 2.0, np.float32(1)):
        found = jacobian(lambda x: constant, mode=mode)(np.ones(2))  # noqa: B023
        assert found.shape == (*np.shape(constant), 2)
        assert found.dtype == np.float64
        assert not np.any(found)
    np.testing.assert_array_equal(jacobian(lambda x: np.floor(x), mode=mode)(np.ones(2)), np.zeros((2, 2)))


# Types.


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dtypes(mode, dtype):
    x = np.array([0.5, 1.0, 2.0]).astype(dtype)
    found = jacobian(lambda x: np.exp(2.5 * x) * 3, mode=mode)(x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, np.diag(7.5 * np.exp(2.5 * x)), rtol=1e-5)
    assert jacobian(lambda x: x.real * np.float32(2), mode=mode)(x).dtype == dtype


@pytest.mark.parametrize("mode", MODES)
def test_mixed_dtypes(mode):
    """The dtype is that of a product of the output and the argument."""
    assert jacobian(lambda x: x * np.float64(2), mode=mode)(np.ones(2, np.float32)).dtype == np.float64
    assert jacobian(lambda x: x.astype(np.float32), mode=mode)(np.ones(2)).dtype == np.float64
    assert jacobian(lambda x: x * np.ones(3, np.float32), mode=mode)(2.0).dtype == np.float32
    assert hessian(lambda x: np.sum(x**3))(np.ones(2, np.float32)).dtype == np.float32


@pytest.mark.parametrize("mode", MODES)
def test_complex_numbers(mode):
    """df/du - i df/dv of the real part; for a real argument the complex derivative."""
    z, x = np.array([1 + 2j, 0.5 - 1j]), np.array([0.5, 2.0])
    np.testing.assert_allclose(jacobian(lambda z: np.abs(z) ** 2, mode=mode)(z), np.diag(2 * np.conj(z)))
    np.testing.assert_allclose(jacobian(lambda z: z**3, mode=mode)(z), np.diag(3 * z**2))
    np.testing.assert_allclose(jacobian(np.conj, mode=mode)(z), np.eye(2))
    np.testing.assert_allclose(jacobian(np.imag, mode=mode)(z), -1j * np.eye(2))
    np.testing.assert_allclose(jacobian(lambda x: np.exp(1j * x), mode=mode)(x), np.diag(1j * np.exp(1j * x)))
    assert jacobian(lambda z: z**2, mode=mode)(1 + 2j) == 2 + 4j
    assert jacobian(lambda z: abs(z) ** 2, mode=mode)(1 + 2j) == 2 - 4j
    assert jacobian(lambda x: x * (1 + 2j), mode=mode)(3.0) == 1 + 2j
    by_z, by_x = jacobian(lambda z, x: z * x, (0, 1), mode=mode)(z, x)
    np.testing.assert_allclose(by_z, np.diag(x))
    np.testing.assert_allclose(by_x, np.diag(z))


def test_complex_arguments_agree_with_real_ones():
    """A function of z = u + iv is one of u and v."""

    def f(u, v):
        return np.stack([u**2 * v[::-1], np.sin(u) * np.exp(v)])

    u, v = rng.normal(size=3), rng.normal(size=3)
    by_u, by_v = jacobian(f, (0, 1))(u, v)
    for mode in MODES:
        np.testing.assert_allclose(
            jacobian(lambda z: f(z.real, z.imag), mode=mode)(u + 1j * v), by_u - 1j * by_v, rtol=1e-12, atol=1e-14
        )
    g = jacobian(grad(lambda z: np.sum(f(z.real, z.imag) ** 2)), mode="reverse")(u + 1j * v)
    np.testing.assert_allclose(hessian(lambda z: np.sum(f(z.real, z.imag) ** 2))(u + 1j * v), g, rtol=1e-11, atol=1e-12)


# Zero stays zero, in the direction where it does.


@pytest.mark.parametrize("mode", MODES)
def test_zero_stays_zero(mode):
    a = np.arange(12.0).reshape(3, 4)

    def f(x, s):
        y = np.log(x)
        return np.where(x > 0, y, 0.0) + np.where(x[0] > 0, np.sum(y @ s), 0.0)

    x = np.array([0.0, 1.0, 2.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        by_x, by_s = jacobian(f, (0, 1), mode=mode)(x, a)
    np.testing.assert_array_equal(by_x, np.diag([0.0, 1.0, 0.5]))
    np.testing.assert_array_equal(by_s, np.zeros((3, 3, 4)))


@pytest.mark.parametrize("mode", MODES)
def test_a_product_that_is_infinite_in_some_rows(mode):
    """Of the product a @ s with a = (-inf, 0, log 2) only one entry is used: in the other rows 0 times inf stays 0."""
    use = np.array([False, True, False, False])
    x, s = np.array([0.0, 1.0, 2.0]), np.arange(12.0).reshape(3, 4) + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        found = jacobian(lambda s: np.where(use, np.log(x) @ s, 0.0), mode=mode)(s)
    expected = np.zeros((4, 3, 4))
    expected[1, :, 1] = [-np.inf, 0.0, np.log(2.0)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_product_that_is_infinite_in_some_examples(count):
    """The examples are an axis of their own where the careful pass looks at what is finite."""
    s = np.arange(12.0).reshape(3, 4) + 1

    def f(x, s):
        return np.where(x[0] > 0, np.sum(np.log(x) @ s), 0.0)

    x = np.linspace(0.0, 3.0, 3 * count).reshape(count, 3)
    x[-1, 1] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        for k in (0, 1):
            expected = [grad(f, k)(row, s) for row in x]
            assert not np.any(expected[0])
            np.testing.assert_allclose(vectorize(grad(f, k), (0, None))(x, s), expected)


# Within other transformations.


def test_derivatives_of_a_hessian():
    def f(x):
        return np.sum(np.sin(x) * x[::-1] ** 2)

    x, d = rng.normal(size=4), rng.normal(size=4)
    third = jacobian(hessian(f))(x)
    assert third.shape == (4, 4, 4)
    step = 1e-5
    along = (hessian(f)(x + step * d) - hessian(f)(x - step * d)) / (2 * step)
    np.testing.assert_allclose(third @ d, along, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(jvp(hessian(f), (x,), (d,))[1], third @ d, rtol=1e-12)
    seed = rng.normal(size=(4, 4))
    for memory in (1, 2**20):
        pulled = grad(lambda x: np.sum(seed * hessian(f, memory=memory)(x)))(x)  # noqa: B023
        np.testing.assert_allclose(pulled, np.einsum("ij,ijk->k", seed, third), rtol=1e-11)
        again = hessian(lambda x: np.sum(jacobian(np.sin, memory=memory)(x) ** 2))(x)  # noqa: B023
        np.testing.assert_allclose(again, np.diag(-2 * np.cos(2 * x)), rtol=1e-10, atol=1e-14)


def test_newtons_step_is_differentiated():
    """The determinant of a Hessian, its logarithm and a solve with it are functions like others."""

    def f(x, a):
        return np.sum(np.cosh(a * x)) + np.sum(x) ** 2

    def step(a):
        x = np.array([0.3, -0.2])
        h, g = hessian(f)(x, a), grad(f)(x, a)
        det = h[0, 0] * h[1, 1] - h[0, 1] * h[1, 0]
        return (h[1, 1] * g[0] - h[0, 1] * g[1]) / det

    assert abs(grad(step)(1.1) - (step(1.1 + 1e-6) - step(1.1 - 1e-6)) / 2e-6) < 1e-8


@pytest.mark.parametrize("memory", [1, 400, 2**20])
def test_under_vectorize(memory):
    w = rng.normal(size=(5, 6))
    found = vectorize(hessian(loss, memory=memory))(w)
    np.testing.assert_allclose(found, np.stack([hessian(loss)(row) for row in w]), rtol=1e-12, atol=1e-15)

    def f(x, a):
        return np.tanh(a @ x)

    a = rng.normal(size=(5, 3, 6))
    for mode in MODES:
        found = vectorize(jacobian(f, (0, 1), mode=mode, memory=memory), (0, 0))(w, a)
        rows = [jacobian(f, (0, 1))(x, y) for x, y in zip(w, a, strict=True)]
        for k in (0, 1):
            np.testing.assert_allclose(found[k], np.stack([row[k] for row in rows]), rtol=1e-12, atol=1e-15)


def test_a_jacobian_of_what_is_vectorized():
    def one(w, x):
        return np.sum(np.tanh(w * x))

    for mode in MODES:
        found = jacobian(lambda w: vectorize(grad(one), (None, 0))(w, X), mode=mode)(W)
        np.testing.assert_allclose(found, np.stack([hessian(one)(W, x) for x in X]), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("memory", [1, 2**20])
def test_inside_a_body_without_values(memory):
    """Newton's method, damped, as a loop whose body is recorded once, and its derivative."""

    def f(x):
        return np.sum(np.cosh(x) + x**2)

    def newton(x0):
        def step(x, _):
            h = hessian(f, memory=memory)(x)
            return x - 0.5 * grad(f)(x) / np.sum(h, axis=1), jacobian(np.sin, memory=memory)(x)

        return scan(step, x0, length=3)

    def plain(x):
        for _ in range(3):
            x = x - 0.5 * (np.sinh(x) + 2 * x) / (np.cosh(x) + 2)
        return x

    x0 = np.array([0.5, -1.0, 2.0])
    end, slopes = newton(x0)
    np.testing.assert_allclose(end, plain(x0), atol=1e-15)
    np.testing.assert_allclose(slopes[0], np.diag(np.cos(x0)), atol=1e-15)
    np.testing.assert_allclose(grad(lambda x: np.sum(newton(x)[0]))(x0), grad(lambda x: np.sum(plain(x)))(x0))


def loops(x):
    total, _ = scan(lambda c, a: (np.tanh(c * a), c), np.sum(x), x)
    square = cond(x[0] > 0, lambda x: x**2, lambda x: -x, x)
    root = while_loop(lambda y: np.sum(y**2) > 1.0, lambda y: y * 0.5 * np.cos(x), x)
    return total * square + recompute(lambda x: np.exp(np.sin(x)) * total)(x) + root


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("memory", [1, 2**20])
def test_through_loops_and_branches(mode, memory):
    for x in (np.array([0.5, -1.0, 2.0]), np.array([-0.5, 1.0, 2.0])):
        expected = by_rows(loops, x)[0][0]
        np.testing.assert_allclose(jacobian(loops, mode=mode, memory=memory)(x), expected, rtol=1e-12, atol=1e-14)
        second = by_rows(grad(lambda x: np.sum(loops(x))), x)[0][0]
        found = hessian(lambda x: np.sum(loops(x)), memory=memory)(x)
        np.testing.assert_allclose(found, second, rtol=1e-11, atol=1e-13)


def test_a_hessian_is_a_graph():
    graph = trace(hessian(loss))(W)
    other = rng.normal(size=6)
    np.testing.assert_allclose(evaluate(graph, other)[0], hessian(loss)(other), rtol=1e-12)


# Chunks.


@pytest.mark.parametrize(
    ("count", "one", "memory", "length"),
    [(10, 8, 80, 10), (10, 8, 79, 5), (10, 8, 39, 4), (10, 8, 8, 1), (10, 8, 7, 1), (0, 8, 80, 0), (7, 0, 1, 1)],
)
def test_chunk_lengths(count, one, memory, length):
    assert chunk_length(count, one, memory) == length


def counted(sizes):
    """The identity, which notes how many directions come to its rule at once."""

    @custom_gradient(lambda g, ans, x: (sizes.append(getattr(getattr(g, "recording", None), "size", 1)), g)[1])
    def identity(x):
        return x

    return identity


@pytest.mark.interpreted("it counts calls")
def test_chunks_follow_from_the_memory():
    x = rng.normal(size=10)
    sizes = []
    identity = counted(sizes)

    def f(x):
        return np.sin(identity(x)) * x

    expected = np.diag(np.cos(x) * x + np.sin(x))
    seen = {}
    for memory in (1, 500, 1000, 2000, 4000, 2**28):
        sizes.clear()
        np.testing.assert_allclose(jacobian(f, mode="reverse", memory=memory)(x), expected, rtol=1e-14)
        assert sum(sizes) == 10
        seen[memory] = list(sizes)
    assert seen[1] == [1] * 10
    assert seen[2**28] == [10]
    # Between one and all there are chunks that do not divide the ten, of about one size.
    assert len({len(s) for s in seen.values()}) > 3
    assert any(len(set(s)) > 1 for s in seen.values())
    assert all(max(s) - min(s) <= len(s) for s in seen.values())


def test_chunks_under_vectorize_count_the_examples():
    """Arrays of eight examples take eight times the memory of one."""
    sizes = []
    identity = counted(sizes)
    x = rng.normal(size=10)
    seen = []
    for memory, run in (
        (3000, lambda g: g(x)),
        (24000, lambda g: g(x)),
        (24000, lambda g: vectorize(g)(np.stack([x] * 8))),
    ):
        sizes.clear()
        run(jacobian(lambda x: np.sin(identity(x)) * x, mode="reverse", memory=memory))
        seen.append(list(sizes))
    assert seen[2] == seen[0] != seen[1]


@pytest.mark.interpreted("it counts calls")
def test_a_rule_that_takes_a_decision_goes_row_by_row():
    seen = []

    def rule(g, ans, x):
        seen.append(1)
        if np.sum(g) > 0.5:
            return g * 2
        return g + g

    double = custom_gradient(rule)(lambda x: 2 * x)
    for mode in ("reverse", None):
        seen.clear()
        np.testing.assert_array_equal(jacobian(lambda x: double(np.sin(x)), mode=mode)(np.zeros(4)), 2 * np.eye(4))
        assert len(seen) == 5

    def broken(g, ans, x):
        out = np.zeros(3)
        for k in range(3):
            out[k] = float(g[k])
        return out

    loop = custom_gradient(broken)(lambda x: 1 * x)
    np.testing.assert_array_equal(jacobian(loop, mode="reverse")(np.zeros(3)), np.eye(3))


def test_errors_of_a_rule_are_the_users():
    def rule(g, ans, x):
        raise ValueError("mine")

    f = custom_gradient(rule)(lambda x: 2 * x)
    with pytest.raises(ValueError, match=r"^mine$"):
        jacobian(f, mode="reverse")(np.ones(3))
    wrong = custom_gradient(lambda g, ans, x: g[:1])(lambda x: 2 * x)
    with pytest.raises(TraceError, match=r"returned shape \(1,\)"):
        jacobian(wrong, mode="reverse")(np.ones(3))


# Memory.


def peak(f, *args):
    """Most bytes that were in use at once while `f` ran, besides what it returned."""
    f(*args)
    tracemalloc.start()
    try:
        found = f(*args)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return most - sum(x.nbytes for x in tree.leaves(found))


def wide(w):
    z = DATA @ w
    return np.mean(np.logaddexp(0, z)) + np.sum(w**2)


def layers(w):
    y = DATA[:100, :40]
    for k in range(0, 160, 40):
        y = np.tanh(y * w[k : k + 40] + 0.1 * y @ SQUARE)
    return np.sum(y, axis=1)


def recurrent(w):
    start = np.zeros((20, 100))
    end, path = scan(lambda c, x: (np.tanh(c * w[:100] + x * w[100:]), np.sum(c)), start, DATA[:8, :100])
    return np.sum(end.reshape(20, 4, 25), axis=2).ravel() + np.sum(path)


def blocks(w):
    y = DATA[:100]
    for k in range(0, 160, 40):
        y = recompute(lambda y, u: np.exp(np.sin(np.cos(y[:, :40]) * u)))(y, w[k : k + 40])
    return np.sum(y, axis=1)


def careful(w):
    y = np.where(w > 100, np.log(w * 0), w)
    return np.tanh(DATA @ np.where(y > 100, y, w))


DATA, SQUARE = rng.normal(size=(1000, 200)), rng.normal(size=(40, 40)) / 8
POINT = rng.normal(size=200)
LARGE = {
    "hessian": (wide, lambda f, memory: hessian(f, memory=memory)),
    "layers, forward": (layers, lambda f, memory: jacobian(f, mode="forward", memory=memory)),
    "layers, reverse": (layers, lambda f, memory: jacobian(f, mode="reverse", memory=memory)),
    "layers, hessian": (lambda w: np.sum(layers(w) ** 2), lambda f, memory: hessian(f, memory=memory)),
    "scan, forward": (recurrent, lambda f, memory: jacobian(f, mode="forward", memory=memory)),
    "scan, reverse": (recurrent, lambda f, memory: jacobian(f, mode="reverse", memory=memory)),
    "scan, hessian": (lambda w: np.sum(recurrent(w)), lambda f, memory: hessian(f, memory=memory)),
    "recompute": (blocks, lambda f, memory: jacobian(f, mode="forward", memory=memory)),
    "recompute, hessian": (lambda w: np.sum(blocks(w) ** 2), lambda f, memory: hessian(f, memory=memory)),
    "careful": (careful, lambda f, memory: jacobian(f, mode="forward", memory=memory)),
}


@pytest.mark.interpreted("it measures memory")
@pytest.mark.parametrize("name", LARGE)
def test_memory_stays_within_the_budget(name):
    """What a chunk takes beyond one row at a time is within the budget, and makes use of it."""
    f, make = LARGE[name]
    with np.errstate(all="ignore"):
        alone = peak(make(f, 1), POINT)
        whole = peak(make(f, 2**40), POINT) - alone
        assert whole > 2**19
        for memory in (whole // 2, whole // 4):
            more = peak(make(f, memory), POINT) - alone
            assert more <= memory
            assert more >= memory / 32


# What cannot be.


def test_errors():
    with pytest.raises(OptionError, match="mode should be 'forward', 'reverse' or None, found 'both'"):
        jacobian(np.sin, mode="both")
    for memory in (0, -1, 1.5, True, None, "1"):
        with pytest.raises(OptionError, match="memory should be a positive whole number of bytes"):
            jacobian(np.sin, memory=memory)
        with pytest.raises(OptionError, match="memory should be a positive whole number of bytes"):
            hessian(np.sin, memory=memory)
    with pytest.raises(TraceError, match="x has dtype int64"):
        jacobian(lambda x: x * 2.0)(np.arange(3))
    with pytest.raises(TraceError, match="a gradient needs one real number"):
        hessian(lambda x: x * 2.0)(np.ones(3))
    with pytest.raises(TraceError, match="returned str"):
        jacobian(lambda x: "x")(np.ones(3))
    with pytest.raises(OptionError, match="no argument 'y'"):
        jacobian(lambda x: x, "y")(1.0)
