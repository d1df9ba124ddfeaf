"""scipy.linalg: matrices of a certain form, and equations in them."""

import numpy as np
import scipy.linalg
from tests.ops.case import POSITIVE, REALS, Case, between, distinct, fixed, in_double

SMALL = between(-0.4, 0.4)
BANDS = np.array([[0.0, 0.0, 0.0, 0.0], [5.0, 6.0, 7.0, 8.0]])


def far_apart(rng, shape):
    """Numbers of which no two are close, compared with their imaginary parts."""
    return rng.permutation([0.0, 3.0, 7.0, 12.0]) + rng.uniform(-0.05, 0.05, shape)


def eigenvectors(d, e):
    w, v = scipy.linalg.eigh_tridiagonal(d, e)
    # The sign of each vector is open. The weights are there since sums over rows and columns are constant.
    return w * np.array([1.0, 2.0, 4.0]), v**2 * np.array([[1.0, 2.0, 3.0], [2.0, 1.0, 5.0], [4.0, 0.0, 1.0]])


def generalized(a, b):
    return np.sort(np.real(scipy.linalg.eigvals(a + a.T + np.diag([2.0, 4.0, 6.0]), np.eye(3) + 0.1 * (b + b.T))))


CASES = (
    Case("scipy.linalg.khatri_rao", scipy.linalg.khatri_rao, fixed((REALS, (2, 3)), (REALS, (4, 3))), complex=True),
    Case("scipy.linalg.companion", scipy.linalg.companion, fixed((POSITIVE, (4,))), complex=True),
    Case("scipy.linalg.leslie", scipy.linalg.leslie, fixed((REALS, (3,)), (REALS, (2,))), complex=True),
    Case("scipy.linalg.fiedler", scipy.linalg.fiedler, fixed((far_apart, (4,))), complex=True),
    *(
        Case(
            "scipy.linalg.convolution_matrix",
            lambda a, mode=mode: scipy.linalg.convolution_matrix(a, 4, mode),
            fixed((REALS, (3,))),
            complex=True,
            label=mode,
        )
        for mode in ("full", "valid", "same")
    ),
    Case(
        "scipy.linalg.solve_circulant",
        in_double(lambda c, b: scipy.linalg.solve_circulant(c + np.array([5.0, 0, 0]), b)),
        fixed((REALS, (3,)), (REALS, (3, 2))),
        complex=True,
    ),
    Case(
        "scipy.linalg.matmul_toeplitz",
        lambda c, r, x: scipy.linalg.matmul_toeplitz((c, r), x),
        fixed((REALS, (4,)), (REALS, (3,)), (REALS, (3, 2))),
        complex=True,
    ),
    Case(
        "scipy.linalg.matmul_toeplitz",
        lambda c, x: scipy.linalg.matmul_toeplitz(c, x),
        fixed((REALS, (3,)), (REALS, (3,))),
        label="symmetric",
    ),
    Case(
        "scipy.linalg.solveh_banded",
        lambda a, b: scipy.linalg.solveh_banded(a + BANDS, b),
        fixed((REALS, (2, 4)), (REALS, (4,))),
        complex=True,
    ),
    Case(
        "scipy.linalg.solveh_banded",
        lambda a, b: scipy.linalg.solveh_banded(a + BANDS[::-1], b, lower=True),
        fixed((REALS, (2, 4)), (REALS, (4, 2))),
        label="lower",
    ),
    Case(
        "scipy.linalg.cho_solve_banded",
        lambda c, b: scipy.linalg.cho_solve_banded((c + BANDS, False), b),
        fixed((REALS, (2, 4)), (REALS, (4,))),
        complex=True,
    ),
    Case(
        "scipy.linalg.cho_solve_banded",
        lambda c, b: scipy.linalg.cho_solve_banded((c + BANDS[::-1], True), b),
        fixed((REALS, (2, 4)), (REALS, (4, 2))),
        complex=True,
        label="lower",
    ),
    Case(
        "scipy.linalg.solve_continuous_lyapunov",
        lambda a, q: scipy.linalg.solve_continuous_lyapunov(a + 3 * np.eye(3), q),
        fixed((SMALL, (3, 3)), (REALS, (3, 3))),
        complex=((0, 1), (0,)),  # Of a real a and a complex q SciPy's result is wrong.
    ),
    Case(
        "scipy.linalg.solve_discrete_lyapunov",
        in_double(scipy.linalg.solve_discrete_lyapunov),
        fixed((SMALL, (2, 2)), (REALS, (2, 2))),
        complex=True,
    ),
    Case(
        "scipy.linalg.pinvh",
        lambda a: scipy.linalg.pinvh(a + np.conjugate(a).mT + 4 * np.eye(3)),
        fixed((SMALL, (3, 3))),
        complex=True,
    ),
    Case(
        "scipy.linalg.polar",
        lambda a: scipy.linalg.polar(a + np.diag([2.0, 4.0, 6.0])),
        fixed((SMALL, (3, 3))),
        complex=True,
    ),
    Case(
        "scipy.linalg.polar",
        lambda a: scipy.linalg.polar(a + np.diag([2.0, 4.0]), "left"),
        fixed((SMALL, (2, 2))),
        label="left",
    ),
    Case(
        "scipy.linalg.orthogonal_procrustes",
        lambda a, b: scipy.linalg.orthogonal_procrustes(a + np.diag([1.0, 2.0, 3.0]), b + np.eye(3)),
        fixed((SMALL, (3, 3)), (SMALL, (3, 3))),
        complex=True,
    ),
    Case(
        # Of single precision SciPy gives double numbers with the digits of single ones.
        "scipy.linalg.expm_frechet",
        in_double(scipy.linalg.expm_frechet),
        fixed((REALS, (2, 2)), (REALS, (2, 2))),
        complex=((0, 1), (0,)),
        tolerance=1e-11,
    ),
    Case("scipy.linalg.eigh_tridiagonal", in_double(eigenvectors), fixed((distinct, (3,)), (POSITIVE, (2,)))),
    Case(
        "scipy.linalg.eigvalsh_tridiagonal",
        scipy.linalg.eigvalsh_tridiagonal,
        fixed((distinct, (4,)), (POSITIVE, (3,))),
    ),
    Case("scipy.linalg.eigvals", generalized, fixed((SMALL, (3, 3)), (SMALL, (3, 3))), label="of a pair"),
)
