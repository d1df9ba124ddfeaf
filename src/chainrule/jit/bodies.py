"""Machine code for the functions that SciPy's solvers call, and the graphs of theirs that were there before."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from chainrule.evaluate import runner
from chainrule.graph import Graph, Node
from chainrule.transforms.closures import set_compiler

__all__: list[str] = []

#: Graphs that are kept for the next time, and operations of one up to which it is compiled.
_KEPT = 256
_MOST = 2000

_graphs: OrderedDict[Hashable, Graph] = OrderedDict()
_lock = threading.Lock()


def _find(graph: Graph) -> Graph:
    # As the compiler, this is loaded when it is first needed, so that `import chainrule` stays light.
    from chainrule.passes.keys import graph_key

    key = graph_key(graph)
    with _lock:
        found = _graphs.get(key)
        if found is None:
            found = _graphs[key] = graph
            if len(_graphs) > _KEPT:
                _graphs.popitem(last=False)
        else:
            _graphs.move_to_end(key)
    return found


def _compile(graph: Graph) -> tuple[Callable[..., list[Any]], Callable[..., Any] | None]:
    """Machine code that a call from Python enters at once; the interpreter where an operation has no native form."""
    from chainrule.native.entry import entry_of
    from chainrule.native.garbage import collector_paused
    from chainrule.native.program import Program
    from chainrule.passes import PASSES, run

    slow = runner(graph)
    if len(graph.nodes) > _MOST or not all(isinstance(x, Node) for x in graph.outputs):
        return slow, None
    with collector_paused():
        quick = graph.derived.get("quick")
        program = Program(run(graph if quick is None else quick, PASSES))
        if not all(isinstance(x, Node) for x in program.graph.outputs):
            return slow, None
        made = entry_of(program, [_form(x) for x in graph.inputs], (), (), nan=quick is not None)
    if made is None:
        return slow, None
    entry = made.function
    alone = len(graph.outputs) == 1

    def call(*values: Any) -> list[Any]:
        found = entry(*values)
        if found is NotImplemented:
            return slow(*values)
        return [found] if alone else list(found)

    return call, entry


def _form(node: Node) -> Any:
    if node.weak is True:
        return {"f": float, "c": complex, "i": int, "b": bool}[node.dtype.kind]
    return np.ndarray if node.shape else np.generic


set_compiler(_find, _compile)
