"""What every figure has to keep: words inside the figure and not over each other, named axes, the same SVG twice."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from chainrule.inspection import drawings

# Pixels by which boxes of letters may touch: they have a little room around them.
_TOUCH = 1.5


def texts(figure):
    """The texts that are seen, as (text, box in pixels)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    hidden = set()
    for ax in figure.axes:
        for axis in ax._axis_map.values():
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            low, high = sorted(axis.get_view_interval())
            margin = 1e-9 * (high - low)
            for tick in ticks:
                if not low - margin <= tick.get_loc() <= high + margin:
                    hidden |= {tick.label1, tick.label2}
            if not ax.axison:
                hidden |= {axis.label, *(label for tick in ticks for label in (tick.label1, tick.label2))}
    found = [one for one in figure.findobj(Text) if one.get_visible() and one.get_text().strip() and one not in hidden]
    return [(one.get_text(), one.get_window_extent(renderer)) for one in found]


def check(figure, *, svg=False):
    """Assert that a figure can be read; with `svg`, of one of each kind, that it gives the same file twice."""
    seen = texts(figure)
    assert seen
    width, height = figure.canvas.get_width_height()
    for text, box in seen:
        out = max(-box.x0, box.x1 - width, -box.y0, box.y1 - height)
        assert out <= _TOUCH, f"{text!r} leaves the figure by {out} pixels"
    for (one, a), (other, b) in combinations(seen, 2):
        wide, high = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(wide, high) <= _TOUCH, f"{one!r} and {other!r} lie over each other"
    for ax in figure.axes:
        assert not ax.axison or ax.get_xlabel() or ax.get_ylabel() or ax.get_title(loc="left"), f"{ax} has no name"
    titles = [figure.get_suptitle(), *(ax.get_title() for ax in figure.axes), *(one.get_text() for one in figure.texts)]
    assert any(titles)
    if not svg:
        return
    first = drawings.svg_text(figure)
    assert first == drawings.svg_text(figure)
    assert "<dc:date>" not in first
