"""What all drawings share: an empty figure, colours, logarithmic axes, and a file of a figure, the same each time."""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import OptionError
from chainrule.html.elements import COLOURS
from chainrule.html.svg import NO_MATPLOTLIB, svg_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "DASHES",
    "MARKERS",
    "NEGATIVE",
    "PALETTE",
    "POSITIVE",
    "blank",
    "draw_in",
    "log_upright",
    "save_svg",
    "svg_text",
]

#: Of lines and classes, in order. After those of the pages come more for data of many classes. Each has a contrast of
#: more than 3 to white, and none tells two things apart alone: lines have dashes too, and classes markers.
PALETTE = (*COLOURS, "#8e5fb0", "#8a7a00", "#6b6b6b", "#b5456f", "#258a99", "#7a5230", "#4a55c0")
DASHES = ("-", (0, (6, 2.5)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1.5)), (0, (9, 2, 3, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "*", ">")
#: Of weights: blue and orange are told apart with every kind of colour blindness.
POSITIVE, NEGATIVE = COLOURS[0], COLOURS[1]

#: 640 pixels at the resolution that a notebook and a page show it in.
_WIDTH, _RESOLUTION = 6.4, 100


def blank(height: float = 4.0, width: float = _WIDTH) -> "Figure":
    """Make an empty figure that pyplot knows nothing of, so that it is shown and freed by who holds it alone.

    Raises
    ------
    OptionError
        Where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise OptionError(NO_MATPLOTLIB) from error
    return Figure(figsize=(width, height), dpi=_RESOLUTION, layout="constrained")


def draw_in(ax: "Axes | None", height: float = 4.0) -> tuple["Figure", Any]:
    """Return the axes that were given and their figure, or the axes of a new one."""
    if ax is None:
        figure = blank(height)
        return figure, figure.add_subplot()
    if not hasattr(ax, "get_figure"):
        raise OptionError(f"ax has to be matplotlib's Axes, found {type(ax).__name__}")
    found: Any = ax.get_figure(root=True)
    return found, ax


def log_upright(ax: Any) -> None:
    """Make the upright axis logarithmic, with the numbers of `ticks`."""
    from chainrule.inspection.drawings.ticks import PlainNumbers

    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(PlainNumbers())
    ax.yaxis.set_minor_formatter(PlainNumbers(labelOnlyBase=False))


def save_svg(figure: "Figure", path: str | PathLike[str]) -> Path:
    """Save a figure as SVG, for a slide or a page; see `svg_text`.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        As the functions of this room return it. As a picture of pixels it saves itself: ``figure.savefig("x.png")``.
    path : path-like
        The file; one that is there is replaced.

    Returns
    -------
    Path
        Its path.

    Raises
    ------
    OptionError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from chainrule.inspection import drawings
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = drawings.save_svg(drawings.learning_curves([3.0, 2.0]), pathlib.Path(folder, "curve.svg"))
    ...     place.stat().st_size > 1000
    True
    """
    place = Path(path)
    place.write_text(svg_text(figure), encoding="utf-8")
    return place
