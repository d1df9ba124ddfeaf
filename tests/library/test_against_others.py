"""Other libraries' answers: the same functions through autograd and through JAX, where these are installed."""

import numpy as np
import pytest
import scipy.fft
import scipy.linalg
import scipy.signal
import scipy.special
import scipy.stats

from chainrule import grad

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 3)) * 0.2 + np.diag([1.0, 2.0, 3.0])
B = RNG.normal(size=(3, 3))
V = RNG.uniform(0.5, 1.5, 3)
Z = A + 0.3j * B


def positive(np, x):
    return np.matmul(x, np.conj(x).T) + np.eye(3)


def low(np, x):
    """A function of the directions of eigenvectors that does not depend on their signs or phases."""
    return np.real(np.matmul(x * np.arange(1.0, 4.0), np.conj(x).T) * B).sum()


def eigen(np, x):
    w, v = np.linalg.eigh(positive(np, x))
    return (w**2 * np.arange(3)).sum() + low(np, v)


def singular(np, x):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return (s**3).sum() + low(np, u) + np.real(np.matmul(u, vh) * B).sum()


def spectrum(np, x):
    return np.real(np.fft.fft(x, 5, 0, "ortho") * np.arange(15).reshape(5, 3)).sum()


def there_and_back(np, x):
    return np.real(np.fft.ifft2(np.fft.fft2(x) ** 2) * B).sum()


def real_spectrum(np, x):
    return (np.abs(np.fft.rfft(x)) ** 2 * np.arange(2)).sum() + (np.fft.irfft(np.fft.rfft(x) * (1 + 1j), 3) * B).sum()


# Each takes the namespace, and a matrix; the first ones complex ones, too.
OF_ANY = {
    "solve": lambda np, x: np.real(np.linalg.solve(x, B) * B.T).sum(),
    "inv": lambda np, x: np.real(np.linalg.inv(x) * B).sum(),
    "det": lambda np, x: np.real(np.linalg.det(x) ** 2),
    "slogdet": lambda np, x: np.linalg.slogdet(x)[1] ** 2,
    "cholesky": lambda np, x: np.real(np.linalg.cholesky(positive(np, x)) * B).sum(),
    "eigh": eigen,
    "svd": singular,
    "fft": spectrum,
    "fft and back": there_and_back,
}
OF_REAL = {
    "pinv": lambda np, x: (np.linalg.pinv(x[:, :2]) * B[:2]).sum(),
    "eigenvalues": lambda np, x: np.real(np.linalg.eigvals(x) ** 3).sum(),
    "rfft": real_spectrum,
    "fftshift": lambda np, x: (np.fft.fftshift(x) ** 2 * B).sum(),
    "qr": lambda np, x: sum((part * B).sum() for part in np.linalg.qr(x)),
    "norms": lambda np, x: np.linalg.norm(x, "nuc") + np.linalg.norm(x),
    "kron": lambda np, x: (np.kron(x, B) ** 2).sum(),
    "cross": lambda np, x: (np.cross(x, B) ** 3).sum(),
    "rot90": lambda np, x: (np.rot90(x) * B).sum() ** 2,
    "gradient": lambda np, x: (np.gradient(x, axis=0) ** 2 * B).sum(),
    "diff": lambda np, x: (np.diff(x, 2, 0) ** 3).sum(),
    "sinc": lambda np, x: np.sinc(x).sum() ** 2,
    "partition": lambda np, x: np.partition(x.ravel(), 4)[4] ** 2,
    "interp": lambda np, x: (np.interp(x, V.cumsum(), x[0]) ** 2).sum(),
    "convolve": lambda np, x: (np.convolve(x[0], x[1]) ** 2).sum(),
    "median": lambda np, x: (np.median(x, axis=0) ** 2).sum(),
    "quantile": lambda np, x: (np.quantile(x, 0.3, axis=1) ** 2).sum(),
    "nanmean": lambda np, x: (np.nanmean(np.where(B > 1, np.nan, x), axis=0) ** 2).sum(),
    "cov": lambda np, x: (np.cov(x) * B).sum(),
    "unwrap": lambda np, x: (np.unwrap(9 * x) ** 2).sum(),
    "matrix_power": lambda np, x: (np.linalg.matrix_power(x, 3) * B).sum(),
    "vander": lambda np, x: (np.vander(x[0], 3) * B).sum(),
    "select": lambda np, x: np.select([x > 1, x > 0], [x**2, np.exp(x)], x).sum(),
    "angle": lambda np, x: np.angle(x + 1j * B).sum() ** 2,
}
#: What autograd has no rule for, or not for these arguments; some of its rules are those of real matrices.
NOT_AUTOGRAD = {
    *("qr", "norms", "interp", "median", "quantile", "nanmean", "cov", "unwrap", "matrix_power", "vander", "select"),
    *("eigenvalues", "convolve", "rfft", "gradient"),
}
NOT_COMPLEX_AUTOGRAD = {"cholesky", "slogdet", "svd"}

