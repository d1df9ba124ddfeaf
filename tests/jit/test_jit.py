"""jit as a whole: how it is called, what it specialises by, what it reads from around it, and what it composes with."""

import gc
import pickle
import sys
import threading
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
from tests.jit.compare import assert_alike

import chainrule
from chainrule import TraceError, cond, grad, hessian, jit, jvp, scan, value_and_grad, vectorize, while_loop
from chainrule.errors import OptionError

X = np.array([1.0, -2.0, 0.5])
RNG = np.random.default_rng(0)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_values_and_derivatives():
    for f in (rosenbrock, grad(rosenbrock), value_and_grad(rosenbrock), hessian(rosenbrock)):
        compiled = jit(f)
        for _ in range(3):
            assert_alike(compiled(X), f(X))


@dataclass
class Model:
    w: np.ndarray
    b: float
    name: str = "linear"


def test_arguments_are_trees():
    @jit
    def f(model, data, *, scale=2.0, mode="sum"):
        y = data["x"] @ model.w + model.b
        return {"y": y * scale, "total": (np.sum(y) if mode == "sum" else np.mean(y), mode, None)}

    model = Model(np.ones(2), 0.5)
    data = {"x": np.arange(6.0).reshape(3, 2)}
    for mode in ("sum", "mean", "sum"):
        found = f(model, data, mode=mode)
        assert_alike(found["y"], (data["x"] @ model.w + 0.5) * 2)
        assert found["total"][1:] == (mode, None)
        assert found["total"][0] == (np.sum(found["y"] / 2) if mode == "sum" else np.mean(found["y"] / 2))
    assert f(model, data, scale=1.0)["y"][0] == 1.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int32, np.bool_, np.uint8])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (5,), (2, 0), (3, 4)])
def test_dtypes_and_shapes(dtype, shape):
    x = (np.arange(np.prod(shape)).reshape(shape) % 3).astype(dtype)
    f = jit(lambda x: (x + x, x * 2, np.sqrt(x * 1.5)))
    expected = (x + x, x * 2, np.sqrt(x * 1.5))
    for given in (x, x[()]):
        assert_alike(f(given), expected)
        assert_alike(f(given), expected)


def test_kinds_of_numbers():
    f = jit(lambda x: x * 2.0 + 1)
    for x in (3.0, np.float64(3), np.float32(3), np.array(3.0), 2 + 1j, np.complex64(1j), 3, True):
        for _ in range(2):
            assert_alike(f(x), x * 2.0 + 1)


def layouts():
    rng = np.random.default_rng(0)
    whole = rng.normal(size=(6, 8))
    yield whole[::2, ::2]
    yield whole.T[:4, :3].T
    yield np.asfortranarray(whole[:3, :4])
    yield whole[:3, :4].astype(">f8")
    yield np.frombuffer(b"\0" + whole[:3, :4].tobytes(), np.uint8)[1:].view(np.float64).reshape(3, 4)
    yield np.broadcast_to(whole[0, :4], (3, 4))

    class Mine(np.ndarray):
        pass

    yield whole[:3, :4].copy().view(Mine)


def test_layouts_in_memory():
    f = jit(grad(lambda x: np.sum(np.tanh(x) * x)))
    start = np.ones((3, 4))
    f(start)
    for x in layouts():
        before = x.copy()
        expected = grad(lambda x: np.sum(np.tanh(x) * x))(np.array(x, float))
        assert_alike(f(x), expected)
        np.testing.assert_array_equal(x, before)
    f(start)


def test_results_are_fresh():
    f = jit(lambda x: (x, x[::-1], x.T, np.zeros(3), x))
    first = f(X)
    for a in first:
        assert a.flags.owndata
        assert a.flags.writeable
        a[...] = 7
    assert_alike(f(X), (X, X[::-1], X, np.zeros(3), X))
    assert X[0] == 1.0


