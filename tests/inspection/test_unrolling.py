"""Loops and choices are explained by the steps that ran: the same value, the same derivatives, only the table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.inspection.sizes import one_in

from chainrule import cond, custom_gradient, explain, grad, recompute, scan, trace, vectorize, while_loop
from chainrule.errors import OptionError
from chainrule.evaluate import evaluate
from chainrule.inspection.unrolling import unrolled


def recurrent(w, xs):
    def step(h, x):
        h = np.tanh(w * h + x)
        return h, h**2

    last, squares = scan(step, 0.1, xs)
    return np.sum(squares * np.arange(1.0, 4.0)) + last


def chosen(w):
    return cond(w > 0, lambda w: np.sin(w) * w, lambda w: w**2, w) + w


def repeated(w):
    return while_loop(lambda x: x < 10.0, lambda x: x * w, w)


def nested(w, xs):
    def step(total, x):
        inner, _ = scan(lambda c, y: (c * w + y, None), x, xs)
        return total + cond(inner > 1.0, lambda y: y**2, lambda y: -y, inner), None

    return scan(step, 0.0, xs)[0]


def batched(w, xs):
    return np.sum(vectorize(lambda x: cond(x > w, np.square, np.exp, x))(xs))


def again(w):
    return recompute(lambda x: np.sin(x) * x)(w) * 2.0


def of_arrays(W, x):
    h = np.maximum(W @ x, 0)
    h[0] = 2 * h[1]
    return np.sum(h**2) + np.var(np.sort(x))


XS = np.array([1.0, -0.5, 0.7])
CASES = {
    "scan": (recurrent, (0.5, XS)),
    "cond, the one": (chosen, (0.3,)),
    "cond, the other": (chosen, (-0.3,)),
    "while loop": (repeated, (2.5,)),
    "loops and choices in each other": (nested, (0.8, XS)),
    "a batch": (batched, (0.3, XS)),
    "computed again": (again, (0.4,)),
    "arrays that are written into": (of_arrays, (np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]]), XS)),
}


@pytest.mark.parametrize("name", CASES)
def test_every_node_has_value_local_derivatives_and_accumulated_derivative(name):
    f, args = CASES[name]
    found = explain(f)(*args)
    assert not any(step.formula.startswith(("scan(", "cond(", "while_loop(")) for step in found.steps)
    assert found.steps[-1].value == pytest.approx(f(*args), rel=1e-14)
    at = {step.name: k for k, step in enumerate(found.steps)}
    for step in found.steps:
        assert all(at[use.by] > at[step.name] for use in step.uses)
        if step.uses and step.is_real:
            total = sum(np.asarray(use.contribution) for use in step.uses)
            np.testing.assert_allclose(total, step.derivative, atol=1e-13)
    inputs = [step for step in found.steps if not step.formula]
    for step, gradient in zip(inputs, grad(f, tuple(range(len(args))))(*args), strict=True):
        np.testing.assert_allclose(step.derivative, gradient, atol=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_every_form_of_them_is_written(name):
    f, args = CASES[name]
    found = explain(f)(*args)
    for text in (str(found), found.derivation(), found.markdown(), found.latex(), str(found.expanded())):
        assert "<graph" not in text
        assert "pulled back" not in text


@one_in(10)
@given(w=st.floats(-1.5, 1.5), values=st.lists(st.floats(-2, 2), min_size=1, max_size=6), reverse=st.booleans())
def test_a_graph_written_out_computes_the_same(w, values, reverse):
    xs = np.array(values[::-1] if reverse else values)

    def f(w, xs):
        def step(carry, x):
            a, b = carry
            a = cond(x > 0, lambda a: np.tanh(w * a + x), lambda a: a * x, a)
            return (a, b + a), a - b

        (a, b), ys = scan(step, (0.2, 0.0), xs)
        return np.sum(ys**2) + a * b

    graph = trace(f)(w, xs)
    written = unrolled(graph, [w, xs])
    assert [node.name for node in written.inputs] == ["w", "xs"]
    assert evaluate(written, w, xs)[0] == pytest.approx(evaluate(graph, w, xs)[0], rel=1e-12, abs=1e-12)
    assert unrolled(written, [w, xs]) is written


def test_steps_are_named():
    found = explain(recurrent)(0.5, XS)
    assert {step.group for step in found.steps} >= {"step 1 of scan", "step 3 of scan"}
    assert {step.group for step in explain(repeated)(2.5).steps if step.formula} == {
        "step 1 of while_loop",
        "step 2 of while_loop",
    }


def test_single_precision_stays():
    found = explain(lambda w: scan(lambda c, x: (c * w, None), w, None, length=3)[0])(np.float32(0.5))
    assert all(np.asarray(step.value).dtype == np.float32 for step in found.steps)


def long(w):
    return scan(lambda c, _: (np.tanh(c * w), None), w, None, length=500)[0]


def test_a_long_loop_stays_one_operation():
    found = explain(long)(1.5)
    assert any(step.formula.startswith("scan(") for step in found.steps)
    assert found.steps[0].derivative == pytest.approx(grad(long)(1.5))
    assert "pulled back through chainrule.scan" in found.derivation()
    assert str(found).count("scan") == 1
    with pytest.raises(OptionError, match=r"the page cannot compute chainrule\.scan"):
        found.html()


def test_a_rule_of_ones_own_stays():
    @custom_gradient(lambda g, ans, x: 2 * g)
    def doubled(x):
        return 2 * x

    found = explain(lambda w: doubled(w) * 3.0)(0.5)
    assert found.steps[0].derivative == 6.0
    assert "pulled back through doubled" in found.derivation()
