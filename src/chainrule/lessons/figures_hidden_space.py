"""The figures of the lesson `hidden-space`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.inspection import drawings
from chainrule.inspection.drawings.figures import MARKERS, PALETTE, blank
from chainrule.nn import Network, Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["boundaries", "by_width", "hidden"]

#: Inches: to be read on a telephone too, where a figure shrinks to the page.
_WIDTH = 5.2
_NAMES = ("x1", "x2")


def boundaries(
    found: Mapping[str, tuple[Network, Parameters]], X: NDArray[np.float64], T: NDArray[np.float64]
) -> "Figure":
    """Draw what networks decide, side by side, with one legend for all."""
    figure = blank(3.4, _WIDTH)
    places = figure.subplots(1, len(found), sharey=True)
    entries: dict[str, Any] = {}
    for ax, (name, (network, parameters)) in zip(places, found.items(), strict=True):
        drawings.decision_boundary(network, X, T, parameters=parameters, names=_NAMES, ax=ax)
        entries |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
        ax.get_legend().remove()
        ax.set_title(name)
        ax.label_outer()
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def hidden(network: Network, parameters: Parameters, X: NDArray[np.float64], T: NDArray[np.float64]) -> "Figure":
    """Draw input space beside hidden space."""
    figure = drawings.hidden_space(network, X, T, parameters=parameters, names=_NAMES)
    figure.set_size_inches(_WIDTH, 3.3)
    return figure


def by_width(wrong: Mapping[int, NDArray[np.float64]], epochs: Mapping[int, NDArray[np.float64]]) -> "Figure":
    """Draw every start of every width: the share it decides wrongly, and how long it took to learn."""
    figure = blank(3.5, _WIDTH)
    left, right = figure.subplots(1, 2)
    for k, (ax, found) in enumerate(((left, wrong), (right, epochs))):
        for place, values in enumerate(found.values()):
            known = np.sort(values[np.isfinite(values)])
            # Side by side, so that equal starts can be counted.
            beside = place + np.linspace(-0.32, 0.32, len(known)) if len(known) > 1 else np.full(len(known), place)
            style: dict[str, Any] = {"color": PALETTE[k], "marker": MARKERS[k], "edgecolor": "white"}
            ax.scatter(beside, known, s=18, linewidth=0.3, **style)
        ax.set_xticks(range(len(found)), [str(width) for width in found])
        ax.set_xlim(-0.6, len(found) - 0.4)
        ax.set_xlabel("hidden units")
        ax.grid(alpha=0.3, axis="y")
    left.set_ylim(-0.02, 0.5)
    left.set_title("share decided wrongly")
    right.set_ylim(bottom=0)
    right.set_title("epochs to a cost of 0.1")
    return figure
