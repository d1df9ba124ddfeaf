"""Columns that give the target away, and columns that only seem to."""

import numpy as np

from chainrule.data import Table, leaks

RNG = np.random.default_rng(0)
ROWS = 200
CLASSES = RNG.integers(0, 3, ROWS)
NUMBERS = RNG.normal(size=ROWS)


def found(targets=("y",), **columns):
    return [leak.column for leak in leaks(Table.of(columns), targets)]


def test_maps_from_values_to_classes():
    names = np.array(["red", "green", "blue"])[CLASSES]
    finer = CLASSES * 2 + RNG.integers(0, 2, ROWS)
    coarser = np.minimum(CLASSES, 1)
    assert found(y=CLASSES, one_to_one=names, many_to_one=finer, coarser=coarser) == [
        "one_to_one",
        "many_to_one",
    ]
    (leak,) = leaks(Table.of({"color": names, "y": CLASSES}), ["y"])
    assert str(leak) == (
        "column 'color' predicts the target 'y' perfectly "
        "(each of its 3 values comes with one target only): a likely leak"
    )


def test_missing_is_a_value():
    town = ["" if value == 0 else f"t{value}" for value in CLASSES]
    number = np.where(CLASSES == 1, np.nan, CLASSES)
    assert found(y=CLASSES, town=town, number=number) == ["town", "number"]


def test_one_exception_is_enough_to_clear_a_column():
    almost = CLASSES.copy()
    almost[150] = (almost[150] + 1) % 3
    assert found(y=CLASSES, almost=almost) == []


def test_identifiers_are_no_leaks():
    order = np.argsort(CLASSES, kind="stable")
    texts = np.array([f"t{i}" for i in range(ROWS)])
    assert found(y=CLASSES[order], row=np.arange(ROWS), name=texts, x=NUMBERS) == []
    assert found(y=np.arange(ROWS) + 0.5, row=np.arange(ROWS) + 1000) == []


def test_accidents_are_no_leaks():
    rare = np.zeros(40, dtype=int)
    rare[7] = 1
    assert found(y=rare, batch=np.where(np.arange(40) == 7, 9, np.arange(40) % 3)) == []
    few = np.array([0, 1] * 5)
    assert found(y=few, same=few) == []


def test_linear_relations_of_numbers():
    y = NUMBERS
    assert found(y=y, fahrenheit=1.8 * y + 32, noisy=y + RNG.normal(size=ROWS) * 0.1) == ["fahrenheit"]
    assert found(y=y, negative=-3 * y, constant=np.full(ROWS, 0.1), text=["a", "b"] * (ROWS // 2)) == ["negative"]
    (leak,) = leaks(Table.of({"y": y, "x": -y}), ["y"])
    assert leak.reason == "their correlation is -1.000000"
    holes = np.where(np.arange(ROWS) % 3 == 0, np.nan, y)
    assert found(y=y, holes=holes) == ["holes"]
    assert found(y=y * 1e200, large=y * 1e250, tiny=y * 1e-250) == ["large", "tiny"]


def test_blocks_and_several_targets():
    X = RNG.normal(size=(ROWS, 30))
    X[:, 17] = CLASSES
    assert found(y=CLASSES, X=X) == ["x17"]
    assert found(("y", "z"), y=NUMBERS, z=X[:, 3].copy(), X=X) == ["x3"]
    assert found(y=np.zeros(ROWS), X=X) == []
