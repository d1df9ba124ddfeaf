"""`scan` against Python loops: values and derivatives in every mode."""

import threading
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.transforms.loops import check_modes, python_scan

import chainrule
from chainrule import cond, grad, hessian, jvp, scan, vectorize, vjp, while_loop
from chainrule.errors import OptionError, TraceError
from chainrule.evaluate import evaluate
from chainrule.graph import verify
from chainrule.trace import trace

RNG = np.random.default_rng(7)
W = RNG.normal(size=(3, 3)) / 2
H0 = RNG.normal(size=3)
XS = RNG.normal(size=(5, 3))


def recurrent(loop):
    """A recurrent network: what it captures, what it carries and what it reads, all differentiated by."""

    def f(w, h, xs):
        def step(h, x):
            h = np.tanh(w @ h + x)
            return h, np.sum(h**2)

        h, ys = loop(step, h, xs)
        return np.sum(np.sin(ys)) + h[0]

    return f


def test_every_mode():
    check_modes(recurrent(scan), recurrent(python_scan), W, H0, XS)


def test_third_derivative():
    def third(f):
        return grad(lambda w: np.sum(np.sin(grad(lambda w: np.sum(grad(f)(w, H0, XS) ** 2))(w))))(W)

    np.testing.assert_allclose(third(recurrent(scan)), third(recurrent(python_scan)), rtol=1e-9)


@settings(max_examples=15)
@given(st.integers(0, 6), st.integers(1, 3), st.integers(0, 2**20))
def test_lengths_and_shapes(length, width, seed):
    rng = np.random.default_rng(seed)
    a, c, xs = rng.normal(size=width), rng.normal(size=width), rng.normal(size=(length, width))

    def f(loop):
        def run(a, c, xs):
            def step(carry, x):
                carry = np.sin(a * carry) + x[::-1] * carry
                return carry, carry[0] * x

            last, ys = loop(step, c, xs)
            return np.sum(last**2) + (np.sum(np.cos(ys)) if length else 0.0)

        return run

    check_modes(f(scan), f(python_scan), a, c, xs, tolerance=1e-8, quick=True)
    if length:
        np.testing.assert_allclose(hessian(f(scan), 1)(a, c, xs), hessian(f(python_scan), 1)(a, c, xs), atol=1e-8)


def test_trees():
    @dataclass(frozen=True)
    class State:
        position: np.ndarray
        speed: float

    def f(position, forces):
        def step(state, row):
            speed = state.speed + np.sum(row["force"]) * row["weight"]
            return State(state.position + 0.1 * speed, speed), {"energy": speed**2, "none": None}

        weights = np.arange(1.0, len(forces) + 1)
        last, ys = scan(step, State(position, 0.0), {"force": forces, "weight": weights})
        assert isinstance(last, State)
        assert set(ys) == {"energy", "none"}
        return np.sum(last.position) + np.sum(ys["energy"])

    def oracle(position, forces):
        speed = total = 0.0
        for k, force in enumerate(forces):
            speed = speed + np.sum(force) * (k + 1.0)
            position = position + 0.1 * speed
            total = total + speed**2
        return np.sum(position) + total

    check_modes(f, oracle, np.ones(2), RNG.normal(size=(3, 2)))


def test_no_sequences_and_no_results():
    f = lambda x: scan(lambda c, _: (c * c - 0.1 * x, None), x, length=4)[0]  # noqa: E731

    def oracle(x):
        c = x
        for _ in range(4):
            c = c * c - 0.1 * x
        return c

    check_modes(f, oracle, 0.9)
    assert scan(lambda c, _: (c, None), 1.0, length=2) == (1.0, None)


def test_length_zero():
    last, ys = scan(lambda c, x: (c * np.sum(x), x[None]), 2.0, np.zeros((0, 3)))
    assert last == 2.0
    assert ys.shape == (0, 1, 3)
    assert grad(lambda c: scan(lambda c, x: (c * x, x), c, np.zeros(0))[0])(3.0) == 1.0


def test_an_array_that_is_filled():
    """Assignment inside a body, at a place that is not known while it is recorded."""

    def f(x, shift):
        def step(values, k):
            values[k] = np.sin(x) * (k + 1) + values[k - 1]
            values[1:] += shift
            return values, None

        return np.sum(scan(step, np.zeros(4), np.arange(4))[0] ** 2)

    def oracle(x, shift):
        values = [0.0] * 4
        for k in range(4):
            values[k] = np.sin(x) * (k + 1) + values[k - 1]
            values = [values[0]] + [v + shift for v in values[1:]]
        return sum(v**2 for v in values)

    check_modes(f, oracle, 0.7, 0.2)


