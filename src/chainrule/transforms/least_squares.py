"""Least squares by iteration, as one operation: the shortest x of those that make |A x - b|^2 + damp^2 |x|^2 least.

With P = A^+ and r = b - A x the solution moves by

    dx = P (db - dA x) + P P^H dA^H r + (1 - P A) dA^H P^H x

(G. H. Golub and V. Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
separate, 1973): the second part is what the residual adds, the third is zero where A has independent columns. Each
product with P or P^H is one more least-squares problem, solved by the same method and to the same tolerances. With damp
the same holds for the matrix of the rows of A and of damp times the identity.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.errors import SolutionError, user_line
from chainrule.graph import Graph
from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, joint
from chainrule.ops.outputs import Outputs, output
from chainrule.transforms.bodies import Kind
from chainrule.transforms.implicit_graphs import derived
from chainrule.transforms.linear_solves import products, transposed
from chainrule.transforms.loop_bodies import Flags, is_smooth
from chainrule.transforms.one_by_one import done_one_by_one
from chainrule.transforms.replay import as_strong, aval, pull_through, push_through, replay

__all__ = ["TOLD", "Method", "least_squares_op"]

#: What a solver tells besides the solution, as the second output has it: why it stopped, the number of iterations, and
#: estimates of the norm and of the condition of the matrix.
TOLD = 4
#: Iterations for each row and column that the problem of a derivative may take.
_PATIENCE = 10


@dataclass(frozen=True)
class Method:
    """How a problem is solved.

    Attributes
    ----------
    name : str
        Of the function in `scipy.sparse.linalg`: ``lsqr`` or ``lsmr``.
    options : tuple of (str, object)
        What else it is called with.
    is_damped : bool
        True where damp is other than 0.
    independent : str
        ``columns`` or ``rows`` where these of the matrix are known to be so: the third part of the derivative is zero
        then, or the second.
    is_derivative : bool
        True for a problem that a derivative has to solve.
    """

    name: str
    options: tuple[tuple[str, Any], ...]
    is_damped: bool
    independent: str = ""
    is_derivative: bool = False

    @property
    def turned(self) -> "Method":
        """The same for the transpose."""
        return replace(self, independent={"": "", "columns": "rows", "rows": "columns"}[self.independent])

    @property
    def limit(self) -> str:
        """What the largest number of iterations is called."""
        return "iter_lim" if self.name == "lsqr" else "maxiter"


def _run(b: Any, damp: Any, *params: Any, body: Graph, method: Method) -> Outputs:
    import scipy.sparse.linalg

    dtype = body.inputs[0].dtype
    A = products(body, params)
    if method.is_damped and damp == 0:
        raise SolutionError(
            f"scipy.sparse.linalg.{method.name}: argument damp= is traced and 0, where the solution may jump. Leave it "
            f"out, or start from a damp above 0.{user_line()}"
        )
    if not b.size or not A.shape[1] or (method.is_derivative and not np.isfinite(b).all()):
        empty = np.full(A.shape[1], 0.0 if not b.size else np.nan, dtype)
        return Outputs([empty, np.zeros(TOLD)])
    options = dict(method.options)
    if method.is_derivative:
        options |= {method.limit: _PATIENCE * sum(A.shape), "show": False}
    x, stop, count, *more = getattr(scipy.sparse.linalg, method.name)(A, b, damp=float(damp), **options)
    if stop in (3, 6, 7) or not np.isfinite(x).all():
        raise SolutionError(
            f"scipy.sparse.linalg.{method.name}: {_WHICH[method.is_derivative]} was not solved to the tolerances "
            f"(istop={stop}), so that there is no derivative. Give a larger {method.limit}=, and a larger conlim= "
            f"where istop is 3 or 6.{user_line()}"
        )
    norms = more[2:4]
    return Outputs([np.asarray(x, dtype), np.array([stop, count, *norms], float)])


_WHICH = {False: "the problem", True: "the problem that the derivative has to solve"}


def _infer(b: Any, damp: Any, *params: Any, body: Graph, method: Method) -> Any:
    source = body.inputs[0]
    return (source.shape, (TOLD,)), (source.dtype, np.dtype(float))


def _again(b: Any, params: Sequence[Any], body: Graph, method: Method) -> Any:
    """P b."""
    method = replace(method, is_derivative=True)
    return output(least_squares_op(b, np.zeros(()), *params, body=body, method=method), k=0)


def _turned(x: Any, params: Sequence[Any], body: Graph, method: Method) -> Any:
    """P^H x."""
    graph, arrays = transposed(body)
    return np.conj(_again(np.conj(x), [*params, *arrays], graph, method.turned))


def _with_damping(body: Graph) -> tuple[Graph, list[Any]]:
    """The product with the rows of A and of damp times the identity; damp stands behind the parameters."""

    def product(x: Any, *values: Any) -> Any:
        *params, damp = values
        return np.concatenate([replay(body, [x, *params])[0], damp * x])

    return derived(body, "with damping", product, [("damp", Kind((), np.dtype(float)))])


def _below(b: Any, body: Graph) -> Any:
    """A right-hand side with zeros for the rows of the damping."""
    source = body.inputs[0]
    return np.concatenate([b, np.zeros(source.shape, source.dtype)])


def _pull(wanted: Flags, g: list[Any], ans: Any, b: Any, damp: Any, *params: Any, body: Graph, method: Method) -> Any:
    if g[0] is None:
        return [None] * len(wanted)
    x = output(ans, k=0)
    flags = [w and is_smooth(p) for w, p in zip(wanted[2:], body.inputs[1:], strict=True)]
    if not method.is_damped:
        by_b, found = _pulled(wanted[0], flags, g[0], x, b, params, body, method)
        return [by_b, None, *found]
    graph, arrays = _with_damping(body)
    method = replace(method, is_damped=False, independent="columns")
    flags = [*flags, wanted[1], *(False for _ in arrays)]
    by_b, found = _pulled(wanted[0], flags, g[0], x, _below(b, body), [*params, damp, *arrays], graph, method)
    return [None if by_b is None else by_b[: shape_of(b)[0]], found[len(params)], *found[: len(params)]]


def _pulled(
    by_right: bool, flags: list[bool], g: Any, x: Any, b: Any, params: Sequence[Any], body: Graph, method: Method
) -> tuple[Any, list[Any]]:
    h = np.conj(as_strong(g, body.inputs[0].dtype))
    s = _turned(h, params, body, method)
    found: list[Any] = [None] * len(params)
    if any(flags):
        # Each part of dx is the derivative of a product with A somewhere.
        places = [(x, -s)]
        if method.independent != "rows":
            places.append((_again(s, params, body, method), b - replay(body, [x, *params])[0]))
        if method.independent != "columns":
            rest = h - _again(replay(body, [h, *params])[0], params, body, method)
            places.append((rest, _turned(x, params, body, method)))
        for at, seed in places:
            parts = pull_through(body, [at, *params], (False, *flags), [np.conj(seed)])[1:]
            found = [one if other is None else one + other for one, other in zip(parts, found, strict=True)]
    return np.conj(s) if by_right else None, found


def _push(tangents: list[Any], ans: Any, b: Any, damp: Any, *params: Any, body: Graph, method: Method) -> Any:
    x, (by_b, by_damp, *moving) = output(ans, k=0), tangents
    moving = [t if is_smooth(p) else None for t, p in zip(moving, body.inputs[1:], strict=True)]
    if not method.is_damped:
        return [_pushed(by_b, moving, x, b, params, body, method), None]
    graph, arrays = _with_damping(body)
    method = replace(method, is_damped=False, independent="columns")
    moving = [*moving, by_damp, *(None for _ in arrays)]
    by_b = None if by_b is None else _below(by_b, body)
    return [_pushed(by_b, moving, x, _below(b, body), [*params, damp, *arrays], graph, method), None]


def _pushed(by_b: Any, moving: list[Any], x: Any, b: Any, params: Sequence[Any], body: Graph, method: Method) -> Any:
    right, dtype = by_b, body.inputs[0].dtype
    if all(t is None for t in moving):
        return None if right is None else _again(as_strong(right, dtype), params, body, method)
    graph, arrays = transposed(body)

    def adjoint_change(y: Any) -> Any:
        """dA^H y."""
        still = [None] * len(arrays)
        change = push_through(graph, [np.conj(y), *params, *arrays], [None, *moving, *still])[0]
        return np.zeros(shape_of(x), dtype) if change is None else np.conj(change)

    change = push_through(body, [x, *params], [None, *moving])[0]
    if change is not None:
        right = -change if right is None else right - change
    right = np.zeros(*aval(body.outputs[0])) if right is None else as_strong(right, dtype)
    if method.independent != "rows":
        left = b - replay(body, [x, *params])[0]
        right = right + _turned(adjoint_change(left), params, body, method)
    if method.independent == "columns":
        return _again(right, params, body, method)
    rest = adjoint_change(_turned(x, params, body, method))
    return _again(right - replay(body, [rest, *params])[0], params, body, method) + rest


#: x and what the solver tells (see `TOLD`). The inputs are b, damp, and what the product with A reads.
least_squares_op: Op = joint("chainrule.least_squares", _run, _infer, _pull, _push, keeps=(0, -1))
done_one_by_one(least_squares_op)
