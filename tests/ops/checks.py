"""What every line of the case tables is held to.

All derivatives are checked through one real number: phi(x) = Re(sum(v * f(x))) for a random v. Its gradient G is the
vector-Jacobian product of v, and its derivative along d is Re(sum(G * d)); for complex inputs u + iv, too, by the
convention G = dphi/du - i dphi/dv.
"""

import warnings

import numpy as np
from hypothesis import reject

from chainrule import jvp, trace, tree, vectorize, vjp
from chainrule.evaluate import evaluate
from chainrule.graph import verify

STEP = 2e-3

#: How close derivatives in float32 are to those in float64.
SINGLE = 2e-4


def is_number(x):
    """Whether a result or an input is what derivatives are taken of."""
    return np.asarray(x).dtype.kind in "fc"


def on_numbers(case, call, arrays):
    """The function of those arrays that can be differentiated by, and these arrays."""
    places = [k for k, x in enumerate(arrays) if is_number(x)]

    def f(*numbers):
        whole = list(arrays)
        for k, x in zip(places, numbers, strict=True):
            whole[k] = x
        return case.f(*whole, **call.params)

    return f, [arrays[k] for k in places]


def random_like(rng, values):
    """Random numbers in the structure, shapes and kinds of `values`; real in [-1, 1], complex in the same square."""

    def one(x):
        x = np.asarray(x)
        draw = rng.uniform(-1, 1, x.shape)
        if x.dtype.kind == "c":
            draw = draw + 1j * rng.uniform(-1, 1, x.shape)
        return draw.astype(x.dtype)

    return tree.map(one, values)


def pairing(one, other):
    """Re(sum(a * b)) over the leaves of two trees."""
    pairs = zip(tree.leaves(one), tree.leaves(other), strict=True)
    return float(sum(np.real(np.sum(np.asarray(a) * np.asarray(b))) for a, b in pairs))


def difference(phi, point, direction, step=STEP):
    """Derivative of phi along a direction, by the central difference of fourth order.

    (8 [phi(x + h d) - phi(x - h d)] - [phi(x + 2 h d) - phi(x - 2 h d)]) / 12 h, with an error of order h^4.
    """

    def at(t):
        return phi(*(x + t * step * d for x, d in zip(point, direction, strict=True)))

    with np.errstate(all="ignore"):
        return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


def assert_close(found, expected, tolerance, scale=1.0):
    """Equal up to `tolerance` of the larger one, but for sums whose terms (of size `scale`) cancel."""
    assert np.isfinite(found), found
    assert np.isfinite(expected), expected
    assert abs(found - expected) <= tolerance * max(abs(found), abs(expected), scale), (found, expected)


def assert_same(found, expected, ulps=64, tolerance=0.0):
    """The same shapes, dtypes and, to rounding or a tolerance, values."""
    found_leaves, found_structure = tree.flatten(found)
    leaves, structure = tree.flatten(expected)
    assert found_structure == structure
    for a, b in zip(found_leaves, leaves, strict=True):
        x, y = np.asarray(a), np.asarray(b)
        assert x.shape == y.shape
        assert x.dtype == y.dtype
        if is_number(y):
            size = np.max(np.abs(y), initial=0.0, where=np.isfinite(y))
            rounding = max(ulps * np.finfo(y.dtype).eps, tolerance)
            np.testing.assert_allclose(x, y, rtol=rounding, atol=float(rounding * size))
        else:
            np.testing.assert_array_equal(x, y)


def check_value(case, call, arrays):
    """Traced, the function gives what NumPy gives, and warns of nothing that NumPy does not warn of."""
    f, numbers = on_numbers(case, call, arrays)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            expected = f(*numbers)
        except (AttributeError, TypeError):
            # A Python number has neither methods nor entries.
            if any(type(x) is float for x in numbers):
                reject()
            raise
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if seen else "error")
        assert_same(vjp(f, *numbers)[0], expected, tolerance=case.tolerance)


def check_graph(case, call, arrays, others):
    """The recorded graph keeps the rules, names the row, and computes the function elsewhere, too."""
    f, numbers = on_numbers(case, call, arrays)
    graph = trace(f)(*numbers)
    verify(graph)
    str(graph)
    if not case.looks:
        # Only the numbers are inputs of the graph: index arrays and masks are held as they were.
        moved = [x for x in others if is_number(x)]
        with np.errstate(all="ignore"):
            # An exponential, of a density say, has the absolute error of its exponent as a relative one.
            assert_same(list(evaluate(graph, *moved)), tree.leaves(f(*moved)), 256, case.tolerance)
    return graph


def check_gradient_graph(case, call, arrays, others, rng):
    """The derivative is a graph, too: recorded here, it gives the derivative elsewhere."""
    f, point = on_numbers(case, call, arrays)
    seed = random_like(rng, f(*point))

    def gradient(*xs):
        return list(vjp(f, *xs)[1](seed))

    graph = trace(gradient)(*point)
    verify(graph)
    moved = [x for x in others if is_number(x)]
    with np.errstate(all="ignore"):
        found = evaluate(graph, *moved)
    for a, b in zip(found, gradient(*moved), strict=True):
        close = max(1e-12, case.tolerance)
        np.testing.assert_allclose(a, b, rtol=close, atol=close * np.max(np.abs(b), initial=1.0))


def gradients(f, point, seed):
    """The vector-Jacobian product of `seed`, checked for what holds of every gradient."""
    _, pull_back = vjp(f, *point)
    found = pull_back(seed)
    for g, x in zip(found, point, strict=True):
        assert np.shape(g) == np.shape(x)
        assert np.asarray(g).dtype == np.asarray(x).dtype
    return found


