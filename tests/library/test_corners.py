"""Special functions, order statistics and matrices where their derivatives meet a gap, a pole or a tie."""

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.special

from chainrule import TraceError, elementwise_grad, grad, jvp, scan, value_and_grad, vjp

EQUAL = np.diag([2.0, 2.0, 5.0])


def derivatives(f, x, count):
    """Derivatives of first to highest order at a number."""
    found = []
    for _ in range(count):
        f = grad(f)
        found.append(f(x))
    return found


def test_sinc_at_0():
    """sin(pi x) / (pi x) = 1 - (pi x)^2 / 6 + (pi x)^4 / 120 - ..."""
    np.testing.assert_allclose(
        derivatives(np.sinc, 0.0, 4), [0, -(math.pi**2) / 3, 0, math.pi**4 / 5], rtol=1e-14, atol=1e-14
    )


def test_exprel_and_boxcox_at_0():
    np.testing.assert_allclose(derivatives(scipy.special.exprel, 0.0, 3), [1 / 2, 1 / 3, 1 / 4], rtol=1e-15)
    log = math.log(3.0)
    value, slope = value_and_grad(lambda power: scipy.special.boxcox(3.0, power))(0.0)
    np.testing.assert_allclose([value, slope], [log, log**2 / 2], rtol=1e-15)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_the_reciprocal_of_gamma_at_its_zeros(n):
    assert grad(scipy.special.rgamma)(-float(n)) == pytest.approx((-1) ** n * math.factorial(n), rel=1e-13)


def test_relative_entropy_at_the_ends_of_its_domain():
    x, y = np.array([0.0, 0.0, 1.0, -1.0, 1e300]), np.array([0.0, 2.0, 0.0, 1.0, 1e-300])
    np.testing.assert_array_equal(vjp(scipy.special.rel_entr, x, y)[0], scipy.special.rel_entr(x, y))
    # SciPy's kl_div overflows for the last one.
    found, expected = vjp(scipy.special.kl_div, x, y)[0], scipy.special.kl_div(x, y)
    np.testing.assert_array_equal(found[:-1], expected[:-1])
    assert found[-1] == scipy.special.rel_entr(x, y)[-1] - x[-1]
    np.testing.assert_array_equal(vjp(scipy.special.entr, x)[0], scipy.special.entr(x))
    assert grad(scipy.special.entr)(0.0) == np.inf
    assert grad(scipy.special.kl_div, 1)(0.0, 2.0) == 1.0


def test_derivatives_of_psi_at_complex_numbers():
    """SciPy has polygamma functions of real numbers alone: on the real axis, and by psi(z + 1) = psi(z) + 1 / z."""
    first = elementwise_grad(scipy.special.psi)
    second = elementwise_grad(first)
    x = np.array([-3.5, -0.2, 0.3, 0.49, 0.51, 5.0, 40.0, 1e6])
    for n, slope in ((1, first), (2, second)):
        np.testing.assert_allclose(slope(x + 0j), scipy.special.polygamma(n, x), rtol=1e-12)
    z = np.concatenate([x + 1j * y for y in (0.01, 3.0, 9.9, 10.1, 400.0)])
    np.testing.assert_allclose(first(z), first(z + 1) + 1 / z**2, rtol=1e-13)
    np.testing.assert_allclose(second(z), second(z + 1) - 2 / z**3, rtol=1e-12)
    assert first(z.astype(np.complex64)).dtype == np.complex64


def test_quantiles_by_their_share():
    a = np.array([4.0, 1.0, 2.0])
    assert grad(lambda q: np.quantile(a, q))(0.25) == 2.0
    assert grad(lambda q: np.percentile(a, q))(75.0) == pytest.approx(0.04)
    assert grad(lambda q: np.quantile(a, q, method="inverted_cdf"))(0.5) == 0.0


def test_statistics_of_an_array_with_nan():
    a = np.array([[1.0, np.nan], [3.0, 4.0]])
    value, pull_back = vjp(lambda a: np.median(a, axis=0), a)
    np.testing.assert_array_equal(value, [2.0, np.nan])
    value, pull_back = vjp(lambda a: np.nanmedian(a, axis=0), a)
    np.testing.assert_array_equal(value, [2.0, 4.0])
    np.testing.assert_array_equal(pull_back(np.ones(2))[0], [[0.5, 0.0], [0.5, 1.0]])


