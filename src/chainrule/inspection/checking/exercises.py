"""Exercises for pencil and paper, drawn from a seed, with their answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.inspection.backprop import backprop
from chainrule.inspection.checking.check import check_backprop
from chainrule.inspection.checking.found import BackpropCheck
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import notation_of
from chainrule.inspection.quantities import Backprop
from chainrule.nn.network import Network, Parameters

__all__ = ["Exercise", "exercise"]

#: What is asked for, and what a correct answer worked out with as many may be off by.
_DECIMALS, _OFF = 4, 5e-4
#: Sensitivities below this would be answered by zeros.
_SEEN = 0.02
_ENDS = (("identity", "squared"), ("sigmoid", "squared"), ("sigmoid", "binary_cross_entropy"))
_FORMULAS = {"sigmoid": "1/(1 + exp(-z))", "relu": "max(0, z)"}


class _Line(NamedTuple):
    """A quantity of a layer: how it is called, computed and written, and its value."""

    symbol: str
    latex: str
    formula: str
    latex_formula: str
    value: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Exercise:
    """A small network with numbers, to be worked out by hand.

    Attributes
    ----------
    seed : int
        What it was drawn from.
    network : Network
        Two inputs, two or three hidden units, one or two outputs.
    parameters : tuple of dicts of arrays
        In chainrule's layout, with one decimal.
    X, y : arrays, one row
        An example and its target.
    loss : str
        Name of the loss.
    notation : Notation
        In which it is written and answered.
    """

    seed: int
    network: Network
    parameters: Parameters
    X: NDArray[Any]
    y: NDArray[Any]
    loss: str
    notation: Notation

    @property
    def answers(self) -> Backprop:
        """The whole pass; `answers.arrays()` has the numbers in the notation of the exercise."""
        return backprop(
            self.network, self.X, self.y, parameters=self.parameters, loss=self.loss, notation=self.notation
        )

    @property
    def text(self) -> str:
        """The exercise."""
        lines = [self._title, "", *self._introduction, "", "Given:"]
        lines += [f"  {line.symbol} = {_written(line.value)}" for line in self._given()]
        lines += ["", f"Work out, to {_DECIMALS} decimals:"]
        lines += [f"  {k}. {line.symbol} = ______" for k, line in enumerate(self._asked(), 1)]
        return "\n".join(lines)

    @property
    def key(self) -> str:
        """The answers, each with its formula."""
        lines = [f"{self._title}: answers", ""]
        for k, line in enumerate(self._asked(), 1):
            lines += [f"  {k}. {line.formula}", f"     {line.symbol} = {_written(line.value, _DECIMALS)}"]
        return "\n".join(lines)

    @property
    def markdown(self) -> str:
        """The exercise as Markdown, with LaTeX."""
        lines = [f"## {self._title}", "", *self._introduction, "", "Given:", ""]
        lines += [f"- ${line.latex} = {_latex(line.value)}$" for line in self._given()]
        lines += ["", f"Work out, to {_DECIMALS} decimals:", ""]
        lines += [rf"{k}. ${line.latex} = \ldots$" for k, line in enumerate(self._asked(), 1)]
        return "\n".join(lines)

    @property
    def key_markdown(self) -> str:
        """The answers as Markdown, with LaTeX."""
        lines = [f"## {self._title}: answers", ""]
        for k, line in enumerate(self._asked(), 1):
            lines += [f"{k}. ${line.latex_formula}$, so ${line.latex} = {_latex(line.value, _DECIMALS)}$"]
        return "\n".join(lines)

    @property
    def file(self) -> str:
        """A Python file with empty places, for `chainrule check`."""
        lines = [
            f'"""{self._title}: put a number in the place of every None, then run chainrule check on this file."""'
        ]
        lines += ["", f"exercise = {self.seed}", f'notation = "{self.notation.key}"', "", "gradients = ["]
        for layer in self.answers.arrays():
            shapes = {
                name.removeprefix("gradient by "): layer[name].shape
                for name in ("gradient by weights", "gradient by bias", "sensitivities")
                if name in layer
            }
            entries = ", ".join(f'"{name}": {_empty(shape)}' for name, shape in shapes.items())
            lines.append(f"    {{{entries}}},")
        return "\n".join([*lines, "]", ""])

    def check(self, theirs: Any, *, feedback: str = "hint") -> BackpropCheck:
        """Check answers that were worked out with four decimals.

        Parameters
        ----------
        theirs : list, dict or callable
            As `check_backprop` takes it.
        feedback : {"hint", "full"}
            Whether printing leads to what is wrong, or says it.

        Returns
        -------
        BackpropCheck
            What was found.

        Examples
        --------
        >>> found = exercise(1).check([layer.gradients for layer in exercise(1).answers.layers])
        >>> found.ok
        True
        """
        return check_backprop(
            theirs,
            self.network,
            self.X,
            self.y,
            parameters=self.parameters,
            loss=self.loss,
            notation=self.notation,
            feedback=feedback,
            rtol=1e-3,
            atol=_OFF,
        )

    def __str__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.markdown

    @property
    def _title(self) -> str:
        return f"Exercise {self.seed}"

    @property
    def _introduction(self) -> list[str]:
        hidden, last = self.network.layers
        rows = [hidden.activation_row.name, last.activation_row.name]
        sizes = f"{self.network.inputs} inputs, {hidden.units_out(self.network.inputs)} hidden {rows[0]} units"
        outputs = f"{self.network.outputs} {rows[1]} output{'s' if self.network.outputs > 1 else ''}"
        functions = ", ".join(f"{name}: {_FORMULAS[name]}" for name in dict.fromkeys(rows) if name in _FORMULAS)
        what = f" ({functions})" if functions else ""
        return [f"A network with {sizes} and {outputs}{what}.", f"The loss is {self._loss}, for one example."]

    @property
    def _loss(self) -> str:
        if self.loss != "squared":
            return "the cross-entropy, -t log(a) - (1 - t) log(1 - a) for an output a with the target t"
        half = self.notation.square_factor(self.answers.loss) == 0.5
        return f"the squared error{' times 1/2' if half else ''}, summed over the outputs"

    def _given(self) -> Iterator[_Line]:
        first, *_ = arrays = self.answers.arrays()
        yield self._line("inputs", 1, first["inputs"][0])
        for k, layer in enumerate(arrays, 1):
            for name in ("weights", "bias"):
                if name in layer:
                    yield self._line(name, k, layer[name])
        yield self._line("targets", len(arrays), self.y[0])

    def _asked(self) -> Iterator[_Line]:
        arrays = self.answers.arrays()
        for k, layer in enumerate(arrays, 1):
            yield self._line("signals", k, layer["signals"][0], "signals")
            yield self._line("activations", k, layer["activations"][0], "activations")
        for k, layer in reversed(list(enumerate(arrays, 1))):
            formula = "output sensitivity" if k == len(arrays) else "sensitivity"
            yield self._line("sensitivities", k, layer["sensitivities"][0], formula)
        for k, layer in enumerate(arrays, 1):
            for name in ("gradient by weights", "gradient by bias"):
                if name in layer:
                    yield self._line(name, k, layer[name], name)

    def _line(self, quantity: str, k: int, value: NDArray[Any], formula: str | None = None) -> _Line:
        n = self.notation
        texts = (n.formula(formula, k), n.latex_formula(formula, k)) if formula else ("", "")
        return _Line(n.symbol(quantity, k), n.latex_symbol(quantity, k), *texts, value)


def exercise(seed: int, *, notation: str | Notation = "chainrule") -> Exercise:
    """Draw a small network with numbers, to be worked out by hand.

    Parameters
    ----------
    seed : int
        The same seed gives the same exercise.
    notation : str or Notation
        A key of `NOTATIONS`: whose symbols, layout and scale are used.

    Returns
    -------
    Exercise
        With `text`, `markdown`, `key`, `file` and `check`.

    Raises
    ------
    OptionError
        For a seed that is no integer of at least 0, or an unknown notation.

    Examples
    --------
    >>> drawn = exercise(7)
    >>> print(drawn.text.splitlines()[2])
    A network with 2 inputs, 2 hidden relu units and 1 identity output (relu: max(0, z)).
    >>> drawn.check(drawn.answers.arrays()).ok
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise OptionError(f"the seed of an exercise has to be an integer of at least 0, found {seed!r}")
    shown_in = notation_of(notation)
    rng = np.random.default_rng(int(seed))
    while True:
        drawn = _drawn(int(seed), rng, shown_in)
        layers = drawn.answers.layers
        if all(np.any(np.abs(layer.sensitivities) >= _SEEN) for layer in layers) and all(
            np.all((np.abs(layer.sensitivities) >= _SEEN) | (layer.slope == 0)) for layer in layers
        ):
            return drawn