def test_arguments_are_not_written_into():
    @jit
    def f(x):
        y = x * 1.0
        y[0] = 5.0
        x *= 2
        return x, y

    x = X.copy()
    for _ in range(2):
        assert_alike(f(x), (2 * X, np.array([5.0, -2.0, 0.5])))
        np.testing.assert_array_equal(x, X)


def test_decisions_lead_along_paths():
    @jit
    def f(x):
        if x > 0:
            return x * 2 if x > 10 else x
        return -x

    for x in (1.0, -1.0, 20.0, 2.0, -3.0, 30.0):
        for _ in range(2):
            assert f(x) == abs(x) * (2 if x > 10 else 1)
    assert len(f.stages().recorded) == 3


def test_loops_on_conditions():
    @jit
    def root(a):
        x = a
        while abs(x * x - a) > 1e-9:
            x = 0.5 * (x + a / x)
        return x

    for a in (2.0, 3.0, 100.0, 1e6, 2.0):
        assert root(a) == pytest.approx(np.sqrt(a), rel=1e-9)
    slope = jit(grad(root))
    assert slope(4.0) == pytest.approx(0.25)
    assert slope(400.0) == pytest.approx(0.025)


def test_indices_out_of_bounds():
    @jit
    def f(x, k, rows):
        y = x * 1.0
        y[k] = 3.0
        return x[k], y, x[rows], rows

    good = np.array([0, 2])
    for _ in range(3):
        assert_alike(f(X, 1, good)[0], X[1])
        for bad in (np.array([0, 3]), np.array([-4, 1]), np.array([2**40, 0])):
            with pytest.raises(IndexError, match="out of bounds"):
                f(X, 1, bad)
    sums = jit(grad(lambda x, rows: np.sum(x[rows] ** 2)))
    assert_alike(sums(X, good), np.array([2.0, 0.0, 1.0]))
    with pytest.raises(IndexError, match="out of bounds"):
        sums(X, np.array([5, 1]))
    assert_alike(sums(np.ones(7), np.array([5, 1])), 2 * np.array([0.0, 1, 0, 0, 0, 1, 0]))


def test_masks_that_are_computed():
    def f(x):
        y = x * 2.0
        y[x > 0] = np.sum(x[x > 0])
        return y, x[np.abs(x) > 0.7]

    compiled, slope = jit(f), jit(grad(lambda x: np.sum(f(x)[0] ** 2) + np.sum(f(x)[1])))
    for x in (X, -X, X, np.ones(3), -X, X):
        assert_alike(compiled(x), f(x))
        assert_alike(slope(x), grad(lambda x: np.sum(f(x)[0] ** 2) + np.sum(f(x)[1]))(x))
    assert len(compiled.stages().recorded) == 3


def test_traced_counts():
    @jit
    def f(x, k):
        return x[np.argmax(k)] if np.argmax(k) else x[0] * 10

    for k in ([0.0, 1, 2], [3.0, 1, 2], [0.0, 5.0, 1], [1.0, 0, 5]):
        k = np.array(k)
        assert f(X, k) == (X[np.argmax(k)] if np.argmax(k) else 10.0)


def test_only_a_function_is_compiled():
    with pytest.raises(OptionError, match="the first argument should be a function, but is int"):
        jit(3)


def test_too_many_paths_run_uncompiled():
    @jit
    def f(x):
        count = 0
        while x > 1:
            x, count = x / 2, count + 1
        return count

    for k in range(60):
        assert f(2.0**k) == k
    assert "given up" in str(f.stages())


WEIGHTS = np.array([1.0, 2.0, 3.0])
RATE = 0.5
SETTINGS = {"scale": 2.0, "w": np.array([1.0, 1.0, 2.0])}


def with_globals(x):
    return np.sum(WEIGHTS * x) * RATE


def with_a_dict(x):
    return np.sum(SETTINGS["w"] * x) * SETTINGS["scale"]


def with_plain_work(x):
    return x * np.linalg.norm(WEIGHTS) * helper()


def helper():
    return RATE


