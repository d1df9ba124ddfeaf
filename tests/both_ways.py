"""Whatever graph a test runs is also compiled, and the two results are held against each other.

`install` wraps the places where graphs are recorded and run in NumPy: `trace`, `evaluate`, `runner` (the bodies of
loops, branches and `recompute`), and the passes of eager derivatives, backward and forward, of whose tape a graph is
made: that of the value and the derivative. Of each test the first graph is compiled that no test before it has
compiled, where graphs with the same operations, parameters, shapes and dtypes count as one. Large graphs take a second
to compile for a thousand operations: they are compiled in `make sweep`. A test that counts or measures says so by
``@pytest.mark.interpreted("why")``.

Compiled and interpreted, types, dtypes, shapes and NaN agree, and values up to 64 units in the last place of the
largest entry. Where that fails, the measure is how far the interpreter's own results move if each operation is off by
4 units at random: 16 times that is allowed, so that a graph that cancels is not held to more than it can keep.
"""

import functools
import importlib
import sys
import threading
import warnings
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
from hypothesis import settings

from chainrule import evaluate as interpreter
from chainrule import tree
from chainrule.differentiate import arguments, derivatives, modes, recorded
from chainrule.graph import Graph, Node, topological_order
from chainrule.native.program import Program
from chainrule.passes import optimized
from chainrule.trace.tracer import Tracer

__all__ = ["Differs", "install", "rounding_decides"]

# `chainrule.trace` is the function, which stands before the package of that name.
whole = importlib.import_module("chainrule.trace.whole")

ULPS = 64
#: Operations above which a graph is left out, and in `make sweep`.
MOST_NODES, MOST_IN_SWEEP = 400, 5000
#: Rooms whose tests compare the two themselves.
COMPARED_ALREADY = ("jit", "native")
#: Where the program of a graph is kept with it.
_PROGRAM = "run both ways"
#: Arrays above this size are not kept for the graph of a tape.
MOST_BYTES = 1 << 20


class Differs(AssertionError):
    """Compiled, a graph gives something else than interpreted."""


class _State(threading.local):
    off = 0
    left = 0
    most = MOST_NODES


_state = _State()
_values: dict[Node, object] = {}
#: What has been compiled.
seen: set = set()


@contextmanager
def nothing_compiled():
    """Leave the graphs of this block alone."""
    _state.off += 1
    try:
        yield
    finally:
        _state.off -= 1


def _is_on():
    return not _state.off and threading.current_thread() is threading.main_thread()


def _is_traced(values):
    return any(isinstance(x, Tracer) for x in values)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Give every test, and every example of the documentation, its share."""
    _values.clear()
    # With one drawn example after the other a test would compile hundreds; in `make sweep` it compiles more.
    _state.left = max(1, settings().max_examples // 100)
    _state.most = MOST_NODES if _state.left == 1 else MOST_IN_SWEEP
    if item.get_closest_marker("interpreted") or item.path.parent.name in COMPARED_ALREADY:
        _state.left = 0
    return (yield)


# Graphs by what they do.


def form(graph):
    """Operations, parameters, shapes and dtypes, but no constants."""
    numbers = {}
    for node in (*graph.inputs, *topological_order(graph.outputs)):
        numbers.setdefault(node, len(numbers))

    def part(x):
        if isinstance(x, Node):
            return numbers[x]
        if isinstance(x, Graph):
            return form(x)
        if isinstance(x, (tuple, list)):
            return tuple(part(y) for y in x)
        if isinstance(x, dict):
            return tuple((name, part(y)) for name, y in sorted(x.items()))
        if isinstance(x, (np.ndarray, np.generic)):
            return x.shape, x.dtype
        if isinstance(x, slice):
            return "slice", part((x.start, x.stop, x.step))
        return type(x) if isinstance(x, (float, complex)) or not _is_hashable(x) else (type(x), x)

    nodes = tuple(
        (None if x.op is None else (x.op, part(x.inputs), part(x.params)), x.shape, x.dtype, x.weak) for x in numbers
    )
    return len(graph.inputs), nodes, part(graph.outputs)


def _is_hashable(x):
    try:
        hash(x)
    except TypeError:
        return False
    return True


def _size(graph):
    return sum(1 + sum(_size(x) for x in node.params.values() if isinstance(x, Graph)) for node in graph.nodes)


# The comparison.


def plain(x):
    """A 0-d array as NumPy's scalar, which is what programs return."""
    return x[()] if isinstance(x, np.ndarray) else x


