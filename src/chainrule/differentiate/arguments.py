"""Which arguments of a function are differentiated by, and how they are traced and put back together."""

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import OptionError
from chainrule.trace.api import argument_name, traced_input
from chainrule.trace.recording import Recording
from chainrule.trace.tracer import Tracer

__all__ = ["Call", "Selection", "with_others_fixed"]

_NDARRAY = np.ndarray


class Call:
    """A call that is ready to be made on traced values.

    Attributes
    ----------
    handles : list of Tracer
        The leaves of the arguments differentiated by, in order.
    sources : list of Node
        Their nodes at the start of the call; an assignment gives a handle another one.
    structures : list of tree.Structure
        The structure of each of these arguments.
    """

    __slots__ = ("_args", "_f", "_kwargs", "handles", "sources", "structures")

    def __init__(
        self,
        f: Callable[..., Any],
        args: list[Any],
        kwargs: dict[str, Any],
        handles: list[Tracer],
        structures: list[tree.Structure],
    ) -> None:
        self._f = f
        self._args = args
        self._kwargs = kwargs
        self.handles = handles
        self.sources = [handle.node for handle in handles]
        self.structures = structures

    def __call__(self) -> Any:
        """Make the call."""
        return self._f(*self._args, **self._kwargs)


class Selection:
    """The arguments of `f` that `wrt` picks.

    Parameters
    ----------
    f : callable
        Any function.
    wrt : int, str or a sequence of them
        Positions or names.

    Raises
    ------
    OptionError
        Where it is neither, or nothing is picked, or the same argument twice.
    """

    __slots__ = ("_highest", "_names", "_signature", "_wanted", "f", "several")

    def __init__(self, f: Callable[..., Any], wrt: int | str | Sequence[int] | Sequence[str]) -> None:
        if not callable(f):
            raise OptionError(f"the first argument should be a function, but is {type(f).__name__}")
        self.f = f
        if not isinstance(wrt, (int, str, np.integer, tuple, list)):
            raise OptionError(f"wrt takes a position or name of an argument, or several, but was given {wrt!r}")
        self.several = not isinstance(wrt, (int, str, np.integer))
        self._wanted: tuple[int | str, ...] = tuple(wrt) if self.several else (wrt,)  # type: ignore[arg-type, assignment]
        for one in self._wanted:
            if isinstance(one, bool) or not isinstance(one, (int, str, np.integer)):
                raise OptionError(f"wrt takes positions or names of arguments, but was given {one!r}")
        if not self._wanted:
            raise OptionError("wrt names no argument to differentiate by")
        if len(set(self._wanted)) != len(self._wanted):
            raise OptionError(f"wrt names an argument twice: {self._wanted!r}")
        # Positions counted from the front are those of every call that is long enough.
        from_front = [one for one in self._wanted if type(one) is int and one >= 0]
        self._highest: float = max(from_front) if len(from_front) == len(self._wanted) else math.inf
        # A signature costs more to find than a small function to run, so it is looked for once, and for names only.
        self._names: dict[int | str, str] = {}
        self._signature = _signature(f) if any(isinstance(one, str) for one in self._wanted) else None

    def trace(self, recording: Recording, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Replace the leaves of the picked arguments by traced values."""
        positional = list(args)
        named = dict(kwargs) if kwargs else kwargs
        handles: list[Tracer] = []
        structures: list[tree.Structure] = []
        places = self.find(args, kwargs)
        if self.several and len(set(places)) < len(places):
            raise OptionError(f"wrt names an argument twice: {self._wanted!r}")
        for place in places:
            name = self._names.get(place) or self.name_of(place)
            argument = positional[place] if isinstance(place, int) else named[place]
            kind = type(argument)
            traced: Any
            if kind is float or kind is _NDARRAY or isinstance(argument, Tracer):
                # The caller's own array may be written into by another name while it is read here.
                argument = recording.hold(argument) if kind is _NDARRAY else argument
                traced = traced_input(argument, name, recording)
                handles.append(traced)
                structures.append(tree.LEAF)
            else:
                structure = tree.flatten(argument)[1]
                made = [
                    traced_input(recording.hold(leaf) if type(leaf) is np.ndarray else leaf, path, recording)
                    for path, leaf in tree.leaves_with_paths(argument, name)
                ]
                traced = structure.unflatten(made)
                handles += made
                structures.append(structure)
            if isinstance(place, int):
                positional[place] = traced
            else:
                named[place] = traced
        return Call(self.f, positional, named, handles, structures)

    def find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int | str, ...]:
        """Where the picked arguments stand in a call: positions, or names."""
        if self._highest < len(args):
            return self._wanted
        return tuple([self._find(one, args, kwargs) for one in self._wanted])

    def rebuild(self, call: Call, values: list[Any]) -> Any:
        """Put one value for each leaf into the structure of the arguments picked."""
        if not self.several and call.structures[0] is tree.LEAF:
            return values[0]
        parts = []
        start = 0
        for structure in call.structures:
            parts.append(structure.unflatten(values[start : start + structure.size]))
            start += structure.size
        return tuple(parts) if self.several else parts[0]

    def name_of(self, place: int | str) -> str:
        """Name of an argument for messages, looked for once."""
        name = self._names[place] = place if isinstance(place, str) else argument_name(self.f, place)
        return name

    def _find(self, one: int | str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | str:
        """Where an argument stands in this call."""
        if isinstance(one, str):
            return one if one in kwargs else self._find_name(one, args)
        place = int(one) + len(args) if one < 0 else int(one)
        if not 0 <= place < len(args):
            raise OptionError(
                f"{self._name} was called with {len(args)} positional arguments, but is differentiated by number {one}"
            )
        return place

    def _find_name(self, one: str, args: tuple[Any, ...]) -> int:
        if self._signature is not None and one in self._signature:
            place = self._signature.index(one)
            if place < len(args):
                return place
            raise OptionError(
                f"{self._name} is differentiated by {one!r}, which this call leaves at its default; pass it"
            )
        known = ", ".join(self._signature or ())
        raise OptionError(f"{self._name} has no argument {one!r}; it has {known or 'none that can be named'}")

    @property
    def _name(self) -> str:
        return getattr(self.f, "__name__", "the function")


def with_others_fixed(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], place: int | str
) -> Callable[[Any], Any]:
    """Make the function of one argument that a call is when its other arguments stay as they are."""

    def alone(point: Any) -> Any:
        if isinstance(place, int):
            return f(*args[:place], point, *args[place + 1 :], **kwargs)
        return f(*args, **{**kwargs, place: point})

    return alone


def _signature(f: Callable[..., Any]) -> tuple[str, ...] | None:
    try:
        return tuple(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return None
