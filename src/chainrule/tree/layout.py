"""The leaves of a tree in one vector."""

import dataclasses
import math
from typing import Any

import numpy as np

from chainrule.errors import OptionError
from chainrule.tree.structure import Structure, flatten, leaves_with_paths

__all__ = ["Layout", "ravel"]


@dataclasses.dataclass(frozen=True, slots=True)
class Layout:
    """How the leaves of a tree stand in one vector, one after the other, each in C order.

    Attributes
    ----------
    structure : Structure
        Of the tree.
    shapes : tuple of tuple of int
        Of the leaves.
    dtypes : tuple of numpy.dtype
        Of the leaves.
    forms : tuple of type
        What each leaf is: `numpy.ndarray`, `numpy.generic` or `float`.
    """

    structure: Structure
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype[Any], ...]
    forms: tuple[type, ...]

    @property
    def size(self) -> int:
        """Length of the vector."""
        return sum(math.prod(shape) for shape in self.shapes)

    def names(self, root: str) -> list[str]:
        """The expression that reaches each leaf, starting with `root`."""
        return [path for path, _ in leaves_with_paths(self.structure.unflatten(range(self.structure.size)), root)]

    def ravel(self, tree: Any) -> Any:
        """Write a tree of this structure and these shapes into a new vector.

        Parameters
        ----------
        tree : tree
            Its leaves may be traced, and of other dtypes.

        Returns
        -------
        array, shape (size,)
            In the common dtype of the leaves.

        Raises
        ------
        OptionError
            Where the structure or a shape differs.
        """
        found = self.structure.leaves_of(tree)
        if found is None:
            raise OptionError(f"the tree has the structure {flatten(tree)[1]!r}, expected {self.structure!r}")
        for number, (leaf, shape) in enumerate(zip(found, self.shapes, strict=True)):
            if np.shape(leaf) != shape:
                raise OptionError(f"{self.names('tree')[number]} has shape {np.shape(leaf)}, expected {shape}")
        return _joined(found)

    def unravel(self, vector: Any) -> Any:
        """Take a vector apart into the tree.

        Parameters
        ----------
        vector : array, shape (size,)
            It may be traced.

        Returns
        -------
        tree
            With the shapes and dtypes of the leaves; they may show the memory of the vector.

        Raises
        ------
        OptionError
            Where the vector has another shape.
        """
        if np.shape(vector) != (self.size,):
            raise OptionError(f"the vector has shape {np.shape(vector)}, expected {(self.size,)}")
        parts, start = [], 0
        for shape, dtype, form in zip(self.shapes, self.dtypes, self.forms, strict=True):
            end = start + math.prod(shape)
            part = vector[start:end].reshape(shape)
            part = part if part.dtype == dtype else part.astype(dtype)
            if form is float:
                # A traced value has no item.
                part = part.item() if isinstance(part, np.ndarray) else part
            parts.append(part[()] if form is np.generic else part)
            start = end
        return self.structure.unflatten(parts)


def _joined(parts: list[Any]) -> Any:
    return np.concatenate([np.ravel(part) for part in parts]) if parts else np.zeros(0)


def ravel(tree: Any) -> tuple[Any, Layout]:
    """Write the leaves of a tree one after the other into one vector.

    Parameters
    ----------
    tree : tree
        Of arrays and numbers, which may be traced. Python's integers count as floats.

    Returns
    -------
    vector : array, shape (number of entries,)
        A new one, in the common dtype of the leaves.
    layout : Layout
        Takes such vectors apart, by `Layout.unravel`, and makes others of trees of the same kind, by `Layout.ravel`.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import tree
    >>> vector, layout = tree.ravel({"w": np.ones((2, 2)), "b": 3.0})
    >>> vector
    array([1., 1., 1., 1., 3.])
    >>> layout.unravel(2 * vector)
    {'w': array([[2., 2.],
           [2., 2.]]), 'b': 6.0}
    """
    found, structure = flatten(tree)
    found = [float(leaf) if type(leaf) is int else leaf for leaf in found]
    shapes = tuple(np.shape(leaf) for leaf in found)
    forms = tuple(
        float if type(leaf) is float else np.generic if isinstance(leaf, np.generic) else np.ndarray for leaf in found
    )
    dtypes = tuple(leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype for leaf in found)
    return _joined(found), Layout(structure, shapes, dtypes, forms)
