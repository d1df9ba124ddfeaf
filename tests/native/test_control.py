"""Loops and branches as machine code: values, gradients and second derivatives against the interpreter."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.running import assert_close, check, check_traced

from chainrule import cond, grad, hessian, jit, jvp, recompute, scan, trace, vectorize, while_loop
from chainrule.evaluate import evaluate
from chainrule.graph import Node
from chainrule.native.control_bodies import bound
from chainrule.native.control_costs import counted
from chainrule.native.program import Program

# A share of what the profile asks for, since each example is compiled.
few = settings(max_examples=max(3, settings().max_examples // 10))

RNG = np.random.default_rng(0)


def direction(x):
    return np.cos(np.arange(np.size(x), dtype=np.asarray(x).dtype)).reshape(np.shape(x))[()]


def curvature(f):
    """The product of the second derivative by the first argument with a direction."""
    return lambda x, *rest: jvp(lambda y: grad(f)(y, *rest), (x,), (direction(x),))[1]


def runge_kutta(y):
    def rate(y):
        return np.array([y[1], (1 - y[0] ** 2) * y[1] - y[0]])

    def step(y, _):
        a = rate(y)
        b = rate(y + 0.05 * a)
        c = rate(y + 0.05 * b)
        d = rate(y + 0.1 * c)
        return y + 0.1 / 6 * (a + 2 * b + 2 * c + d), None

    return np.sum(scan(step, y, length=30)[0] ** 2)


def recurrent(w, xs):
    def step(h, x):
        h = np.tanh(w @ h + x)
        return h, np.sum(h)

    h, ys = scan(step, np.zeros(len(w), w.dtype), xs)
    return np.sum(ys**2) + np.sum(h)


def newton(a):
    return while_loop(lambda c: np.abs(c * c - a) > 1e-4, lambda c: 0.5 * (c + a / c), a)


def growing(a):
    """Stacks of a thousand steps, which grow on the way."""
    return while_loop(lambda c: c[1] < 1000, lambda c: (np.sin(c[0]) * 1.01 + a, c[1] + 1), (a, 0))[0]


def growing_rows(a):
    def body(c):
        return np.tanh(c[0] * a[::-1]) + 0.1, c[1] + 1

    return np.sum(while_loop(lambda c: c[1] < 300, body, (a, 0))[0])


def scan_in_scan(x):
    def outer(c, k):
        d, ys = scan(lambda d, _: (np.sin(d) + x, d), c, length=5)
        return d * 0.9, np.sum(ys)

    c, ys = scan(outer, x, length=4)
    return np.sum(c) + np.sum(ys)


def cond_in_while(x):
    def body(c):
        y, k = c
        return cond(y > 0.5, lambda y: y * 0.7, lambda y: y + x * x, y), k + 1

    return while_loop(lambda c: c[1] < 20, body, (x, 0))[0]


def while_in_scan(x):
    def body(c, _):
        y = while_loop(lambda d: d < 10.0, lambda d: d * 1.5 + x * x, c)
        return y * 0.1, y

    c, ys = scan(body, x, length=4)
    return c + np.sum(ys)


def large_cond(x):
    return np.sum(cond(np.sum(x) > 0, lambda x: np.sin(x) * x[::-1], lambda x: np.cumsum(x), x))


def places_in_a_table(x):
    table = np.arange(40.0).reshape(20, 2).astype(np.asarray(x).dtype) * x
    return np.sum(scan(lambda k, _: (k + 1, table[k % 20, 1] * x + table[k, 0]), 0, length=10)[1])


def places_in_the_carry(x):
    def step(c, k):
        c = np.where(np.arange(4) == k % 4, c[(k + 1) % 4] * x, c)
        return c, c[k % 4]

    return np.sum(scan(step, np.ones(4), np.arange(7))[1]) * x


def filled(x):
    def step(c, k):
        a = np.zeros(3, getattr(x, "dtype", float))
        a[0] = c
        a[1:] = c * x
        return np.sum(a * a) * 0.1, np.cumsum(a)

    return np.sum(scan(step, x, length=4)[1])


def opened(x):
    block = recompute(lambda x: np.sin(x) * np.tanh(x))
    return np.sum(scan(lambda c, _: (block(block(c)) + x, None), x, length=3)[0])


def backward(x):
    xs = np.arange(5.0).astype(np.asarray(x).dtype) * x
    return np.sum(scan(lambda c, y: (c * 0.5 + y, c), x, xs[::-1])[1] ** 2)


def nothing(x):
    c, ys = scan(lambda c, _: (c * x, c), x, length=0)
    return np.sum(c) + np.sum(ys)


def no_step(x):
    return np.sum(while_loop(lambda c: np.sum(c) < -100.0, lambda c: c * 2.0, x))


FUNCTIONS = {
    runge_kutta: (np.array([1.0, 0.5]),),
    recurrent: (RNG.normal(size=(20, 20)) * 0.2, RNG.normal(size=(7, 20))),
    newton: (3.0,),
    growing: (0.3,),
    growing_rows: (np.linspace(0.1, 1.0, 20),),
    scan_in_scan: (np.linspace(0.0, 1.0, 30),),
    cond_in_while: (0.3,),
    while_in_scan: (0.7,),
    large_cond: (np.linspace(0.0, 1.0, 30),),
    places_in_a_table: (1.5,),
    places_in_the_carry: (1.2,),
    filled: (0.7,),
    opened: (np.array([1.0, -1.0, 2.0]),),
    backward: (0.4,),
    nothing: (np.array([1.0, -1.0]),),
    no_step: (np.array([1.0, -1.0]),),
}
SMALL = {scan_in_scan: (0.4,), large_cond: (np.linspace(-1.0, 1.0, 3),)}
CASES = [*FUNCTIONS.items(), *SMALL.items()]
NAMES = [f.__name__ for f in FUNCTIONS] + [f"{f.__name__} small" for f in SMALL]


@pytest.mark.parametrize(("f", "args"), CASES, ids=NAMES)
def test_value(f, args):
    assert check_traced(f, *args).is_native


@pytest.mark.parametrize(("f", "args"), CASES, ids=NAMES)
def test_gradient(f, args):
    check_traced(grad(f), *args, ulps=4096)


@pytest.mark.parametrize(("f", "args"), CASES, ids=NAMES)
def test_second_derivative(f, args):
    check_traced(curvature(f), *args, ulps=1 << 16)


@pytest.mark.parametrize(("f", "args"), CASES, ids=NAMES)
def test_single_precision(f, args):
    if f is newton:
        args = (3.5,)
    args = [np.float32(x) if isinstance(x, float) else x.astype(np.float32) for x in args]
    check_traced(lambda *xs: (f(*xs), grad(f)(*xs)), *args, ulps=1 << 14)


@few
@given(st.integers(0, 6), st.integers(0, 20), st.booleans(), st.sampled_from((np.float64, np.float32)))
def test_lengths_and_widths(length, width, sequence, dtype):
    rng = np.random.default_rng(length * 100 + width)
    init, xs = rng.normal(size=width).astype(dtype), rng.normal(size=(length, width)).astype(dtype)

    def f(init, xs):
        def step(c, x):
            c = np.sin(c) + (0.5 if x is None else x)
            return c, c[::-1] * 2

        c, ys = scan(step, init, xs if sequence else None, length=length)
        return np.sum(c * c) + np.sum(ys)

    check_traced(f, init, xs)
    check_traced(grad(f), init, xs)


@few
@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), st.integers(1, 3))
def test_integers_and_several_carries(lengths, step):
    def f(x):
        def body(c):
            k, total, flag = c
            return k + step, total * x + k, np.logical_not(flag)

        return while_loop(lambda c: c[0] < np.int64(sum(lengths)), body, (np.int64(0), x, np.True_))

    check_traced(f, 1.5)
    check_traced(f, np.arange(3.0))


def test_other_values_take_another_number_of_steps():
    graph = trace(grad(newton))(3.0)
    for a in (3.0, 1.0, 1e-3, 5000.0):
        check(graph, a)
    graph = trace(curvature(newton))(3.0)
    for a in (3.0, 5000.0):
        check(graph, a, ulps=1 << 16)


def test_both_sides_of_a_branch():
    for f, points in ((cond_in_while, (0.3, 0.9)), (large_cond, (np.ones(20), -np.ones(20)))):
        graph = trace(lambda x, f=f: (f(x), grad(f)(x)))(points[0])
        for x in points:
            check(graph, x)


# Zero stays zero: the quick form is run, and the careful one where a NaN came out.


def safe(x):
    return scan(lambda c, _: (c + np.where(c > 0, np.sqrt(np.where(c > 0, c, 0.0)), 0.0) * 0.1, None), x, length=3)[0]


def far(x):
    """Of which the derivative of the root is infinite where nothing asks for it."""

    def step(c, _):
        return c * 0.5, np.where(c > 1.0, np.sqrt(np.abs(c - 1.0)), c)

    return np.sum(scan(step, x, length=3)[1])


@pytest.mark.parametrize("f", [safe, far])
def test_zero_stays_zero(f):
    graph = trace(grad(f))(2.0)
    for x in (2.0, 1.0, 0.0, -1.0):
        check(graph, x)
    wide = trace(grad(lambda x: np.sum(f(x))))(np.full(30, 2.0))
    for x in (2.0, 1.0, 0.0):
        check(wide, np.full(30, x))
    assert np.isfinite(Program(graph)(1.0)[0])


def test_a_nan_that_is_right_stays():
    graph = trace(grad(lambda x: scan(lambda c, _: (c * c * 0.5, None), x, length=3)[0]))(2.0)
    for x in (np.nan, np.inf, 1e200):
        check(graph, x)
    assert np.isnan(Program(graph)(np.nan)[0])


# How it runs


def loops(program):
    return [node for node in program.graph.nodes if node.op.name == "chainrule.scan"]


def test_a_small_body_is_straight_code():
    (loop,) = loops(Program(trace(runge_kutta)(np.array([1.0, 0.5]))))
    body = loop.params["body"]
    assert counted(bound(body, [None] * len(body.inputs))) is not None


def test_a_body_without_native_form_runs_through_numpy():
    def f(x):
        return np.sum(scan(lambda c, _: (np.sort(c)[::-1] * 0.9, c), x, length=3)[1] ** 2)

    x = np.array([1.0, -1.0, 2.0])
    program = check_traced(f, x)
    assert [step.name for step in program.steps if isinstance(step, Node)] == ["chainrule.scan"]
    check_traced(grad(f), x)


def test_complex_carries_run_through_numpy():
    def f(x):
        return scan(lambda c, y: (c * (0.5 + 0.5j) + y, c), x, np.arange(3.0))

    check_traced(f, 1.0 + 1.0j)


def test_a_loop_over_an_open_batch():
    def f(x):
        c, ys = scan(lambda c, _: (np.tanh(c + x), np.sum(c, axis=0)), x, length=3)
        return np.sum(c, axis=0), ys

    graph = trace(f, leading="x")(RNG.normal(size=(5, 3)))
    for n in (5, 2, 90):
        check(graph, RNG.normal(size=(n, 3)))


def test_a_loop_along_an_open_batch():
    def f(x):
        c, ys = scan(lambda c, y: (np.tanh(c + y), c * 2), np.zeros(3), x)
        return c, np.sum(ys, axis=0)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = trace(f, leading="x")(RNG.normal(size=(5, 3)))
    if graph.specialized is None:
        for n in (5, 2, 90):
            check(graph, RNG.normal(size=(n, 3)))
    else:
        check(graph, RNG.normal(size=(5, 3)))


def test_batches_of_loops():
    for f in (newton, cond_in_while):
        check_traced(lambda x, f=f: (vectorize(f)(x), vectorize(grad(f))(x)), np.array([0.5, 2.0, 9.0]))


def test_constants_as_results():
    def f(x):
        def step(c, y):
            return (c[0] + y, 1.0), (2.0, np.ones(3), y)

        return scan(step, (x, 0.5), np.arange(4.0))

    check_traced(f, 1.0)
    check_traced(lambda x: cond(x > 0, lambda x: (1.0, x), lambda x: (x, 2.0), x), 1.0)
    check_traced(lambda x: cond(np.sum(x) > 0, lambda x: (np.ones(20), x), lambda x: (x, x), x), np.ones(20))


def test_carries_that_change_places():
    def f(x):
        return scan(lambda c, _: ((c[1], c[0] * 0.5), (c[0], c[1])), (x, x * 2), length=5)

    check_traced(f, 1.0)
    check_traced(f, np.arange(20.0))


def test_a_carry_that_stays():
    def f(x):
        (a, b), ys = scan(lambda c, y: ((c[0], c[1] + c[0] * y), c[0]), (x, x), np.arange(3.0))
        return a, b, ys

    check_traced(f, 1.0)
    check_traced(f, np.arange(20.0))


def test_a_body_that_stands_in_a_graph_twice():
    def step(c, _):
        return np.sin(c) * 1.1, c

    def f(x):
        c, ys = scan(step, x, length=3)
        d, zs = scan(step, c, length=4)
        return d, ys, zs

    check_traced(f, np.arange(20.0))
    check_traced(f, 1.0)


def test_runs_at_once_share_nothing():
    import threading

    graph = trace(grad(growing))(0.3)
    program = Program(graph)
    points = np.linspace(0.1, 0.9, 8)
    expected = [evaluate(graph, float(x)) for x in points]
    found = {}

    def run(k):
        for _ in range(5):
            found[k] = program(float(points[k]))

    threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, values in enumerate(expected):
        assert_close(found[k], values, 4096)


def test_a_global_array_in_the_body_of_a_loop_that_is_differentiated():
    weights = np.array([[0.5, 0.25], [0.0, 1.0]])

    def f(t):
        return np.sum(scan(lambda c, x: (weights @ c * t, np.sum(c * x)), np.ones(2), np.ones(3))[1])

    compiled = jit(grad(f))
    np.testing.assert_allclose(compiled(0.5), grad(f)(0.5))
    weights[0, 0] = 2.0
    np.testing.assert_allclose(compiled(0.5), grad(f)(0.5))
    np.testing.assert_allclose(jit(hessian(f))(0.5), hessian(f)(0.5))
