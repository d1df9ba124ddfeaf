"""A few eigenvalues and eigenvectors of a large Hermitian matrix, as one operation: A v = w v, |v| = 1.

Of a simple eigenvalue w_i with the vector v_i they move by

    dw_i = v_i^H dA v_i,    dv_i = -(A - w_i)^+ dA v_i

(J. R. Magnus, On differentiating eigenvalues and eigenvectors, 1985), so that the eigenvalues take products alone, and
each vector one solution. That is by minimal residuals with A - w_i + v_i v_i^H, which has an inverse where w_i is
simple: on what is orthogonal to v_i the same as the pseudo-inverse. Where it is not simple the system has no solution,
and that is an error, unless the derivative asks for nothing in the directions that coincide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import SolutionError, user_line
from chainrule.graph import Graph
from chainrule.ops.op import Op, joint
from chainrule.ops.outputs import Outputs, output
from chainrule.transforms.bodies import Kind
from chainrule.transforms.implicit_graphs import derived
from chainrule.transforms.linear_solves import Aside, linear_solution_op, products
from chainrule.transforms.linear_solves import Method as Solving
from chainrule.transforms.loop_bodies import Flags, is_smooth
from chainrule.transforms.one_by_one import done_one_by_one
from chainrule.transforms.replay import as_strong, pull_through, push_through, replay

__all__ = ["Method", "eigenpairs_op"]

#: Vectors that the solution of a complex system keeps at most.
_KRYLOV = 100


@dataclass(frozen=True)
class Method:
    """Which eigenvalues, and how they are found.

    Attributes
    ----------
    count : int
        How many.
    options : tuple of (str, object)
        What else `scipy.sparse.linalg.eigsh` is called with.
    aside : Aside
        Where it starts, and with what it is preconditioned.
    """

    count: int
    options: tuple[tuple[str, Any], ...]
    aside: Aside


def _run(*params: Any, body: Graph, method: Method) -> Outputs:
    from scipy.sparse.linalg import ArpackError, eigsh

    A = products(body, params)
    if hasattr(A, "tocsr"):
        # SciPy puts the entries of what it factorises in order in place.
        A = A.copy()
    try:
        w, v = eigsh(A, method.count, **dict(method.options), **method.aside.given)
    except ArpackError as problem:
        raise SolutionError(f"scipy.sparse.linalg.eigsh: {problem}{user_line()}") from None
    return Outputs([w, v])


def _infer(*params: Any, body: Graph, method: Method) -> Any:
    (size,), dtype = body.inputs[0].shape, body.inputs[0].dtype
    return ((method.count,), (size, method.count)), (np.zeros(0, dtype).real.dtype, dtype)


def _deflated(body: Graph) -> tuple[Graph, list[Any]]:
    """The product with A - w + v v^H; w and v stand behind the parameters."""
    source = body.inputs[0]

    def product(x: Any, *values: Any) -> Any:
        *params, w, v = values
        return replay(body, [x, *params])[0] - w * x + v * (np.conj(v) @ x)

    real = np.zeros(0, source.dtype).real.dtype
    return derived(body, "deflated", product, [("w", Kind((), real)), ("v", Kind(source.shape, source.dtype))])


def _solved(right: Any, w: Any, v: Any, params: Sequence[Any], body: Graph) -> Any:
    """The product of the pseudo-inverse of A - w with a vector."""
    graph, arrays = _deflated(body)
    source = body.inputs[0]
    inside = right - v * (np.conj(v) @ right)
    # As far as rounding lets it come. SciPy's minimal residuals are for real numbers.
    options: tuple[tuple[str, Any], ...] = (("rtol", 10 * float(np.finfo(source.dtype).eps)),)
    name = "minres"
    if source.dtype.kind == "c":
        name, options = "gmres", (("restart", min(source.shape[0], _KRYLOV)), *options)
    solving = Solving(name, options, Aside(), is_symmetric=True, is_derivative=True, is_deflated=True)
    given = [*params, w, v, *arrays]
    x = linear_solution_op(inside, right, *given, body=graph, helper=None, method=solving, starts=0)
    return x - v * (np.conj(v) @ x)


def _pull(wanted: Flags, g: list[Any], ans: Any, *params: Any, body: Graph, method: Method) -> list[Any]:
    w, v = output(ans, k=0), output(ans, k=1)
    flags = tuple(need and is_smooth(x) for need, x in zip(wanted, body.inputs[1:], strict=True))
    found: list[Any] = [None] * len(params)
    for i in range(method.count):
        seed: Any = 0.0
        if g[0] is not None:
            seed = g[0][i] * v[:, i]
        if g[1] is not None:
            seed = seed - _solved(np.conj(g[1][:, i]), w[i], v[:, i], params, body)
        seed = as_strong(np.conj(seed), body.inputs[0].dtype)
        parts = pull_through(body, [v[:, i], *params], (False, *flags), [seed])[1:]
        found = [one if other is None else one + other for one, other in zip(parts, found, strict=True)]
    return found


def _push(tangents: list[Any], ans: Any, *params: Any, body: Graph, method: Method) -> list[Any]:
    w, v = output(ans, k=0), output(ans, k=1)
    moving = [t if is_smooth(x) else None for t, x in zip(tangents, body.inputs[1:], strict=True)]
    values, vectors = [], []
    for i in range(method.count):
        change = push_through(body, [v[:, i], *params], [None, *moving])[0]
        if change is None:
            return [None, None]
        values.append(np.real(np.conj(v[:, i]) @ change))
        vectors.append(-_solved(change, w[i], v[:, i], params, body))
    return [np.stack(values), np.stack(vectors, axis=1)]


#: Eigenvalues and eigenvectors. The inputs are what the product with A reads.
eigenpairs_op: Op = joint("chainrule.eigenpairs", _run, _infer, _pull, _push, keeps=(0, -1))
done_one_by_one(eigenpairs_op)
