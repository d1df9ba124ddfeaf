"""Linear systems solved by iteration, as one operation: A x = b, where A is known by its products with vectors.

With A x = b the solution moves by dx = A^-1 (db - dA x), and a derivative g by x goes back to b as w with A^T w = g,
and to what A reads as that of -w^T A x. So each derivative is another system, solved by the same method and to the same
tolerance; A and A^T are recorded graphs, and both rules are recorded themselves where a further derivative is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.errors import SolutionError, user_line
from chainrule.graph import Graph
from chainrule.ops.op import Op, joint
from chainrule.ops.products import matmul
from chainrule.ops.sparse import sparse_matmul, sparse_matrix
from chainrule.transforms.bodies import Kind
from chainrule.transforms.closures import quick_runner, ready
from chainrule.transforms.implicit_graphs import kept
from chainrule.transforms.loop_bodies import Flags, is_smooth
from chainrule.transforms.one_by_one import done_one_by_one
from chainrule.transforms.replay import as_strong, aval, pull_through, push_through

__all__ = ["Aside", "Method", "linear_solution_op", "products", "transposed"]


@dataclass(frozen=True)
class Aside:
    """What helps a method along and does not change the solution: it makes no difference between two operations.

    Attributes
    ----------
    given : dict of str
        Preconditioners and callbacks by SciPy's names of them.
    """

    given: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)


@dataclass(frozen=True)
class Method:
    """How a system is solved.

    Attributes
    ----------
    name : str
        Of the function in `scipy.sparse.linalg`.
    options : tuple of (str, object)
        What else it is called with.
    aside : Aside
        Preconditioner and callback, as far as these are plain.
    is_symmetric : bool
        True where the method asks for a symmetric (Hermitian) matrix and preconditioner.
    is_derivative : bool
        True for a system that a derivative has to solve.
    is_deflated : bool
        True for the system of an eigenvector, which has a solution only where its eigenvalue is a simple one.
    """

    name: str
    options: tuple[tuple[str, Any], ...]
    aside: Aside
    is_symmetric: bool
    is_derivative: bool = False
    is_deflated: bool = False


def products(body: Graph, params: Sequence[Any]) -> Any:
    """A matrix as SciPy's methods take it, from its product with a vector and what that reads."""
    from scipy.sparse.linalg import LinearOperator

    node = body.outputs[0]
    if len(body.nodes) == 1 and node is body.nodes[0] and node.inputs[1:2] == (body.inputs[0],):
        known = dict(zip(body.inputs[1:], params, strict=True))
        matrix, _, *places = (known.get(x, x) for x in node.inputs)
        if node.op is sparse_matmul:
            return sparse_matrix(matrix, *places, **node.params)
        if node.op is matmul:
            return matrix
    run, values = quick_runner(body), ready(params)

    def product(x: Any) -> Any:
        return run(np.ascontiguousarray(x.ravel()), *values)[0]

    def adjoint(x: Any) -> Any:
        graph, arrays = transposed(body)
        return np.conj(quick_runner(graph)(np.ascontiguousarray(np.conj(x).ravel()), *values, *arrays)[0])

    shape = (aval(node)[0][0], body.inputs[0].shape[0])
    return LinearOperator(shape, matvec=product, rmatvec=adjoint, dtype=body.inputs[0].dtype)


def transposed(body: Graph) -> tuple[Graph, list[Any]]:
    """The product with A^T, from that with A.

    Parameters
    ----------
    body : Graph
        From a vector and parameters to the product, linear in the vector.

    Returns
    -------
    graph : Graph
        Of a vector, the parameters and large constants.
    arrays : list of ndarray
        The large constants.
    """
    source = body.inputs[0]
    shape, dtype = aval(body.outputs[0])

    def product(y: Any, *params: Any) -> Any:
        # Where the derivative is taken makes no difference, since the product is linear.
        nowhere = np.zeros(source.shape, source.dtype)
        found = pull_through(body, [nowhere, *params], (True, *(False for _ in params)), [y], careful=False)[0]
        return nowhere if found is None else found

    inputs = [("x", Kind(shape, dtype)), *((x.name, Kind(x.shape, x.dtype, x.weak)) for x in body.inputs[1:])]
    graph, arrays = kept(body, "transposed", product, inputs)
    if not arrays:
        # Derivatives of derivatives go back and forth between the two.
        graph.derived.setdefault(("implicit", "transposed"), (body, []))
    return graph, arrays


