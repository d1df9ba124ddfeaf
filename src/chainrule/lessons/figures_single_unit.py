"""The figures of the lesson `single-unit`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE, blank
from chainrule.nn import Network, Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["curves", "surfaces"]

#: Inches: to be read on a telephone too, where a figure shrinks to the page.
_WIDTH = 5.2
#: Points along each side, and how far they go from the middle.
_POINTS, _REACH = 81, 2.5


def surfaces(sets: Mapping[str, tuple[Network, Parameters]]) -> "Figure":
    """Draw the output of four networks over two inputs, each as a surface."""
    line = np.linspace(-_REACH, _REACH, _POINTS)
    a, b = np.meshgrid(line, line)
    figure = blank(5.4, _WIDTH)
    for place, (name, (network, parameters)) in enumerate(sets.items(), start=1):
        outputs, _ = network.apply(parameters, network.initial_state(), np.column_stack([a.ravel(), b.ravel()]))
        ax: Any = figure.add_subplot(2, 2, place, projection="3d")
        style: dict[str, Any] = {"cmap": "viridis", "vmin": 0, "linewidth": 0, "antialiased": False, "rasterized": True}
        ax.plot_surface(a, b, outputs.reshape(a.shape), rcount=_POINTS, ccount=_POINTS, **style)
        ax.view_init(elev=38, azim=-60)
        ax.set_box_aspect((1, 1, 0.6), zoom=0.94)
        ax.set_title(name, fontsize=11, y=1.06)
        ax.set_zlim(0, max(1.0, float(np.max(outputs))))
        for axis, text in ((ax.xaxis, "x1"), (ax.yaxis, "x2")):
            axis.set_ticks((-2, 0, 2))
            axis.set_tick_params(labelsize=8, pad=-3)
            axis.set_label_text(text, fontsize=9)
            axis.labelpad = -5
        ax.zaxis.set_ticks((0, 1, 2) if np.max(outputs) > 1.5 else (0, 1))
        ax.zaxis.set_tick_params(labelsize=8, pad=-2)
    return figure


def curves(shares: Mapping[str, NDArray[np.float64]], sizes: Sequence[int]) -> "Figure":
    """Draw the share of all inputs that is decided rightly, by the number of examples learned from."""
    figure = blank(3.5, _WIDTH)
    ax = figure.add_subplot()
    for k, (name, share) in enumerate(shares.items()):
        ax.plot(sizes, share, color=PALETTE[k], linestyle=DASHES[k], marker=MARKERS[k], linewidth=2, label=name)
    for height, text in ((0.5, "tossing a coin"), (0.75, "three of four corners")):
        ax.axhline(height, color="0.45", linewidth=1)
        ax.annotate(text, (sizes[0], height), (-4, -24), textcoords="offset points", color="0.25")
    ax.set_xscale("log")
    ax.set_xticks(list(sizes), [str(size) for size in sizes])
    ax.minorticks_off()
    ax.set_ylim(0.4, 1.03)
    ax.set_xlabel("examples learned from")
    ax.set_ylabel("share decided rightly")
    ax.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
