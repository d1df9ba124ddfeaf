"""Trees are taken apart and put together again."""

import collections
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import grad, jit, tree
from chainrule.errors import OptionError

Pair = collections.namedtuple("Pair", ["left", "right"])


@dataclasses.dataclass
class Node:
    value: object
    children: object = ()


class Many(list):
    """A subclass is a leaf, since nobody knows how to build it."""


trees = st.recursive(
    st.floats(allow_nan=False) | st.integers() | st.text() | st.none(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
        st.builds(Pair, inner, inner),
        st.builds(Node, inner, inner),
    ),
    max_leaves=8,
)


@given(trees)
def test_taken_apart_and_put_together(made):
    leaves, structure = tree.flatten(made)
    assert structure.unflatten(leaves) == made
    assert structure.size == len(leaves)
    assert tree.leaves(made) == leaves
    assert [leaf for _, leaf in tree.leaves_with_paths(made)] == leaves
    again = tree.flatten(structure.unflatten(leaves))[1]
    assert again == structure
    assert hash(again) == hash(structure)
    assert repr(again) == repr(structure)


@given(trees)
def test_paths_reach_the_leaves(made):
    for path, leaf in tree.leaves_with_paths(made, "made"):
        assert eval(path, {"made": made}) == leaf


@given(trees)
def test_map(made):
    assert tree.map(lambda leaf: leaf, made) == made
    counted = tree.map(lambda a, b: (a, b) if a is not b else 1, made, made)
    assert tree.leaves(counted) == [1] * len(tree.leaves(made))


def test_order_of_leaves():
    made = {"b": 1, "a": (2, [3, Pair(4, Node(5, {"z": 6}))])}
    assert tree.leaves(made) == [1, 2, 3, 4, 5, 6]
    assert [path for path, _ in tree.leaves_with_paths(made, "p")] == [
        "p['b']",
        "p['a'][0]",
        "p['a'][1][0]",
        "p['a'][1][1].left",
        "p['a'][1][1].right.value",
        "p['a'][1][1].right.children['z']",
    ]


@pytest.mark.parametrize(
    "leaf", [1.0, "text", np.ones(2), {1, 2}, Many([1]), object(), Node, collections.OrderedDict(a=1)]
)
def test_everything_else_is_a_leaf(leaf):
    leaves, structure = tree.flatten(leaf)
    assert leaves[0] is leaf
    assert structure == tree.LEAF
    assert structure.unflatten([3]) == 3


@pytest.mark.parametrize("empty", [None, (), [], {}, ((), [None, {}])])
def test_empty_trees(empty):
    leaves, structure = tree.flatten(empty)
    assert leaves == []
    assert structure.unflatten([]) == empty
    assert structure != tree.LEAF


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, 2), [1, 2]),
        ((1, 2), (1, (2,))),
        ({"a": 1}, {"b": 1}),
        (Pair(1, 2), (1, 2)),
        (1, (1,)),
        (None, ()),
        (Node(1), Pair(1, ())),
    ],
)
def test_different_structures(one, other):
    assert tree.flatten(one)[1] != tree.flatten(other)[1]
    with pytest.raises(OptionError, match="differ"):
        tree.map(lambda a, b: a, one, other)


def test_the_number_of_leaves_must_fit():
    structure = tree.flatten([1, 2])[1]
    for values in ([1], [1, 2, 3]):
        with pytest.raises(OptionError, match=f"2 leaves, but {len(values)} values"):
            structure.unflatten(values)


def test_a_dataclass_is_rebuilt_without_its_checks():
    @dataclasses.dataclass(frozen=True)
    class Checked:
        x: float
        made: list = dataclasses.field(default_factory=list, init=False)

        def __post_init__(self):
            if not isinstance(self.x, float):
                raise TypeError("a float was expected")

    _, structure = tree.flatten(Checked(1.0))
    rebuilt = structure.unflatten(["anything"])
    assert rebuilt.x == "anything"
    assert rebuilt.made == []


