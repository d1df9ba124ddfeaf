"""CSV files: what is read, round trips, and every refusal word for word."""

import csv
import gzip
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.columns import MISSING, Numbers, Text
from chainrule.data.csv_files import parse_csv
from chainrule.data.reading import read
from chainrule.errors import DataError


def parsed(content, **options):
    return parse_csv(content.encode(), "f.csv", **options)


def refusal(content, **options):
    with pytest.raises(DataError) as caught:
        parse_csv(content if isinstance(content, bytes) else content.encode(), "f.csv", **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_numbers_text_and_booleans():
    table = parsed("age,town,member\n31,Troy,True\n-4.5e1,Ithaca,False\n.5,Troy,True\n")
    assert table.names == ("age", "town", "member")
    assert table["age"].values.tolist() == [31.0, -45.0, 0.5]
    assert table["town"].values == ["Troy", "Ithaca", "Troy"]
    assert table["member"].categories == ("False", "True")
    assert table.places.tolist() == [2, 3, 4]
    assert table.place(1) == "line 3"


@pytest.mark.parametrize("marker", sorted(MISSING))
def test_missing_values(marker):
    table = parsed(f"age,town\n31,{marker}\n{marker},Troy\n 5 , Troy \n")
    np.testing.assert_array_equal(table["age"].values, [31.0, np.nan, 5.0])
    assert table["town"].values == [None, "Troy", "Troy"]


def test_a_column_of_nothing_is_numeric():
    assert np.isnan(parsed("a,b\n1,\n2,NA\n")["b"].values).all()


def test_quotes_delimiters_and_line_ends_inside_fields():
    table = parsed('name,x\r\n"Smith, ""Jo""\nJr",1\r\n"O\'Hara",2\r\n')
    assert table["name"].values == ['Smith, "Jo"\nJr', "O'Hara"]
    assert table.places.tolist() == [2, 4]


@pytest.mark.parametrize(
    "text",
    ["a;b\n1,5;u\n2,25;v\n", "a\tb\n1.5\tu\n2.25\tv\n", "a\tb\n1,5\tu\n2,25\tv\n", "a;b\n1.5;u\n2.25;v"],
)
def test_semicolons_and_tabs(text):
    table = parsed(text)
    assert table["a"].values.tolist() == [1.5, 2.25]
    assert table["b"].values == ["u", "v"]


def test_a_decimal_comma_is_no_number_between_commas():
    assert parsed('a,b\n"1,5",2\n"2,5",3\n')["a"].values == ["1,5", "2,5"]


def test_byte_order_mark_blank_lines_and_other_scripts():
    table = parse_csv("\n\ufeffgröße,x\n\n1,α\n   \n2,β\n\n".replace("\n\ufeff", "\ufeff").encode(), "f.csv")
    assert table.names == ("größe", "x")
    assert table["x"].values == ["α", "β"]
    assert table.places.tolist() == [3, 5]


def test_python_spellings_of_numbers_are_text():
    assert parsed("a,b\n1_000,x\n2_000,y\n")["a"].values == ["1_000", "2_000"]


def test_columns_kept_as_text():
    table = parsed("zip,x\n01234,1\n98765,2\n", text=["zip"])
    assert table["zip"].values == ["01234", "98765"]
    assert isinstance(table["x"], Numbers)


def test_columns_without_a_name():
    assert parsed(",a,\n0,5,\n1,6,\n").names == ("unnamed 1", "a", "unnamed 3")


def test_names_that_count_up_are_names():
    assert parsed("0,1,2\n5,6,7\n").names == ("0", "1", "2")


def test_line_ends_in_the_header_and_blank_lines_above_it():
    table = parsed('  \n\n"mass\n(g)";sex\n5;F\n')
    assert table.names == ("mass\n(g)", "sex")
    assert table.places.tolist() == [5]


def test_one_column():
    np.testing.assert_array_equal(parsed('a\n1\n""\n3\n')["a"].values, [1.0, np.nan, 3.0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "f.csv: there is only a header line and no row below it"),
        ("\ufeff", "f.csv: the file is empty"),
        ('""\n" "\n', "f.csv: the file is empty"),
        (
            "a,b,c\n1,2,3\n1,2\n",
            "f.csv: line 3 has 2 fields, but the header names 3 columns (fields are separated by commas)",
        ),
        (
            "a;b\n1;2\n1;2;3\n",
            "f.csv: line 3 has 3 fields, but the header names 2 columns (fields are separated by semicolons)",
        ),
        (
            'a,b\n"x\ny",1\n5\n',
            "f.csv: line 4 has 1 field, but the header names 2 columns (fields are separated by commas)",
        ),
        ("a,b,a,b,c\n1,2,3,4,5\n", "f.csv: the header names these columns more than once: a, b"),
        (
            "5.1,3.5,1.4\n4.9,3.0,1.4\n",
            "f.csv: the first line must name the columns, but it holds only numbers (5.1, 3.5, 1.4); "
            "add a line of names above it",
        ),
        (
            "1,1\n2,3\n",
            "f.csv: the first line must name the columns, but it holds only numbers (1, 1); "
            "add a line of names above it",
        ),
        (
            'a,b\n1,2\n3,"4\n5,6\n',
            "f.csv: line 3 is not well-formed CSV (unexpected end of data); are its quotes closed?",
        ),
        (
            'a,b\n1,"2"2\n',
            "f.csv: line 2 is not well-formed CSV (',' expected after '\"'); are its quotes closed?",
        ),
        (b"a,b\n1,\xe9t\xe9\n", "f.csv: line 2 is not UTF-8 text; save the file as UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "f.csv: the text is encoded as UTF-16; save it as UTF-8"),
        (b"\x7fELF\0\0\1\2", "f.csv: this is not a text file; CSV, NPZ and IDX files can be read"),
    ],
)
def test_refusals(text, message):
    assert refusal(text) == message


def test_a_column_to_keep_as_text_must_be_there():
    assert refusal("zip,x\n1,2\n", text=["zop"]) == (
        "f.csv: there is no column 'zop'; did you mean 'zip'? The columns are: zip, x"
    )


def test_an_endless_field_is_refused():
    assert "line 2 is not well-formed CSV (field larger than" in refusal(f"a,b\n1,{'x' * 200_000}\n")


# No carriage returns: the csv writer leaves a lone one unquoted in some versions of Python.
cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12).map(str.strip)
names = st.lists(
    cells.filter(lambda name: re.search("[^\\W\\d_]", name) is not None), min_size=1, max_size=4, unique=True
)