def _drawn(seed: int, rng: np.random.Generator, notation: Notation) -> Exercise:
    output, loss = _ENDS[rng.integers(len(_ENDS))]
    hidden = ("tanh", "sigmoid", "relu")[rng.integers(3)]
    network = Network.of(2, (int(rng.integers(2, 4)),), int(rng.integers(1, 3)), activation=hidden, output=output)
    parameters = tuple({name: _tenths(rng, shape) for name, shape in layer.items()} for layer in network.shapes())
    targets = rng.integers(0, 2, (1, network.outputs)).astype(float)
    return Exercise(seed, network, parameters, _tenths(rng, (1, 2)), targets, loss, notation)


def _tenths(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    """Numbers with one decimal between -1 and 1, none of which is 0."""
    return rng.choice([-1, 1], shape) * rng.integers(1, 11, shape) / 10


def _written(x: NDArray[Any], decimals: int = 1) -> str:
    if x.ndim == 2:
        return f"[{', '.join(_written(row, decimals) for row in x)}]"
    # Adding 0 makes a zero of minus zero.
    return f"[{', '.join(f'{round(entry, decimals) + 0.0:.{decimals}f}' for entry in x.tolist())}]"


def _latex(x: NDArray[Any], decimals: int = 1) -> str:
    rows = [
        " & ".join(f"{round(entry, decimals) + 0.0:.{decimals}f}" for entry in row) for row in np.atleast_2d(x).tolist()
    ]
    return r"\begin{bmatrix} " + r" \\ ".join(rows) + r" \end{bmatrix}"


def _empty(shape: tuple[int, ...]) -> str:
    if not shape:
        return "None"
    return f"[{', '.join([_empty(shape[1:])] * shape[0])}]"
