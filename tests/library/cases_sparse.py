"""scipy.sparse: products and equations with sparse matrices that are constant, and with traced entries."""

import numpy as np
from scipy import sparse
from scipy.sparse import linalg
from tests.ops.case import REALS, Case, between, fixed

ROWS, COLUMNS = np.array([0, 0, 1, 2, 2, 2, 3]), np.array([0, 2, 1, 0, 2, 3, 3])
#: Four by four, with a diagonal that is larger than the rest.
A = sparse.csr_array((np.array([3.0, -0.5, 2.5, 0.75, -3.0, 0.5, 2.0]), (ROWS, COLUMNS)), shape=(4, 4))
WIDE = sparse.random_array((3, 4), density=0.5, rng=np.random.default_rng(0), format="csr")
ENTRIES = between(0.1, 0.4)


def with_entries(data):
    """A sparse matrix of entries that may be traced."""
    return sparse.csr_array((data + np.where(ROWS == COLUMNS, 2.0, 0.0), (ROWS, COLUMNS)), shape=(4, 4))


def arithmetic(data, x):
    """What there is of a sparse matrix with traced entries."""
    M = with_entries(data)
    whole = (2.0 * M + A - M.T * x / 3.0).multiply(x[:, None])
    return [whole @ x, x @ whole, whole.dot(np.outer(x, x)), whole.toarray(), whole.sum(axis=0), (-whole).T.sum()]


def of_diagonals(x):
    M = sparse.diags_array([x[:3], 2.0 + x, 0.5 * x[1:]], offsets=[-1, 0, 1])
    return [M @ x, linalg.spsolve((M + 3.0 * sparse.eye_array(4, format="csr")).tocsc(), x)]


CASES = (
    Case("sparse.matmul", lambda x: WIDE @ x, fixed((REALS, (4,))), complex=True),
    Case("sparse.matmul", lambda x: WIDE @ x, fixed((REALS, (4, 2))), complex=True, label="with a matrix"),
    Case("sparse.matmul", lambda x: x @ WIDE, fixed((REALS, (3,))), complex=True, label="from the left"),
    Case("sparse.matmul", lambda x: WIDE.T @ x, fixed((REALS, (3, 2))), complex=True, label="transposed"),
    Case("sparse.matmul", lambda x: WIDE.dot(x), fixed((REALS, (4, 0))), label="with no columns"),
    Case("sparse.matmul", arithmetic, fixed((ENTRIES, (7,)), (REALS, (4,))), complex=True, label="of traced entries"),
    Case("scipy.sparse.diags_array", of_diagonals, fixed((ENTRIES, (4,))), complex=True),
    Case("scipy.sparse.diags", lambda x: sparse.diags([x, x[1:]], [0, 1]) * x, fixed((REALS, (4,))), complex=True),
    Case("scipy.sparse.linalg.spsolve", lambda b: linalg.spsolve(A, b), fixed((REALS, (4,))), complex=True),
    Case(
        "scipy.sparse.linalg.spsolve",
        lambda b: linalg.spsolve(A.T.tocsc(), b),
        fixed((REALS, (4, 3))),
        complex=True,
        label="for several right-hand sides",
    ),
    Case(
        "scipy.sparse.linalg.spsolve",
        lambda data, b: linalg.spsolve(with_entries(data), b),
        fixed((ENTRIES, (7,)), (REALS, (4,))),
        complex=True,
        label="by the entries of the matrix",
    ),
    Case("scipy.sparse.linalg.expm_multiply", lambda b: linalg.expm_multiply(A, b), fixed((REALS, (4,))), complex=True),
    Case(
        "scipy.sparse.linalg.expm_multiply",
        lambda b: linalg.expm_multiply(A.T, b),
        fixed((REALS, (4, 2))),
        label="for several vectors",
    ),
    Case(
        "scipy.sparse.linalg.expm_multiply",
        lambda b: linalg.expm_multiply(A, b, start=0.5, stop=1.5, num=3),
        fixed((REALS, (4,))),
        label="at several times",
    ),
)
