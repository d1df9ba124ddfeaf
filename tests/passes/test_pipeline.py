"""Passes one after the other, and looking at what each leaves."""

import numpy as np
import pytest

from chainrule import scan, trace
from chainrule.errors import GraphError
from chainrule.graph import Graph, Node, verify
from chainrule.passes import PASSES, after_each, checked_by, fold, optimized, share, simplify

X = np.ones(3)


def test_every_pass_is_named_and_leaves_a_graph():
    graph = trace(lambda x: np.sin(x) * 1.0 + np.sin(x))(X)
    found = list(after_each(graph, PASSES))
    assert [name for name, _ in found] == [each.__name__ for each in PASSES]
    assert str(found[-1][1]) == str(optimized(graph))


def broken(graph):
    (x,) = graph.outputs
    return Graph(graph.inputs, [Node(x.op, x.inputs, x.params, (7,), x.dtype)], graph.name)


def test_a_pass_that_breaks_a_graph_is_found():
    graph = trace(np.sin)(X)
    with checked_by(verify), pytest.raises(GraphError, match="should have shape"):
        list(after_each(graph, (fold, broken)))


def test_checks_end_with_their_block():
    optimized(trace(np.sin)(X))  # the first call of all brings the rules' own patterns into form
    seen = []
    with checked_by(seen.append):
        optimized(trace(np.sin)(X))
        assert len(seen) == len(PASSES)
    optimized(trace(np.sin)(X))
    assert len(seen) == len(PASSES)


def test_the_whole_suite_verifies():
    """The fixture in the suite's settings is at work: a pass that breaks a graph is found here too."""
    with pytest.raises(GraphError):
        list(after_each(trace(np.sin)(X), (broken,)))


def test_arrays_of_one_number_are_numbers():
    full, mixed = np.full((2, 3), 0.5), np.array([[0.0, -0.0]])
    x, wide = np.ones((2, 3)), np.ones((2, 2), np.float32)
    found = simplify(trace(lambda x: x * full)(x)).outputs[0].inputs
    assert type(found[1]) is np.float64
    # Another dtype of the result, and other bits, are something else.
    assert isinstance(simplify(trace(lambda x: x * mixed)(wide)).outputs[0].inputs[1], np.ndarray)
    graph = simplify(trace(lambda x: x * full[:, :2])(wide))
    verify(graph)
    assert graph.outputs[0].dtype == np.float64


def test_equal_loops_and_equal_constants_are_shared():
    def f(x):
        one, _ = scan(lambda c, y: (c + y, None), 0.0, x + np.arange(3.0))
        two, _ = scan(lambda c, y: (c + y, None), 0.0, x + np.arange(3.0))
        three, _ = scan(lambda c, y: (c - y, None), 0.0, x + np.arange(3.0))
        return one + two + three

    found = share(trace(f)(X))
    assert sum(node.op.name == "chainrule.scan" for node in found.nodes) == 2