def test_a_place_in_a_table():
    table = RNG.normal(size=5)

    def f(loop):
        def run(x, table):
            return loop(
                lambda c, k: (c * np.array(FIXED)[k] + np.array(table)[k] * x, None), x, np.array([3, 0, 0, 2])
            )[0]

        return run

    check_modes(f(scan), f(python_scan), 0.4, table)


FIXED = np.array([0.5, 1.5, -1.0, 2.0])


def test_the_body_may_differentiate():
    """A particle in a field whose force is itself a gradient."""

    def f(loop):
        def run(x, stiffness):
            def energy(x):
                return stiffness * np.sum(x**4) / 4 + np.sum(np.cos(x))

            def step(state, _):
                x, v = state
                v = v - 0.1 * grad(energy)(x)
                return (x + 0.1 * v, v), None

            (x, v), _ = loop(step, (x, 0.0 * x), length=6)
            return np.sum(x * v)

        return run

    check_modes(f(scan), f(python_scan), np.array([0.5, -0.8]), 1.3)


def test_nested_scans():
    def f(loop):
        def run(a, xs):
            def inner(c, x):
                return np.sin(c) * x + a, c * x

            def outer(c, row):
                c, ys = loop(inner, c * a, row)
                return c, np.sum(ys)

            last, ys = loop(outer, a, xs)
            return last * np.sum(ys**2)

        return run

    check_modes(f(scan), f(python_scan), 0.8, RNG.normal(size=(3, 2)))


def runge_kutta(loop):
    """The classical method of order 4 for the pendulum."""

    def run(start, length_of_rod, steps=20):
        def slope(y):
            return np.stack([y[1], -9.81 / length_of_rod * np.sin(y[0])])

        def step(y, h):
            k1 = slope(y)
            k2 = slope(y + h / 2 * k1)
            k3 = slope(y + h / 2 * k2)
            k4 = slope(y + h * k3)
            return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

        return np.sum(loop(step, start, np.full(steps, 0.05))[0] ** 2)

    return run


def test_runge_kutta():
    check_modes(runge_kutta(scan), runge_kutta(python_scan), np.array([0.3, 0.0]), 1.2)


def test_zero_stays_zero():
    def f(x):
        def step(c, x):
            return c + np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), 0.0) + np.where(x > 0, np.sqrt(x), 0), None

        return scan(step, 0.0, x)[0]

    np.testing.assert_allclose(grad(f)(np.array([0.0, 4.0])), [0, 0.25 + 0.25])
    _, slope = jvp(f, (np.array([0.0, 4.0]),), (np.array([0.0, 1.0]),))
    assert slope == 0.5


def test_zero_stays_zero_at_every_level():
    """The quick form of a derivative gives NaN here, so that the other one has to take its place."""

    x = np.array([[0.0, 4.0], [1.0, 0.0], [2.0, 3.0]])

    def f(loop):
        return lambda x: np.sum(loop(lambda c, x: (c + np.where(x > 0, np.sqrt(x) * c, 0.0), None), np.ones(2), x)[0])

    with np.errstate(all="ignore"):
        for change in (grad, lambda f: grad(lambda x: np.sum(grad(f)(x) * np.cos(x)))):
            expected = change(f(python_scan))(x)
            assert np.all(np.isfinite(expected))
            np.testing.assert_allclose(change(f(scan))(x), expected)
            np.testing.assert_allclose(vectorize(change(f(scan)))(np.stack([x, x])), np.stack([expected] * 2))
        np.testing.assert_allclose(jvp(f(scan), (x,), (x,))[1], jvp(f(python_scan), (x,), (x,))[1])


@pytest.mark.parametrize("mode", ["grad", "jvp", "hessian"])
def test_float32_stays(mode):
    xs = np.ones(4, np.float32)

    def f(w):
        def step(state, x):
            c, count = state
            return (np.tanh(c * w + x) * 0.5 / (count + 1), count + 1), c * 2.0

        (c, _), ys = scan(step, (0.0, 0), xs)
        return np.sum(ys) + c

    w = np.float32(0.3)
    found = {"grad": lambda: grad(f)(w), "jvp": lambda: jvp(f, (w,), (w,))[1], "hessian": lambda: hessian(f)(w)}
    assert found[mode]().dtype == np.float32
    assert f(w).dtype == np.float32


