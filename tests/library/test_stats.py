"""The distributions of scipy.stats: SciPy's values, derivatives by everything, errors that name the distribution."""

import inspect
import re
import warnings

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import NoDerivativeError, TraceError, check_gradient, grad, scan, trace, value_and_grad, vectorize, vjp
from chainrule.evaluate import evaluate
from chainrule.graph import verify
from chainrule.library.densities import (
    DENSITIES,
    DISTRIBUTION_FUNCTIONS,
    MASSES,
    OWN,
    QUANTILES,
    STEPS,
    WITHOUT_DERIVATIVE,
)

# Shape parameters, in the order in which SciPy takes them, in the middle of their domain; a distribution that is not
# here has none.
SHAPES = {
    "alpha": (3.5,),
    "argus": (1.2,),
    "bernoulli": (0.3,),
    "beta": (2.3, 0.7),
    "betabinom": (5, 2.3, 0.7),
    "betaprime": (5.0, 6.0),
    "binom": (5, 0.4),
    "boltzmann": (1.4, 19),
    "bradford": (0.3,),
    "burr": (10.5, 4.3),
    "burr12": (10.0, 4.0),
    "chi": (7.5,),
    "chi2": (5.5,),
    "crystalball": (2.0, 3.0),
    "dgamma": (1.6,),
    "dlaplace": (0.8,),
    "dweibull": (2.1,),
    "erlang": (10,),
    "exponnorm": (1.5,),
    "exponpow": (2.7,),
    "exponweib": (2.9, 1.95),
    "f": (29.0, 18.0),
    "fatiguelife": (2.9,),
    "fisk": (3.1,),
    "foldcauchy": (4.7,),
    "foldnorm": (1.95,),
    "gamma": (1.99,),
    "genexpon": (9.1, 16.2, 3.3),
    "genextreme": (-0.1,),
    "gengamma": (4.4, 3.1),
    "genlogistic": (0.41,),
    "gennorm": (1.3,),
    "genpareto": (0.1,),
    "geom": (0.5,),
    "gompertz": (0.95,),
    "halfgennorm": (0.67,),
    "invgamma": (4.1,),
    "invgauss": (0.15,),
    "invweibull": (10.6,),
    "jf_skew_t": (8.0, 4.0),
    "johnsonsb": (4.3, 3.2),
    "johnsonsu": (2.6, 2.3),
    "kappa3": (1.1,),
    "laplace_asymmetric": (2.0,),
    "loggamma": (0.41,),
    "loglaplace": (3.3,),
    "lognorm": (0.95,),
    "logser": (0.6,),
    "loguniform": (0.01, 1.25),
    "lomax": (1.9,),
    "mielke": (10.4, 4.6),
    "nakagami": (5.0,),
    "nbinom": (4.5, 0.4),
    "pareto": (2.6,),
    "planck": (0.51,),
    "poisson": (0.6,),
    "powerlaw": (1.7,),
    "powerlognorm": (2.1, 0.45),
    "powernorm": (4.5,),
    "rdist": (1.6,),
    "recipinvgauss": (0.63,),
    "reciprocal": (0.01, 1.25),
    "rel_breitwigner": (36.5,),
    "rice": (0.77,),
    "skewcauchy": (0.5,),
    "skewnorm": (4.0,),
    "t": (2.7,),
    "trapezoid": (0.2, 0.8),
    "triang": (0.16,),
    "truncexpon": (4.7,),
    "truncnorm": (-1.1, 2.7),
    "truncweibull_min": (2.5, 0.25, 1.75),
    "vonmises": (4.0,),
    "vonmises_line": (4.0,),
    "weibull_max": (2.9,),
    "weibull_min": (1.8,),
    "wrapcauchy": (0.03,),
    "yulesimon": (11.0,),
}

here = frozenset(name for name in (*DENSITIES, *MASSES) if hasattr(scipy.stats, name))
CONTINUOUS = [
    (name, method)
    for methods, names in ((("pdf", "logpdf"), DENSITIES), (("cdf", "sf", "logcdf", "logsf"), DISTRIBUTION_FUNCTIONS))
    for name in sorted(names & here)
    for method in methods
]
DISCRETE = [
    (name, method)
    for methods, names in ((("pmf", "logpmf"), MASSES), (("cdf", "sf", "logcdf", "logsf"), STEPS))
    for name in sorted(names & here)
    for method in methods
]
LOC, SCALE = 0.3, 1.7

