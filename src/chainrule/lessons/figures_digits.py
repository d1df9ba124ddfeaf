"""The figures of the lesson `digits`."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.inspection import drawings
from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE, blank
from chainrule.nn import Network
from chainrule.nn.network import Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from chainrule.lessons.digits_runs import Descent

__all__ = ["boundary", "examples", "race"]

Array = NDArray[Any]

#: Inches: to be read on a telephone too, where a figure shrinks to the page.
_WIDTH = 5.2
_IN_A_ROW = 5


def examples(pixels: Array, labels: Array, features: Array) -> "Figure":
    """Show an image of each digit with its two features."""
    rows = -(-len(pixels) // _IN_A_ROW)
    figure = blank(1.6 * rows, _WIDTH)
    for place, ax in enumerate(np.ravel(figure.subplots(rows, _IN_A_ROW))):
        ax.set_axis_off()
        if place < len(pixels):
            ax.imshow(pixels[place], cmap="gray_r", vmin=-1, vmax=1)
            intensity, symmetry = features[place]
            ax.set_title(f"{labels[place]}\n{intensity:.2f}, {symmetry:.2f}".replace("-", "−"), fontsize=9)
    return figure


def race(gradient: "Descent", stochastic: "Descent", across: Literal["steps", "examples"]) -> "Figure":
    """Draw log10 of the error of both ways by log10 of the steps taken, or of the examples seen."""
    figure = blank(3.5, _WIDTH)
    ax = figure.add_subplot()
    for k, (name, run) in enumerate((("gradient descent", gradient), ("stochastic gradient descent", stochastic))):
        spent = run.steps if across == "steps" else run.examples
        ax.plot(
            np.log10(spent),
            np.log10(run.errors),
            color=PALETTE[k],
            linestyle=DASHES[k],
            marker=MARKERS[k],
            markersize=3.5,
            label=name,
        )
    ax.set_xlabel("log10 of the steps taken" if across == "steps" else "log10 of the examples seen")
    ax.set_ylabel("log10 of E_in")
    ax.set_title(f"The error by {'steps' if across == 'steps' else 'examples seen'}")
    ax.grid(alpha=0.3)
    ax.legend()
    return figure


def boundary(network: Network, parameters: Parameters, X: Array, T: Array) -> "Figure":
    """Draw what the network decides, and the images as points."""
    figure = blank(4.6, _WIDTH)
    ax = figure.add_subplot()
    names = ("intensity (standardised)", "symmetry (standardised)")
    drawings.decision_boundary(network, X, T, parameters=parameters, names=names, ax=ax)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, frameon=False, handletextpad=0.2)
    return figure
