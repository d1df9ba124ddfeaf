"""The figures of the lesson `counting`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from chainrule.inspection import Count

__all__ = ["memory_by_batch", "ratio_by_share"]

#: Inches: read on a telephone too, where a figure shrinks to the page.
_WIDTH = 5.6


def ratio_by_share(shapes: Sequence[Mapping[str, Any]], names: Sequence[str]) -> "Figure":
    """Draw the counted and the measured ratio of each shape by the share of its first layer."""
    figure = blank(4.2, _WIDTH)
    ax = figure.add_subplot()
    ax.plot([0, 1], [3, 2], color="0.45", linestyle=DASHES[1], linewidth=1.2, label="3 − share", zorder=1)
    share = np.array([one["share"] for one in shapes])
    counted = np.array([one["ratio"] for one in shapes])
    measured = np.array([one["seconds"][1] / one["seconds"][0] for one in shapes])
    ax.plot(share, counted, MARKERS[0], color=PALETTE[0], markersize=7, label="counted: multiplications", zorder=3)
    ax.plot(
        share,
        measured,
        MARKERS[2],
        color=PALETTE[1],
        markerfacecolor="none",
        markersize=7,
        markeredgewidth=1.5,
        label="measured: time",
        zorder=2,
    )
    for x, y, name in zip(share, counted, names, strict=True):
        left = x > 0.95
        ax.annotate(
            name,
            (x, y),
            xytext=(-8, -14) if left else (8, 6),
            textcoords="offset points",
            size=9.5,
            ha="right" if left else "left",
        )
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 1.2), max(high, 3.2))
    ax.set_xlim(0, 1.07)
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    ax.set_xlabel("share of the first layer in the products of the forward pass")
    ax.set_ylabel("forward and backward / forward")
    ax.set_title("From two to three forward passes")
    ax.grid(alpha=0.3)
    ax.legend(loc="lower left")
    return figure


def memory_by_batch(found: "Count", batches: Sequence[int]) -> "Figure":
    """Draw what a step needs at once by the size of its batch, and the two parts that make it up."""
    figure = blank(3.8, _WIDTH)
    ax = figure.add_subplot()
    mebibyte = 2**20
    n = np.array(batches)
    lines = (
        ("whole step, at once", np.array([found.memory(k) for k in batches]), 0),
        ("kept from forward for backward", found.stored / found.examples * n, 1),
        ("parameters", np.full(len(n), found.fixed), 2),
    )
    for label, sizes, k in lines:
        ax.loglog(n, sizes / mebibyte, color=PALETTE[k], marker=MARKERS[k], linestyle=DASHES[k], label=label)
    ax.set_xlabel("examples in the batch")
    ax.set_ylabel("memory (MiB)")
    ax.set_title("What a step needs in memory")
    ax.grid(alpha=0.3)
    ax.legend()
    return figure
