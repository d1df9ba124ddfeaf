"""scipy.interpolate: values as SciPy's, at knots and outside, and derivatives by points, data and knots."""

import numpy as np
import pytest
from scipy import interpolate
from scipy.sparse.linalg import spsolve

import chainrule
from chainrule import grad, hessian, jacobian, jit, jvp, vectorize
from chainrule.errors import NoDerivativeError, TraceError

rng = np.random.default_rng(7)
_START = rng.bit_generator.state


@pytest.fixture(autouse=True)
def _same_numbers():
    """Every test draws the same numbers, whichever ran before it."""
    rng.bit_generator.state = _START


def recorded(f, x):
    """The value that `f` has while it is recorded."""
    return chainrule.value(jvp(f, (x,), (np.zeros_like(x),))[0])


def check(f, args, *, rtol=1e-13):
    """Hold `f` recorded by each argument against `f` itself."""
    wanted = f(*args)
    scale = max(1.0, np.nanmax(np.abs(wanted), initial=0.0))
    for i, x in enumerate(args):
        found = recorded(lambda x, i=i: f(*args[:i], x, *args[i + 1 :]), x)
        assert np.shape(found) == np.shape(wanted)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=rtol * scale)


def differences(f, x, step=1e-6):
    sides = [np.ravel(f(x + step * e.reshape(x.shape)) - f(x - step * e.reshape(x.shape))) for e in np.eye(x.size)]
    return np.stack(sides, axis=-1) / (2 * step)


def check_derivatives(f, args, *, atol=1e-6):
    """Hold both modes against differences, interpreted and compiled."""
    for i, x in enumerate(args):

        def g(x, i=i):
            return f(*args[:i], x, *args[i + 1 :])

        wanted = differences(g, x)
        for J in (jacobian(g, mode="reverse"), jacobian(g, mode="forward"), jit(jacobian(g))):
            np.testing.assert_allclose(J(x).reshape(wanted.shape), wanted, atol=atol * max(1, np.max(np.abs(wanted))))


def knots(n):
    return np.cumsum(0.2 + rng.random(n))


def around(x, count=12):
    """The knots, points between and outside of them, and NaN."""
    return np.concatenate([x, rng.uniform(x[0] - 1, x[-1] + 1, count), [np.nan]])


# Cubic splines

ENDS = {
    "not-a-knot": "not-a-knot",
    "natural": "natural",
    "clamped": "clamped",
    "periodic": "periodic",
    "derivatives": ((1, np.array([0.3, 1.0])), (2, np.array([1.0, 2.0]))),
    "mixed": ((2, np.array([0.3, 1.0])), "not-a-knot"),
}


@pytest.mark.parametrize("n", [2, 3, 4, 5, 9])
@pytest.mark.parametrize("ends", ENDS)
def test_cubic_splines_agree_with_scipy(n, ends):
    x, y = knots(n), rng.normal(size=(n, 2))
    if ends == "periodic":
        y[-1] = y[0]
    for nu in range(4):
        for extrapolate in (None, True, False, "periodic"):
            # Third derivatives jump at knots, so that the last bit of a wrapped point decides.
            t = around(x) if nu < 3 else around(x)[n:]

            def f(x, y, t, nu=nu, extrapolate=extrapolate):
                return interpolate.CubicSpline(x, y, bc_type=ENDS[ends], extrapolate=extrapolate)(t, nu)

            if ends == "periodic" or extrapolate == "periodic":
                check(lambda y, t: f(x, y, t), (y, t), rtol=2e-12)
            else:
                check(f, (x, y, t), rtol=2e-12)


@pytest.mark.parametrize("ends", ENDS)
def test_derivatives_of_cubic_splines(ends):
    x, y = knots(6), rng.normal(size=(6, 2))
    t = rng.uniform(x[0] - 0.3, x[-1] + 0.3, 5)

    def f(x, y, t):
        if ends == "periodic":
            y = np.concatenate([y[:-1], y[:1]])
        return interpolate.CubicSpline(x, y, bc_type=ENDS[ends])(t)

    check_derivatives(f, (x, y, t), atol=1e-5)


