"""Drawings of measured numbers."""

from collections.abc import Collection, Mapping, Sequence
from itertools import count
from pathlib import Path

__all__ = ["dots"]

#: The colours of Okabe and Ito, which the colour-blind can tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
#: Those that look the same in all drawings.
KNOWN = ("chainrule", "JAX", "PyTorch", "autograd", "scikit-learn", "NumPy", "C")


def styles(names: Collection[str]) -> dict[str, int]:
    """Places of names in the tables of colours and markers; the unknown take what the known ones leave."""
    found = {name: KNOWN.index(name) for name in names if name in KNOWN}
    free = (place for place in count() if place not in found.values())
    return {name: found[name] if name in found else next(free) for name in names}


def dots(
    path: Path,
    title: str,
    axis: str,
    rows: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    *,
    log: bool = True,
    limit: float | None = None,
) -> None:
    """A line for each row and a dot on it for each of the series, named at the right.

    Parameters
    ----------
    path : Path
        Where the picture goes.
    title, axis : str
        Above it, and below its horizontal axis.
    rows : sequence of str
        What the lines are.
    series : mapping of str to sequence of float or None
        For each of the series a number for each of the rows, or None where there is none.
    log : bool
        Whether the axis is logarithmic; otherwise it starts at 0.
    limit : float, optional
        Where a vertical line stands.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure = Figure(figsize=(10, 1.5 + 0.36 * len(rows)), layout="constrained")
    axes = figure.subplots()
    ranks = styles(series)
    for k, (name, values) in enumerate(series.items()):
        # One a little below the other, so that none is hidden where numbers agree.
        offset = 0.5 * (k - (len(series) - 1) / 2) / max(4, len(series))
        found = [(value, row + offset) for row, value in enumerate(values) if value is not None]
        if not found:
            continue
        style = {"color": COLOURS[ranks[name] % len(COLOURS)], "marker": MARKERS[ranks[name] % len(MARKERS)]}
        axes.scatter(*zip(*found, strict=True), label=name, s=34, zorder=3, **style)
    if limit is not None:
        axes.axvline(limit, color="black", linewidth=1, linestyle="--", zorder=2)
    if log:
        axes.set_xscale("log")
        low, high = axes.get_xlim()
        # With few decades, lines between the powers of ten get numbers too.
        few = high / low < 300
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(left=0)
    for row in range(len(rows) - 1):
        axes.axhline(row + 0.5, color="0.9", linewidth=0.8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", which="major", color="0.8", linewidth=0.8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel(axis)
    axes.set_title(title, loc="left", fontsize="medium")
    if len(series) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    figure.savefig(path, dpi=120)
