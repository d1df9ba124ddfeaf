"""The way between the trees of calls and flat lists, made once for a structure that is known.

It is written out as Python code for that structure: to walk through the structure at each call would take longer than
a small compiled function does.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from operator import attrgetter
from typing import Any

from chainrule.jit.recording import Constant
from chainrule.tree import LEAF, Structure

__all__ = ["builder", "reader"]

#: Lists the leaves of a tree; None where its containers are others. What stands for a leaf is not looked at.
Reader = Callable[[Any], list[Any] | None]
#: Makes a tree of values.
Builder = Callable[[Sequence[Any]], Any]

#: Containers in containers that are written as one expression, of which Python reads a few hundred.
_DEPTH = 50


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
    words = _Words()
    lines: list[str] = []
    leaves: list[str] = []
    waiting, numbers = [(structure, "tree")], count()
    while waiting:
        part, name = waiting.pop()
        if part.kind is None:
            leaves.append(name)
            continue
        test, found = _taken_apart(part, name, words)
        lines.append(f"    if {test}: return None")
        names = [f"part{next(numbers)}" for _ in part.children]
        if names:
            lines.append(f"    {', '.join(names)}, = {found}")
        waiting += reversed(list(zip(part.children, names, strict=True)))
    text = "\n".join(["def read(tree):", *lines, f"    return [{', '.join(leaves)}]"])
    exec(text, words.values)
    read: Reader = words.values["read"]
    return read


def _taken_apart(structure: Structure, name: str, words: "_Words") -> tuple[str, str]:
    """What holds where a container is another one, and its parts."""
    kind: Any = structure.kind
    if kind is type(None):
        return f"{name} is not None", ""
    is_other = f"type({name}) is not {words.name(kind)}"
    if kind is dict:
        return f"{is_other} or (*{name},) != {words.name(structure.keys)}", f"{name}.values()"
    if kind is list or issubclass(kind, tuple):
        return f"{is_other} or len({name}) != {len(structure.children)}", name
    if len(structure.children) < 2:
        return is_other, "".join(f"{words.name(attrgetter(key))}({name})," for key in structure.keys)
    return is_other, f"{words.name(attrgetter(*structure.keys))}({name})"


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
    return _built(structure, iter(sources))


def _built(structure: Structure, sources: Iterator[int | Constant]) -> Builder:
    words = _Words()
    text = _text(structure, sources, words, 0)
    build: Builder = eval(f"lambda values: {text}", words.values)
    return build


def _text(structure: Structure, sources: Iterator[int | Constant], words: "_Words", depth: int) -> str:
    """An expression that makes a tree."""
    kind = structure.kind
    if kind is None:
        source = next(sources)
        return words.name(source.value) if isinstance(source, Constant) else f"values[{source}]"
    if depth == _DEPTH:
        return f"{words.name(_built(structure, sources))}(values)"
    parts = [_text(child, sources, words, depth + 1) for child in structure.children]
    if kind is type(None):
        return "None"
    if kind is tuple:
        return f"({', '.join(parts)},)" if parts else "()"
    if kind is dict:
        keys = map(words.name, structure.keys)
        return f"{{{', '.join(f'{key}: {part}' for key, part in zip(keys, parts, strict=True))}}}"
    listed = f"[{', '.join(parts)}]"
    if kind is list:
        return listed
    flat = Structure(kind, structure.keys, (LEAF,) * len(structure.children))
    return f"{words.name(flat.unflatten)}({listed})"


class _Words:
    """Names for objects in code."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def name(self, x: Any) -> str:
        """A name by which the code finds an object."""
        found = f"word{len(self.values)}"
        self.values[found] = x
        return found
