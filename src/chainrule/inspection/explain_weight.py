"""The gradient of one weight: the activation on one side of it times the sensitivity on the other."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import OptionError
from chainrule.inspection.backprop import backprop
from chainrule.inspection.notation import Notation
from chainrule.inspection.text import number_text, render_table

__all__ = ["WeightExplanation", "explain_weight"]

_LISTED = 10


@dataclass(frozen=True, eq=False)
class WeightExplanation:
    """What `explain_weight` returns; printing it shows a sentence and a table.

    The numbers are in chainrule's scale; what is shown follows `notation`.

    Attributes
    ----------
    layer, unit : int
        The layer from 1, the unit from 0.
    input : int or None
        The input of the layer from 0; None for the bias, whose activation is 1.
    activations : array, shape (examples,)
        What comes in at the weight.
    sensitivities : array, shape (examples,)
        Derivative of each example's loss by the signal that the weight leads to.
    products : array, shape (examples,)
        The derivative of each example's loss by the weight: the product of the two.
    weights : array, shape (examples,), or None
        Of the examples, where they are weighted.
    penalty : float
        What the regularisers add.
    gradient : float
        Derivative of the objective by the weight: the mean of the products, plus the penalty.
    notation : Notation
        How it is shown.
    """

    layer: int
    unit: int
    input: int | None
    activations: Any
    sensitivities: Any
    products: Any
    weights: Any
    penalty: float
    gradient: float
    notation: Notation
    # What a derivative of an example's loss, and of the objective, is multiplied by to be shown.
    _each: float = field(repr=False)
    _whole: float = field(repr=False)

    @property
    def sentence(self) -> str:
        """The explanation in words."""
        if self.notation.key != "chainrule":
            return self._in_notation()
        n = len(self.products)
        what = "bias" if self.input is None else f"weight from input {self.input}"
        mean = "mean" if self.weights is None else "weighted mean"
        over = f"the {mean} over {n} examples" if n > 1 else "for this one example"
        one = (
            "1, what a bias is multiplied by," if self.input is None else f"activation {self.input} of the layer below"
        )
        added = f", plus {number_text(self.penalty)} from the regularisers" if self.penalty else ""
        return (
            f"The gradient of the {what} of unit {self.unit} in layer {self.layer} is {number_text(self.gradient)}: "
            f"{over} of {one} times the sensitivity of unit {self.unit}{added}."
        )

    def _in_notation(self) -> str:
        notation, n = self.notation, len(self.products)
        row = self.input is None and not notation.bias_row
        quantity = "bias" if row else "weights"
        where = "the bias" if self.input is None else f"the weight from input {self.input}"
        mean = notation.cost if self.weights is None else f"weighted {notation.cost}"
        over = f"the {mean} over {n} examples" if n > 1 else "for this one example"
        added = f", plus {number_text(self._whole * self.penalty)} from the regularisers" if self.penalty else ""
        activation, sensitivity = self._symbols()
        return (
            f"{notation.symbol(quantity, self.layer)}[{self._place()}], {where} of unit {self.unit} in layer "
            f"{notation.number(self.layer)}; {notation.noun(f'gradient by {quantity}')}: "
            f"{number_text(self._whole * self.gradient)}, {over} of {activation} times {sensitivity}{added}."
        )

    def _place(self) -> str:
        """Index in the array of the notation."""
        if self.notation.bias_row:
            return f"{0 if self.input is None else self.input + 1}, {self.unit}"
        if self.input is None:
            return f"{self.unit}"
        return f"{self.unit}, {self.input}" if self.notation.transposed else f"{self.input}, {self.unit}"

    def _symbols(self) -> tuple[str, str]:
        """Of the activation and the sensitivity, with their indices."""
        if self.notation.key == "chainrule":
            return "activation", "sensitivity"
        first = self.notation.bias_row
        if self.input is None:
            activation = f"{self.notation.symbol('inputs', self.layer)}[0] = 1" if first else "1"
        else:
            activation = f"{self.notation.symbol('inputs', self.layer)}[{self.input + first}]"
        return activation, f"{self.notation.symbol('sensitivities', self.layer)}[{self.unit}]"

    def __str__(self) -> str:
        columns = [self.activations, self._each * self.sensitivities, self._each * self.products]
        heads = ["example", *self._symbols(), "product"]
        if self.weights is not None:
            columns.append(self.weights)
            heads.append("weight of the example")
        rows = [(str(n), *(number_text(float(x[n])) for x in columns)) for n in range(min(_LISTED, len(self.products)))]
        more = len(self.products) - len(rows)
        title = self.sentence + "\n" + (f"the first {len(rows)} of {len(self.products)} examples" if more else "")
        mean = number_text(self._whole * float(np.average(self.products, weights=self.weights)))
        if len(self.products) > 1:
            rows.append((f"{self.notation.cost} of all", "", "", mean, *[""] * (len(heads) - 4)))
        return render_table(title, heads, rows, numbers=range(1, len(heads)))

    __repr__ = __str__


def explain_weight(
    model: Any, X: Any, y: Any, *, layer: int, unit: int, input: int | None, **options: Any
) -> WeightExplanation:
    """Explain the gradient of one weight by the values on both sides of it.

    Parameters
    ----------
    model, X, y
        As `chainrule.backprop` takes them.
    layer : int
        Number of the layer, from 1.
    unit : int
        Which of its units, from 0.
    input : int or None
        Which of its inputs, from 0; None for the bias of the unit.
    **options
        Further arguments of `chainrule.backprop`, such as `parameters` and `loss` for a plain network, and `notation`,
        in which it is shown.

    Returns
    -------
    WeightExplanation
        A sentence, both factors for every example, and their mean.

    Raises
    ------
    OptionError
        Where there is no such layer, unit or input, or the layer is not a dense one.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import nn
    >>> from chainrule.inspection import explain_weight
    >>> network = nn.Network(2, (nn.Dense(1, "identity"),))
    >>> parameters = ({"weights": np.array([[1.0], [2.0]]), "bias": np.array([0.5])},)
    >>> X, y = np.array([[1.0, 0.0], [3.0, 1.0]]), np.array([[1.0], [5.0]])
    >>> found = explain_weight(
    ...     network, X, y, layer=1, unit=0, input=0, parameters=parameters, loss="squared"
    ... )
    >>> print(found.sentence)
    The gradient of the weight from input 0 of unit 0 in layer 1 is 2: the mean over 2 examples of activation 0 of the \
