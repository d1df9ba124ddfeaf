"""Loops and branches without what nobody reads: the same bits of what is read, from less."""

import numpy as np
import pytest

from chainrule import cond, grad, scan, trace, value_and_grad, while_loop
from chainrule.evaluate import evaluate
from chainrule.graph import verify
from chainrule.passes import drop

X = np.array([0.3, -1.2, 0.7, 2.0])


def several(c, x):
    a, b, lonely, counted = c
    return (a + x, b * a, lonely - x, counted + 1.0), (a * x, np.sin(b), lonely)


START = (0.0, 1.0, 2.0, 0.0)


def picking(k):
    """One carry or one result of a loop with four carries and three results."""

    def f(xs):
        carry, results = scan(several, START, xs)
        return (*carry, *results)[k]

    return f


def branch(x):
    first, _, third = cond(x[0] > 0, lambda y: (y + 1.0, y * y, x), lambda y: (y, y, y - 1.0), x)
    return first, third


def countdown(x):
    a, b, _ = while_loop(lambda c: c[1] < 5.0, lambda c: (c[0] * 1.5, c[1] + x[1] ** 2, c[2] - c[0]), (x[0], x[2], 1.0))
    return a, b


def nested(xs):
    def outer(c, x):
        (a, b), ys = scan(lambda d, y: ((d[0] + y, d[1] * y), d[1]), (c[0], c[1]), xs)
        return (a, b * x), (ys, a)

    (a, _), (_, ends) = scan(outer, (0.0, 1.0), xs)
    return a, ends


PROGRAMS = {
    **{f"output {k} of seven": picking(k) for k in range(7)},
    "branch": branch,
    "while": countdown,
    "nested": nested,
    "backward": grad(lambda xs: np.sum(picking(5)(xs))),
    "value and backward": value_and_grad(lambda xs: picking(1)(xs)),
    "backward of while": grad(lambda xs: countdown(xs)[0]),
    "backward twice": grad(lambda xs: np.sum(grad(lambda ys: picking(1)(ys) ** 2)(xs))),
    "nothing to drop": lambda xs: scan(lambda c, x: (c + x, c), 0.0, xs),
    "no loop": np.sin,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_bits(name):
    graph = trace(PROGRAMS[name])(X)
    found = drop(graph)
    verify(found)
    for a, b in zip(evaluate(found, X), evaluate(graph, X), strict=True):
        np.testing.assert_array_equal(a, b)


def loop(graph):
    return next(node for node in graph.nodes if node.op.name in ("chainrule.scan", "chainrule.while_loop"))


@pytest.mark.parametrize(
    ("k", "carries", "results"),
    [(0, 1, 0), (1, 2, 0), (2, 1, 0), (3, 1, 0), (4, 1, 1), (5, 2, 1), (6, 1, 1)],
)
def test_what_stays(k, carries, results):
    node = loop(drop(trace(picking(k))(X)))
    assert node.params["carries"] == carries
    assert len(node.shape) == carries + results
    # The third carry counts; with it no sequence is read.
    assert node.params["sequences"] == (k != 3)


def test_stored_carries_that_nobody_reads():
    graph = trace(lambda xs: value_and_grad(lambda c: scan(lambda c, x: (c + x, None), c, xs)[0])(2.0))(X)
    assert [node.params["store"] for node in graph.nodes if node.op.name == "chainrule.scan"][:1] == [True]
    assert not any(node.params["store"] for node in drop(graph).nodes if node.op.name == "chainrule.scan")


def test_what_only_a_dropped_part_needed_is_dropped():
    def f(xs):
        ends, sums = scan(lambda c, x: (c + x, c), 0.0, np.sin(xs))
        (a, _), _ = scan(lambda c, x: ((c[0] * ends, c[1] + x), None), (1.0, 0.0), sums, length=4)
        return a

    assert loop(drop(trace(f)(X))).params["sequences"] == 1
    assert len(loop(drop(trace(f)(X))).shape) == 1


def test_a_carry_that_the_condition_reads_stays():
    assert loop(drop(trace(lambda x: countdown(x)[0])(X))).params["carries"] == 2


def test_a_graph_without_such_is_the_same_graph():
    for name in ("nothing to drop", "no loop"):
        graph = trace(PROGRAMS[name])(X)
        assert drop(graph) is graph


def test_every_number_of_rows():
    graph = trace(picking(4), leading=0)(X)
    found = drop(graph)
    assert len(loop(found).shape) == 2
    for n in (3, 9):
        x = np.linspace(0.0, 1.0, n)
        np.testing.assert_array_equal(evaluate(found, x)[0], evaluate(graph, x)[0])
