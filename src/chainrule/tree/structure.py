"""Trees taken apart into leaves and a structure, put together again, and mapped."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from chainrule.errors import OptionError

__all__ = ["LEAF", "Structure", "children", "flatten", "leaves", "leaves_with_paths", "map"]


class Structure:
    """The shape of a tree without its leaves.

    Attributes
    ----------
    kind : type or None
        Container type; None for a leaf.
    keys : tuple
        Names or positions of the children.
    children : tuple of Structure
        One structure for each child.
    size : int
        Number of leaves below.
    """

    __slots__ = ("children", "keys", "kind", "size")

    size: int

    def __init__(self, kind: type | None, keys: tuple[Any, ...], children: tuple["Structure", ...]) -> None:
        self.kind = kind
        self.keys = keys
        self.children = children
        self.size = 1 if kind is None else sum(child.size for child in children)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Structure)
            and self.kind is other.kind
            and self.keys == other.keys
            and self.children == other.children
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.keys, self.children))

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        inside = ", ".join(f"{key}: {child!r}" for key, child in zip(self.keys, self.children, strict=True))
        return f"{self.kind.__name__}({inside})"

    def unflatten(self, values: Iterable[Any]) -> Any:
        """Put `values` where the leaves were.

        Parameters
        ----------
        values : iterable
            As many values as the structure has leaves.

        Returns
        -------
        tree
            A tree of this structure.

        Examples
        --------
        >>> from chainrule import tree
        >>> values, structure = tree.flatten({"w": 1.0, "b": (2.0, 3.0)})
        >>> structure.unflatten([10 * v for v in values])
        {'w': 10.0, 'b': (20.0, 30.0)}
        """
        values = list(values)
        if len(values) != self.size:
            raise OptionError(f"the tree has {self.size} leaves, but {len(values)} values were given for them")
        return self._build(iter(values))

    def leaves_of(self, tree: Any) -> list[Any] | None:
        """List the leaves of a tree that is expected to have this structure, several times faster than `flatten`.

        Parameters
        ----------
        tree : tree
            Any tree.

        Returns
        -------
        list or None
            The leaves, in order; None where the structure is another one.

        Examples
        --------
        >>> from chainrule import tree
        >>> _, structure = tree.flatten({"w": 1.0, "b": (2.0, 3.0)})
        >>> structure.leaves_of({"w": 4.0, "b": (5.0, 6.0)})
        [4.0, 5.0, 6.0]
        >>> structure.leaves_of({"w": 4.0, "b": 5.0}) is None
        True
        """
        found: list[Any] = []
        return found if self._collect(tree, found) else None

    def _collect(self, tree: Any, found: list[Any]) -> bool:
        kind: Any = self.kind
        children = self.children
        if type(tree) is not kind:
            if kind is not None or _children(tree) is not None:
                return False
            found.append(tree)
            return True
        parts: Any
        if kind is dict:
            if (*tree,) != self.keys:
                return False
            parts = tree.values()
        elif kind is tuple or kind is list:
            parts = tree
        else:
            _, parts = _children(tree) or ((), ())
        if len(parts) != len(children):
            return False
        for part, child in zip(parts, children, strict=True):
            # Written out, as most parts are leaves.
            if child.kind is None and type(part) in _LEAVES:
                found.append(part)
            elif not child._collect(part, found):
                return False
        return True

    def _build(self, values: Iterator[Any]) -> Any:
        kind = self.kind
        if kind is None:
            return next(values)
        return _rebuild(kind, self.keys, [child._build(values) for child in self.children])


#: Types that are leaves, and of almost all leaves.
_LEAVES = frozenset({float, int, np.ndarray, np.float64, np.float32})
#: The structure of a tree that is one leaf.
LEAF = Structure(None, (), ())


def _rebuild(kind: type, keys: tuple[Any, ...], children: list[Any]) -> Any:
    """Put other children into a container of some kind."""
    if kind is tuple or kind is list:
        return kind(children)
    if kind is dict:
        return dict(zip(keys, children, strict=True))
    if kind is type(None):
        return None
    if dataclasses.is_dataclass(kind):
        return _rebuild_dataclass(kind, dict(zip(keys, children, strict=True)))
    return kind(*children)


def _rebuild_dataclass(kind: type, fields: dict[str, Any]) -> Any:
    # __init__ is left out: it may check or convert what a tree of gradients or of traced values is not.
    made: Any = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def _children(tree: Any) -> tuple[tuple[Any, ...], list[Any]] | None:
    kind = type(tree)
    if kind is tuple or kind is list:
        return tuple(range(len(tree))), list(tree)
    if kind is dict:
        return tuple(tree), list(tree.values())
    if tree is None:
        return (), []
    if isinstance(tree, tuple) and hasattr(kind, "_fields"):
        return kind._fields, list(tree)
    if dataclasses.is_dataclass(kind) and not isinstance(tree, type):
        names = tuple(field.name for field in dataclasses.fields(tree))
        return names, [getattr(tree, name) for name in names]
    return None


def children(tree: Any) -> list[Any] | None:
    """List what a container holds itself.

    Parameters
    ----------
    tree : tree
        Of any kind.

    Returns
    -------
    list or None
        Trees and leaves, in the order of `leaves`; None for a leaf.

    Examples
    --------
    >>> from chainrule import tree
    >>> tree.children({"w": 1.0, "b": [2.0]}), tree.children(1.0)
    ([1.0, [2.0]], None)
    """
    parts = _children(tree)
    return None if parts is None else parts[1]


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Split a tree into its leaves and its structure.

    Parameters
    ----------
    tree : tree
        Nested tuples, lists, dicts, named tuples and dataclasses; anything else is a leaf.

    Returns
    -------
    leaves : list
        The leaves, in order.
    structure : Structure
        What `Structure.unflatten` needs to build the tree again.

    Examples
    --------
    >>> from chainrule import tree
    >>> tree.flatten([1.0, (2.0, {"a": 3.0})])[0]
    [1.0, 2.0, 3.0]
    """
    found: list[Any] = []
    return found, _flatten_into(tree, found)


