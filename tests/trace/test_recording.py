"""Plain Python around NumPy: decisions, loops, recursion and output work; what would be lost or wrong raises."""

import copy
import functools
import math

import numpy as np
import pytest

from chainrule import TraceError, grad, stop_gradient, trace, value, value_and_grad, vjp
from chainrule.evaluate import evaluate
from chainrule.graph import verify
from chainrule.trace.methods import METHODS
from chainrule.trace.tracer import Tracer

# Python's own control flow.


def test_if():
    def f(x):
        if x > 0:
            return x**2
        return -3 * x

    assert grad(f)(2.0) == 4.0
    assert grad(f)(-2.0) == -3.0


def test_conditional_expressions_and_chained_comparisons():
    f = grad(lambda x: x**3 if 0 < x <= 2 and not x > 1.5 else x)
    assert [f(x) for x in (0.5, 1.0, 2.0, 3.0)] == [0.75, 3.0, 1.0, 1.0]


def test_for():
    def f(x):
        y = 1.0
        for k in range(4):
            y = y * x + k
        return y

    # x^4 + x^2 + 2 x + 3
    assert grad(f)(2.0) == 4 * 8 + 2 * 2 + 2


def test_while_depends_on_values():
    def f(x):
        while x < 100:
            x = x * x
        return x

    assert grad(f)(3.0) == 8 * 3.0**7
    assert grad(f)(200.0) == 1.0


