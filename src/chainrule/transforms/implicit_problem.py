"""What a solver is asked for: how to solve, and the recorded functions on plain values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.graph import Graph
from chainrule.transforms.closures import quick_runner
from chainrule.transforms.implicit_graphs import BOUNDS, change_of, constraints_of, gradient_of, matrix_of

__all__ = ["Problem", "Solver"]


@dataclass(frozen=True)
class Solver:
    """How solutions are found.

    Attributes
    ----------
    name : str
        As its users write it, such as ``scipy.optimize.root``.
    run : callable
        ``run(problem, starts, **options)`` returns an object with `x`, `success` and `message`.
    starts : int
        Number of starting values: they come first among the inputs, and the solution does not depend on them.
    options : tuple
        Names and values.
    is_diagonal : bool
        True where entry i of F depends on entry i of z alone, so that only the diagonal of J is needed.
    """

    name: str
    run: Callable[..., Any]
    starts: int
    options: tuple[tuple[str, Any], ...] = ()
    is_diagonal: bool = False

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Problem:
    """What is solved, on plain values.

    Attributes
    ----------
    solver : Solver
        Who asks.
    function : Graph
        The user's function, of z and the first parameters.
    residual : Graph
        F, of z and the parameters.
    parameters : sequence
        Plain values.
    """

    solver: Solver
    function: Graph
    residual: Graph
    parameters: Sequence[Any]

    def value(self, z: Any) -> Any:
        """The user's function."""
        return quick_runner(self.function)(*self._of_function(z))[0]

    def gradient(self, z: Any) -> Any:
        """The derivative by z of the user's function, where that returns one number."""
        graph, arrays = gradient_of(self.function)
        return quick_runner(graph)(*self._of_function(z), *arrays)[0]

    def jacobian(self, z: Any) -> Any:
        """The derivative by z of the user's function, where that returns an array."""
        graph, arrays = matrix_of(self.function)
        return quick_runner(graph)(*self._of_function(z), *arrays)[0]

    def hessian(self, z: Any) -> Any:
        """The second derivative by z of the user's function, where that returns one number."""
        gradient, known = gradient_of(self.function)
        graph, arrays = matrix_of(gradient)
        return quick_runner(graph)(*self._of_function(z), *known, *arrays)[0]

    def constraints(self, z: Any) -> Any:
        """The second output of the user's function."""
        graph, arrays = constraints_of(self.function)
        return quick_runner(graph)(*self._of_function(z), *arrays)[0]

    def constraint_matrix(self, z: Any) -> Any:
        """The derivative of that by z."""
        constraints, known = constraints_of(self.function)
        graph, arrays = matrix_of(constraints)
        return quick_runner(graph)(*self._of_function(z), *known, *arrays)[0]

    def left(self, z: Any) -> Any:
        """F(z, p), which the solution makes zero."""
        return quick_runner(self.residual)(self.entered(z), *self.parameters)[0]

    def matrix(self, z: Any) -> Any:
        """The derivative J of F by z."""
        graph, arrays = matrix_of(self.residual, is_diagonal=self.solver.is_diagonal)
        return quick_runner(graph)(self.entered(z), *self.parameters, *arrays)[0]

    def change(self, z: Any, direction: Any) -> Any:
        """J times a direction."""
        graph, arrays = change_of(self.residual)
        return quick_runner(graph)(self.entered(z), *self.parameters, direction, *arrays)[0]

    def curvature(self, z: Any) -> Any:
        """The derivative of the diagonal of J by z."""
        slope, known = matrix_of(self.residual, is_diagonal=True)
        graph, arrays = matrix_of(slope, is_diagonal=True)
        return quick_runner(graph)(self.entered(z), *self.parameters, *known, *arrays)[0]

    @property
    def bounds(self) -> tuple[Any, Any] | None:
        """Lower and upper bounds; None where there are none."""
        named = {node.name: x for node, x in zip(self.residual.inputs[1:], self.parameters, strict=True)}
        return (named[BOUNDS[0]], named[BOUNDS[1]]) if BOUNDS[0] in named else None

    def entered(self, z: Any) -> Any:
        """A solution as F takes it."""
        return _entered(self.residual, z)

    def _of_function(self, z: Any) -> list[Any]:
        return [_entered(self.function, z), *self.parameters[: len(self.function.inputs) - 1]]


def _entered(graph: Graph, z: Any) -> Any:
    node = graph.inputs[0]
    z = np.asarray(z, node.dtype).reshape(node.shape)
    return z.item() if node.weak else z if z.ndim else z[()]
