"""`diagnose`: what keeps a network from learning, or does not, at one moment."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.inspection.backprop import pass_of
from chainrule.inspection.diagnosis.findings import Finding, findings_of, listed, noise_text, per_cent, short
from chainrule.inspection.diagnosis.measures import FLAT, LayerDiagnosis, measure_layer
from chainrule.inspection.diagnosis.per_example import noise_scale
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import notation_of
from chainrule.inspection.opened import Opened, opened
from chainrule.inspection.quantities import Backprop
from chainrule.inspection.text import number_text, render_table
from chainrule.nn.loss_row import Loss
from chainrule.nn.network import Parameters, State
from chainrule.optim import Transform

__all__ = ["Diagnosis", "diagnose", "diagnosis_of"]

_HEADS = (
    "layer",
    "units",
    "activation",
    "flat",
    "signals",
    "condition",
    "sensitivities",
    "of last",
    "by weights",
    "by slopes",
    "gradient",
    "noise scale",
    "step",
)


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was measured in a network; printing it shows a table and what was found.

    Attributes
    ----------
    layers : tuple of LayerDiagnosis
        From the first to the last.
    examples : int
        Size of the sample.
    objective : float
        Of the sample.
    loss : Loss
        Row of the loss.
    input_mean, input_spread : array, shape (inputs,)
        Mean and standard deviation of each feature.
    squared_gradients : array, shape (examples,)
        Squared length of each example's own gradient by all parameters.
    gradient : float
        Length of the gradient of the objective.
    variance : float
        Sum of the variances of all entries of the examples' gradients.
    noise_scale : float
        The simple noise scale: about the batch size at which noise and gradient are of one size. Infinite where the
        sample is too small to tell.
    flat_and_wrong : float
        Share of the outputs that are in the flat part of a sigmoid or tanh, and more than half of its range off their
        targets, where the loss multiplies by the slope. 0 where it does not.
    total : float
        What the sum of the losses is divided by: the number of examples, or the sum of their weights.
    notation : Notation
        In which the table and the findings are shown; the attributes stay as they are.
    """

    layers: tuple[LayerDiagnosis, ...]
    examples: int
    objective: float
    loss: Loss
    input_mean: NDArray[Any]
    input_spread: NDArray[Any]
    squared_gradients: NDArray[Any]
    gradient: float
    variance: float
    noise_scale: float
    flat_and_wrong: float
    total: float
    notation: Notation

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What stands out, and what to try; empty where nothing does."""
        return tuple(replace(one, notation=self.notation) for one in findings_of(self))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The numbers of all layers, for drawings.

        Returns
        -------
        dict of str to array, shape (layers,)
            By name: ``layer``, ``units``, ``saturated``, ``dead``, ``equal`` (shares), ``signal``, ``activation``,
            ``sensitivity``, ``by_weights``, ``by_activation``, ``condition``, ``directions``, ``gradient``,
            ``variance``, ``noise_scale``, ``weight`` and ``update_ratio``, as `LayerDiagnosis` has them; NaN where
            there is no such number.
        """
        names = {"layer": "number", "saturated": "saturated_share", "dead": "dead_share", "equal": "equal_share"}
        return {
            name: np.array([getattr(one, names.get(name, name)) for one in self.layers])
            for name in (
                "layer",
                "units",
                "saturated",
                "dead",
                "equal",
                "signal",
                "activation",
                "sensitivity",
                "by_weights",
                "by_activation",
                "condition",
                "directions",
                "gradient",
                "variance",
                "noise_scale",
                "weight",
                "update_ratio",
            )
        }

    def table(self) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
        """The numbers, a row for each layer.

        Returns
        -------
        title : str
            The whole network, and in a notation what its symbols stand for.
        heads : tuple of str
            Of the columns; those without a number are left out. ``flat`` is the share of examples and units in the
            flat part of sigmoid and tanh, or of dead units; ``signals`` and ``sensitivities`` are root mean squares,
            ``of last`` those over the last layer's, ``by weights`` and ``by slopes`` the two factors that each layer
            multiplies them by on the way back; ``step`` is the optimiser's step over the weights.
        rows : list of tuples of str
            One for each layer.
        """
        last, notation = self.layers[-1].sensitivity, self.notation
        each = notation.factor(self.loss)
        whole = notation.objective_factor(self.loss, self.total)
        rows = [
            (
                str(notation.number(one.number)),
                str(one.units),
                one.layer.text,
                _flat(one),
                short(one.signal),
                short(one.condition) if one.units > 1 else "",
                short(each * one.sensitivity),
                short(one.sensitivity / last) if last else "",
                short(one.by_weights),
                short(one.by_activation),
                short(whole * one.gradient) if one.weight or one.gradient else "",
                noise_text(one.noise_scale, self.examples),
                short(one.update_ratio),
            )
            for one in self.layers
        ]
        kept = [k for k in range(len(_HEADS)) if any(row[k] for row in rows)]
        heads: tuple[str, ...] = _HEADS
        legend = ""
        if notation.key != "chainrule":
            symbols = {name: notation.symbol(name) for name in ("signals", "sensitivities")}
            heads = tuple(symbols.get(head, head) for head in _HEADS)
            legend = f"\nin the notation of {notation.source}\n"
            legend += "; ".join(f"{symbol} {notation.word(name)}" for name, symbol in symbols.items())
        noise = "" if np.isnan(self.noise_scale) else f", noise scale {noise_text(self.noise_scale, self.examples)}"
        title = (
            f"diagnosis of {len(self.layers)} layer{'s' if len(self.layers) > 1 else ''} on {self.examples} "
            f"example{'s' if self.examples > 1 else ''}: objective {number_text(whole * self.objective)}, gradient of "
            f"length {short(whole * self.gradient)}{noise}{legend}"
        )
        return title, tuple(heads[k] for k in kept), [tuple(row[k] for k in kept) for row in rows]

    def __str__(self) -> str:
        title, heads, rows = self.table()
        numbers = [k for k, head in enumerate(heads) if head != "activation"]
        title = "\n".join(part for line in title.splitlines() for part in textwrap.wrap(line, 118))
        shown = render_table(title, heads, rows, numbers=numbers, narrow=True)
        return f"{shown}\n{listed(self.findings)}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from chainrule.inspection.diagnosis.html import diagnosis_html

        return diagnosis_html(self)


