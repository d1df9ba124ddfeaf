"""scipy.linalg: equations, decompositions, functions of matrices, and matrices made of vectors."""

import numpy as np
import scipy.linalg
from hypothesis import strategies as st
from tests.library.cases_linalg import hermitian, of_vectors, positive, spread
from tests.library.cases_matrices import square
from tests.ops.case import REALS, Case, each, fixed, in_double, shapes

STRUCTURES = ("gen", "sym", "her", "pos", "upper triangular", "lower triangular", "diagonal")
PLANE = st.sampled_from(((2, 2), (3, 3)))
PAIR = ((square, (3, 3)), (REALS, (3, 2)))
FLAGS = st.fixed_dictionaries({}, optional={"trans": st.sampled_from((0, 1, 2, "T")), "lower": st.booleans()})


def bands(rng, shape):
    """The diagonals of a banded matrix of which the main one is the largest."""
    x = rng.uniform(-0.4, 0.4, shape)
    x[1] += 2.0
    return x


def triangular(draw_params):
    return draw_params.flatmap(lambda params: fixed(*PAIR, **params))


def structured(x, b):
    """Solutions for each structure that can be assumed; the matrix has them all where only its diagonal counts."""
    p = positive(x)
    by_vector = scipy.linalg.solve(x, b[:, 0], transposed=True)
    return [by_vector, *(scipy.linalg.solve(p, b, assume_a=structure) for structure in STRUCTURES)]


def functions(*names, size=1.0):
    """Functions of matrices, at matrices of about that size."""
    return tuple(of_matrix(name, getattr(scipy.linalg, name), size) for name in names)


def of_matrix(name, function, size):
    call = in_double(lambda x: function(size * x))
    return Case(f"scipy.linalg.{name}", call, fixed((square, (2, 2))), complex=True)


