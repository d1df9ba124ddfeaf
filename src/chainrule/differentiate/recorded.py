"""A function recorded once, and its derivative applied in both directions along the one tape."""

from collections.abc import Callable
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

__all__ = ["Recorded"]


class Recorded:
    """What a function computed for some arguments, and the tape of it.

    Parameters
    ----------
    f : callable
        A function that returns an array, a number, or a tree of them.
    args : tuple
        The arguments, all of which are differentiated by.
    copies : bool
        True where the tape outlives this call, so that constants on it must not be the caller's own arrays.

    Raises
    ------
    TraceError
        Where `f` does something that cannot be followed, or returns something else.
    """

    __slots__ = ("_args", "_call", "_entries", "_nodes", "_selection", "structure", "values")

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], *, copies: bool) -> None:
        self._args = args
        self._selection = Selection(f, tuple(range(len(args))))
        with open_recording(f, copies=copies) as recording:
            self._call = self._selection.trace(recording, args, {})
            outputs, self.structure = tree.flatten(tree.map(settled, self._call()))
        for y in outputs:
            if not isinstance(y, (Tracer, np.ndarray, np.generic, float, int, complex)):
                name = getattr(f, "__name__", "the function")
                raise TraceError(f"{name} returned {type(y).__name__}, where numbers and arrays were expected.")
        self._entries = recording.entries
        mine = [isinstance(y, Tracer) and y.recording is recording for y in outputs]
        self._nodes: list[Node | None] = [y.node if own else None for y, own in zip(outputs, mine, strict=True)]
        self.values = [y.value if own else y for y, own in zip(outputs, mine, strict=True)]

    def pull(self, g: Any) -> tuple[Any, ...]:
        """Take a derivative by the value back to the arguments: a vector-Jacobian product."""
        seeds, given = tree.flatten(g)
        if given != self.structure:
            raise OptionError(
                f"the derivative given has the structure {given!r}, but the value of f has {self.structure!r}"
            )
        derivatives: dict[Node, Any] = {}
        for value, node, seed in zip(self.values, self._nodes, seeds, strict=True):
            if shape_of(seed) != shape_of(value):
                raise OptionError(
                    f"the derivative given has shape {shape_of(seed)}, but the value of f has shape {shape_of(value)}"
                )
            if node is not None:
                start = _seed(seed, node)
                before = derivatives.get(node)
                derivatives[node] = start if before is None else before + start
        found = accumulate(self._entries, derivatives, self._call.sources)
        return tuple(self._selection.rebuild(self._call, finish(found, self._call.handles)))

    def push(self, tangents: tuple[Any, ...]) -> Any:
        """Take a direction of the arguments on to the value: a Jacobian-vector product."""
        given, found = tree.flatten(tangents)
        expected = tree.flatten(self._args)[1]
        if found != expected:
            raise OptionError(f"the tangents have the structure {found!r}, the arguments {expected!r}")
        directions = {}
        for handle, source, t in zip(self._call.handles, self._call.sources, given, strict=True):
            if shape_of(t) != source.shape:
                raise OptionError(f"{source.name} has shape {source.shape}, but its tangent has {shape_of(t)}")
            directions[source] = _like(t, handle)
        pushed = iter(push_forward(self._entries, directions, [node for node in self._nodes if node is not None]))
        slopes = [None if node is None else next(pushed) for node in self._nodes]
        return self.structure.unflatten(
            _zero(value if node is None else node) if slope is None else slope
            for value, node, slope in zip(self.values, self._nodes, slopes, strict=True)
        )


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