def test_recursion():
    def power(x, n):
        if n == 0:
            return 1.0
        half = power(x, n // 2)
        return half * half * (x if n % 2 else 1.0)

    assert grad(power)(2.0, 10) == 10 * 2.0**9


def test_a_long_loop_is_deeper_than_the_stack():
    def f(x):
        for _ in range(20_000):
            x = x * 1.0001
        return x

    np.testing.assert_allclose(grad(f)(1.0), 1.0001**20_000, rtol=1e-9)
    assert len(trace(f)(1.0).nodes) == 20_000


def test_iteration_unpacking_and_comprehensions():
    def f(x):
        first, *rest = x
        total = first * 0
        for row, weight in zip(x, range(3), strict=True):
            total = total + weight * row
        return total + sum(v * v for v in rest) + len(x) * max(x) + first

    np.testing.assert_array_equal(grad(f)(np.array([1.0, 2.0, 5.0])), [0 + 1, 1 + 4, 2 + 10 + 3])


def test_sorted_min_max_and_abs_of_python():
    assert grad(lambda x: sorted([x * 3, x, -x])[2])(2.0) == 3.0
    assert grad(lambda x: max(x, 1.0) + min(x, 1.0) + abs(-x))(2.0) == 2.0
    assert grad(lambda x: math.prod([x, x, 2.0]))(3.0) == 12.0
    assert grad(lambda x: functools.reduce(lambda a, b: a * b, [x, x, x]))(2.0) == 12.0
    assert grad(lambda x: sum([x, 2 * x]))(2.0) == 3.0
    assert grad(lambda x: pow(x, 3) + divmod(x, 2.0)[1])(2.5) == 3 * 2.5**2 + 1


def test_closures_lambdas_classes_and_generators():
    class Model:
        def __init__(self, w):
            self.w = w

        def __call__(self, x):
            return self.w * x

    def f(w):
        model = Model(w)
        return sum(model(x) for x in (1.0, 2.0)) + (lambda: w * w)()

    assert grad(f)(5.0) == 13.0


def test_print_and_format(capsys):
    def f(x):
        print(x, x * 2)
        print(f"{x:.3f} {x[0]:8.2e} {x!r}" if np.ndim(x) else f"{x:.3f} {x!s} {x!r}")
        print("%s" % x, "{}".format(x), str(x))  # noqa: UP031, UP032
        return np.sum(x * x)

    grad(f)(2.0)
    assert capsys.readouterr().out == "2.0 4.0\n2.000 2.0 Traced(2.0)\n2.0 2.0 2.0\n"


def test_printing_an_array(capsys):
    def f(x):
        print(x)
        return np.sum(x)

    grad(f)(np.array([1.0, 2.5]))
    assert capsys.readouterr().out == "[1.  2.5]\n"


def test_inner_values_print_too(capsys):
    def outer(x):
        return grad(lambda y: [print(y * x), y * x * y][1])(x)

    grad(outer)(3.0)
    assert capsys.readouterr().out == "9.0\n"


def test_assertions_isinstance_and_attributes():
    def f(x):
        assert x.shape == (2, 3)
        assert np.shape(x) == (2, 3)
        assert x.ndim == 2
        assert x.size == 6
        assert len(x) == 2
        assert x.dtype == np.float32
        assert x.itemsize == 4
        assert x.nbytes == 24
        assert np.iscomplexobj(x) is False
        assert not hasattr(x, "nonsense")
        copy.copy(x)[0] = 7.0
        copy.deepcopy([x])[0][0] = 7.0
        assert x is not None
        assert (x == None) is False  # noqa: E711
        assert (x != None) is True  # noqa: E711
        return np.sum(x.T.real * 2)

    np.testing.assert_array_equal(grad(f)(np.ones((2, 3), np.float32)), np.full((2, 3), 2.0, np.float32))


def test_methods_are_the_functions():
    x = np.array([[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]])
    calls = [
        lambda x: x.sum(axis=0),
        lambda x: x.mean(1, keepdims=True),
        lambda x: x.prod(),
        lambda x: x.max(0),
        lambda x: x.min(axis=1),
        lambda x: x.var(ddof=1),
        lambda x: x.std(axis=0),
        lambda x: x.cumsum(1),
        lambda x: x.cumprod(axis=0),
        lambda x: x.dot(np.ones(3)),
        lambda x: x.reshape(3, 2),
        lambda x: x.reshape((3, -1)),
        lambda x: x.ravel(),
        lambda x: x.flatten(),
        lambda x: x.transpose(),
        lambda x: x.transpose(1, 0),
        lambda x: x.transpose((1, 0)),
        lambda x: x.swapaxes(0, 1),
        lambda x: x.T,
        lambda x: x.mT,
        lambda x: x[:, :, None].squeeze(),
        lambda x: x.repeat(2, axis=0),
        lambda x: x.take([0, 2], axis=1),
        lambda x: x.diagonal(1),
        lambda x: x.trace(),
        lambda x: x.clip(2, 5),
        lambda x: x.round(1),
        lambda x: x.argmax(axis=1),
        lambda x: x.argmin(),
        lambda x: x.argsort(axis=1),
        lambda x: x.any(),
        lambda x: x.all(axis=0),
        lambda x: x.astype(np.float32),
        lambda x: x.astype("int64"),
        lambda x: x.copy(),
        lambda x: x.conj(),
        lambda x: x.real,
        lambda x: x.imag,
        lambda x: x.item(1, 2),
        lambda x: x.item((0, 1)),
        lambda x: x.tolist()[1],
        lambda x: np.stack(list(x.flat)),
    ]
    for call in calls:
        expected, found = call(x), vjp(call, x)[0]
        np.testing.assert_array_equal(found, expected)
        assert np.asarray(found).dtype == np.asarray(expected).dtype


def test_what_else_arrays_have_is_refused_by_name():
    refused = []

    def f(x):
        for name in dir(np.ndarray):
            if not hasattr(x, name) and not name.startswith("_"):
                refused.append(name)
                with pytest.raises(AttributeError, match=f"no attribute '{name}': it cannot be followed"):
                    getattr(x, name)
        assert all(callable(getattr(x, name)) for name in METHODS)
        return x[0, 0]

    grad(f)(np.ones((2, 2)))
    assert {"partition", "strides", "tobytes"} <= set(refused)
    assert not set(refused) & set(METHODS)
    # Python looks up every attribute of a class that has this in the long way, which costs an operation a tenth.
    assert not hasattr(Tracer, "__getattr__")


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: (-x, +x, abs(x)),
        lambda x, y: (x + y, x - y, x * y, x / y, x**y, x % y, x // y),
        lambda x, y: (x + 2, x - 2, x * 2, x / 2, x**2, x % 2, x // 2),
        lambda x, y: (2 + x, 2 - x, 2 * x, 2 / x, 2**x, 2 % x, 2 // x),
        lambda x, y: (x < y, x <= y, x == y, x != y, x > y, x >= y),
        lambda x, y: (y < x, y <= x, y == x, y != x, y > x, y >= x),
        lambda x, y: ((x > 1) & (y > 1), (x > 1) | (y > 1), (x > 1) ^ (y > 1), ~(x > 1)),
        lambda x, y: (divmod(x, y), divmod(3, x)),
    ],
)
@pytest.mark.parametrize("other", [np.array([2.0, 1.0, 3.0]), np.array([2, 1, 3]), np.float32(2), 2.0, 3])
def test_operators(f, other):
    x = np.array([1.0, 2.5, 3.0])
    expected = f(x, other)
    found = vjp(lambda x: f(x, other), x)[0]
    whole = evaluate(trace(lambda x: f(x, other))(x), x)
    flat = [part for one in expected for part in (one if isinstance(one, tuple) else (one,))]
    again = [part for one in found for part in (one if isinstance(one, tuple) else (one,))]
    for a, b, c in zip(flat, again, whole, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
        assert np.asarray(a).dtype == np.asarray(b).dtype == np.asarray(c).dtype


def test_plain_arrays_on_the_left():
    a = np.array([1.0, 2.0])
    for f in (lambda x: a + x, lambda x: a * x, lambda x: a - x, lambda x: a / x, lambda x: a**x, lambda x: a % x):
        np.testing.assert_array_equal(vjp(f, np.array([3.0, 5.0]))[0], f(np.array([3.0, 5.0])))
    assert grad(lambda x: a @ x)(np.array([3.0, 5.0])).tolist() == [1.0, 2.0]
    assert grad(lambda x: np.float64(2) * x)(3.0) == 2.0


def test_decisions_by_any_and_all_and_tests():
    def f(x):
        if np.any(x > 2) and (x > 0).all() and np.allclose(x, x) and np.isfinite(x).all():
            return np.sum(x**2)
        return np.sum(x)

    np.testing.assert_array_equal(grad(f)(np.array([1.0, 3.0])), [2.0, 6.0])
    np.testing.assert_array_equal(grad(f)(np.array([-1.0, 3.0])), [1.0, 1.0])


def test_results_without_derivative_index_and_count():
    def f(x):
        k = np.argmax(x)
        n = int(np.floor(x[0]))
        order = np.argsort(x)
        chosen = x[np.nonzero(x > 1)]
        return (
            x[k] * n
            + np.sum(x[order[:2]])
            + np.sum(chosen)
            + np.sum(np.arange(np.searchsorted([1.0, 2.0], x[0])) * x[0])
        )

    assert grad(f)(np.array([3.5, 1.5, 9.0])).tolist() == [1 + 1 + 1, 1 + 1, 3 + 1]


def test_python_rounds_to_integers():
    def f(x):
        return x * (len(range(math.floor(x))) + len(range(math.ceil(x))) + len(range(round(x))) + math.trunc(x))

    assert type(math.floor(np.float64(2.7))) is int
    assert grad(f)(2.7) == 2 + 3 + 3 + 2


# Stepping out.


def test_value_is_a_copy_without_derivative():
    seen = []

    def f(x):
        seen.append(value(x))
        seen[0][0] = 100.0
        return np.sum(x * value(x))

    np.testing.assert_array_equal(grad(f)(np.array([1.0, 2.0])), [1.0, 2.0])
    assert type(seen[0]) is np.ndarray
    assert value(3.0) == 3.0


def test_value_steps_out_of_all_levels():
    def outer(x):
        return grad(lambda y: y * y * value(y * x))(x)

    # d (2 y c) / dx with c = y x taken as a number: 2 c at x = 3.
    assert grad(outer)(3.0) == 18.0


def test_stop_gradient_of_a_tree():
    def f(p):
        q = stop_gradient(p)
        return p["a"] * q["b"] + np.sum(q["c"][0])

    g = grad(f)({"a": 2.0, "b": 3.0, "c": [np.ones(2)]})
    assert g["a"] == 3.0
    assert g["b"] == 0.0
    assert g["c"][0].tolist() == [0.0, 0.0]


def test_stop_gradient_of_plain_values():
    assert stop_gradient(3.0) == 3.0
    assert stop_gradient({"a": (1, 2.0)}) == {"a": (1, 2.0)}


# Traced values that get away.


def test_a_value_that_escaped():
    kept = []

    def f(x):
        kept.append(x)
        return x * x

    grad(f)(2.0)
    with pytest.raises(TraceError, match="escaped") as problem:
        kept[0] + 1.0
    assert __file__ in str(problem.value).splitlines()[-1]
    with pytest.raises(TraceError, match="escaped"):
        np.exp(kept[0])
    assert str(kept[0]) == "2.0"


def test_a_value_that_escaped_into_another_recording():
    cache = {}

    def f(x):
        return x * cache.setdefault("x", x)

    assert grad(f)(2.0) == 4.0
    with pytest.raises(TraceError, match="escaped"):
        grad(f)(3.0)


def test_a_value_of_an_outer_recording_is_a_constant_inside():
    def outer(x):
        return grad(lambda y: y * x)(1.0) + x * 0

    assert grad(outer)(5.0) == 1.0


# trace.


def test_trace_takes_trees_and_names_them():
    graph = trace(lambda p, x: {"y": p["w"] @ x + p["b"][0], "c": 3.0})({"w": np.ones((2, 3)), "b": [1.0]}, np.ones(3))
    verify(graph)
    assert [node.name for node in graph.inputs] == ["p['w']", "p['b'][0]", "x"]
    y, c = evaluate(graph, np.ones((2, 3)), 1.0, np.ones(3))
    assert y.tolist() == [4.0, 4.0]
    assert c == 3.0


def test_trace_records_what_has_no_derivative():
    graph = trace(lambda x: np.nextafter(np.floor(x), 2.0) + (x > 1) + np.argmax(x))(np.array([1.5, 0.5]))
    verify(graph)
    assert {"np.nextafter", "np.floor", "np.greater", "np.argmax"} <= {node.name for node in graph.nodes}


def test_trace_in_a_derivative_and_a_derivative_in_trace():
    graph = trace(lambda x: grad(lambda y: y**3)(x))(2.0)
    verify(graph)
    np.testing.assert_allclose(evaluate(graph, 3.0)[0], 27.0)
    assert grad(lambda x: x * len(trace(np.sin)(1.0).nodes))(2.0) == 1.0


def test_the_value_comes_from_one_run():
    runs = []

    def f(x):
        runs.append(1)
        return x * x

    assert value_and_grad(f)(3.0) == (9.0, 6.0)
    assert len(runs) == 1
