"""Functions against wider arithmetic, in units in the last place: dense samples of 32 and of 64 bits."""

import random

import numpy as np
import pytest
import scipy.special
from tests.native import references
from tests.native.kernels import FLOAT32, FLOAT64, native, widths, worst

# Name, what it is in wider arithmetic, and bounds for 32 and 64 bits.
ONE_OPERAND = (
    ("np.exp", np.exp, 1.1, 1.1),
    ("np.exp2", np.exp2, 1.1, 1.1),
    ("np.expm1", np.expm1, 2, 2),
    ("np.log", np.log, 1, 1),
    ("np.log2", np.log2, 2, 2),
    ("np.log10", np.log10, 2.4, 2),
    ("np.log1p", np.log1p, 1, 1),
    ("np.tanh", np.tanh, 2.6, 3),
    ("np.sinh", np.sinh, 2.4, 2.6),
    ("np.cosh", np.cosh, 1.6, 1.6),
    ("np.arctanh", np.arctanh, 2.1, 2.4),
    ("np.arcsinh", np.arcsinh, 2, 2.2),
    ("np.arccosh", np.arccosh, 2.5, 2.6),
    ("np.sin", np.sin, 2, 2.6),
    ("np.cos", np.cos, 2, 2.6),
    ("np.tan", np.tan, 3.6, 4),
    ("np.arcsin", np.arcsin, 2.5, 2.5),
    ("np.arccos", np.arccos, 1.5, 1.5),
    ("np.arctan", np.arctan, 2.5, 3),
    ("np.cbrt", np.cbrt, 1, 1),
    ("scipy.special.expit", references.expit, 2.5, 2.5),
    ("scipy.special.log_expit", references.log_expit, 2, 2),
    ("scipy.special.logit", references.logit, 3.5, 4),
    ("scipy.special.cosm1", references.cosm1, 4.5, 4),
    ("scipy.special.erf", references.erf, 1.5, 2),
    ("scipy.special.erfc", references.erfc, 1, 4),
    ("scipy.special.erfcx", references.erfcx, 1, 4),
    ("scipy.special.ndtr", references.ndtr, 1, 4),
    ("scipy.special.log_ndtr", references.log_ndtr, 1, 4),
)
FAST = (
    *("np.exp", "np.expm1", "np.log", "np.log1p", "np.tanh", "np.sin", "np.cos"),
    *("scipy.special.expit", "scipy.special.erf"),
)
#: The width that is used.
LAST = widths(FLOAT32)[-1]
# erf and its kin have no wider form in NumPy, and the reference in arithmetic of 64 bits of mantissa takes its time.
SLOW_REFERENCE = ("erf", "erfc", "erfcx", "ndtr", "log_ndtr")

needs_wide = pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no float here is wider than 64 bits")


def patterns(start, stop, step):
    """Floats of 32 bits by their bits."""
    return np.arange(start, stop, step, dtype=np.uint64).astype(np.uint32).view(np.float32)


def dense(rng, n):
    """Floats of 64 bits of every size, around 0, 1 and multiples of pi / 2, subnormal, huge, and where exp ends."""
    return np.concatenate(
        [
            rng.integers(0, 2**64, n, dtype=np.uint64).view(np.float64),
            rng.normal(size=n),
            rng.uniform(-1, 1, n),
            rng.uniform(-40, 40, n),
            rng.uniform(-760, 760, n),
            1 + rng.normal(size=n) * 1e-3,
            1 + rng.normal(size=n) * 1e-9,
            rng.normal(size=n) * 10.0 ** rng.uniform(-20, 20, n),
            rng.normal(size=n) * 10.0 ** rng.uniform(-320, -300, n),
            np.arange(-3000, 3000) * (np.pi / 2),
            2.0 ** np.arange(-1074, 1024),
            np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, np.finfo(float).max, -np.finfo(float).max]),
            np.array([709.78, 709.79, 710.4758, 710.48, -745.13, -745.14, -708.4, 1023.9999, 1024.0, -1074.9, -1075.1]),
        ]
    )


def check(name, reference, bound, x, wide, lanes):
    got = native(name, lanes, x)
    with np.errstate(all="ignore"):
        exact = reference(x.astype(wide))
    distance, k = worst(got, exact)
    assert distance <= bound, f"{name}({x[k]!r}) = {got[k]!r}, exactly {exact[k]!r}: {distance:.2f} units"


def short_reference(name, reference):
    """SciPy's own in 64 bits where that is faster: it is exact enough for 32."""
    short = name.removeprefix("scipy.special.")
    return getattr(scipy.special, short) if short in (*SLOW_REFERENCE, "expit") else reference


def by_name(rows):
    return pytest.mark.parametrize(("name", "reference", "single", "double"), rows, ids=[row[0] for row in rows])


@by_name(ONE_OPERAND)
def test_single(name, reference, single, double):
    wide = short_reference(name, reference)
    # An odd step meets every pattern of the lower bits; the last width is the one that is used.
    step = 1021 if name in FAST else 4099
    check(name, wide, single, patterns(0, 2**32, step), np.float64, LAST)
    for lanes in widths(FLOAT32)[:-1]:
        check(name, wide, single, patterns(lanes, 2**32, 262_147), np.float64, lanes)


#: One float of 32 bits in so many; all of them take an hour.
SHARE = 15