def check(graph, values, expected=None, *, what="evaluated"):
    """Run a graph compiled, and compare; compile it where none like it has been, and the test may."""
    program = graph.derived.get(_PROGRAM)
    if program is None:
        if _state.left <= 0 or _PROGRAM in graph.derived:
            return
        graph.derived[_PROGRAM] = None
        key = form(graph)
        if key in seen or _size(graph) > _state.most:
            return
        seen.add(key)
        _state.left -= 1
    with nothing_compiled(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if program is None:
            try:
                program = Program(optimized(graph))
            except Exception as problem:
                raise Differs(f"a graph that a test {what} cannot be compiled:\n{graph}") from problem
            graph.derived[_PROGRAM] = program
        if expected is None:
            expected = interpreter.evaluate(graph, *values)
        for k, (a, b) in enumerate(zip(map(plain, program(*values)), map(plain, expected), strict=True)):
            difference = _difference(a, b, lambda k=k: _movement(graph, values, k))
            if difference:
                raise Differs(
                    f"output {k} of a graph that a test {what} {difference}\ncompiled:    {a!r}\n"
                    f"interpreted: {b!r}\ninputs:      {values!r}\n{graph}"
                )


def _difference(a, b, movement):
    """Say in which way two results differ; None where they do not."""
    if type(a) is not type(b):
        return f"is of type {type(a).__name__} compiled, {type(b).__name__} interpreted"
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return f"is {a.dtype}{list(a.shape)} compiled, {b.dtype}{list(b.shape)} interpreted"
    if b.dtype.kind in "fc":
        size = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
        rounding = ULPS * np.finfo(b.dtype).eps
        if np.allclose(a, b, rtol=float(rounding), atol=float(rounding * size), equal_nan=True):
            return None
    elif np.array_equal(a, b):
        return None
    allowed, moved = movement()
    with np.errstate(all="ignore"):
        right = (a == b) | ((a != a) & (b != b)) | moved
        if b.dtype.kind in "fc":
            right |= np.abs(a - b) <= allowed
    return None if np.all(right) else f"differs in {np.sum(~right)} of {right.size} entries"


def _movement(graph, values, k):
    """How far an output moves if each operation is off by some units; and entries that change altogether."""
    rng = np.random.default_rng(0)
    exact = np.asarray(_roughly(graph, values, None)[k])
    largest, changed = 0.0, np.zeros(exact.shape, bool)
    for _ in range(8):
        other = np.asarray(_roughly(graph, values, rng)[k])
        if exact.dtype.kind in "fc":
            changed |= np.isfinite(other) != np.isfinite(exact)
            largest = max(largest, np.max(np.abs(other - exact), initial=0.0, where=np.isfinite(other - exact)))
        else:
            changed |= other != exact
    return 16 * largest, changed


def rounding_decides(f, *args):
    """Say whether rounding of single operations changes a result by more than a 1e-8th of it.

    So it is where a comparison stands on the edge, as ``q < np.mean(q)`` does for equal entries, of which the mean in
    one order of summation is an entry and in another its neighbour.
    """
    with nothing_compiled(), np.errstate(all="ignore"):
        graph = whole.trace(f)(*args)
        values = tree.leaves(args)
        for k, x in enumerate(interpreter.evaluate(graph, *values)):
            allowed, changed = _movement(graph, values, k)
            if np.any(changed) or allowed > 1e-8 * (1 + np.max(np.abs(x), initial=0.0)):
                return True
    return False


def _roughly(graph, values, rng):
    if graph.is_open:
        graph = graph.at(graph.rows(np.shape(x) for x in values))
    found = dict(zip(graph.inputs, values, strict=True))
    for node in graph.nodes:
        ans = node.op(*(found[x] if isinstance(x, Node) else x for x in node.inputs), **node.params)
        several = isinstance(node.dtype, tuple)
        made = [_off(x, rng) for x in (ans if several else (ans,))]
        found[node] = made if several else made[0].item() if node.weak is True else made[0]
    return [found[x] if isinstance(x, Node) else x for x in graph.outputs]


def _off(x, rng):
    """A result that is off by up to 4 units in the last place."""
    array = np.asarray(x)
    if rng is None or array.dtype.kind not in "fc":
        return array[()]
    units = rng.uniform(-4, 4, array.shape) * np.finfo(array.dtype).eps
    return np.where(np.isfinite(array), array * (1 + units), array).astype(array.dtype)[()]


# Where graphs are run.


def _in_place_of(original):
    """Make a function stand for another, in messages as well: these name the innermost line that is a user's."""

    def standing(wrapper):
        functools.update_wrapper(wrapper, original)
        wrapper.__code__ = wrapper.__code__.replace(co_filename=original.__code__.co_filename)
        return wrapper

    return standing


def _traced(trace):
    @_in_place_of(trace)
    def record(f, **options):
        run = trace(f, **options)

        @_in_place_of(run)
        def recorded_and_compared(*args):
            graph = run(*args)
            leaves = tree.leaves(args)
            if _is_on() and not _is_traced(leaves):
                check(graph, [float(x) if type(x) is int else x for x in leaves], what="recorded")
            return graph

        return recorded_and_compared

    return record


def _evaluated(evaluate):
    @_in_place_of(evaluate)
    def run(graph, *values):
        found = evaluate(graph, *values)
        if _is_on() and not _is_traced(values):
            check(graph, values, found)
        return found

    return run


def _runner(make):
    @_in_place_of(make)
    def made(graph):
        run = make(graph)
        left = [1]

        def run_and_compare(*values):
            found = run(*values)
            if left and _is_on() and not _is_traced(values):
                left.clear()
                check(graph, values, found, what="ran as the body of an operation")
            return found

        return run_and_compare

    return made


def _noted(traced_input):
    @_in_place_of(traced_input)
    def noted(x, name, recording):
        made = traced_input(x, name, recording)
        if _is_on() and not isinstance(made.value, Tracer) and getattr(made.value, "nbytes", 0) <= MOST_BYTES:
            if len(_values) > 1000:
                _values.clear()
            _values[made.node] = made.value
        return made

    return noted


def _pulled(accumulate):
    """The backward pass: the tape as a graph, and its derivative as a graph."""

    @_in_place_of(accumulate)
    def run(entries, derivatives, sources, **options):
        given = dict(derivatives)
        found = accumulate(entries, derivatives, sources, **options)
        outputs = list(given)
        few = len(entries) <= _state.most and _state.left > 0
        if few and _is_on() and not _is_traced(given.values()) and not any(isinstance(x, Tracer) for x in found):
            order = topological_order(outputs)
            leaves = [node for node in order if node.op is None]
            held = leaves and all(x in _values for x in leaves)
            if held and not any(_is_traced(node.inputs) for node in order):
                _check_tape(leaves, outputs, list(given.values()), found)
        return found

    return run


def _pushed(push_forward):
    """The forward pass: the tape as a graph, and its derivative in one direction as a graph."""

    @_in_place_of(push_forward)
    def run(entries, tangents, outputs, **options):
        given = dict(tangents)
        found = push_forward(entries, tangents, outputs, **options)
        few = len(entries) <= _state.most and _state.left > 0
        if few and given and _is_on() and not _is_traced((*given.values(), *found)):
            ends = list(dict.fromkeys(outputs))
            order = topological_order(ends)
            leaves = [node for node in order if node.op is None]
            held = leaves and all(x in _values for x in leaves)
            if held and not any(_is_traced(node.inputs) for node in order):
                _check_tape(leaves, ends, [given.get(x) for x in leaves], found, forward=True)
        return found

    return run


def _pull(evaluate_tape, values, seeds):
    ys, pull = derivatives.vjp(evaluate_tape, *values)
    return ys, pull(tuple(seeds))


def _push(evaluate_tape, values, tangents):
    """The derivative by the leaves that move, in a direction; the others are constants."""
    moving = [k for k, t in enumerate(tangents) if t is not None]

    def f(*xs):
        moved = dict(zip(moving, xs, strict=True))
        return evaluate_tape(*(moved.get(k, x) for k, x in enumerate(values)))

    return modes.jvp(f, tuple(values[k] for k in moving), tuple(tangents[k] for k in moving))


def _check_tape(leaves, outputs, seeds, found, *, forward=False):
    tape = Graph(leaves, outputs, "tape")
    is_finite = all(x is None or np.all(np.isfinite(x)) for x in found)
    key = "forward" if forward else "tape", form(tape), is_finite, *(t is None for t in seeds)
    if key in seen or _size(tape) > _state.most / 4:
        return
    seen.add(key)
    values = [_values[x] for x in leaves]
    with nothing_compiled(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")

        derive = _push if forward else _pull
        graph = whole.trace(lambda values, seeds: derive(partial(interpreter.evaluate, tape), values, seeds))(
            values, seeds
        )
    check(graph, [x for x in (*values, *seeds) if x is not None], what="differentiated")


def install():
    """Wrap the functions, wherever their names stand."""
    interpreter._make_runner = _runner(interpreter._make_runner)
    arguments.traced_input = _noted(arguments.traced_input)
    derivatives.accumulate = recorded.accumulate = _pulled(derivatives.accumulate)
    recorded.push_forward = _pushed(recorded.push_forward)
    for original, wrapped in (
        (interpreter.evaluate, _evaluated(interpreter.evaluate)),
        (whole.trace, _traced(whole.trace)),
    ):
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "chainrule":
                for key, x in list(vars(module).items()):
                    if x is original:
                        setattr(module, key, wrapped)
