"""The figures of the lesson `saturation`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.inspection.drawings.figures import DASHES, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["costs", "training"]

Array = NDArray[Any]

#: Inches: to be read on a telephone too, where a figure shrinks to the page.
_WIDTH = 5.2


def costs(by_weight: Mapping[str, Mapping[str, Array]]) -> "Figure":
    """Draw cost and derivative of each loss by the weight, one above the other."""
    figure = blank(5.0, _WIDTH)
    upper, lower = figure.subplots(2, 1, sharex=True)
    for k, (name, found) in enumerate(by_weight.items()):
        style: dict[str, Any] = {"color": PALETTE[k], "linestyle": DASHES[k], "linewidth": 2, "label": name}
        upper.plot(found["w"], found["cost"], **style)
        lower.plot(found["w"], found["derivative"], **style)
    upper.set_ylabel("cost C")
    lower.set_ylabel("derivative dC/dw")
    lower.set_xlabel("weight w, with b = 0")
    upper.set_ylim(0, 4)
    for ax in (upper, lower):
        ax.axvline(5, color="0.45", linewidth=1)
        ax.grid(alpha=0.3)
    upper.annotate("start", (5, 2), (4, 0), textcoords="offset points", color="0.25")
    upper.annotate("right", (-3.9, 0.35), color="0.25")
    upper.annotate("wrong", (7.9, 0.35), ha="right", color="0.25")
    upper.legend(loc="upper left")
    return figure


def training(
    outputs: Mapping[tuple[str, int], Array], losses: Sequence[str], starts: Sequence[int], steps: int, learned: float
) -> "Figure":
    """Draw the output for x = 1 by steps, from several starts, a plot for each loss."""
    figure = blank(3.6, _WIDTH)
    for ax, name in zip(figure.subplots(1, 2, sharey=True), losses, strict=True):
        for k, start in enumerate(starts):
            run = outputs[name, start][: steps + 1]
            ax.plot(np.arange(len(run)), run, color=PALETTE[k], linestyle=DASHES[k], linewidth=2, label=f"w = {start}")
        ax.axhline(learned, color="0.45", linewidth=1)
        ax.set_title(name)
        ax.set_xlabel("steps")
        ax.set_ylim(0, 1.03)
        ax.grid(alpha=0.3)
        if ax.get_subplotspec().is_first_col():
            ax.set_ylabel("output for x = 1 (target 0)")
        else:
            ax.legend(title="start", loc="upper right")
    return figure