def test_a_dataclass_with_slots():
    @dataclasses.dataclass(slots=True, frozen=True)
    class Slim:
        x: float
        y: float

    assert tree.map(lambda v: v + 1, Slim(1.0, 2.0)) == Slim(2.0, 3.0)


def test_text_form():
    assert repr(tree.flatten({"a": (1, None)})[1]) == "dict(a: tuple(0: *, 1: NoneType()))"


@given(trees)
def test_leaves_of_a_known_structure(made):
    leaves, structure = tree.flatten(made)
    found = structure.leaves_of(made)
    assert found is not None
    assert all(a is b for a, b in zip(found, leaves, strict=True))


@given(trees, trees)
def test_leaves_of_another_structure(made, other):
    structure = tree.flatten(other)[1]
    assert (structure.leaves_of(made) is None) == (tree.flatten(made)[1] != structure)


class TestRavel:
    def tree(self):
        return {
            "w": np.arange(6, dtype=np.float32).reshape(2, 3),
            "n": Node(1.5, (2, np.float64(3.0))),
            "zero": np.array(4.0),
            "none": (None, np.zeros((0, 2))),
        }

    def test_there_and_back(self):
        vector, layout = tree.ravel(self.tree())
        np.testing.assert_array_equal(vector, [0, 1, 2, 3, 4, 5, 1.5, 2, 3, 4])
        assert vector.dtype == np.float64
        assert layout.size == 10
        again = layout.unravel(vector)
        np.testing.assert_array_equal(again["w"], self.tree()["w"])
        assert again["w"].dtype == np.float32
        assert (type(again["n"].value), type(again["n"].children[0])) == (float, float)
        assert type(again["n"].children[1]) is np.float64
        assert isinstance(again["zero"], np.ndarray)
        assert again["none"][1].shape == (0, 2)
        np.testing.assert_array_equal(layout.ravel(again), vector)

    def test_one_precision(self):
        vector, _ = tree.ravel([np.ones(2, np.float32), np.ones(1, np.float32)])
        assert vector.dtype == np.float32

    def test_a_new_vector(self):
        x = np.ones(3)
        vector, layout = tree.ravel(x)
        vector[0] = 5.0
        assert x[0] == 1
        assert layout.unravel(vector)[0] == 5

    def test_nothing(self):
        vector, layout = tree.ravel(())
        assert vector.shape == (0,)
        assert layout.unravel(vector) == ()

    def test_layouts_are_equal_where_trees_are_alike(self):
        a, b = tree.ravel(self.tree())[1], tree.ravel(self.tree() | {"zero": np.array(7.0)})[1]
        assert a == b
        assert hash(a) == hash(b)
        assert a != tree.ravel(self.tree() | {"zero": 4.0})[1]

    @pytest.mark.parametrize("compiled", [True, False])
    def test_traced(self, compiled):
        vector, layout = tree.ravel(self.tree())

        def f(vector):
            found = layout.unravel(vector)
            return np.sum(tree.ravel(found)[0] ** 2) * found["n"].value

        slope = grad(f)
        np.testing.assert_allclose(
            (jit(slope) if compiled else slope)(vector),
            2 * 1.5 * vector + np.sum(vector**2) * (np.arange(10) == 6),
            rtol=1e-6,
        )

    def test_what_does_not_fit(self):
        _, layout = tree.ravel(self.tree())
        with pytest.raises(OptionError, match=r"vector has shape \(9,\), expected \(10,\)"):
            layout.unravel(np.ones(9))
        with pytest.raises(OptionError, match="the tree has the structure"):
            layout.ravel({"w": 1.0})
        with pytest.raises(OptionError, match=r"tree\['w'\] has shape \(3, 2\), expected \(2, 3\)"):
            layout.ravel(self.tree() | {"w": np.ones((3, 2))})
        assert layout.names("p") == [
            "p['w']",
            "p['n'].value",
            "p['n'].children[0]",
            "p['n'].children[1]",
            "p['zero']",
            "p['none'][1]",
        ]