def test_the_derivative_by_the_point_is_that_of_the_spline():
    x, y = knots(8), rng.normal(size=8)
    spline = interpolate.CubicSpline(x, y)
    t = 0.5 * (x[3] + x[4])
    for f in (spline, lambda t: interpolate.CubicSpline(x, y)(t)):
        assert grad(lambda t, f=f: f(t))(t) == pytest.approx(float(spline(t, 1)), rel=1e-13)
        assert grad(grad(lambda t, f=f: f(t)))(t) == pytest.approx(float(spline(t, 2)), rel=1e-13)
        assert jit(grad(lambda t, f=f: f(t)))(t) == pytest.approx(float(spline(t, 1)), rel=1e-13)
    np.testing.assert_allclose(vectorize(grad(lambda t: spline(t)))(x + 0.01), spline(x + 0.01, 1), rtol=1e-12)
    # At a knot it is that of the piece to the right, and both pieces have it.
    assert grad(lambda t: spline(t))(x[3]) == pytest.approx(float(spline(x[3], 1)), rel=1e-13)


def test_splines_of_data_that_are_not_known_yet():
    x, y = knots(7), rng.normal(size=7)

    def f(x, y, t):
        return np.sum(interpolate.CubicSpline(x, y)(t) ** 2)

    t = rng.uniform(x[0], x[-1], 4)
    for wrt in (0, 1, 2):
        np.testing.assert_allclose(jit(grad(f, wrt))(x, y, t), grad(f, wrt)(x, y, t), rtol=1e-10)
        np.testing.assert_allclose(grad(jit(f), wrt)(x, y, t), grad(f, wrt)(x, y, t), rtol=1e-10)
    ys = rng.normal(size=(3, 7))
    found = vectorize(grad(f, 1), (None, 0, None))(x, ys, t)
    np.testing.assert_allclose(found, [grad(f, 1)(x, y, t) for y in ys], rtol=1e-10)


def test_second_derivatives_by_data_and_knots():
    x, y = knots(5), rng.normal(size=5)

    def f(x, y):
        return interpolate.CubicSpline(x, y)(1.3) ** 2

    H = hessian(f, (0, 1))(x, y)
    for row, wrt in zip(H, (0, 1), strict=True):
        np.testing.assert_allclose(row[0], differences(lambda x: grad(f, wrt)(x, y), x), rtol=1e-5, atol=1e-6)  # noqa: B023
        np.testing.assert_allclose(row[1], differences(lambda y: grad(f, wrt)(x, y), y), rtol=1e-5, atol=1e-6)  # noqa: B023


def test_axes_complex_data_and_single_precision():
    y = rng.normal(size=(3, 6, 2))
    x = np.arange(6.0) ** 1.3
    check(lambda y: interpolate.CubicSpline(x, y, axis=1)(np.full((2, 5), 0.3)), (y,))
    check(lambda y: interpolate.CubicSpline(x, y, axis=-2)(0.3), (y,))
    z = y[0, :, 0] + 1j * y[0, :, 1]
    check(lambda t: interpolate.CubicSpline(x, z)(t).real, (np.array([0.3, 2.0]),))
    g = grad(lambda y: interpolate.CubicSpline(x, y)(0.3).imag)(z)
    assert g.dtype == complex
    assert grad(lambda y: interpolate.CubicSpline(x, y)(0.3))(y[0, :, 0].astype(np.float32)).dtype == np.float32


