"""Recording a function once for every number of rows.

The function runs without values, so that a few runs cost little: twice at one size, to find out whether it does the
same each time; at two others, which are unified (see `chainrule.trace.unify`); and the formulas so found are held
against recordings at the size at hand, at one row and at many.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from chainrule import tree
from chainrule.errors import OptionError, TraceError
from chainrule.graph import Graph, Node
from chainrule.ops.axes import shape_of
from chainrule.trace.buffer import settled
from chainrule.trace.record import dtype_of
from chainrule.trace.symbolic import Symbolic, open_body
from chainrule.trace.tracer import Tracer
from chainrule.trace.unify import Mismatch, Recorded, difference, unified

__all__ = ["folded", "trace_every_size", "trace_sizes"]

#: Sizes at which the formulas are tried besides the one at hand: one row, where axes vanish and broadcast, and many,
#: where code may take a branch for large data.
_TRIED_AT = (1, 1009)
_PYTHON_NUMBERS = (bool, int, float, complex)


def trace_every_size(
    f: Callable[..., Any], args: Sequence[Any], names: Sequence[str], open_: Sequence[bool], *, careful: bool = True
) -> Graph:
    """Record a function as a graph whose leading size is open.

    Parameters
    ----------
    f : callable
        The function.
    args : sequence
        Its arguments. Only their shapes and dtypes are read.
    names : sequence of str
        What they are called.
    open_ : sequence of bool
        Of which arguments the first axis is the leading one.
    careful : bool
        Whether derivatives in it let zero stay zero (see `chainrule.trace.symbolic.open_body`).

    Returns
    -------
    Graph
        For every number of rows, or from two rows on where `f` raises for one; or for the number at hand, with the
        reason in `Graph.specialized`.

    Raises
    ------
    OptionError
        Where an open argument has no axis, or the numbers of rows differ.
    TraceError
        Where `f` does not do the same each time, takes a decision on a value, or cannot be followed.
    """
    rows = _rows(args, names, open_)
    recorder = partial(_record, f, args, names, open_, careful)

    def general(record: Callable[[int], Recorded]) -> Graph:
        here = record(rows)
        _check_repeats(here, record(rows))
        return _general(record, here, _two_sizes(args, rows))

    try:
        return _attempted(general, recorder)
    except Mismatch as reason:
        graph = recorder(False, rows).graph
        graph.specialized = f"{reason}{reason.line}"
        return graph


def trace_sizes(
    f: Callable[..., Any],
    args: Sequence[Any],
    names: Sequence[str],
    open_: Sequence[bool],
    sizes: tuple[int] | tuple[int, int],
    *,
    careful: bool = True,
) -> Graph:
    """Record a function as a graph for one leading size, or for two.

    Parameters
    ----------
    f, args, names, open_, careful
        As for `trace_every_size`.
    sizes : tuple of one or two int
        The numbers of rows, whatever those of `args` are.

    Returns
    -------
    Graph
        With plain lengths for one size; for two of them with formulas that hold for both.

    Raises
    ------
    Mismatch
        Where no formulas hold for both sizes.
    TraceError
        As `trace_every_size` does.
    """

    def attempt(record: Callable[[int], Recorded]) -> Graph:
        made = [record(rows) for rows in sizes]
        _check_repeats(made[0], record(sizes[0]))
        return made[0].graph if len(made) == 1 else unified(*made)

    return _attempted(attempt, partial(_record, f, args, names, open_, careful))


class _Impure(Mismatch):
    """Two recordings at one size differ."""


def _attempted(attempt: Callable[[Callable[[int], Recorded]], Graph], recorder: Callable[..., Recorded]) -> Graph:
    """Record without the user's lines, which take time, and once more with them where there is something to say."""
    try:
        return attempt(partial(recorder, False))
    except Mismatch:
        pass
    try:
        return attempt(partial(recorder, True))
    except _Impure as reason:
        raise TraceError(str(reason)) from None


def _check_repeats(here: Recorded, again: Recorded) -> None:
    impure = difference(here, again)
    if impure is not None:
        raise _Impure(
            f"{here.graph.name} does not do the same each time it is called: {impure}. A random draw or a clock is "
            f"recorded as a constant; hand it in as an argument, or use chainrule.random.{impure.line}"
        )


def _general(record: Callable[[int], Recorded], here: Recorded, sizes: tuple[int, int]) -> Graph:
    def recorded(rows: int) -> Recorded:
        try:
            return record(rows)
        except Exception as problem:  # Whatever the user's function raises is its way to depend on the size.
            raise Mismatch(f"with {rows} rows it raised {type(problem).__name__}: {problem}") from problem

    first, second = sizes
    general = unified(recorded(first), recorded(second))
    fewest, many = _TRIED_AT
    try:
        few = record(fewest)
    except Exception:  # The function refuses so few rows, as for a variance: then so does the graph.
        general.least = fewest + 1
        few = recorded(fewest + 1)
    for found in (here, few, recorded(many)):
        mismatch = difference(found, Recorded(folded(general.at(found.rows)), found.rows))
        if mismatch is not None:
            what = f"what holds for {first} and {second} rows fails for {found.rows}: {mismatch}"
            raise Mismatch(what, mismatch.line)
    return general


