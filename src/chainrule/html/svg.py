"""Figures of matplotlib as SVG, the same text each time."""

import io
from typing import TYPE_CHECKING

from chainrule.errors import OptionError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["NO_MATPLOTLIB", "svg_once", "svg_text"]

NO_MATPLOTLIB = 'drawing needs the package matplotlib: pip install "chainrule[plot]"'
#: Pixels of an inch of what is drawn in pixels within the drawing, such as a surface: two for each of a page.
_RESOLUTION = 200
#: Drawings after which the places of things are taken as settled; two to four are seen.
_SETTLED = 8


def svg_text(figure: "Figure") -> str:
    """Write a figure as SVG: the same text for the same figure, each time.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        As the functions of `chainrule.inspection.drawings` return it.

    Returns
    -------
    str
        A document of its own, letters as outlines: it looks the same where no font is installed.

    Raises
    ------
    OptionError
        Where matplotlib is not installed.

    Examples
    --------
    >>> from chainrule.inspection import drawings
    >>> figure = drawings.learning_curves([3.0, 2.0, 1.5])
    >>> drawings.svg_text(figure) == drawings.svg_text(figure)
    True
    """
    text = svg_once(figure)
    # The layout goes on from the one before, and so is settled when nothing moves any more.
    for _ in range(_SETTLED - 1):
        before, text = text, svg_once(figure)
        if text == before:
            break
    return text


def svg_once(figure: "Figure") -> str:
    """Write a figure that is not to be drawn again: in a third of the time of `svg_text`, and with the same look."""
    try:
        from matplotlib import rc_context
    except ImportError as error:
        raise OptionError(NO_MATPLOTLIB) from error
    out = io.StringIO()
    # Without a salt the names of clips and markers are drawn at random. The date would change with the day.
    with rc_context({"svg.hashsalt": "chainrule", "svg.fonttype": "path"}):
        figure.savefig(out, format="svg", dpi=_RESOLUTION, metadata={"Date": None, "Creator": None})
    return out.getvalue()
