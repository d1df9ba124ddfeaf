"""Which arguments are differentiated by, in which form the gradient comes back, and whose memory it is."""

import collections
import dataclasses
import functools

import numpy as np
import pytest

from chainrule import grad, value_and_grad, vjp
from chainrule.errors import ChainruleError, OptionError, TraceError

Pair = collections.namedtuple("Pair", ["left", "right"])


@dataclasses.dataclass(frozen=True)
class Line:
    slope: object
    offset: object

    def __post_init__(self):
        if isinstance(self.slope, str):
            raise TypeError("no text")


def cubic(a, b, c=2.0, *, d=1.0):
    return a**2 * b + c * d * a


# Positions and names.


def test_positions():
    assert grad(cubic)(3.0, 5.0) == 32.0
    assert grad(cubic, 1)(3.0, 5.0) == 9.0
    assert grad(cubic, -1)(3.0, 5.0) == 9.0
    assert grad(cubic, (0, 1))(3.0, 5.0) == (32.0, 9.0)
    assert grad(cubic, [1, 0])(3.0, 5.0) == (9.0, 32.0)
    assert grad(cubic, (1,))(3.0, 5.0) == (9.0,)
    assert grad(cubic, np.int64(1))(3.0, 5.0) == 9.0


def test_names():
    assert grad(cubic, "a")(3.0, 5.0) == 32.0
    assert grad(cubic, "b")(3.0, b=5.0) == 9.0
    assert grad(cubic, ("c", "d", "a"))(3.0, 5.0, c=2.0, d=4.0) == (12.0, 6.0, 38.0)
    assert grad(cubic, ("a", "b"))(b=5.0, a=3.0) == (32.0, 9.0)
    assert grad(cubic, (0, "d"))(3.0, 5.0, d=1.0) == (32.0, 6.0)


def test_other_arguments_may_be_anything():
    def f(x, mode, options, *rest, **more):
        assert mode == "square"
        assert options == {"n": 2}
        assert rest == (None,)
        assert more == {"flag": True}
        return x ** options["n"]

    assert grad(f)(3.0, "square", {"n": 2}, None, flag=True) == 6.0


def test_keyword_only_and_variadic_arguments():
    assert grad(lambda *xs: xs[0] * xs[1], 1)(2.0, 3.0) == 2.0
    assert grad(lambda **named: named["x"] ** 2, "x")(x=3.0) == 6.0
    assert grad(lambda x, *, y: x * y, "y")(2.0, y=3.0) == 2.0


def test_methods_partials_and_callables():
    class Model:
        def loss(self, w, x):
            return w * x**2

        def __call__(self, w):
            return w**2

        @staticmethod
        def fixed(w):
            return w**3

        @classmethod
        def made(cls, w):
            return w**4

    model = Model()
    assert grad(model.loss)(2.0, 3.0) == 9.0
    assert grad(model.loss, "x")(2.0, 3.0) == 12.0
    assert grad(model)(3.0) == 6.0
    assert grad(Model.fixed)(2.0) == 12.0
    assert grad(Model.made)(2.0) == 32.0
    assert grad(functools.partial(cubic, b=5.0))(3.0) == 32.0
    assert grad(functools.partial(cubic, 3.0))(5.0) == 9.0
    assert grad(np.sum)(np.ones(2)).tolist() == [1.0, 1.0]
    assert grad(np.exp)(0.0) == 1.0


def test_name_and_docstring_are_kept():
    assert grad(cubic).__name__ == "cubic"
    assert value_and_grad(cubic).__name__ == "cubic"


@pytest.mark.parametrize(
    ("wrt", "args", "words"),
    [
        (2, (1.0, 2.0), "2 positional arguments"),
        (-3, (1.0, 2.0), "number -3"),
        ("e", (1.0, 2.0), "it has a, b, c, d"),
        ("c", (1.0, 2.0), "leaves at its default"),
        ((), (1.0, 2.0), "no argument"),
        ((0, 0), (1.0, 2.0), "twice"),
        (("a", "a"), (1.0, 2.0), "twice"),
        (True, (1.0, 2.0), "True"),
        (1.5, (1.0, 2.0), "1.5"),
        (None, (1.0, 2.0), "None"),
        ((0, None), (1.0, 2.0), "None"),
    ],
)
def test_wrong_choices(wrt, args, words):
    with pytest.raises(OptionError, match=words):
        grad(cubic, wrt)(*args)


def test_an_argument_by_position_and_by_name_at_once():
    with pytest.raises(OptionError, match="twice"):
        grad(cubic, (0, "a"))(3.0, 5.0)


def test_what_is_no_function():
    with pytest.raises(OptionError, match="function"):
        grad(3.0)
    with pytest.raises(OptionError, match="function"):
        vjp(3.0, 1.0)


def test_a_wrong_call_raises_pythons_own_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        grad(cubic)(1.0)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        grad(cubic)(1.0, 2.0, z=1)