def folded(graph: Graph) -> Graph:
    """Compute what was recorded as a constant array, and had to become operations for every size."""
    return _rebuilt(
        graph, lambda node: node.op(*node.inputs, **node.params) if not _reads_nodes(node) else None, graph.inputs
    )


def _reads_nodes(node: Node) -> bool:
    return any(isinstance(x, Node) for x in node.inputs)


def _two_sizes(args: Sequence[Any], rows: int) -> tuple[int, int]:
    """Two sizes above the one at hand that no other axis has; their distance is a prime."""
    taken = {length for argument in args for leaf in tree.leaves(argument) for length in shape_of(leaf)}
    first = max(rows, 5) + 1
    while {first, first + 7} & taken:
        first += 1
    return first, first + 7


def _rows(args: Sequence[Any], names: Sequence[str], open_: Sequence[bool]) -> int:
    found: dict[str, int] = {}
    for argument, name, is_open in zip(args, names, open_, strict=True):
        for path, leaf in tree.leaves_with_paths(argument, name) if is_open else ():
            shape = shape_of(leaf)
            if not shape:
                raise OptionError(f"{path} is a number; an argument with an open leading size needs an axis")
            found[path] = shape[0]
    if not found:
        raise OptionError("leading names no argument with an array")
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{path}: {rows}" for path, rows in found.items())
        raise OptionError(f"the arguments should have one number of rows, found {listed}")
    return next(iter(found.values()))


def _record(
    f: Callable[..., Any],
    args: Sequence[Any],
    names: Sequence[str],
    open_: Sequence[bool],
    careful: bool,
    with_lines: bool,
    rows: int,
) -> Recorded:
    lines: dict[Node, str] = {}
    with open_body(f, careful=careful) as body:
        body.lines = lines if with_lines else None
        inputs: list[Node] = []
        handles = []
        for argument, name, is_open in zip(args, names, open_, strict=True):
            made = []
            for path, leaf in tree.leaves_with_paths(argument, name):
                shape, dtype, weak = _kind(leaf, path)
                made.append(body.input(path, (rows, *shape[1:]) if is_open else shape, dtype, weak))
            inputs += [handle.node for handle in made]
            handles.append(tree.flatten(argument)[1].unflatten(made))
        outputs = [settled(leaf) for leaf in tree.leaves(f(*handles))]
        graph = body.graph(inputs, outputs, getattr(f, "__name__", "f"))
    return Recorded(_with_arrays(graph, inputs, [*body.captured, *body.arrays]), rows, lines)


def _kind(leaf: Any, path: str) -> tuple[tuple[int, ...], Any, bool]:
    if isinstance(leaf, Tracer):
        return leaf.shape, leaf.dtype, leaf.weak
    if type(leaf) in _PYTHON_NUMBERS:
        return (), dtype_of(float if type(leaf) is int else type(leaf)), True
    if not hasattr(leaf, "dtype") or leaf.dtype.kind not in "fciub":
        raise TraceError(f"{path} is of type {type(leaf).__name__}; numbers and arrays of them can be recorded.")
    return leaf.shape, leaf.dtype, False


def _with_arrays(graph: Graph, inputs: list[Node], hidden: list[Any]) -> Graph:
    """Put the large arrays that the function read, which the body made inputs, back as constants."""
    if not hidden:
        return graph
    if any(isinstance(x, Symbolic) for x in hidden):
        raise TraceError("A function that reads values of a recording around it cannot be recorded for every size.")
    values = dict(zip(graph.inputs[len(inputs) :], hidden, strict=True))
    return _rebuilt(graph, lambda node: None, inputs, values)


def _rebuilt(
    graph: Graph, constant: Callable[[Node], Any], inputs: Sequence[Node], values: dict[Node, Any] | None = None
) -> Graph:
    """Make a graph in which some nodes are constants: those of `values`, and those that `constant` gives a value."""
    made: dict[Node, Any] = dict(values or {})

    def source(x: Any) -> Any:
        return made.get(x, x) if isinstance(x, Node) else x

    for node in graph.nodes:
        sources = tuple(source(x) for x in node.inputs)
        fresh = Node(node.op, sources, node.params, node.shape, node.dtype, node.weak, node.group)
        value = constant(fresh)
        made[node] = fresh if value is None else value
    return Graph(inputs, (source(x) for x in graph.outputs), graph.name)
