"""scipy.sparse.linalg: systems solved by iteration and by factors, by the right-hand side and by the entries."""

import numpy as np
from scipy import sparse
from scipy.sparse import linalg
from tests.library.cases_sparse import COLUMNS, ENTRIES, ROWS, A, with_entries
from tests.ops.case import REALS, Case, fixed, in_double

#: Symmetric, and as large on the diagonal as the other one.
S = sparse.csr_array(A + A.T)
S.setdiag([4.0, 5.0, 6.0, 7.0])
TIGHT = {"rtol": 1e-13}


def symmetric(data):
    M = with_entries(data)
    return M + M.T


SHAPES = {"more rows": (4, 2), "more columns": (2, 3), "of rank 1": (3, 2)}
TO_THE_END = {"atol": 1e-15, "btol": 1e-15}


def _least_squares(name, label):
    m, n = SHAPES[label]

    def f(M, b):
        M = M + 2 * np.eye(m, n)
        M = M @ np.array([[0.36, 0.48], [0.48, 0.64]]) if label == "of rank 1" else M
        return getattr(linalg, name)(M, b, **TO_THE_END)[0]

    # SciPy takes complex numbers where both are complex.
    return Case(
        f"scipy.sparse.linalg.{name}",
        in_double(f),
        fixed((ENTRIES, (m, n)), (REALS, (m,))),
        complex=((0, 1),),
        label=label,
        tolerance=1e-10,
    )


def damped(data, b, damp, x0):
    return linalg.lsqr(with_entries(data), b, 1 + damp**2, x0=x0, **TO_THE_END)[0]


def shifted(d):
    """A chain with the eigenvalues apart from each other."""
    return sparse.diags_array([-0.5 * np.ones(4), d + np.arange(5.0), -0.5 * np.ones(4)], offsets=[-1, 0, 1])


def hermitian(z):
    """A chain with complex numbers beside its diagonal."""
    return sparse.diags_array([np.conj(z), 3.0 * np.arange(5.0), z], offsets=[-1, 0, 1])


def _by_right_hand_side(name, matrix):
    return Case(
        f"scipy.sparse.linalg.{name}",
        lambda b: getattr(linalg, name)(matrix, b, **TIGHT)[0],
        fixed((REALS, (4,))),
        complex=name != "minres",
        tolerance=1e-10,
    )


def _by_entries(name, made):
    return Case(
        f"scipy.sparse.linalg.{name}",
        lambda data, b: getattr(linalg, name)(made(data), b, **TIGHT)[0],
        fixed((ENTRIES, (7,)), (REALS, (4,))),
        label="by the entries of the matrix",
        tolerance=1e-10,
    )


CASES = (
    *(_by_right_hand_side(name, S) for name in ("cg", "minres")),
    *(
        _by_right_hand_side(name, A)
        for name in ("gmres", "lgmres", "gcrotmk", "bicg", "bicgstab", "cgs", "qmr", "tfqmr")
    ),
    *(
        _by_entries(name, made)
        for name, made in (("cg", symmetric), ("gmres", with_entries), ("bicgstab", with_entries))
    ),
    *(_least_squares("lsmr", label) for label in ("more rows", "more columns")),
    _least_squares("lsqr", "of rank 1"),
    Case(
        "scipy.sparse.linalg.lsqr",
        in_double(damped),
        fixed((ENTRIES, (7,)), (REALS, (4,)), (REALS, ()), (REALS, (4,))),
        label="damped",
        tolerance=1e-10,
    ),
    Case(
        "scipy.sparse.linalg.eigsh",
        in_double(lambda d: linalg.eigsh(shifted(d), 2, which="SA", v0=np.ones(5))),
        fixed((ENTRIES, (5,))),
        tolerance=1e-9,
    ),
    Case(
        "scipy.sparse.linalg.eigsh",
        in_double(lambda d: linalg.eigsh(hermitian(d), 2, which="LA", v0=np.ones(5), return_eigenvectors=False)),
        fixed((ENTRIES, (4,))),
        complex=True,
        label="values of a Hermitian matrix",
        tolerance=1e-9,
    ),
    Case(
        "scipy.sparse.linalg.spsolve_triangular",
        lambda data, b: linalg.spsolve_triangular(
            sparse.csr_array((data + np.ones(5), ([0, 1, 1, 2, 2], [0, 0, 1, 0, 2])), (3, 3)), b
        ),
        fixed((ENTRIES, (5,)), (REALS, (3, 2))),
        complex=True,
    ),
    Case(
        "scipy.sparse.linalg.spsolve_triangular",
        lambda b: linalg.spsolve_triangular(sparse.triu(A).tocsc(), b, lower=False),
        fixed((REALS, (4,))),
        label="upper",
    ),
    # The objects of constant factors solve by the primitive operation.
    *(
        Case("scipy.sparse.linalg.spsolve", f, fixed((REALS, (4,))), label=label)
        for label, f in {
            "by splu": lambda b: linalg.splu(A.tocsc()).solve(b),
            "by factorized": lambda b: linalg.factorized(A.tocsc())(b),
            "by spilu": lambda b: linalg.spilu(A.tocsc(), 0.3).solve(b),
        }.items()
    ),
    Case(
        "scipy.sparse.linalg.splu",
        lambda data, b: linalg.splu(sparse.csc_array((data, (ROWS, COLUMNS)), (4, 4)) + S).solve(b, "T"),
        fixed((ENTRIES, (7,)), (REALS, (4, 2))),
        complex=((0, 1), (0,)),
    ),
    Case(
        "scipy.sparse.linalg.factorized",
        lambda data, b: linalg.factorized(with_entries(data).tocsc())(b),
        fixed((ENTRIES, (7,)), (REALS, (4,))),
        complex=((0, 1), (0,)),
    ),
)
