"""The incomplete gamma and beta functions and Student's t, differentiated by their shape parameters.

The expected numbers are differences of the functions in 60 digits, which mpmath made.
"""

import numpy as np
import pytest
import scipy.special

from chainrule import NoDerivativeError, elementwise_grad, grad, jit, vectorize
from chainrule.ops.incomplete_numbers import betainc_by_shapes, gammainc_by_a, stdtr_by_df

# a, x, and the derivatives by a.
GAMMA = [
    (0.001, 0.5, -0.5603594001080031, -0.5848512398697082, 1.9078634572533417),
    (0.001, 20.0, -9.906877326777444e-11, -7.152140594591897e-10, -3.391596408747671e-09),
    (0.3, 1e-08, -0.08096140631762946, 1.4726348752303846, -26.68880275428082),
    (0.7, 1.5, -0.27294399129803937, -0.1920187412425705, 0.23381912692179813),
    (3.0, 0.25, -0.005746276674690466, 0.014680190940812791, -0.03569726409898812),
    (3.0, 40.0, -9.974330300089282e-15, -2.643640506693295e-14, -6.648696208308693e-14),
    (250.0, 251.0, -0.025139198144058444, -0.00010035614239912516, 0.00010018957129716843),
    (250.0, 120.0, -2.090962134786899e-25, 1.535211737990845e-25, -1.1188080189309894e-25),
    (10000.0, 10100.0, -0.0024156880031763668, -2.4037093166337313e-05, 2.391830149169191e-09),
    (10000.0, 9500.0, -9.892319012214694e-09, 5.074138677959324e-10, -2.5037906485057242e-11),
]

# a, b, x, and the derivatives by a and by b.
BETA = [
    (0.01, 0.02, 0.3, -22.588449240546257, 11.02759578976957),
    (0.01, 0.02, 0.9, -21.28184341732838, 11.333866947029419),
    (0.02, 30.0, 1e-06, -8.114769308196164, 0.0005562606938405766),
    (0.02, 30.0, 0.5, -6.848646048391486e-11, 9.319694733847435e-13),
    (40.0, 0.05, 0.99999, -0.0008778287060145299, 5.094089791123094),
    (40.0, 0.05, 0.6, -2.5439301857543308e-12, 1.1101189879377063e-10),
    (2.5, 1.5, 0.4, -0.1366455169579353, 0.15359963395476586),
    (300.0, 200.0, 0.61, -0.013019268712332676, 0.019946917236122255),
    (300.0, 200.0, 0.3, -4.0187985124906184e-44, 3.246167273574565e-44),
    (10000.0, 3.0, 0.9999, -1.8397650983268115e-05, 0.10647561570625926),
]

# The derivatives at the same points by a twice, by both, by b twice.
BETA_TWICE = [
    (1505.8365964623583, 358.68795225638536, -734.3918382665687),
    (1416.899027163889, 400.921069054388, -757.0453442247424),
    (78.9356439999421, 0.022304639928268293, -1.8469895449547416e-05),
    (-4.3178739195893825e-10, 4.960108337654742e-11, -6.76876092915378e-13),
    (2.1105456572268652e-05, -0.011104417550622346, -36.33384916309056),
    (1.3605770972535921e-12, -5.914023703149891e-11, 6.723576586838639e-10),
    (0.10131646181251676, -0.07926205399579497, 0.024819266036536045),
    (-0.00018914806908144706, 0.0003231358929705526, -0.0005451170039651241),
    (2.793973866519921e-44, -2.2514570310665837e-44, 1.810551829154423e-44),
    (-1.8393051969066514e-09, 1.69733849676773e-05, -0.12112814543975389),
]

# df, t, and the derivatives by df.
STUDENT = [
    (0.1, 0.5, 0.33382913575385925, -2.0704339132818483, 25.622942068407106),
    (0.1, -200.0, -1.6140101822020496, 11.994381895577755, -109.69421238109915),
    (1.0, 1.2, 0.07611787128818508, -0.10665336275394896, 0.22175123298555977),
    (2.5, -30.0, -0.0003795362263023998, 0.0010262742536284522, -0.002883030765419795),
    (30.0, 0.2, 2.2388571647392518e-05, -1.48536970647723e-06, 1.4779272477198338e-07),
    (30.0, -7.0, -8.16451916524144e-09, 1.8077669730109205e-09, -4.631543942468244e-10),
    (1000.0, 2.0, 1.351049489460594e-07, -2.703367364507087e-10, 8.113893403661573e-13),
]


def columns(table):
    return [np.array(column) for column in zip(*table, strict=True)]


def test_the_incomplete_gamma_function():
    a, x, *expected = columns(GAMMA)
    f = scipy.special.gammainc
    for derivative in expected:
        f = elementwise_grad(f)
        np.testing.assert_allclose(f(a, x), derivative, rtol=2e-12)
    np.testing.assert_allclose(elementwise_grad(scipy.special.gammaincc)(a, x), -expected[0], rtol=2e-13)


