"""The reference interpreter."""

import numpy as np
import pytest

from chainrule import trace
from chainrule.errors import OptionError
from chainrule.evaluate import evaluate, node_values


def test_values_in_order():
    graph = trace(lambda x, y: x * y + x)(1.0, 2.0)
    found = node_values(graph, 3.0, 5.0)
    assert [node.name for node in found] == ["x", "y", "np.multiply", "np.add"]
    assert list(found.values()) == [3.0, 5.0, 15.0, 18.0]


def test_other_values_of_the_recorded_shape():
    graph = trace(lambda x: np.sum(x**2, axis=0))(np.ones((2, 3)))
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(evaluate(graph, x)[0], np.sum(x**2, axis=0))


def test_several_outputs_constants_and_inputs():
    y, x, c = evaluate(trace(lambda x: (x + 1, x, 7.0))(1.0), 2.0)
    assert (y, x, c) == (3.0, 2.0, 7.0)


def test_a_node_used_twice_is_computed_once(monkeypatch):
    from chainrule.ops import PRIMITIVES

    graph = trace(lambda x: (lambda e: e * e + e)(np.exp(x)))(1.0)
    calls = []
    own = PRIMITIVES["np.exp"].evaluate
    monkeypatch.setattr(PRIMITIVES["np.exp"], "evaluate", lambda x: [calls.append(x), own(x)][1])
    evaluate(graph, 2.0)
    assert calls == [2.0]


def test_python_numbers_stay_weak():
    """A Python number met a float32 array when this was recorded, and does so again."""
    graph = trace(lambda w, x: (w * 2 + 1) * x)(1.0, np.ones(2, np.float32))
    (y,) = evaluate(graph, 3.0, np.ones(2, np.float32))
    assert y.dtype == np.float32
    assert type(evaluate(trace(lambda w: w * 2)(1.0), 3.0)[0]) is float


def test_the_number_of_values():
    graph = trace(lambda x, y: x + y)(1.0, 2.0)
    for values in ((1.0,), (1.0, 2.0, 3.0)):
        with pytest.raises(OptionError, match=f"2 inputs, but {len(values)} values"):
            evaluate(graph, *values)


@pytest.mark.parametrize("x", [np.ones(3), np.ones((1, 2)), 1.0])
def test_shapes_are_those_recorded(x):
    graph = trace(lambda x: x * 2)(np.ones(2))
    with pytest.raises(OptionError, match=r"x was recorded with shape \(2,\)"):
        evaluate(graph, x)


def test_traced_values_are_recorded_again():
    inner = trace(lambda x: np.sin(x) * x)(1.0)
    outer = trace(lambda x: evaluate(inner, x)[0] + 1)(1.0)
    assert [node.name for node in outer.nodes] == ["np.sin", "np.multiply", "np.add"]


def test_a_decision_was_taken_once():
    graph = trace(lambda x: x * 2 if x > 0 else x)(1.0)
    assert evaluate(graph, -1.0) == (-2.0,)
