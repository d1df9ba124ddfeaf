"""scipy.ndimage: filters by the order of the entries in the window around each one, and the centre of mass."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.library.images import extended_for, image, per_axis, windows
from chainrule.ops.axes import normalize_axes, shape_of
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _by_order(name: str, chosen: Callable[[Any, Any], Any]) -> None:
    def one_more(
        input: Any,
        own: Any,
        size: Any = None,
        footprint: Any = None,
        output: Any = None,
        mode: Any = "reflect",
        cval: Any = 0.0,
        origin: Any = 0,
        *,
        axes: Any = None,
    ) -> Any:
        x = image(name, input, output)
        places = normalize_axes(axes, len(shape_of(x)))
        lengths = [int(n) for n in (per_axis(size, len(places)) if footprint is None else np.shape(footprint))]
        x = extended_for(x, places, lengths, per_axis(origin, len(places)), mode, cval)
        found = windows(x, dict(zip(places, lengths, strict=True)))
        rows = np.reshape(found, (*shape_of(found)[: -len(places)], math.prod(lengths)))
        return chosen(rows if footprint is None else rows[..., np.ravel(np.asarray(footprint, bool))], own)

    def follow(
        input: Any,
        size: Any = None,
        footprint: Any = None,
        output: Any = None,
        mode: Any = "reflect",
        cval: Any = 0.0,
        origin: Any = 0,
        *,
        axes: Any = None,
    ) -> Any:
        return one_more(input, None, size, footprint, output, mode, cval, origin, axes=axes)

    def percentile(
        input: Any,
        percentile: Any,
        size: Any = None,
        footprint: Any = None,
        output: Any = None,
        mode: Any = "reflect",
        cval: Any = 0.0,
        origin: Any = 0,
        *,
        axes: Any = None,
    ) -> Any:
        return one_more(input, percentile, size, footprint, output, mode, cval, origin, axes=axes)

    hook("scipy.ndimage", name, real_only=True)(percentile if name == "percentile_filter" else follow)


def _at_percentile(rows: Any, percentile: float) -> Any:
    count = shape_of(rows)[-1]
    share = percentile + 100.0 if percentile < 0 else percentile
    return np.sort(rows, axis=-1)[..., count - 1 if share == 100.0 else int(count * share / 100.0)]


_by_order("maximum_filter", lambda rows, _: np.max(rows, axis=-1))
_by_order("minimum_filter", lambda rows, _: np.min(rows, axis=-1))
_by_order("median_filter", lambda rows, _: np.sort(rows, axis=-1)[..., shape_of(rows)[-1] // 2])
_by_order("percentile_filter", _at_percentile)


@hook("scipy.ndimage", "center_of_mass")
def _center_of_mass(input: Any, labels: Any = None, index: Any = None) -> Any:
    if labels is not None:
        raise TraceError(f"scipy.ndimage.center_of_mass: argument labels= is not followed.{user_line()}")
    x = image("center_of_mass", input)
    grids = np.ogrid[tuple(slice(0, n) for n in shape_of(x))]
    return tuple(np.sum(x * grid) / np.sum(x) for grid in grids)