@pytest.mark.parametrize("make", [lambda f: f, grad], ids=["value", "gradient"])
@pytest.mark.parametrize("f", [with_globals, with_a_dict], ids=lambda f: f.__name__)
def test_captured_values_are_seen(f, make, monkeypatch):
    plain = make(f)
    compiled = jit(plain)

    def check():
        for _ in range(2):
            assert_alike(compiled(X), plain(X))

    check()
    monkeypatch.setitem(globals(), "WEIGHTS", WEIGHTS.copy())
    check()
    for k in range(3):
        WEIGHTS[1] = k
        check()
    monkeypatch.setitem(globals(), "RATE", 4.0)
    check()
    monkeypatch.setitem(SETTINGS, "scale", 9.0)
    check()
    monkeypatch.setitem(SETTINGS, "w", np.array([4.0, 4.0, 4.0]))
    check()
    SETTINGS["w"][0] = -1.0
    check()


def test_entries_of_a_captured_array_need_no_new_program():
    w = np.ones(3)
    f = jit(lambda x: np.sum(w * x))
    f(X)
    for k in range(10):
        w[0] = k
        assert f(X) == np.sum(w * X)
    assert len(f.stages().events) <= 3


def test_plain_work_on_captured_arrays(monkeypatch):
    f = jit(with_plain_work)
    assert f(2.0) == with_plain_work(2.0)
    monkeypatch.setitem(globals(), "WEIGHTS", WEIGHTS.copy())
    WEIGHTS[0] = 10.0
    assert f(2.0) == with_plain_work(2.0)
    monkeypatch.setitem(globals(), "RATE", -1.0)
    assert f(2.0) == with_plain_work(2.0)
    monkeypatch.setitem(globals(), "helper", lambda: 3.0)
    assert f(2.0) == with_plain_work(2.0)


def test_closures_that_are_rebound():
    w = np.ones(3)

    def rebind(x):
        nonlocal w
        w = x

    f = jit(lambda x: np.sum(w * x))
    assert f(X) == -0.5
    rebind(2 * np.ones(3))
    assert f(X) == -1.0


class Layer:
    def __init__(self):
        self.w = np.ones(3)
        self.rate = 2.0

    @jit
    def forward(self, x):
        return np.sum(self.w * x) * self.rate


def test_methods():
    one, two = Layer(), Layer()
    two.w = 3 * np.ones(3)
    for _ in range(2):
        assert one.forward(X) == -1.0
        assert two.forward(X) == -3.0
    one.rate = 4.0
    assert one.forward(X) == -2.0
    one.w[0] = 3.0
    assert one.forward(X) == 6.0
    assert jit(one.forward)(X) == 6.0


def test_impure_functions():
    with pytest.raises(TraceError, match=r"same each time.*\n.*np.random.normal"):
        jit(lambda x: x * np.random.normal())(1.0)  # noqa: NPY002
    with pytest.raises(TraceError, match=r"a constant, float64\[3\], has other numbers.*\n.*np.random.normal"):
        jit(lambda x: x * np.random.normal(size=3))(1.0)  # noqa: NPY002


def test_an_array_that_is_changed():
    seen = np.zeros(3)

    def f(x):
        y = x * seen
        seen[0] += 1
        return y

    with pytest.raises(TraceError, match="changes an array"):
        jit(f)(X)


def test_the_derivative_of_an_entry_whose_number_is_an_argument():
    f = grad(lambda x, i: x[i])
    compiled = jit(f)
    for i in (0, 2, -1):
        assert_alike(compiled(np.ones(3), np.array(i)), f(np.ones(3), np.array(i)))


def test_an_array_of_its_own_that_is_changed():
    def f(x):
        own = np.zeros(3)
        y = np.where(X > 0, x, own)
        own -= np.cos(np.arange(3.0))
        return y + own

    assert_alike(jit(f)(X), f(X))
    assert_alike(jit(grad(lambda x: np.sum(f(x))))(X), (X > 0) * 1.0)