@st.composite
def text_tables(draw):
    header = draw(names)
    rows = draw(st.lists(st.tuples(*[cells] * len(header)), min_size=1, max_size=6))
    return header, rows


@given(text_tables(), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_round_trip_of_text(table, delimiter, mark):
    header, rows = table
    # The delimiter is that of the header, so a header that looks divided by another one is not asked for.
    header = [re.sub("[,;\t]", "", name).strip() or "name" for name in header]
    header = [f"{name}{i}x" for i, name in enumerate(header)]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    raw = file.getvalue().encode("utf-8-sig" if mark else "utf-8")
    read_back = parse_csv(raw, "f.csv", text=header)
    kept = [row for row in rows if len(row) > 1 or row[0] or len(header) == 1]
    assert read_back.names == tuple(header)
    for i, name in enumerate(header):
        assert read_back[name].values == [None if row[i] in MISSING else row[i] for row in kept]


@given(st.lists(st.none() | st.floats(allow_nan=False), min_size=1, max_size=20))
def test_round_trip_of_numbers(values):
    lines = "".join(f"{'' if value is None else repr(value)},x\n" for value in values)
    column = parsed("a,b\n" + lines)["a"]
    np.testing.assert_array_equal(column.values, [np.nan if value is None else value for value in values])


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_in_one_line(raw):
    problem = None
    try:
        table = parse_csv(raw, "f.csv")
    except DataError as error:
        problem = str(error)
    if problem is None:
        assert len(table) > 0
        assert all(isinstance(column, Numbers | Text) for column in table.columns)
    else:
        assert problem.startswith("f.csv: ")
        assert "\n" not in problem


@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz", "f.data"])
def test_gzipped_or_not(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"a,b\n1,2\n") if name.endswith("gz") else b"a,b\n1,2\n")
    dataset = read(path, "b")
    assert dataset.targets == ("b",)
    assert dataset.test is None
    assert dataset.table["a"].values.tolist() == [1.0]
