"""The multivariate normal and the Dirichlet distribution of scipy.stats, by their densities."""

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.library.stats import as_array, as_float
from chainrule.ops.special import gammaln, xlogy
from chainrule.trace.dispatch import has_tracer
from chainrule.trace.hooks import hook
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.tracer import peel

__all__: list[str] = []


class _Frozen:
    """A distribution whose parameters are traced: what SciPy's frozen one does, as far as it is followed."""

    def __init__(self, name: str, logpdf: Callable[[Any], Any]) -> None:
        self._name = name
        self.logpdf = logpdf

    def pdf(self, x: Any) -> Any:
        """The density."""
        return np.exp(self.logpdf(x))

    def __getattr__(self, name: str) -> NoReturn:
        raise TraceError(
            f"{self._name} with traced parameters has methods logpdf and pdf; {name} is not followed.{user_line()}"
        )


# The multivariate normal distribution: -(k log 2 pi + log det C + d' C^-1 d) / 2 with d = x - mean.


def _normal_logpdf(x: Any, mean: Any, cov: Any, allow_singular: bool) -> Any:
    if has_tracer((cov,)):
        return _normal_of(x, mean, as_float(as_array(cov)))
    import scipy.stats

    # SciPy reads the covariance, which may be a number or a diagonal, and says what is wrong with it.
    zeros = None if mean is None else np.zeros(np.shape(as_array(mean)))
    frozen = scipy.stats.multivariate_normal(zeros, cov, allow_singular)
    return _normal_about(x, frozen.mean if mean is None else mean, np.asarray(frozen.cov), frozen.dim)


def _normal_about(x: Any, mean: Any, cov: Any, dim: int) -> Any:
    scales = np.linalg.eigvalsh(cov)
    if cov.ndim != 2 or scales[0] <= 1e-9 * scales[-1]:
        raise TraceError(
            "scipy.stats.multivariate_normal is followed for one covariance matrix that is not singular; this one "
            f"has shape {cov.shape} and eigenvalues from {scales.min():.3g} to {scales.max():.3g}.{user_line()}"
        )
    return _by_factor(x, mean, np.linalg.cholesky(cov), dim)


def _normal_of(x: Any, mean: Any, cov: Any) -> Any:
    """The same with a traced covariance: a matrix, its diagonal, or one variance for all."""
    ndim = len(cov.shape)
    dim = math.prod(np.shape(as_array(mean))) if mean is not None else cov.shape[0] if ndim == 2 else 1
    if ndim < 2:
        cov = np.reshape(cov, (-1, 1)) * np.eye(dim)
    if cov.shape != (dim, dim):
        raise ValueError(f"the covariance should have shape {(dim, dim)}, found {cov.shape}")
    return _by_factor(x, np.zeros(dim) if mean is None else mean, np.linalg.cholesky(cov), dim)


def _by_factor(x: Any, mean: Any, factor: Any, dim: int) -> Any:
    x, mean = as_float(as_array(x)), np.reshape(as_float(as_array(mean)), (-1,))
    if len(x.shape) < 2:
        x = np.reshape(x, (-1, 1) if dim == 1 else (1, -1))
    whitened = (x - mean) @ np.linalg.inv(factor).T
    log_det = 2 * np.sum(np.log(np.diagonal(factor)))
    return np.squeeze(-0.5 * (dim * math.log(2 * math.pi) + log_det + np.sum(whitened * whitened, axis=-1)))


def _bind_normal(
    self: Any, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False
) -> tuple[Any, Any, Any, bool]:
    return x, mean, cov, allow_singular


@hook(
    "scipy.stats",
    "multivariate_normal.logpdf",
    bind=_bind_normal,
)
def _multivariate_normal_logpdf(x: Any, mean: Any, cov: Any, allow_singular: bool) -> Any:
    return _normal_logpdf(x, mean, cov, allow_singular)


