"""A function recorded once, and its derivative applied in both directions along the one tape."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.differentiate.arguments import Selection
from chainrule.differentiate.finish import finish
from chainrule.differentiate.forward import push_forward
from chainrule.differentiate.reverse import accumulate
from chainrule.errors import OptionError, TraceError
from chainrule.graph import Node
from chainrule.ops.axes import shape_of
from chainrule.trace.api import open_recording
from chainrule.trace.buffer import settled
from chainrule.trace.tracer import Tracer

__all__ = ["Recorded", "kind_of"]


class Recorded:
    """What a function computed for some arguments, and the tape of it.

    Parameters
    ----------
    selection : Selection
        The function, and the arguments that are differentiated by. It returns an array, a number, or a tree of them.
    args : tuple
        Positional arguments.
    kwargs : dict
        Named ones.
    copies : bool
        True where the tape outlives this call, so that constants on it must not be the caller's own arrays.

    Attributes
    ----------
    call : Call
        The leaves of the arguments differentiated by.
    entries : list
        The tape.
    nodes : list of (Node or None)
        For each leaf of the value its node; None where it depends on nothing.
    structure : tree.Structure
        Of the value.
    values : list
        The leaves of the value.

    Raises
    ------
    TraceError
        Where the function does something that cannot be followed, or returns something else.
    """

    __slots__ = ("_selection", "call", "entries", "nodes", "structure", "values")

    def __init__(self, selection: Selection, args: tuple[Any, ...], kwargs: dict[str, Any], *, copies: bool) -> None:
        self._selection = selection
        with open_recording(selection.f, copies=copies) as recording:
            self.call = selection.trace(recording, args, kwargs)
            outputs, self.structure = tree.flatten(tree.map(settled, self.call()))
        for y in outputs:
            if not isinstance(y, (Tracer, np.ndarray, np.generic, float, int, complex)):
                name = getattr(selection.f, "__name__", "the function")
                raise TraceError(f"{name} returned {type(y).__name__}, where numbers and arrays were expected.")
        self.entries = recording.entries
        mine = [isinstance(y, Tracer) and y.recording is recording for y in outputs]
        self.nodes: list[Node | None] = [y.node if own else None for y, own in zip(outputs, mine, strict=True)]
        self.values = [y.value if own else y for y, own in zip(outputs, mine, strict=True)]

    def pull(self, g: Any) -> tuple[Any, ...]:
        """Take a derivative by the value back to the arguments: a vector-Jacobian product."""
        seeds, given = tree.flatten(g)
        if given != self.structure:
            raise OptionError(
                f"the derivative given has the structure {given!r}, but the value of f has {self.structure!r}"
            )
        for value, seed in zip(self.values, seeds, strict=True):
            if shape_of(seed) != shape_of(value):
                raise OptionError(
                    f"the derivative given has shape {shape_of(seed)}, but the value of f has shape {shape_of(value)}"
                )
        return tuple(self.rebuild(self.pull_leaves(seeds)))

    def pull_leaves(self, seeds: Sequence[Any]) -> list[Any]:
        """As `pull`, leaf by leaf; None stands for a leaf of the value whose derivative is 0."""
        derivatives: dict[Node, Any] = {}
        for node, seed in zip(self.nodes, seeds, strict=True):
            if node is not None and seed is not None:
                start = _seed(seed, node)
                before = derivatives.get(node)
                derivatives[node] = start if before is None else before + start
        return finish(accumulate(self.entries, derivatives, self.call.sources), self.call.handles)

    def rebuild(self, leaves: list[Any]) -> Any:
        """Put one value for each leaf into the structure of the arguments differentiated by."""
        return self._selection.rebuild(self.call, leaves)

    def push(self, tangents: tuple[Any, ...]) -> Any:
        """Take a direction of the arguments on to the value: a Jacobian-vector product."""
        given, found = tree.flatten(tangents)
        expected = tree.Structure(tuple, tuple(range(len(self.call.structures))), tuple(self.call.structures))
        if found != expected:
            raise OptionError(f"the tangents have the structure {found!r}, the arguments {expected!r}")
        for source, t in zip(self.call.sources, given, strict=True):
            if shape_of(t) != source.shape:
                raise OptionError(f"{source.name} has shape {source.shape}, but its tangent has {shape_of(t)}")
        return self.structure.unflatten(self.push_leaves(given))

    def push_leaves(self, tangents: Sequence[Any]) -> list[Any]:
        """As `push`, leaf by leaf; None stands for a leaf of the arguments that does not move."""
        directions = {
            source: _like(t, handle)
            for handle, source, t in zip(self.call.handles, self.call.sources, tangents, strict=True)
            if t is not None
        }
        pushed = iter(push_forward(self.entries, directions, [node for node in self.nodes if node is not None]))
        slopes = [None if node is None else next(pushed) for node in self.nodes]
        return [
            _zero(value if node is None else node) if slope is None else slope
            for value, node, slope in zip(self.values, self.nodes, slopes, strict=True)
        ]

    def pull_one(self, k: int, units: Any) -> list[Any]:
        """Derivatives of one leaf of the value times real `units`, by every leaf of the arguments.

        By a complex argument u + iv it is df/du - i df/dv of the real part, by a real one the complex derivative.
        """
        before, after = [None] * k, [None] * (len(self.values) - k - 1)
        found = self.pull_leaves([*before, units, *after])
        if kind_of(self.values[k]) != "c" or all(x.dtype.kind == "c" for x in self.call.sources):
            return found
        # What comes back to a real argument is Re(g f'): the real part for g = 1, the imaginary one for g = -i.
        turned = self.pull_leaves([*before, -1j * units, *after])
        return [u if kind_of(u) == "c" else u + 1j * v for u, v in zip(found, turned, strict=True)]

    def push_one(self, k: int, units: Any) -> list[Any]:
        """Derivatives of every leaf of the value by one leaf of the arguments, times real `units`; as in `pull_one`."""
        before, after = [None] * k, [None] * (len(self.call.sources) - k - 1)
        found = self.push_leaves([*before, units, *after])
        if self.call.sources[k].dtype.kind != "c":
            return found
        turned = self.push_leaves([*before, 1j * units, *after])
        return [np.real(u) - 1j * np.real(v) for u, v in zip(found, turned, strict=True)]


def kind_of(x: Any) -> str:
    """The kind of a number or array: f for real numbers, c for complex ones, i, u and b otherwise."""
    return str(x.dtype.kind) if hasattr(x, "dtype") else np.asarray(x).dtype.kind


def _seed(seed: Any, node: Node) -> Any:
    if isinstance(seed, Tracer):
        return seed if seed.dtype == node.dtype else seed.astype(node.dtype)
    return np.array(seed, node.dtype)[()]


def _like(t: Any, handle: Tracer) -> Any:
    if isinstance(t, Tracer):
        return t if t.dtype == handle.dtype else t.astype(handle.dtype)
    return t if handle.weak and type(t) in (float, complex) else np.asarray(t, handle.dtype)[()]


def _zero(y: Any) -> Any:
    if isinstance(y, (float, int)):
        return 0.0
    dtype = y.dtype if y.dtype.kind in "fc" else np.dtype(float)
    return np.zeros(shape_of(y), dtype)[()]
