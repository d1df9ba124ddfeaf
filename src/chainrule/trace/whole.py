"""`trace`: a function as a graph, for the arguments at hand or for every number of rows."""

from collections.abc import Callable, Sequence
from typing import Any

from chainrule import tree
from chainrule.errors import OptionError
from chainrule.graph import Graph
from chainrule.trace.api import argument_name, open_recording, traced_input
from chainrule.trace.buffer import settled
from chainrule.trace.recording import Recording
from chainrule.trace.sizes import trace_every_size
from chainrule.trace.tracer import Tracer

__all__ = ["trace"]


def trace(f: Callable[..., Any], *, leading: int | str | Sequence[int | str] = ()) -> Callable[..., Graph]:
    """Record a function as a graph.

    Parameters
    ----------
    f : callable
        A function of numbers, arrays, or trees of them, in plain NumPy.
    leading : int, str or sequence of them
        Arguments, by position or name, whose first axis has an open length: the graph serves every number of rows.
        `f` is then recorded without values, so a decision on a value raises, and several times: at two lengths that
        are unified, twice at one length, and at others to check. Where the graph depends on the length in any other way
        than through numbers such as ``2n - 1`` and ``1/n``, it holds for the length at hand alone, and
        `Graph.specialized` says why, with the line.

    Returns
    -------
    callable
        Takes the arguments of `f` and returns the `Graph` of what `f` computed for them. Decisions that `f` takes on
        values are taken once, for these values.

    Raises
    ------
    TraceError
        Where something cannot be followed; with `leading` also where `f` does not do the same each time.
    OptionError
        Where `leading` names no argument, or the arguments differ in their number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> print(trace(lambda w, x: np.tanh(w * x + 1.0))(2.0, np.ones(3)))
    <lambda>(w: float64[]*, x: float64[3])
      %0 = np.multiply(w, x)  float64[3]
      %1 = np.add(%0, 1.0)    float64[3]
      %2 = np.tanh(%1)        float64[3]
      return %2
    >>> graph = trace(lambda x: np.mean(x, axis=0), leading="x")(np.ones((3, 2)))
    >>> print(graph)
    <lambda>(x: float64[n, 2])
      %0 = np.sum(x, axis=0, keepdims=False)  float64[2]  in np.mean
      %1 = np.divide(%0, n)                   float64[2]  in np.mean
      return %1
    """
    wanted = (leading,) if isinstance(leading, (int, str)) else tuple(leading)

    def record(*args: Any) -> Graph:
        names = [argument_name(f, position) for position in range(len(args))]
        if wanted:
            return trace_every_size(f, args, names, _opened(wanted, names))
        with open_recording(f, whole=True) as recording:
            handles = []
            inputs = []
            for argument, name in zip(args, names, strict=True):
                _, structure = tree.flatten(argument)
                made = [traced_input(x, path, recording) for path, x in tree.leaves_with_paths(argument, name)]
                inputs += [handle.node for handle in made]
                handles.append(structure.unflatten(made))
            # Inside the recording, since a view of what was written into later is taken again now.
            outputs = [_output(leaf, recording) for leaf in tree.leaves(f(*handles))]
        return Graph(inputs, outputs, getattr(f, "__name__", "f"))

    return record


def _opened(wanted: tuple[int | str, ...], names: list[str]) -> list[bool]:
    for which in wanted:
        if which not in names and not (isinstance(which, int) and -len(names) <= which < len(names)):
            raise OptionError(f"leading names {which!r}, but the arguments are {', '.join(names) or 'none'}")
    positions = {which % len(names) for which in wanted if isinstance(which, int)}
    return [position in positions or name in wanted for position, name in enumerate(names)]


def _output(leaf: Any, recording: Recording) -> Any:
    leaf = settled(leaf)
    if isinstance(leaf, Tracer):
        leaf.refresh()
    return leaf.node if isinstance(leaf, Tracer) and leaf.recording is recording else leaf
