"""Sparse derivatives compiled: programs whose patterns hold, and are made anew where they may not."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.differentiate.sparse.plan import Plan
from chainrule.differentiate.sparse.plans import Plans
from chainrule.differentiate.sparse.tapes import Index

__all__ = ["Programs"]

#: Values of the index arrays among the arguments for which programs are kept.
_KEPT = 16


class Programs:
    """What is compiled for one sparse derivative.

    Integers and masks among the arguments say where entries are taken from, so that the pattern depends on them: they
    are part of a program, which is made for their values.

    Parameters
    ----------
    plans : Plans
        What computes the derivative, and is recorded.
    compiler : callable
        `jit`.
    """

    __slots__ = ("_compiler", "_known", "_plans", "last")

    def __init__(self, plans: Plans, compiler: Callable[..., Any]) -> None:
        self._plans = plans
        self._compiler = compiler
        self._known: dict[Any, Any] = {}
        self.last: Any = None

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any, Plan]:
        """As `Plans.run`, by a program."""
        leaves, structure = tree.flatten((args, kwargs))
        fixed = {k: Index(x) for k, x in enumerate(leaves) if isinstance(x, np.ndarray) and x.dtype.kind in "iub"}
        key = (structure, tuple((k, x.digest) for k, x in fixed.items())) if fixed else None
        others = leaves if not fixed else [x for k, x in enumerate(leaves) if k not in fixed]
        while True:
            program = self._known.get(key)
            if program is None:
                program = self._made(structure, {k: x.array.copy() for k, x in fixed.items()})
                self._known = {**dict(list(self._known.items())[1 - _KEPT :]), key: program}
            self.last = program
            value, entries, seen, number = program(*others) if fixed else program(*args, **kwargs)
            plan = self._plans.compiled[number]
            if plan.holds:
                return value, entries, seen, plan
            # An index array from around the function was written into: the program counts on its old entries.
            self._known = {other: program for other, program in self._known.items() if other != key}

    def _made(self, structure: tree.Structure, fixed: dict[int, np.ndarray[Any, Any]]) -> Any:
        plans = self._plans

        @functools.wraps(plans.f)
        def run(*args: Any, **kwargs: Any) -> Any:
            if fixed:
                remaining = iter(args)
                args, kwargs = structure.unflatten(
                    fixed[k] if k in fixed else next(remaining) for k in range(structure.size)
                )
            value, entries, seen, plan = plans.run(args, kwargs)
            # A program has no other results than numbers. One that is computed with care may have a plan of its own.
            return value, entries, seen, plans.noted(plan)

        return self._compiler(run)