def test_interpolation_in_the_body_of_a_loop():
    """Places are found without looking at values."""
    table = np.array([0.0, 1.0, 4.0, 9.0])

    def f(x):
        total, _ = scan(lambda carry, step: (np.interp(carry, np.arange(4.0), table) / 3, None), x, np.arange(2))
        return total

    def by_loop(x):
        for _ in range(2):
            x = np.interp(x, np.arange(4.0), table) / 3
        return x

    assert value_and_grad(f)(2.5) == value_and_grad(by_loop)(2.5)


def test_bins_that_do_not_ascend_are_looked_at():
    with pytest.raises(ValueError, match="monoton"):
        vjp(lambda x: np.digitize(x, [0.0, 2.0, 1.0]), 0.5)


# Matrices.


def test_the_derivative_by_a_symmetric_matrix_is_symmetric():
    a = EQUAL + 0.3
    for f in (np.linalg.cholesky, lambda a: np.linalg.eigh(a)[0], lambda a: np.linalg.eigvalsh(a, "U")):
        value, pull_back = vjp(f, a)
        (g,) = pull_back(np.arange(value.size, dtype=float).reshape(value.shape))
        np.testing.assert_allclose(g, g.T, atol=1e-15)


def test_what_treats_equal_eigenvalues_alike():
    np.testing.assert_allclose(grad(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2))(EQUAL), 2 * EQUAL, atol=1e-14)
    np.testing.assert_allclose(grad(lambda a: np.linalg.norm(a, "nuc"))(EQUAL), np.eye(3), atol=1e-14)

    def turned(a):
        return np.linalg.eigh(a)[1][1, 0]

    with np.errstate(all="ignore"):
        assert not np.all(np.isfinite(grad(turned)(EQUAL)))


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_the_determinant_of_singular_matrices(rank):
    """Its derivatives are the cofactors, which are not 0 where one row alone is in the span of the others."""
    a = np.diag([2.0, 3.0, 0.0] if rank == 2 else [2.0, 0.0, 0.0] if rank == 1 else [0.0, 0.0, 0.0])
    expected = np.zeros((3, 3))
    expected[2, 2] = 6.0 if rank == 2 else 0.0
    np.testing.assert_allclose(grad(np.linalg.det)(a), expected, atol=1e-14)
    moved = jvp(np.linalg.det, (a,), (np.eye(3),))[1]
    assert moved == pytest.approx(expected[2, 2])


def test_the_inverse_of_a_singular_matrix_raises():
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        grad(lambda a: np.sum(np.linalg.inv(a)))(np.zeros((2, 2)))


def test_a_real_matrix_without_a_real_root_says_so():
    with pytest.raises(TraceError, match=r"scipy\.linalg\.sqrtm of this real matrix is complex"):
        grad(lambda a: np.sum(scipy.linalg.sqrtm(a)))(-np.eye(2))
    found = grad(lambda a: np.sum(np.real(scipy.linalg.sqrtm(a + 0j) * 1j)))(-4 * np.eye(2))
    assert np.all(np.isfinite(found))


def test_functions_that_are_closures_get_their_own_code_back():
    """SciPy's decorators make closures of them."""
    scipy.linalg.solve_triangular(np.eye(2), np.ones(2))
    before = scipy.linalg.solve_triangular.__code__
    grad(lambda a: np.sum(scipy.linalg.solve_triangular(a, np.ones(2))))(np.eye(2))
    np.testing.assert_array_equal(scipy.linalg.solve_triangular(np.eye(2), np.ones(2)), np.ones(2))
    assert scipy.linalg.solve_triangular.__code__ is before


def test_a_system_assumed_to_have_a_structure_reads_what_scipy_reads():
    a = np.array([[2.0, 0.5], [9.0, 3.0]])
    for structure in ("sym", "pos", "upper triangular", "lower triangular", "diagonal", "gen"):
        expected = scipy.linalg.solve(a, np.ones(2), assume_a=structure)
        found, _ = vjp(lambda a, s=structure: scipy.linalg.solve(a, np.ones(2), assume_a=s), a)
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_sylvesters_equation_of_a_complex_and_a_real_matrix():
    rng = np.random.default_rng(0)
    a, b, q = rng.normal(size=(3, 3)) * (1 + 1j), np.array([[1.0, -2.0], [2.0, 1.0]]), rng.normal(size=(3, 2))
    x = vjp(lambda a: scipy.linalg.solve_sylvester(a, b, q), a)[0]
    np.testing.assert_allclose(a @ x + x @ b, q, atol=1e-13)
