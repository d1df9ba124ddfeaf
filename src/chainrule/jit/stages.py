"""What has been made of a function, for people to read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from chainrule.graph import Graph, Node
from chainrule.jit.paths import PASSES, without_constant_results
from chainrule.jit.program_text import memory_lines, run_lines
from chainrule.native.program import PASSES as LOWERING
from chainrule.native.program import Program
from chainrule.passes import after_each

__all__ = ["Stages"]


@dataclass(frozen=True)
class Stages:
    """What `Jitted.stages` returns.

    Attributes
    ----------
    name : str
        Of the function.
    compiled : sequence
        What was compiled, by kind of call.
    events : tuple of str
        Each compilation and its reason, in order, and what else happened to the programs.
    compilations : int
        How many programs were made so far.
    """

    name: str
    compiled: Sequence[Any]
    events: tuple[str, ...]
    compilations: int

    @property
    def paths(self) -> dict[Any, list[Any]]:
        """The programs at hand, each with the kinds of calls that it serves."""
        found: dict[Any, list[Any]] = {}
        for kind in self.compiled:
            for path in kind.paths:
                found.setdefault(path, []).append(kind.signature)
        return found

    @property
    def recorded(self) -> list[Graph]:
        """The graphs as they were recorded."""
        return [path.code.recorded for path in self.paths]

    @property
    def optimized(self) -> list[Graph]:
        """The graphs after the passes."""
        return [path.code.graph for path in self.paths]

    @property
    def passes(self) -> list[list[tuple[str, Graph]]]:
        """For each program the name of every pass, and the graph that it leaves."""
        return [list(after_each(path.code.recorded, _PASSES)) for path in self.paths]

    @property
    def through_numpy(self) -> list[str]:
        """Operations that run through NumPy, for lack of a native form."""
        programs = [path.code.program for path in self.paths]
        return sorted({step.name for program in programs for step in program.steps if isinstance(step, Node)})

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.name}: compiled {_times(self.compilations)}"
        yield from (f"  {event}" for event in self.events)
        names = self.through_numpy
        if self.paths:
            yield (
                f"through NumPy, for lack of a native form: {', '.join(names)}" if names else "everything runs natively"
            )
        for number, (path, signatures) in enumerate(self.paths.items(), 1):
            yield ""
            yield f"== program {number} of {len(self.paths)} =="
            yield from _path_lines(path, signatures)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


_WIDTH = 100

#: From the recording to the graph that is translated.
_PASSES = (*PASSES, without_constant_results, *LOWERING)


def _path_lines(path: Any, signatures: Sequence[Any]) -> Iterator[str]:
    code, program = path.code, path.code.program
    if path.decisions:
        yield f"for decisions that come out as {', '.join(map(str, path.decisions))}"
    yield "recorded"
    yield from _indented(str(code.recorded))
    last, unchanged = code.recorded, list[str]()
    for name, graph in after_each(code.recorded, _PASSES):
        if _is_same(last, graph):
            unchanged.append(name)
            continue
        yield from _nothing_from(unchanged)
        unchanged.clear()
        yield f"after {name}: {_operations(last, graph)}"
        yield from _indented(str(graph))
        last = graph
    yield from _nothing_from(unchanged)
    sizes = _sizes(program, signatures, code.arrays)
    at = f"; bytes are those for {sizes[0]} rows" if program.graph.is_open else ""
    yield f"runs, in this order{at}"
    yield from (f"  {line}" for line in run_lines(program, sizes[0]))
    yield from memory_lines(program, sizes)
    if path.careful is not None:
        yield "a result that is NaN is computed again, with derivatives that let zero stay zero"


def _nothing_from(names: Sequence[str]) -> Iterator[str]:
    if names:
        yield from wrap(f"nothing to do for {', '.join(names)}", _WIDTH, subsequent_indent="  ")


def _is_same(a: Graph, b: Graph) -> bool:
    """Say whether a pass has left everything as it was: where it changes a node, all that need it are others too."""
    return len(a.outputs) == len(b.outputs) and all(x is y for x, y in zip(a.outputs, b.outputs, strict=True))


def _operations(before: Graph, after: Graph) -> str:
    a, b = len(before.nodes), len(after.nodes)
    return f"{a} operations" if a == b else f"{b} operations, where there were {a}"


def _sizes(program: Program, signatures: Sequence[Any], arrays: Sequence[Any]) -> list[int]:
    """The leading sizes of the calls that a program has served."""
    if not program.graph.is_open:
        return [0]
    shapes = ([*(kind.shape for kind in signature.kinds), *(x.shape for x in arrays)] for signature in signatures)
    return sorted({program.graph.rows(each) for each in shapes})


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}" for line in text.splitlines())