def test_random_state_as_an_argument():
    from chainrule import random

    f = jit(lambda rng, x: x * random.normal(rng, (3,))[0])
    for seed in (1, 2):
        rng = random.random_state(seed)
        assert_alike(f(rng, X), X * random.normal(rng, (3,))[0])


def test_composition():
    f = jit(lambda x: np.sum(np.sin(x) * x))
    plain = f.__wrapped__
    assert_alike(grad(f)(X), grad(plain)(X))
    assert_alike(jit(grad(f))(X), grad(plain)(X))
    assert_alike(vectorize(f)(np.outer(X, X)), vectorize(plain)(np.outer(X, X)))
    assert_alike(jit(vectorize(grad(f)))(np.outer(X, X)), vectorize(grad(plain))(np.outer(X, X)))
    assert_alike(jvp(f, (X,), (X,)), jvp(plain, (X,), (X,)))
    loops = [scan(lambda c, x, f=f: (f(x) + c, c), 0.0, np.outer(X, X)) for f in (f, plain)]
    assert_alike(*loops)
    assert grad(lambda w: jit(lambda x: np.sum(w * x))(X))(2.0) == -0.5


def test_control_flow():
    @jit
    def f(x):
        total, steps = scan(lambda c, row: (c + np.sum(row), c), np.float64(0.0), x)
        y = cond(total > 0, lambda v: v * 2, lambda v: -v, total)
        return y, steps, while_loop(lambda v: v < 100, lambda v: v * 2 + 1, y)

    for x in (np.outer(X, X), -np.outer(X, X)):
        assert_alike(f(x), f.__wrapped__(x))


def test_zero_stays_zero():
    def f(x):
        return np.sum(np.where(x > 0, np.log(np.abs(x)), 0.0))

    x = np.array([1.0, 0.0, -1.0])
    compiled = jit(grad(f))
    assert not np.isnan(compiled(x)).any()
    with np.errstate(divide="ignore"):
        for _ in range(2):
            assert_alike(compiled(x), grad(f)(x))
            assert_alike(compiled(np.array([1.0, 2.0, -1.0])), grad(f)(np.array([1.0, 2.0, -1.0])))


def test_one_program_for_every_leading_size():
    def loss(w, x, t):
        return np.mean((np.tanh(x @ w) - t) ** 2)

    f = jit(value_and_grad(loss))
    rng = np.random.default_rng(0)
    w = rng.normal(size=(3, 2))
    for n in (10, 20, 7, 1, 100, 3000, 20, 40_000):
        x, t = rng.normal(size=(n, 3)), rng.normal(size=(n, 2))
        for _ in range(2):
            assert_alike(f(w, x, t), value_and_grad(loss)(w, x, t), ulps=1024)
        assert_alike(f(w, np.asfortranarray(x), t), value_and_grad(loss)(w, x, t), ulps=1024)
    assert len(f.stages().events) == 2
    with pytest.raises(ValueError, match="broadcast"):
        f(w, x, t[:5])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_means_over_more_than_the_rows(dtype):
    """Their derivatives hold 1 / (k n)."""

    def f(w, x):
        return np.mean((x @ w) ** 2) - 2.0 * np.mean(x @ w, axis=None) + np.mean(np.sin(x))

    compiled = jit(value_and_grad(f, (0, 1)))
    w = RNG.normal(size=(4, 3)).astype(dtype)
    for n in (5, 6, 9, 30):
        x = RNG.normal(size=(n, 4)).astype(dtype)
        assert_alike(compiled(w, x), value_and_grad(f, (0, 1))(w, x), ulps=256)
    assert compiled.stages().compilations == 2


def test_leading_sizes_of_one_argument_or_the_other():
    f = jit(lambda x, y: (np.sum(x) * y, np.sum(y) * x))
    for n, m in ((3, 4), (5, 4), (3, 6), (8, 4), (3, 9), (8, 9), (7, 7), (3, 4), (5, 4)):
        x, y = np.arange(float(n)), np.arange(float(m)) + 1
        for _ in range(2):
            assert_alike(f(x, y), (np.sum(x) * y, np.sum(y) * x))


