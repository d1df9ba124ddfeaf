"""Every elementwise operation, emitted, against its evaluation in NumPy and SciPy on all dtypes."""

import ctypes
import itertools

import llvmlite.ir as ir
import numpy as np
import pytest
import scipy.special
from tests.native.kernels import FLOAT32, FLOAT64, OPS, native, widths, worst
from tests.native.test_emitter import compiled_loop

from chainrule.native import machine
from chainrule.native.elementwise import FUNCTIONS, WITHOUT, operand_dtypes
from chainrule.native.emitter import Emitter

BOOL, INT32, INT64, UINT8 = (np.dtype(name) for name in ("bool", "int32", "int64", "uint8"))

COMPARISONS = {f"np.{name}" for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")}
LOGIC = {f"np.{name}" for name in ("logical_and", "logical_or", "logical_xor")}
BITWISE = {f"np.{name}" for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift")}
# Two results of few units' error, and of SciPy's own; test_math_accuracy.py says how near they really are.
BOUND = 6
# Where SciPy is further off than that, by its own formulas, and by how much.
FURTHER = {
    "scipy.special.cosm1": 1e7,
    "scipy.special.erfc": 1e3,
    "scipy.special.erfcx": 1e3,
    "scipy.special.ndtr": 1e3,
    "scipy.special.log_ndtr": 1e4,
    "np.logaddexp": 1e3,
    "np.logaddexp2": 1e3,
}


def operands(name):
    """Number of inputs."""
    if name == "np.where":
        return 3
    partials = OPS[name].partials
    if partials is not None:
        return len(partials)
    return 2 if name in COMPARISONS | LOGIC | BITWISE | {"np.floor_divide"} else 1


def values(dtype):
    """Entries of a dtype: special ones and, of floats, some at random."""
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind != "f":
        info = np.iinfo(dtype)
        some = [0, 1, 2, 3, 5, 7, 8, 9, 31, 63, 64, 100, info.max, info.min, info.max - 1, info.min + 1]
        return np.array(some + [-1, -2, -3, -7, -100] * (dtype.kind == "i"), dtype=dtype)
    special = [0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 2.5, -2.5, 1e-40, -1e-40, 1e30, -1e30, np.inf, -np.inf, np.nan]
    rng = np.random.default_rng(0)
    more = [5e-324, 1e300, 7, 10, 0.1, 0.3, 1.5, np.finfo(dtype).max, np.finfo(dtype).tiny, 1e16, 1e-16]
    with np.errstate(all="ignore"):
        return np.concatenate([special, more, rng.normal(size=20) * 5, 10.0 ** rng.uniform(-30, 30, 10)]).astype(dtype)


def inputs(name, dtype):
    dtypes = [dtype] * operands(name)
    if name == "np.where":
        dtypes[0] = BOOL
    if name == "np.ldexp":
        dtypes[1] = INT32
    return [np.ascontiguousarray(x.ravel()) for x in np.meshgrid(*map(values, dtypes))]


def assert_as_numpy(name, lanes, xs, bound=BOUND):
    got = native(name, lanes, *xs)
    with np.errstate(all="ignore"):
        want = np.asarray(OPS[name].evaluate(*xs))
    assert got.dtype == want.dtype
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        return
    distance, k = worst(got, want.astype(np.float64 if got.dtype == FLOAT32 else np.longdouble))
    assert distance <= bound, ([x[k] for x in xs], got[k], want[k])


def has_loop(name, dtype):
    """Does NumPy take the dtype, and is its loop native?"""
    dtypes = [x.dtype for x in inputs(name, dtype)]
    try:
        return operand_dtypes(name, dtypes) is not None
    except TypeError:
        return False


# For other dtypes NumPy has no loop, or one in 16 bits.
EXACT = [
    (name, dtype)
    for name in FUNCTIONS
    for dtype in (INT64, UINT8, BOOL)
    if not name.startswith("scipy") and has_loop(name, dtype)
]


def test_every_operation_is_in_one_table():
    assert OPS
    assert set(FUNCTIONS) | set(WITHOUT) == set(OPS)
    assert not set(FUNCTIONS) & set(WITHOUT)
    assert all(WITHOUT.values())


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if has_loop(name, FLOAT64)])
def test_floats(name, dtype):
    assert_as_numpy(name, widths(dtype)[-1], inputs(name, dtype), FURTHER.get(name, BOUND))


@pytest.mark.parametrize(("name", "dtype"), EXACT, ids=[f"{name}-{dtype}" for name, dtype in EXACT])
def test_integers_and_bits(name, dtype):
    assert_as_numpy(name, 8, inputs(name, dtype))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_integers(name, dtype):
    if has_loop(name, np.dtype(dtype)):
        for lanes in (1, 16):
            assert_as_numpy(name, lanes, inputs(name, np.dtype(dtype)), FURTHER.get(name, BOUND))


@pytest.mark.parametrize("lanes", widths(FLOAT32))
@pytest.mark.parametrize("name", ["np.remainder", "np.floor_divide", "np.fmod"])
def test_remainders_of_large_quotients(name, lanes):
    rng = np.random.default_rng(0)
    for dtype, largest in ((FLOAT32, 37), (FLOAT64, 300)):
        x, y = (10.0 ** rng.uniform(-largest, largest, (2, 500)) * rng.choice([-1, 1], (2, 500))).astype(dtype)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(native(name, lanes, x, y), OPS[name].evaluate(x, y))


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 4, -1, -2, 0.5, 1.5, -0.5, 7])
def test_constant_exponent(exponent, dtype):
    x = values(dtype)
    with np.errstate(all="ignore"):
        want = np.power(x, exponent)
    got = native("np.power", 8, x, constant=exponent)
    assert worst(got, want.astype(np.longdouble))[0] <= 3


