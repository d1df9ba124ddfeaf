"""The evaluation of sparse derivatives: a function recorded, a plan found or looked up, directions sent through."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from chainrule.differentiate.arguments import Selection
from chainrule.differentiate.chunks import chunk_length
from chainrule.differentiate.recorded import Recorded
from chainrule.differentiate.sparse.dependence import pattern_of
from chainrule.differentiate.sparse.directions import Directions
from chainrule.differentiate.sparse.patterns import Pattern
from chainrule.differentiate.sparse.plan import Mode, Plan, planned
from chainrule.differentiate.sparse.tapes import Key, key_of
from chainrule.errors import OptionError
from chainrule.ops.axes import shape_of
from chainrule.trace.tracer import Tracer

__all__ = ["Plans"]

#: Tapes whose plans are kept.
_KEPT = 32


class Plans:
    """What has been planned for a function, by the tapes that it left.

    Parameters
    ----------
    selection : Selection
        The function that is differentiated, and by what.
    pattern : sparse matrix, array or None
        The pattern that was given.
    mode : {"forward", "reverse"} or None
        The direction asked for.
    memory : int
        Bytes for the derivatives that go along the tape at once.
    is_symmetric : bool
        True for a Hessian.

    Attributes
    ----------
    f : callable
        The function that is differentiated.
    compiled : dict of Plan
        Those that programs name by their number.
    """

    # `f` is where `jit` looks for what the function reads from around it.
    __slots__ = ("_given", "_is_symmetric", "_known", "_memory", "_mode", "_numbers", "_selection", "compiled", "f")

    def __init__(
        self, selection: Selection, pattern: Any, mode: Mode | None, memory: int, *, is_symmetric: bool
    ) -> None:
        self.f = selection.f
        self._selection = selection
        self._given = None if pattern is None else _as_pattern(pattern)
        self._mode: Mode | None = mode
        self._memory = memory
        self._is_symmetric = is_symmetric
        self._known: dict[Key, Plan] = {}
        self.compiled: dict[int, Plan] = {}
        self._numbers = itertools.count()

    def plan(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Plan, Recorded]:
        """Record the function, and find the plan for its tape."""
        recorded = Recorded(self._selection, args, kwargs, copies=False)
        sources = recorded.call.sources
        by_complex = [x.name for x in sources if x.dtype.kind == "c"]
        if self._is_symmetric and by_complex:
            raise OptionError(f"a sparse Hessian is by real arguments, but {by_complex[0]} is complex; use hessian")
        sizes = [math.prod(shape_of(y)) for y in recorded.values]
        shape = (sum(sizes), sum(x.size for x in sources))
        given = self._given
        if given is None:
            key, indices = key_of(recorded.entries, sources, recorded.nodes)
            plan = self._planned(key, lambda: pattern_of(recorded.entries, sources, recorded.nodes, sizes))
            if any(isinstance(y, Tracer) for y in recorded.values):
                plan.watch(indices)
        elif given.shape == shape:
            plan = self._planned(shape, lambda: given)
        else:
            raise OptionError(f"the pattern has shape {given.shape}, but the derivative has shape {shape}")
        return plan, recorded

    def _planned(self, key: Key, find: Callable[[], Pattern]) -> Plan:
        plan = self._known.get(key)
        if plan is None:
            pattern = find()
            if self._is_symmetric:
                pattern = sparse.csr_array(pattern + pattern.T)
                pattern.sort_indices()
            same = [other for other in self._known.values() if other.is_of(pattern)]
            plan = same[0] if same else planned(pattern, self._mode, is_symmetric=self._is_symmetric)
            # A new dict, since other threads may be reading this one.
            self._known = {**dict(list(self._known.items())[1 - _KEPT :]), key: plan}
        return plan

    def noted(self, plan: Plan) -> int:
        """Keep a plan for a program, and give it a number by which the program names it."""
        for number, one in list(self.compiled.items()):
            if one is plan:
                return number
        number = next(self._numbers)
        self.compiled[number] = plan
        return number

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any, Plan]:
        """Compute the value, the entries of the matrix, what is held against them, and the plan.

        What is held against them is what becomes of the plan's probe; None where the pattern has been found.
        """
        plan, recorded = self.plan(args, kwargs)
        directions = Directions(recorded, plan.mode)
        has_probe = self._given is not None
        count = plan.count + has_probe
        length = chunk_length(count, directions.bytes_of_one, self._memory)
        once: list[Any] = []
        twice: list[Any] = []
        rows: Any = ()
        for start in range(0, count, max(1, length)):
            rows = directions.sent(plan.units(start, min(start + length, count)))
            once.append(plan.picked(rows[0], start))
            if rows[1] is not None:
                twice.append(plan.picked(rows[1], start))
        of_complex = directions.of_complex
        entries = directions.combined(
            plan.in_order(once),
            plan.in_order(twice) if twice else None,
            None if of_complex is None else of_complex[plan.pattern.indices],
        )
        value = recorded.structure.unflatten(recorded.values)
        if not has_probe:
            return value, entries, None, plan
        seen: Any
        seen, turned = (None if x is None else x[-1] for x in rows)
        if of_complex is not None and np.any(of_complex) and not np.all(of_complex):
            # Of real and complex arguments together one direction tells of the real part alone.
            return value, entries, np.real(seen), plan
        return value, entries, directions.combined(seen, turned, bool(np.any(of_complex))), plan


def _as_pattern(given: Any) -> Pattern:
    matrix = sparse.coo_array(given) if sparse.issparse(given) else sparse.coo_array(np.asarray(given) != 0)
    if matrix.ndim != 2:
        raise OptionError(f"a pattern should have two axes, found {matrix.ndim}")
    marks = (np.ones(matrix.nnz, bool), (matrix.row, matrix.col))
    found = sparse.csr_array(marks, matrix.shape)
    found.sum_duplicates()
    return found
