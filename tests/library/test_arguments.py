"""Every continuous argument of what is asked for has a derivative, or an error that names the function and it."""

import re

import numpy as np
import pytest
import scipy.fft
import scipy.linalg
import scipy.signal
import scipy.special
import scipy.stats

from chainrule import NoDerivativeError, TraceError, jvp, tree

special, stats = scipy.special, scipy.stats
V = np.array([0.3, 0.9, 0.55, 1.4])
W = np.array([0.7, 0.95, 0.45, 0.8])
M = np.array([[1.3, 0.2, 0.7], [0.4, 1.9, -0.3], [0.1, 0.6, 1.5]])
N = np.array([[0.9, -0.2, 0.5], [0.3, 1.1, 0.8], [-0.7, 0.25, 1.6]])
S = M @ M.T + np.eye(3)
UP = np.cumsum(W)
KEEP = np.array([True, False, True, True])


def call(f, *args, **kwargs):
    """A function with its arguments; those that are real numbers are tried, one after the other."""
    return f, args, kwargs


CALLS = {
    # Ufuncs, and what they take beside their operands
    **{
        f"np.{f.__name__}": call(f, V, W)
        for f in (
            *(np.add, np.subtract, np.multiply, np.divide, np.power, np.float_power, np.arctan2, np.hypot),
            *(np.maximum, np.minimum, np.fmax, np.fmin, np.logaddexp, np.logaddexp2, np.copysign, np.fmod),
            *(np.remainder, np.heaviside, np.nextafter),
        )
    },
    "np.add.outer": call(np.add.outer, V, W),
    "np.sum": call(np.sum, V, initial=0.4, where=KEEP),
    "np.prod": call(np.prod, V, initial=0.4, where=KEEP),
    "np.max": call(np.max, V, initial=0.4, where=KEEP),
    "np.min": call(np.min, V, initial=0.4, where=KEEP),
    "np.add.reduce": call(np.add.reduce, V, initial=0.4),
    "np.logaddexp.reduce": call(np.logaddexp.reduce, V, initial=0.4),
    "np.var": call(np.var, V, ddof=0.5),
    "np.std": call(np.std, V, mean=np.array([0.8])),
    "np.average": call(np.average, V, weights=W),
    "np.nansum": call(np.nansum, V, initial=0.4),
    # numpy
    "np.einsum": call(np.einsum, "ij,jk->i", M, N),
    "np.einsum, implicit": call(np.einsum, "ij,jk", M, N),
    "np.einsum, repeated": call(np.einsum, "ii->i", M),
    "np.einsum, traces": call(np.einsum, "ii,jj", M, N),
    "np.einsum, ellipsis": call(np.einsum, "...j,...j", M, N),
    "np.einsum, outer ellipsis": call(np.einsum, "i...,j...->ij...", M, N),
    "np.einsum, lists": call(np.einsum, M, [0, 1], N, [1, 2], [2, 0]),
    "np.einsum, lists without a result": call(np.einsum, M, [0, 1], N, [1, 2]),
    "np.einsum, lists with an ellipsis": call(np.einsum, M, [..., 1], N, [..., 1], [...]),
    "np.einsum, three": call(np.einsum, "ij,jk,kl->il", M, N, S, optimize=True),
    "np.einsum, no commas": call(np.einsum, "ij->", M, optimize="greedy"),
    "np.tensordot": call(np.tensordot, M, N, axes=([0], [1])),
    "np.kron": call(np.kron, M, N),
    "np.cross": call(np.cross, M, N),
    "np.cross, axes": call(np.cross, M, N, axisa=0, axisb=1, axisc=0),
    "np.cross, axis": call(np.cross, M, N, axis=0),
    "np.dot": call(np.dot, M, V[:3]),
    "np.vdot": call(np.vdot, M, N),
    "np.inner": call(np.inner, M, N),
    "np.outer": call(np.outer, V, W),
    "np.matmul": call(np.matmul, M, N),
    "np.trace": call(np.trace, M, 1),
    "np.append": call(np.append, V, W),
    "np.insert": call(np.insert, V, 1, 0.4),
    "np.where": call(np.where, KEEP, V, W),
    "np.clip": call(np.clip, V, 0.4, 1.0),
    "np.clip, min and max": call(np.clip, V, min=0.4, max=1.0),
    "np.select": call(lambda x, y, z: np.select([KEEP, ~KEEP], [x, y], z), V, W, 0.5),
    "np.piecewise": call(np.piecewise, V, [V > 0.5], [np.sin, np.cos]),
    "np.searchsorted": call(np.searchsorted, UP, V),
    "np.digitize": call(np.digitize, V, UP),
    "np.take": call(np.take, V, [5, -1], mode="wrap"),
    "np.take, clipped": call(np.take, V, [5, -1], mode="clip"),
    "np.percentile": call(np.percentile, V, 33.0),
    **{
        f"np.quantile, {method}": call(np.quantile, V, 0.37, method=method)
        for method in (
            *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen"),
            *("weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest"),
        )
    },
    "np.interp": call(np.interp, np.array([0.1, 1.0, 2.2, 9.0]), UP, V, left=0.2, right=0.6),
    "np.interp, period": call(np.interp, np.array([0.1, 1.0, 2.2, 9.0]), UP, V, period=3.7),
    "np.convolve": call(np.convolve, V, W[:3], "same"),
    "np.correlate": call(np.correlate, V, W[:3], "full"),
    "np.gradient": call(np.gradient, V, 0.7),
    "np.gradient, places": call(np.gradient, V, UP, edge_order=2),
    "np.gradient, several": call(np.gradient, M, 0.5, UP[:3], edge_order=1),
    "np.diff": call(np.diff, V, prepend=0.2, append=W),
    "np.ediff1d": call(np.ediff1d, V, to_end=W, to_begin=0.3),
    "np.trapezoid": call(np.trapezoid, V, UP),
    "np.trapezoid, dx": call(np.trapezoid, V, dx=0.3),
    "np.nan_to_num": call(np.nan_to_num, np.array([1.0, np.nan, np.inf, -np.inf]), nan=0.5, posinf=7.0, neginf=-7.0),
    "np.sinc": call(np.sinc, V),
    "np.polyval": call(np.polyval, W, V),
    "np.vander": call(np.vander, V, 3),
    "np.unwrap": call(np.unwrap, np.array([0.1, 4.0, 8.5]), discont=3.3, period=6.5),
    "np.cov": call(np.cov, M, aweights=W[:3]),
    "np.corrcoef": call(np.corrcoef, M),
    "np.linspace": call(np.linspace, 0.3, W, 5),
    "np.geomspace": call(np.geomspace, 0.3, W, 5),
    "np.logspace": call(np.logspace, 0.3, W, 5),
    "np.full_like": call(np.full_like, V, 0.3),
    **{
        f"np.pad, {mode}": call(np.pad, V, 2, mode=mode)
        for mode in (
            "edge",
            "reflect",
            "symmetric",
            "wrap",
            "mean",
            "maximum",
            "minimum",
            "median",
            "empty",
            "linear_ramp",
        )
    },
    "np.pad, constant": call(np.pad, V, 2, constant_values=0.4),
    "np.pad, odd": call(np.pad, V, 2, mode="reflect", reflect_type="odd"),
    # numpy.linalg
    **{
        f"np.linalg.norm, {order}": call(np.linalg.norm, M, order)
        for order in (None, "fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2)
    },
    **{
        f"np.linalg.norm of vectors, {order}": call(np.linalg.norm, M, order, 1)
        for order in (None, np.inf, -np.inf, 0, 1, -1, 2, -2, 3, 2.5)
    },
    "np.linalg.norm, axes": call(np.linalg.norm, np.stack([M, N]), "nuc", axis=(2, 0), keepdims=True),
    "np.linalg.solve": call(np.linalg.solve, M, V[:3]),
    "np.linalg.lstsq": call(np.linalg.lstsq, np.vstack([M, N]), np.concatenate([V, W])[:6], 1e-12),
    "np.linalg.pinv": call(np.linalg.pinv, M[:, :2]),
    "np.linalg.inv": call(np.linalg.inv, M),
    "np.linalg.det": call(np.linalg.det, M),
    "np.linalg.slogdet": call(np.linalg.slogdet, M),
    "np.linalg.cholesky": call(np.linalg.cholesky, S),
    "np.linalg.qr": call(np.linalg.qr, M),
    "np.linalg.eigvals": call(np.linalg.eigvals, S),
    "np.linalg.eigh": call(np.linalg.eigh, S),
    "np.linalg.svd": call(np.linalg.svd, M, False),
    "np.linalg.matrix_power": call(np.linalg.matrix_power, M, -3),
    "np.linalg.multi_dot": call(lambda *matrices: np.linalg.multi_dot(matrices), M, N, S),
    "np.linalg.cond": call(np.linalg.cond, M),
    "np.linalg.tensorsolve": call(np.linalg.tensorsolve, M, V[:3]),
    # scipy.linalg
    "scipy.linalg.solve": call(scipy.linalg.solve, M, V[:3]),
    "scipy.linalg.solve_triangular": call(scipy.linalg.solve_triangular, M, V[:3], lower=True),
    "scipy.linalg.solve_banded": call(scipy.linalg.solve_banded, (1, 1), M + 2 * np.eye(3)[1], V[:3]),
    "scipy.linalg.solve_sylvester": call(scipy.linalg.solve_sylvester, M, N, S),
    "scipy.linalg.cho_solve": call(lambda c, b: scipy.linalg.cho_solve((c, True), b), M, V[:3]),
    "scipy.linalg.lu_solve": call(lambda a, b: scipy.linalg.lu_solve(scipy.linalg.lu_factor(a), b), M, V[:3]),
    "scipy.linalg.lu": call(scipy.linalg.lu, M, True),
    "scipy.linalg.expm": call(scipy.linalg.expm, M),
    "scipy.linalg.logm": call(scipy.linalg.logm, S),
    "scipy.linalg.sqrtm": call(scipy.linalg.sqrtm, S),
    "scipy.linalg.fractional_matrix_power": call(scipy.linalg.fractional_matrix_power, S, 0.4),
    "scipy.linalg.block_diag": call(scipy.linalg.block_diag, M, V),
    "scipy.linalg.toeplitz": call(scipy.linalg.toeplitz, V, W),
    "scipy.linalg.eigh": call(scipy.linalg.eigh, S, N @ N.T + np.eye(3), eigvals_only=True),
    "scipy.linalg.lstsq": call(scipy.linalg.lstsq, M[:, :2], V[:3]),
    "scipy.linalg.qr": call(scipy.linalg.qr, M, mode="economic"),
    # scipy.fft, scipy.signal
    "scipy.fft.dct": call(scipy.fft.dct, V),
    "scipy.fft.irfft": call(scipy.fft.irfft, V),
    "scipy.signal.convolve": call(scipy.signal.convolve, V, W[:3], mode="valid"),
    # scipy.special
    **{
        f"scipy.special.{name}": call(getattr(special, name), V, W)
        for name in (
            *("beta", "betaln", "poch", "binom", "xlogy", "xlog1py", "rel_entr", "kl_div", "huber", "pseudo_huber"),
            *("boxcox", "gammainc", "gammaincc", "jv", "yv", "iv", "kv", "ive", "kve", "owens_t", "stdtr"),
            *("chdtr", "pdtr", "hyp0f1", "ellipkinc", "ellipeinc", "struve", "eval_legendre"),
        )
    },
    **{
        f"scipy.special.{name}": call(getattr(special, name), V, W, 0.4)
        for name in ("betainc", "betaincc", "betaincinv", "hyp1f1", "hyperu", "fdtr", "gdtr", "eval_gegenbauer")
    },
    "scipy.special.zeta": call(special.zeta, V + 1.5, W),
    "scipy.special.expn": call(special.expn, 2, W),
    "scipy.special.hyp2f1": call(special.hyp2f1, 0.3, 0.6, W, 0.4),
    "scipy.special.polygamma": call(special.polygamma, 1.0, V),
    "scipy.special.logsumexp": call(special.logsumexp, V, b=W),
    "scipy.special.softmax": call(special.softmax, V),
    "scipy.special.spherical_jn": call(special.spherical_jn, 2, V),
    # scipy.stats
    **{
        f"scipy.stats.{name}.{method}": call(getattr(getattr(stats, name), method), *args, loc=0.1, scale=1.7)
        for name, args in {
            "norm": (V,),
            "t": (V, 3.5),
            "gamma": (V, 2.5),
            "beta": (np.array([0.3, 0.7]), 2.5, 1.5),
            "expon": (V,),
            "lognorm": (V, 0.6),
            "laplace": (V,),
            "uniform": (V,),
        }.items()
        for method in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
    },
    **{
        f"scipy.stats.{name}.{method}": call(getattr(getattr(stats, name), method), np.arange(1, 4), *args)
        for name, args in {"poisson": (1.4,), "binom": (5.0, 0.3), "geom": (0.4,), "nbinom": (3.5, 0.4)}.items()
        for method in ("pmf", "logpmf", "cdf", "logcdf", "sf", "logsf")
    },
    **{
        f"scipy.stats.{name}.ppf": call(getattr(stats, name).ppf, 0.3, *args)
        for name, args in {"norm": (0.2, 1.3), "gamma": (2.5,)}.items()
    },
    "scipy.stats.dirichlet.logpdf": call(stats.dirichlet.logpdf, np.array([0.3, 0.2]), W[:3]),
    "scipy.stats.multivariate_normal.logpdf": call(stats.multivariate_normal.logpdf, V[:3], W[:3], S),
    "frozen norm": call(lambda m, s, x: stats.norm(m, s).logpdf(x), 0.3, 1.2, V),
    "frozen multivariate_normal": call(lambda x, m, c: stats.multivariate_normal(m, c).logpdf(x), V[:3], W[:3], S),
}

#: Arguments that are integers in disguise, or a choice: no derivative is looked for, but nothing may be silently wrong.
STEP = 1e-6


def is_continuous(x):
    """Whether an argument is a real number or an array of them."""
    return type(x) is float or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


TRIED = [(name, k) for name, (_, args, kwargs) in CALLS.items() for k in (*range(len(args)), *kwargs)]
TRIED = [
    (name, k)
    for name, k in TRIED
    if is_continuous(CALLS[name][1][k] if isinstance(k, int) else CALLS[name][2][k])
    # A tolerance, below which numbers count as 0.
    and (name, k) != ("np.linalg.lstsq", 2)
    # Between whole numbers it is not a number.
    and (name[:18], k) != ("scipy.stats.binom.", 1)
]


@pytest.mark.interpreted("what runs is compared with differences")
@pytest.mark.parametrize(("name", "place"), TRIED)
def test_an_argument_has_a_derivative_or_an_error_that_names_it(name, place):
    f, args, kwargs = CALLS[name]
    args, kwargs = list(args), dict(kwargs)
    whole = args if isinstance(place, int) else kwargs
    point = whole[place]

    def moved(x):
        # Into arrays that the function makes NumPy hands a traced value over, whichever argument it is.
        args[:] = [np.array(y) if isinstance(y, np.ndarray) and y.dtype.kind == "f" else y for y in args]
        whole[place] = x
        return [np.asarray(y) if not hasattr(y, "shape") else y for y in tree.leaves(f(*args, **kwargs))]

    direction = np.cos(np.arange(np.size(point), dtype=float)).reshape(np.shape(point))
    if name.endswith(("cholesky", "eigh", "logpdf", "normal")) and np.ndim(point) == 2:
        direction = direction + direction.T
    try:
        with np.errstate(all="ignore"):
            values, slopes = jvp(moved, (point,), (direction if np.ndim(point) else 1.0,))
    except (NoDerivativeError, TraceError) as problem:
        # The function and the argument: by its name, or as the one that stands in its place.
        message = " ".join(str(problem).split())
        assert re.search(rf"{re.escape(name.partition(',')[0])}|{name.rpartition('.')[2]}|special\.\w+", message), (
            message
        )
        assert re.search(r"argument|by [a-z]\b|mode=|take it", message), message
        return
    with np.errstate(all="ignore"):
        for y, t, ahead, behind in zip(
            values, slopes, moved(point + STEP * direction), moved(point - STEP * direction), strict=True
        ):
            if np.asarray(y).dtype.kind in "fc":
                np.testing.assert_allclose(t, (ahead - behind) / (2 * STEP), rtol=1e-5, atol=1e-6)
