"""Single operations for `benchmarks.recording`: what one more of a kind costs in a function that is differentiated.

Each row has the operation in plain NumPy and SciPy, with the modules as arguments, and by hand: the same value, and the
derivative of its sum, in as few calls of NumPy as they take. That is the floor: nothing is looked up, checked or
remembered. The arrays are vectors of ten entries and matrices of three rows, with which the calls are nearly all of it.
"""

import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.special

from benchmarks.results import Result

__all__ = ["OPERATIONS", "Operation", "seconds_of", "single_operations"]

#: How often an operation stands in the function that is measured.
_TIMES = 5

_rng = np.random.default_rng(0)
V = _rng.uniform(0.5, 1.5, 10)
M = _rng.normal(size=(3, 3)) * 0.2 + np.diag([1.0, 2.0, 3.0])
POSITIVE = M @ M.T + np.eye(3)
SYMMETRIC = M + M.T
PLACES = np.array([0, 2, 2, 5])
MASK = V > 1
RIGHT = np.ones(3)
_EYE = np.eye(3)
_LOWER = np.tri(3, 3, -1) + 0.5 * _EYE
_UPPER = np.tri(3, 3).T.astype(bool)


@dataclass(frozen=True)
class Operation:
    """One row.

    Attributes
    ----------
    name : str
        As in the table.
    point : array
        Where it is computed.
    call : callable
        ``call(np, special, linalg, x)``.
    floor : callable
        ``floor(x)`` gives the value and the derivative of its sum.
    """

    name: str
    point: np.ndarray
    call: Callable
    floor: Callable


def _repeated(call: Callable) -> Callable:
    """A function that does an operation several times, each time on other numbers, and sums the results."""

    def f(np, special, linalg, x):
        total = 0.0
        for k in range(_TIMES):
            total = call(np, special, linalg, x + 0.1 * k, total)
        return total

    return f


def _summed(call: Callable) -> Callable:
    return _repeated(lambda np, special, linalg, x, total: total + np.sum(call(np, special, linalg, x)))


def _added(call: Callable) -> Callable:
    return _repeated(lambda np, special, linalg, x, total: total + call(np, special, linalg, x))


def _one_sum(np, special, linalg, x, total):
    part = np.sum(x)
    return total + part + part


def _two_sums(np, special, linalg, x, total):
    return total + np.sum(x) + np.sum(x)


def _same(np, special, linalg, x):
    return x


# By hand. The ones that arrive at the value, as the derivative of its sum, are there already.


@functools.cache
def _ones_of(shape):
    return np.ones(shape)


def _ones(y):
    return _ones_of(y.shape)


def _var(x):
    centred = x - np.add.reduce(x) / 10
    return np.add.reduce(centred * centred) / 10, 0.2 * centred


def _where(x):
    y = np.where(MASK, x, 0.0)
    return y, np.where(MASK, _ones(y), 0.0)


def _maximum(x):
    y = np.maximum(x, 0.7)
    return y, _ones(y) * (x == y)


def _max(x):
    y = np.maximum.reduce(x)
    tied = x == y
    return y, tied / np.count_nonzero(tied)


def _power(x):
    return x**3, _ones(x) * (3 * x**2)


def _filled(x, value):
    g = np.empty(x.shape)
    g.fill(value)
    return g


def _cumsum(x):
    y = x.cumsum()
    return y, _ones(y)[::-1].cumsum()[::-1]


def _slice(x):
    y = x[1:]
    g = np.zeros(10)
    g[1:] = _ones(y)
    return y, g


def _places(x):
    y = x[PLACES]
    g = np.zeros(10)
    np.add.at(g, PLACES, _ones(y))
    return y, g


def _mask(x):
    y = x[MASK]
    g = np.zeros(10)
    g[MASK] = _ones(y)
    return y, g


def _concatenate(x):
    y = np.concatenate((x, x))
    g = _ones(y)
    return y, g[:10] + g[10:]


