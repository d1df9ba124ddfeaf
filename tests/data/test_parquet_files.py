"""Parquet files: the same columns as of a CSV file, and clear errors for files that are none, damaged or too large."""

import datetime
import decimal
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.columns import Numbers, Text
from chainrule.data.parquet_files import parse_parquet
from chainrule.data.preparation import prepare
from chainrule.data.reading import read
from chainrule.errors import DataError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def written(columns, **options):
    file = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), file, **options)
    return file.getvalue()


def parsed(columns, *arguments, **options):
    return parse_parquet(written(columns, **options), "f.parquet", *arguments)


def refusal(raw, *arguments):
    with pytest.raises(DataError) as caught:
        parse_parquet(raw, "f.parquet", *arguments)
    return str(caught.value)


FLOWERS = {
    "length": [1.5, 2.5, None, 4.0],
    "count": pa.array([1, None, 3, 4], pa.int32()),
    "colour": ["red", None, "NA", " white "],
    "open": [True, False, None, True],
    "seen": [datetime.date(2020, 1, 2), None, datetime.date(2021, 3, 4), datetime.date(2020, 1, 2)],
}
TEXT = """length,count,colour,open,seen
1.5,1,red,True,2020-01-02
2.5,,,False,
,3,NA,,2021-03-04
4.0,4, white ,True,2020-01-02
"""


@pytest.mark.parametrize("options", [{}, {"compression": "zstd"}, {"row_group_size": 1}, {"data_page_version": "2.0"}])
def test_the_same_columns_as_of_a_csv_file(tmp_path, options):
    (tmp_path / "f.csv").write_text(TEXT)
    (tmp_path / "f.parquet").write_bytes(written(FLOWERS, **options))
    csv, found = read(tmp_path / "f.csv").table, read(tmp_path / "f.parquet", "open").table
    assert found.names == csv.names
    for name in csv.names:
        assert type(found[name]) is type(csv[name])
        np.testing.assert_array_equal(np.array(found[name].values), np.array(csv[name].values))
    assert found.place(2) == "row 2"


def test_the_same_preparation_as_of_a_csv_file(tmp_path):
    lines = [TEXT.splitlines()[1], "9.5,7,white,False,2021-03-04"]
    (tmp_path / "f.csv").write_text("\n".join([TEXT.splitlines()[0], *lines * 10]))
    columns = {
        "length": [1.5, 9.5] * 10,
        "count": [1, 7] * 10,
        "colour": ["red", "white"] * 10,
        "open": [True, False] * 10,
        "seen": [datetime.date(2020, 1, 2), datetime.date(2021, 3, 4)] * 10,
    }
    (tmp_path / "f").write_bytes(written(columns))
    assert prepare(read(tmp_path / "f.csv").table, "open") == prepare(read(tmp_path / "f").table, "open")


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2, None], pa.uint8()),
        pa.array([1, 2, None], pa.int64()),
        pa.array(np.array([1, 2, np.nan], np.float16)),
        pa.array([1, 2, None], pa.float32()),
        pa.array([1, 2, None], pa.decimal128(5, 2)),
        pa.array([1, 2, None]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_types_of_numbers(values):
    column = parsed({"x": values})["x"]
    assert isinstance(column, Numbers)
    np.testing.assert_array_equal(column.values, [1.0, 2.0, np.nan])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["a", None, "b"], pa.large_string()), ["a", None, "b"]),
        (pa.array(["a", None, "b"]).dictionary_encode(), ["a", None, "b"]),
        (pa.array([b"a", None, "ö".encode()]), ["a", None, "ö"]),
        (pa.array(["1", "2", "3"]), ["1", "2", "3"]),
        (pa.array([datetime.datetime(2020, 1, 2, 3, 4)], pa.timestamp("s")), ["2020-01-02 03:04:00"]),
        (pa.array([datetime.time(3, 4)], pa.time32("s")), ["03:04:00"]),
    ],
    ids=lambda part: str(part.type) if isinstance(part, pa.Array) else "",
)
def test_types_of_text(values, expected):
    column = parsed({"x": values})["x"]
    assert isinstance(column, Text)
    assert column.values == expected
    assert column.declared