def test_calculus_of_piecewise_polynomials():
    x, y = knots(6), rng.normal(size=(6, 2))
    t = rng.uniform(x[0] - 0.5, x[-1] + 0.5, 7)

    def of(made):
        return lambda y: made(interpolate.CubicSpline(x, y))

    for made in (
        lambda s: s.derivative()(t),
        lambda s: s.derivative(3)(t),
        lambda s: s.derivative(5)(t),
        lambda s: s.antiderivative()(t),
        lambda s: s.antiderivative(2)(t, 1),
        lambda s: s.integrate(x[0] + 0.1, x[-1] - 0.2),
        lambda s: s.integrate(x[-1], x[0] - 0.2),
        lambda s: s.c,
    ):
        check(of(made), (y,), rtol=1e-12)
    spline = interpolate.CubicSpline(x, y[:, 0])
    assert grad(lambda b: spline.integrate(1.0, b))(2.0) == pytest.approx(float(spline(2.0)), rel=1e-12)
    closed = np.concatenate([y[:-1, 0], y[:1, 0]])
    check(
        lambda y: interpolate.CubicSpline(x, y, bc_type="periodic").integrate(x[0] - 3, x[-1] + 5),
        (closed,),
        rtol=1e-12,
    )


def test_splines_from_their_slopes_and_plain_pieces():
    x, y, slopes = knots(5), rng.normal(size=5), rng.normal(size=5)
    t = around(x)

    def f(x, y, slopes, t):
        return interpolate.CubicHermiteSpline(x, y, slopes)(t)

    check(f, (x, y, slopes, t))
    check_derivatives(f, (x, y, slopes, t[5:-1]), atol=1e-5)
    pieces = interpolate.PPoly(rng.normal(size=(3, 4)), x)
    check(lambda t: pieces(t), (t,))
    c = rng.normal(size=(2, 3, 4, 2))
    check(lambda c, t: interpolate.PPoly(c, x, axis=1, extrapolate=False)(t), (c, t))


LOCAL = {
    "pchip": interpolate.PchipInterpolator,
    "akima": interpolate.Akima1DInterpolator,
    "makima": lambda x, y, **how: interpolate.Akima1DInterpolator(x, y, method="makima", **how),
}


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize("n", [3, 4, 9])
def test_local_rules_agree_with_scipy(name, n):
    x, y = knots(n), rng.normal(size=(n, 3))
    y[:, 1] = np.sort(y[:, 1])
    y[:, 2] = np.round(y[:, 2])  # with level parts
    for how in ({}, {"extrapolate": True}, {"extrapolate": False}):
        check(lambda x, y, t: LOCAL[name](x, y, **how)(t), (x, y, around(x)), rtol=1e-12)  # noqa: B023


@pytest.mark.parametrize("name", LOCAL)
def test_two_points_make_a_line(name):
    """Of SciPy 1.15 Akima's is a curve, so that this is not compared with it."""
    x, t = np.array([0.0, 2.0]), np.array([-1.0, 0.5, 2.0])
    found = recorded(lambda y: LOCAL[name](x, y, extrapolate=True)(t), np.array([1.0, 5.0]))
    np.testing.assert_allclose(found, 1 + 2 * t, rtol=1e-14)


@pytest.mark.parametrize("name", LOCAL)
def test_derivatives_of_local_rules(name):
    x, y = knots(8), rng.normal(size=8)
    t = rng.uniform(x[0], x[-1], 5)
    check_derivatives(lambda x, y, t: LOCAL[name](x, y)(t), (x, y, t), atol=1e-5)


# B-splines


@pytest.mark.parametrize("k", [0, 1, 2, 3, 4, 5])
def test_interpolating_splines_agree_with_scipy(k):
    x, y = knots(9), rng.normal(size=(9, 2))
    for nu in range(min(k, 2) + 1):
        for extrapolate in (None, False, True, "periodic"):
            t = around(x) if nu == 0 else around(x)[9:]

            def f(y, t, nu=nu, extrapolate=extrapolate):
                return interpolate.make_interp_spline(x, y, k=k)(t, nu, extrapolate)

            check(f, (y, t), rtol=1e-11)


def test_ends_of_interpolating_splines():
    x, y = knots(9), rng.normal(size=(9, 2))
    t = around(x)
    for ends in ("natural", "clamped", ([(1, np.array([1.0, 2.0]))], [(2, np.zeros(2))])):
        check(lambda y: interpolate.make_interp_spline(x, y, bc_type=ends)(t), (y,), rtol=1e-12)  # noqa: B023
        check(lambda y: interpolate.make_interp_spline(x, y, bc_type=ends).derivative(2)(t), (y,), rtol=1e-11)  # noqa: B023
    check(lambda y: interpolate.make_interp_spline(x, y, axis=1)(t), (y.T.copy(),), rtol=1e-12)


