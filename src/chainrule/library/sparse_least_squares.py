"""scipy.sparse.linalg.lsqr and lsmr: least squares with a matrix that is known by its products."""

from typing import Any

import numpy as np

from chainrule.library.linear_operators import dtype_for, recorded_products, vector_for
from chainrule.library.refusals import need_default, need_plain
from chainrule.library.solutions import frozen
from chainrule.ops.axes import shape_of
from chainrule.ops.outputs import output
from chainrule.trace.hooks import hook
from chainrule.trace.tracer import Tracer
from chainrule.transforms.least_squares import Method, least_squares_op
from chainrule.transforms.linear_solves import transposed
from chainrule.transforms.replay import as_strong, replay

__all__: list[str] = []


def _solved(method: str, A: Any, b: Any, damp: Any, x0: Any, options: dict[str, Any]) -> tuple[Any, ...]:
    """The solution, what the solver tells, and the lengths of r = b - A x, of (r, damp d), A^H r - damp^2 d, x and d.

    There d is x - x0.
    """
    name = f"scipy.sparse.linalg.{method}"
    need_plain(name, **options)
    b = vector_for(name, b, shape_of(b)[0] if shape_of(b) else 0)
    # SciPy computes in double precision whatever it gets.
    body, params = recorded_products(name, "A", A, np.result_type(dtype_for(A, b), float), b, is_square=False)
    dtype = body.inputs[0].dtype
    b = as_strong(b, dtype)
    is_damped = isinstance(damp, Tracer) or float(damp) != 0.0
    damp = as_strong(damp, np.dtype(float))
    right = b
    if x0 is not None:
        x0 = as_strong(vector_for(name, x0, body.inputs[0].shape[0]), dtype)
        right = b - replay(body, [x0, *params])[0]
    chosen = Method(method, frozen({key: x for key, x in options.items() if x is not None}), is_damped)
    found = least_squares_op(right, damp, *params, body=body, method=chosen)
    d, told = output(found, k=0), output(found, k=1)
    x = d if x0 is None else x0 + d
    left = right - replay(body, [d, *params])[0]
    graph, arrays = transposed(body)
    gradient = np.conj(replay(graph, [np.conj(left), *params, *arrays])[0]) - damp * damp * d
    size = np.linalg.norm
    both = size(np.concatenate([left, damp * d])) if is_damped else size(left)
    return x, told, size(left), both, size(gradient), size(x), size(d)


def _counts(told: Any) -> tuple[Any, ...]:
    return told[0].astype(int), told[1].astype(int), told[2], told[3]


@hook("scipy.sparse.linalg", "lsqr", calls=True)
def _lsqr(
    A: Any,
    b: Any,
    damp: Any = 0.0,
    atol: float = 1e-6,
    btol: float = 1e-6,
    conlim: float = 1e8,
    iter_lim: int | None = None,
    show: bool = False,
    calc_var: bool = False,
    x0: Any = None,
) -> tuple[Any, ...]:
    need_default("scipy.sparse.linalg.lsqr", calc_var=(calc_var, False))
    options = {"atol": atol, "btol": btol, "conlim": conlim, "iter_lim": iter_lim, "show": show}
    x, told, left, both, gradient, _, moved = _solved("lsqr", A, b, damp, x0, options)
    stop, count, norm, condition = _counts(told)
    return x, stop, count, left, both, norm, condition, gradient, moved, np.zeros(shape_of(x))


@hook("scipy.sparse.linalg", "lsmr", calls=True)
def _lsmr(
    A: Any,
    b: Any,
    damp: Any = 0.0,
    atol: float = 1e-6,
    btol: float = 1e-6,
    conlim: float = 1e8,
    maxiter: int | None = None,
    show: bool = False,
    x0: Any = None,
) -> tuple[Any, ...]:
    options = {"atol": atol, "btol": btol, "conlim": conlim, "maxiter": maxiter, "show": show}
    x, told, _, both, gradient, size, _ = _solved("lsmr", A, b, damp, x0, options)
    stop, count, norm, condition = _counts(told)
    return x, stop, count, both, gradient, norm, condition, size
