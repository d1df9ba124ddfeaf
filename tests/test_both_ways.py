"""The comparison that every test is subject to: that it is there, and that it sees what it should."""

import numpy as np
import pytest
from tests import both_ways
from tests.both_ways import Differs, check

from chainrule import grad, jvp, scan, trace
from chainrule.evaluate import evaluate
from chainrule.graph import Graph


@pytest.fixture
def most(monkeypatch):
    """As many graphs as there are, and none that a test has compiled before."""
    monkeypatch.setattr(both_ways._state, "left", 100)
    monkeypatch.setattr(both_ways, "seen", set())


def graph():
    return trace(lambda x: (np.exp(x), x > 0.5))(np.arange(3.0))


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ((np.exp(np.arange(3.0)) * (1 + 1e-12), np.array([False, True, True])), "output 0 .* in 3 of 3 entries"),
        ((np.array([1.0, np.nan, np.exp(2.0)]), np.array([False, True, True])), "output 0 .* in 1 of 3 entries"),
        ((np.exp(np.arange(3.0)), np.array([True, True, True])), "output 1 .* in 1 of 3 entries"),
        ((np.exp(np.arange(3.0, dtype=np.float32)), np.array([False, True, True])), r"is float64\[3\] compiled"),
        ((np.exp(np.arange(4.0)), np.array([False, True, True])), r"float64\[4\] interpreted"),
    ],
)
def test_a_difference_is_an_error(most, expected, message):
    with both_ways.nothing_compiled():
        made = graph()
    with pytest.raises(Differs, match=message):
        check(made, [np.arange(3.0)], expected)


def test_what_cancels_is_held_to_what_it_can_keep(most):
    with both_ways.nothing_compiled():
        made = trace(lambda x: np.exp(x) + 1e8 - np.exp(x) - 1e8)(np.ones(2))
    check(made, [np.ones(2)], (np.array([3e-8, -3e-8]),))
    with pytest.raises(Differs):
        check(made, [np.ones(2)], (np.array([1e-4, 0.0]),))


def test_large_graphs_are_left_to_the_sweep(most, monkeypatch):
    def f(x):
        for _ in range(500):
            x = x * 1.001
        return x

    for limit, count in ((both_ways.MOST_NODES, 0), (both_ways.MOST_IN_SWEEP, 1)):
        monkeypatch.setattr(both_ways._state, "most", limit)
        trace(f)(np.ones(2))
        assert len(both_ways.seen) == count


def test_what_rounding_decides():
    x = np.full(6, 0.088)
    assert both_ways.rounding_decides(lambda x: np.where(x < np.mean(x), 0.0, x), x)
    assert both_ways.rounding_decides(lambda x: np.exp(x) + 1e12 - np.exp(x) - 1e12, x)
    assert not both_ways.rounding_decides(lambda x: np.where(x < 2 * np.mean(x), 0.0, np.exp(x)), x)


def test_what_cannot_be_compiled_is_an_error(most, monkeypatch):
    def refuse(graph):
        raise ValueError

    monkeypatch.setattr(both_ways, "Program", refuse)
    with pytest.raises(Differs, match="recorded cannot be compiled"):
        graph()


def same(xs):
    with both_ways.nothing_compiled():
        made = trace(lambda x: x * 2.0)(xs)
    evaluate(made, xs)


@pytest.mark.parametrize(
    ("run", "count"),
    [
        (lambda x: trace(np.sin)(x), 1),
        (same, 1),
        # The tape by itself, and the graph of the value and the derivative.
        (lambda x: grad(lambda x: np.sum(x * x))(x), 2),
        (lambda x: jvp(lambda x: x * x, (x,), (x,)), 2),
        (lambda x: scan(lambda c, x: (c * x, None), 1.0, x), 1),
        (lambda x: grad(lambda x: x * 3.0)(2), 2),
        (lambda x: np.sin(x), 0),
    ],
)
def test_graphs_are_compiled(most, run, count):
    for _ in range(2):
        run(np.arange(2.0))
        assert len(both_ways.seen) == count


@pytest.mark.interpreted("it says so")
def test_a_test_that_must_not_be_run_twice():
    before = len(both_ways.seen)
    grad(lambda x: x * 0.125 + np.cosh(x))(2.0)
    assert len(both_ways.seen) == before


def test_a_graph_is_compared_at_other_values_too(most, monkeypatch):
    with both_ways.nothing_compiled():
        made = graph()
    evaluate(made, np.ones(3))
    assert isinstance(made, Graph)
    monkeypatch.setitem(made.derived, "run both ways", lambda x: [x, x > 0.5])
    with pytest.raises(Differs):
        evaluate(made, np.ones(3))
