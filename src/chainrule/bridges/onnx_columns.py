"""What prepares columns for a network, in NumPy notation: chainrule's preparation and scikit-learn's transformers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.bridges.onnx_inputs import Inputs, Read
from chainrule.data import Preparation
from chainrule.data.features import OneHot
from chainrule.errors import OptionError

__all__ = ["Block", "one_hot", "prepared", "side_by_side"]


@dataclass(frozen=True)
class Block:
    """Columns on their way to the network.

    Attributes
    ----------
    width : int
        Their number.
    read : callable
        From the arguments of the recorded function to numbers, shape (rows, width).
    """

    width: int
    read: Read

    def then(self, f: Callable[[Any], Any], width: int | None = None) -> "Block":
        """The block after a function of its numbers."""
        before = self.read
        return Block(self.width if width is None else width, lambda arguments: f(before(arguments)))


def side_by_side(blocks: Sequence[Block]) -> Block:
    """Join blocks, in their order, in float64 where there are several."""
    found = [block for block in blocks if block.width]
    if len(found) == 1:
        return found[0]

    def read(arguments: Sequence[Any]) -> Any:
        return np.concatenate([block.read(arguments).astype(np.float64) for block in found], axis=1)

    return Block(sum(block.width for block in found), read)


def one_hot(codes: Read, count: int, *, refused: bool) -> Block:
    """A column for each code.

    Parameters
    ----------
    codes : callable
        Reads codes, shape (rows,); -1 is no code.
    count : int
        Number of codes.
    refused : bool
        Whether a text without a code is an error here. An ONNX model cannot raise one: it is NaN then, otherwise 0 in
        all columns.
    """

    def read(arguments: Sequence[Any]) -> Any:
        code = codes(arguments)[:, np.newaxis]
        found = (code == np.arange(count)).astype(np.float64)
        return np.where(code < 0, np.nan, found) if refused else found

    return Block(count, read)


def prepared(preparation: Preparation, inputs: Inputs) -> Block:
    """The features that a model's own preparation makes of its columns."""
    place = {name: k for k, name in enumerate(preparation.input_names)}
    blocks = []
    for feature in preparation.features:
        if isinstance(feature, OneHot):
            blocks.append(_texts(feature, place[feature.name], inputs, preparation.impute))
        else:
            means, scales = np.array(feature.means), np.array(feature.scales)
            numbers = Block(len(feature.names), inputs.numbers([place[name] for name in feature.names]))
            blocks.append(numbers.then(_standardised(means, scales, inputs.dtype, preparation.impute)))
    return side_by_side(blocks)


def _standardised(
    means: NDArray[Any], scales: NDArray[Any], dtype: np.dtype[Any], impute: bool
) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        # In float64, and rounded where `Scaling.encode` writes into the model's precision.
        centred = (x.astype(np.float64) - means).astype(dtype)
        found = (centred.astype(np.float64) / scales).astype(dtype)
        return np.where(np.isnan(found), 0.0, found) if impute else found

    return f


def _texts(feature: OneHot, column: int, inputs: Inputs, impute: bool) -> Block:
    codes = [(text, code) for code, text in enumerate(feature.categories)]
    if not impute:
        # A missing text is refused where it is predicted, another text has no feature.
        codes.append(("", len(codes)))
        block = one_hot(inputs.codes(column, codes), len(codes), refused=False)
        last = len(codes) - 1
        return block.then(lambda x: np.where(x[:, last:] == 1, np.nan, x[:, :last]), last)
    codes.append(("", feature.categories.index(feature.frequent)))
    return one_hot(inputs.codes(column, codes), len(feature.categories), refused=False)


def unknown_step(name: str, what: str) -> OptionError:
    """The error for a step of a pipeline that cannot be written."""
    return OptionError(f"the step {name!r} cannot be written as ONNX: {what}")