SPECIAL = {
    "j0": lambda sp, x: sp.j0(x),
    "j1": lambda sp, x: sp.j1(x),
    "y0": lambda sp, x: sp.y0(x),
    "y1": lambda sp, x: sp.y1(x),
    "jn": lambda sp, x: sp.jn(2, x),
    "yn": lambda sp, x: sp.yn(2, x),
    "erfcinv": lambda sp, x: sp.erfcinv(x),
    "rgamma": lambda sp, x: sp.rgamma(x),
    "entr": lambda sp, x: sp.entr(x),
    "rel_entr": lambda sp, x: sp.rel_entr(x, 0.7),
    "kl_div": lambda sp, x: sp.kl_div(0.7, x),
    "i0e": lambda sp, x: sp.i0e(x),
    "expi": lambda sp, x: sp.expi(x),
    "exp1": lambda sp, x: sp.exp1(x),
    "hyp1f1": lambda sp, x: sp.hyp1f1(0.5, 1.5, x),
    "multigammaln": lambda sp, x: sp.multigammaln(x + 1, 2),
    "fresnel": lambda sp, x: sum(sp.fresnel(x)),
    "sici": lambda sp, x: sum(sp.sici(x)),
    "betainc": lambda sp, x: sp.betainc(1.5, 2.5, x / 2),
    "poch": lambda sp, x: sp.poch(x, 1.5),
}


def compare(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in (OF_ANY | OF_REAL) if name not in NOT_AUTOGRAD])
def test_against_autograd(name):
    autograd = pytest.importorskip("autograd")
    import autograd.numpy as anp

    f = (OF_ANY | OF_REAL)[name]
    compare(grad(lambda x: f(np, x))(A), autograd.grad(lambda x: f(anp, x))(A))
    if name in OF_ANY and name not in NOT_COMPLEX_AUTOGRAD:
        compare(grad(lambda x: f(np, x))(Z), autograd.grad(lambda x: f(anp, x))(Z))


@pytest.mark.parametrize("name", SPECIAL)
def test_special_against_autograd(name):
    autograd = pytest.importorskip("autograd")
    import autograd.scipy.special as theirs

    if not hasattr(theirs, name) or name == "multigammaln":
        pytest.skip(f"autograd has no {name}")
    f, x = SPECIAL[name], np.array([0.3, 0.9, 1.3])
    compare(grad(lambda x: f(scipy.special, x).sum())(x), autograd.grad(lambda x: f(theirs, x).sum())(x))


def test_scipy_against_autograd():
    autograd = pytest.importorskip("autograd")
    import autograd.scipy.linalg as linalg
    import autograd.scipy.signal as signal

    for f in (
        lambda sl, x: (sl.sqrtm(x) * B).sum(),
        lambda sl, x: (sl.solve_triangular(x, B, lower=True) ** 2).sum(),
        lambda sl, x: (sl.solve_sylvester(x, x.T, B) ** 2).sum(),
        lambda sl, x: (sl.solve_banded((1, 1), x, B[0]) ** 2).sum(),
    ):
        compare(grad(lambda x, f=f: f(scipy.linalg, x))(A), autograd.grad(lambda x, f=f: f(linalg, x))(A))
    compare(
        grad(lambda x: (scipy.signal.convolve(x, B, "valid") ** 2).sum())(A),
        autograd.grad(lambda x: (signal.convolve(x, B, mode="valid") ** 2).sum())(A),
    )


@pytest.fixture
def jax():
    found = pytest.importorskip("jax")
    found.config.update("jax_enable_x64", True)
    yield found
    found.config.update("jax_enable_x64", False)


@pytest.mark.parametrize("name", OF_ANY | OF_REAL)
def test_against_jax(name, jax):
    import jax.numpy as jnp

    f = (OF_ANY | OF_REAL)[name]
    compare(grad(lambda x: f(np, x))(A), jax.grad(lambda x: f(jnp, x))(A))
    if name in OF_ANY:
        compare(grad(lambda x: f(np, x))(Z), jax.grad(lambda x: f(jnp, x))(Z))


