"""Loops whose results have a length that only their run tells: memory is made for them between calls of their code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.lengths import settle

__all__ = ["Sized", "run_sized"]

#: Steps for which a while loop gets room at first; where that is full, it gets twice as much.
_FIRST = 256

Arrays = dict[int, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Sized:
    """A step of a program that is native, but asks for memory while it runs.

    Attributes
    ----------
    name : str
        The function.
    node : Node
        The operation.
    """

    name: str
    node: Node


def run_sized(
    step: Sized, call: Callable[[int, int], None], places: Mapping[Any, int], arrays: Arrays, table: Any, n: int
) -> None:
    """Run such a step.

    Parameters
    ----------
    step : Sized
        What to run.
    call : callable
        Its code: takes the address of the table of buffers, and the leading size.
    places : mapping
        Numbers of the buffers.
    arrays : dict
        By number the memory of each buffer; what is made is put there.
    table : array of uint64
        Where each buffer stands.
    n : int
        The leading size.
    """
    node = step.node
    state = arrays[places[node, "state"]]

    def resize(length: int, kept: int) -> None:
        shapes: Any = node.shape
        for k, shape in enumerate(shapes):
            if None in shape:
                place = places[node, k]
                whole = np.empty((length, *settle(tuple(shape[1:]), n)), node.dtype[k])
                whole[:kept] = arrays[place][:kept]
                arrays[place] = whole
                table[place] = whole.ctypes.data

    if node.op.name == "chainrule.scan":
        state[0] = next(len(arrays[places[x]]) for x in node.inputs if isinstance(x, Node) and None in x.shape)
        resize(int(state[0]), 0)
        call(table.ctypes.data, n)
        return
    state[:] = (0, _FIRST, 0)
    resize(_FIRST, 0)
    while True:
        call(table.ctypes.data, n)
        steps, room, has_ended = map(int, state)
        if has_ended:
            break
        state[1] = 2 * room
        resize(2 * room, steps)
    resize(steps, steps)
