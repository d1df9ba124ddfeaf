"""Curves as small SVG drawings.

They are written here and not by matplotlib: that is an extra, takes a second to load and over fifty times as long for a
drawing of three times the size, of which a live curve makes several in a second; and it fixes the colours of text and
axes, for which it would have to know the theme of the page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from chainrule.html.elements import COLOURS, element

__all__ = ["Series", "curve"]

_WIDTH, _HEIGHT = 620, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 604, 30, 192
#: Points of a line; more than these would fall on the same pixels.
_POINTS = 500
#: The axis is logarithmic where the largest value is so many times the smallest, and all are positive.
_DECADES = 20.0
# Values that differ by less are drawn as one; and numbers that are taken for 0, and for infinite.
_SAME, _TINY, _HUGE = 1e-9, 1e-300, 1e300
# Lines are told apart by more than their colour.
_DASHES = (None, "7 4", "2 3")


@dataclass(frozen=True, eq=False)
class Series:
    """A line of a drawing.

    Attributes
    ----------
    name : str
        What it shows.
    x, y : array, shape (points,)
        Its points, `x` rising. Those that are not finite, or as good as infinite, are left out.
    mark : int or None
        Number of a point to be marked with a ring.
    """

    name: str
    x: NDArray[Any]
    y: NDArray[Any]
    mark: int | None = None


def curve(series: Sequence[Series], across: str = "epoch") -> Element:
    """Draw lines over one axis, with a legend; logarithmic where the values span decades.

    Parameters
    ----------
    series : sequence of Series
        Up to three lines. Long ones keep the least and the greatest value of every few points.
    across : str
        What the horizontal axis counts.

    Returns
    -------
    Element
        An image with a text in its place, which has the first and the last values.

    Examples
    --------
    >>> drawing = curve([Series("objective", np.arange(1, 4), np.array([9.0, 3.0, 0.1]))])
    >>> drawing.find("svg").get("aria-label")
    'Curve over epochs 1 to 3, logarithmic. objective: 9 at first, 0.1 at last, least 0.1 at epoch 3.'
    """
    lines = [_finite(line) for line in series]
    lines = [line for line in lines if len(line.y)]
    if not lines:
        return element("p", f"No {across} has been done.")
    y, x = np.concatenate([line.y for line in lines]), np.concatenate([line.x for line in lines])
    low, high = float(y.min()), float(y.max())
    is_log = low > _TINY and high >= _DECADES * low
    up = _Axis.of(math.log10(low), math.log10(high), _BOTTOM, _TOP) if is_log else _Axis.of(low, high, _BOTTOM, _TOP)
    along = _Axis.of(float(x.min()), float(x.max()), _LEFT, _RIGHT, margin=0.0)
    levels = _log_ticks(low, high) if is_log else _ticks(up.low, up.high)
    steps = [t for t in _ticks(along.low, along.high, 8) if t == round(t)]
    parts = [
        *(_level(up(math.log10(t) if is_log else t), text) for t, text in _labelled(levels)),
        *(_text(along(t), _BOTTOM + 18, text, "middle") for t, text in _labelled(steps)),
        element("line", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM, stroke="currentColor"),
        _text((_LEFT + _RIGHT) / 2, _BOTTOM + 35, across + (" (upright: logarithmic)" if is_log else ""), "middle"),
    ]
    place = float(_LEFT)
    for k, line in enumerate(lines):
        style = {"stroke": COLOURS[k % 3], "stroke_width": 2, "stroke_dasharray": _DASHES[k % 3], "fill": "none"}
        parts.append(element("line", x1=place, x2=place + 26, y1=14, y2=14, **style))
        parts.append(_text(place + 32, 18, line.name))
        # Half an em for each letter: no letters are measured here.
        place += 32 + 7 * len(line.name) + 24
        parts += _line(line, along, up, is_log, style)
    label = _alternative(lines, across, is_log)
    drawing = element("svg", *parts, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=label)
    return element("div", drawing, class_="wide", style=f"max-width:{_WIDTH}px")


@dataclass(frozen=True)
class _Axis:
    """A straight map from values to places of the drawing."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def of(cls, low: float, high: float, start: float, end: float, margin: float = 0.04) -> "_Axis":
        more, size = margin * (high - low), max(abs(low), abs(high))
        if high - low <= max(_SAME * size, _TINY):
            # All values are as good as one: the line runs through the middle.
            more = max(0.1 * size, _TINY) if margin else 0.5
        return cls(low - more, high + more, start, end)

    def __call__(self, value: Any) -> Any:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _finite(line: Series) -> Series:
    y = np.asarray(line.y, np.float64)
    kept = np.flatnonzero(np.abs(y) < _HUGE)
    mark = None if line.mark is None else int(np.searchsorted(kept, line.mark))
    return Series(line.name, np.asarray(line.x)[kept], y[kept], mark if mark is not None and mark < len(kept) else None)


