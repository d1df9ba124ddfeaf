"""What has been made of a function, for people to read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.graph import Graph, Node
from chainrule.native.program import Program

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
        Each compilation and its reason, in order.
    """

    name: str
    compiled: Sequence[Any]
    events: tuple[str, ...]

    @property
    def recorded(self) -> list[Graph]:
        """The graphs as they were recorded."""
        return [path.code.recorded for found in self.compiled for path in found.paths]

    @property
    def optimized(self) -> list[Graph]:
        """The graphs after the passes."""
        return [path.code.graph for found in self.compiled for path in found.paths]

    @property
    def through_numpy(self) -> list[str]:
        """Operations that run through NumPy, for lack of a native form."""
        programs = [path.code.program for found in self.compiled for path in found.paths]
        return sorted({step.name for program in programs for step in program.steps if isinstance(step, Node)})

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.name}: compiled {sum(len(found.paths) for found in self.compiled)} times"
        for event in self.events:
            yield f"  {event}"
        for found in self.compiled:
            for path in found.paths:
                yield ""
                if path.decisions:
                    yield f"for decisions {', '.join(map(str, path.decisions))}"
                yield "recorded"
                yield from _indented(str(path.code.recorded))
                yield "after the passes"
                yield from _indented(str(path.code.graph))
                yield from _program_lines(path.code.program)
                if path.careful is not None:
                    yield "a result that is NaN is computed again, with derivatives that let zero stay zero"


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}" for line in text.splitlines())


def _program_lines(program: Program) -> Iterator[str]:
    yield "runs"
    for group in program.groups:
        names = ", ".join(node.name for node in group.nodes)
        if group.domain is not None:
            yield f"  one loop{' over rows' if group.domain.by_rows else ''}: {names}"
        elif any(step is group.nodes[0] for step in program.steps):
            yield f"  {names}: through NumPy, for lack of a native form"
        else:
            yield f"  by itself: {names}"
    if not program.graph.is_open:
        total, starts = program.layout(0)
        yield f"memory: {total} bytes for {len(starts)} values between arguments and results"