# Trees.


TREES = {
    "tuple": (1.0, np.array([2.0, 3.0])),
    "list": [1.0, [np.array([2.0, 3.0])]],
    "dict": {"b": 1.0, "a": {"deep": np.array([2.0, 3.0])}},
    "named tuple": Pair(1.0, np.array([2.0, 3.0])),
    "dataclass": Line(1.0, np.array([2.0, 3.0])),
    "all at once": {"x": [Pair(Line(1.0, ()), None), (np.array([2.0, 3.0]),)], "empty": []},
}


def leaves_of(tree):
    """The numbers of a tree, by a walk of its own."""
    if isinstance(tree, dict):
        return [leaf for child in tree.values() for leaf in leaves_of(child)]
    if isinstance(tree, (tuple, list)):
        return [leaf for child in tree for leaf in leaves_of(child)]
    if dataclasses.is_dataclass(tree):
        return [leaf for one in dataclasses.fields(tree) for leaf in leaves_of(getattr(tree, one.name))]
    return [] if tree is None else [tree]


def same_structure(one, other):
    if type(one) is not type(other) and not (
        isinstance(one, (float, np.ndarray)) and isinstance(other, (float, np.ndarray))
    ):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same_structure(one[key], other[key]) for key in one)
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(same_structure, one, other))
    if dataclasses.is_dataclass(one):
        return all(same_structure(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one))
    return np.shape(one) == np.shape(other)


@pytest.mark.parametrize("name", TREES)
def test_trees(name):
    def loss(p, x):
        number, vector = leaves_of(p)
        return number * np.sum(vector * x)

    x = np.array([10.0, 20.0])
    value, g = value_and_grad(loss)(TREES[name], x)
    assert value == 80.0
    assert same_structure(g, TREES[name])
    number, vector = leaves_of(g)
    assert type(number) is float
    assert number == 80.0
    np.testing.assert_array_equal(vector, x)
    # Several arguments, and by vjp.
    (g, dx) = grad(loss, (0, 1))(TREES[name], x)
    np.testing.assert_array_equal(dx, [2.0, 3.0])
    _, pull_back = vjp(loss, TREES[name], x)
    assert same_structure(pull_back(1.0)[0], TREES[name])


def test_unused_parts_have_gradient_zero():
    g = grad(lambda p: p["a"] * 1.0)({"a": 2.0, "b": np.ones((2, 2), np.float32), "c": [3, None]})
    assert g["b"].dtype == np.float32
    assert g["b"].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert g["c"] == [0.0, None]


def test_a_constant_function_has_gradient_zero():
    assert grad(lambda x: 3.0)(2.0) == 0.0
    assert grad(lambda x: np.float32(3))(2.0) == 0.0
    np.testing.assert_array_equal(grad(lambda x: 1)(np.ones(2)), np.zeros(2))
    np.testing.assert_array_equal(grad(lambda x: np.sum(x > 0))(np.ones(2)), np.zeros(2))


def test_the_function_sees_containers_of_the_same_type():
    def f(p):
        assert type(p) is Pair
        assert type(p.left) is Line
        return p.left.slope * p.right

    g = grad(f)(Pair(Line(2.0, 0.0), 3.0))
    assert g == Pair(Line(3.0, 0.0), 2.0)


# Results.


def test_has_aux():
    def f(x):
        return np.sum(x**2), {"twice": 2 * x, "text": "kept", "none": None, "shape": x.shape}

    x = np.array([1.0, 2.0])
    g, aux = grad(f, has_aux=True)(x)
    np.testing.assert_array_equal(g, 2 * x)
    assert type(aux["twice"]) is np.ndarray
    assert aux["twice"].tolist() == [2.0, 4.0]
    assert (aux["text"], aux["none"], aux["shape"]) == ("kept", None, (2,))
    (value, aux), (g,) = value_and_grad(f, (0,), has_aux=True)(x)
    assert value == 5.0
    np.testing.assert_array_equal(g, 2 * x)


def test_has_aux_inside_another_derivative():
    def outer(x):
        g, aux = grad(lambda y: (y**3, x * y), has_aux=True)(x)
        return g + aux

    # 3 x^2 + x^2
    assert grad(outer)(2.0) == 16.0


def test_vjp_of_trees():
    x, y = np.array([1.0, 2.0]), 3.0
    value, pull_back = vjp(lambda x, y: {"sum": x + y, "product": (x * y, y)}, x, y)
    assert value["sum"].tolist() == [4.0, 5.0]
    assert value["product"][1] == 3.0
    dx, dy = pull_back({"sum": np.array([1.0, 0.0]), "product": (np.array([0.0, 1.0]), 10.0)})
    assert dx.tolist() == [1.0, 3.0]
    assert dy == 1.0 + 2.0 + 10.0
    assert type(dy) is float
    # Again, with another derivative, and with lists and numbers of other types in it.
    dx, dy = pull_back({"sum": np.zeros(2), "product": (np.zeros(2, int), 1)})
    assert dx.tolist() == [0.0, 0.0]
    assert dy == 1.0