def _run(b: Any, asked: Any, *rest: Any, body: Graph, helper: Graph | None, method: Method, starts: int) -> Any:
    import scipy.sparse.linalg

    dtype = body.inputs[0].dtype
    if not b.size or (method.is_derivative and not np.isfinite(b).all()):
        return np.full(b.shape, np.nan, dtype)
    options = dict(method.options)
    if starts:
        options["x0"] = rest[0]
    params = rest[starts:]
    if helper is not None:
        options["M"] = products(helper, params[len(body.inputs) - 1 :])
    if options.get("atol"):
        # The derivative of a system is solved as well as the system itself: relative to what stands on the right.
        size = np.linalg.norm(asked)
        relative = options["atol"] / size if size else np.sqrt(np.finfo(dtype).eps)
        options |= {"rtol": max(options["rtol"], relative), "atol": 0.0}
    A = products(body, params[: len(body.inputs) - 1])
    x, info = getattr(scipy.sparse.linalg, method.name)(A, b, **options, **method.aside.given)
    if info != 0 and method.is_derivative and not options.get("shift"):
        # Methods with short recurrences may break down at one right-hand side and not at another.
        again = {name: z for name, z in (options | method.aside.given).items() if name in ("rtol", "M")}
        x, info = scipy.sparse.linalg.gmres(A, b, **again)
    if method.is_deflated and not np.linalg.norm(A @ x - b) <= np.sqrt(np.finfo(dtype).eps) * np.linalg.norm(asked):
        raise SolutionError(
            "scipy.sparse.linalg.eigsh: an eigenvector has no derivative, since its eigenvalue coincides with another, "
            f"or lies so close that the system for it cannot be solved.{user_line()}"
        )
    if info != 0 or not np.isfinite(x).all():
        raise SolutionError(
            f"scipy.sparse.linalg.{method.name}: {_WHICH[method.is_derivative]} was not solved to the tolerance "
            f"(info={info}), so that there is no derivative. Give a larger maxiter= or a preconditioner M=, which for "
            f"the derivative needs an rmatvec=.{user_line()}"
        )
    return np.asarray(x, dtype)


_WHICH = {False: "the system", True: "the system that the derivative has to solve"}


def _infer(b: Any, asked: Any, *rest: Any, body: Graph, **params: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return body.inputs[0].shape, body.inputs[0].dtype


def _turned(preconditioner: Any) -> Any:
    """The transpose of a preconditioner; None where it is not known."""
    from scipy.sparse.linalg import aslinearoperator

    owner = getattr(getattr(preconditioner, "_CustomLinearOperator__matvec_impl", None), "__self__", None)
    if hasattr(owner, "perm_r") and hasattr(owner, "solve"):
        # The solution by factors, as `splu` and `spilu` make them.
        return aslinearoperator(_Solving(owner))
    other = aslinearoperator(preconditioner).T
    try:
        other.matvec(np.zeros(other.shape[1]))
    except (NotImplementedError, TypeError):
        return None
    return other


class _Solving:
    """The product with the inverse of what was factorised, transposed."""

    def __init__(self, factors: Any) -> None:
        self._factors = factors
        self.shape, self.dtype = factors.shape, factors.U.dtype

    def matvec(self, x: Any) -> Any:
        return self._factors.solve(x, "T")

    def rmatvec(self, x: Any) -> Any:
        return np.conj(self._factors.solve(np.conj(x)))


def _for_derivative(method: Method, *, turned: bool) -> Method:
    given = method.aside.given
    if not method.is_derivative:
        given = {name: x for name, x in given.items() if name == "M"}
    if turned and "M" in given:
        # Of a real symmetric one the transpose is itself, whether or not it has that method.
        is_itself = method.is_symmetric and np.dtype(getattr(given["M"], "dtype", complex)).kind == "f"
        other = given["M"] if is_itself else _turned(given["M"])
        given = {} if other is None else {"M": other}
    options = tuple((name, x) for name, x in method.options if name != "x0")
    return replace(method, options=options, aside=Aside(given), is_derivative=True)


def _pull(
    wanted: Flags, g: Any, ans: Any, b: Any, asked: Any, *rest: Any, body: Graph, helper: Graph | None,
    method: Method, starts: int,
) -> list[Any]:  # fmt: skip
    params = rest[starts:]
    mine, helping = params[: len(body.inputs) - 1], params[len(body.inputs) - 1 :]
    g = as_strong(g, body.inputs[0].dtype)
    graph, arrays = transposed(body)
    other, more = (None, []) if helper is None else transposed(helper)
    turned = _for_derivative(method, turned=True)
    w = linear_solution_op(g, asked, *mine, *arrays, *helping, *more, body=graph, helper=other, method=turned, starts=0)
    by_params = tuple(w and is_smooth(x) for w, x in zip(wanted[2 + starts :], body.inputs[1:], strict=False))
    found: list[Any] = [None] * len(mine)
    if any(by_params):
        found = pull_through(body, [ans, *mine], (False, *by_params), [-w])[1:]
    return [w if wanted[0] else None, *(None for _ in range(1 + starts)), *found, *(None for _ in helping)]


def _push(
    tangents: list[Any], ans: Any, b: Any, asked: Any, *rest: Any, body: Graph, helper: Graph | None, method: Method,
    starts: int,
) -> Any:  # fmt: skip
    params = rest[starts:]
    count = len(body.inputs) - 1
    mine, moving = params[:count], tangents[2 + starts :][:count]
    moving = [t if is_smooth(x) else None for t, x in zip(moving, body.inputs[1:], strict=True)]
    right = tangents[0]
    if any(t is not None for t in moving):
        change = push_through(body, [ans, *mine], [None, *moving])[0]
        if change is not None:
            right = -change if right is None else right - change
    if right is None:
        return None
    same = _for_derivative(method, turned=False)
    right = as_strong(right, body.inputs[0].dtype)
    return linear_solution_op(right, asked, *params, body=body, helper=helper, method=same, starts=0)


#: x with A x = b. The inputs are b, what the tolerance is relative to (b itself, but in derivatives), starting values,
#: what the product with A reads, and what the preconditioner reads, which does not change the solution.
linear_solution_op: Op = joint("chainrule.linear_solution", _run, _infer, _pull, _push, keeps=(0, -1))
done_one_by_one(linear_solution_op)