def test_derivatives_of_b_splines():
    x, y = knots(7), rng.normal(size=7)
    t = rng.uniform(x[0], x[-1], 4)
    check_derivatives(lambda y, t: interpolate.make_interp_spline(x, y)(t), (y, t), atol=1e-5)
    knot_line = np.array([0.0, 0, 0, 1, 2, 3, 3, 3])
    check_derivatives(lambda c, t: interpolate.BSpline(knot_line, c, 2)(t), (rng.normal(size=5), np.array([0.3, 2.9])))


# FITPACK's


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_splines_of_fitpack(k):
    x, y = knots(9), rng.normal(size=9)
    tck = interpolate.splrep(x, y, k=k, s=0.2)
    curve = interpolate.splprep([y, x], k=k, s=0.1)[0]
    spline = interpolate.UnivariateSpline(x, y, k=k)
    t = around(x)[:-1]
    for nu in range(min(k, 2) + 1):
        t = t[9:] if nu == k else t
        for ext in (0, 1, 3):
            check(lambda t, nu=nu, ext=ext: interpolate.splev(t, tck, nu, ext), (t,), rtol=1e-11)
            check(lambda t, nu=nu, ext=ext: spline(t, nu, ext), (t,), rtol=1e-11)
        check(lambda t, nu=nu: interpolate.splev(t, curve, nu)[1], (rng.random(7),), rtol=1e-11)
    inner = rng.uniform(x[0], x[-1], (2, 3))
    check(lambda t: spline(t, ext="raise"), (inner,), rtol=1e-11)
    check_derivatives(lambda t: interpolate.splev(t, tck), (inner,), atol=1e-5)
    assert grad(lambda c: interpolate.splev(x[2], (tck[0], c, k)))(tck[1]).shape == tck[1].shape
    with pytest.raises(ValueError, match="outside of the data"):
        grad(lambda t: interpolate.splev(t, tck, ext=2))(x[-1] + 1)
    with pytest.raises(ValueError, match=f"order {k + 1} was asked for"):
        grad(lambda t: spline(t, nu=k + 1))(x[0])


def test_surfaces_of_fitpack():
    u, v = knots(7), knots(6)
    surface = interpolate.RectBivariateSpline(u, v, rng.normal(size=(7, 6)), ky=2)
    a, b = np.sort(rng.uniform(u[0] - 0.5, u[-1] + 0.5, 5)), np.sort(rng.uniform(v[0] - 0.5, v[-1] + 0.5, 5))
    check(lambda a, b: surface(a, b), (a, b), rtol=1e-11)
    check(lambda a, b: surface.ev(a, b), (a, b), rtol=1e-11)
    check(lambda a, b: surface(a, b[:, None], dx=1, grid=False), (a, b), rtol=1e-10)
    check(lambda a: surface(a, 1.0), (np.array(1.2),), rtol=1e-11)
    check_derivatives(lambda a, b: surface.ev(a, b), (a[1:-1], b[1:-1]), atol=1e-5)


# Along a line


@pytest.mark.parametrize(
    "kind", ["linear", "nearest", "nearest-up", "zero", "slinear", "quadratic", "cubic", "previous", "next", 4]
)
@pytest.mark.parametrize(
    "how", [{"bounds_error": False}, {"fill_value": "extrapolate"}, {"fill_value": (1.0, 2.0), "bounds_error": False}]
)
def test_interp1d_agrees_with_scipy(kind, how):
    x, y = knots(9), rng.normal(size=(9, 2))
    t = around(x)
    for line in (x, x[::-1]):
        check(lambda y, t: interpolate.interp1d(line, y, kind, axis=0, **how)(t), (y, t), rtol=1e-12)  # noqa: B023
        check(lambda y, t: interpolate.interp1d(line, y, kind, **how)(t), (y[:, 0], t), rtol=1e-12)  # noqa: B023
    check(lambda y: interpolate.interp1d(x, y, kind, **how)(t), (y.T.copy(),), rtol=1e-12)


