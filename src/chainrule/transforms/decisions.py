"""Functions that decide by Python's `if` on values that they are recorded without: recorded once for every way through.

A function of a solver is recorded without values, so that a decision on one of its arguments has no answer. It is run
up to its first decision, which becomes a `cond`: in the one branch the function is run again with the answer yes, in
the other with the answer no, each up to the next decision. What comes out is one graph with all the ways in it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import shape_of
from chainrule.trace.answers import Answers, Undecided, answering
from chainrule.transforms.bodies import Kind, Recorded, name_of, record_body
from chainrule.transforms.cond import cond

__all__ = ["record_deciding"]

#: Ways through a function that are recorded, and decisions on one of them.
_MOST_WAYS = 64
_MOST_DECISIONS = 16


def record_deciding(
    where: str,
    f: Callable[..., Any],
    inputs: Sequence[tuple[str, Kind]],
    arrange: Callable[[list[Any]], Sequence[Any]],
    split: Callable[[Any], tuple[list[tuple[str, Any]], Any]],
) -> Recorded:
    """Record a function that may take decisions on its arguments.

    Parameters
    ----------
    where, f, inputs, arrange, split
        As for `chainrule.transforms.bodies.record_body`.

    Returns
    -------
    Recorded
        The function as a graph.

    Raises
    ------
    TraceError
        Where there are too many ways through the function, or their results differ in shape or dtype.
    """
    ways = _Ways(where, f, arrange, split)

    def explored(*leaves: Any) -> Any:
        return ways.explore(list(leaves), ())

    explored.__name__ = name_of(f)
    return record_body(where, explored if callable(f) else f, inputs, lambda leaves: leaves, lambda found: found)


class _Ways:
    """The ways through one function."""

    def __init__(self, where: str, f: Any, arrange: Any, split: Any) -> None:
        self._where, self._f, self._arrange, self._split = where, f, arrange, split
        self._count = 1

    def explore(self, leaves: list[Any], answers: tuple[bool, ...]) -> tuple[list[tuple[str, Any]], Any]:
        """Run the function with answers to its first decisions, and with `cond` for the others."""
        try:
            with answering(Answers(answers, leaves[0].recording.level)):
                return self._split(self._f(*self._arrange(list(leaves))))  # type: ignore[no-any-return]
        except Undecided as stop:
            decision, line = stop.decision, stop.line
        self._count += 1
        if self._count > _MOST_WAYS or len(answers) >= _MOST_DECISIONS:
            raise TraceError(
                f"{self._where}: there are too many ways through {name_of(self._f)}, which decides on its argument. "
                f"Use np.where for choices entry by entry, and chainrule.while_loop for a loop that ends on a "
                f"condition.{line}"
            )
        found: list[Any] = []

        def side(answer: bool) -> Callable[..., Any]:
            def run(*inside: Any) -> list[Any]:
                rows, structure = self.explore(list(inside), (*answers, answer))
                found.append((structure, [path for path, _ in rows]))
                return [x for _, x in rows]

            run.__name__ = f"{name_of(self._f)}, {'yes' if answer else 'no'}"
            return run

        results = cond(_number(decision), side(True), side(False), *leaves)
        (structure, paths), (other, _) = found
        if structure != other:
            raise TraceError(f"{self._where}: {name_of(self._f)} returns {structure!r} or {other!r}.{user_line()}")
        return list(zip(paths, results, strict=True)), structure


def _number(decision: Any) -> Any:
    return np.reshape(decision, ()) if shape_of(decision) else decision
