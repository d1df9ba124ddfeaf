"""The figures of the lesson `mnist`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.inspection import drawings
from chainrule.inspection.drawings.figures import blank
from chainrule.train import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["learning", "mistakes"]

Array = NDArray[Any]

#: Inches: to be read on a telephone too, where a figure shrinks to the page.
_WIDTH = 5.2
_IN_A_ROW, _ROWS = 5, 2


def learning(run: Fit) -> "Figure":
    """Draw the costs of the training and of the test images by epoch."""
    figure = blank(3.5, _WIDTH)
    return drawings.learning_curves(run, scale="log", ax=figure.add_subplot())


def mistakes(pixels: Array, truth: Array, given: Array, classes: Sequence[str]) -> "Figure":
    """Show images with what they are and what they were taken for."""
    count = min(len(pixels), _IN_A_ROW * _ROWS)
    rows = -(-count // _IN_A_ROW)
    figure = blank(1.5 * rows, _WIDTH)
    for place, ax in enumerate(np.ravel(figure.subplots(rows, _IN_A_ROW))):
        ax.set_axis_off()
        if place < count:
            ax.imshow(pixels[place], cmap="gray_r")
            ax.set_title(f"{classes[truth[place]]}, read as {classes[given[place]]}", fontsize=9.5)
    return figure