def test_short_powers_take_few_instructions():
    def instructions(exponent):
        module = machine.new_module("test")
        kind = ir.VectorType(ir.FloatType(), 8)
        e = Emitter(ir.Function(module, ir.FunctionType(kind, [kind]), "run"))
        x = e.b.function.args[0]
        e.b.ret(FUNCTIONS["np.power"](e, FLOAT32, x, e.const(exponent, kind)))
        return sum(len(block.instructions) for block in e.b.function.blocks)

    assert {y: instructions(y) - 1 for y in (1, 2, 3, -1, 0.5)} == {1: 0, 2: 1, 3: 2, -1: 1, 0.5: 1}


@pytest.mark.parametrize("exponent", [0, 1, 2, 5, 13])
@pytest.mark.parametrize("dtype", [INT64, UINT8], ids=str)
def test_integer_power(exponent, dtype):
    x = np.arange(10).astype(dtype)
    np.testing.assert_array_equal(native("np.power", 8, x, constant=exponent), np.power(x, dtype.type(exponent)))


@pytest.mark.parametrize(
    ("name", "dtypes", "weak", "loop"),
    [
        ("np.exp", [INT64], None, [FLOAT64]),
        ("np.add", [FLOAT32, FLOAT64], [False, True], [FLOAT32, FLOAT32]),
        ("np.add", [FLOAT32, INT64], [False, False], [FLOAT64, FLOAT64]),
        ("np.multiply", [INT64, FLOAT64], [True, True], [FLOAT64, FLOAT64]),
        ("np.less", [FLOAT32, FLOAT64], [False, True], [FLOAT32, FLOAT32]),
        ("np.power", [FLOAT32, INT64], [False, True], [FLOAT32, FLOAT32]),
        ("np.power", [FLOAT32, INT64], [False, False], [FLOAT64, FLOAT64]),
        ("np.where", [BOOL, FLOAT32, FLOAT64], [False, False, True], [BOOL, FLOAT32, FLOAT32]),
        ("np.where", [INT64, FLOAT32, FLOAT64], None, [BOOL, FLOAT64, FLOAT64]),
        ("np.divide", [INT64, INT64], None, [FLOAT64, FLOAT64]),
        ("np.logical_and", [FLOAT32, INT64], None, [BOOL, BOOL]),
        ("np.ldexp", [FLOAT32, INT32], None, [FLOAT32, INT32]),
        ("scipy.special.expit", [INT64], None, [FLOAT64]),
        # For a Python number beside 32 bits SciPy takes the loop that it has first, which is another one since 1.16.
        ("scipy.special.xlogy", [FLOAT64, FLOAT32], [True, False], [np.dtype(scipy.special.xlogy.types[0][0])] * 2),
        ("scipy.special.xlogy", [FLOAT32, FLOAT32], None, [FLOAT32, FLOAT32]),
        ("chainrule.relu", [FLOAT32], None, [FLOAT32]),
        ("chainrule.stop_gradient", [FLOAT32], None, [FLOAT32]),
        ("np.float_power", [FLOAT32, FLOAT32], None, [FLOAT64, FLOAT64]),
    ],
)
def test_operand_dtypes(name, dtypes, weak, loop):
    assert operand_dtypes(name, dtypes, weak) == tuple(loop)


@pytest.mark.parametrize(
    ("name", "dtypes", "constants"),
    [
        ("np.exp", [np.dtype(complex)], ()),
        ("np.exp", [np.dtype(np.float16)], ()),
        ("np.exp", [np.dtype(np.int8)], ()),
        ("np.less", [INT64, np.dtype(np.uint64)], ()),
        ("np.power", [INT64, INT64], ()),
        ("np.power", [INT64, INT64], (None, -1)),
        ("np.reciprocal", [INT64], ()),
    ],
)
def test_what_has_no_native_loop(name, dtypes, constants):
    assert operand_dtypes(name, dtypes, constants=constants) is None


def test_operation_without_a_rule():
    with pytest.raises(KeyError):
        operand_dtypes("scipy.special.gamma", [FLOAT64])


def test_large_arguments_take_the_slow_path_in_their_lanes_only():
    x = np.where(np.arange(64) % 5 == 0, 1e30, np.linspace(-9, 9, 64))
    for name, lanes in itertools.product(("np.sin", "np.cos", "np.tan"), widths(FLOAT64)):
        np.testing.assert_allclose(native(name, lanes, x), OPS[name].evaluate(x), rtol=1e-14)


def test_two_kernels_of_one_module_share_the_slow_path():
    module = machine.new_module("test")
    kind = ir.VectorType(ir.DoubleType(), 4)
    for name in ("one", "two"):
        e = Emitter(ir.Function(module, ir.FunctionType(ir.DoubleType(), [ir.DoubleType()]), name))
        x = e.splat(e.b.function.args[0], 4)
        y = FUNCTIONS["np.sin"](e, FLOAT64, FUNCTIONS["np.sin"](e, FLOAT64, x))
        assert y.type == kind
        e.b.ret(e.b.extract_element(y, e.int(0)))
    library = machine.compiled(module, ("one", "two"))
    for name in ("one", "two"):
        call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(library.addresses[name])
        assert call(1e20) == pytest.approx(np.sin(np.sin(1e20)), rel=1e-15)


def test_maximum_with_a_constant_keeps_nan():
    x = values(FLOAT32)
    for name in ("np.maximum", "np.minimum"):
        run = compiled_loop(
            lambda e, x, name=name: FUNCTIONS[name](e, FLOAT32, x, e.const(1.0, x.type)), [FLOAT32, FLOAT32], 8
        )
        np.testing.assert_array_equal(run(x), OPS[name].evaluate(x, np.float32(1)))