@pytest.mark.parametrize(
    "g", [1.0, {"sum": np.ones(3)}, {"sum": np.ones((1, 2))}, {"other": np.ones(2)}, [np.ones(2)], {"sum": (1.0, 1.0)}]
)
def test_vjp_checks_what_it_is_given(g):
    _, pull_back = vjp(lambda x: {"sum": x + 1}, np.ones(2))
    with pytest.raises(OptionError, match=r"structure|shape"):
        pull_back(g)


def test_one_output_twice():
    _, pull_back = vjp(lambda x: (x, x), 2.0)
    assert pull_back((1.0, 2.0)) == (3.0,)


def test_an_output_that_is_an_argument_or_a_constant():
    value, pull_back = vjp(lambda x, y: (x, 5.0, np.ones(2)), np.ones(2), 2.0)
    dx, dy = pull_back((np.array([1.0, 2.0]), 1.0, np.ones(2)))
    assert dx.tolist() == [1.0, 2.0]
    assert dy == 0.0
    assert value[1] == 5.0


# Whose memory it is.


def assert_own(arrays, others):
    """Each of `arrays` is writable and shares memory with none of the rest."""
    for k, a in enumerate(arrays):
        assert a.flags.writeable
        for b in [*arrays[:k], *others]:
            assert not np.shares_memory(a, b)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: np.sum(x + y),
        lambda x, y: np.sum(x) + np.sum(y),
        lambda x, y: np.sum(x * y),
        lambda x, y: x @ y,
        lambda x, y: np.sum(np.stack([x, y])),
        lambda x, y: np.sum(np.concatenate([x, y])),
        lambda x, y: np.sum(x.reshape(2, 2) - y.reshape(2, 2).T),
        lambda x, y: x[0] + y[1],
        lambda x, y: np.sum(x) * 0 + 1.0,
        lambda x, y: np.sum(np.broadcast_to(x, (3, 4))) + np.sum(np.broadcast_to(y, (3, 4))),
    ],
)
def test_gradients_have_memory_of_their_own(f):
    x, y = np.arange(4.0), np.ones(4)
    before = x.copy(), y.copy()
    dx, dy = grad(f, (0, 1))(x, y)
    assert_own([dx, dy], [x, y])
    _, pull_back = vjp(f, x, y)
    g = np.array(1.0)
    first, second = pull_back(g), pull_back(g)
    assert_own([*first, *second], [x, y, g])
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_the_derivative_given_is_not_handed_back():
    x, y = np.arange(4.0), np.ones(4)
    for f in (lambda x, y: x + y, lambda x, y: np.reshape(x, 4) - y, lambda x, y: (x, y)):
        value, pull_back = vjp(f, x, y)
        seed = (np.ones(4), np.ones(4)) if isinstance(value, tuple) else np.ones(4)
        found = pull_back(seed)
        assert_own(list(found), [x, y, *(seed if isinstance(seed, tuple) else (seed,))])


def test_the_value_is_not_the_argument():
    x = np.arange(4.0)
    for f in (lambda x: x, lambda x: x.T, lambda x: x[1:], lambda x: np.reshape(x, (2, 2))):
        value, _ = vjp(f, x)
        assert_own([value], [x])


def test_the_same_array_as_two_arguments():
    x = np.ones(2)
    dx, dy = grad(lambda x, y: np.sum(x * y * y), (0, 1))(x, x)
    assert_own([dx, dy], [x])
    assert dx.tolist() == [1.0, 1.0]
    assert dy.tolist() == [2.0, 2.0]


def test_the_same_array_twice_in_a_tree():
    x = np.ones(2)
    g = grad(lambda p: np.sum(p[0] * p[1]))([x, x])
    assert_own(g, [x])


def test_kept_values_do_not_change():
    """Writing into a gradient changes nothing that a later pull-back reads."""
    _, pull_back = vjp(lambda x: np.exp(x), np.zeros(3))
    (first,) = pull_back(np.ones(3))
    first[:] = 100.0
    assert pull_back(np.ones(3))[0].tolist() == [1.0, 1.0, 1.0]


def test_subclasses_and_memory_layouts():
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    g = grad(lambda x: np.sum(x**2))(x)
    np.testing.assert_array_equal(g, 2 * x)
    g = grad(lambda x: np.sum(x**2))(x[:, ::-2])
    np.testing.assert_array_equal(g, 2 * x[:, ::-2])

    class Named(np.ndarray):
        pass

    g = grad(lambda x: np.sum(x**2))(np.ones(2).view(Named))
    assert g.tolist() == [2.0, 2.0]


def test_every_error_is_one_of_ours():
    for problem in (OptionError, TraceError):
        assert issubclass(problem, ChainruleError)