def _flatten_into(tree: Any, found: list[Any]) -> Structure:
    parts = _children(tree)
    if parts is None:
        found.append(tree)
        return LEAF
    keys, children = parts
    return Structure(type(tree), keys, tuple(_flatten_into(child, found) for child in children))


def leaves(tree: Any) -> list[Any]:
    """List the leaves of a tree.

    Parameters
    ----------
    tree : tree
        As `flatten` takes it.

    Returns
    -------
    list
        The leaves, in order.

    Examples
    --------
    >>> from chainrule import tree
    >>> tree.leaves({"w": 1.0, "b": [2.0, None]})
    [1.0, 2.0]
    """
    return flatten(tree)[0]


def leaves_with_paths(tree: Any, root: str = "") -> list[tuple[str, Any]]:
    """List the leaves of a tree, each with the expression that reaches it.

    Parameters
    ----------
    tree : tree
        As `flatten` takes it.
    root : str
        What the expressions start with.

    Returns
    -------
    list of (str, leaf)
        The leaves, in order.

    Examples
    --------
    >>> from chainrule import tree
    >>> tree.leaves_with_paths({"w": 1.0, "b": [2.0]}, "p")
    [("p['w']", 1.0), ("p['b'][0]", 2.0)]
    """
    parts = _children(tree)
    if parts is None:
        return [(root, tree)]
    keys, children = parts
    by_name = type(tree) is not dict and (dataclasses.is_dataclass(tree) or hasattr(tree, "_fields"))
    found = []
    for key, child in zip(keys, children, strict=True):
        found += leaves_with_paths(child, f"{root}.{key}" if by_name else f"{root}[{key!r}]")
    return found


def map(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Apply `f` leaf by leaf to trees of one structure.

    Parameters
    ----------
    f : callable
        Takes one leaf of each tree.
    tree, *rest : tree
        Trees of the same structure.

    Returns
    -------
    tree
        The results, in the structure of `tree`.

    Raises
    ------
    OptionError
        Where the structures differ.

    Examples
    --------
    >>> from chainrule import tree
    >>> tree.map(lambda a, b: a + b, {"w": 1.0}, {"w": 2.0})
    {'w': 3.0}
    """
    if not rest:
        return _map_one(f, tree)
    first, structure = flatten(tree)
    columns = [first]
    for other in rest:
        found, other_structure = flatten(other)
        if other_structure != structure:
            raise OptionError(f"the trees differ: {structure!r} and {other_structure!r}")
        columns.append(found)
    return structure.unflatten(f(*row) for row in zip(*columns, strict=True))


def _map_one(f: Callable[[Any], Any], tree: Any) -> Any:
    parts = _children(tree)
    if parts is None:
        return f(tree)
    keys, children = parts
    return _rebuild(type(tree), keys, [_map_one(f, child) for child in children])
