"""Bodies recorded without values: shapes, dtypes, weak numbers, captured values; operations with several outputs."""

import numpy as np
import pytest

import chainrule
from chainrule import cond, custom_gradient, grad, jvp, scan, value_and_grad
from chainrule.errors import GraphError, TraceError
from chainrule.evaluate import evaluate, runner
from chainrule.graph import Graph, Node, verify
from chainrule.ops.outputs import Outputs, output
from chainrule.trace import trace
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.symbolic import open_body, records_without_values

X = np.array([0.5, -1.0, 2.0])


def recorded(f, *kinds):
    """The graph of `f` for inputs given as (shape, dtype, weak)."""
    with open_body(f) as body:
        handles = [body.input(f"x{k}", *kind) for k, kind in enumerate(kinds)]
        nodes = [handle.node for handle in handles]
        return body.graph(nodes, [f(*handles)], "f")


F32, F64, INT = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)


@pytest.mark.parametrize(
    ("f", "kinds"),
    [
        (lambda x, n: x * n / 3, [((3,), F32, False), ((), F64, True)]),
        (lambda x, n: x + n * n, [((3,), F32, False), ((), INT, True)]),
        (lambda x, n: x + np.exp(n), [((3,), F32, False), ((), F64, True)]),
        (lambda x, n: n / 2 + n**2, [((3,), F32, False), ((), INT, True)]),
        (lambda x, n: abs(-n) % 2.5 // 0.5, [((3,), F32, False), ((), F64, True)]),
        (lambda x, n: (n > 1) & (n <= 3), [((3,), F32, False), ((), F64, True)]),
        (lambda x, n: np.sum(x, axis=0) @ np.ones((4, 2)), [((3, 4), F32, False), ((), INT, True)]),
        (lambda x, n: np.where(x > 0, n, x), [((3,), F32, False), ((), F64, True)]),
        (lambda x, n: x[1:][::-1] + x.mean(), [((3,), F32, False), ((), F64, True)]),
        (
            lambda x, n: np.ones(2, np.result_type(x, n)) * np.concatenate([x, x])[:2],
            [((3,), F32, False), ((), F64, True)],
        ),
        (lambda x, n: np.var(x) + np.linalg.norm(x), [((3,), F64, False), ((), INT, True)]),
        (lambda x, n: x[n] + x[np.array([n, 0])].sum(), [((3,), F64, False), ((), INT, True)]),
    ],
)
def test_shapes_dtypes_and_python_numbers(f, kinds):
    """What is inferred is what NumPy makes of values."""
    graph = recorded(f, *kinds)
    verify(graph)
    values = [
        (1.0 if dtype.kind == "f" else 1) if weak else np.arange(1, 1 + int(np.prod(shape)), dtype=dtype).reshape(shape)
        for shape, dtype, weak in kinds
    ]
    expected = f(*values)
    (found,) = evaluate(graph, *values)
    (end,) = graph.outputs
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert type(found) is type(expected) or np.shape(found) == np.shape(expected)
    assert end.shape == np.shape(expected)
    assert end.dtype == np.asarray(expected).dtype
    assert end.weak == (type(expected) in (bool, int, float))
    np.testing.assert_array_equal(runner(graph)(*values)[0], found)


def test_what_is_captured():
    large = np.ones((30, 30))

    def f(w):
        def step(c, x):
            return np.tanh(w * c) + X[0] + large[0, 0] + np.sum(large * c), None

        return scan(step, w * 2.0, X)[0]

    graph = trace(f)(1.5)
    (node,) = [node for node in graph.nodes if node.name == "chainrule.scan"]
    # The carry, the sequence, the traced value, the large array; the number stays a constant in the body.
    assert [np.shape(x) for x in node.inputs] == [(), (3,), (), (30, 30)]
    assert [x.name for x in node.params["body"].inputs] == ["init", "xs", "w", "array 0"]
    verify(graph)


def test_text_form():
    graph = trace(lambda x: scan(lambda c, x: (c * x, c), 1.0, x)[0])(X)
    assert str(graph).splitlines()[1:7] == [
        "  %0 = chainrule.scan(1.0, x, carries=1, sequences=1, length=3, reverse=False, store=False, body=<lambda>)  "
        "(float64[], float64[3])",
        "    <lambda>(init: float64[], xs: float64[])",
        "      %0 = np.multiply(init, xs)  float64[]",
        "      return %0, init",
        str(graph).splitlines()[5],
        str(graph).splitlines()[6],
    ]
    assert str(graph).splitlines()[5].split() == ["%1", "=", "output(%0,", "k=0)", "float64[]"]


def test_verify_looks_into_bodies():
    graph = trace(lambda x: scan(lambda c, x: (c * x, None), 1.0, x)[0])(X)
    (node,) = [node for node in graph.nodes if node.name == "chainrule.scan"]
    body = node.params["body"]
    wrong = Node(body.outputs[0].op, body.outputs[0].inputs, {}, (7,), F64)
    node.params["body"] = Graph(body.inputs, [wrong], "step")
    with pytest.raises(GraphError, match="graph step"):
        verify(graph)


def test_outputs_that_nobody_uses():
    def f(x):
        (a, _b), ys = scan(lambda c, x: ((c[0] * x, c[1] + x), c[1] * c[0]), (x[0], x[1]), x)
        return a + ys[2]

    def oracle(x):
        a, b = x[0], x[1]
        for k in range(3):
            y = a * b
            a, b = a * x[k], b + x[k]
        return a + y

    np.testing.assert_allclose(grad(f)(X), grad(oracle)(X))
    np.testing.assert_allclose(jvp(f, (X,), (X,))[1], jvp(oracle, (X,), (X,))[1])


def test_outputs():
    outputs = Outputs([X, 2.0, np.float32(1)])
    assert outputs.shape == ((3,), (), ())
    assert outputs.dtype == (F64, F64, F32)
    assert output(outputs, k=1) == 2.0


@pytest.mark.parametrize(
    "look",
    [
        bool,
        int,
        float,
        complex,
        str,
        chainrule.value,
        lambda x: f"{x:.3f}",
        lambda x: range(3)[x],
        lambda x: X[x],
        lambda x: X[:x],
        lambda x: 1 if x > 0 else 2,
        np.nonzero,
        np.array_equal,
    ],
)
def test_looking_at_a_value_raises(look):
    def body(x):
        return look(x) if look is not np.array_equal else look(x, x)

    with pytest.raises(TraceError, match=r"chainrule\.cond|text was asked for") as found:
        cond(True, body, body, 2)
    assert "test_symbolic.py" in str(found.value).splitlines()[-1]


def test_a_mask_that_is_computed():
    with pytest.raises(TraceError, match=r"np\.where"):
        scan(lambda c, x: (c, np.array(X)[x > 0]), 1.0, np.ones((2, 3)))


def test_the_same_through_a_derivative():
    def body(x):
        return grad(lambda y: y * y if y > 0 else y)(x)

    with pytest.raises(TraceError, match=r"chainrule\.cond"):
        cond(True, body, body, 2.0)


def test_repr_says_what_it_is():
    """A debugger shows it, so that it never raises."""
    seen = []
    cond(True, lambda x: seen.append(repr(x)) or x, lambda x: x, X)
    assert seen == ["Traced(no value, shape (3,), float64)"]
    assert repr(NO_VALUE) == "NO_VALUE"


def test_a_body_that_raises_leaves_nothing_behind():
    def body(c, x):
        raise KeyError("mine")

    with pytest.raises(KeyError):
        scan(body, 1.0, X)
    assert not records_without_values()
    assert type(np.zeros(3)) is np.ndarray


@pytest.mark.interpreted("it counts calls")
def test_a_rule_for_all_inputs_runs_once():
    calls = []

    def backward(g, ans, x, y, z):
        calls.append(1)
        return g * y, g * x, None

    @custom_gradient(backward)
    def product(x, y, z):
        return x * y

    assert value_and_grad(lambda x, y: product(x, y, 7.0), (0, 1))(2.0, 3.0) == (6.0, (3.0, 2.0))
    assert len(calls) == 1
    assert jvp(lambda x, y: product(x, y, 7.0), (2.0, 3.0), (1.0, 10.0)) == (6.0, 23.0)
    assert grad(grad(lambda x: product(x, x, 7.0)))(2.0) == 2.0
    with pytest.raises(TraceError, match="argument 3"):
        grad(lambda z: product(2.0, 3.0, z))(1.0)


def test_a_rule_of_the_user_inside_a_body():
    @custom_gradient(lambda g, ans, x: 3 * g * np.cos(x))
    def sine(x):
        return np.sin(x)

    slope = grad(lambda x: scan(lambda c, _: (sine(c), None), x, length=2)[0])(0.5)
    np.testing.assert_allclose(slope, 9 * np.cos(0.5) * np.cos(np.sin(0.5)))
