"""Which groups of operations have the same instructions, but for the places of their buffers.

What is written for a group follows from its operations, from what they read of each other and of memory, and from where
it stands there. Two groups in which all of that agrees, as those of equal layers of a network do, are written once.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from chainrule.graph import Node
from chainrule.native.access import Access
from chainrule.native.computing import is_literal
from chainrule.native.grouping import Group
from chainrule.passes.keys import key_of

__all__ = ["kernel_key"]


def kernel_key(
    group: Group, reads: Callable[[Any], Access], stored: Mapping[Any, Access]
) -> tuple[Hashable, dict[Any, int]]:
    """Write down all that the instructions of a group follow from.

    Parameters
    ----------
    group : Group
        A loop, or an operation by itself.
    reads : callable
        Where the entries of a node or a constant array from outside of the group stand.
    stored : mapping
        Where what others read of the group goes.

    Returns
    -------
    key : hashable
        Equal only for groups with the same instructions.
    buffers : dict
        Numbers of the buffers that are read and written; in groups with equal keys those with equal numbers are each
        other's counterparts.
    """
    inside = {node: number for number, node in enumerate(group.nodes)}
    buffers: dict[Any, int] = {}

    def place(access: Access) -> Hashable:
        return buffers.setdefault(access.buffer, len(buffers)), access.shape, access.strides, access.offset

    def node_key(node: Node) -> Hashable:
        if node in inside:
            return inside[node]
        return node.shape, node.dtype, node.weak, place(reads(node))

    def input_key(x: Any) -> Hashable:
        if isinstance(x, Node) or is_literal(x):
            return key_of(x, node_key)
        return x.shape, x.dtype, place(reads(x))

    parts = []
    for node in group.nodes:
        params = tuple((name, key_of(value, node_key)) for name, value in sorted(node.params.items()))
        inputs = tuple(map(input_key, node.inputs))
        result = place(stored[node]) if node in stored else None
        parts.append((node.op, params, inputs, node.shape, node.dtype, node.weak, result))
    return (group.domain, group.in_blocks, *parts), buffers
