"""The reference interpreter: what a graph computes, node by node, in NumPy."""

from collections.abc import Callable
from typing import Any

from chainrule.errors import OptionError
from chainrule.graph import Graph, Node, topological_order
from chainrule.ops.axes import shape_of

__all__ = ["evaluate", "node_values", "runner"]


def node_values(graph: Graph, *values: Any) -> dict[Node, Any]:
    """Compute every node of a graph.

    Parameters
    ----------
    graph : Graph
        What to compute.
    *values : array or number
        One for each input of the graph.

    Returns
    -------
    dict
        The value of each node, inputs included, in topological order.

    Raises
    ------
    OptionError
        Where the number of values or a shape differs from what was recorded. A graph whose leading size is open (see
        `chainrule.trace`) takes any number of rows.

    Examples
    --------
    >>> from chainrule import trace
    >>> from chainrule.evaluate import node_values
    >>> list(node_values(trace(lambda x: x * x + 1.0)(1.0), 3.0).values())
    [3.0, 9.0, 10.0]
    """
    if len(values) != len(graph.inputs):
        raise OptionError(f"graph {graph.name} has {len(graph.inputs)} inputs, but {len(values)} values were given")
    if graph.is_open:
        closed = graph.at(graph.rows(shape_of(value) for value in values))
        computed = node_values(closed, *values)
        pairs = zip((*graph.inputs, *graph.nodes), (*closed.inputs, *closed.nodes), strict=True)
        return {node: computed[same] for node, same in pairs}
    for node, value in zip(graph.inputs, values, strict=True):
        if shape_of(value) != node.shape:
            raise OptionError(f"{node.name} was recorded with shape {node.shape}, but has shape {shape_of(value)} now")
    found: dict[Node, Any] = dict(zip(graph.inputs, values, strict=True))
    for node in topological_order(graph.outputs):
        if node.op is not None:
            arguments = [found[source] if isinstance(source, Node) else source for source in node.inputs]
            result = node.op(*arguments, **node.params)
            # Python's operators gave a Python number when this was recorded; NumPy's functions give one of NumPy's.
            found[node] = result.item() if node.weak and hasattr(result, "item") else result
    return found


def evaluate(graph: Graph, *values: Any) -> tuple[Any, ...]:
    """Compute the outputs of a graph.

    Parameters
    ----------
    graph : Graph
        What to compute.
    *values : array or number
        One for each input of the graph, of the shape that was recorded.

    Returns
    -------
    tuple
        The value of each output.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> from chainrule.evaluate import evaluate
    >>> graph = trace(lambda x: np.sum(x**2))(np.ones(3))
    >>> float(evaluate(graph, np.array([1.0, 2.0, 3.0]))[0])
    14.0
    """
    if graph.is_open and len(values) == len(graph.inputs):
        graph = graph.at(graph.rows(shape_of(value) for value in values))
    found = node_values(graph, *values)
    return tuple(found[output] if isinstance(output, Node) else output for output in graph.outputs)


def runner(graph: Graph) -> Callable[..., list[Any]]:
    """Make ready to compute the outputs of a graph many times.

    Parameters
    ----------
    graph : Graph
        What to compute. Its order is looked for once, and kept with it.

    Returns
    -------
    callable
        Takes a plain value for each input, unchecked, and returns a list with the value of each output. Threads may
        call it at once.

    Examples
    --------
    >>> from chainrule import trace
    >>> from chainrule.evaluate import runner
    >>> run = runner(trace(lambda x: x * x + 1.0)(1.0))
    >>> [run(x)[0] for x in (1.0, 2.0)]
    [2.0, 5.0]
    """
    run: Callable[..., list[Any]] | None = graph.derived.get("runner")
    if run is None:
        make = _make_open_runner if graph.is_open else _make_runner
        run = graph.derived["runner"] = make(graph)
    return run


def _make_open_runner(graph: Graph) -> Callable[..., list[Any]]:
    def run(*values: Any) -> list[Any]:
        return runner(graph.at(graph.rows(shape_of(value) for value in values)))(*values)

    return run


def _make_runner(graph: Graph) -> Callable[..., list[Any]]:
    # Every value has a numbered place: inputs, then constants, then results.
    places: dict[Node, int] = {node: k for k, node in enumerate(graph.inputs)}
    constants: list[Any] = []
    nodes = graph.nodes
    count = len(places) + sum(not isinstance(x, Node) for node in nodes for x in node.inputs)
    count += sum(not isinstance(x, Node) for x in graph.outputs)
    for k, node in enumerate(nodes):
        places[node] = count + k

    def place(x: Any) -> int:
        if isinstance(x, Node):
            return places[x]
        constants.append(x)
        return len(graph.inputs) + len(constants) - 1

    steps = [(node.op.evaluate, tuple(place(x) for x in node.inputs), node) for node in nodes]
    ends = [place(x) for x in graph.outputs]
    last: dict[int, int] = {}
    for number, (_, sources, _) in enumerate(steps):
        last.update(dict.fromkeys(sources, number))
    # A result is given up after the step that reads it last, so that memory is that of what is still needed.
    done: list[list[int]] = [[] for _ in steps]
    for source, number in last.items():
        if source >= count and source not in ends:
            done[number].append(source)
    program = [
        (compute, sources, node.params, node.weak is True, tuple(given_up))
        for (compute, sources, node), given_up in zip(steps, done, strict=True)
    ]

    def run(*values: Any) -> list[Any]:
        memory = [*values, *constants, *[None] * len(program)]
        for k, (compute, sources, params, weak, given_up) in enumerate(program, count):
            ans = compute(*[memory[j] for j in sources], **params)
            memory[k] = ans.item() if weak and hasattr(ans, "item") else ans
            for j in given_up:
                memory[j] = None
        return [memory[j] for j in ends]

    return run