def test_code_that_depends_on_the_size():
    def f(x):
        return (np.sum(x) if len(x) < 5 else np.prod(x)), len(x), x[: len(x) // 2]

    compiled = jit(f)
    for n in (2, 3, 4, 6, 7, 8, 4, 6, 12):
        assert_alike(compiled(np.arange(1.0, n + 1)), f(np.arange(1.0, n + 1)))
    assert "by itself" in str(compiled.stages())


def test_zero_stays_zero_for_every_size():
    f = grad(lambda x: np.sum(np.where(x > 0, np.log(np.abs(x)), 0.0)))
    compiled = jit(f)
    with np.errstate(divide="ignore"):
        for n in (3, 4, 5, 6):
            x = np.arange(float(n)) - 1
            assert_alike(compiled(x), f(x))


def test_errors_name_the_line():
    @jit
    def f(x):
        return np.linalg.svd(x)[0] + float(x[0])

    with pytest.raises((TraceError, np.linalg.LinAlgError)):
        f(X)
    with pytest.raises(TraceError, match=r"\n  at .*test_jit.py:\d+.*float\(x\)"):
        jit(lambda x: float(x))(X)
    with pytest.raises(IndexError):
        jit(lambda x: x[5])(X)


def test_pickle():
    found = pickle.loads(pickle.dumps(jit(rosenbrock)))
    assert found(X) == rosenbrock(X)
    assert pickle.loads(pickle.dumps(decorated)) is decorated


@jit
def decorated(x):
    return x * 2


def test_threads():
    f = jit(value_and_grad(lambda x: np.sum(np.tanh(x) * np.exp(-x * x))))
    inputs = [np.random.default_rng(k).normal(size=size) for size in (3, 3, 5000, 5000) for k in range(3)]
    expected = [f.__wrapped__(x) for x in inputs]
    problems = []

    def work(k):
        try:
            for _ in range(30):
                for j in range(len(inputs)):
                    place = (j + k) % len(inputs)
                    assert_alike(f(inputs[place]), expected[place], ulps=1024)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def leak_cases():
    yield jit(value_and_grad(rosenbrock)), (X,)
    yield jit(lambda a, b: (a * b, a + 1, 2.0, "text", [a, b])), (2.0, np.float32(3))
    yield jit(lambda x: {"a": x * 2, "b": np.sum(x)}), (np.ones(40_000),)
    yield jit(grad(lambda x: np.sum(np.where(x > 0, np.log(np.abs(x)), 0.0)))), (np.array([0.0, 1.0]),)


@pytest.mark.parametrize(("f", "args"), list(leak_cases()))
def test_no_leaks(f, args):
    watched = (*args, np.dtype(float), np.dtype(np.float32), NotImplemented, float, np.ndarray)

    def run():
        for _ in range(500):
            f(*args)
            f._entry(None, None, None)

    run()
    gc.collect()
    counts = [sys.getrefcount(x) for x in watched]
    tracemalloc.start()
    run()
    before = tracemalloc.get_traced_memory()[0]
    run()
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 4000
    assert all(abs(sys.getrefcount(x) - count) < 10 for x, count in zip(watched, counts, strict=True))


def test_many_fixed_values():
    f = jit(lambda x, k: x * k)
    for k in range(40):
        assert f(2.0, k) == 2.0 * k
    assert len(f.stages().recorded) == 32
    assert "given up" in str(f.stages())


def test_many_shapes():
    f = jit(lambda x: np.sum(x) * 2)
    for k in range(1, 8):
        for n in range(1, 8):
            assert f(np.ones((n, k))) == 2.0 * n * k
    assert len(f.stages().events) <= 20


def test_chainrule_has_it():
    assert chainrule.jit is jit