def _stack(x):
    y = np.concatenate((x[None], x[None]))
    g = _ones(y)
    return y, g[0] + g[1]


def _product(x):
    y = x @ x
    g = _ones(y)
    return y, g @ x.T + x.T @ g


def _einsum(x):
    y = np.einsum("ij,jk->ik", x, x)
    g = _ones(y)
    return y, np.einsum("ik,jk->ij", g, x) + np.einsum("ik,ij->jk", g, x)


def _trace(x):
    y = x.trace()
    g = np.zeros(9)
    g[::4] = 1.0
    return y, g.reshape(3, 3)


def _diag(x):
    y = x.diagonal()
    g = np.zeros(9)
    g[::4] = _ones(y)
    return y, g.reshape(3, 3)


def _sort(x):
    order = x.argsort()
    y = x[order]
    g = np.empty(10)
    g[order] = _ones(y)
    return y, g


def _solve(x):
    y = np.linalg.solve(x, RIGHT)
    b = np.linalg.solve(x.T, _ones(y))
    return y, -b[:, None] * y


def _inv(x):
    y = np.linalg.inv(x)
    return y, -(y.T @ _ones(y) @ y.T)


def _det(x):
    y = np.linalg.det(x)
    return y, y * np.linalg.inv(x).T


def _slogdet(x):
    return np.linalg.slogdet(x)[1], 1.0 * np.linalg.inv(x).T


def _norm(x):
    y = np.sqrt(x.dot(x))
    return y, 1.0 / y * x


def _by_triangle(a, b):
    x, _ = scipy.linalg.lapack.dtrtrs(a.T, b, lower=0, trans=0)
    return x


def _cholesky(x):
    y = np.linalg.cholesky(x)
    half = _by_triangle(y, (y.T @ _ones(y)) * _LOWER)
    half = _by_triangle(y, half.T)
    return y, 0.5 * (half + half.T)


def _eigh(x):
    w, v = np.linalg.eigh(x)
    return w, (v * _ones(w)) @ v.T


def _svd(x):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return s, (u * _ones(s)) @ vh


def _fft(x):
    return np.fft.fft(x).real, np.fft.fft(_ones(x)).real


def _expit(x):
    y = scipy.special.expit(x)
    return y, _ones(y) * (y * (1 - y))


def _logsumexp(x):
    top = np.maximum.reduce(x)
    part = np.exp(x - top)
    whole = np.add.reduce(part)
    return top + np.log(whole), part / whole


def _solve_triangular(x):
    y, _ = scipy.linalg.lapack.dtrtrs(x.T, RIGHT, lower=1, trans=1)
    b, _ = scipy.linalg.lapack.dtrtrs(x.T, _ones(y), lower=1, trans=0)
    return y, np.where(_UPPER, -b[:, None] * y, 0)


def _roll(x):
    y = np.concatenate((x[-1:], x[:-1]))
    g = _ones(y)
    return y, np.concatenate((g[1:], g[:1]))


def _clip(x):
    y = np.clip(x, 0.6, 1.2)
    return y, _ones(y) * (x == y)


def _tile(x):
    return np.concatenate((x, x)), np.add.reduce(_ones_of((20,)).reshape(2, 10), axis=0)


def _outer(x):
    y = x[:, None] * x
    g = _ones(y)
    return y, g @ x + x @ g


def _diff(x):
    y = x[1:] - x[:-1]
    g = np.zeros(10)
    g[1:] = _ones(y)
    g[:-1] -= _ones(y)
    return y, g


def _kron(x):
    y = (x[:, None, :, None] * x[:, None]).reshape(9, 9)
    g = _ones(y).reshape(3, 3, 3, 3)
    other = g.transpose(0, 2, 1, 3).reshape(9, 9)
    flat = x.reshape(9)
    return y, (other @ flat + flat @ other).reshape(3, 3)