def test_a_column_without_values():
    column = parsed({"x": pa.nulls(3), "y": [1, 2, 3]})["x"]
    assert np.isnan(column.values).all()


def test_decimals_and_large_integers():
    found = parsed({"x": [decimal.Decimal("1.25")], "y": [2**53 + 1]})
    assert found["x"].values.tolist() == [1.25]
    assert found["y"].values.tolist() == [2.0**53]
    assert parsed({"y": [2**53 + 1]}, ["y"])["y"].values == [str(2**53 + 1)]


def test_numbers_kept_as_text():
    found = parsed({"code": [7, None, 10], "x": [0.5, 1.0, None]}, ["code", "x"])
    assert found["code"].values == ["7", None, "10"]
    assert found["x"].values == ["0.5", "1", None]
    assert found["code"].declared
    assert found["x"].declared
    assert "no column 'kode'; did you mean 'code'?" in refusal(written({"code": [1]}), ["kode"])


def test_names():
    found = parsed(pa.table([[1], [2], [3]], names=["", " b ", "__index_level_0__"]))
    assert found.names == ("unnamed 1", "b", "unnamed 3")
    raw = written(pa.table([[1], [2]], names=["a", " a"]))
    assert refusal(raw) == "f.parquet: these columns stand in the file more than once: a"


def test_frames_of_pandas(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {"kind": pd.Categorical(["a", "b", None]), "x": pd.array([1, None, 3], "Int64")}, index=[5, 7, 9]
    )
    frame.to_parquet(tmp_path / "f.parquet")
    found = read(tmp_path / "f.parquet").table
    assert found.names == ("kind", "x", "unnamed 3")
    assert found["kind"].values == ["a", "b", None]
    np.testing.assert_array_equal(found["x"].values, [1.0, np.nan, 3.0])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([[1.0], [2.0]]), "list<element: double>"),
        (pa.array([{"a": 1}, {"a": 2}]), "struct<a: int64>"),
        (pa.array([b"\xff", b"a"]), "binary cannot be text"),
    ],
    ids=str,
)
def test_types_that_cannot_be_used(values, kind):
    message = refusal(written({"x": values}))
    assert message.startswith("f.parquet: the column 'x' ")
    assert kind in message


def test_files_that_are_none(tmp_path):
    assert refusal(b"a,b\n1,2\n") == "f.parquet: this is not a Parquet file"
    assert refusal(b"PAR1").startswith("f.parquet: the Parquet file is damaged or truncated")
    assert "no rows (its columns are x)" in refusal(written({"x": pa.array([], pa.int64())}))
    assert "no columns" in refusal(written(pa.table({})))
    assert "encrypted" in refusal(b"PARE" + bytes(8) + b"PARE")
    path = tmp_path / "f.pq"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="this is not a Parquet file"):
        read(path)


def test_truncated_anywhere(tmp_path):
    raw = written(FLOWERS)
    path = tmp_path / "f"
    for length in range(4, len(raw) - 1, 7):
        message = refusal(raw[:length])
        assert "truncated" in message
        path.write_bytes(raw[:length])
        with pytest.raises(DataError):
            read(path)


@given(data=st.data())
def test_damaged_bytes(data):
    raw = bytearray(written(FLOWERS, compression=data.draw(st.sampled_from(["none", "snappy", "gzip"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        table = parse_parquet(bytes(raw), "f.parquet")
    except DataError:
        return
    assert all(len(table[name]) == len(table) for name in table.names)


def test_more_rows_than_there_is_memory_for(monkeypatch):
    from chainrule.data import parquet_files

    raw = written({"x": np.zeros(100_000), "y": np.zeros(100_000)})
    monkeypatch.setattr(parquet_files, "memory", lambda: 1_599_999)
    assert "announces 100,000 rows of 2 columns, more than there is memory for" in refusal(raw)
    monkeypatch.setattr(parquet_files, "memory", lambda: 1_600_000)
    assert len(parse_parquet(raw, "f.parquet")) == 100_000