def check_first(case, call, arrays, rng, tolerance=1e-8):
    """The derivative against finite differences, in a random direction."""
    f, point = on_numbers(case, call, arrays)
    seed = random_like(rng, f(*point))
    direction = random_like(rng, list(point))
    found = gradients(f, point, seed)
    expected = difference(lambda *xs: pairing(seed, f(*xs)), point, direction)
    close = max(tolerance, case.tolerance)
    assert_close(pairing(list(found), direction), expected, close, scale_of(found, direction))
    return found


def scale_of(found, direction):
    """Size of the terms that the derivative along a direction is the sum of."""
    largest = max((np.max(np.abs(g), initial=0.0) for g in found), default=0.0)
    return 1.0 + float(largest) * max((np.sqrt(np.size(d)) for d in direction), default=0.0)


def check_second(case, call, arrays, rng, tolerance=1e-7):
    """The derivative of <w, gradient>, by the point and by v, against finite differences of the gradient."""
    f, numbers = on_numbers(case, call, arrays)
    seeds, structure = tree.flatten(random_like(rng, f(*numbers)))
    count = len(numbers)

    def gradient(*both):
        _, pull_back = vjp(f, *both[:count])
        return list(pull_back(structure.unflatten(both[count:])))

    point = [*numbers, *seeds]
    weights = random_like(rng, list(numbers))
    direction = random_like(rng, list(point))
    found = gradients(gradient, point, weights)
    expected = difference(lambda *xs: pairing(weights, gradient(*xs)), point, direction)
    assert_close(pairing(list(found), direction), expected, tolerance, scale_of(found, direction))


def check_forward(case, call, arrays, rng, tolerance=1e-12):
    """Forward mode against reverse mode: Re(sum(v * J d)) = Re(sum(J^T v * d))."""
    f, point = on_numbers(case, call, arrays)
    seed = random_like(rng, f(*point))
    direction = random_like(rng, list(point))
    value, slope = jvp(f, tuple(point), tuple(direction))
    for y, t in zip(tree.leaves(value), tree.leaves(slope), strict=True):
        assert np.shape(t) == np.shape(y)
        assert np.asarray(t).dtype == (np.asarray(y).dtype if is_number(y) else float)
    found = gradients(f, point, seed)
    close = max(tolerance, case.tolerance)
    assert_close(pairing(seed, slope), pairing(list(found), direction), close, scale_of(found, direction))


def check_orders(case, call, arrays, rng, *, single=False, tolerance=1e-12):
    """Second derivatives by each mode over each, of which all give Re(sum(v * D^2 f[d, e])), for random v, d and e.

    Where `single`, in float32 and complex64, against reverse mode over itself in double precision.
    """
    f, numbers = on_numbers(case, call, arrays)
    point = narrow(numbers) if single else list(numbers)
    seed = random_like(rng, f(*point))
    one, other = random_like(rng, point), random_like(rng, point)
    # Of truth values and integers the derivative is zero in floating point.
    floats = tree.map(lambda v: v if is_number(v) else np.zeros(np.shape(v)), seed)

    def gradient(*xs):
        return list(vjp(f, *xs)[1](seed))

    def slope(*xs):
        return jvp(f, xs, tuple(one))[1]

    def in_double(*xs):
        return list(vjp(f, *xs)[1](wide(seed)))

    reverse = gradients(gradient, point, one)
    value, bend = jvp(slope, tuple(point), tuple(other))
    for y, t in zip(tree.leaves(value), tree.leaves(bend), strict=True):
        assert np.shape(t) == np.shape(y)
        assert np.asarray(t).dtype == np.asarray(y).dtype
    _, curve = jvp(gradient, tuple(point), tuple(other))
    right = gradients(in_double, wide(point), wide(one)) if single else reverse
    close = max(SINGLE if single else tolerance, case.tolerance)
    for found in (
        pairing(list(reverse), other),
        pairing(curve, one),
        pairing(floats, bend),
        pairing(list(gradients(slope, point, floats)), other),
    ):
        assert_close(found, pairing(list(right), other), close, scale_of(right, other))


def narrow(values):
    """In single precision."""
    return tree.map(lambda x: x.astype(np.complex64 if x.dtype.kind == "c" else np.float32), values)


def wide(values):
    """In double precision."""
    return tree.map(lambda x: x.astype(np.complex128 if x.dtype.kind == "c" else np.float64), values)


def check_vectorized(case, call, points):
    """One pass over a batch gives what one example after the other gives."""
    f, _ = on_numbers(case, call, points[0])
    numbers = [[x for x in arrays if is_number(x)] for arrays in points]
    batch = [np.stack(column) for column in zip(*numbers, strict=True)]
    # Some functions look at the dtype or the shape alone, and their answer does not depend on an example.
    expected = [tree.leaves(f(*example)) for example in numbers]
    found = tree.leaves(vectorize(f)(*batch))
    for k, column in enumerate(zip(*expected, strict=True)):
        assert_same(found[k], np.stack(column), tolerance=case.tolerance)


def check_single(case, call, arrays, rng, tolerance=SINGLE):
    """In float32 the derivative is a float32 array, close to the float64 one at the same point."""
    f, point = on_numbers(case, call, arrays)
    singles = narrow(point)
    seed = random_like(rng, f(*singles))
    found, expected = gradients(f, singles, seed), gradients(f, wide(singles), wide(seed))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.max(np.abs(b), initial=1.0))


def check_zero(case, call, arrays, rng):
    """A piecewise constant function has derivative exactly zero."""
    f, point = on_numbers(case, call, arrays)
    seed = random_like(rng, f(*point))
    for g in gradients(f, point, seed):
        assert not np.any(g)