@pytest.mark.slow
@by_name(ONE_OPERAND)
def test_many_singles(name, reference, single, double):
    first = random.randrange(SHARE)
    print("from", first)
    for start in range(first, 2**32, SHARE * 2**22):
        x = patterns(start, min(start + SHARE * 2**22, 2**32), SHARE)
        check(name, short_reference(name, reference), single, x, np.float64, LAST)


@needs_wide
@by_name(ONE_OPERAND)
def test_double(name, reference, single, double):
    few = name.removeprefix("scipy.special.") in SLOW_REFERENCE
    rng = np.random.default_rng(0)
    x = dense(rng, 300 if few else 20_000)
    check(name, reference, double, x, np.longdouble, widths(FLOAT64)[-1])
    for lanes in widths(FLOAT64)[:-1]:
        check(name, reference, double, x[::7], np.longdouble, lanes)


SPECIAL = np.array(
    [
        *(0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, 1 / 3, np.inf, -np.inf, np.nan),
        *(1e-40, -1e-40, 1e300, 5e-324, 1e10, -1e10, 2.0**53, 2.0**53 + 2),
    ]
)


def points(rng, dtype):
    """Pairs: of every size, of one size, and all combinations of special values."""
    n = 30_000
    largest = 37 if dtype == FLOAT32 else 300
    sizes = 10.0 ** rng.uniform(-largest, largest, (2, n)) * rng.normal(size=(2, n))
    special = np.stack(np.meshgrid(SPECIAL, SPECIAL)).reshape(2, -1)
    with np.errstate(all="ignore"):
        return np.concatenate([sizes, rng.normal(size=(2, n)), special], axis=1).astype(dtype)


def powers(rng, dtype):
    """Pairs whose power is a number, with bases of every size, near 1, and negative with whole exponents."""
    n = 30_000
    edge, largest = (104, 37) if dtype == FLOAT32 else (745, 300)
    base = np.concatenate([10.0 ** rng.uniform(-largest, largest, n), rng.uniform(0.5, 2, n)])
    exponent = rng.uniform(-edge, edge, 2 * n) / np.log(base)
    whole = np.stack([np.repeat(rng.uniform(-30, 30, 500), 41), np.tile(np.arange(-20.0, 21.0), 500)])
    special = np.stack(np.meshgrid(SPECIAL, SPECIAL)).reshape(2, -1)
    with np.errstate(all="ignore"):
        return np.concatenate([np.stack([base, exponent]), whole, special], axis=1).astype(dtype)


def positive(rng, dtype):
    # For other signs log(e^x + e^y) can be near 0, where it has no accuracy in terms of itself, NumPy's as well.
    return np.abs(points(rng, dtype)) + np.array([[0], [1]], dtype)


def second_positive(rng, dtype):
    x, y = points(rng, dtype)
    return x, np.abs(y)


TWO_OPERANDS = (
    ("np.power", np.power, powers, 1.1, 2),
    ("np.hypot", np.hypot, points, 1, 2.2),
    ("np.arctan2", np.arctan2, points, 2.2, 3),
    ("np.logaddexp", np.logaddexp, positive, 1.5, 1.5),
    ("np.logaddexp2", np.logaddexp2, positive, 2, 2),
    ("scipy.special.xlogy", references.xlogy, second_positive, 2, 2.2),
    ("scipy.special.xlog1py", references.xlog1py, second_positive, 2, 2.2),
)


@needs_wide
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize(
    ("name", "reference", "sample", "single", "double"), TWO_OPERANDS, ids=[row[0] for row in TWO_OPERANDS]
)
def test_two_operands(name, reference, sample, single, double, dtype):
    x, y = map(np.ascontiguousarray, sample(np.random.default_rng(0), dtype))
    wide = np.float64 if dtype == FLOAT32 else np.longdouble
    with np.errstate(all="ignore"):
        exact = reference(x.astype(wide), y.astype(wide))
    for lanes in widths(dtype):
        got = native(name, lanes, x, y)
        distance, k = worst(got, exact)
        assert distance <= (single if dtype == FLOAT32 else double), (lanes, x[k], y[k], got[k], exact[k])
        zero = (got == 0) & (exact == 0)
        np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(exact[zero]))


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
def test_exact_values(dtype):
    """What NumPy has exactly, powers of two and ten, is exact here."""
    lanes = widths(dtype)[-1]
    twos = np.arange(-100, 100)
    np.testing.assert_array_equal(native("np.log2", lanes, (2.0**twos).astype(dtype)), twos)
    np.testing.assert_array_equal(native("np.exp2", lanes, twos.astype(dtype)), 2.0**twos)
    tens = np.arange(0, 10)
    np.testing.assert_array_equal(native("np.log10", lanes, (10.0**tens).astype(dtype)), tens)
    np.testing.assert_array_equal(native("np.cbrt", lanes, (tens**3).astype(dtype)), tens)


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize(
    "name", ["np.sin", "np.tan", "np.tanh", "np.sinh", "np.expm1", "np.log1p", "np.arcsinh", "np.arctan", "np.arcsin"]
)
def test_sign_of_zero(name, dtype):
    x = np.array([0.0, -0.0], dtype)
    for lanes in widths(dtype):
        np.testing.assert_array_equal(np.signbit(native(name, lanes, x)), [False, True])