#: The places of the arguments by which distribution functions have no derivative.
WITHOUT = {
    name: [re.split(r"[, ]+", getattr(scipy.stats, name).shapes).index(each) for each in without]
    for name, without in WITHOUT_DERIVATIVE.items()
}


def shapes_of(name):
    """Shape parameters as numbers that can be differentiated by."""
    return [float(shape) for shape in SHAPES.get(name, ())]


def method_of(name, method):
    """A method with all parameters by position."""
    function = getattr(getattr(scipy.stats, name), method)
    return lambda x, loc, scale, *shapes: function(x, *shapes, loc=loc, scale=scale)


def quietly(f, *args):
    """SciPy's own value; it may warn of what it then leaves out."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f(*args)


def assert_scipys(found, expected):
    """The values of SciPy. Close to 1, the logarithm of a probability is close to 0, and has no more digits than it."""
    assert np.shape(found) == np.shape(expected)
    assert np.asarray(found).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)


def middle(name, count=4):
    """Points well inside of the distribution, moved and scaled."""
    distribution = getattr(scipy.stats, name)
    q = np.linspace(0.15, 0.85, count)
    return quietly(lambda: distribution.ppf(q, *SHAPES.get(name, ()), loc=LOC, scale=SCALE))


# Values.


@pytest.mark.parametrize(("name", "method"), CONTINUOUS)
def test_values_inside_and_outside_of_the_support(name, method):
    f, shapes = method_of(name, method), shapes_of(name)
    x = np.concatenate([middle(name), [-1e3, LOC, 1e3, np.nan, np.inf, -np.inf]])
    low, high = getattr(scipy.stats, name).support(*shapes, loc=LOC, scale=SCALE)
    x = np.concatenate([x, [low - 0.5, high + 0.5]])
    found = vjp(lambda x, loc, scale: f(x, loc, scale, *shapes), x, LOC, SCALE)[0]
    assert_scipys(found, quietly(f, x, LOC, SCALE, *shapes))


@pytest.mark.parametrize(("name", "method"), CONTINUOUS)
@settings(max_examples=max(1, settings().max_examples // 20))
@given(st.integers(0, 2**32 - 1))
def test_values_anywhere(name, method, seed):
    rng = np.random.default_rng(seed)
    f = method_of(name, method)
    shapes = [shape * rng.uniform(0.9, 1.1) for shape in shapes_of(name)] if name != "erlang" else shapes_of(name)
    x, loc, scale = rng.normal(size=(3, 1)) * 3, rng.normal(), rng.uniform(0.5, 2, size=2)
    assert_scipys(
        vjp(lambda x, loc, scale: f(x, loc, scale, *shapes), x, loc, scale)[0], quietly(f, x, loc, scale, *shapes)
    )


@pytest.mark.parametrize(("name", "method"), DISCRETE)
def test_probabilities(name, method):
    shapes = shapes_of(name)
    function = getattr(getattr(scipy.stats, name), method)
    k = np.array([-3.0, -1.0, 0.0, 1.0, 2.0, 3.0, 1.5, 40.0, np.nan])

    # By whole numbers some have no derivative.
    moves = [i for i, _ in enumerate(shapes) if method in ("pmf", "logpmf") or i not in WITHOUT.get(name, ())]

    def f(k, loc, *moved):
        at = dict(zip(moves, moved, strict=True))
        return function(k, *(at.get(i, x) for i, x in enumerate(shapes)), loc=loc)

    moved = [shapes[i] for i in moves]
    assert_scipys(vjp(lambda *moved: f(k, 1, *moved), *moved)[0], quietly(f, k, 1, *moved))
    assert_scipys(vjp(lambda *moved: f(k[3], 0, *moved), *moved)[0], quietly(f, k[3], 0, *moved))


@pytest.mark.parametrize("method", ["ppf", "isf"])
@pytest.mark.parametrize("name", sorted(QUANTILES & here))
def test_quantiles(name, method):
    f, shapes = method_of(name, method), shapes_of(name)
    q = np.array([0.05, 0.3, 0.51, 0.95, 0.0, 1.0, -0.5, 2.0, np.nan])
    found = vjp(lambda q, loc, scale: f(q, loc, scale, *shapes), q, LOC, SCALE)[0]
    assert_scipys(found, quietly(f, q, LOC, SCALE, *shapes))
    by_shapes = name != "crystalball"

    def total(q, loc, scale, *varied):
        return np.sum(np.array([1.0, -0.5, 0.7]) * f(q, loc, scale, *(varied if by_shapes else shapes)))

    report = check_gradient(total, (np.array([0.23, 0.45, 0.85]), LOC, SCALE, *(shapes if by_shapes else ())))
    assert report.ok, report


def test_the_slope_of_a_quantile_is_one_over_the_density():
    q = np.linspace(0.1, 0.9, 5)
    x, pull = vjp(lambda q: scipy.stats.gamma.ppf(q, 2.5), q)
    np.testing.assert_allclose(pull(np.ones(5))[0], 1 / scipy.stats.gamma.pdf(x, 2.5), rtol=1e-12)


@pytest.mark.parametrize("name", WITHOUT_DERIVATIVE)
def test_by_a_whole_number_there_is_no_derivative(name):
    shapes = shapes_of(name)
    (place,) = WITHOUT[name]

    def f(n):
        return getattr(scipy.stats, name).cdf(1, *(n if k == place else x for k, x in enumerate(shapes)))

    np.testing.assert_allclose(vectorize(f)(np.array([shapes[place]])), [f(shapes[place])], rtol=1e-14)
    with pytest.raises(
        NoDerivativeError, match=f"{name}.cdf has no derivative by its argument {WITHOUT_DERIVATIVE[name][0]}"
    ):
        grad(f)(shapes[place])


@pytest.mark.parametrize("kind", [float, int, np.float32, list])
def test_kinds_of_arguments(kind):
    x = [1, 2] if kind is list else kind(1)
    for name, method in (("norm", "logpdf"), ("gamma", "pdf"), ("uniform", "cdf")):
        f, shapes = method_of(name, method), shapes_of(name)
        found = vjp(lambda scale: f(x, 0, scale, *shapes), 2.0)[0]  # noqa: B023
        assert_scipys(found, f(x, 0, 2.0, *shapes))
        assert type(found) is type(f(x, 0, 2.0, *shapes)) or np.ndim(found) == 0


# Derivatives.


@pytest.mark.parametrize(("name", "method"), CONTINUOUS)
def test_derivatives(name, method):
    f, shapes, x = method_of(name, method), shapes_of(name), middle(name)

    def total(x, loc, scale, *varied):
        return np.sum(np.array([1.0, -0.5, 0.7, 0.3]) * f(x, loc, scale, *varied))

    report = check_gradient(total, (x, LOC, SCALE, *shapes))
    assert report.ok, report


@pytest.mark.parametrize(("name", "method"), DISCRETE)
def test_derivatives_of_probabilities(name, method):
    shapes = shapes_of(name)
    # A whole number cannot be varied: SciPy's probability is not a number in between.
    places = [i for i, shape in enumerate(SHAPES[name]) if not isinstance(shape, int)]
    if method not in ("pmf", "logpmf"):
        places = [place for place in places if place not in WITHOUT.get(name, ())]
    low, high = getattr(scipy.stats, name).support(*shapes)
    # From the upper end on nothing is left.
    k = np.minimum(np.arange(4.0) + max(low, -2), high - (method in ("logsf", "sf")))

    def total(*varied):
        whole = list(shapes)
        for place, shape in zip(places, varied, strict=True):
            whole[place] = shape
        return np.sum(np.array([1.0, -0.5, 0.7, 0.3]) * getattr(getattr(scipy.stats, name), method)(k, *whole))

    report = check_gradient(total, tuple(shapes[place] for place in places))
    assert report.ok, report


@pytest.mark.parametrize(
    "name",
    ["norm", "t", "gamma", "beta", "lognorm", "logistic", "cauchy", "genextreme", "genpareto", "truncnorm", "skewnorm"],
)
def test_second_derivatives(name):
    f, shapes, x = method_of(name, "logpdf"), shapes_of(name), middle(name)
    gradient = grad(lambda p: np.sum(f(x, *p)))
    report = check_gradient(lambda p: np.sum(np.sin(gradient(p))), (np.array([LOC, SCALE, *shapes]),))
    assert report.ok, report


# SciPy's code takes another formula, a constant, or an absolute value at these points; the density is smooth there.
SMOOTH_AT = {
    "cauchy at its centre": (lambda x: scipy.stats.cauchy.logpdf(x), 0.0),
    "logistic at its centre": (lambda x: scipy.stats.logistic.logpdf(x), 0.0),
    "logistic density at its centre": (lambda x: scipy.stats.logistic.pdf(x), 0.0),
    "genlogistic at its centre": (lambda x: scipy.stats.genlogistic.logpdf(x, 0.4), 0.0),
    "Gumbel's distribution among genextreme": (lambda c: scipy.stats.genextreme.logpdf(0.7, c), 0.0),
    "the same, distribution function": (lambda c: scipy.stats.genextreme.cdf(0.7, c), 0.0),
    "the exponential one among genpareto": (lambda c: scipy.stats.genpareto.logpdf(0.7, c), 0.0),
    "the same, survival function": (lambda c: scipy.stats.genpareto.sf(0.7, c), 0.0),
    "the normal one among skewnorm": (lambda a: scipy.stats.skewnorm.logpdf(0.7, a), 0.0),
    "the same, density": (lambda a: scipy.stats.skewnorm.pdf(0.7, a), 0.0),
}


@pytest.mark.parametrize("name", SMOOTH_AT)
def test_points_at_which_scipys_code_is_not_smooth(name):
    f, at = SMOOTH_AT[name]
    step = 1e-3
    slope, curve = grad(f)(at), grad(grad(f))(at)
    np.testing.assert_allclose(slope, (f(at + step) - f(at - step)) / (2 * step), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(curve, (grad(f)(at + step) - grad(f)(at - step)) / (2 * step), rtol=1e-5, atol=1e-7)


def test_derivatives_at_the_end_of_a_domain_are_one_sided():
    step = 1e-6
    for f, at in (
        (lambda b: scipy.stats.rice.logpdf(1.5, b), 0.0),
        (lambda kappa: scipy.stats.vonmises.logpdf(0.5, kappa), 0.0),
        (lambda c: scipy.stats.triang.logpdf(0.3, c), 0.0),
    ):
        np.testing.assert_allclose(grad(f)(at), (f(at + step) - f(at)) / step, rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(grad(lambda c: scipy.stats.triang.logpdf(0.3, c))(1.0), -1.0, rtol=1e-14)


def test_the_score_of_a_normal_sample():
    """Of mu the score is sum(x - mu) / sigma^2, of sigma sum((x - mu)^2 / sigma^3 - 1 / sigma)."""
    x = np.array([0.5, 2.0, -1.0])
    by_mu, by_sigma = grad(lambda mu, s: np.sum(scipy.stats.norm.logpdf(x, loc=mu, scale=s)), (0, 1))(0.2, 1.5)
    np.testing.assert_allclose(by_mu, np.sum(x - 0.2) / 1.5**2, rtol=1e-14)
    np.testing.assert_allclose(by_sigma, np.sum((x - 0.2) ** 2 / 1.5**3 - 1 / 1.5), rtol=1e-14)


# Outside of a domain.


def test_outside_of_the_support_the_derivative_is_zero():
    x = np.array([-1.0, 0.5, 2.0])
    value, pull_back = vjp(lambda x, b, scale: scipy.stats.weibull_min.logpdf(x, b, scale=scale), x, 1.5, 2.0)
    np.testing.assert_array_equal(np.isfinite(value), [False, True, True])
    gx, gb, gscale = pull_back(np.ones(3))
    assert gx[0] == 0
    inside = vjp(lambda b, scale: scipy.stats.weibull_min.logpdf(x[1:], b, scale=scale), 1.5, 2.0)[1](np.ones(2))
    np.testing.assert_allclose((gb, gscale), inside, rtol=1e-14)
    assert np.all(np.isfinite(gx))


@pytest.mark.parametrize(
    "f",
    [
        lambda p: scipy.stats.norm.logpdf(0.5, 0.0, p),
        lambda p: scipy.stats.norm.logpdf(0.5, p, -1.0),
        lambda p: scipy.stats.norm.cdf(0.5, 1.0, p),
        lambda p: scipy.stats.gamma.logpdf(0.5, p),
        lambda p: scipy.stats.t.pdf(0.5, p),
        lambda p: scipy.stats.poisson.logpmf(2, p),
        lambda p: scipy.stats.beta.logpdf(0.5, 2.0, p),
    ],
)
def test_a_parameter_outside_of_its_domain_gives_nan(f):
    value, g = value_and_grad(f)(-1.0)
    assert np.isnan(quietly(f, -1.0))
    assert np.isnan(value)
    assert np.isnan(g)


# Ways of writing it.


def test_frozen_positional_and_named():
    x = np.array([0.5, 2.0])
    expected = grad(lambda m, s: np.sum(scipy.stats.norm.logpdf(x, m, s)), (0, 1))(0.3, 1.5)
    for f in (
        lambda m, s: scipy.stats.norm(m, s).logpdf(x),
        lambda m, s: scipy.stats.norm(loc=m, scale=s).logpdf(x=x),
        lambda m, s: scipy.stats.norm.logpdf(x=x, scale=s, loc=m),
        lambda m, s: np.log(scipy.stats.norm(m, scale=s).pdf(x)),
    ):
        np.testing.assert_allclose(grad(lambda m, s, f=f: np.sum(f(m, s)), (0, 1))(0.3, 1.5), expected, rtol=1e-13)
    assert grad(lambda df: scipy.stats.t(df=df, loc=1).logpdf(0.5))(3.0) == grad(
        lambda df: scipy.stats.t.logpdf(0.5, df, 1)
    )(3.0)


def test_wrong_calls_raise_what_scipy_raises():
    with pytest.raises(TypeError, match=r"logpdf\(\) missing 1 required positional argument: 'x'"):
        grad(lambda x: scipy.stats.norm.logpdf(loc=x))(1.0)
    with pytest.raises(TypeError, match="df"):
        grad(lambda x: scipy.stats.t.logpdf(x))(1.0)
    with pytest.raises(TypeError, match="nonsense"):
        grad(lambda x: scipy.stats.norm.logpdf(x, nonsense=1))(1.0)
    with pytest.raises(ValueError, match="broadcast"):
        grad(lambda x: np.sum(scipy.stats.norm.logpdf(x, np.zeros(3))))(np.zeros(2))
    with pytest.raises(ValueError, match="broadcast"):
        grad(lambda x: np.sum(scipy.stats.gamma.logpdf(x, np.ones(3))))(np.ones(2))


def test_a_distribution_of_the_users_own():
    class Bump(scipy.stats.rv_continuous):
        """The density 3 (1 - x^2) / 4 on [-1, 1]."""

        def _pdf(self, x):
            return 0.75 * (1 - x * x)

        def _cdf(self, x):
            return 0.25 * (2 + 3 * x - x**3)

    bump = Bump(a=-1, b=1, name="bump")
    x = np.array([-2.0, -0.5, 0.3])
    for method in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf"):
        f = getattr(bump, method)
        assert_scipys(vjp(lambda x, f=f: f(x, 0.1, 1.2), x)[0], quietly(f, x, 0.1, 1.2))
        assert check_gradient(lambda loc, scale, f=f: np.sum(f(x[1:], loc, scale)), (0.1, 1.2)).ok


def test_one_derived_from_scipys_has_its_own_formula():
    class Other(type(scipy.stats.logistic)):
        def _pdf(self, x):
            return np.exp(-2 * np.abs(x))

        def _logpdf(self, x):
            return -2 * np.abs(x)

    assert grad(Other(name="logistic").logpdf)(1.5) == -2.0


def test_bodies_recorded_without_values_and_batches():
    x = np.array([-0.5, 0.5, 2.0])
    for name in ("norm", "t", "gamma", "beta", "expon", "genextreme", "truncnorm"):
        shapes = shapes_of(name)
        f = method_of(name, "logpdf")

        def density(p, x, f=f):
            return np.exp(f(x, p[0], p[1], *p[2:]))

        p = np.array([LOC, SCALE, *shapes])
        expected = grad(lambda p: np.sum(density(p, x)))(p)
        by_scan = grad(lambda p: scan(lambda total, x: (total + density(p, x), None), 0.0, x)[0])(p)
        np.testing.assert_allclose(by_scan, expected, rtol=1e-12, atol=1e-14)
        each = vectorize(grad(density), (None, 0))(p, x)
        np.testing.assert_allclose(np.sum(each, axis=0), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.interpreted("test_derivatives compiles these functions, with their derivatives")
@pytest.mark.parametrize(("name", "method"), [*CONTINUOUS, *DISCRETE])
def test_the_graph_holds_for_other_values_too(name, method):
    shapes = shapes_of(name)
    others = [
        shape if isinstance(s, int) else 1.02 * shape for s, shape in zip(SHAPES.get(name, ()), shapes, strict=True)
    ]
    if name in MASSES:
        f = getattr(getattr(scipy.stats, name), method)
        point, moved = (np.array([0.0, 1.0, 2.5]), *shapes), (np.array([1.0, 0.5, 2.0]), *others)
    else:
        f = method_of(name, method)
        x = middle(name)
        point, moved = (x, LOC, SCALE, *shapes), (np.flip(x) - 0.5 * (x - LOC), LOC + 0.1, 1.1 * SCALE, *others)
    graph = trace(f)(*point)
    verify(graph)
    with np.errstate(all="ignore"):
        assert_scipys(evaluate(graph, *moved)[0], quietly(f, *moved))


def test_the_graph_names_the_method():
    graph = trace(lambda m: scipy.stats.norm.logpdf(0.5, m))(0.0)
    assert {node.group for node in graph.nodes} == {"scipy.stats.rv_continuous.logpdf"}


# What is not followed.


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda x: scipy.stats.kappa4.logpdf(x, 0.1, 0.1), "scipy.stats.kappa4.logpdf"),
        (lambda x: scipy.stats.skewnorm.cdf(x, 2.0), "scipy.stats.skewnorm.cdf"),
        (lambda x: scipy.stats.argus.ppf(x, 1.0), "scipy.stats.argus.ppf"),
        (lambda x: scipy.stats.truncnorm(-1, 1, loc=x).isf(0.5), "scipy.stats.truncnorm.isf"),
        (lambda x: scipy.stats.poisson.ppf(0.5, x), "scipy.stats.poisson.ppf"),
        (lambda x: scipy.stats.hypergeom.logpmf(2, 20, 7, 12 * x), "scipy.stats.hypergeom.logpmf"),
        (lambda x: scipy.stats.logser.cdf(2, x), "scipy.stats.logser.cdf"),
        (lambda x: scipy.stats.multivariate_normal([x, x]).cdf([0.0, 1.0]), "multivariate_normal"),
    ],
)
def test_what_is_not_followed_is_named(f, name):
    with pytest.raises(TraceError, match=re.escape(name)) as problem:
        grad(f)(0.5)
    assert __file__ in str(problem.value).splitlines()[-1]


def test_code_of_the_users_own_that_cannot_be_followed_is_named():
    class Lost(scipy.stats.rv_continuous):
        def _logpdf(self, x):
            return -np.asarray([float(each) for each in x.reshape(-1)])

    with pytest.raises(TraceError, match=r"scipy\.stats\.lost\.logpdf .*float\(\) was called"):
        grad(Lost(name="lost").logpdf)(1.0)


def test_complex_numbers_are_refused():
    with pytest.raises(TraceError, match="real numbers"):
        grad(lambda z: np.real(scipy.stats.norm.logpdf(z)))(1j)


def test_a_singular_covariance_is_refused():
    singular = np.ones((2, 2))
    with pytest.raises(TraceError, match="not singular"):
        grad(lambda x: scipy.stats.multivariate_normal.logpdf(x, [0.0, 0.0], singular, allow_singular=True))(np.ones(2))
    with pytest.raises(np.linalg.LinAlgError):
        grad(lambda x: scipy.stats.multivariate_normal.logpdf(x, [0.0, 0.0], singular))(np.ones(2))


def test_a_covariance_of_another_size_is_named():
    with pytest.raises(ValueError, match=r"shape \(2, 2\), found \(3, 3\)"):
        grad(lambda c: scipy.stats.multivariate_normal.logpdf([1.0, 2.0], [0.0, 0.0], c))(np.eye(3))


def test_dirichlet_says_what_scipy_says():
    with pytest.raises(ValueError, match="simplex"):
        grad(lambda x: scipy.stats.dirichlet.logpdf(x, [1.0, 2.0]))(np.array([0.5, 0.4]))


# The tables.


def test_every_distribution_named_is_one_of_scipys():
    for name in here:
        distribution = getattr(scipy.stats, name)
        kind = scipy.stats.rv_discrete if name in MASSES else scipy.stats.rv_continuous
        assert isinstance(distribution, kind)
        assert distribution.numargs == len(SHAPES.get(name, ()))
    # One that the oldest version does not have may be missing, not more.
    assert len(DENSITIES | MASSES) - len(here) <= 2


def test_own_formulas_take_the_shapes_that_scipy_names():
    for name, formulas in OWN.items():
        names = re.split(r"[, ]+", getattr(scipy.stats, name).shapes) if getattr(scipy.stats, name).shapes else []
        for method, formula in formulas.items():
            taken = list(inspect.signature(formula).parameters)
            assert taken == names if method == "support" else taken[1:] == names
