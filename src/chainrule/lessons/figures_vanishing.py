"""The figures of the lesson `vanishing`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from chainrule.lessons.ladder import Learned

__all__ = ["layers", "rungs"]

Array = NDArray[np.float64]

#: Inches: to be read on a telephone too, where a figure shrinks to the page.
_WIDTH = 5.2
#: Rows between marks of a network, so that equal losses are both seen.
_APART = 0.16


def layers(sensitivities: Mapping[str, Array], slopes: Mapping[str, Array]) -> "Figure":
    """Draw sensitivities by layer, and below them the factor that the slopes of each hidden layer contribute."""
    figure = blank(5.2, _WIDTH)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for ax, found in ((upper, sensitivities), (lower, slopes)):
        for k, (name, values) in enumerate(found.items()):
            ax.plot(
                np.arange(1, len(values) + 1),
                values,
                color=PALETTE[k],
                linestyle=DASHES[k],
                marker=MARKERS[k],
                linewidth=1.8,
                label=name,
            )
        ax.grid(alpha=0.3)
    upper.set_yscale("log")
    upper.set_ylabel("sensitivities, root mean square")
    upper.legend(loc="lower right")
    lower.axhline(0.25, color="0.35", linewidth=1)
    lower.annotate("1/4", (1, 0.25), (-2, 4), textcoords="offset points", color="0.25")
    lower.set_ylim(0, 1.05)
    lower.set_ylabel("factor of the slopes")
    lower.set_xlabel("layer, from the inputs to the outputs")
    return figure


def rungs(names: Sequence[str], found: Sequence["Learned"]) -> "Figure":
    """Draw the loss after training, a row for each network and a mark for each way it was trained."""
    figure = blank(3.6, _WIDTH)
    ax = figure.add_subplot()
    ways = list(found[0].losses)
    for k, way in enumerate(ways):
        rows = [row for row, one in enumerate(found) if way in one.losses]
        ax.scatter(
            [found[row].losses[way] for row in rows],
            [row + _APART * (k - 1) for row in rows],
            color=PALETTE[k],
            marker=MARKERS[k],
            s=48,
            zorder=3,
            label="Adam" if way == "adam" else f"gradient descent, {way}",
        )
    ax.axvline(np.log(10), color="0.45", linewidth=1)
    ax.annotate(
        "guessing", (np.log(10), len(found) - 0.6), (-4, 0), textcoords="offset points", ha="right", color="0.25"
    )
    ax.set_xscale("log")
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlabel("loss after training")
    ax.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, columnspacing=1, handletextpad=0.2)
    return figure
