"""Functions followed by compositions: their errors are NumPy's, their limits are named, their forms are stable."""

import re

import numpy as np
import pytest
import scipy.linalg
import scipy.special

from chainrule import NoDerivativeError, TraceError, grad, trace, value_and_grad, vjp
from chainrule.evaluate import evaluate
from chainrule.graph import verify

V = np.array([1.0, 2.0, 4.0])
M = np.array([[1.0, 2.0, 4.0], [8.0, 5.0, 7.0]])
PLAIN = np.zeros(6)


# Wrong calls raise what NumPy raises.

MISTAKES = {
    "sum axis": lambda x: np.sum(x, axis=2),
    "sum axis twice": lambda x: np.sum(x, axis=(0, 0)),
    "max of nothing": lambda x: np.max(x[:0]),
    "mean axis": lambda x: np.mean(x, axis=-3),
    "cumsum axis": lambda x: np.cumsum(x, axis=5),
    "sort axis": lambda x: np.sort(x, axis=2),
    "reshape": lambda x: x.reshape(4),
    "reshape open": lambda x: x.reshape(-1, 4),
    "reshape open twice": lambda x: x.reshape(-1, -1),
    "transpose short": lambda x: np.transpose(x, (0,)),
    "transpose twice": lambda x: np.transpose(x, (0, 0)),
    "swapaxes": lambda x: np.swapaxes(x, 0, 2),
    "moveaxis": lambda x: np.moveaxis(x, (0, 1), 0),
    "squeeze": lambda x: np.squeeze(x, axis=0),
    "expand_dims": lambda x: np.expand_dims(x, 4),
    "broadcast_to": lambda x: np.broadcast_to(x, (3, 3)),
    "broadcast": lambda x: x + np.ones(4),
    "concatenate nothing": lambda x: np.concatenate([x[0, 0]]),
    "concatenate ndim": lambda x: np.concatenate([x, V]),
    "concatenate length": lambda x: np.concatenate([x, x[:, :2]]),
    "stack": lambda x: np.stack([x, x[:1]]),
    "stack axis": lambda x: np.stack([x, x], axis=3),
    "vstack": lambda x: np.vstack([x, x[:, :2]]),
    "split": lambda x: np.split(x, 2, axis=1),
    "hsplit of a number": lambda x: np.hsplit(x[0, 0], 1),
    "vsplit of a vector": lambda x: np.vsplit(x[0], 1),
    "take": lambda x: np.take(x, [6]),
    "index": lambda x: x[2],
    "index float": lambda x: x[1.0],
    "too many indices": lambda x: x[0, 0, 0],
    "boolean index": lambda x: x[np.ones(3, bool)],
    "matmul": lambda x: x @ x,
    "matmul of a number": lambda x: x @ 2.0,
    "dot": lambda x: np.dot(x, x),
    "inner": lambda x: np.inner(x, V[:2]),
    "vdot": lambda x: np.vdot(x, V),
    "tensordot": lambda x: np.tensordot(x, x, 1),
    "tensordot axes": lambda x: np.tensordot(x, x, ([0], [2])),
    "einsum terms": lambda x: np.einsum("ij,jk", x),
    "einsum ndim": lambda x: np.einsum("ijk", x),
    "einsum length": lambda x: np.einsum("ij,jk", x, x),
    "einsum unknown": lambda x: np.einsum("ij->k", x),
    "trace": lambda x: np.trace(x[0]),
    "diag": lambda x: np.diag(x[None]),
    "diagonal": lambda x: np.diagonal(x, 0, 0, 0),
    "repeat": lambda x: np.repeat(x, [1, 2], axis=1),
    "roll": lambda x: np.roll(x, 1, axis=2),
    "flip": lambda x: np.flip(x, 2),
    "flipud of a number": lambda x: np.flipud(x[0, 0]),
    "fliplr of a vector": lambda x: np.fliplr(x[0]),
    "norm order": lambda x: np.linalg.norm(x[0], "fro"),
    "norm of three axes": lambda x: np.linalg.norm(x[None], 1),
    "norm axes": lambda x: np.linalg.norm(x, axis=(0, 0)),
    "average": lambda x: np.average(x, weights=V),
    "average axis": lambda x: np.average(x, axis=0, weights=V),
    "pad": lambda x: np.pad(x, ((1, 1), (1, 1), (1, 1))),
    "pad negative": lambda x: np.pad(x, -1),
    "item": lambda x: x.item(),
    "len": lambda x: len(x[0, 0]),
    "iter": lambda x: list(x[0, 0]),
    "clip nothing": lambda x: np.clip(x, np.ones(4), None),
    "partition": lambda x: np.partition(x, 3),
    "quantile share": lambda x: np.quantile(x, 1.5),
    "quantile method": lambda x: np.quantile(x, 0.5, method="nothing"),
    "quantile of nothing": lambda x: np.quantile(x[:0], 0.5),
    "diff order": lambda x: np.diff(x, -1),
    "diff of a number": lambda x: np.diff(x[0, 0]),
    "gradient short": lambda x: np.gradient(x, axis=0, edge_order=2),
    "gradient distances": lambda x: np.gradient(x, np.ones(2), axis=1),
    "interp lengths": lambda x: np.interp(x, np.ones(2), np.ones(3)),
    "interp of nothing": lambda x: np.interp(x, np.ones(0), np.ones(0)),
    "interp period": lambda x: np.interp(x, V, V, period=0),
    "select": lambda x: np.select([x > 1], [x, x]),
    "select conditions": lambda x: np.select([x], [x]),
    "piecewise": lambda x: np.piecewise(x, [x > 1], [1.0, 2.0, 3.0]),
    "apply to nothing": lambda x: np.apply_along_axis(np.sum, 0, x[:, :0]),
    "vander of a matrix": lambda x: np.vander(x),
    "convolve nothing": lambda x: np.convolve(x[0], []),
    "convolve mode": lambda x: np.convolve(x[0], V, "some"),
    "cross": lambda x: np.cross(x, np.ones((2, 4))),
    "matrix_power": lambda x: np.linalg.matrix_power(x, 2),
    "multi_dot": lambda x: np.linalg.multi_dot([x]),
    "rot90": lambda x: np.rot90(x, 1, (0, 0)),
    "dsplit": lambda x: np.dsplit(x, 1),
    "unstack of a number": lambda x: np.unstack(x[0, 0]),
    "delete": lambda x: np.delete(x, 9),
    "insert": lambda x: np.insert(x, 9, 1.0),
    "cumulative_sum": lambda x: np.cumulative_sum(x),
    "nanmax of nothing": lambda x: np.nanmax(x[:0]),
    "fft of nothing": lambda x: np.fft.fft(x[:, :0]),
    "fft norm": lambda x: np.abs(np.fft.fft(x, norm="other")),
    "irfft of one": lambda x: np.fft.irfft(x[:, :1]),
    "fftn axes": lambda x: np.abs(np.fft.fftn(x, s=(2,), axes=(0, 1))),
    "inv of a vector": lambda x: np.linalg.inv(x[0]),
    "inv of a long matrix": lambda x: np.linalg.inv(x),
    "inv of a singular matrix": lambda x: np.linalg.inv(x[:, :2] * 0),
    "solve": lambda x: np.linalg.solve(x[:, :2], V),
    "lstsq": lambda x: np.linalg.lstsq(x, V)[0],
    "cholesky": lambda x: np.linalg.cholesky(-x[:, :2]),
    "eigh triangle": lambda x: np.linalg.eigh(x[:, :2], "D")[0],
    "norm of matrices": lambda x: np.linalg.norm(x, 3),
    "tensorinv": lambda x: np.linalg.tensorinv(x, 0),
    "solve_triangular": lambda x: scipy.linalg.solve_triangular(x[:, :2], V),
    "solve_banded": lambda x: scipy.linalg.solve_banded((1, 1), x, np.ones(3)),
    "expm": lambda x: scipy.linalg.expm(x),
    "structure": lambda x: scipy.linalg.solve(x[:, :2], np.ones(2), assume_a="nothing"),
    "multigammaln": lambda x: scipy.special.multigammaln(x, 1.5),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_raises_what_numpy_raises(name):
    with pytest.raises(Exception) as expected:  # noqa: PT011  (whatever NumPy raises)
        MISTAKES[name](M)
    with pytest.raises(Exception) as found:  # noqa: PT011
        grad(lambda x: np.sum(MISTAKES[name](x)))(M)
    assert isinstance(found.value, expected.type) or isinstance(expected.value, found.type), found.value
    assert str(found.value)


# What is not followed is named.

REFUSED = {
    "np.sum": (lambda x: np.sum(x, out=PLAIN), "out="),
    "np.cumsum": (lambda x: np.sum(np.cumsum(x, out=PLAIN)), "out="),
    "np.clip": (lambda x: np.sum(np.clip(x, 0, 1, where=x > 1)), "where="),
    "np.average": (lambda x: np.average(x, returned=True)[0], "returned="),
    "np.reshape": (lambda x: np.sum(np.reshape(x, 6, order="F")), "order='F'"),
    "np.ravel": (lambda x: np.sum(x.ravel("F")), "order='F'"),
    "np.where": (lambda x: np.sum(np.where(x)[0]), "np.nonzero"),
    "np.pad": (lambda x: np.sum(np.pad(x, 1, mode="linear_ramp")), "mode='linear_ramp'"),
    "np.quantile": (lambda x: np.quantile(x[0], 0.5, weights=V, method="inverted_cdf"), "weights="),
    "np.logspace": (lambda x: np.sum(np.logspace(x[0, 0], 2.0, 3, base=np.ones(2))), "base="),
    "scipy.linalg.eigh": (lambda x: np.sum(scipy.linalg.eigh(x[:, :2], subset_by_value=[0, 9])[0]), "subset_by_value="),
    "scipy.special.logsumexp": (lambda x: scipy.special.logsumexp(x, return_sign=True)[0], "return_sign="),
    "np.multiply": (lambda x: np.sum(np.multiply(x, x, where=x > 1)), "where="),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_argument_that_is_not_followed_is_named(name):
    f, what = REFUSED[name]
    with pytest.raises(TraceError) as problem:
        grad(f)(M)
    message = str(problem.value)
    assert name in message
    assert what in message
    assert __file__ in message.splitlines()[-1]


@pytest.mark.parametrize(
    ("function", "name"),
    [(np.histogramdd, "np.histogramdd"), (np.ix_, "np.ix_"), (np.unique_all, "np.unique_all")],
)
def test_a_function_that_is_not_followed_is_named(function, name):
    with pytest.raises(NoDerivativeError, match=f"^{re.escape(name)} is not followed") as problem:
        grad(lambda x: np.sum(function(x)))(V)
    assert __file__ in str(problem.value).splitlines()[-1]


WITHOUT_DERIVATIVE = {
    "np.linalg.svd": (lambda x: np.linalg.svd(x)[0], "full_matrices="),
    "np.linalg.qr": (lambda x: np.linalg.qr(x.T, mode="complete")[0], "mode='complete'"),
    "scipy.linalg.qr": (lambda x: scipy.linalg.qr(x.T, mode="full")[0], "mode='full'"),
    "scipy.linalg.fractional_matrix_power": (
        lambda x: scipy.linalg.fractional_matrix_power(np.eye(2), x[0, 0]),
        "by t",
    ),
}


@pytest.mark.parametrize("name", WITHOUT_DERIVATIVE)
def test_an_argument_without_derivative_is_named(name):
    f, what = WITHOUT_DERIVATIVE[name]
    with pytest.raises(NoDerivativeError, match=f"^{re.escape(name)}") as problem:
        grad(lambda x: np.sum(f(x)))(M)
    assert what in str(problem.value)
    assert __file__ in str(problem.value).splitlines()[-1]


# Lists and tuples in place of arrays.

LISTS = {
    "np.dot": (lambda x: np.dot([1.0, 2.0, 3.0], x), [1, 2, 3]),
    "np.dot of a matrix": (lambda x: np.sum(np.dot([[1, 2, 3], [3, 2, 1]], x) ** 2), [100, 112, 124]),
    "np.inner": (lambda x: np.inner(x, (1.0, 2.0, 3.0)), [1, 2, 3]),
    "np.outer": (lambda x: np.sum(np.outer([1.0, 2.0], x)), [3, 3, 3]),
    "np.vdot": (lambda x: np.vdot([1.0, 2.0, 3.0], x), [1, 2, 3]),
    "np.tensordot": (lambda x: np.tensordot([1.0, 2.0, 3.0], x, 1), [1, 2, 3]),
    "np.einsum": (lambda x: np.einsum("i,i", [1.0, 2.0, 3.0], x), [1, 2, 3]),
    "np.matmul": (lambda x: [1.0, 2.0, 3.0] @ x, [1, 2, 3]),
    "np.where": (lambda x: np.sum(np.where([True, False, True], x, [1, 2, 3])), [1, 0, 1]),
    "np.add": (lambda x: np.sum(np.add([1, 2, 3], x)), [1, 1, 1]),
    "np.maximum": (lambda x: np.sum(np.maximum(x, [0, 9, 0])), [1, 0, 1]),
    "np.clip": (lambda x: np.sum(np.clip(x, [0, 3, 0], [9, 9, 1])), [1, 0, 0]),
    "np.average": (lambda x: np.average(x, weights=[1, 1, 2]), [0.25, 0.25, 0.5]),
    "np.average by weights": (lambda w: np.average([1.0, 2.0, 3.0], weights=w), [-10 / 49, -3 / 49, 4 / 49]),
    "np.append": (lambda x: np.sum(np.append([1.0], x)), [1, 1, 1]),
    "np.stack": (lambda x: np.sum(np.stack([[1, 2, 3], x])), [1, 1, 1]),
    "np.take": (lambda x: np.sum(np.take(x, [0, 0, 2])), [2, 0, 1]),
    "np.isclose": (lambda x: np.sum(np.where(np.isclose([1.0, 2.0, 3.0], x), x, 0)), [1, 1, 0]),
    "np.broadcast_arrays": (lambda x: np.sum(np.multiply(*np.broadcast_arrays([[1.0], [2.0]], x))), [3, 3, 3]),
    "index": (lambda x: np.sum(x[[0, 0, 2]]), [2, 0, 1]),
    "index by a tuple of lists": (lambda x: np.sum(np.outer(x, x)[[0, 1], [1, 2]]), [2, 5, 2]),
    "logsumexp": (lambda x: scipy.special.logsumexp(0 * x + x[0] * 0 + x - x, b=[1, 2, 5]), [0, 0, 0]),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_in_place_of_arrays(name):
    f, expected = LISTS[name]
    value, g = value_and_grad(f)(V)
    assert value == f(V)
    np.testing.assert_allclose(g, expected, rtol=1e-14)


# Sums over nothing.


def test_the_mean_of_nothing():
    with np.errstate(all="ignore"):
        value, g = value_and_grad(np.mean)(np.zeros(0))
        assert np.isnan(value)
        assert g.shape == (0,)
        (g,) = vjp(lambda x: np.mean(x, axis=0), np.zeros((0, 2)))[1](np.ones(2))
        assert g.shape == (0, 2)


@pytest.mark.parametrize("ddof", [1, 2])
def test_more_is_taken_off_than_there_is(ddof):
    with np.errstate(all="ignore"):
        value, _ = value_and_grad(lambda x: np.var(x, ddof=ddof))(np.array([3.0]))
    assert np.isnan(value)


# Forms that neither overflow nor warn.

A = np.array([-1e300, -1000.0, -np.inf, 0.0, 1000.0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shift", [-1e30, -1e4, 0.0, 1e4, 1e30])
def test_softmax_and_its_kin_at_huge_inputs(shift, dtype):
    a = np.array([0.5, -np.inf, -1.0], dtype) + dtype(shift)
    p = scipy.special.softmax(a)
    value, g = value_and_grad(scipy.special.logsumexp)(a)
    np.testing.assert_allclose(value, scipy.special.logsumexp(a), rtol=1e-6)
    np.testing.assert_allclose(g, p, rtol=1e-6)
    seed = np.array([1.0, 2.0, 4.0], dtype)
    value, pull_back = vjp(scipy.special.softmax, a)
    np.testing.assert_array_equal(value, p)
    np.testing.assert_allclose(pull_back(seed)[0], p * (seed - p @ seed), rtol=2e-6, atol=1e-7)
    value, pull_back = vjp(scipy.special.log_softmax, a)
    np.testing.assert_allclose(value, scipy.special.log_softmax(a), rtol=1e-6)
    np.testing.assert_allclose(
        pull_back(np.array([1.0, 0.0, 0.0], dtype))[0], np.array([1.0, 0.0, 0.0]) - p, rtol=1e-6, atol=1e-7
    )
    assert all(np.asarray(x).dtype == dtype for x in (value, g))


def test_logsumexp_where_nothing_is_left():
    value, g = value_and_grad(scipy.special.logsumexp)(np.array([-np.inf, -np.inf]))
    assert value == -np.inf
    assert g.shape == (2,)


def test_a_factor_of_zero_hides_an_infinite_term():
    a = np.array([1.0, np.inf, 2.0])
    value, g = value_and_grad(lambda a: scipy.special.logsumexp(a, b=np.array([1.0, 0.0, 1.0])))(a)
    np.testing.assert_allclose(value, np.logaddexp(1.0, 2.0), rtol=1e-15)
    np.testing.assert_allclose(g, [scipy.special.expit(-1.0), 0.0, scipy.special.expit(1.0)], rtol=1e-14)


def test_nan_to_num():
    x = np.array([1.0, np.nan, np.inf, -np.inf])
    value, pull_back = vjp(np.nan_to_num, x)
    np.testing.assert_array_equal(value, np.nan_to_num(x))
    np.testing.assert_array_equal(pull_back(np.ones(4))[0], [1, 0, 0, 0])
    value, _ = vjp(lambda x: np.nan_to_num(x, nan=5.0, posinf=6.0, neginf=7.0), x.astype(np.float32))
    np.testing.assert_array_equal(value, np.array([1, 5, 6, 7], np.float32))
    assert value.dtype == np.float32


def test_nan_to_num_of_complex_numbers():
    z = np.array([1 + 2j, complex(np.nan, 1), complex(2, np.inf)])
    np.testing.assert_array_equal(vjp(np.nan_to_num, z)[0], np.nan_to_num(z))


@pytest.mark.parametrize("decimals", [-3, -2, -1, 0, 1, 2, 7])
def test_round_to_the_last_bit(decimals):
    x = np.random.default_rng(0).uniform(-1e4, 1e4, 1000)
    np.testing.assert_array_equal(vjp(lambda x: np.round(x, decimals), x)[0], np.round(x, decimals))


# Groups.


def test_the_graph_says_which_function_an_operation_belongs_to():
    graph = trace(lambda x: np.var(x) + scipy.special.logsumexp(x) * np.exp(x[0]))(V)
    verify(graph)
    groups = {node.name: node.group for node in graph.nodes if node.name in ("np.log", "np.divide")}
    assert groups == {"np.log": "scipy.special.logsumexp", "np.divide": "np.var"}
    assert "in np.var" in str(graph)
    expected = np.var(M[1]) + scipy.special.logsumexp(M[1]) * np.exp(M[1][0])
    np.testing.assert_allclose(evaluate(graph, M[1])[0], expected, rtol=1e-14)


def test_an_error_leaves_no_group_behind():
    def f(x):
        with pytest.raises(ValueError, match="axis"):
            np.var(x, axis=7)
        return np.sum(np.exp(x))

    assert {node.group for node in trace(f)(V).nodes if node.name == "np.exp"} == {None}
