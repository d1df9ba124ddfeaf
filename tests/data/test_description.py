"""Descriptions: through JSON and back, and damaged ones."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Preparation, Table, prepare
from chainrule.errors import ModelFileError

TABLE = Table.of(
    {
        "X": np.random.default_rng(0).normal(size=(30, 3)),
        "images": np.random.default_rng(1).integers(0, 9, (30, 2, 2)).astype(np.uint8),
        "town": ["Troy", "Rome", "Ürümqi"] * 10,
        "name": [f"name {i}" for i in range(30)],
        "species": ["a", "b"] * 15,
        "mass": np.linspace(0, 1, 30),
    }
)
PREPARATIONS = [
    prepare(TABLE, "species"),
    prepare(TABLE, "mass", impute=True),
    prepare(TABLE, ["mass", "x0"]),
]


@pytest.mark.parametrize("preparation", PREPARATIONS)
def test_through_json_and_back(preparation):
    text = json.dumps(preparation.to_description(), allow_nan=False)
    again = Preparation.from_description(json.loads(text))
    assert again == preparation
    np.testing.assert_array_equal(again.inputs(TABLE), preparation.inputs(TABLE))


@given(st.lists(st.text(), min_size=2, max_size=6, unique=True), st.lists(st.floats(-1e300, 1e300), min_size=2))
def test_any_names_and_numbers_survive(classes, numbers):
    texts = [f"<{name}>" for name in classes]
    table = Table.of({"y": texts * 2, "t": texts * 2, "x": (numbers * len(texts))[: 2 * len(texts)]})
    preparation = prepare(table, "y", kind="classes")
    assert Preparation.from_description(json.loads(json.dumps(preparation.to_description()))) == preparation


def places(entry, path=()):
    """Walk every place in nested dicts and lists."""
    if path:
        yield path
    items = entry.items() if isinstance(entry, dict) else enumerate(entry) if isinstance(entry, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def changed(description, path, value):
    result = copy.deepcopy(description)
    entry = result
    for key in path[:-1]:
        entry = entry[key]
    if value is ...:
        del entry[path[-1]]
    else:
        entry[path[-1]] = value
    return result


@pytest.mark.parametrize("preparation", PREPARATIONS)
def test_damage_anywhere_is_refused_or_harmless(preparation):
    description = preparation.to_description()
    problems = []
    for path in places(description):
        for value in (..., None, "x", -1, float("nan"), [], {}, [[]], True):
            try:
                Preparation.from_description(changed(description, path, value))
            except ModelFileError as error:
                problems.append(str(error))
    assert len(problems) > 100
    assert all(problem.startswith("the description of the data's preparation is damaged: ") for problem in problems)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("features",), ..., "'features' is missing"),
        (("features",), [], "there are no features"),
        (("features",), {}, "'features' is of type dict"),
        (("features", 0), 5, "'features' holds entries of a wrong type"),
        (("features", 0, "kind"), "spline", "there is no feature of kind 'spline'"),
        (("features", 0, "means"), [1.0, 2.0], "means and scales do not fit the columns"),
        (("features", 0, "means", 1), float("inf"), "a mean or scale is not finite"),
        (("features", 0, "scales", 1), 0.0, "a scale is not positive"),
        (("features", 0, "names", 1), "x0", "'names' repeats a name"),
        (("features", 2, "frequent"), "Oslo", "the most frequent text 'Oslo' is none of the categories"),
        (("features", 2, "categories"), [], "'categories' is empty"),
        (("features", 2, "name"), "species", "two columns have the same name"),
        (("target", "kind"), "ranks", "there is no target of kind 'ranks'"),
        (("target", "classes"), ["a"], "there are fewer than two classes"),
        (("impute",), 1, "'impute' is of type int"),
    ],
)
def test_what_is_damaged_is_said(path, value, problem):
    with pytest.raises(ModelFileError) as caught:
        Preparation.from_description(changed(PREPARATIONS[0].to_description(), path, value))
    assert str(caught.value) == f"the description of the data's preparation is damaged: {problem}"


@pytest.mark.parametrize("description", [None, [], "text", 3])
def test_a_description_is_a_dict(description):
    with pytest.raises(ModelFileError, match="a table of entries is needed"):
        Preparation.from_description(description)
