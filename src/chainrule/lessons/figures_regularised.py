"""The figures of the lesson `regularised`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.differentiate import grad
from chainrule.inspection import Explanation
from chainrule.inspection.drawings import computation_graph
from chainrule.inspection.drawings.figures import DASHES, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["graph", "nudged", "slopes"]

#: Inches: read on a telephone too, where a figure shrinks to the page.
_WIDTH = 4.8


def graph(f: Callable[..., Any], point: Sequence[float]) -> "Figure":
    """Draw the graph, without the empty margins of a wider figure."""
    figure = computation_graph(f, *point, derivatives=True)
    ax, (width, height) = figure.axes[0], figure.get_size_inches()
    # One unit of the axes is an inch.
    figure.set_size_inches(_WIDTH, height)
    ax.set_xlim((width - _WIDTH) / 2, (width + _WIDTH) / 2)
    return figure


def nudged(explained: Explanation, forward: Mapping[str, float]) -> "Figure":
    """Draw what lies between w and the objective: on edges local derivatives, beside boxes both derivatives."""
    steps = {step.name: step for step in explained.steps}
    output = explained.steps[-1].name
    # Two ways from w, each down to the node where they meet.
    ways = []
    for use in sorted(steps["w"].uses, key=lambda use: use.by):
        way = [use.by]
        while way[-1] != output:
            way.append(steps[way[-1]].uses[0].by)
        ways.append(way[:-1])
    longest = max(map(len, ways))
    figure = blank(0.86 * (longest + 2), _WIDTH)
    ax = figure.add_subplot()
    ax.set_axis_off()
    places = {"w": (0.0, 0.0), output: (0.0, float(longest + 1))}
    for x, way in zip((-1.0, 1.0), ways, strict=True):
        places |= {name: (x, 1.0 + k) for k, name in enumerate(way)}
    for name, (x, y) in places.items():
        step = steps[name]
        said = f"{name} = {step.formula}" if step.formula else name
        ax.text(x, y, said, ha="center", va="center", size=10, zorder=3, bbox=_BOX)
        style: dict[str, Any] = {"va": "top", "size": 9.5, "zorder": 3}
        ax.text(x - 0.04, y + 0.2, f"↓ {_number(forward[name])}", ha="right", color=PALETTE[0], **style)
        ax.text(x + 0.04, y + 0.2, f"↑ {_number(float(step.derivative))}", ha="left", color=PALETTE[1], **style)
        for use in step.uses:
            if use.by not in places:
                continue
            to_x, to_y = places[use.by]
            ax.annotate("", (to_x, to_y - 0.18), (x, y + 0.43), arrowprops=_ARROW)
            side = 1 if to_x + x > 0 else -1
            # Beside an upright arrow, above one that leaves the middle, below one that comes back to it.
            aside = 0.0 if x == to_x else -0.13 if x == 0 else 0.15
            at = ((x + to_x) / 2 + 0.07 * side, (y + to_y) / 2 + 0.13 + aside)
            ax.text(*at, f"× {_number(float(use.local))}", ha="left" if side > 0 else "right", va="center", size=9.5)
    ax.set_xlim(-1.95, 1.95)
    ax.set_ylim(longest + 1.6, -0.35)
    ax.set_title("Forward and back on the same edges")
    figure.supxlabel("↓ change per nudge of w        ↑ derivative of C        × local derivative", size=9.5)
    return figure


_BOX = {"boxstyle": "round,pad=0.3", "facecolor": "0.94", "edgecolor": "0.45"}
_ARROW = {"arrowstyle": "-|>", "color": "0.45", "shrinkA": 0, "shrinkB": 0}


def _number(x: float) -> str:
    return f"{x:.4g}".replace("-", "−")


def slopes(f: Callable[..., Any], point: Sequence[float], strength: float) -> "Figure":
    """Draw loss, regulariser and objective over w, and the tangent at w."""
    w, *others = point
    reach = max(3.0, abs(w) + 1)
    across = np.linspace(-reach, reach, 241)
    whole = np.array([float(f(v, *others)) for v in across.tolist()])
    pull = strength * 0.5 * across**2
    figure = blank(3.8, 5.6)
    ax = figure.add_subplot()
    for k, (name, line) in enumerate((("objective", whole), ("loss", whole - pull), ("λ · regulariser", pull))):
        ax.plot(across, line, color=PALETTE[k], linestyle=DASHES[k], linewidth=1.8, label=name)
    value, slope = float(f(*point)), float(grad(f)(*point))
    near = np.array([w - 1, w + 1])
    ax.plot(near, value + slope * (near - w), color="0.2", linewidth=1.2, label=f"slope {_number(slope)}")
    ax.plot([w], [value], "o", color="0.2", markersize=6)
    ax.set_xlabel("w")
    ax.set_ylabel("objective, and its two parts")
    ax.set_title("The derivative is the sum of two slopes")
    ax.grid(alpha=0.3)
    ax.legend(loc="upper center")
    return figure