def test_kinds_of_the_carry():
    assert scan(lambda c, _: (c + 1, None), 0, length=3) == (3, None)
    assert type(scan(lambda c, _: (c + 1, None), 0, length=3)[0]) is int
    assert type(scan(lambda c, _: (c * 0.5, None), 1.0, length=3)[0]) is float
    last, _ = scan(lambda c, x: (c + x, None), 0, np.ones(2, np.float32))
    assert last.dtype == np.float32
    # A Python integer that becomes a float is one from the start.
    last, _ = scan(lambda c, _: (c + 0.5, None), 0, length=2)
    assert last == 1.0
    last, _ = scan(lambda c, _: (0, None), np.float32(3), length=2)
    assert last.dtype == np.float32


def test_complex_numbers():
    def f(loop):
        return lambda z: np.abs(loop(lambda c, x: (c * c * x + z, c), z, np.array([1.0, 0.5]))[0]) ** 2

    z = 0.3 + 0.2j
    np.testing.assert_allclose(grad(f(scan))(z), grad(f(python_scan))(z))


def test_large_constants_are_read_not_copied():
    large = RNG.normal(size=(40, 40)) / 10
    f = lambda loop: lambda x: np.sum(loop(lambda c, _: (np.tanh(large @ c), None), x, length=3)[0])  # noqa: E731
    x = large[0].copy()
    np.testing.assert_allclose(grad(f(scan))(x), grad(f(python_scan))(x))
    np.testing.assert_allclose(hessian(f(scan))(x), hessian(f(python_scan))(x), atol=1e-14)
    assert large.flags.writeable


def test_vjp_after_the_constant_changed():
    large = np.ones((40, 40)) / 40
    value, pull_back = vjp(lambda x: scan(lambda c, _: (np.sin(large @ c), None), x, length=2)[0], np.ones(40))
    before = pull_back(np.ones(40))[0]
    large[:] = 7.0
    np.testing.assert_array_equal(pull_back(np.ones(40))[0], before)
    assert value.shape == (40,)


def test_results_are_arrays_of_their_own():
    start = np.ones(3)
    last, _ = scan(lambda c, _: (c, None), start, length=2)
    last[0] = 5
    assert start[0] == 1


@pytest.mark.parametrize("axes", [(None, 0, 0), (None, None, 0), (0, None, None), (0, 0, 0), (None, 0, None)])
def test_vectorize(axes):
    f, oracle = recurrent(scan), recurrent(python_scan)
    whole = (np.stack([W, 2 * W]), np.stack([H0, -H0]), np.stack([XS, XS**2]))
    args = tuple(x[0] if axis is None else x for x, axis in zip(whole, axes, strict=True))

    def one_by_one(f, *args):
        rows = [[x if axis is None else x[k] for x, axis in zip(args, axes, strict=True)] for k in range(2)]
        return np.stack([f(*row) for row in rows])

    for k in range(3):
        for make in (lambda f: f, lambda f: grad(f, k), lambda f: hessian(f, k)):  # noqa: B023
            np.testing.assert_allclose(vectorize(make(f), axes)(*args), one_by_one(make(oracle), *args), atol=1e-10)
        for make in (grad, hessian):
            np.testing.assert_allclose(
                make(lambda *args: np.sum(vectorize(f, axes)(*args) ** 2), k)(*args),
                make(lambda *args: np.sum(one_by_one(oracle, *args) ** 2), k)(*args),
                atol=1e-10,
            )
    graph = trace(vectorize(grad(f), axes))(*args)
    verify(graph)
    np.testing.assert_allclose(evaluate(graph, *args)[0], vectorize(grad(f), axes)(*args))


def test_vectorize_inside_a_body():
    def f(loop):
        def run(w, xs):
            def step(c, x):
                return c + np.sum(vectorize(grad(lambda v: np.sum(np.tanh(v * w)) ** 2))(x)), None

            return loop(step, 0.0, xs)[0]

        return run

    check_modes(f(scan), f(python_scan), 0.7, RNG.normal(size=(2, 3, 2)), tolerance=1e-9)