def test_derivatives_of_interp1d():
    x, y = knots(7), rng.normal(size=7)
    t = rng.uniform(x[0], x[-1], 4)
    for kind in ("linear", "cubic"):
        check_derivatives(lambda y, t: interpolate.interp1d(x, y, kind)(t), (y, t), atol=1e-5)  # noqa: B023
    assert np.all(jacobian(lambda t: interpolate.interp1d(x, y, "nearest")(t))(t) == 0)


# Grids

GRID = (np.array([0, 1, 2.5, 4, 5, 7]), np.array([3.0, 2, 1, -1, -3, -4]), np.array([0.0, 1, 2, 5, 6, 9]))
VALUES = rng.normal(size=(6, 6, 6))


def on_grid(count=30):
    xi = np.stack([rng.uniform(min(g) - 0.5, max(g) + 0.5, count) for g in GRID], axis=-1)
    xi[0], xi[1], xi[3] = [1, 2, 2], [7, -4, 9], [0.5, 2.5, 0.5]
    xi[2, 1] = np.nan
    return xi


@pytest.mark.parametrize("method", ["linear", "nearest", "slinear", "cubic", "quintic"])
@pytest.mark.parametrize("fill_value", [np.nan, None, 3.0])
def test_grids_agree_with_scipy(method, fill_value):
    direct = {} if method in ("linear", "nearest") else {"solver": spsolve}

    def f(values, xi):
        made = interpolate.RegularGridInterpolator(
            GRID, values, method, bounds_error=False, fill_value=fill_value, **direct
        )
        return made(xi)

    check(f, (VALUES, on_grid()), rtol=1e-10)


def test_derivatives_on_grids():
    xi = np.array([[1.3, 0.7], [4.6, -2.2], [0.2, 2.9]])
    for method in ("linear", "cubic"):

        def f(values, xi, method=method):
            return interpolate.RegularGridInterpolator(GRID[:2], values, method)(xi)

        check_derivatives(f, (VALUES[..., 0], xi), atol=1e-5)
    assert np.all(grad(lambda xi: np.sum(interpolate.interpn(GRID[:2], VALUES[..., 0], xi, "nearest")))(xi) == 0)


def test_a_grid_made_outside():
    made = interpolate.RegularGridInterpolator(GRID[:2], VALUES)
    spline = interpolate.RegularGridInterpolator(GRID[:2], VALUES, "cubic")
    xi = np.array([[1.3, 0.7], [4.6, -2.2]])
    for f in (made, spline, lambda xi: spline(xi, nu=(1, 2)), lambda xi: made((xi[:, 0], xi[:, 1]))):
        check(lambda xi, f=f: f(xi), (xi,), rtol=1e-10)
        check_derivatives(lambda xi, f=f: f(xi)[:, 0], (xi,), atol=1e-5)
    assert grad(lambda a: made((a, 0.7))[0])(1.3) == pytest.approx(jacobian(lambda xi: made(xi)[0, 0])(xi)[0, 0])
    rows = vectorize(lambda p: made(p)[0])(xi)
    np.testing.assert_allclose(rows, made(xi), rtol=1e-13)


def test_points_outside_of_a_grid_are_an_error_when_they_are_known():
    made = interpolate.RegularGridInterpolator(GRID[:2], VALUES[..., 0])
    with pytest.raises(ValueError, match=r"dimension 0: a point is outside of the data, which go from 0.0 to 7.0"):
        grad(lambda a: made((a, 0.7)))(13.0)
    compiled = jit(lambda a: made((a, 0.7)))
    assert compiled(1.3) == pytest.approx(float(made((1.3, 0.7))))
    with pytest.raises(ValueError, match="outside of the data"):
        compiled(13.0)
    with pytest.raises(ValueError, match="interp1d: a point is outside"):
        grad(lambda y: interpolate.interp1d(np.arange(4.0), y)(100.0))(np.ones(4))


