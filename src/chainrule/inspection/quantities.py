"""What a backward pass holds: the quantities of each layer, and of the whole network."""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.differentiate import vjp
from chainrule.errors import DataError, OptionError
from chainrule.inspection.conversion import arrays_of
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import notation_of
from chainrule.inspection.tables import backprop_table, numeric
from chainrule.inspection.text import render_table
from chainrule.nn.layers import Arrays, Layer
from chainrule.nn.loss_row import Loss

if TYPE_CHECKING:
    from chainrule.inspection.equations import Equations

__all__ = ["Backprop", "LayerBackprop", "rows_of_jacobian"]


@dataclass(frozen=True, eq=False)
class LayerBackprop:
    """What one layer computed, and what came back to it, in chainrule's layout and scale.

    Attributes
    ----------
    number : int
        From 1, the first layer.
    layer : Layer
        The layer.
    inputs : array, shape (examples, inputs)
        What the layer was given: the activations of the layer before, or the data; for a residual connection the sum.
    signals : array, shape (examples, units)
        What entered the activation function.
    activations : array, shape (examples, units)
        What left it.
    back : array, shape (examples, units)
        Derivative of each example's loss by its activations: what comes back through the layers after it. The first
        factor of the sensitivities.
    slope : array, shape (examples, units) or (examples, units, units)
        Derivative of the activations by the signals, the second factor; for softmax a matrix for each example, with
        activations as rows and signals as columns.
    sensitivities : array, shape (examples, units)
        Derivative of each example's loss by its signals. (Where examples depend on each other, as in training through
        batch normalisation, of the sum of the losses.)
    parameters, state : dict of arrays
        What the layer computed with.
    gradients : dict of arrays
        Derivative of the objective by each parameter of the layer: of a dense one ``weights``, shape (inputs, units),
        and ``bias``.
    penalties : dict of arrays
        The part of the gradients that comes from the regularisers; empty where there is none.
    skip : int or None
        For a residual connection the number of the layer whose activations are added, 0 for the data.
    training : bool
        Whether the pass was one of training.
    """

    number: int
    layer: Layer
    inputs: Any
    signals: Any
    activations: Any
    back: Any
    slope: Any
    sensitivities: Any
    parameters: Arrays
    state: Arrays
    gradients: Arrays
    penalties: Arrays
    skip: int | None
    training: bool
    _signal: Callable[[Any], Any] = field(repr=False)
    _one_of: "tuple[LayerBackprop, int] | None" = field(default=None, repr=False)

    @property
    def couples(self) -> bool:
        """Whether examples depend on each other in this layer, as in training through batch normalisation."""
        return self.training and bool(self.state)

    def jacobian(self) -> Any:
        """Differentiate the layer's activations by its inputs, example by example.

        Returns
        -------
        array, shape (examples, units, inputs)
            Activations as rows, inputs as columns. By a code of a category the derivative is zero.

        Raises
        ------
        OptionError
            Where examples depend on each other, so that there is no Jacobian of each.

        Examples
        --------
        >>> from chainrule import backprop, nn
        >>> network, x = nn.Network.of(2, outputs=1, output="identity"), np.ones((1, 2))
        >>> parameters = ({"weights": np.array([[3.0], [4.0]]), "bias": np.zeros(1)},)
        >>> backprop(network, x, x[:, :1], parameters=parameters, loss="squared").layers[0].jacobian()
        array([[[3., 4.]]])
        """
        if self.couples:
            raise OptionError(
                f"layer {self.number}, {self.layer.text}, makes the examples of a batch depend on each other in "
                "training, so that no example has a Jacobian of its own: take training=False"
            )
        if self._one_of is not None:
            whole, n = self._one_of
            return whole.jacobian()[n : n + 1]
        inner = rows_of_jacobian(self._signal, np.asarray(self.inputs, self.signals.dtype))
        return self.slope @ inner if self.slope.ndim == 3 else self.slope[:, :, np.newaxis] * inner


