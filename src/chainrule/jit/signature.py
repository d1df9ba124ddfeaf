"""What a call is known by: the structure of its arguments, and of each leaf its kind or its value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import TraceError, user_line
from chainrule.trace.api import argument_name
from chainrule.trace.buffer import settled
from chainrule.trace.record import dtype_of
from chainrule.trace.tracer import Tracer

__all__ = ["Kind", "Signature", "Static", "is_traced", "signature_of"]

#: Static values that are compared by equality; of anything else only the object itself is the same.
_BY_VALUE = (bool, int, str, bytes, np.dtype, type(Ellipsis), type(NotImplemented))


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known ahead of time of an argument that is a number or an array.

    Attributes
    ----------
    shape : tuple of int
        Lengths of its axes.
    dtype : numpy.dtype
        In the machine's byte order.
    form : type
        `numpy.ndarray`, `numpy.generic`, or the type of a Python number.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    form: type

    @property
    def weak(self) -> bool:
        """True for a Python number."""
        return self.form is not np.ndarray and self.form is not np.generic

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]{'*' if self.weak else ''}"


class Static:
    """An argument that is neither number nor array: code may do anything with it, so another one is another call."""

    __slots__ = ("_key", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        by_value = isinstance(value, _BY_VALUE)
        self._key = (type(value), value if by_value else id(value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        text = repr(self.value)
        return text if len(text) <= 40 else f"{text[:37]}..."


@dataclass(frozen=True, slots=True)
class Signature:
    """What a call is known by.

    Attributes
    ----------
    structure : tree.Structure
        Of the positional and the named arguments together.
    leaves : tuple of Kind or Static
        What stands in it.
    """

    structure: tree.Structure
    leaves: tuple[Kind | Static, ...]

    @property
    def kinds(self) -> list[Kind]:
        """Of the leaves that are numbers or arrays, in order."""
        return [leaf for leaf in self.leaves if isinstance(leaf, Kind)]

    @property
    def is_flat(self) -> bool:
        """True where the arguments are positional, and each is a leaf."""
        positional, named = self.structure.children
        return not named.children and all(child.kind is None for child in positional.children)

    def is_like(self, other: "Signature") -> bool:
        """Say whether another one differs in lengths of axes alone."""
        return (
            self.structure == other.structure
            and self != other
            and all(
                a == b
                if isinstance(a, Static) or isinstance(b, Static)
                else (a.dtype, a.form, len(a.shape)) == (b.dtype, b.form, len(b.shape))
                for a, b in zip(self.leaves, other.leaves, strict=True)
            )
        )

    def differs_in_values(self, other: "Signature") -> bool:
        """Say whether another one differs in what is fixed alone."""
        return self.structure == other.structure and self.kinds == other.kinds

    def text(self, f: Callable[..., Any]) -> str:
        """What a call has, for people."""
        return ", ".join(f"{name}: {kind}" for name, kind in zip(self.names(f), self.kinds, strict=True)) or "nothing"

    def names(self, f: Callable[..., Any]) -> list[str]:
        """The expression that reaches each leaf that is a number or an array."""
        args, kwargs = self.structure.unflatten(range(len(self.leaves)))
        found = []
        for position, argument in enumerate(args):
            found += tree.leaves_with_paths(argument, argument_name(f, position))
        for name, argument in kwargs.items():
            found += tree.leaves_with_paths(argument, name)
        return [path for path, number in found if isinstance(self.leaves[number], Kind)]


def is_traced(leaves: Sequence[Any]) -> bool:
    """Say whether a call is made while something else is being recorded."""
    return any(isinstance(leaf, Tracer) for leaf in leaves)


def signature_of(leaves: Sequence[Any], structure: tree.Structure) -> tuple[Signature, list[Any]]:
    """Find what a call is known by.

    Parameters
    ----------
    leaves : sequence
        The arguments.
    structure : tree.Structure
        Of the positional and the named ones together.

    Returns
    -------
    signature : Signature
        Its kind.
    values : list
        The numbers and arrays of the call.
    """
    kinds: list[Kind | Static] = []
    values = []
    for leaf in leaves:
        leaf = settled(leaf)
        kind = _kind(leaf)
        kinds.append(Static(leaf) if kind is None else kind)
        if kind is not None:
            values.append(leaf)
    return Signature(structure, tuple(kinds)), values


def _kind(x: Any) -> Kind | None:
    kind = type(x)
    if kind is float or kind is complex:
        return Kind((), dtype_of(kind), kind)
    if isinstance(x, np.ndarray):
        if kind.__name__ in ("MaskedArray", "matrix"):
            raise TraceError(
                f"A {kind.__name__} was given to a compiled function: its mask or its way of multiplying would be "
                f"lost. Give a plain array.{user_line()}"
            )
        return Kind(x.shape, _dtype(x), np.ndarray)
    return Kind((), _dtype(x), np.generic) if isinstance(x, np.generic) else None


def _dtype(x: Any) -> np.dtype[Any]:
    if x.dtype.kind not in "fciub":
        raise TraceError(
            f"An argument of dtype {x.dtype} was given to a compiled function, which needs numbers.{user_line()}"
        )
    found: np.dtype[Any] = x.dtype if x.dtype.isnative else x.dtype.newbyteorder("=")
    return found
