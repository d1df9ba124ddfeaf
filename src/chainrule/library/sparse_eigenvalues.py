"""scipy.sparse.linalg.eigsh: a few eigenvalues and eigenvectors of a matrix that is known by its products."""

from typing import Any

import numpy as np

from chainrule.library.linear_operators import recorded_products
from chainrule.library.refusals import need_default, need_plain, refuse_function
from chainrule.library.solutions import frozen
from chainrule.ops.outputs import output
from chainrule.trace.hooks import hook
from chainrule.transforms.eigenpairs import Method, eigenpairs_op
from chainrule.transforms.linear_solves import Aside

__all__: list[str] = []

for _name, _instead in (
    ("eigs", "Take eigsh for a symmetric matrix, or np.linalg.eig of the whole one."),
    ("svds", "Take eigsh of A.T @ A as a LinearOperator, or np.linalg.svd of the whole matrix."),
    ("lobpcg", "Take eigsh."),
):
    refuse_function("scipy.sparse.linalg", _name, _instead)


@hook("scipy.sparse.linalg", "eigsh", calls=True)
def _eigsh(
    A: Any,
    k: int = 6,
    M: Any = None,
    sigma: float | None = None,
    which: str = "LM",
    v0: Any = None,
    ncv: int | None = None,
    maxiter: int | None = None,
    tol: float = 0,
    return_eigenvectors: bool = True,
    Minv: Any = None,
    OPinv: Any = None,
    mode: str = "normal",
    rng: Any = None,
) -> Any:
    name = "scipy.sparse.linalg.eigsh"
    need_default(name, M=(M, None), Minv=(Minv, None), mode=(mode, "normal"))
    options = {"sigma": sigma, "which": which, "ncv": ncv, "maxiter": maxiter, "tol": tol}
    aside = {"v0": v0, "OPinv": OPinv, "rng": rng}
    need_plain(name, k=k, **options, **aside)
    rows = np.zeros(tuple(A.shape)[:1], getattr(A, "dtype", None))
    body, params = recorded_products(name, "A", A, None, rows)
    method = Method(int(k), frozen(_given(options)), Aside(_given(aside)))
    found = eigenpairs_op(*params, body=body, method=method)
    w, v = output(found, k=0), output(found, k=1)
    return (w, v) if return_eigenvectors else w[_order(w, which)] if sigma is None else w


def _order(w: Any, which: str) -> Any:
    """The order in which SciPy returns values without vectors."""
    order = np.argsort(np.abs(w)) if which in ("LM", "SM") else np.argsort(w)
    return order[::-1] if which in ("SM", "SA") else order


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: x for name, x in options.items() if x is not None}