CASES = (
    Case("scipy.linalg.solve", structured, fixed(*PAIR)),
    Case("scipy.linalg.solve", scipy.linalg.solve, fixed(*PAIR), complex=True, label="of general matrices"),
    Case("scipy.linalg.solve_triangular", scipy.linalg.solve_triangular, triangular(FLAGS), complex=True),
    Case(
        "scipy.linalg.solve_triangular",
        lambda a, b: scipy.linalg.solve_triangular(a, b[:, 0], lower=True, unit_diagonal=True),
        fixed(*PAIR),
        label="with ones on the diagonal",
    ),
    Case(
        "scipy.linalg.solve_banded",
        lambda ab, b: (scipy.linalg.solve_banded((1, 1), ab, b), scipy.linalg.solve_banded((1, 1), ab, b[:, 0])),
        fixed((bands, (3, 4)), (REALS, (4, 2))),
        complex=True,
    ),
    Case(
        "scipy.linalg.solve_banded",
        lambda ab, b: scipy.linalg.solve_banded((0, 1), ab, b),
        fixed((bands, (2, 3)), (REALS, (3,))),
        label="of an upper matrix",
    ),
    Case(
        "scipy.linalg.solve_sylvester",
        in_double(scipy.linalg.solve_sylvester),
        fixed((square, (3, 3)), (square, (2, 2)), (REALS, (3, 2))),
        complex=((0, 1, 2),),  # Of real and complex matrices together SciPy's result is wrong.
    ),
    Case(
        "scipy.linalg.solve_sylvester",
        in_double(lambda a, b, q: scipy.linalg.solve_sylvester(a * (1 + 0.2j), b * (1 - 0.1j), q * 1j)),
        fixed((square, (2, 2)), (square, (2, 2)), (REALS, (2, 2))),
        label="of complex matrices",
    ),
    Case("scipy.linalg.inv", scipy.linalg.inv, each(square, shape=PLANE), complex=True),
    Case("scipy.linalg.det", in_double(scipy.linalg.det), each(square, shape=PLANE), complex=True),
    Case("scipy.linalg.pinv", scipy.linalg.pinv, fixed((spread, (3, 2))), complex=True),
    Case(
        "scipy.linalg.lstsq",
        lambda a, b: scipy.linalg.lstsq(a, b)[:2],
        fixed((spread, (4, 2)), (REALS, (4,))),
        complex=True,
        looks=True,
    ),
    Case("scipy.linalg.norm", scipy.linalg.norm, each(REALS, shape=shapes(1, 2, st.just(2))), complex=True),
    Case(
        "scipy.linalg.cholesky", lambda x: scipy.linalg.cholesky(positive(x)), each(square, shape=PLANE), complex=True
    ),
    Case(
        "scipy.linalg.cholesky",
        lambda x: scipy.linalg.cholesky(positive(x), lower=True),
        each(square, shape=PLANE),
        label="lower",
    ),
    Case(
        "scipy.linalg.cho_factor",
        lambda x: scipy.linalg.cho_factor(positive(x))[0] + scipy.linalg.cho_factor(positive(x), lower=True)[0],
        each(square, shape=PLANE),
        complex=True,
    ),
    Case(
        "scipy.linalg.cho_solve",
        in_double(
            lambda x, b: [
                scipy.linalg.cho_solve(scipy.linalg.cho_factor(positive(x), lower=lower), b) for lower in (False, True)
            ]
        ),
        fixed(*PAIR),
        complex=True,
    ),
    Case(
        "scipy.linalg.eigh",
        lambda x: of_vectors(scipy.linalg.eigh(hermitian(x))),
        each(spread, shape=PLANE),
        complex=True,
    ),
    Case(
        "scipy.linalg.eigh",
        in_double(lambda x, y: of_vectors(scipy.linalg.eigh(hermitian(x), np.eye(2) + 0.1 * positive(y)))),
        fixed((spread, (2, 2)), (square, (2, 2))),
        complex=True,
        label="of a pair",
    ),
    *(
        Case(
            "scipy.linalg.eigh",
            in_double(
                lambda x, y, kind=kind: of_vectors(
                    scipy.linalg.eigh(hermitian(x), np.eye(2) + 0.1 * positive(y), type=kind)
                )
            ),
            fixed((spread, (2, 2)), (square, (2, 2))),
            complex=True,
            label=f"of a pair, type {kind}",
        )
        for kind in (2, 3)
    ),
    Case(
        "scipy.linalg.eigh",
        lambda x: of_vectors(scipy.linalg.eigh(hermitian(x), subset_by_index=[1, 2])),
        fixed((spread, (3, 3))),
        complex=True,
        label="some of them",
    ),
    Case(
        "scipy.linalg.eigvalsh",
        lambda x: scipy.linalg.eigvalsh(hermitian(x), np.eye(3), subset_by_index=[0, 1]),
        fixed((spread, (3, 3))),
        label="some of a pair",
    ),
    Case(
        "scipy.linalg.eigvalsh", lambda x: scipy.linalg.eigvalsh(hermitian(x)), each(spread, shape=PLANE), complex=True
    ),
    Case(
        "scipy.linalg.svd", lambda x: scipy.linalg.svd(x, full_matrices=False)[1], fixed((spread, (3, 2))), complex=True
    ),
    Case("scipy.linalg.svdvals", scipy.linalg.svdvals, fixed((spread, (2, 3))), complex=True),
    Case("scipy.linalg.qr", lambda x: scipy.linalg.qr(x, mode="economic"), fixed((spread, (3, 2))), complex=True),
    Case("scipy.linalg.qr", lambda x: scipy.linalg.qr(x, mode="r"), fixed((spread, (3, 2))), label="r alone"),
    # LAPACK's order of the eigenvalues may change with a small step.
    Case("scipy.linalg.eig", lambda x: np.sort(scipy.linalg.eig(x)[0]), each(spread, shape=PLANE), complex=True),
    Case("scipy.linalg.eigvals", lambda x: np.sort(scipy.linalg.eigvals(x)), each(spread, shape=PLANE), complex=True),
    *functions("expm", "cosm", "sinm", "coshm", "sinhm", "tanhm", "sqrtm", "logm"),
    *functions("tanm", size=0.25),
    Case(
        "scipy.linalg.fractional_matrix_power",
        in_double(lambda x: scipy.linalg.fractional_matrix_power(x, 0.3).real),
        fixed((square, (2, 2))),
        complex=True,
    ),
    Case(
        "scipy.linalg.block_diag",
        lambda x, y: scipy.linalg.block_diag(x, y, 2.0),
        fixed((REALS, (2, 3)), (REALS, (2,))),
        complex=True,
    ),
    Case("scipy.linalg.toeplitz", scipy.linalg.toeplitz, fixed((REALS, (3,)), (REALS, (2,)))),
    Case("scipy.linalg.toeplitz", scipy.linalg.toeplitz, fixed((REALS, (3,))), complex=True, label="of one vector"),
    Case("scipy.linalg.hankel", scipy.linalg.hankel, fixed((REALS, (3,)), (REALS, (4,))), complex=True),
    Case("scipy.linalg.hankel", scipy.linalg.hankel, fixed((REALS, (3,))), label="of one vector"),
    Case("scipy.linalg.circulant", scipy.linalg.circulant, fixed((REALS, (3,))), complex=True),
    Case(
        "scipy.linalg.solve_toeplitz",
        lambda c, b: scipy.linalg.solve_toeplitz(0.4 * c + np.array([3.0, 0, 0]), b),
        fixed((REALS, (3,)), (REALS, (3,))),
        complex=True,
    ),
)