@pytest.mark.parametrize("name", SPECIAL)
def test_special_against_jax(name, jax):
    import jax.scipy.special as theirs

    if not hasattr(theirs, name):
        pytest.skip(f"JAX has no {name}")
    f, x = SPECIAL[name], np.array([0.3, 0.9, 1.3])
    compare(grad(lambda x: f(scipy.special, x).sum())(x), jax.grad(lambda x: f(theirs, x).sum())(x))


@pytest.mark.parametrize("name", ["expm", "sqrtm", "solve", "cho_solve", "block_diag", "toeplitz", "lu", "lu_solve"])
def test_scipy_against_jax(name, jax):
    import jax.scipy.linalg as theirs

    f = {
        "expm": lambda sl, x: (sl.expm(x) * B).sum(),
        "sqrtm": lambda sl, x: (sl.expm(x) * B).sum(),
        "solve": lambda sl, x: (sl.solve(x, B) * B).sum(),
        "cho_solve": lambda sl, x: (sl.cho_solve((x, True), B) * B).sum(),
        "block_diag": lambda sl, x: (sl.block_diag(x, x[0]) ** 2).sum(),
        "toeplitz": lambda sl, x: (sl.toeplitz(x[0], x[1]) ** 3).sum(),
        "lu": lambda sl, x: sum((part * B).sum() for part in sl.lu(x)),
        "lu_solve": lambda sl, x: (sl.lu_solve(sl.lu_factor(x), B, 1) ** 2).sum(),
    }[name]
    compare(grad(lambda x: f(scipy.linalg, x))(A), jax.grad(lambda x: f(theirs, x))(A))


@pytest.mark.parametrize("norm", [None, "ortho"])
def test_cosine_transforms_against_jax(norm, jax):
    import jax.scipy.fft as theirs

    for name in ("dct", "idct", "dctn", "idctn"):
        f = lambda sf, x: (getattr(sf, name)(x, norm=norm) ** 3).sum()  # noqa: B023, E731
        compare(grad(lambda x, f=f: f(scipy.fft, x))(A), jax.grad(lambda x, f=f: f(theirs, x))(A))


DISTRIBUTIONS = {
    "poisson": lambda st, x: st.poisson.cdf(np.arange(3), x) + st.poisson.logpmf(1, x),
    "norm": lambda st, x: st.norm.ppf(x / 2, 0.5, x) + st.norm.logcdf(x, x * x) + st.norm.isf(x / 2),
    "gamma": lambda st, x: st.gamma.logcdf(x, 1.5) + st.gamma.logsf(x, 2.5, scale=x),
    "geom": lambda st, x: st.geom.logpmf(np.array([1, 2, 3]), x / 2),
    "binom": lambda st, x: st.binom.logpmf(np.array([0, 1, 3]), 4, x / 2),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions_against_jax(name, jax):
    import jax.scipy.stats as theirs

    f, x = DISTRIBUTIONS[name], np.array([0.3, 0.9, 1.3])
    compare(grad(lambda x: f(scipy.stats, x).sum())(x), jax.grad(lambda x: f(theirs, x).sum())(x))


#: Ufuncs' methods and arguments by what other libraries have in their places.
METHODS = {
    "accumulate": (lambda x: np.maximum.accumulate(x, axis=1), lambda np, lax, x: lax.cummax(x, axis=1)),
    "logaddexp": (lambda x: np.logaddexp.accumulate(x), lambda np, lax, x: lax.cumlogsumexp(x, axis=0)),
    "reduce": (lambda x: np.logaddexp.reduce(x, axis=1), lambda np, lax, x: np.log(np.sum(np.exp(x), axis=1))),
    "where": (lambda x: np.mean(x**2, axis=0, where=B > -1), lambda np, lax, x: np.mean(x**2, axis=0, where=B > -1)),
    "max": (lambda x: np.max(x, where=B > 0, initial=1.1), lambda np, lax, x: np.max(x, where=B > 0, initial=1.1)),
    "outer": (lambda x: np.subtract.outer(x[0], x) ** 2, lambda np, lax, x: (x[0][:, None, None] - x) ** 2),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_ufuncs_against_jax(name, jax):
    ours, theirs = METHODS[name]
    compare(
        grad(lambda x: np.sum(ours(x) ** 2))(A),
        jax.grad(lambda x: jax.numpy.sum(theirs(jax.numpy, jax.lax, x) ** 2))(A),
    )