OPERATIONS: tuple[Operation, ...] = (
    Operation("exp", V, lambda np, sp, sl, x: np.exp(x), lambda x: ((y := np.exp(x)), _ones(y) * y)),
    Operation("tanh", V, lambda np, sp, sl, x: np.tanh(x), lambda x: ((y := np.tanh(x)), _ones(y) * (1 - y * y))),
    Operation("x * x", V, lambda np, sp, sl, x: x * x, lambda x: (x * x, (g := _ones(x)) * x + g * x)),
    Operation("x**3", V, lambda np, sp, sl, x: x**3, _power),
    Operation("where", V, lambda np, sp, sl, x: np.where(MASK, x, 0.0), _where),
    Operation("maximum", V, lambda np, sp, sl, x: np.maximum(x, 0.7), _maximum),
    Operation("mean", V, lambda np, sp, sl, x: np.mean(x), lambda x: (np.add.reduce(x) / 10, _filled(x, 0.1))),
    Operation("var", V, lambda np, sp, sl, x: np.var(x), _var),
    Operation("max", V, lambda np, sp, sl, x: np.max(x), _max),
    Operation("cumsum", V, lambda np, sp, sl, x: np.cumsum(x), _cumsum),
    Operation("x[1:]", V, lambda np, sp, sl, x: x[1:], _slice),
    Operation("x at places", V, lambda np, sp, sl, x: x[PLACES], _places),
    Operation("x by a mask", V, lambda np, sp, sl, x: x[MASK], _mask),
    Operation("concatenate", V, lambda np, sp, sl, x: np.concatenate([x, x]), _concatenate),
    Operation("stack", V, lambda np, sp, sl, x: np.stack([x, x]), _stack),
    Operation(
        "reshape",
        V,
        lambda np, sp, sl, x: np.reshape(x, (2, 5)),
        lambda x: ((y := x.reshape(2, 5)), _ones(y).reshape(10)),
    ),
    Operation("x @ x", M, lambda np, sp, sl, x: x @ x, _product),
    Operation("dot", M, lambda np, sp, sl, x: np.dot(x, x), _product),
    Operation("einsum", M, lambda np, sp, sl, x: np.einsum("ij,jk->ik", x, x), _einsum),
    Operation("tensordot", M, lambda np, sp, sl, x: np.tensordot(x, x, 1), _product),
    Operation("x.T", M, lambda np, sp, sl, x: x.T, lambda x: ((y := x.T), _ones(y).T)),
    Operation("trace", M, lambda np, sp, sl, x: np.trace(x), _trace),
    Operation("diag", M, lambda np, sp, sl, x: np.diag(x), _diag),
    Operation("sort", V, lambda np, sp, sl, x: np.sort(x), _sort),
    Operation("solve", M, lambda np, sp, sl, x: np.linalg.solve(x, RIGHT), _solve),
    Operation("inv", M, lambda np, sp, sl, x: np.linalg.inv(x), _inv),
    Operation("det", M, lambda np, sp, sl, x: np.linalg.det(x), _det),
    Operation("slogdet", M, lambda np, sp, sl, x: np.linalg.slogdet(x)[1], _slogdet),
    Operation("norm", V, lambda np, sp, sl, x: np.linalg.norm(x), _norm),
    Operation("cholesky", POSITIVE, lambda np, sp, sl, x: np.linalg.cholesky(x), _cholesky),
    Operation("eigh", SYMMETRIC, lambda np, sp, sl, x: np.linalg.eigh(x)[0], _eigh),
    Operation("svd", M, lambda np, sp, sl, x: np.linalg.svd(x, full_matrices=False)[1], _svd),
    Operation("fft", V, lambda np, sp, sl, x: np.real(np.fft.fft(x)), _fft),
    Operation("expit", V, lambda np, sp, sl, x: sp.expit(x), _expit),
    Operation(
        "gammaln",
        V,
        lambda np, sp, sl, x: sp.gammaln(x),
        lambda x: ((y := scipy.special.gammaln(x)), _ones(y) * scipy.special.psi(x)),
    ),
    Operation("logsumexp", V, lambda np, sp, sl, x: sp.logsumexp(x), _logsumexp),
    Operation("solve_triangular", M, lambda np, sp, sl, x: sl.solve_triangular(x, RIGHT), _solve_triangular),
    Operation("roll", V, lambda np, sp, sl, x: np.roll(x, 1), _roll),
    Operation("clip", V, lambda np, sp, sl, x: np.clip(x, 0.6, 1.2), _clip),
    Operation("tile", V, lambda np, sp, sl, x: np.tile(x, 2), _tile),
    Operation("outer", V, lambda np, sp, sl, x: np.outer(x, x), _outer),
    Operation("diff", V, lambda np, sp, sl, x: np.diff(x), _diff),
    Operation("kron", M, lambda np, sp, sl, x: np.kron(x, x), _kron),
)


