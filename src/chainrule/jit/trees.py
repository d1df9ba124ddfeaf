"""The way between the trees of calls and flat lists, made once for a structure that is known."""

from collections.abc import Callable, Collection, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from chainrule.jit.recording import Constant
from chainrule.tree import LEAF, Structure

__all__ = ["builder", "reader"]

#: Lists the leaves of a tree; None where its containers are others. What stands for a leaf is not looked at.
Reader = Callable[[Any], Collection[Any] | None]
#: Makes a tree of values.
Builder = Callable[[Sequence[Any]], Any]


def reader(structure: Structure) -> Reader:
    """Make what lists the leaves of trees that have a structure.

    Parameters
    ----------
    structure : Structure
        Of a container.

    Returns
    -------
    callable
        It returns None for a tree whose containers differ in kind, length or keys. Whether a leaf is one is not looked
        at: for programs take what they were made for alone.

    Examples
    --------
    >>> from chainrule import tree
    >>> read = reader(tree.flatten(({"w": 1.0, "b": 2.0}, 3.0))[1])
    >>> read(({"w": 4.0, "b": 5.0}, 6.0))
    [4.0, 5.0, 6.0]
    >>> read(({"w": 4.0}, 6.0)) is None
    True
    """
    parts_of = _parts(structure)
    readers = [None if child.kind is None else reader(child) for child in structure.children]
    if not any(readers):
        return parts_of

    def read(tree: Any) -> Collection[Any] | None:
        parts = parts_of(tree)
        if parts is None:
            return None
        found: list[Any] = []
        for part, read_part in zip(parts, readers, strict=True):
            if read_part is None:
                found.append(part)
            else:
                leaves = read_part(part)
                if leaves is None:
                    return None
                found += leaves
        return found

    return read


def _parts(structure: Structure) -> Reader:
    """What lists the parts of one container."""
    kind: Any = structure.kind
    keys, count = structure.keys, len(structure.children)
    if kind is dict:
        return lambda tree: tree.values() if type(tree) is dict and (*tree,) == keys else None
    if kind is type(None):
        return lambda tree: () if tree is None else None
    if kind is list or issubclass(kind, tuple):
        return lambda tree: tree if type(tree) is kind and len(tree) == count else None
    if count == 0:
        return lambda tree: () if type(tree) is kind else None
    fields = attrgetter(*keys)
    if count == 1:
        return lambda tree: (fields(tree),) if type(tree) is kind else None
    return lambda tree: fields(tree) if type(tree) is kind else None


def builder(structure: Structure, sources: Sequence[int | Constant]) -> Builder:
    """Make what puts values into a structure.

    Parameters
    ----------
    structure : Structure
        Any.
    sources : sequence of int or Constant
        For each leaf where it stands among the values.

    Returns
    -------
    callable
        It makes a new tree of a tuple or a list of values.

    Examples
    --------
    >>> from chainrule import tree
    >>> from chainrule.jit.recording import Constant
    >>> build = builder(tree.flatten((1.0, {"w": 2.0, "b": 3.0}))[1], [0, 2, Constant(7.0)])
    >>> build((4.0, 5.0, 6.0))
    (4.0, {'w': 6.0, 'b': 7.0})
    """
    if structure.kind is None:
        (source,) = sources
        return _given(source.value) if isinstance(source, Constant) else itemgetter(source)
    kind = structure.kind
    parts = _parts_builder(structure, sources)
    if kind is tuple:
        return lambda values: tuple(parts(values))
    if kind is list:
        return lambda values: list(parts(values))
    if kind is dict:
        keys = structure.keys
        return lambda values: dict(zip(keys, parts(values), strict=True))
    if kind is type(None):
        return _given(None)
    flat = Structure(kind, structure.keys, (LEAF,) * len(structure.children))
    return lambda values: flat.unflatten(parts(values))


def _given(value: Any) -> Builder:
    return lambda values: value


def _parts_builder(structure: Structure, sources: Sequence[int | Constant]) -> Builder:
    """What lists the parts of one container."""
    first = next(iter(sources), None)
    if isinstance(first, int) and all(child.kind is None for child in structure.children):
        last = first + len(sources)
        if list(sources) == list(range(first, last)):
            return itemgetter(slice(first, last))
    builders, start = [], 0
    for child in structure.children:
        builders.append(builder(child, sources[start : start + child.size]))
        start += child.size
    return lambda values: [build(values) for build in builders]
