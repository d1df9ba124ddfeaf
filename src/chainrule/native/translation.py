"""What a program is made of, and its form on disk: the graph need not be lowered again where it was once.

On disk a node is its number in the order in which `chainrule.passes.keys.graph_key` counts, an array the number of its
occurrence among the constants of the graph.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Graph, Node, topological_order
from chainrule.native import cache, machine
from chainrule.native.access import Access
from chainrule.native.control_steps import Sized
from chainrule.native.graph_names import bodies_of, name_of
from chainrule.native.memory import Buffer
from chainrule.native.planning import Life
from chainrule.native.sizes import Size

__all__ = ["Translation", "translated"]


@dataclass(frozen=True)
class Translation:
    """A graph in machine code.

    Attributes
    ----------
    code : callable
        Waits for the object file.
    imports : tuple of str
        What it calls from elsewhere.
    steps : sequence
        What runs, in order: names of functions, `Sized`, and nodes that run through NumPy.
    buffers : sequence of Buffer
        Memory, by place.
    places : mapping
        The place of a node; of an output of a node with several under ``(node, k)``; of a constant under its ``id``.
    accesses : mapping
        Where the entries stand that a step reads through NumPy, and of others as far as it was found out.
    constants : mapping of int to ndarray
        Arrays by place.
    lives : sequence of Life or None
        When each buffer is needed; None where it takes no memory of the workspace.
    swaps : sequence of tuple of int
        Places of an output and an input that may take each other's memory after a run.
    """

    code: Callable[[], bytes]
    imports: tuple[str, ...]
    steps: Sequence[Any]
    buffers: Sequence[Buffer]
    places: Mapping[Any, int]
    accesses: Mapping[Any, Access]
    constants: Mapping[int, np.ndarray[Any, Any]]
    lives: Sequence[Life | None]
    swaps: Sequence[tuple[int, int]]

    @property
    def names(self) -> tuple[str, ...]:
        """The functions that steps call."""
        return tuple(
            step.name if isinstance(step, Sized) else step for step in self.steps if not isinstance(step, Node)
        )


def translated(
    graph: Graph,
    given_up: Mapping[int, int],
    translate: Callable[[Callable[[ir.Module], Callable[[], bytes]]], Translation],
) -> Translation:
    """Find the translation of a graph on disk, or make it and keep it.

    Parameters
    ----------
    graph : Graph
        With outputs in memory of their own.
    given_up : dict of int to int
        As for `chainrule.native.program.Program`.
    translate : callable
        Makes what is missing; it is handed the function that begins to make the object file.

    Returns
    -------
    Translation
        Of this graph: its nodes and its arrays.
    """
    key = name_of("graph", graph, tuple(sorted(given_up.items())))
    if key is None:
        return translate(cache.begun_code)
    numbering = _Numbering(graph)
    kept = cache.load(key)
    if kept is not None:
        return numbering.read(kept)
    made = translate(machine.begun_code)
    try:
        facts = numbering.facts(made)
    except _Unwritten:
        return made
    return replace(made, code=cache.keeping(key, made.code, facts))


class _Unwritten(Exception):
    """Something stands nowhere in the graph, so that no other process would find it."""


class _Numbering:
    """Numbers for what stands in a graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.nodes = list(dict.fromkeys((*graph.inputs, *topological_order(graph.outputs))))
        graphs = (graph, *bodies_of(graph))
        self.arrays = [
            x for one in graphs for node in one.nodes for x in node.inputs if isinstance(x, np.ndarray) and x.ndim
        ]

    def facts(self, t: Translation) -> dict[str, Any]:
        """Write a translation, but for its code."""
        numbers = {node: k for k, node in enumerate(self.nodes)}
        occurrences: dict[int, int] = {}
        for k, x in enumerate(self.arrays):
            occurrences.setdefault(id(x), k)
        taken = {
            place: occurrences[key] for key, place in t.places.items() if isinstance(key, int) if key in occurrences
        }
        if set(taken) != set(t.constants):
            raise _Unwritten  # An array was made while the graph was lowered.

        def reference(key: Any) -> list[Any]:
            if isinstance(key, Node) and key in numbers:
                return ["node", numbers[key]]
            if isinstance(key, tuple) and key[0] in numbers:
                return ["part", numbers[key[0]], key[1]]
            if isinstance(key, int) and key in occurrences:
                return ["array", occurrences[key]]
            raise _Unwritten

        def is_outside(key: Any) -> bool:
            return (key[0] if isinstance(key, tuple) else key) in numbers

        def step(x: Any) -> list[Any]:
            if isinstance(x, Sized):
                return ["sized", x.name, numbers[x.node]]
            return ["numpy", numbers[x]] if isinstance(x, Node) else ["run", x]

        through_numpy = [x for node in t.steps if isinstance(node, Node) for x in node.inputs if isinstance(x, Node)]
        return {
            "imports": t.imports,
            "steps": [step(x) for x in t.steps],
            "buffers": [x.facts() for x in t.buffers],
            "places": [[reference(key), place] for key, place in t.places.items() if is_outside(key)],
            "accesses": [
                [
                    numbers[node],
                    reference(access.buffer),
                    [length.coefficients for length in access.shape],
                    [stride.coefficients for stride in access.strides],
                    access.offset.coefficients,
                ]
                for node in dict.fromkeys(through_numpy)
                for access in (t.accesses[node],)
            ],
            "constants": list(taken.items()),
            "lives": t.lives,
            "swaps": t.swaps,
        }

    def read(self, kept: cache.Kept) -> Translation:
        """Read what `facts` has written of a graph with the same key."""
        facts = kept.facts

        def key(reference: list[Any]) -> Any:
            kind, number, *rest = reference
            if kind == "array":
                return id(self.arrays[number])
            return self.nodes[number] if kind == "node" else (self.nodes[number], *rest)

        def step(kind: str, *rest: Any) -> Any:
            if kind == "sized":
                return Sized(rest[0], self.nodes[rest[1]])
            return self.nodes[rest[0]] if kind == "numpy" else rest[0]

        constants = {place: self.arrays[number] for place, number in facts["constants"]}
        places = {key(reference): place for reference, place in facts["places"]}
        places.update({id(array): place for place, array in constants.items()})
        return Translation(
            code=lambda: kept.code,
            imports=tuple(facts["imports"]),
            steps=[step(*x) for x in facts["steps"]],
            buffers=[Buffer.read(x) for x in facts["buffers"]],
            places=places,
            accesses={
                self.nodes[number]: Access(key(buffer), _sizes(shape), _sizes(strides), _size(offset))
                for number, buffer, shape, strides, offset in facts["accesses"]
            },
            constants={place: np.ascontiguousarray(array) for place, array in constants.items()},
            lives=[None if life is None else (life[0], life[1]) for life in facts["lives"]],
            swaps=[(a, b) for a, b in facts["swaps"]],
        )


def _size(coefficients: list[int]) -> Size:
    return Size(tuple(coefficients))


def _sizes(lengths: list[list[int]]) -> tuple[Size, ...]:
    return tuple(map(_size, lengths))