# Errors


@pytest.mark.parametrize(
    ("what", "f"),
    [
        ("PPoly.roots", lambda y: interpolate.CubicSpline(np.arange(5.0), y).roots()[0]),
        ("PPoly.solve", lambda y: interpolate.CubicSpline(np.arange(5.0), y).solve(0.5)[0]),
        ("BPoly", lambda y: interpolate.BPoly(np.ones((2, 1)), [0, 1])(y)[0]),
        ("BPoly", lambda y: interpolate.BPoly(y.reshape(5, 1), [0, 1])(0.5)),
        ("PPoly", lambda y: interpolate.PPoly(np.ones((2, 4)), y)(0.5)),
        ("BSpline.integrate", lambda y: interpolate.make_interp_spline(np.arange(5.0), y).integrate(0, 1)),
        ("make_interp_spline", lambda y: interpolate.make_interp_spline(y, np.ones(5))(0.5)),
        ("make_interp_spline", lambda y: interpolate.make_interp_spline(np.arange(5), y, bc_type="periodic")(0.5)),
        ("RegularGridInterpolator", lambda y: interpolate.RegularGridInterpolator((y,), np.ones(5))([0.5])[0]),
        ("RegularGridInterpolator", lambda y: interpolate.interpn((np.arange(5.0),), y, [0.5], "pchip")[0]),
        ("interp1d", lambda y: interpolate.interp1d(y, np.ones(5))(0.5)),
        ("UnivariateSpline", lambda y: interpolate.UnivariateSpline(np.arange(5.0), y)(0.5)),
        ("splev", lambda y: interpolate.splev(0.5, (y, np.ones(5), 1))),
        ("splrep", lambda y: interpolate.splev(0.5, interpolate.splrep(np.arange(5.0), y))),
        ("griddata", lambda y: interpolate.griddata(np.arange(5.0), y, 0.5)),
        ("RectBivariateSpline", lambda y: interpolate.RectBivariateSpline(y, range(5), np.eye(5))(0.5, 1.0)[0]),
        ("KroghInterpolator", lambda y: interpolate.KroghInterpolator(np.arange(5.0), np.ones(5))(y)[0]),
    ],
)
def test_what_is_not_followed_is_named(what, f):
    with pytest.raises(NoDerivativeError, match=rf"scipy\.interpolate\.{what}"):
        grad(f)(np.array([0.0, 1.0, 2.0, 3.0, 4.0]))


def test_wrong_data_are_an_error():
    y = np.ones(5)
    with pytest.raises(ValueError, match="strictly increasing"):
        grad(lambda y: interpolate.CubicSpline([0, 1, 1, 2, 3], y)(0.5))(y)
    with pytest.raises(ValueError, match="y should be finite"):
        grad(lambda y: interpolate.CubicSpline(range(5), y * np.nan)(0.5))(y)
    with pytest.raises(ValueError, match="5 entries along axis 0, but x has 4"):
        grad(lambda y: interpolate.CubicSpline(range(4), y)(0.5))(y)
    with pytest.raises(ValueError, match="the first and the last y should be the same"):
        grad(lambda y: interpolate.CubicSpline(range(5), y * np.arange(5), bc_type="periodic")(0.5))(y)
    with pytest.raises(TraceError, match="complex"):
        grad(lambda t: interpolate.CubicSpline(range(5), y)(t * 1j).real)(0.5)


def test_against_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    from jax.scipy.interpolate import RegularGridInterpolator as Theirs

    xi = np.array([[1.3, 0.7], [4.6, -2.2], [2.6, 2.9]])
    grid = GRID[0], GRID[1][::-1]

    def loss(made, values, xi):
        return (made(grid, values)(xi) ** 2).sum()

    ours = grad(lambda values, xi: loss(interpolate.RegularGridInterpolator, values, xi), (0, 1))(VALUES[..., 0], xi)
    theirs = jax.grad(lambda values, xi: loss(Theirs, values, xi), (0, 1))(VALUES[..., 0], xi)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
