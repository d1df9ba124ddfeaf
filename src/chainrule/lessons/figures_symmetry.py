"""The figures of the lesson `symmetry`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["along_lines", "parting"]

#: Inches: read on a telephone too, where a figure shrinks to the page.
_WIDTH = 5.6


def along_lines(share: NDArray[Any], lines: Mapping[str, NDArray[Any]]) -> "Figure":
    """Draw the objective along straight lines from one network to others."""
    figure = blank(3.8, _WIDTH)
    ax = figure.add_subplot()
    for k, (name, line) in enumerate(lines.items()):
        ax.plot(
            share,
            line,
            color=PALETTE[k],
            linestyle=DASHES[k],
            marker=MARKERS[k],
            markevery=(3 + 4 * k, 15),
            linewidth=1.8,
            label=name,
        )
    ax.set_ylim(0, 1.45 * max(float(np.max(line)) for line in lines.values()))
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["trained\nnetwork", "1/4", "half way", "3/4", "its\nequal"])
    ax.set_ylabel("objective")
    ax.set_title("From one minimum straight to another")
    ax.grid(alpha=0.3)
    ax.legend()
    return figure


def parting(runs: Mapping[str, Mapping[str, Any]]) -> "Figure":
    """Draw the gap between units by epoch for several starts, and below it their objectives."""
    figure = blank(5.8, _WIDTH)
    above, below = figure.subplots(2, 1, sharex=True)
    for k, (name, run) in enumerate(runs.items()):
        style: dict[str, Any] = {"color": PALETTE[k], "linestyle": DASHES[k], "linewidth": 2.4 - 0.4 * k}
        gaps = run["gaps"]
        label = f"{name}: 0 at every epoch" if not np.any(gaps) else name
        above.plot(np.where(gaps > 0, gaps, np.nan), label=label, **style)
        below.plot(np.arange(1, len(run["objective"]) + 1), run["objective"], **style)
    above.set_yscale("log")
    above.set_ylabel("gap between the units")
    above.set_title("How units part, and what it is worth")
    below.set_ylim(bottom=0)
    below.set_xlabel("epoch")
    below.set_ylabel("objective")
    for ax in (above, below):
        ax.grid(alpha=0.3)
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
