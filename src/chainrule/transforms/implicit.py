"""Solutions of equations as one operation, with the derivative that the implicit function theorem gives.

A solver finds z with F(z, p) = 0, from starting values on which the solution does not depend. With the Jacobian J of F
by z the solution moves by dz = -J^-1 (dF/dp) dp, and a derivative g by z goes back to the parameters as w^T dF/dp with
J^T w = -g (A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., SIAM 2008, chapter 15). Both rules are written
in terms of the recorded F, so that they are recorded themselves where a further derivative is taken.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import SolutionError, user_line
from chainrule.graph import Graph
from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, joint
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.record import record
from chainrule.trace.symbolic import value_of
from chainrule.trace.tracer import Tracer
from chainrule.transforms.implicit_graphs import matrix_of
from chainrule.transforms.implicit_problem import Problem, Solver
from chainrule.transforms.replay import pull_through, push_through, replay

__all__ = ["solution", "solution_op"]

Flags = tuple[bool, ...]

#: Newton steps after the solver has ended. From an error of 1e-4 two lead to rounding.
_STEPS = 4


# The operation


def solution(inputs: Sequence[Any], solver: Solver, function: Graph, residual: Graph) -> tuple[Any, Any]:
    """Solve, as one operation.

    Parameters
    ----------
    inputs : sequence
        Starting values, then parameters; at least one is traced.
    solver : Solver
        How.
    function, residual : Graph
        As in `Problem`.

    Returns
    -------
    z : traced value
        The solution.
    report : object or None
        What the solver returned; None where the values of the inputs are not known.
    """
    params: dict[str, Any] = {"solver": solver, "function": function, "residual": residual}
    plain = [value_of(x) if isinstance(x, Tracer) else x for x in inputs]
    is_known = not any(x is NO_VALUE for x in plain)
    z, report = _solved(plain, **params) if is_known else (None, None)

    def compute(*found: Any) -> Any:
        if any(isinstance(x, Tracer) for x in found):
            return record(solution_op, found, params, compute)
        return z if is_known else _evaluate(*found, **params)

    return compute(*inputs), report


def _solved(inputs: Sequence[Any], solver: Solver, function: Graph, residual: Graph) -> tuple[Any, Any]:
    starts = solver.starts
    problem = Problem(solver, function, residual, inputs[starts:])
    report = solver.run(problem, inputs[:starts], **dict(solver.options))
    if not report.success:
        raise SolutionError(
            f"{solver.name}: no solution was found, so that there is no derivative of it: {report.message}{user_line()}"
        )
    return _polished(problem, problem.entered(report.x)), report


def _evaluate(*inputs: Any, solver: Solver, function: Graph, residual: Graph) -> Any:
    return _solved(inputs, solver, function, residual)[0]


def _infer(*inputs: Any, solver: Solver, function: Graph, residual: Graph) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return residual.inputs[0].shape, residual.inputs[0].dtype


def _weak(*inputs: Any, solver: Solver, function: Graph, residual: Graph) -> bool:
    return bool(residual.inputs[0].weak)


@np.errstate(all="ignore")
def _polished(problem: Problem, z: Any) -> Any:
    """Take Newton steps as long as they make F smaller: value and derivative are then those of one solution."""
    before = problem.left(z)
    for _ in range(_STEPS):
        if not np.any(before):
            break
        step = _newton_step(problem.matrix(z), before)
        closer = problem.entered(z - step)
        after = problem.left(closer)
        if not (_is_small(step, z, 0.1) and np.max(np.abs(after)) < np.max(np.abs(before))):
            break
        z, before = closer, after
    return z


def _newton_step(matrix: Any, left: Any) -> Any:
    """J^-1 F; NaN where J is singular."""
    if np.ndim(matrix) != 2 or np.shape(matrix) == np.shape(left):
        return left / matrix
    try:
        return np.linalg.solve(matrix, np.ravel(left)).reshape(np.shape(left))
    except np.linalg.LinAlgError:
        return np.full(np.shape(left), np.nan)


# Its derivatives


def _moved(matrix: Any, right: Any) -> Any:
    """-J^-1 times something of the shape of z."""
    if shape_of(matrix) == shape_of(right):
        return -right / matrix
    return np.reshape(-np.linalg.solve(matrix, np.reshape(right, (-1,))), shape_of(right))


def _jacobian_of(ans: Any, parameters: Sequence[Any], residual: Graph, solver: Solver) -> Any:
    graph, arrays = matrix_of(residual, is_diagonal=solver.is_diagonal)
    matrix = replay(graph, [ans, *parameters, *arrays])[0]
    return regular(matrix, ans, *parameters, solver=solver, residual=residual)


def _smooth(residual: Graph) -> Flags:
    return tuple(x.dtype.kind in "fc" for x in residual.inputs[1:])


def _pull(wanted: Flags, g: Any, ans: Any, *inputs: Any, solver: Solver, function: Graph, residual: Graph) -> list[Any]:
    starts = solver.starts
    parameters = inputs[starts:]
    asked = tuple(w and s for w, s in zip(wanted[starts:], _smooth(residual), strict=True))
    if not any(asked):
        return [None] * len(inputs)
    matrix = _jacobian_of(ans, parameters, residual, solver)
    back = _moved(matrix if solver.is_diagonal else matrix.T, g)
    found = pull_through(residual, [ans, *parameters], (False, *asked), [back])
    return [*(None,) * starts, *found[1:]]


def _push(tangents: list[Any], ans: Any, *inputs: Any, solver: Solver, function: Graph, residual: Graph) -> Any:
    starts = solver.starts
    parameters = inputs[starts:]
    moving = [t if s else None for t, s in zip(tangents[starts:], _smooth(residual), strict=True)]
    right = (
        push_through(residual, [ans, *parameters], [None, *moving])[0] if any(t is not None for t in moving) else None
    )
    if right is None:
        return None
    return _moved(_jacobian_of(ans, parameters, residual, solver), right)


solution_op: Op = joint("chainrule.solution", _evaluate, _infer, _pull, _push, keeps=(0, -1), infer_weak=_weak)


# The Jacobian has to be regular, and z close enough to where F is zero


def _checked(matrix: Any, z: Any, *parameters: Any, solver: Solver, residual: Graph) -> Any:
    """The matrix itself, where the derivative exists at the solution.

    J has to be regular, and may not change by a half within the step that Newton's method would take from z: where it
    does, as at a double root, z need not be close to a solution, nor J to the Jacobian there (Kantorovich's condition).
    """
    problem = Problem(solver, residual, residual, parameters)
    if np.size(matrix) == 0:
        return matrix
    with np.errstate(all="ignore"):
        if not _is_regular(matrix, is_diagonal=solver.is_diagonal):
            raise SolutionError(
                f"{solver.name}: the Jacobian of the equations is singular at the solution {_short(z)}, so that the "
                f"solution has no derivative there.{user_line()}"
            )
        if solver.is_diagonal and np.size(z) > 1:
            # Any direction tells, unless it is a very special one.
            direction = 1 + np.cos(np.arange(np.size(z))).reshape(np.shape(z))
            if not np.allclose(problem.change(z, direction), matrix * direction, rtol=1e-6, atol=1e-12):
                raise SolutionError(
                    f"{solver.name}: the function mixes entries of its argument, but the solver takes each of them by "
                    f"itself. Use scipy.optimize.root.{user_line()}"
                )
        step = _newton_step(matrix, problem.left(z))
        change = problem.matrix(z - step) - matrix
        relative = change / matrix if solver.is_diagonal else np.linalg.solve(matrix, change)
        left_over = max(1e-6, 1e4 * float(np.finfo(matrix.dtype).eps))
        if not np.max(np.abs(relative)) < 0.25 or not _is_small(step, z, left_over):
            raise SolutionError(
                f"{solver.name}: {_short(z)} is not close enough to a solution at which the equations have a regular "
                f"derivative; Newton's method would go on by {_short(step)}. Is it at a kink, at a multiple root, or "
                f"is the tolerance too wide?{user_line()}"
            )
    return matrix


def _is_small(step: Any, z: Any, share: float) -> bool:
    return bool(np.max(np.abs(step)) <= share * max(1.0, float(np.max(np.abs(z)))))


def _is_regular(matrix: Any, *, is_diagonal: bool) -> bool:
    if not np.all(np.isfinite(matrix)):
        return False
    if is_diagonal:
        return bool(np.all(matrix))
    return bool(1 / np.linalg.cond(matrix, 1) > np.finfo(matrix.dtype).eps)


def _short(x: Any) -> str:
    return np.array2string(np.asarray(x), precision=6, threshold=6, edgeitems=2)


def _infer_checked(matrix: Any, *inputs: Any, **params: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return shape_of(matrix), matrix.dtype


def _pull_checked(wanted: Flags, g: Any, ans: Any, *inputs: Any, **params: Any) -> list[Any]:
    return [g, *(None,) * (len(inputs) - 1)]


def _push_checked(tangents: list[Any], ans: Any, *inputs: Any, **params: Any) -> Any:
    return tangents[0]


regular: Op = joint("chainrule.regular", _checked, _infer_checked, _pull_checked, _push_checked, keeps=())
