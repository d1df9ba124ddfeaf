"""What is compiled for one signature: a program for each path that decisions lead along."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import passes, tree
from chainrule.errors import TraceError
from chainrule.graph import Graph, Node
from chainrule.jit.recording import Constant, Found, record
from chainrule.jit.signature import Signature
from chainrule.jit.trees import builder
from chainrule.lengths import settle
from chainrule.native.entry import Entry, entry_of
from chainrule.native.garbage import collector_paused
from chainrule.native.program import Program
from chainrule.ops.shapes import astype, to_integer
from chainrule.passes import Pass, run
from chainrule.passes.rewriting import with_outputs
from chainrule.trace.unify import difference

__all__ = ["PASSES", "Code", "Path", "compile_path", "owner", "settle_arrays", "without_constant_results"]

Arrays = tuple[np.ndarray[Any, Any], ...]


class Code:
    """A graph and its program; the program is made when it is first asked for.

    Attributes
    ----------
    recorded : Graph
        As it was recorded: arguments, then arrays from outside.
    graph : Graph
        After the passes.
    arrays : tuple of ndarray
        Those arrays, held by reference.
    """

    def __init__(self, recorded: Graph, arrays: Arrays) -> None:
        self.recorded = recorded
        self.graph = run(recorded, PASSES)
        self.arrays = arrays
        self._program: Program | None = None

    @property
    def program(self) -> Program:
        """The machine code."""
        if self._program is None:
            self._program = Program(without_constant_results(self.graph))
        return self._program

    @property
    def has_constant_arrays(self) -> bool:
        """True where an output is an array that does not depend on the arguments."""
        return any(isinstance(x, np.ndarray) for x in self.graph.outputs)

    def with_constants(self, outputs: Sequence[Any], missing: int = 0) -> list[Any]:
        """Put copies of such arrays among the outputs of the program, of which the last ones may be missing."""
        wanted = self.graph.outputs[: len(self.graph.outputs) - missing]
        remaining = iter(outputs)
        return [_copied(x) if isinstance(x, np.ndarray) else next(remaining) for x in wanted]

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """Run it."""
        found = self.program(*values, *self.arrays)
        if self.graph.is_open:
            rows = self.graph.rows(np.shape(x) for x in (*values, *self.arrays))
            found = [settle(x, rows) for x in found]
        return self.with_constants(found)


@dataclass(eq=False)
class Path:
    """A recording, compiled.

    Attributes
    ----------
    found : Found
        What was recorded.
    code : Code
        Its program.
    careful : Code or None
        The same with derivatives that let zero stay zero, for the case that a result is NaN; None where there is no
        difference.
    """

    found: Found
    code: Code
    careful: Code | None

    @property
    def decisions(self) -> tuple[Any, ...]:
        """What came out of the decisions that lead here."""
        return self.found.decisions

    def run(self, values: Sequence[Any]) -> list[Any]:
        """Compute results and decisions."""
        outputs = self.code(values)
        if self.careful is not None and any(map(_has_nan, outputs)):
            return self.careful(values)
        return outputs

    def decided(self, outputs: Sequence[Any]) -> tuple[Any, ...]:
        """What comes out of the decisions."""
        count = len(self.decisions)
        return tuple(type(a)(x) for a, x in zip(self.decisions, outputs[len(outputs) - count :], strict=True))

    def recorded_again(self, f: Callable[..., Any], signature: Signature) -> Found:
        """The same path, recorded now."""
        again = record(f, signature)
        return settle_arrays(again, record(f, signature))

    @collector_paused()
    def entry(self, forms: Sequence[Any]) -> tuple[Callable[..., Any], Entry] | None:
        """Make the builtin function for the leaves of a call, and let it give the result in its structure."""
        code, count = self.code, len(self.decisions)
        results = len(code.program.graph.outputs) - count
        made = None
        if results:
            made = entry_of(code.program, forms, code.arrays, self.decisions, nan=self.careful is not None)
        if made is None:
            return None
        entry = made.function
        structure = self.found.structure
        has_constants = code.has_constant_arrays
        is_plain = not has_constants and not any(isinstance(x, Constant) for x in self.found.results)
        if is_plain and (structure.kind is None or (structure.kind is tuple and results > 1 and _is_flat(structure))):
            return entry, made

        build = builder(structure, self.found.results)

        def finished(*args: Any) -> Any:
            found = entry(*args)
            if found is NotImplemented:
                return found
            values = found if results > 1 else (found,)
            return build(code.with_constants(values, count) if has_constants else values)

        return finished, made

    def results(self, outputs: Sequence[Any]) -> list[Any]:
        """The leaves of the result."""
        return [x.value if isinstance(x, Constant) else outputs[x] for x in self.found.results]


def with_copied_constants(graph: Graph) -> Graph:
    """Let a result that is a constant array be copied by the program: every call gives arrays of its own."""
    return with_outputs(graph, map(_copy_of, graph.outputs))


def without_constant_results(graph: Graph) -> Graph:
    """Leave out the results that stay constant arrays, of complex numbers, which calls copy themselves."""
    return with_outputs(graph, (x for x in graph.outputs if not isinstance(x, np.ndarray)))


#: What a recording goes through before it becomes a program.
PASSES: tuple[Pass, ...] = (*passes.PASSES, with_copied_constants)


def _copy_of(x: Any) -> Any:
    if not isinstance(x, np.ndarray) or x.dtype.kind == "c":
        return x
    op = astype if x.dtype.kind == "f" else to_integer
    return Node(op, (x,), {"dtype": x.dtype}, x.shape, x.dtype) if x.ndim else x[()]


def _copied(x: np.ndarray[Any, Any]) -> Any:
    return x.copy() if x.ndim else x[()]


def _is_flat(structure: tree.Structure) -> bool:
    return all(child.kind is None for child in structure.children)


def _has_nan(x: Any) -> bool:
    return bool(np.isnan(x).any()) if getattr(x, "dtype", None) is not None else x != x


@collector_paused()
def compile_path(f: Callable[..., Any], signature: Signature, values: Sequence[Any] | None) -> Path:
    """Record a function and compile it, for the path that the values at hand lead along.

    Parameters
    ----------
    f : callable
        The function.
    signature : Signature
        What it is called with.
    values : sequence or None
        The numbers and arrays of the call; without them a decision is an error.

    Returns
    -------
    Path
        The program.

    Raises
    ------
    TraceError
        Where something cannot be followed, or `f` does not do the same each time.
    """
    first = record(f, signature, values=values)
    # A recording with care tells both whether that makes a difference, and whether the function does the same again.
    second = record(f, signature, values=values, careful=True)
    plain, with_care = settle_arrays(first, second), settle_arrays(second, first)
    careful = None
    if difference(plain.recorded(), with_care.recorded()) is not None:
        again = settle_arrays(record(f, signature, values=values), first)
        impure = difference(plain.recorded(), again.recorded())
        if impure is not None:
            raise TraceError(
                f"{first.graph.name} does not do the same each time it is called: {impure}. A random draw or a clock "
                f"would be compiled as a constant; hand it in as an argument, or use chainrule.random.{impure.line}"
            )
        careful = Code(with_care.graph, _arrays(with_care))
    return Path(plain, Code(plain.graph, _arrays(plain)), careful)


def _arrays(found: Found) -> Arrays:
    return tuple(original for original, _ in found.arrays)


def settle_arrays(found: Found, other: Found) -> Found:
    """Keep as inputs the arrays that come from outside of the function; those that it makes itself are constants.

    What comes from outside is the same memory in another recording of the function; it must not be written into.
    """
    roots = {id(owner(original)) for original, _ in other.arrays}
    count = len(found.graph.inputs) - len(found.arrays)
    inputs, hidden = found.graph.inputs[:count], found.graph.inputs[count:]
    made: dict[Node, Any] = {}
    kept, arrays = [], []
    for node, (original, copy) in zip(hidden, found.arrays, strict=True):
        if id(owner(original)) in roots:
            if copy is not original and original.tobytes() != copy.tobytes():
                raise TraceError(
                    f"{found.graph.name} reads and changes an array that is none of its arguments, of shape "
                    f"{original.shape}, {original.dtype}; a compiled function would change it at its first call only. "
                    "Return the new array."
                )
            kept.append(node)
            arrays.append((original, copy))
        else:
            made[node] = copy
    lines = dict(found.lines)

    def source(x: Any) -> Any:
        return made.get(x, x) if isinstance(x, Node) else x

    for node in found.graph.nodes if made else ():
        sources = tuple(map(source, node.inputs))
        if any(a is not b for a, b in zip(sources, node.inputs, strict=True)):
            fresh = Node(node.op, sources, node.params, node.shape, node.dtype, node.weak, node.group)
            made[node] = fresh
            lines[fresh] = lines.get(node, "")
    graph = Graph((*inputs, *kept), map(source, found.graph.outputs), found.graph.name)
    return Found(graph, arrays, found.structure, found.results, found.decisions, lines)


def owner(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array whose memory a view shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