def seconds_of(calls: dict[str, Callable[[], object]], rounds: int, times: int) -> dict[str, np.ndarray]:
    """Seconds of each call, one entry a round, `times` of one before the next has its turn."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(times):
                call()
            found[name].append((time.perf_counter() - start) / times)
    return {name: np.array(values) for name, values in found.items()}


def single_operations(rounds: int, names: tuple[str, ...] = ()) -> Result:
    """The cost of one more operation, forward and backward: with five of them less that with none, over five.

    The results are summed, which both have. Of an operation whose result is a number there is nothing to sum, so that
    the cost of a sum is added again: that of a function with two sums less that of one that uses its sum twice.
    """
    import autograd
    import autograd.numpy as anp
    import autograd.scipy.linalg
    import autograd.scipy.special

    import chainrule

    libraries = {
        "chainrule": (chainrule.value_and_grad, (np, scipy.special, scipy.linalg)),
        "autograd": (autograd.value_and_grad, (anp, autograd.scipy.special, autograd.scipy.linalg)),
    }
    rows = []
    for operation in OPERATIONS:
        if names and operation.name not in names:
            continue
        x = operation.point
        is_number = np.ndim(operation.floor(x)[0]) == 0
        functions = {"with": (_added if is_number else _summed)(operation.call), "without": _summed(_same)}
        if is_number:
            functions |= {"two sums": _repeated(_two_sums), "one sum": _repeated(_one_sum)}
        calls: dict[str, Callable[[], object]] = {"floor": functools.partial(operation.floor, x)}
        gradients = []
        for name, (value_and_grad, modules) in libraries.items():
            for which, f in functions.items():
                calls[f"{name} {which}"] = functools.partial(value_and_grad(functools.partial(f, *modules)), x)
            gradients.append(calls[f"{name} with"]()[1])
        np.testing.assert_allclose(*gradients, 1e-8, 1e-10)
        found = seconds_of(calls, rounds, 50)
        cost = []
        for name in libraries:
            # Round by round, so that what slows the machine down for a while is in both.
            more = found[f"{name} with"] - found[f"{name} without"]
            if is_number:
                more += found[f"{name} two sums"] - found[f"{name} one sum"]
            cost.append(more / _TIMES)
        ours, theirs, floor = (1e6 * float(np.median(values)) for values in (*cost, found["floor"]))
        rows.append([operation.name, ours, theirs, theirs / ours, floor, ours - floor])
    columns = ("operation", "chainrule", "autograd", "autograd / ours", "by hand", "beyond that")
    middle = statistics.median(row[3] for row in rows)
    return Result(
        "recording_operations",
        "microseconds for one more operation, forward and backward",
        columns,
        rows,
        drawn=("chainrule", "autograd", "by hand"),
        axis="microseconds an operation (less is better)",
        note=f"median of autograd / ours: {middle:.2f}; below 1: {sum(row[3] < 1 for row in rows)} of {len(rows)}",
    )
