"""The figures of the lesson `descent`."""

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.inspection import drawings
from chainrule.inspection.drawings.figures import DASHES, PALETTE, blank
from chainrule.nn import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["over_one_weight", "surface"]

#: Inches: to be read on a telephone too, where a figure shrinks to the page.
_WIDTH = 5.2


def over_one_weight(numbers: dict[str, Any]) -> "Figure":
    """Draw the errors of sign and of tanh over w0."""
    figure = blank(3.6, _WIDTH)
    ax = figure.add_subplot()
    for k, name in enumerate(("sign", "tanh")):
        ax.plot(
            numbers["w0"], numbers[name], color=PALETTE[k], linestyle=DASHES[0], linewidth=1.8 - 0.2 * k, label=name
        )
    ends, found = numbers["ends"], numbers["end_errors"]
    ax.plot(ends, found, linestyle="none", marker="o", color="k", markersize=5, label="ends of descents")
    ax.set_xlabel("weight w₀")
    ax.set_ylabel("E_in")
    ax.set_title("The error over one weight")
    ax.grid(alpha=0.3)
    ax.legend()
    return figure


def surface(network: Network, numbers: dict[str, Any]) -> "Figure":
    """Draw the error over both weights, with the path from zero and those from two other places."""
    X, T = numbers["x"][:, np.newaxis], numbers["y"][:, np.newaxis]
    first, *others = (way for way, _ in list(numbers["walks"].values())[:3])
    pair = ((1, "bias", 0), (1, "weights", (0, 0)))
    figure = blank(4.2, _WIDTH)
    ax = figure.add_subplot()
    drawings.cost_surface(
        network, X, T, directions=pair, path=first, parameters=first[0], radius=5.5, points=61, loss="squared", ax=ax
    )
    for k, way in enumerate(others):
        w0, w1 = (np.array([np.ravel(one[0][name])[0] for one in way]) for name in ("bias", "weights"))
        ax.plot(w0, w1, color="white", linewidth=3)
        ax.plot(w0, w1, color=PALETTE[0], linewidth=1.6, label=None if k else "two other paths")
        ax.plot(w0[:1], w1[:1], marker="o", markersize=7, color=PALETTE[0], markeredgecolor="white")
        ax.plot(w0[-1:], w1[-1:], marker="*", markersize=13, color=PALETTE[0], markeredgecolor="white")
    ax.set_xlabel("w₀, the bias")
    ax.set_ylabel("w₁")
    ax.set_title("The error over both weights")
    ax.legend(loc="lower left", framealpha=0.9)
    return figure
