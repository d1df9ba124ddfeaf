"""Real and complex arguments together: what NumPy makes of them, what it warns of, and what it refuses.

Complex values that are written among real ones lose their imaginary parts in NumPy, with a warning, or are refused.
What is computed has the derivative of what NumPy computes: of a value whose real part is taken, that of the real part.
"""

import warnings

import numpy as np
import pytest
from hypothesis import strategies as st
from tests.ops import checks
from tests.ops.case import Call, Case

from chainrule import TraceError, vjp

RNG = np.random.default_rng(0)
X = RNG.uniform(0.5, 2.0, 4)
Z = RNG.uniform(-1.0, 1.0, 2) + 1j * RNG.uniform(-1.0, 1.0, 2)
NUMBER = Z[0]


def writing(write):
    """A function that writes z into a real array made of x."""

    def f(x, z):
        y = x * 1.0
        write(y, z)
        return y

    return f


def write_slice(y, z):
    y[:2] = z


def write_diagonal(y, z):
    np.fill_diagonal(y, z)


def of_square(x, z):
    return writing(write_diagonal)(np.outer(x, x), z)


#: The result has the dtype that both have in common.
JOINED = {
    "concatenate": (lambda x, z: np.concatenate([x, z]), Z),
    "append": (np.append, Z),
    "stack": (lambda x, z: np.stack([x[:2], z]), Z),
    "hstack": (lambda x, z: np.hstack([z, x]), Z),
    "block": (lambda x, z: np.block([x, z]), Z),
    "where": (lambda x, z: np.where([True, False, True, True], x, z), NUMBER),
    "select": (lambda x, z: np.select([[True, False, True, False], [True, True, False, False]], [x, z]), NUMBER),
    "choose": (lambda x, z: np.choose([0, 1, 1, 0], [x, z]), NUMBER),
    "insert of real numbers": (lambda x, z: np.insert(z, 1, x), Z),
    "clip": (lambda x, z: np.clip(x, z, None), 1.2 + 0.1j),
    "diff": (lambda x, z: np.diff(x, prepend=z), Z),
    "linspace": (lambda x, z: np.linspace(x[:2], z, 3), Z),
    "interp": (lambda x, z: np.interp(x, [0.0, 9.0], z), Z),
    "polyval": (np.polyval, Z),
    "convolve": (np.convolve, Z),
    "correlate": (lambda x, z: np.correlate(z, x), Z),
    "vdot": (lambda x, z: np.vdot(x[:2], z), Z),
    "einsum": (lambda x, z: np.einsum("i,j->ij", x, z), Z),
    "matmul": (lambda x, z: np.reshape(x, (2, 2)) @ z, Z),
    "solve": (lambda x, z: np.linalg.solve(np.reshape(x, (2, 2)), z), Z),
    "kron": (np.kron, Z),
    "trapezoid": (lambda x, z: np.trapezoid(x[:2], z), Z),
    "average": (lambda x, z: np.average(x[:2], weights=z), Z + 2),
}

#: NumPy takes the real parts, and warns.
REAL_PART = {
    "assignment": (writing(write_slice), Z),
    "insert": (lambda x, z: np.insert(x, 1, z), Z),
    "copyto": (writing(lambda y, z: np.copyto(y[:2], z, casting="unsafe")), Z),
    "fill_diagonal": (of_square, Z),
    "put": (writing(lambda y, z: np.put(y, [0, 3], z)), Z),
    "put_along_axis": (writing(lambda y, z: np.put_along_axis(y, np.array([0, 1]), z, 0)), Z),
    "piecewise": (lambda x, z: np.piecewise(x, [np.array([True, False, False, True])], [z, 3.0]), NUMBER),
    "full_like": (lambda x, z: np.full_like(x, z) * x, NUMBER),
    "pad": (lambda x, z: np.pad(x, 1, constant_values=z), NUMBER),
    "interp beside the points": (lambda x, z: np.interp(x, [1.0, 1.2], [1.0, 2.0], left=z), NUMBER),
    "gradient": (lambda x, z: np.gradient(x, z), NUMBER),
    "sum": (lambda x, z: np.sum(x, initial=z), NUMBER),
    "prod": (lambda x, z: np.prod(x, initial=z), NUMBER),
    "max": (lambda x, z: np.max(x, initial=z), NUMBER + 5),
    "nansum": (lambda x, z: np.nansum(x, initial=z), NUMBER),
    "astype": (lambda x, z: z.astype(float) * x[0], Z),
}

#: NumPy refuses them.
REFUSED = {
    "copyto": (writing(lambda y, z: np.copyto(y[:2], z)), Z),
    "place": (writing(lambda y, z: np.place(y, [True, False, True, False], z)), Z),
    "putmask": (writing(lambda y, z: np.putmask(y, [True, False, True, False], z)), Z),
    "assignment of a Python number": (writing(lambda y, z: y.__setitem__(0, 1j)), Z),
    "in place": (writing(lambda y, z: y[:2].__iadd__(z)), Z),
    "out=": (writing(lambda y, z: np.add(y[:2], z, out=y[:2])), Z),
    "ediff1d": (lambda x, z: np.ediff1d(x, to_begin=z), Z),
    "nan_to_num": (lambda x, z: np.nan_to_num(x, nan=z), NUMBER),
    "bincount": (lambda x, z: np.bincount([0, 1], z) * x[:2], Z),
    "interp at complex points": (lambda x, z: np.interp(z, [0.0, 9.0], x[:2]), Z),
    "interp beside the points, of a Python number": (lambda x, z: np.interp(x, [1, 2.0], [1, 2.0], left=1j), Z),
    "sum from a Python number": (lambda x, z: np.sum(x, initial=1j), Z),
}


def warned_of(run):
    """What a call gives, and the kinds of warnings."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found = run()
    return found, {warning.category for warning in seen}


def compare(f, z):
    expected, warned = warned_of(lambda: f(X, z))
    found, warned_here = warned_of(lambda: vjp(f, X, z)[0])
    checks.assert_same(found, expected)
    assert warned_here == warned
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        rng, line, call = np.random.default_rng(1), Case("", f, st.nothing()), Call(())
        for check in (checks.check_first, checks.check_second, checks.check_forward):
            check(line, call, (X, z), rng)
    return warned


@pytest.mark.parametrize("name", JOINED)
def test_both_have_a_dtype_in_common(name):
    f, z = JOINED[name]
    assert compare(f, z) == set()
    assert f(X, z).dtype == complex


@pytest.mark.parametrize("name", REAL_PART)
def test_among_real_numbers_the_real_part_counts(name):
    f, z = REAL_PART[name]
    assert compare(f, z) == {np.exceptions.ComplexWarning}


@pytest.mark.parametrize("name", REFUSED)
def test_what_numpy_refuses_is_refused(name):
    f, z = REFUSED[name]
    with pytest.raises(TypeError):
        f(X, z)
    with pytest.raises((TypeError, TraceError)):
        vjp(f, X, z)