@dataclass(frozen=True, eq=False)
class Backprop:
    """The backward pass of a network on some data; printing it shows a table.

    The arrays are in chainrule's layout and scale; what is shown follows `notation`.

    Attributes
    ----------
    layers : tuple of LayerBackprop
        From the first to the last.
    losses : array, shape (examples,)
        Loss of each example.
    objective : float
        Their mean, plus the regularisers.
    loss : Loss
        Row of the loss.
    targets : array, shape (examples, outputs)
        What should come out.
    weights : array, shape (examples,), or None
        Weights of the examples in the mean.
    notation : Notation
        How the numbers are shown.
    """

    layers: tuple[LayerBackprop, ...]
    losses: Any
    objective: float
    loss: Loss
    targets: Any
    weights: Any
    notation: Notation
    _gradients_of: Callable[[Any], tuple[Any, float, Any]] = field(repr=False)

    @property
    def loss_by_output(self) -> Any:
        """Derivative of each example's loss by the activations of the last layer, shape (examples, outputs)."""
        return self.layers[-1].back

    @property
    def output_by_signal(self) -> Any:
        """Derivative of the last layer's activations by its signals: its `slope`."""
        return self.layers[-1].slope

    @property
    def total(self) -> float:
        """What the sum of the losses is divided by: the number of examples, or the sum of their weights."""
        return float(len(self.losses) if self.weights is None else np.sum(self.weights))

    def __str__(self) -> str:
        title, heads, rows = self.table()
        first, *others = title.splitlines()
        lines = [first, *(part for line in others for part in textwrap.wrap(line, 118))]
        return render_table("\n".join(lines), heads, rows, numbers=numeric(heads), narrow=True)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from chainrule.inspection.html import backprop_html

        return backprop_html(self)

    def as_in(self, notation: str | Notation) -> "Backprop":
        """The same pass, shown in another notation.

        Parameters
        ----------
        notation : str or Notation
            A key of `chainrule.inspection.NOTATIONS`.

        Returns
        -------
        Backprop
            With the same arrays.
        """
        return replace(self, notation=notation_of(notation))

    def table(self, notation: str | Notation | None = None) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
        """Every quantity of every layer: root mean squares over examples and units.

        Where there is one example, as `example` gives it, the table has a row for each quantity with its numbers.

        Parameters
        ----------
        notation : str or Notation, optional
            In place of the pass's own.

        Returns
        -------
        title : str
            What was passed through, the objective, and what the heads stand for.
        heads : tuple of str
            Of the columns.
        rows : list of tuples of str
            One for each layer, or for each quantity of it.
        """
        return backprop_table(self, self._notation(notation))

    def arrays(self, notation: str | Notation | None = None) -> tuple[dict[str, Any], ...]:
        """The quantities of every layer in the layout, scale and sign of a notation.

        Parameters
        ----------
        notation : str or Notation, optional
            In place of the pass's own.

        Returns
        -------
        tuple of dicts
            For each layer ``number``, ``inputs``, ``signals``, ``activations``, ``back``, ``slope``, ``sensitivities``,
            each parameter by its name (a learned slope as ``learned slope``), and each gradient as ``gradient by
            weights`` and so on; also ``penalty by weights`` where there are regularisers. Where the bias is row 0 of
            the weights, it has no entry of its own, and what enters such weights begins with a column of ones.

        Examples
        --------
        >>> from chainrule import backprop, nn
        >>> network, x = nn.Network.of(2, (3,)), np.ones((5, 2))
        >>> seen = backprop(network, x, x[:, :1], parameters=network.initialize(0), loss="half_squared")
        >>> first, last = seen.arrays("nielsen")
        >>> first["number"], first["weights"].shape
        (2, (3, 2))
        >>> seen.arrays("magdon-ismail")[0]["weights"].shape
        (3, 3)
        """
        return arrays_of(self, self._notation(notation))

    def equations(self, notation: str | Notation | None = None) -> "Equations":
        """The equations of backpropagation, evaluated from the numbers shown, with the residual of each.

        Parameters
        ----------
        notation : str or Notation, optional
            In place of the pass's own.

        Returns
        -------
        Equations
            Printing it shows a table.
        """
        from chainrule.inspection.equations import equations_of

        return equations_of(self, self._notation(notation))

    def latex(self, notation: str | Notation | None = None) -> str:
        """Write the table in LaTeX, as an ``array`` for mathematics.

        Parameters
        ----------
        notation : str or Notation, optional
            In place of the pass's own.

        Returns
        -------
        str
            Without dollar signs around it.
        """
        from chainrule.inspection.latex import backprop_latex

        return backprop_latex(self, self._notation(notation))

    def example(self, n: int) -> "Backprop":
        """The pass of one example alone: its numbers, and the gradients of its own loss.

        Parameters
        ----------
        n : int
            Number of the example, from 0.

        Returns
        -------
        Backprop
            Of one example. The regularisers take part in its objective and its gradients.

        Raises
        ------
        DataError
            Where there is no such example.
        OptionError
            Where examples depend on each other, as in training through batch normalisation.
        """
        count = len(self.losses)
        if not 0 <= n < count:
            raise DataError(f"n should be a number of an example, from 0 to {count - 1}, found {n}")
        for layer in self.layers:
            if layer.couples:
                raise OptionError(
                    f"layer {layer.number}, {layer.layer.text}, makes the examples of a batch depend on each other in "
                    "training: take training=False to look at one"
                )
        alone = np.zeros(count, self.losses.dtype)
        # Its own weight, by which the mean divides again, rounds as it did in the whole.
        alone[n] = 1 if self.weights is None or self.weights[n] == 0 else self.weights[n]
        found = self._gradients_of(alone)
        _, value, gradients = found
        part = slice(n, n + 1)
        layers = tuple(
            replace(
                layer,
                inputs=layer.inputs[part],
                signals=layer.signals[part],
                activations=layer.activations[part],
                back=layer.back[part],
                slope=layer.slope[part],
                sensitivities=layer.sensitivities[part],
                gradients=own,
                _one_of=(layer, n) if layer._one_of is None else layer._one_of,
            )
            for layer, own in zip(self.layers, gradients, strict=True)
        )
        return replace(
            self,
            layers=layers,
            losses=self.losses[part],
            objective=value,
            targets=self.targets[part],
            weights=None,
            _gradients_of=lambda weights: found,
        )

    def _notation(self, notation: str | Notation | None) -> Notation:
        return self.notation if notation is None else notation_of(notation)


def rows_of_jacobian(f: Callable[[Any], Any], x: Any) -> Any:
    """Derivatives of each example's outputs by its inputs, shape (examples, outputs, inputs).

    One backward pass for each output gives one row of every example's Jacobian.
    """
    value, pull_back = vjp(f, x)
    rows = [pull_back(np.broadcast_to(unit, value.shape))[0] for unit in np.eye(value.shape[1], dtype=value.dtype)]
    return np.stack(rows, axis=1)
