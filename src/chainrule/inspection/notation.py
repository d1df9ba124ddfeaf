"""What the texts on backpropagation call its quantities, how they lay them out, and which formulas they write."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.nn.loss_row import Loss

__all__ = ["Notation", "Symbol", "plain"]

#: The factor of the squared error in the losses of the table.
SQUARES = {"squared": 1.0, "half_squared": 0.5}

# Where a formula names a layer: ^{l}, ^{l+1}, ^{(L)} and so on.
_LAYER = re.compile(r"(?<=\^)\{(\(?)(l|l\+1|l-1|L)(\)?)\}")
_SHIFT = {"l": 0, "L": 0, "l+1": 1, "l-1": -1}
_SIGNS = {
    r"\Delta": "Δ",
    r"\delta": "δ",
    r"\eta": "η",
    r"\alpha": "α",
    r"\theta": "θ",
    r"\sigma": "σ",
    r"\varphi": "φ",
    r"\partial ": "∂",
    r"\nabla": "∇",
    r"\ell": "ℓ",
    r"\sum": "Σ",
    r"\odot": "∘",
    r"\cdot": "·",
    r"\leftarrow": "←",
    r"^\top": "ᵀ",
    r"\quad": " ",
    r"\,": " ",
    "-": "−",
}


_ACCENTS = {"overline": "\u0304", "hat": "\u0302"}


@dataclass(frozen=True)
class Symbol:
    """What a text calls a quantity.

    Attributes
    ----------
    word : str
        In words, such as ``"weighted inputs"``.
    latex : str
        As a symbol, with the layer as ``{l}``: ``"z^{l}"``.
    """

    word: str
    latex: str


@dataclass(frozen=True)
class Notation:
    r"""A convention: names, layout, scale and sign of the quantities of backpropagation.

    Arrays have one row an example in all of them. A vector of the text is such a row.

    Attributes
    ----------
    key : str
        Its name in `NOTATIONS`.
    source : str
        The text.
    input_layer : int
        Number of the inputs: 0, or 1 where they are the first layer. Layer k of a network has the number k +
        `input_layer`.
    transposed : bool
        Whether weights have the shape (units, inputs); otherwise (inputs, units).
    bias_row : bool
        Whether the bias is row 0 of the weights, and what enters a layer begins with a constant 1.
    cost : {"mean", "sum"}
        Whether the losses of the examples are averaged or summed. What regularisers add is scaled with them.
    square : float or None
        The factor of its squared error, 1 or 1/2; None takes the loss as it is.
    sign : int
        -1 where sensitivities, what comes back, and gradients are shown negated, as what is added in a step.
    jacobians : bool
        Whether the derivative of activations by signals is a matrix for each example, however the units depend.
    bars : bool
        Whether the derivative of the loss by a value is written as the value with a bar.
    sum_latex : str
        The sum or mean over the examples.
    symbols : mapping of str to Symbol
        By quantity: ``"inputs"``, ``"signals"``, ``"activations"``, ``"back"``, ``"slope"``, ``"sensitivities"``,
        ``"weights"``, ``"bias"``, ``"gradient by weights"``, ``"gradient by bias"``, ``"loss"``, ``"objective"``,
        ``"targets"``.
    formulas : mapping of str to str
        LaTeX by equation: ``"signals"``, ``"activations"``, ``"output error"``, ``"output sensitivity"``,
        ``"sensitivity"``, ``"gradient by bias"``, ``"gradient by weights"``, ``"cost"``, ``"update"``; ``"output
        sensitivity, matrix"`` and ``"sensitivity, matrix"`` are those of an activation such as softmax. ``"back"`` is
        the right side alone: what comes back through the weights of the next layer.

    Examples
    --------
    >>> from chainrule.inspection.notations import notation_of
    >>> nielsen = notation_of("nielsen")
    >>> nielsen.symbol("signals", 1), nielsen.word("sensitivities")
    ('z^2', 'errors')
    >>> nielsen.formula("sensitivity")
    'δ^l = ((w^(l+1))ᵀ δ^(l+1)) ∘ σ′(z^l)'
    >>> nielsen.latex_formula("gradient by bias", 1)
    '\\frac{\\partial C}{\\partial b^{2}} = \\frac{1}{n} \\sum_x \\delta^{2}'
    """

    key: str
    source: str
    input_layer: int
    transposed: bool
    bias_row: bool
    cost: Literal["mean", "sum"]
    square: float | None
    sign: int
    jacobians: bool
    bars: bool
    sum_latex: str
    symbols: Mapping[str, Symbol] = field(hash=False, repr=False)
    formulas: Mapping[str, str] = field(hash=False, repr=False)

    def number(self, layer: int) -> int:
        """The number of layer `layer` of a network, which chainrule counts from 1."""
        return layer + self.input_layer

    def word(self, quantity: str) -> str:
        """What a quantity is called; one that the text has no word for keeps chainrule's."""
        return self.symbols[quantity].word if quantity in self.symbols else quantity

    def noun(self, quantity: str) -> str:
        """What a quantity is called in a sentence: its word up to the first comma."""
        return self.word(quantity).partition(",")[0]

    def latex_symbol(self, quantity: str, layer: int | None = None) -> str:
        """The symbol of a quantity in LaTeX, of a layer counted from 1, or of any."""
        if quantity in self.symbols:
            return self._placed(self.symbols[quantity].latex, layer)
        # Scales, shifts, slopes and vectors: the texts have none of them.
        name = r"\mathrm{" + quantity.removeprefix("gradient by ") + "}"
        if not quantity.startswith("gradient by "):
            return name
        minus = "-" if self.sign < 0 else ""
        return rf"{minus}\frac{{\partial {self.symbols['objective'].latex}}}{{\partial {name}}}"

    def symbol(self, quantity: str, layer: int | None = None) -> str:
        """The symbol of a quantity as plain text."""
        return plain(self.latex_symbol(quantity, layer))

    def latex_formula(self, name: str, layer: int | None = None, *, weighted: bool = False) -> str:
        """An equation in LaTeX, of a layer counted from 1, or of any; `weighted` where examples have weights."""
        return self._placed(self.formulas[name].replace("@sum", self.latex_sum(weighted)), layer)

    def latex_sum(self, weighted: bool = False) -> str:
        """The sum or mean over the examples, in LaTeX."""
        if not weighted:
            return self.sum_latex
        return r"\frac{1}{\sum v_n} \sum_n v_n" if self.cost == "mean" else r"\sum_n v_n"

    def formula(self, name: str, layer: int | None = None) -> str:
        """An equation as plain text."""
        return plain(self.latex_formula(name, layer))

    def _placed(self, latex: str, layer: int | None) -> str:
        if layer is None:
            return latex
        return _LAYER.sub(lambda m: f"{{{m[1]}{self.number(layer) + _SHIFT[m[2]]}{m[3]}}}", latex)

    def square_factor(self, loss: Loss) -> float | None:
        """The factor of the squared error as it is shown; None where the loss is another one."""
        if loss.name not in SQUARES:
            return None
        return SQUARES[loss.name] if self.square is None else self.square

    def factor(self, loss: Loss) -> float:
        """What the loss of an example is multiplied by to be shown: 1 but for a squared error that differs."""
        shown = self.square_factor(loss)
        return 1.0 if shown is None else shown / SQUARES[loss.name]

    def objective_factor(self, loss: Loss, total: float) -> float:
        """What the objective is multiplied by, where the weights of the examples add up to `total`."""
        return self.factor(loss) * (total if self.cost == "sum" else 1.0)

    def gradient_factor(self, loss: Loss, total: float) -> float:
        """What gradients are multiplied by."""
        return self.sign * self.objective_factor(loss, total)

    def pack(self, weights: NDArray[Any], bias: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Lay weights of shape (inputs, units) and a bias, or the gradients by them, out as the text does.

        Examples
        --------
        >>> from chainrule.inspection.notations import notation_of
        >>> notation_of("magdon-ismail").pack(np.array([[1.0, 2.0]]), np.array([3.0, 4.0]))
        {'weights': array([[3., 4.],
               [1., 2.]])}
        """
        if self.bias_row:
            return {"weights": np.concatenate([bias[np.newaxis], weights])}
        return {"weights": weights.T if self.transposed else weights, "bias": bias}

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The opposite of `pack`."""
        weights = arrays["weights"]
        if self.bias_row:
            return weights[1:], weights[0]
        return (weights.T if self.transposed else weights), arrays["bias"]


def plain(latex: str) -> str:
    r"""Write a formula of a `Notation` as plain text.

    Examples
    --------
    >>> plain(r"\frac{\partial \ell}{\partial z^{l}} = \overline{h}^{(l+1)}")
    '∂ℓ/∂z^l = h̄^(l+1)'
    """
    text = re.sub(r"\\(?:mathrm|mathcal)\{([^{}]*)\}", r"\1", latex)
    text = re.sub(r"_\{([^{}]*)\}", r"_\1", text)
    # Only what is longer than a sign or a number is put into parentheses, where it is in none.
    text = re.sub(r"\^\{(\w+|\([^{}]*\))\}", r"^\1", text)
    text = re.sub(r"\^\{([^{}]*)\}", r"^(\1)", text)
    for accent, mark in _ACCENTS.items():
        text = re.sub(rf"\\{accent}\{{(.)\}}", rf"\1{mark}", text)
    for sign, letter in _SIGNS.items():
        text = text.replace(sign, letter)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2", text)
    text = re.sub(r" +", " ", text.replace("'", "′").replace("{", "").replace("}", ""))
    return unicodedata.normalize("NFC", text)
