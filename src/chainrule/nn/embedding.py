"""Embeddings: a learned vector for each category."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.errors import DataError, OptionError
from chainrule.nn.activations import ACTIVATIONS, Activation
from chainrule.nn.layers import Arrays, check_size
from chainrule.ops.shapes import SLOT, index
from chainrule.random import RandomState
from chainrule.trace import Tracer
from chainrule.trace.symbolic import NO_VALUE, value_of

__all__ = ["Embedding"]


@dataclass(frozen=True)
class Embedding:
    """Columns of categories become learned vectors; the other columns pass on as they are.

    The first columns of the inputs, as many as there are `categories`, hold the codes 0, 1, 2 and so on of categories.
    Each is replaced by the row of that number in a matrix of its own, ``vectors1``, ``vectors2`` and so on, so that
    categories that act alike can come to lie close together: what a dense layer would make of one-hot columns,
    without the zeros. (C. Guo and F. Berkhahn, Entity embeddings of categorical variables, 2016.)

    Attributes
    ----------
    categories : tuple of int
        Number of categories of each of the first columns.
    units : tuple of int
        Length of the vectors of each of these columns.

    Raises
    ------
    OptionError
        Where there are no categories, not as many `units`, or a number is not positive; and from a network that has
        fewer inputs.

    Notes
    -----
    The signals are the vectors side by side, and then the other columns; the activations are the same. The vectors
    start normally distributed with variance 1, which is that of a standardised column. They are matrices, so they
    shrink with the weights where there is a regulariser or weight decay.

    A code that is not a whole number or is out of range is an error that names the column. Where the inputs are traced
    without values, as inside `chainrule.vectorize`, there is nothing to look at: check codes beforehand.

    Examples
    --------
    >>> layer = Embedding(categories=(3,), units=(2,))
    >>> parameters = {"vectors1": np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])}
    >>> signal, state = layer.signal(parameters, {}, np.array([[2.0, 0.5], [0.0, -0.5]]))
    >>> signal
    array([[ 4. ,  5. ,  0.5],
           [ 0. ,  1. , -0.5]])
    """

    categories: tuple[int, ...]
    units: tuple[int, ...]

    kind: ClassVar[str] = "embedding"
    draws: ClassVar[bool] = False
    activation_row: ClassVar[Activation] = ACTIVATIONS["identity"]

    def __post_init__(self) -> None:
        for name in ("categories", "units"):
            given = getattr(self, name)
            if not isinstance(given, Iterable) or not tuple(given):
                raise OptionError(f"{name} of an embedding has to be one number for each column, found {given!r}")
            sizes = tuple(check_size(f"{name} of an embedding", size) for size in given)
            object.__setattr__(self, name, sizes)
        if len(self.categories) != len(self.units):
            raise OptionError(
                f"an embedding needs units for each column of categories, found {len(self.units)} for "
                f"{len(self.categories)}"
            )

    @property
    def text(self) -> str:
        """Kind, categories and lengths."""
        pairs = zip(self.categories, self.units, strict=True)
        return f"{self.kind} of {', '.join(f'{count:,} in {units:,}' for count, units in pairs)}"

    def units_out(self, inputs: int) -> int:
        """Lengths of the vectors, and the columns that pass on."""
        if inputs < len(self.categories):
            raise OptionError(
                f"the embedding takes {len(self.categories)} columns of categories, but there are {inputs} inputs"
            )
        return inputs - len(self.categories) + sum(self.units)

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Shape of each matrix of vectors, (categories, units)."""
        pairs = zip(self.categories, self.units, strict=True)
        return {f"vectors{number}": pair for number, pair in enumerate(pairs, start=1)}

    def initialize(self, rng: np.random.Generator, inputs: int, dtype: DTypeLike) -> Arrays:
        """Draw the vectors: normal, with variance 1."""
        return {name: rng.standard_normal(shape).astype(dtype) for name, shape in self.shapes(inputs).items()}

    def state_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """No state."""
        return {}

    def initial_state(self, inputs: int, dtype: DTypeLike) -> Arrays:
        """No state."""
        return {}

    def signal(
        self,
        parameters: Arrays,
        state: Arrays,
        x: NDArray[Any],
        rng: RandomState | None = None,
        training: bool = False,
    ) -> tuple[NDArray[Any], Arrays]:
        """Look the vectors up.

        Parameters
        ----------
        parameters : dict of arrays
            As `initialize` makes them.
        state : dict
            Comes out as it is.
        x : array, shape (examples, inputs)
            Codes in the first columns.
        rng, training
            Not used.

        Returns
        -------
        signal : array, shape (examples, units)
            Vectors and other columns.
        state : dict
            The one that went in.

        Raises
        ------
        DataError
            For a code that is not a whole number, or out of range.
        """
        values: Any = value_of(x) if isinstance(x, Tracer) else x
        if values is not NO_VALUE:
            self.check_codes(values)
        count = len(self.categories)
        parts: list[Any] = [
            index(parameters[f"vectors{k + 1}"], x[:, k].astype(np.intp), template=(SLOT,)) for k in range(count)
        ]
        if x.shape[1] > count:
            parts.append(x[:, count:])
        return np.concatenate(parts, axis=1), state

    def check_codes(self, x: NDArray[Any]) -> None:
        """Raise DataError where a code in the first columns of `x` is not a whole number, or out of range."""
        for k, count in enumerate(self.categories):
            codes = x[:, k]
            bad = np.flatnonzero(~((codes >= 0) & (codes < count) & (codes == np.floor(codes))))
            if bad.size:
                raise DataError(
                    f"x[{bad[0]}, {k}] is {codes[bad[0]]:g}: the embedding takes codes of {count} "
                    f"categories in column {k}, whole numbers from 0 to {count - 1}"
                )

    def activate(
        self, parameters: Arrays, signal: NDArray[Any], rng: RandomState | None = None, training: bool = False
    ) -> NDArray[Any]:
        """Return the signals."""
        return signal
