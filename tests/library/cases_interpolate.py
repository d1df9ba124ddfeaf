"""scipy.interpolate: an interpolant of data, at points between its knots; what its methods give.

A line makes the interpolant and asks for it at once. How often that can be differentiated by the point depends on its
degree, so that no point comes close to a knot.
"""

import numpy as np
from scipy import interpolate
from tests.ops.case import REALS, Case, between, both_signs, fixed

COUNT = 6


def knots(rng, shape):
    """Increasing numbers close to 0, 1, 2 and so on."""
    return np.arange(float(shape[0])) + rng.uniform(-0.15, 0.15, shape)


def between_knots(rng, shape):
    """Numbers close to the middle between two of these, the first and the last interval left out."""
    return rng.integers(1, COUNT - 2, shape) + rng.uniform(0.3, 0.7, shape)


def uneven(rng, shape):
    """Data whose slopes change and keep away from level ones: they rise and fall by turns, each time by more."""
    return np.cumsum((0.5 + np.arange(shape[0])) * (-1.0) ** np.arange(shape[0]) * rng.uniform(0.9, 1.1, shape))


KNOTS = (knots, (COUNT,))
DATA = (REALS, (COUNT,))
POINTS = (between_knots, (2, 2))
#: Plain knots and grids, for what has no derivative by these.
AT = np.array([0.0, 1.1, 2.0, 2.9, 4.1, 5.0])
GRID = (AT, np.array([0.0, 0.9, 2.1, 3.0]))
SURFACE = interpolate.RectBivariateSpline(*GRID, np.cos(np.add.outer(AT, GRID[1] ** 2)))
CURVE = interpolate.UnivariateSpline(AT, np.sin(AT), s=0)


def on_grid(rng, shape):
    """Points of the first cells of a grid, away from their edges."""
    return rng.integers(0, 3, shape) + rng.uniform(0.2, 0.7, shape)


def after(made, what, *args):
    """A method of an interpolant, called."""
    return getattr(made, what)(*args)


def hermite(x, y, slopes, t):
    return interpolate.CubicHermiteSpline(x, y, slopes)(t)


def spline_of_pairs(x, y, t):
    """A spline of several columns, along the first axis."""
    return interpolate.CubicSpline(x, y.reshape(COUNT, 2), bc_type="natural")(t)


CASES = (
    Case(
        "scipy.interpolate.CubicSpline",
        lambda x, y, t: interpolate.CubicSpline(x, y)(t),
        fixed(KNOTS, DATA, POINTS),
        complex=((1,),),
    ),
    Case(
        "scipy.interpolate.CubicSpline",
        spline_of_pairs,
        fixed(KNOTS, (REALS, (COUNT, 2)), (between_knots, (0,))),
        complex=((1,),),
        label="of pairs at no points",
    ),
    Case(
        "scipy.interpolate.CubicHermiteSpline", hermite, fixed(KNOTS, DATA, DATA, POINTS), complex=((1, 2), (1,), (2,))
    ),
    Case(
        "scipy.interpolate.PchipInterpolator",
        lambda x, y, t: interpolate.PchipInterpolator(x, y)(t),
        fixed(KNOTS, (uneven, (COUNT,)), POINTS),
        looks=True,
    ),
    Case(
        "scipy.interpolate.Akima1DInterpolator",
        lambda x, y, t: interpolate.Akima1DInterpolator(x, y)(t),
        fixed(KNOTS, (uneven, (COUNT,)), POINTS),
        looks=True,
    ),
    Case(
        "scipy.interpolate.PPoly",
        lambda c, t: interpolate.PPoly(c, AT)(t),
        fixed((REALS, (4, COUNT - 1)), POINTS),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.PPoly.__call__",
        lambda y, t: interpolate.CubicSpline(AT, y)(t, 1),
        fixed(DATA, (between_knots, ())),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.PPoly.derivative",
        lambda y, t: after(interpolate.CubicSpline(AT, y), "derivative")(t),
        fixed(DATA, POINTS),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.PPoly.antiderivative",
        lambda y, t: after(interpolate.CubicSpline(AT, y), "antiderivative")(t),
        fixed(DATA, POINTS),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.PPoly.integrate",
        lambda y, a, b: after(interpolate.CubicSpline(AT, y), "integrate", a, b),
        fixed(DATA, (between(1.3, 1.7), ()), (between(3.3, 3.7), ())),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.make_interp_spline",
        lambda y, t: interpolate.make_interp_spline(AT, y, k=3)(t),
        fixed(DATA, POINTS),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.BSpline",
        lambda c, t: interpolate.BSpline(np.arange(10.0) - 2.5, c, 3)(t),
        fixed(DATA, POINTS),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.BSpline.__call__",
        lambda c, t: interpolate.BSpline(np.arange(10.0) - 2.5, c, 3)(t, nu=1),
        fixed(DATA, POINTS),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.BSpline.derivative",
        lambda c, t: after(interpolate.BSpline(np.arange(10.0) - 2.5, c, 3), "derivative")(t),
        fixed(DATA, POINTS),
        complex=((0,),),
    ),
    Case("scipy.interpolate.splev", lambda t: interpolate.splev(t, interpolate.splrep(AT, np.sin(AT))), fixed(POINTS)),
    Case("scipy.interpolate.UnivariateSpline.__call__", lambda t: CURVE(t), fixed(POINTS)),
    Case(
        "scipy.interpolate.RectBivariateSpline.__call__",
        lambda x, y: SURFACE(x, y, grid=False),
        fixed((on_grid, (2, 2)), (on_grid, (2, 2))),
    ),
    Case(
        "scipy.interpolate.interp1d",
        lambda y, t: interpolate.interp1d(AT, y, "cubic")(t),
        fixed(DATA, POINTS),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.interp1d.__call__",
        lambda y, t: interpolate.interp1d(AT, y)(t),
        fixed(DATA, POINTS),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.RegularGridInterpolator",
        lambda values, xi: interpolate.RegularGridInterpolator(GRID, values)(xi),
        fixed((REALS, (COUNT, 4)), (on_grid, (3, 2))),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.RegularGridInterpolator.__call__",
        lambda values, xi: interpolate.RegularGridInterpolator(GRID, values)(xi, method="nearest"),
        fixed((REALS, (COUNT, 4)), (on_grid, (3, 2))),
        complex=((0,),),
    ),
    Case(
        "scipy.interpolate.interpn",
        lambda values, xi: interpolate.interpn(GRID, values, xi),
        fixed((REALS, (COUNT, 4)), (on_grid, (0, 2))),
        complex=((0,),),
        label="at no points",
    ),
    Case(
        "scipy.interpolate.interpn",
        lambda values, xi: interpolate.interpn(GRID, values, xi),
        fixed((both_signs(0.5, 1.0), (COUNT, 4)), (on_grid, (2, 2, 2))),
        complex=((0,),),
    ),
)
