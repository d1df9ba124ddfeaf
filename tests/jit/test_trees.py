"""Calls with trees as arguments and results."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import jit, tree, value_and_grad
from chainrule.jit.recording import Constant
from chainrule.jit.trees import builder, reader


class Pair(NamedTuple):
    first: Any
    second: Any


class Nothing(NamedTuple):
    pass


@dataclasses.dataclass(frozen=True)
class One:
    value: Any


@dataclasses.dataclass
class Two:
    weights: Any
    bias: Any


@dataclasses.dataclass
class Empty:
    pass


LEAVES = st.floats(-1e3, 1e3)
TREES = st.recursive(
    LEAVES,
    lambda inside: st.one_of(
        st.lists(inside, max_size=3),
        st.lists(inside, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.sampled_from("abc"), st.integers(0, 3)), inside, max_size=3),
        st.builds(Pair, inside, inside),
        st.builds(One, inside),
        st.builds(Two, inside, inside),
        st.sampled_from([None, Nothing(), Empty()]),
    ),
    max_leaves=12,
)


@given(TREES)
def test_there_and_back(given_tree):
    leaves, structure = tree.flatten((given_tree,))
    assert list(reader(structure)((given_tree,))) == leaves
    assert builder(structure, range(len(leaves)))(leaves) == (given_tree,)
    backwards = builder(structure, range(len(leaves))[::-1])(leaves[::-1])
    assert backwards == (given_tree,)
    others = [Constant(x) if k % 2 else k // 2 for k, x in enumerate(leaves)]
    assert builder(structure, others)(leaves[::2]) == (given_tree,)


@given(TREES, TREES)
def test_another_structure(one, other):
    structure = tree.flatten((one,))[1]
    leaves, other_structure = tree.flatten((other,))
    found = reader(structure)((other,))
    if structure == other_structure:
        assert list(found) == leaves
    # A container may stand where a leaf is expected: the program takes none.
    elif found is not None:
        assert any(tree.flatten(x)[1].kind is not None for x in found)


def test_deep_and_wide_trees():
    deep: Any = 1.0
    for k in range(200):
        deep = ({"a": deep}, float(k)) if k % 3 else [deep]
    for one in (deep, [float(k) for k in range(5000)]):
        leaves, structure = tree.flatten(one)
        assert reader(structure)(one) == leaves
        assert builder(structure, range(len(leaves)))(leaves) == one


KINDS = [
    lambda w, b: {"weights": w, "bias": b},
    lambda w, b: (w, b),
    lambda w, b: [w, b],
    lambda w, b: Pair(w, b),
    lambda w, b: Two(w, b),
    lambda w, b: {"layer": [One(w), None, {}], "rest": (Pair(b, ()), Empty())},
]


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_and_results_of_every_kind(kind):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 4)), rng.normal(size=20)

    def loss(parameters, x, y):
        w, b = tree.leaves(parameters)
        return np.mean((x @ w + b - y) ** 2)

    plain, compiled = value_and_grad(loss), jit(value_and_grad(loss))
    for b in (0.5, np.array(0.5), np.float64(0.25)):
        for scale in (1.0, 2.0, 3.0):
            parameters = kind(rng.normal(size=4) * scale, b)
            for found in (compiled(parameters, x, y), compiled(parameters, x=x, y=y)):
                leaves, structure = tree.flatten(found)
                expected, expected_structure = tree.flatten(plain(parameters, x, y))
                assert structure == expected_structure
                for p, q in zip(leaves, expected, strict=True):
                    assert np.shape(p) == np.shape(q)
                    np.testing.assert_allclose(p, q, rtol=1e-12)
    assert not any("given up" in event for event in compiled.stages().events)


def test_another_structure_is_another_call():
    f = jit(lambda p: {k: 2.0 * x for k, x in p.items()})
    a, b = np.ones(2), np.zeros(3)
    assert list(f({"a": a, "b": b})) == ["a", "b"]
    assert list(f({"b": b, "a": a})) == ["b", "a"]
    assert list(f({"a": a})) == ["a"]
    assert list(f({"a": a, "b": b, "c": a})) == ["a", "b", "c"]
    np.testing.assert_array_equal(f({"a": a, "b": b})["a"], [2.0, 2.0])
    np.testing.assert_array_equal(f({"b": b, "a": a})["a"], [2.0, 2.0])


def test_a_container_where_a_leaf_was():
    f = jit(lambda p, x: tree.map(lambda a: a + x, p))
    np.testing.assert_array_equal(f((np.ones(2), 1.0), 1.0)[0], [2.0, 2.0])
    inner = f(((np.ones(2), 3.0), 1.0), 1.0)
    np.testing.assert_array_equal(inner[0][0], [2.0, 2.0])
    assert inner[0][1] == 4.0
    assert f((np.ones(2), 1.0), 1.0)[1] == 2.0


def test_results_are_new_each_time():
    f = jit(lambda p: {"sum": p["a"] + p["b"], "fixed": np.arange(3.0), "text": "t", "complex": np.array([1j])})
    p = {"a": np.ones(2), "b": np.ones(2)}
    first = f(p)
    first["sum"][:] = first["fixed"][:] = 7.0
    first["complex"][:] = 0.0
    second = f(p)
    assert second["text"] == "t"
    np.testing.assert_array_equal(second["sum"], [2.0, 2.0])
    np.testing.assert_array_equal(second["fixed"], [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(second["complex"], [1j])


def test_what_is_read_from_around_is_looked_at():
    scale = np.ones(2)

    def f(p):
        return {"a": p["a"] * scale}

    compiled = jit(f)
    p = {"a": np.array([1.0, 2.0])}
    np.testing.assert_array_equal(compiled(p)["a"], [1.0, 2.0])
    np.testing.assert_array_equal(compiled(p)["a"], [1.0, 2.0])
    scale = np.array([3.0, 3.0])
    np.testing.assert_array_equal(compiled(p)["a"], [3.0, 6.0])


def test_every_leading_size():
    f = jit(lambda p, x: {"z": (x @ p["w"], np.sum(x))})
    for rows in (2, 7, 5, 700, 2):
        p, x = {"w": np.ones((3, 2))}, np.ones((rows, 3))
        for _ in range(2):
            found = f(p, x)["z"]
            np.testing.assert_array_equal(found[0], np.full((rows, 2), 3.0))
            assert found[1] == 3.0 * rows