def _thinned(y: NDArray[Any]) -> NDArray[np.intp]:
    """Which points to draw: all, or the least and the greatest of every few."""
    if len(y) <= _POINTS:
        return np.arange(len(y))
    parts = np.array_split(np.arange(len(y)), _POINTS // 2)
    extremes = [(part[0] + y[part].argmin(), part[0] + y[part].argmax()) for part in parts]
    return np.unique(np.array([0, len(y) - 1, *np.ravel(extremes)]))


def _line(line: Series, along: _Axis, up: _Axis, is_log: bool, style: dict[str, Any]) -> list[Element]:
    shown = _thinned(np.log10(line.y) if is_log else line.y)
    x, y = along(line.x), up(np.log10(line.y) if is_log else line.y)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[shown].tolist(), y[shown].tolist(), strict=True))
    found = [element("polyline", points=points, stroke_linejoin="round", **style)]
    # A line of one point is not to be seen.
    rings = {line.mark} if len(line.y) > 1 else {0}
    ring = style | {"stroke_dasharray": None}
    return [*found, *(element("circle", cx=f"{x[k]:.1f}", cy=f"{y[k]:.1f}", r=4, **ring) for k in rings - {None})]


def _level(y: float, text: str) -> Element:
    rule = element("line", x1=_LEFT, x2=_RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", stroke="currentColor", opacity=0.2)
    return element("g", rule, _text(_LEFT - 7, y + 4, text, "end"))


def _text(x: float, y: float, text: str, anchor: str | None = None) -> Element:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def _ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers in an interval, in steps of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low) - 0.05), math.floor(math.log10(high) + 0.05)
    if last - first < 2:
        return [
            m * 10.0**k for k in range(first - 1, last + 1) for m in (1, 2, 5) if 0.9 * low <= m * 10.0**k <= 1.1 * high
        ]
    return [10.0**k for k in range(first, last + 1, math.ceil((last - first) / 5))]


def _labelled(ticks: Sequence[float]) -> list[tuple[float, str]]:
    """Ticks with their texts, of as few digits as tell them apart."""
    for digits in range(1, 16):
        texts = [f"{t:.{digits}g}" for t in ticks]
        if all(
            math.isclose(float(text), t, rel_tol=1e-9, abs_tol=1e-300) for text, t in zip(texts, ticks, strict=True)
        ):
            break
    return [(t, _plain(t, text)) for t, text in zip(ticks, texts, strict=True)] if ticks else []


def _plain(t: float, text: str) -> str:
    """``100`` for ``1e+02``, and ``1e-5`` for ``1e-05``."""
    if "e" in text and 1 <= abs(t) < 1e5:
        return f"{t:.0f}"
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def _alternative(lines: Sequence[Series], across: str, is_log: bool) -> str:
    first, last = min(line.x[0] for line in lines), max(line.x[-1] for line in lines)
    text = f"Curve over {across}s {first} to {last}{', logarithmic' if is_log else ''}."
    for line in lines:
        least = int(np.argmin(line.y))
        text += (
            f" {line.name}: {line.y[0]:.4g} at first, {line.y[-1]:.4g} at last, "
            f"least {line.y[least]:.4g} at {across} {line.x[least]}."
        )
    return text
