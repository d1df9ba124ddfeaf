"""Graphs: order, checks and text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import trace
from chainrule.errors import GraphError
from chainrule.graph import Graph, Node, topological_order, verify
from chainrule.ops import PRIMITIVES

FLOAT = np.dtype(float)


def input_node(name, shape=()):
    return Node(None, (), {"name": name}, shape, FLOAT)


def node(name, *inputs, shape=(), dtype=FLOAT, **params):
    return Node(PRIMITIVES[name], inputs, params, shape, dtype)


def layered():
    """z = (x + y) * (x + y), with one addition shared."""
    x, y = input_node("x"), input_node("y")
    total = node("np.add", x, y)
    return x, y, total, node("np.multiply", total, total)


def test_order():
    x, y, total, square = layered()
    assert topological_order([square]) == [x, y, total, square]
    assert topological_order([x, square, x, 3.0]) == [x, y, total, square]
    assert topological_order([]) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_each_node_comes_once_and_after_its_inputs(pairs):
    nodes = [input_node(str(k)) for k in range(10)]
    for i, j in pairs:
        nodes.append(node("np.add", nodes[i % len(nodes)], nodes[-1 - j % len(nodes)]))
    order = topological_order(nodes[-2:])
    place = {node: k for k, node in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[source] < place[node] for node in order for source in node.inputs)


def test_a_deep_graph():
    last = input_node("x")
    for _ in range(50_000):
        last = node("np.negative", last)
    assert len(topological_order([last])) == 50_001


def test_size_ndim_name_and_repr():
    x = input_node("x", (2, 3))
    assert (x.ndim, x.size, x.name) == (2, 6, "x")
    assert repr(x) == "<x: float64[2, 3]>"
    assert repr(node("np.add", x, 1.0, shape=(2, 3))) == "<np.add: float64[2, 3]>"
    assert input_node("y").size == 1
    assert input_node("y", (0, 5)).size == 0


def test_a_good_graph():
    x, y, _, square = layered()
    graph = Graph([x, y], [square], "f")
    verify(graph)
    assert repr(graph) == "<graph f: 2 inputs, 2 operations>"
    assert [n.name for n in graph.nodes] == ["np.add", "np.multiply"]


def breaches():
    x, y, _, square = layered()
    return {
        "listed twice": Graph([x, y, x], [square]),
        "not among the inputs": Graph([x], [square]),
        "input of type str": Graph([x], [node("np.add", x, "text")]),
        "input of type list": Graph([x], [node("np.add", x, [1.0])]),
        "should have shape": Graph([x], [node("np.add", x, 1.0, shape=(2,))]),
        "and dtype float64": Graph([x], [node("np.add", x, 1.0, dtype=np.dtype(np.float32))]),
        r"shape \(3,\)": Graph([x], [node("np.add", x, np.ones(3), shape=(2,))]),
    }


@pytest.mark.parametrize("words", breaches())
def test_verify_refuses(words):
    with pytest.raises(GraphError, match=words):
        verify(breaches()[words])


def test_verify_takes_constants_of_every_kind():
    x = input_node("x", (2,))
    for constant in (1, 1.0, True, np.float64(1), np.ones(2), np.array(1), np.int64(2)):
        verify(Graph([x], [node("np.multiply", x, constant, shape=(2,))]))
    verify(Graph([x], [3.0]))
    verify(Graph([x], [x, x]))


def test_text():
    graph = trace(lambda w, x: (np.sum(w * x, axis=0) + np.float64(0.5), 2.0))(3.0, np.ones((2, 3)))
    assert str(graph) == (
        "<lambda>(w: float64[]*, x: float64[2, 3])\n"
        "  %0 = np.multiply(w, x)   float64[2, 3]\n"
        "  %1 = np.sum(%0, axis=0, keepdims=False)  float64[3]\n".replace("w, x)   ", "w, x)                   ")
        + "  %2 = np.add(%1, 0.5)                     float64[3]\n"
        "  return %2, 2.0"
    )


def test_text_of_constants_and_groups():
    lines = str(trace(lambda x: np.var(x) + np.sum(x @ np.ones((3, 2), np.float32)))(np.ones(3))).splitlines()
    assert any("float32[3, 2]" in line for line in lines)
    assert any(line.endswith("in np.var") for line in lines)
    assert not any("in np.sum" in line for line in lines)
    assert str(Graph([], [np.float64(1.5)], "g")) == "g()\n  return 1.5"
