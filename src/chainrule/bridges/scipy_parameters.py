"""Parameters as SciPy moves them: a tree of arrays and numbers as one vector of float64, and back."""

from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import OptionError
from chainrule.trace.buffer import settled
from chainrule.trace.tracer import Tracer

__all__ = ["Parameters", "as_tree", "plain"]


class Parameters:
    """Where the parameters stand in SciPy's vector.

    Parameters
    ----------
    x0 : tree
        Arrays and numbers, real. A list of plain numbers is taken as one array, as SciPy takes it.
    name : str
        How it is called in messages.

    Attributes
    ----------
    vector : ndarray of float64, shape (size,)
        `x0`, one leaf after the other.
    layout : tree.Layout
        Where each leaf stands.

    Raises
    ------
    OptionError
        Where a leaf is not real: integer arrays, booleans, complex numbers and other objects are named. And where there
        is no number at all.
    """

    __slots__ = ("layout", "name", "vector")

    def __init__(self, x0: Any, name: str = "x0") -> None:
        x0 = as_tree(x0)
        for path, leaf in tree.leaves_with_paths(x0, name):
            _check_leaf(path, leaf)
        vector, self.layout = tree.ravel(x0)
        if not len(vector):
            raise OptionError(f"{name} holds no numbers")
        self.vector: np.ndarray[Any, Any] = vector.astype(np.float64)
        self.name = name

    @property
    def size(self) -> int:
        """Length of the vector."""
        return len(self.vector)

    def entry(self, number: int) -> str:
        """The expression that reaches an entry of the vector, such as ``x0['w'][0, 1]``."""
        for path, shape in zip(self.layout.names(self.name), self.layout.shapes, strict=True):
            size = int(np.prod(shape))
            if number < size:
                where = ", ".join(map(str, np.unravel_index(number, shape)))
                return f"{path}[{where}]" if where else path
            number -= size
        raise IndexError(number)


def as_tree(x0: Any) -> Any:
    """The tree that is meant: a list of plain numbers is an array."""
    x0 = plain(x0)
    is_vector = type(x0) is list and x0 and all(isinstance(x, _NUMBERS) and not isinstance(x, bool) for x in x0)
    return np.array(x0, np.float64) if is_vector else x0


def plain(x: Any) -> Any:
    """The tree as it is now: while something is recorded, `np.zeros` makes what may yet become traced."""
    return tree.map(settled, x) if any(isinstance(leaf, Tracer) for leaf in tree.leaves(x)) else x


_NUMBERS = (int, float, np.integer, np.floating)


def _check_leaf(path: str, leaf: Any) -> None:
    kind = type(leaf)
    if kind in (float, int):
        return
    if kind is not np.ndarray and not isinstance(leaf, np.generic):
        raise OptionError(
            f"{path} is of type {kind.__name__}; SciPy moves real numbers: floats, arrays of them, or tuples, lists, "
            "dicts, named tuples and dataclasses of those"
        )
    if leaf.dtype.kind in "iub":
        raise OptionError(
            f"{path} has dtype {leaf.dtype}; SciPy moves real numbers. Give it as float, or, where it is to stay as it "
            "is, in args"
        )
    if leaf.dtype.kind != "f":
        raise OptionError(f"{path} has dtype {leaf.dtype}; SciPy moves real numbers. Give real and imaginary parts")