def test_threads():
    expected = grad(recurrent(python_scan))(W, H0, XS)
    found: list[bool] = []

    def work():
        results = [grad(recurrent(scan))(W, H0, XS) for _ in range(5)]
        found.extend(bool(np.allclose(result, expected)) for result in results)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 20


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: scan(lambda c, x: (c if c > 0 else x, None), 1.0, XS), ["decision", "chainrule.cond"]),
        (lambda: scan(lambda c, x: (chainrule.value(c), None), 1.0, XS), ["chainrule.value()", "chainrule.cond"]),
        (lambda: scan(lambda c, x: (f"{c}", None), 1.0, XS), ["text", "result of each step"]),
        (lambda: scan(lambda c, x: (float(c), None), 1.0, XS), ["Python number", "chainrule.cond"]),
        (lambda: scan(lambda c, x: (c, FIXED[c]), 1, XS), ["np.array(table)[i]"]),
        (lambda: scan(lambda c, x: (c, x[x > 0]), 1, XS), ["mask", "np.where"]),
        (lambda: scan(lambda c, x: c, 1.0, XS), ["pair (carry, y)", "one array or number"]),
        (lambda: scan(lambda c, x: (c, x, x), 1.0, XS), ["pair (carry, y)", "tuple of 3"]),
        (lambda: scan(lambda c, x: ((c, c), x), 1.0, XS), ["<lambda>", "tuple(0: *, 1: *)", "init has *"]),
        (lambda: scan(lambda c, x: (c + x, x), 1.0, XS), ["init as a Python float", "float64[3]"]),
        (lambda: scan(lambda c, x: (c + x[0], x), np.float32(1), XS), ["float32[]", "float64[]", "astype"]),
        (lambda: scan(lambda c, x: ({"a": c["a"][:2]}, x), {"a": H0}, XS), ["init['a']", "float64[3]", "float64[2]"]),
        (lambda: scan(lambda c, x: (c, "text"), 1.0, XS), ["y is of type str"]),
        (lambda: scan(lambda c, x: (c, x), "text", XS), ["init is of type str"]),
        (lambda: scan(lambda c, x: (c, x), 1.0, range(3)), ["xs is of type range", "np.array of it"]),
        (lambda: scan(lambda c, x: (c, x), 1.0, zip(XS, XS, strict=True)), ["xs is of type zip", "as a tuple"]),
    ],
)
def test_what_a_body_must_not_do(call, words):
    with pytest.raises(TraceError) as found:
        call()
    for word in words:
        assert word in str(found.value)
    assert "test_scan.py" in str(found.value).splitlines()[-1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: scan(lambda c, x: (c, x), 1.0), ["length="]),
        (lambda: scan(lambda c, x: (c, x), 1.0, XS, length=4), ["length: 4", "xs: 5"]),
        (lambda: scan(lambda c, x: (c, x), 1.0, (XS, XS[1:])), ["xs[0]: 5", "xs[1]: 4"]),
        (lambda: scan(lambda c, x: (c, x), 1.0, [1.0, 2.0]), ["xs[0]", "axis"]),
        (lambda: scan(lambda c, x: (c, x), 1.0, length=-1), ["-1"]),
        (lambda: scan(lambda c, x: (c, x), 1.0, length=2.5), ["2.5"]),
        (lambda: scan(lambda c, x: (c, x), 1.0, length=True), ["True"]),
    ],
)
def test_lengths_that_do_not_fit(call, words):
    with pytest.raises(OptionError) as found:
        call()
    for word in words:
        assert word in str(found.value)


def test_a_value_that_escapes():
    escaped = []

    def step(c, x):
        escaped.append(c)
        return c, None

    scan(step, 1.0, length=1)
    with pytest.raises(TraceError, match="escaped"):
        escaped[0] * 2


def test_traced_values_are_assigned_into_results():
    def f(x):
        carry, ys = scan(lambda c, r: (c + r, c), np.zeros(3), np.ones((4, 3)))
        carry += x
        ys[0] = x**2
        chosen = cond(True, lambda: np.ones(3), lambda: np.zeros(3))
        chosen[1:] *= x[1:]
        waited = while_loop(lambda c: c[0] < 3, lambda c: c + 1, np.zeros(3))
        waited[0] = x[1]
        return np.sum(carry**2) + np.sum(ys**3) + np.sum(chosen * waited)

    x = np.array([1.0, 2.0, 3.0])
    assert f(x) == 25 + 36 + 49 + (1 + 64 + 729) + 3 * (1 + 8 + 27) + 2 + 6 + 9
    np.testing.assert_allclose(grad(f)(x), 2 * (4 + x) + 6 * x**5 + [0, 1 + 3, 3])
    assert type(scan(lambda c, r: (c + r, c), np.zeros(3), np.ones((4, 3)))[0]) is np.ndarray


def test_what_a_body_writes_stays_inside():
    def step(c, x):
        c[0] = 7.0
        x += 1
        return c, x

    start, xs = np.zeros(2), np.zeros((3, 2))
    last, ys = scan(step, start, xs)
    assert (last[0], ys[0, 0], start[0], xs[0, 0]) == (7, 1, 0, 0)