def _flat(one: LayerDiagnosis) -> str:
    if one.saturated is not None:
        return per_cent(one.saturated_share)
    return f"{per_cent(one.dead_share)} dead" if one.dead is not None and np.any(one.dead) else ""


def diagnose(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    parameters: Parameters | None = None,
    state: State | None = None,
    loss: Any = None,
    regularizers: Sequence[Any] = (),
    weights: Any = None,
    optimizer: Transform | None = None,
    optimizer_state: Any = None,
    notation: str | Notation = "chainrule",
) -> Diagnosis:
    """Look for what keeps a network from learning: everything that `backprop` shows, measured and put into words.

    The network computes as it predicts, so that every example has a gradient of its own: dropout leaves no unit out,
    and batch normalisation takes the running mean and variance.

    Parameters
    ----------
    model, X, y, parameters, state, loss, regularizers, weights
        As `chainrule.backprop` takes them. Some hundred examples are enough.
    optimizer : Transform, optional
        From `chainrule.optim`: its step on this sample is compared with the weights.
    optimizer_state : tree, optional
        Its state; by default the one before the first step.
    notation : str or Notation
        A key of `chainrule.inspection.NOTATIONS`, for what is shown.

    Returns
    -------
    Diagnosis
        Arrays layer by layer, and `Diagnosis.findings`; printing it shows both.

    Raises
    ------
    DataError, OptionError
        As `chainrule.backprop` does; OptionError for `optimizer_state` without `optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import diagnose, nn
    >>> network = nn.Network.of(2, hidden=(8,) * 6, outputs=1, activation="sigmoid", output="sigmoid")
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> y = (X[:, :1] * X[:, 1:] > 0).astype(float)
    >>> found = diagnose(network, X, y, parameters=network.initialize(0), loss="binary_cross_entropy")
    >>> [one.kind for one in found.findings if one.layer is None]
    ['vanishing']
    >>> bool(np.all(found.arrays()["by_activation"][:-1] <= 0.25))  # the sigmoid's slope is at most 1/4
    True
    """
    shown_in = notation_of(notation)
    parts = opened(
        model, X, y, parameters=parameters, state=state, loss=loss, regularizers=regularizers, weights=weights
    )
    if optimizer is None and optimizer_state is not None:
        raise OptionError("optimizer_state is given without the optimizer whose state it is")
    return diagnosis_of(parts, shown_in, optimizer, optimizer_state)


def diagnosis_of(
    parts: Opened, notation: Notation, optimizer: Transform | None = None, optimizer_state: Any = None
) -> Diagnosis:
    """What `diagnose` does with a model that is opened already."""
    # What overflows is a finding.
    with np.errstate(all="ignore"):
        seen = pass_of(parts)
    updates: Sequence[Any] = [None] * len(seen.layers)
    if optimizer is not None:
        gradients = tuple(one.gradients for one in seen.layers)
        start = optimizer.init(parts.parameters) if optimizer_state is None else optimizer_state
        with np.errstate(all="ignore"):
            updates, _ = optimizer.update(gradients, start, parts.parameters)
    layers = tuple(measure_layer(seen, k, update) for k, update in enumerate(updates))
    return _whole(seen, layers, notation)


def _whole(seen: Backprop, layers: tuple[LayerDiagnosis, ...], notation: Notation) -> Diagnosis:
    n = len(seen.losses)
    inputs = seen.layers[0].inputs
    squared: NDArray[Any] = np.sum([one.squared_gradients for one in layers], axis=0)
    variance = float(sum(one.variance for one in layers))
    length = float(np.sqrt(sum(one.gradient**2 for one in layers)))
    return Diagnosis(
        layers,
        n,
        seen.objective,
        seen.loss,
        np.asarray(np.mean(inputs, axis=0, dtype=np.float64)),
        np.asarray(np.std(inputs, axis=0, dtype=np.float64)),
        squared,
        length,
        variance,
        noise_scale(variance, length**2, n),
        _flat_and_wrong(seen),
        seen.total,
        notation,
    )


def _flat_and_wrong(seen: Backprop) -> float:
    last = seen.layers[-1]
    row = last.layer.activation_row
    span = {"sigmoid": 1.0, "tanh": 2.0}.get(row.name)
    fits = np.shape(seen.targets) == last.activations.shape
    if span is None or row in seen.loss.from_signal or not fits or last.slope.ndim != 2:
        return 0.0
    flat = np.abs(last.slope) < FLAT * (0.25 if row.name == "sigmoid" else 1.0)
    return float(np.mean(flat & (np.abs(last.activations - seen.targets) > span / 2)))
