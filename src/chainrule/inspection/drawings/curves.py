"""Learning curves: objective and held-out cost of one run, or of several together."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, OptionError
from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE, draw_in, log_upright
from chainrule.train import Fit, History, Report, TrainState

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["learning_curves"]

_ACROSS = {"epochs": "epoch", "steps": "steps", "examples": "examples seen", "seconds": "time (s)"}
_SCALES = ("linear", "log", "log-log")
#: A line of up to so many points has a mark at each; of several runs longer ones have about so many marks.
_FEW = 15


def learning_curves(
    runs: Any,
    *,
    across: Literal["epochs", "steps", "examples", "seconds"] = "epochs",
    scale: Literal["linear", "log", "log-log"] = "linear",
    examples: int | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draw the objective of runs, and their held-out cost where there is one.

    Parameters
    ----------
    runs : Fit, History, TrainState, Report, fitted estimator or sequence of numbers; or a mapping of names to these
        What ran. An estimator gives its ``loss_curve_``, a sequence one number an epoch.
    across : {"epochs", "steps", "examples", "seconds"}
        What the horizontal axis counts. One step of gradient descent sees every example, one of stochastic gradient
        descent a single one: by steps and by examples seen the two compare differently.
    scale : {"linear", "log", "log-log"}
        Whether none of the axes is logarithmic, the upright one, or both.
    examples : int, optional
        Examples of the training data: needed to count the examples seen. An estimator brings it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        A line for each run; dashed below it the held-out cost, with a ring at its least value.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, an option has no such value, `runs` holds nothing that ran, or a run does not
        know what `across` counts.
    DataError
        Where a run has no epoch, or a value of at most 0 stands where the axis is logarithmic.

    Notes
    -----
    The objective of an epoch is the mean over its minibatches, each at the parameters before its step, and stands at
    the end of the epoch.

    Examples
    --------
    >>> from chainrule.inspection import drawings
    >>> figure = drawings.learning_curves({"slow": [3.0, 2.5, 2.2], "fast": [3.0, 1.5, 1.0]}, scale="log")
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['slow', 'fast']
    """
    for name, value, allowed in (("across", across, _ACROSS), ("scale", scale, _SCALES)):
        if value not in allowed:
            raise OptionError(f"{name} has to be one of {', '.join(allowed)}; found {value!r}")
    named = runs if isinstance(runs, Mapping) else {"objective": runs}
    if not named:
        raise OptionError("runs is empty: give at least one")
    read = {str(name): _columns(str(name), run, across, examples) for name, run in named.items()}
    if scale != "linear":
        _positive(read)
    figure, ax = draw_in(ax)
    for k, (name, (x, y, held_out)) in enumerate(read.items()):
        style: dict[str, Any] = {"color": PALETTE[k % len(PALETTE)], "linewidth": 1.8}
        if len(x) <= _FEW or len(read) > 1:
            # Lines of several runs are told apart by their marks too.
            every = max(1, len(x) // _FEW)
            style |= {"marker": MARKERS[k % len(MARKERS)], "markersize": 4.5, "markevery": (k * every // 3, every)}
        # One run has its held-out cost in another colour; of several each keeps its own.
        ax.plot(x, y, label=name, **style)
        if held_out is not None:
            if len(read) == 1:
                style["color"] = PALETTE[1]
            label = "held-out cost" if len(read) == 1 else f"{name}, held-out"
            ax.plot(x, held_out, label=label, **(style | {"linestyle": DASHES[1]}))
            least = int(np.nanargmin(held_out))
            ring: dict[str, Any] = {
                "color": style["color"],
                "marker": "o",
                "markersize": 9,
                "markerfacecolor": "none",
                "linestyle": "none",
            }
            one = f"least: {held_out[least]:.4g}" if len(read) == 1 else None
            ax.plot(x[least], held_out[least], label=one, **ring)
    if scale != "linear":
        log_upright(ax)
    if scale == "log-log":
        ax.set_xscale("log")
        _few_ticks(ax)
    elif across != "seconds":
        ax.locator_params(axis="x", integer=True)
    ax.set_xlabel(_ACROSS[across])
    ax.set_ylabel("objective" if all(h is None for _, _, h in read.values()) else "objective, cost")
    by = {"epochs": "", "seconds": " by time"}.get(across, f" by {_ACROSS[across]}")
    ax.set_title(f"Learning curve{'s' if len(read) > 1 else ''}{by}")
    ax.grid(alpha=0.3)
    ax.legend()
    return figure


def _few_ticks(ax: Any) -> None:
    """Name powers of ten along a logarithmic axis, and within one of them a few plain numbers, which have room."""
    from matplotlib.ticker import MaxNLocator, NullFormatter, ScalarFormatter

    least, largest = ax.get_xlim()
    ax.xaxis.set_minor_formatter(NullFormatter())
    if largest < 10 * least:
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.xaxis.set_major_formatter(ScalarFormatter())


def _columns(
    name: str, run: Any, across: str, examples: int | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """Where a run's values stand, its objective, and its held-out cost or None."""
    run = run.fit if isinstance(run, Report) else run
    if isinstance(run, Fit | TrainState):
        run = run.history
    if isinstance(run, History):
        arrays = run.arrays()
        _some(name, arrays["epoch"])
        held_out = arrays["validation"]
        known = {
            "epochs": arrays["epoch"],
            "steps": arrays["steps"],
            "seconds": np.cumsum(arrays["seconds"]),
        }
        if examples is not None:
            known["examples"] = arrays["epoch"] * examples
        return _place(name, known, across), arrays["objective"], None if np.all(np.isnan(held_out)) else held_out
    if hasattr(run, "named_steps"):
        run = run[-1]
    known = {}
    if hasattr(run, "loss_curve_"):
        y = np.asarray(run.loss_curve_, float)
        if getattr(run, "t_", 0) and len(y):
            known["examples"] = run.t_ / len(y) * np.arange(1, len(y) + 1)
    elif isinstance(run, Iterable) and not isinstance(run, str | bytes | Mapping):
        y = np.asarray(run, float)
        if examples is not None:
            known["examples"] = examples * np.arange(1, len(y) + 1)
    else:
        raise OptionError(
            f"runs: {name} should be a Fit, a History, a fitted estimator or a sequence of numbers, found "
            f"{type(run).__name__}"
        )
    if y.ndim != 1:
        raise DataError(f"runs: {name} should have one number an epoch, found shape {y.shape}")
    _some(name, y)
    return _place(name, {"epochs": np.arange(1, len(y) + 1), **known}, across), y, None


def _place(name: str, known: Mapping[str, NDArray[Any]], across: str) -> NDArray[Any]:
    if across in known:
        return known[across]
    if across == "examples":
        raise OptionError(f"needed to count the examples that {name} saw: examples, the size of the training data")
    raise OptionError(f"{name} does not know its {across}, but its {', '.join(known)}")


def _some(name: str, values: NDArray[Any]) -> None:
    if len(values) == 0:
        raise DataError(f"runs: {name} has no whole epoch, there is nothing to draw")


def _positive(read: Mapping[str, tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]]) -> None:
    for name, (_, y, held_out) in read.items():
        least = min(np.nanmin(one) for one in (y, held_out) if one is not None)
        if least <= 0:
            raise DataError(f"{name} has the value {least:.4g}, which has no place on a logarithmic axis")