def test_the_incomplete_beta_function():
    (a, b, x, by_a, by_b), (by_aa, by_ab, by_bb) = columns(BETA), columns(BETA_TWICE)
    f, other = scipy.special.betainc, lambda b, a, x: scipy.special.betainc(a, b, x)
    first, second = elementwise_grad(f), elementwise_grad(other)
    np.testing.assert_allclose(first(a, b, x), by_a, rtol=2e-13)
    np.testing.assert_allclose(second(b, a, x), by_b, rtol=2e-13)
    np.testing.assert_allclose(elementwise_grad(first)(a, b, x), by_aa, rtol=2e-12)
    np.testing.assert_allclose(elementwise_grad(lambda b: first(a, b, x))(b), by_ab, rtol=2e-12)
    np.testing.assert_allclose(elementwise_grad(second)(b, a, x), by_bb, rtol=2e-12)


def test_students_distribution():
    v, t, *expected = columns(STUDENT)
    f = scipy.special.stdtr
    for derivative, tolerance in zip(expected, (2e-12, 1e-10, 1e-9), strict=True):
        f = elementwise_grad(f)
        np.testing.assert_allclose(f(v, t), derivative, rtol=tolerance)


def test_students_distribution_at_its_centre():
    """The density at 0, Gamma((v + 1) / 2) / (sqrt(pi v) Gamma(v / 2)), is what remains to be differentiated there."""

    def density(v):
        ratio = scipy.special.gammaln(0.5 * v + 0.5) - scipy.special.gammaln(0.5 * v)
        return np.exp(ratio) / np.sqrt(np.pi * v)

    assert grad(scipy.special.stdtr)(2.5, 0.0) == 0.0
    mixed = grad(lambda t: grad(scipy.special.stdtr)(2.5, t))(0.0)
    np.testing.assert_allclose(mixed, grad(density)(2.5), rtol=1e-13)


@pytest.mark.parametrize(
    ("f", "ends"),
    [
        (gammainc_by_a(1), ((2.0, 0.0), (2.0, np.inf))),
        (betainc_by_shapes(1, 0), ((2.0, 3.0, 0.0), (2.0, 3.0, 1.0))),
        (betainc_by_shapes(1, 1), ((2.0, 3.0, 0.0), (2.0, 3.0, 1.0))),
        (stdtr_by_df(1), ((2.0, -np.inf), (2.0, np.inf))),
    ],
)
def test_at_the_ends_of_the_range_nothing_depends_on_a_shape(f, ends):
    for end in ends:
        assert f(*map(np.float64, end)) == 0.0
    assert np.isnan(f(*(np.float64(-1.0) for _ in ends[0])))
    assert np.isnan(f(*(np.float64(np.nan) for _ in ends[0])))


def test_a_shape_of_zero_has_the_derivative_from_the_right():
    """Gamma(a) P goes to E_1 (DLMF 8.4.4): the derivative of P at a = 0 is -E_1(x)."""
    x = np.array([0.1, 0.9, 1.1, 5.0])
    np.testing.assert_allclose(
        elementwise_grad(scipy.special.gammainc)(np.zeros(4), x), -scipy.special.exp1(x), rtol=1e-13
    )


def test_dtypes_and_many_entries():
    rng = np.random.default_rng(0)
    a, x = rng.uniform(0.5, 5, (50, 90)), rng.uniform(0.5, 5, 90)
    found = elementwise_grad(scipy.special.gammainc)(a, np.broadcast_to(x, a.shape))
    np.testing.assert_allclose(found[7, 5], grad(scipy.special.gammainc)(a[7, 5], x[5]), rtol=1e-14)
    single = gammainc_by_a(1)(a.astype(np.float32), x.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, found, rtol=1e-5)
    assert gammainc_by_a(1)(a.astype(np.float32), 2.0).dtype == np.float32
    assert gammainc_by_a(1)(2, 3).dtype == np.float64
    assert gammainc_by_a(1)(np.zeros((0, 3)), 3.0).shape == (0, 3)


def test_compiled_and_in_batches():
    f = grad(scipy.special.betainc, (0, 1, 2))
    a = np.array([0.5, 2.0, 9.0])
    expected = [f(each, 1.5, 0.3) for each in a]
    np.testing.assert_allclose(np.transpose(vectorize(lambda a: f(a, 1.5, 0.3))(a)), expected, rtol=1e-14)
    np.testing.assert_allclose([jit(f)(each, 1.5, 0.3) for each in a], expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda a: scipy.special.gammainc(a, 1.0), "scipy.special.gammainc has derivatives by its argument a up to"),
        (lambda b: scipy.special.betainc(2.0, b, 0.3), "scipy.special.betainc has derivatives by its argument b up to"),
        (lambda v: scipy.special.stdtr(v, 0.3), "scipy.special.stdtr has derivatives by its argument df up to"),
    ],
)
def test_beyond_the_last_order_the_argument_is_named(f, words):
    for _ in range(3):
        f = grad(f)
    assert np.isfinite(f(1.5))
    with pytest.raises(NoDerivativeError, match=words):
        grad(f)(1.5)
