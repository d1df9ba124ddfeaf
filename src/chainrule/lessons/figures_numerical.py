"""The figures of the lesson `numerical`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from chainrule.lessons.numerical_runs import Arm, Times

__all__ = ["error_by_step", "time_by_weights"]


#: Inches: read on a telephone too, where a figure shrinks to the page.
_WIDTH = 5.6


def error_by_step(arms: "Sequence[Arm]") -> "Figure":
    """Draw the errors by step in each format, with what the two formulas foretell."""
    figure = blank(4.4, _WIDTH)
    ax = figure.add_subplot()
    for k, arm in enumerate(arms):
        colour = PALETTE[k]
        ax.loglog(arm.steps, arm.errors, color=colour, marker=MARKERS[k], markersize=4, label=f"{arm.name}, error")
        ax.loglog(arm.steps, arm.rounding, color=colour, linestyle=DASHES[2], linewidth=1.1)
        best = arm.eps ** (1 / 3)
        ax.axvline(best, color=colour, linewidth=0.8, alpha=0.6)
        ax.annotate(
            f"eps^(1/3)\n= {best:.0e}",
            (best, 3),
            color=colour,
            size=9.5,
            ha="right",
            xytext=(-4, 0),
            textcoords="offset points",
        )
    steps, foretold = arms[0].steps, arms[0].truncation
    label = r"foretold: $h^2/6 \cdot C^{\prime\prime\prime}$"
    ax.loglog(steps, foretold, color="0.35", linestyle=DASHES[1], linewidth=1.1, label=label, zorder=0)
    single = arms[-1]
    ax.axhline(
        single.backpropagation,
        color=PALETTE[len(arms) - 1],
        linestyle=DASHES[3],
        linewidth=1.1,
        label=f"{single.name}, backpropagation",
    )
    ax.plot([], [], color="0.35", linestyle=DASHES[2], linewidth=1.1, label="foretold: eps · C / h")
    ax.set_ylim(1e-13, 1e3)
    ax.set_xlabel("step h")
    ax.set_ylabel("relative error of the gradient")
    ax.set_title("Central differences: error by step")
    ax.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9.5)
    return figure


def time_by_weights(times: "Sequence[Times]") -> "Figure":
    """Draw the times of a forward pass, of backpropagation and of central differences."""
    figure = blank(3.8, _WIDTH)
    ax = figure.add_subplot()
    weights = np.array([one.weights for one in times])
    lines = (
        ("central differences", [one.differences for one in times], 1),
        ("backpropagation (forward and backward)", [one.both for one in times], 0),
        ("one forward pass", [one.forward for one in times], 2),
    )
    for label, found, k in lines:
        seconds = np.array(found)
        ax.loglog(weights, 1e3 * seconds, color=PALETTE[k], marker=MARKERS[k], linestyle=DASHES[k], label=label)
    ax.set_xticks(weights, [f"{n:,}" for n in weights])
    ax.minorticks_off()
    ax.set_xlabel("number of weights")
    ax.set_ylabel("time of one gradient (ms)")
    ax.set_title("Two forward passes for each weight, or about two in all")
    ax.grid(alpha=0.3)
    ax.legend()
    return figure
