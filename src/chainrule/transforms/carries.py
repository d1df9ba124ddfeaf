"""What `scan` and `while_loop` do alike: a carry goes into the body, and has to come out of the same kind."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import TraceError, user_line
from chainrule.trace.buffer import settled
from chainrule.trace.tracer import Tracer
from chainrule.transforms.bodies import Kind, Recorded, agreed, converted, leaf_kinds, name_of, with_kinds

__all__ = ["Carry", "check_structure", "settle_carry"]


class Carry:
    """The value that a loop starts with.

    Attributes
    ----------
    structure : tree.Structure
        Its tree.
    paths : list of str
        The expression that reaches each leaf.
    leaves : list
        The leaves.
    kinds : list of Kind
        What the body takes them as.
    """

    __slots__ = ("kinds", "leaves", "paths", "structure")

    def __init__(self, where: str, init: Any) -> None:
        self.structure = tree.flatten(init)[1]
        rows = [(path, _taken(settled(leaf))) for path, leaf in tree.leaves_with_paths(init, "init")]
        self.paths = [path for path, _ in rows]
        self.leaves = [leaf for _, leaf in rows]
        self.kinds = leaf_kinds(where, rows)

    @property
    def inputs(self) -> list[tuple[str, Kind]]:
        """Name and kind of each leaf, as a body takes them."""
        return list(zip(self.paths, self.kinds, strict=True))

    def converted_leaves(self) -> list[Any]:
        """The leaves, Python numbers made arrays where the body makes arrays of them."""
        return [converted(leaf, kind) for leaf, kind in zip(self.leaves, self.kinds, strict=True)]


def _taken(leaf: Any) -> Any:
    # A list of numbers is a tree of numbers; subclasses of arrays count as arrays.
    return leaf if isinstance(leaf, Tracer) or not isinstance(leaf, np.ndarray) else np.asarray(leaf)


def settle_carry(where: str, f: Callable[..., Any], carry: Carry, record: Callable[[], Recorded]) -> Recorded:
    """Record a body until what comes out for the carry is what goes in.

    A Python number in `init` takes the dtype of the array that the body makes of it, and the body is recorded again
    with that. A Python number that the body returns for an array becomes an array of its dtype.

    Raises
    ------
    TraceError
        Where shapes or dtypes differ.
    """
    while True:
        recorded = record()
        found = recorded.kinds[: len(carry.kinds)]
        joined = [agreed(a, b) for a, b in zip(carry.kinds, found, strict=True)]
        for path, before, after, kind in zip(carry.paths, carry.kinds, found, joined, strict=True):
            if kind is None or (kind != before and not before.weak):
                raise TraceError(
                    f"{where}: {name_of(f)} takes {path} as {before}, but returns {after} for it; a carry must keep "
                    f"its shape and dtype. {_advice(before, after)}{user_line()}"
                )
        if joined == carry.kinds:
            kinds = [*joined, *(None for _ in recorded.kinds[len(found) :])]
            return Recorded(
                with_kinds(recorded.graph, kinds), recorded.hidden, recorded.structure, recorded.kinds, recorded.paths
            )
        carry.kinds = [kind for kind in joined if kind is not None]


def _advice(before: Kind, after: Kind) -> str:
    if before.shape != after.shape:
        return "Start with an array of the shape that the body returns, or return one of the shape it was given."
    return f"Start with an array of {after.dtype}, or convert what is returned with .astype({str(before.dtype)!r})."


def check_structure(where: str, f: Callable[..., Any], expected: tree.Structure, found: tree.Structure) -> None:
    """Raise where what a body returned for the carry is another tree than `init`."""
    if found != expected:
        raise TraceError(
            f"{where}: the carry {name_of(f)} returned has the structure {found!r}, but init has {expected!r}."
            f"{user_line()}"
        )