@hook("scipy.stats", "multivariate_normal.pdf", bind=_bind_normal)
def _multivariate_normal_pdf(x: Any, mean: Any, cov: Any, allow_singular: bool) -> Any:
    return np.exp(_normal_logpdf(x, mean, cov, allow_singular))


@hook("scipy.stats", "multivariate_normal.entropy", bind=lambda self, mean=None, cov=1: (mean, cov))
def _entropy(mean: Any, cov: Any) -> Any:
    # log det(2 pi e cov) / 2
    cov = as_float(as_array(cov))
    ndim = len(cov.shape)
    dim = math.prod(np.shape(as_array(mean))) if mean is not None else cov.shape[0] if ndim else 1
    whole = np.reshape(cov, (-1, 1)) * np.eye(dim) if ndim < 2 else cov
    log_det = 2 * np.sum(np.log(np.diagonal(np.linalg.cholesky(whole))))
    return 0.5 * (dim * (math.log(2 * math.pi) + 1) + log_det)


def _bind_frozen_normal(
    self: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False, seed: Any = None, **kwds: Any
) -> tuple[Any, Any, bool]:
    return mean, cov, allow_singular


@hook("scipy.stats", "multivariate_normal.__call__", public="scipy.stats.multivariate_normal", bind=_bind_frozen_normal)
def _frozen_normal(mean: Any, cov: Any, allow_singular: bool) -> _Frozen:
    return _Frozen("scipy.stats.multivariate_normal", lambda x: _normal_logpdf(x, mean, cov, allow_singular))


@hook(
    "scipy.stats._multivariate", "multivariate_normal_frozen.logpdf", public="scipy.stats.multivariate_normal().logpdf"
)
def _frozen_logpdf(self: Any, x: Any) -> Any:
    return _normal_about(x, self.mean, np.asarray(self.cov), self.dim)


@hook("scipy.stats._multivariate", "multivariate_normal_frozen.pdf", public="scipy.stats.multivariate_normal().pdf")
def _frozen_pdf(self: Any, x: Any) -> Any:
    return np.exp(_frozen_logpdf(self, x))


# The Dirichlet distribution: the product of x_i^(alpha_i - 1), over the beta function of alpha.


def _dirichlet(x: Any, alpha: Any) -> Any:
    x, alpha = as_array(x), as_array(alpha)
    plain = peel(x), peel(alpha)
    known = not any(value is NO_VALUE for value in plain)
    if known and all(np.shape(value) == whole.shape for value, whole in zip(plain, (x, alpha), strict=True)):
        # SciPy says what is wrong with values that are known.
        import scipy.stats

        scipy.stats.dirichlet.logpdf(*plain)
    if x.shape[0] + 1 == alpha.shape[0]:
        x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
    exponents = np.reshape(alpha, (-1,) + (1,) * (x.ndim - 1)) - 1
    log_beta = np.sum(gammaln(alpha)) - gammaln(np.sum(alpha))
    return np.squeeze(np.sum(xlogy(exponents, x), axis=0) - log_beta)


def _bind_dirichlet(self: Any, x: Any, alpha: Any) -> tuple[Any, Any]:
    return x, alpha


@hook("scipy.stats", "dirichlet.logpdf", bind=_bind_dirichlet)
def _dirichlet_logpdf(x: Any, alpha: Any) -> Any:
    return _dirichlet(x, alpha)


@hook("scipy.stats", "dirichlet.pdf", bind=_bind_dirichlet)
def _dirichlet_pdf(x: Any, alpha: Any) -> Any:
    return np.exp(_dirichlet(x, alpha))


@hook("scipy.stats", "dirichlet.__call__", public="scipy.stats.dirichlet", bind=lambda self, alpha, seed=None: (alpha,))
def _frozen_dirichlet(alpha: Any) -> _Frozen:
    return _Frozen("scipy.stats.dirichlet", lambda x: _dirichlet(x, alpha))
