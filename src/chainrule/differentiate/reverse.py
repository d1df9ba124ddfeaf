"""The backward pass: derivatives accumulated from the output to the inputs, in reverse topological order."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.ops.axes import unbroadcast
from chainrule.ops.op import Partial
from chainrule.ops.outputs import output
from chainrule.ops.shapes import fill, index, index_add, index_set, last_writers
from chainrule.trace.dispatch import has_tracer
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.symbolic import records_with_care, records_without_values
from chainrule.trace.tracer import Tracer, peel

__all__ = [
    "accumulate",
    "as_careful_as_needed",
    "careful_product",
    "complete",
    "contribution",
    "fit",
    "has_nan",
    "local_derivative",
]


_NDARRAY = np.ndarray
_zeros, _vdot = np.zeros, np.vdot
_FLOAT64 = np.float64
_FLOAT = np.dtype(np.float64)


def accumulate(
    entries: Sequence[Node],
    derivatives: dict[Node, Any],
    sources: list[Node],
    *,
    retain: bool = False,
    careful: bool | None = None,
) -> list[Any]:
    """Run backward over a tape.

    Each node passes on what has arrived at it: by the chain rule its own accumulated derivative times its local
    derivative goes to each of its inputs, and where several paths meet the contributions are added.

    Parameters
    ----------
    entries : sequence of Node
        The tape: operations in the order of computation, with the values that their rules read.
    derivatives : dict
        The derivative with which each output starts.
    sources : list of Node
        What to differentiate by: inputs, or any nodes where `retain`.
    retain : bool
        True to keep the derivative of every node until the end. Otherwise it is given up once it has been passed on.
    careful : bool, optional
        Whether a zero derivative stays zero where a local one is infinite or undefined. None: where that matters.

    Returns
    -------
    list
        The accumulated derivative of each source; None where no path leads to it.
    """
    return as_careful_as_needed(
        lambda careful: _pass(entries, derivatives.copy(), careful=careful, retain=retain), sources, careful
    )


@np.errstate(all="ignore")
def as_careful_as_needed(
    run: Callable[[bool], dict[Node, Any]], wanted: Sequence[Node], careful: bool | None
) -> list[Any]:
    """Run a pass, and once more with care where that turns out to be needed.

    A product 0 * inf shows as NaN in the end. That is rare, so the pass that lets zero stay zero is run only then.

    Parameters
    ----------
    run : callable
        ``run(careful)`` makes the pass, and gives the derivative or tangent of each node.
    wanted : sequence of Node
        Those that are asked for.
    careful : bool or None
        Whether to run with care; None to find out.

    Returns
    -------
    list
        What was found for each node that is wanted; None where nothing arrived.
    """
    # What is recorded without values cannot be looked at afterwards.
    unseen = records_without_values()
    first = unseen and records_with_care() if careful is None else careful
    found = run(first)
    if careful is None and not unseen:
        for node in wanted:
            if node in found and has_nan(found[node]):
                found.clear()
                found = run(True)
                break
    return [found.get(node) for node in wanted]


def has_nan(g: Any) -> bool:
    """Say whether a derivative has an entry that is NaN."""
    if isinstance(g, Tracer):
        g = peel(g)
        if g is NO_VALUE:
            return True  # It cannot be told.
    # The sum of the squares is NaN where, and only where, an entry is: the quickest test there is for small arrays.
    if type(g) is _NDARRAY:
        g = g.dot(g) if g.ndim == 1 else _vdot(g, g)
    return bool(g != g)


def _pass(entries: Sequence[Node], derivatives: dict[Node, Any], *, careful: bool, retain: bool) -> dict[Node, Any]:
    get = derivatives.get
    # Nodes whose derivative is an array that nothing else refers to, so that entries can be added in place.
    own: set[Node] = set()
    take = get if retain else derivatives.pop
    for node in reversed(entries):
        g = take(node, None)
        if g is None:
            continue
        op = node.op
        partials = op.partials
        if partials is None:
            if op is index and len(node.inputs) == 1 and not isinstance(g, Tracer):
                _add_entries(derivatives, own, node.inputs[0], g, (), node.params["template"])
                continue
            _pass_structural(derivatives, own, node, g, careful, not retain and bool(own) and node in own)
            continue
        values = node.kept
        i = -1
        for source in node.inputs:
            i += 1
            if type(source) is not Node:
                continue
            partial = partials[i]
            constant = partial.constant
            if constant is None:
                # The commonest forms stand here, since a call takes as long as the arithmetic on a small array.
                single = partial.single
                rule = partial.rule
                if careful:
                    part = contribution(partial, g, values, careful=True)
                elif single >= 0:
                    local = values[single]
                    part = rule(g, local) if partial.takes_g else g * rule(local)
                elif partial.pair is not None:
                    first, second = partial.pair
                    one, other = values[first], values[second]
                    part = rule(g, one, other) if partial.takes_g else g * rule(one, other)
                else:
                    part = contribution(partial, g, values, careful=False)
            elif constant == 1:
                part = g
            elif constant == -1:
                part = -g
            elif constant == 0:
                continue
            else:
                part = constant * g
            kind = type(part)
            # A Python number has neither shape nor dtype; it can only go to a number.
            if kind is float:
                pass
            elif kind is _FLOAT64:
                if source.dtype is not _FLOAT or source.shape:
                    part = fit(part, source)
            elif kind is complex:
                part = part.real if source.dtype.kind == "f" else part
            elif part.shape != source.shape or part.dtype is not source.dtype:
                part = fit(part, source)
            before = get(source)
            derivatives[source] = part if before is None else before + part
            if own:
                own.discard(source)
    return derivatives


def _pass_structural(
    derivatives: dict[Node, Any],
    own: set[Node],
    node: Node,
    g: Any,
    careful: bool,
    reuse: bool,
) -> None:
    """Pass on the derivative of an operation that is not elementwise; `reuse` where `g` may be changed in place."""
    op = node.op
    transpose = op.transpose
    if transpose is None:
        # What has neither a rule for one output nor for several is constant.
        if op is output:
            _add_output(derivatives, node.inputs[0], node.params["k"], g)
        elif op.pull_all is not None:
            _pull_all(derivatives, own, node, g)
        return
    kept = node.kept
    # As `complete` has it, whose call would take as long.
    ans, inputs = (node if kept[0] is None else kept[0], kept[1:]) if kept else (node, node.inputs)
    if (op is index or op is index_set) and not isinstance(g, Tracer):
        if (
            op is index
            and type(node.inputs[0]) is Node
            and ((len(inputs) == 2 and type(inputs[1]) is _NDARRAY) or not has_tracer(inputs[1:]))
        ):
            _add_entries(derivatives, own, node.inputs[0], g, inputs[1:], node.params["template"])
            return
        if op is index_set and (len(inputs) == 2 or not has_tracer(inputs[2:])):
            _clear_entries(derivatives, own, node, inputs[2:], g, reuse=reuse)
            return
    i = -1
    for source in node.inputs:
        i += 1
        if type(source) is not Node:
            continue
        if careful and op.is_multilinear:
            part = careful_product(functools.partial(_transposed, node, i, ans), g, inputs)
        else:
            part = transpose(i, g, ans, *inputs, **node.params)
        _add(derivatives, own, source, part)


def complete(node: Node) -> tuple[Any, tuple[Any, ...]]:
    """The output and the inputs as a structural rule takes them: a node, for its shape, where no value was kept."""
    kept = node.kept
    if not kept:
        return node, node.inputs
    return node if kept[0] is None else kept[0], kept[1:]


def _add(derivatives: dict[Node, Any], own: set[Node], source: Node, part: Any) -> None:
    """Add a contribution to what has arrived at an input (`_pass` has this written out, for speed)."""
    if part.shape != source.shape or part.dtype is not source.dtype:
        part = fit(part, source)
    before = derivatives.get(source)
    derivatives[source] = part if before is None else before + part
    if own:
        own.discard(source)


def _pull_all(derivatives: dict[Node, Any], own: set[Node], node: Node, g: Any) -> None:
    """Pass on what a rule for all inputs at once gives."""
    sources = node.inputs
    wanted = [type(source) is Node for source in sources]
    ans, inputs = complete(node)
    parts = node.op.pull_all(wanted, g, ans, *inputs, **node.params)
    for source, is_wanted, part in zip(sources, wanted, parts, strict=True):
        if is_wanted and part is not None:
            _add(derivatives, own, source, part if hasattr(part, "dtype") else np.asarray(part))


def _add_output(derivatives: dict[Node, Any], source: Node, k: int, g: Any) -> None:
    """Put the derivative by one of several outputs into its place; None stands where nobody used an output."""
    places = derivatives.setdefault(source, [None] * len(source.shape))
    places[k] = g if places[k] is None else places[k] + g


def _add_entries(
    derivatives: dict[Node, Any],
    own: set[Node],
    source: Node,
    g: Any,
    arrays: tuple[Any, ...],
    template: tuple[Any, ...],
) -> None:
    """Add the derivative of ``x[...]`` where its entries came from, in place after the first time.

    A loop that reads an array entry by entry so takes time in proportion to its length, not to its square.
    """
    dtype = source.dtype
    if g.dtype is not dtype and g.dtype.kind == "c" and dtype.kind != "c":
        g = np.real(g)
    whole = derivatives.get(source)
    if whole is None:
        whole = _zeros(source.shape, dtype)
        if not arrays:
            whole[template] = g
    elif isinstance(whole, Tracer):
        # Another path to the array depends on an outer level, which has to see the sum.
        derivatives[source] = whole + index_add(g, *arrays, template=template, shape=source.shape)
        own.discard(source)
        return
    else:
        if source not in own:
            whole = np.array(whole, dtype)
        if not arrays:
            part = whole[template]
            if type(part) is _NDARRAY:
                part += g
            else:
                whole[template] = part + g
    if arrays:
        np.add.at(whole, fill(template, arrays), g)
    derivatives[source] = whole
    own.add(source)


def _clear_entries(
    derivatives: dict[Node, Any], own: set[Node], node: Node, arrays: tuple[Any, ...], g: Any, *, reuse: bool
) -> None:
    """Pass the derivative of an assignment on: the entries assigned to the item, the others to the array before.

    The array of derivatives is handed on, so that a loop that fills an array takes time in proportion to its length.
    """
    array, item = node.inputs[:2]
    template = node.params["template"]
    where = fill(template, arrays)
    if type(item) is Node:
        part = np.array(g[where])
        kept = last_writers(arrays, template, node.shape) if arrays else None
        _add(derivatives, own, item, part[()] if kept is None else np.where(kept, part, 0))
    if type(array) is Node:
        whole = g if reuse else np.array(g)
        whole[where] = 0
        before = derivatives.get(array)
        whole = derivatives[array] = whole if before is None else before + whole
        # NumPy makes a number of a sum without axes, into which nothing can be written.
        if type(whole) is _NDARRAY:
            own.add(array)
        else:
            own.discard(array)


def _transposed(node: Node, i: int, ans: Any, g: Any, *factors: Any) -> Any:
    return node.op.transpose(i, g, ans, *factors, **node.params)


def careful_product(product: Callable[..., Any], g: Any, factors: Sequence[Any]) -> Any:
    """The derivative of a product, in which a zero `g` stays zero where a factor is infinite or undefined.

    Parameters
    ----------
    product : callable
        ``product(g, *factors)`` is what the plain rule says.
    g : array or number
        The derivative or tangent that arrives.
    factors : sequence
        The inputs of the operation, as far as the rule reads them; a node stands for the others.
    """
    finite = [x if type(x) is Node else np.where(np.isfinite(x), x, 0) for x in factors]
    part = product(g, *finite)
    # Where an entry that is not finite meets a g that is not zero, the result is what the plain rule says.
    marks: list[Any] = [x if type(x) is Node else (~np.isfinite(_plain(x))).astype(float) for x in factors]
    touched = product((_plain(g) != 0).astype(float), *marks) > 0
    if isinstance(touched, Tracer) or np.any(touched):
        part = np.where(touched, product(g, *factors), part)
    return part


def _plain(x: Any) -> Any:
    """What a derivative is recorded of: where a product is not finite is no matter of derivatives.

    A level of another kind stays: a batch has an axis more inside, a body that is recorded may have no value.
    """
    while isinstance(x, Tracer) and not x.recording.is_special:
        x = x.value
    return x


def contribution(partial: Partial, g: Any, values: tuple[Any, ...], *, careful: bool) -> Any:
    """What an elementwise operation passes on to one input: `g` times the partial derivative.

    Parameters
    ----------
    partial : Partial
        The rule, with a formula.
    g : array or number
        Derivative that arrived at the output.
    values : tuple
        The output and the inputs, as far as the rule reads them.
    careful : bool
        True to let a zero `g` stay zero where the partial derivative is infinite or undefined. The derivative of the
        contribution by `g` is still the partial derivative wherever that is finite.

    Returns
    -------
    array or number
        In the shape of the output.
    """
    rule = partial.rule
    assert rule is not None
    read = [values[k] for k in partial.reads]
    if not careful:
        return rule(g, *read) if partial.takes_g else g * rule(*read)
    local = local_derivative(partial, values)
    part = rule(g, *read) if partial.takes_g else g * local
    return np.where(np.isfinite(local) | (g != 0), part, 0)


def local_derivative(partial: Partial, values: tuple[Any, ...]) -> Any:
    """The partial derivative itself, from the same formula (see `contribution`)."""
    if partial.rule is None:
        return partial.constant
    read = [values[k] for k in partial.reads]
    # NumPy's one, since with Python's a division by zero would raise.
    return partial.rule(np.float64(1), *read) if partial.takes_g else partial.rule(*read)


def fit(part: Any, source: Node) -> Any:
    """Bring a contribution to the shape and dtype of the input it goes to.

    Along axes that were broadcast it is summed; to a real input only the real part goes.
    """
    if part.shape != source.shape:
        part = unbroadcast(part, source.shape)
    if part.dtype is not source.dtype and part.dtype != source.dtype:
        if source.dtype.kind != "c" and part.dtype.kind == "c":
            part = np.real(part)
        part = part.astype(source.dtype)
    return part
