"""How good predictions are: confusion matrix, calibration, residuals."""

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import DataError, OptionError
from chainrule.inspection.drawings.deciding import class_numbers, decider, outputs_of
from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE, blank, draw_in
from chainrule.nn.network import Parameters, State
from chainrule.train import Model

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["calibration", "confusion_matrix", "residuals"]

#: Classes that are named along an axis, and letters of a name there.
_NAMED, _LETTERS = 24, 20
#: Points of more examples are drawn as an image: as shapes they would make an SVG of a megabyte.
_POINTS = 2000
#: Up to so many classes the numbers stand in the cells, and calibration has a line for each class.
_WRITTEN, _LINES = 15, 6


def confusion_matrix(
    model: Any,
    X: Any,
    y: Any,
    *,
    parameters: Parameters | None = None,
    state: State | None = None,
    threshold: float | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draw how often each class was taken for each.

    Parameters
    ----------
    model, X, y, parameters, state, threshold
        As for `decision_boundary`, with any number of inputs.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        Counts in the cells; colours show the share of the row, so that a rare class is seen as well as a frequent one.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, or the model does not decide between classes.
    DataError
        Where `y` does not fit.

    Examples
    --------
    >>> from chainrule import data, nn
    >>> from chainrule.inspection import drawings
    >>> X, T = data.xor()
    >>> network = nn.Network.of(2, hidden=(4,), output="sigmoid")
    >>> figure = drawings.confusion_matrix(network, X, T, parameters=network.initialize(0))
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '1', '1', '1']
    """
    rule = decider(model, parameters, state, threshold)
    truth = class_numbers(y, rule.classes)
    decided = np.argmax(rule.scores(X), axis=1)
    _as_many(truth, decided)
    count = len(rule.classes)
    table = np.zeros((count, count), int)
    np.add.at(table, (truth, decided), 1)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    own = ax is None
    figure, ax = draw_in(ax, min(3.8 + 0.12 * count, 5.6))
    if own:
        # A square beside its bar, both in the middle.
        figure.set_layout_engine("compressed")
    drawn = ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if count <= _WRITTEN:
        size = 10 if count <= 10 else 8
        for (i, j), n in np.ndenumerate(table):
            ax.text(j, i, f"{n}", ha="center", va="center", color="white" if share[i, j] > 0.55 else "black", size=size)
    # Of very many classes every second or third has its name.
    places = range(0, count, -(-count // _NAMED))
    names = [_short(str(rule.classes[k])) for k in places]
    upright = sum(len(name) for name in names) > 40
    size = 10 if count <= _WRITTEN else 8
    ax.set_xticks(places, names, rotation=90 if upright else 0, size=size)
    ax.set_yticks(places, names, size=size)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    ax.set_title(f"Confusion: {100 * np.trace(table) / len(truth):.1f} % of {len(truth):,} right")
    figure.colorbar(drawn, ax=ax, label="share of the true class")
    return figure


def calibration(
    model: Any,
    X: Any,
    y: Any,
    *,
    bins: int = 10,
    parameters: Parameters | None = None,
    state: State | None = None,
) -> "Figure":
    """Draw how often a class came, over the probability that was given for it.

    Parameters
    ----------
    model, X, y, parameters, state
        As for `decision_boundary`, with any number of inputs; the outputs have to be probabilities.
    bins : int
        Into how many parts of equal width the probabilities are cut.

    Returns
    -------
    matplotlib.figure.Figure
        For two classes one line, for the second of them; for up to six one line each; for more one line for the
        probability of the class that was decided for. Below, how many examples stand behind each point.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, or the outputs are no probabilities.
    DataError
        Where `y` does not fit.

    Examples
    --------
    >>> from chainrule import data, nn
    >>> from chainrule.inspection import drawings
    >>> X, T = data.band(100, np.random.default_rng(0))
    >>> network = nn.Network.of(2, hidden=(4,), output="sigmoid")
    >>> figure = drawings.calibration(network, X, T, parameters=network.initialize(0))
    >>> figure.axes[0].get_ylabel()
    'share that came'
    """
    rule = decider(model, parameters, state, None)
    if not rule.probabilities:
        raise OptionError("calibration needs probabilities, as sigmoid and softmax outputs give them")
    if bins < 2:
        raise OptionError(f"bins has to be at least 2, found {bins}")
    truth = class_numbers(y, rule.classes)
    scores = rule.scores(X)
    _as_many(truth, scores)
    count = scores.shape[1]
    if count == 2:
        lines = {f"class {rule.classes[1]}": (scores[:, 1], truth == 1)}
    elif count <= _LINES:
        lines = {f"class {name}": (scores[:, k], truth == k) for k, name in enumerate(rule.classes)}
    else:
        decided = np.argmax(scores, axis=1)
        lines = {"the class decided for": (np.max(scores, axis=1), truth == decided)}
    figure = blank(4.8)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    top.plot([0, 1], [0, 1], color="0.5", linewidth=1, label="exact")
    edges = np.linspace(0, 1, bins + 1)
    for k, (name, (given, came)) in enumerate(lines.items()):
        place = np.clip(np.digitize(given, edges) - 1, 0, bins - 1)
        size = np.bincount(place, minlength=bins)
        some = size > 0
        mean = np.bincount(place, given, bins)[some] / size[some]
        share = np.bincount(place, came, bins)[some] / size[some]
        style: dict[str, Any] = {"color": PALETTE[k], "linestyle": DASHES[k]}
        top.plot(mean, share, marker=MARKERS[k], markersize=5, label=name, **style)
        bottom.stairs(size, edges, linewidth=1.5, **style)
    top.set_ylabel("share that came")
    top.set_title(f"Calibration on {len(truth):,} examples")
    top.legend()
    bottom.set_xlabel("probability that was given")
    bottom.set_ylabel("examples")
    bottom.set_ylim(bottom=0)
    bottom.locator_params(axis="y", integer=True, nbins=3)
    for ax in (top, bottom):
        ax.grid(alpha=0.3)
    return figure


def residuals(
    model: Any,
    X: Any,
    y: Any,
    *,
    output: int = 0,
    parameters: Parameters | None = None,
    state: State | None = None,
) -> "Figure":
    """Draw targets minus predictions over the predictions, and how they are spread.

    Parameters
    ----------
    model : Network, Model, regressor or Pipeline
        What predicts numbers.
    X : array, shape (examples, inputs)
        Inputs, as the model takes them.
    y : array, shape (examples,) or (examples, outputs)
        Targets, in the units in which the model predicts.
    output : int
        Which output.
    parameters, state : tuple of dicts of arrays, optional
        Of a network.

    Returns
    -------
    matplotlib.figure.Figure
        Points left, a histogram right, over one axis.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, the model predicts classes, or there is no such output.
    DataError
        Where `y` does not fit.

    Examples
    --------
    >>> from chainrule import nn
    >>> from chainrule.inspection import drawings
    >>> network, x = nn.Network.of(1, hidden=(3,)), np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> figure = drawings.residuals(network, x, x**2, parameters=network.initialize(0))
    >>> figure.axes[0].get_xlabel()
    'prediction'
    """
    if hasattr(model, "classes_"):
        raise OptionError(f"{type(model).__name__} predicts classes: draw its confusion_matrix, or its calibration")
    if isinstance(model, Model):
        predicted = np.asarray(model.predict(X))
        predicted = predicted.reshape(len(predicted), -1)
    else:
        predicted = outputs_of(model, parameters, state)(X)
    if predicted.dtype.kind not in "biuf":
        raise OptionError("the model predicts classes: draw its confusion_matrix, or its calibration")
    targets = np.asarray(y)
    targets = targets[:, np.newaxis] if targets.ndim == 1 else targets
    if targets.shape != predicted.shape or targets.dtype.kind not in "biuf":
        raise DataError(
            f"y should be numbers of shape {predicted.shape}, as the predictions, found {np.shape(y)} and dtype "
            f"{targets.dtype}"
        )
    if not 0 <= output < targets.shape[1]:
        raise OptionError(f"output {output} is none of the model's {targets.shape[1]}, which are counted from 0")
    x, off = predicted[:, output], targets[:, output] - predicted[:, output]
    figure = blank(3.8)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[4, 1])
    left.scatter(
        x, off, s=16, color=PALETTE[0], alpha=0.7, edgecolor="none", label="examples", rasterized=len(x) > _POINTS
    )
    left.axhline(0, color="0.3", linewidth=1)
    left.axhline(off.mean(), color=PALETTE[1], linestyle=DASHES[1], label=f"mean {off.mean():.3g}")
    right.hist(off, bins=min(30, max(5, len(off) // 8)), orientation="horizontal", color=PALETTE[0])
    right.axhline(0, color="0.3", linewidth=1)
    left.set_xlabel("prediction")
    left.set_ylabel("target minus prediction")
    right.set_xlabel("examples")
    right.locator_params(axis="x", integer=True, nbins=3)
    left.legend()
    figure.suptitle(f"Residuals: root mean square {np.sqrt(np.mean(off**2)):.4g}")
    for ax in (left, right):
        ax.grid(alpha=0.3)
    return figure


def _short(name: str) -> str:
    """A name without its middle, since many names differ at their ends."""
    half = _LETTERS // 2
    return name if len(name) <= _LETTERS else f"{name[:half]}…{name[1 - half :]}"


def _as_many(truth: Any, found: Any) -> None:
    if len(truth) != len(found):
        raise DataError(f"y has {len(truth)} examples, but X {len(found)}")