layer below times the sensitivity of unit 0.
    """
    seen = backprop(model, X, y, **options)
    if not 1 <= layer <= len(seen.layers):
        raise OptionError(f"layer should be from 1 to {len(seen.layers)}, found {layer}")
    here = seen.layers[layer - 1]
    name = "bias" if input is None else "weights"
    gradients = here.gradients.get(name)
    if gradients is None or np.ndim(here.inputs) != 2:
        raise OptionError(f"layer {layer} ({here.layer.text}) has no {name} of a dense layer")
    inputs, units = here.inputs.shape[1], here.sensitivities.shape[1]
    if not 0 <= unit < units:
        raise OptionError(f"unit should be from 0 to {units - 1} in layer {layer}, found {unit}")
    if input is not None and not 0 <= input < inputs:
        raise OptionError(f"input should be from 0 to {inputs - 1} in layer {layer}, found {input}")
    where = unit if input is None else (input, unit)
    sensitivities = np.asarray(here.sensitivities[:, unit])
    activations = np.ones_like(sensitivities) if input is None else np.asarray(here.inputs[:, input])
    products = activations * sensitivities
    penalty = float(here.penalties[name][where]) if name in here.penalties else 0.0
    gradient = float(gradients[where])
    mean = float(np.average(products, weights=seen.weights))
    scale = float(np.average(np.abs(products), weights=seen.weights)) + abs(penalty)
    if abs(mean + penalty - gradient) > 1e3 * np.finfo(sensitivities.dtype).eps * (scale + abs(gradient)):
        raise OptionError(
            f"layer {layer} ({here.layer.text}) does not multiply its inputs by these weights alone: the mean product "
            f"is {number_text(mean)}, the gradient {number_text(gradient)}"
        )
    return WeightExplanation(
        layer,
        unit,
        input,
        activations,
        sensitivities,
        products,
        seen.weights,
        penalty,
        gradient,
        seen.notation,
        seen.notation.sign * seen.notation.factor(seen.loss),
        seen.notation.gradient_factor(seen.loss, seen.total),
    )
