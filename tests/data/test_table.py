"""Tables: access by name, rows, building from arrays, and messages about columns."""

import numpy as np
import pytest

from chainrule.data import Block, Numbers, Table, Text
from chainrule.data.table import listed
from chainrule.errors import DataError


def small():
    return Table.of({"X": np.arange(6.0).reshape(3, 2), "age": [5, 6, 7], "town": ["a", "b", "a"]})


def test_access_by_name():
    table = small()
    assert table.names == ("x0", "x1", "age", "town")
    assert len(table) == 3
    assert "x1" in table
    assert "X" not in table
    assert table["x1"].values.tolist() == [1.0, 3.0, 5.0]
    assert isinstance(table["x1"], Numbers)
    assert table["age"].values.dtype == np.float64
    assert isinstance(table["town"], Text)
    with pytest.raises(DataError, match="the table: there is no column 'Town'; did you mean 'town'"):
        table["Town"]


def test_rows_keep_their_places():
    table = small().take([2, 0])
    assert table["age"].values.tolist() == [7.0, 5.0]
    assert table["town"].values == ["a", "a"]
    assert table["town"].categories == ("a", "b")
    assert table["town"].counts().tolist() == [2, 0]
    assert table.place(0) == "row 2"
    assert table.take([]).names == table.names


def test_without_columns():
    table = small()
    assert table.without(["x0", "town"]).names == ("x1", "age")
    assert table.without(["x0", "x1"]).names == ("age", "town")
    assert table.without([]).names == table.names
    assert isinstance(table.without(["x0"]).columns[0], Block)
    with pytest.raises(DataError, match="there is no column 'z'"):
        table.without(["z"])


def test_refusals():
    with pytest.raises(DataError, match=r"the arrays must have equally many rows, but 'a' has 2, 'b' has 1"):
        Table.of({"a": [1, 2], "b": [1]})
    with pytest.raises(DataError, match="the table: there are no arrays"):
        Table.of({})
    with pytest.raises(DataError, match="'a' is not a rectangular array"):
        Table.of({"a": [[1, 2], [3]]})
    with pytest.raises(DataError, match="the array 'a' has dtype object"):
        Table.of({"a": [None, 1.0]})
    with pytest.raises(DataError, match="every column must have 2 rows, but a has 1"):
        Table((Numbers("a", np.zeros(1)),), np.arange(2))
    with pytest.raises(DataError, match="two columns are named 'a'"):
        Table((Numbers("a", np.zeros(1)), Text.of("a", ["x"])), np.arange(1))


def test_whole_numbers_as_categories_sort_as_numbers():
    assert Text.of("a", ["10", "9", "-1", "9"]).categories == ("-1", "9", "10")
    assert Text.of("a", ["10", "9", "b"]).categories == ("10", "9", "b")
    assert Text.of("a", ["07", "7"]).categories == ("07", "7")


def test_long_lists_are_cut():
    assert listed(["a", "b", "c"]) == "a, b, c"
    text = listed([f"x{i}" for i in range(100)])
    assert text.startswith("x0, x1, x2")
    assert text.endswith("x14, ... x99 (100 in all)")
