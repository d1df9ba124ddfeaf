"""The exponential of a sparse matrix times a vector or a matrix, x = exp(A) b, by the entries of A as well.

Along dA it changes by the integral over s from 0 to 1 of exp((1 - s) A) dA exp(s A) b (R. Karplus and J. Schwinger,
A note on saturation in microwave spectroscopy, 1948). So the derivative of g x by one entry of A is the integral of
what g has become there, exp((1 - s) A^T) g at its row, times exp(s A) b at its column. A second derivative by A would
be integrals of integrals, which take minutes, and is refused.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.graph import Graph
from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, joint
from chainrule.ops.sparse import entry_by_entry, expm_multiply, sparse_matmul
from chainrule.transforms.bodies import Kind, kind_of, record_body
from chainrule.transforms.one_by_one import done_one_by_one
from chainrule.transforms.quadrature import Rule, integrated
from chainrule.transforms.replay import as_strong

__all__ = ["exponential_op"]

#: Relative alone: of an integral of size 1e-100 as many digits are asked for.
_RULE = Rule("quad_vec", epsabs=1e-300, epsrel=1e-12, options=(("norm", "max"),), is_derivative=True)


def _infer(data: Any, b: Any, indices: Any, indptr: Any, *, transposed: bool, is_first: bool) -> Any:
    return expm_multiply.infer(data, b, indices, indptr, transposed=transposed)


def _run(data: Any, b: Any, indices: Any, indptr: Any, *, transposed: bool, is_first: bool) -> Any:
    return expm_multiply.evaluate(data, b, indices, indptr, transposed=transposed)


def _need_first(is_first: bool) -> None:
    if not is_first:
        raise NoDerivativeError(
            "scipy.sparse.linalg.expm_multiply has no second derivative by the entries of A. For a matrix of some "
            f"hundred rows write scipy.linalg.expm(A.toarray()) @ b.{user_line()}"
        )


def _integral(f: Callable[..., Any], arrays: Sequence[Any], indices: Any, indptr: Any) -> Any:
    """The integral of f(s, *arrays, indices, indptr) from 0 to 1, in double precision."""
    arrays = [as_strong(x, np.result_type(x.dtype, float)) for x in arrays]
    given = [*arrays, indices, indptr]
    inputs = [("s", Kind((), np.dtype(float), True)), *((f"x{k}", _kind(x)) for k, x in enumerate(given))]
    recorded = record_body("expm_multiply", f, inputs, lambda leaves: leaves, lambda y: ([("the integrand", y)], None))
    body: Graph = recorded.graph
    return integrated(0.0, 1.0, [*given, *recorded.hidden], body, _RULE)[0]


def _kind(x: Any) -> Kind:
    found = kind_of(x)
    assert found is not None
    return found


def _pull(
    wanted: Sequence[bool],
    g: Any,
    ans: Any,
    data: Any,
    b: Any,
    indices: Any,
    indptr: Any,
    *,
    transposed: bool,
    is_first: bool,
) -> list[Any]:
    def along(s: Any, data: Any, b: Any, g: Any, indices: Any, indptr: Any) -> Any:
        ahead = exponential_op(s * data, b, indices, indptr, transposed=transposed, is_first=False)
        back = exponential_op((1 - s) * data, g, indices, indptr, transposed=not transposed, is_first=False)
        return entry_by_entry(back, ahead, indices, indptr, transposed)

    if wanted[0]:
        _need_first(is_first)
    by_data = _integral(along, [data, b, g], indices, indptr) if wanted[0] else None
    by_b = exponential_op(data, g, indices, indptr, transposed=not transposed, is_first=is_first) if wanted[1] else None
    return [by_data, by_b, None, None]


def _push(
    tangents: Sequence[Any], ans: Any, data: Any, b: Any, indices: Any, indptr: Any, *, transposed: bool, is_first: bool
) -> Any:
    by_data, by_b = tangents[:2]
    size = shape_of(b)[0]

    def along(s: Any, data: Any, b: Any, change: Any, indices: Any, indptr: Any) -> Any:
        ahead = exponential_op(s * data, b, indices, indptr, transposed=transposed, is_first=False)
        turned = sparse_matmul(change, ahead, indices, indptr, shape=(size, size), transposed=transposed)
        return exponential_op((1 - s) * data, turned, indices, indptr, transposed=transposed, is_first=False)

    moved = (
        None if by_b is None else exponential_op(data, by_b, indices, indptr, transposed=transposed, is_first=is_first)
    )
    if by_data is not None:
        _need_first(is_first)
        part = as_strong(_integral(along, [data, b, by_data], indices, indptr), ans.dtype)
        moved = part if moved is None else moved + part
    return moved


#: exp(A) b, or exp(A^T) b where `transposed`. Where not `is_first` it stands inside of a derivative.
exponential_op: Op = joint("chainrule.exponential", _run, _infer, _pull, _push, keeps=(0, -1))
done_one_by_one(exponential_op)
