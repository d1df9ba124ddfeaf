"""Preparation: features, targets, predictions, what is left out, and every refusal word for word."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Preparation, Table, prepare
from chainrule.data.csv_files import parse_csv
from chainrule.data.features import OneHot, Scaling
from chainrule.data.targets import ClassTarget, NumberTarget
from chainrule.errors import DataError, OptionError

RNG = np.random.default_rng(0)
TEXT = """island,mass,sex,species
Biscoe,3000,F,Gentoo
Dream,4000,M,Adelie
Biscoe,5000,M,Gentoo
Dream,4000,F,Chinstrap
"""


def csv_table(content=TEXT, **options):
    return parse_csv(content.encode(), "f.csv", **options)


def refusal(call, *arguments, error=DataError, **options):
    with pytest.raises(error) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def column(values, other="y"):
    """Write a file with one column x of these cells and a target."""
    return csv_table("x,y\n" + "".join(f"{value},{i % 3}.5\n" for i, value in enumerate(values)))


# Features


def test_features_and_their_names():
    table = csv_table()
    preparation = prepare(table, "species")
    assert preparation.feature_names == ("island=Biscoe", "island=Dream", "mass", "sex=F", "sex=M")
    assert preparation.input_names == ("island", "mass", "sex")
    assert preparation.text_columns == ("island", "sex")
    assert preparation.target_names == ("species",)
    root = np.sqrt(2)
    expected = [[1, 0, -root, 1, 0], [0, 1, 0, 0, 1], [1, 0, root, 0, 1], [0, 1, 0, 1, 0]]
    np.testing.assert_allclose(preparation.inputs(table), expected, atol=1e-15)
    assert preparation.notes == ()
    assert preparation.report(table) == ()
    assert str(preparation) == (
        "3 input columns (1 numeric; 2 text: island (2), sex (2)), 5 features\n"
        "target: species, 3 classes: Adelie, Chinstrap, Gentoo"
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype(dtype):
    preparation = prepare(csv_table(), "species")
    assert preparation.inputs(csv_table(), dtype).dtype == dtype
    assert preparation.targets(csv_table(), dtype).dtype == dtype
    numeric = prepare(csv_table(), "mass")
    assert numeric.targets(csv_table(), dtype).dtype == dtype


def test_constant_columns_become_zero():
    table = Table.of({"a": [7.0, 7.0, 7.0], "b": [0.1 + 0.2, 0.3, 0.3], "y": [1.0, 2.5, 3.0]})
    features = prepare(table, "y").inputs(table)
    np.testing.assert_allclose(features, 0, atol=1e-15)
    later = Table.of({"a": [9.0], "b": [0.3]})
    assert prepare(table, "y").inputs(later)[0, 0] == 2.0


def test_only_the_training_rows_teach():
    table = csv_table()
    training = prepare(table, "mass").relearned(table.take([0, 2]))
    assert training.target == NumberTarget(("mass",), (4000.0,), (1000.0,))
    assert training.feature_names == ("island=Biscoe", "sex=F", "sex=M", "species=Gentoo")


def test_relearning_keeps_what_was_decided():
    rows = "".join(f"{i % 3},{'' if i < 20 else 5 + i % 2},name {i}\n" for i in range(40))
    table = csv_table("y,late,name\n" + rows)
    whole = prepare(table, "y", impute=True)
    assert whole.classes == ("0", "1", "2")
    assert [column.name for column in whole.left_out] == ["name"]
    part = csv_table("y,late,name,more\n" + "".join(row + ",1\n" for row in rows.split("\n")[:20]))
    again = whole.relearned(part.take([0, 1, 2]))
    assert again.classes == ("0", "1", "2")
    assert again.notes == (
        "column 'name' is left out: it holds 40 different values in 40 rows (such as 'name 0'), "
        "too many for categories",
        "column 'late' is left out: every value is missing",
    )


def test_pixels_share_one_scale():
    images = RNG.integers(0, 255, (40, 5, 5)).astype(np.uint8)
    images[:, 0] = 0
    images[3, 0, 0] = 1
    table = Table.of({"X": images, "y": np.arange(40) % 4})
    preparation = prepare(table, "y")
    (scaling,) = preparation.features
    assert len(scaling.means) == len(scaling.scales) == 1
    features = preparation.inputs(table)
    assert np.abs(features).max() < 3
    np.testing.assert_allclose([features.mean(), features.std()], [0, 1], atol=1e-6)


def test_pixels_in_a_text_file_share_one_scale():
    pixels = RNG.integers(0, 256, (30, 20))
    pixels[:, 0] = 0
    pixels[4, 0] = 1
    header = "label," + ",".join(f"pixel{i}" for i in range(20))
    rows = "".join(f"{i % 3},{','.join(map(str, row))}\n" for i, row in enumerate(pixels))
    table = csv_table(f"{header}\n{rows}")
    preparation = prepare(table, "label")
    assert [len(feature.means) for feature in preparation.features] == [1]
    np.testing.assert_allclose(preparation.inputs(table), (pixels - pixels.mean()) / pixels.std())
    arrays = Table.of({"pixel": pixels, "label": np.arange(30) % 3})
    np.testing.assert_allclose(preparation.inputs(arrays), preparation.inputs(table))


def test_columns_of_an_array_with_different_units_have_their_own_scales():
    values = RNG.normal(size=(50, 20)) * np.logspace(-3, 3, 20)
    table = Table.of({"X": values, "y": RNG.normal(size=50)})
    np.testing.assert_allclose(prepare(table, "y").inputs(table).std(axis=0), 1)


@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=8, unique=True))
def test_standardised_numbers_and_back(values):
    table = Table.of({"x": values, "y": values})
    preparation = prepare(table, "y", kind="numbers")
    features = preparation.inputs(table)
    assert np.all(np.isfinite(features))
    assert np.all(np.abs(features) < 10)
    back = preparation.decode(preparation.targets(table))
    np.testing.assert_allclose(back[:, 0], values, rtol=1e-9, atol=1e-9 * np.abs(values).max())


# Targets


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["b", "a", "b", "c"], ("a", "b", "c")),
        ([True, False, True, True], ("False", "True")),
        ([1, 0, 1, 1], ("0", "1")),
        ([-1.0, 1.0, -1.0, 1.0], ("-1", "1")),
        ([0, 1], ("0", "1")),
        (list(range(10)) * 2, tuple(map(str, range(10)))),
        ([1, 2, 3, 4], None),
        (list(range(21)) * 5, None),
        ([0.5, 1.5, 0.5, 1.5], None),
        ([3.5, 2.0, 1.0, 7.0], None),
    ],
)
def test_the_kind_is_decided_from_the_values(values, classes):
    table = Table.of({"x": np.arange(len(values)), "y": values})
    assert prepare(table, "y").classes == classes


def test_the_kind_can_be_asked_for():
    ratings = Table.of({"x": np.arange(6), "y": [3, 4, 3, 5, 5, 4]})
    assert prepare(ratings, "y").classes == ("3", "4", "5")
    assert prepare(ratings, "y", kind="numbers").classes is None
    halves = Table.of({"x": np.arange(4), "y": [0.5, 1.0, 0.5, 1.0]})
    assert prepare(halves, "y", kind="classes").classes == ("0.5", "1")
    assert refusal(prepare, ratings, "y", kind="class", error=OptionError) == (
        "kind is 'class'; it must be 'classes', 'numbers' or None"
    )
    assert refusal(prepare, ratings, ("x", "y"), kind="classes", error=OptionError) == (
        "classes can be learned from one target column, not from 2"
    )


def test_two_classes():
    table = Table.of({"x": [1.0, 2.0, 3.0], "y": ["no", "yes", "no"]})
    preparation = prepare(table, "y")
    assert preparation.targets(table).tolist() == [[0.0], [1.0], [0.0]]
    assert preparation.class_codes(table).tolist() == [0, 1, 0]
    outputs = np.array([[0.2], [0.7], [0.5]])
    assert preparation.decode(outputs).tolist() == ["no", "yes", "no"]
    np.testing.assert_allclose(preparation.probabilities(outputs), [[0.8, 0.2], [0.3, 0.7], [0.5, 0.5]])
    assert preparation.decode([[0.9, 0.1], [0.2, 0.8]]).tolist() == ["no", "yes"]


def test_more_classes():
    table = csv_table()
    preparation = prepare(table, "species")
    assert preparation.targets(table).tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert preparation.decode(preparation.targets(table)).tolist() == [
        "Gentoo",
        "Adelie",
        "Gentoo",
        "Chinstrap",
    ]
    assert refusal(preparation.decode, [[1.0, 0.0]]) == "the outputs have shape (1, 2); (rows, 3) is needed"
    assert refusal(preparation.probabilities, [1.0, 0.0]) == "the outputs have shape (2,); (rows, 3) is needed"


def test_several_targets():
    table = Table.of({"x": [1, 2, 3, 4], "u": [1, 0, 1, 0], "v": [10.0, 20.0, 30.0, 40.0]})
    preparation = prepare(table, ["v", "u"])
    assert preparation.target_names == ("v", "u")
    targets = preparation.targets(table)
    assert targets.shape == (4, 2)
    np.testing.assert_allclose(targets.std(axis=0), 1)
    np.testing.assert_allclose(preparation.decode(targets)[:, 0], [10, 20, 30, 40])
    assert preparation.classes is preparation.class_codes(table) is preparation.probabilities(targets) is None
    assert str(preparation) == "1 input column (1 numeric), 1 feature\ntarget: v, u, numbers"


def test_a_class_that_was_not_learned():
    preparation = prepare(csv_table(), "species")
    later = csv_table("species\nAdelie\nEmperor\n")
    assert refusal(preparation.targets, later) == (
        "f.csv: line 3, target 'species': 'Emperor' is none of the classes that were learned "
        "(Adelie, Chinstrap, Gentoo)"
    )


@pytest.mark.parametrize(
    ("text", "targets", "message"),
    [
        (
            TEXT,
            (),
            "f.csv: name the target column, the one to predict (--target COLUMN). "
            "The columns are: island, mass, sex, species",
        ),
        (
            TEXT,
            "specie",
            "f.csv: there is no target column 'specie'; did you mean 'species'? "
            "The columns are: island, mass, sex, species",
        ),
        ("x,y\n1,2\n", "y", "f.csv: 1 row is too few to learn from; at least 2 are needed"),
        ("y\n1\n2\n", "y", "f.csv: there are no input columns beside the target y"),
        (
            "x,y\n1,a\n2,a\n3,a\n",
            "y",
            "f.csv: the target 'y' is 'a' in all 3 rows; at least two classes, or numbers that differ, are needed",
        ),
        (
            "x,y\n1,2.5\n2,2.5\n",
            "y",
            "f.csv: the target 'y' is 2.5 in all 2 rows; at least two classes, or numbers that differ, are needed",
        ),
        (
            "x,y\n1,a\n2,\n3,b\n4,NA\n",
            "y",
            "f.csv: the target 'y' is missing in 2 of 4 rows (lines 3, 5); remove these rows",
        ),
        (
            "x,y\n1,1.5\n2,\n3,2\n",
            "y",
            "f.csv: the target 'y' is missing in 1 of 3 rows (line 3); remove these rows",
        ),
        (
            "x,y\n" + "1,\n" * 7 + "1,2\n",
            "y",
            "f.csv: the target 'y' is missing in 7 of 8 rows (lines 2, 3, 4, 5, 6, ...); remove these rows",
        ),
        (
            TEXT,
            ["mass", "sex"],
            "f.csv: the target 'sex' holds text ('F', 'M'); where there are several targets, "
            "every target column must be numeric",
        ),
        (
            "x,y\n1,1.5\n2,inf\n3,2\n",
            "y",
            "f.csv: line 3, column 'y': the value is infinite; correct or remove it",
        ),
        (
            "x,y\n1,1.5\n-inf,2.5\n3,2\n",
            "y",
            "f.csv: line 3, column 'x': the value is infinite; correct or remove it",
        ),
        (
            "x,y\n1,1.5\n2e307,2.5\n3,2\n",
            "y",
            "f.csv: line 3, column 'x': the value is too large (2e+307); correct or remove it",
        ),
        (
            "x,y\n" + "".join(f"{i},name {i}\n" for i in range(30)),
            "y",
            "f.csv: the target 'y' has no classes to learn: it holds 30 different values in 30 rows "
            "(such as 'name 0'), too many for categories",
        ),
        (
            "x,y\n" + "".join(f"{i},{i}.5\n" for i in range(30)) + "31,abc\n",
            "y",
            "f.csv: line 32, column 'y': text in a numeric column: 'abc', while 30 cells are numbers; "
            "correct the text, or leave the cell empty if the value is missing",
        ),
        (
            "x,y\nNA,1.5\nNA,2.5\n",
            "y",
            "f.csv: no input column can be used (x: every value is missing)",
        ),
        (
            "x,z,y\n1,a,1.5\n,,2.5\nNA,b,2\n",
            "y",
            "f.csv: values are missing in the input columns x (2), z (1); train with --impute (impute=True) "
            "to fill in the mean or the most frequent text, or remove these rows or columns",
        ),
    ],
)
def test_refusals(text, targets, message):
    assert refusal(prepare, csv_table(text), targets) == message


def test_text_for_numbers():
    assert refusal(prepare, csv_table(), "sex", kind="numbers") == (
        "f.csv: the target 'sex' holds text ('F', 'M'); for numbers, every target column must be numeric"
    )


# Text in numeric columns, and texts that are no categories


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            [*range(40), "abc"],
            "f.csv: line 42, column 'x': text in a numeric column: 'abc', while 40 cells are numbers; "
            "correct the text, or leave the cell empty if the value is missing",
        ),
        (
            [1.5, 2.5, "1.5.3", 3.5, 4.5],
            "f.csv: line 4, column 'x': text in a numeric column: '1.5.3', while 4 cells are numbers; "
            "correct the text, or leave the cell empty if the value is missing",
        ),
        (
            ["unknown", *range(30), *["unknown"] * 9, "none"],
            "f.csv: line 2, column 'x': text in a numeric column: 'unknown', and 10 more such cells, "
            "while 30 cells are numbers; correct the text, or leave the cell empty if the value is missing",
        ),
    ],
)
def test_text_in_a_numeric_column(cells, message):
    assert refusal(prepare, column(cells), "y") == message


@pytest.mark.parametrize("cells", [["4", "6", "8", "rotary"] * 5, ["1", "2", "2", "1", "1", "2", "3+"]])
def test_a_few_numbers_among_texts_are_categories(cells):
    assert prepare(column(cells), "y").text_columns == ("x",)


def test_declared_text_is_no_mistake():
    rows = "".join(f"{i % 20},{i % 7}.5\n" for i in range(60))
    table = csv_table(f"x,y\n{rows}AB,1.5\n", text=["x"])
    assert len(prepare(table, "y").feature_names) == 21


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (
            [f"A/5 {i}" for i in range(60)] + ["PC 1"] * 5,
            "it holds 61 different values in 65 rows (such as 'A/5 0'), too many for categories",
        ),
        (
            [f"name {i}" for i in range(10)],
            "it holds 10 different values in 10 rows (such as 'name 0'), too many for categories",
        ),
        (
            [f"{'long ' * 10}{i}" for i in range(12)],
            "it holds 12 different values in 12 rows (such as 'long long long long long long long lo...'), "
            "too many for categories",
        ),
        (
            [f"t{i % 1001}" for i in range(5000)],
            "it holds 1001 different values in 5000 rows (such as 't0'), too many for categories",
        ),
        ([""] * 12, "every value is missing"),
    ],
)
def test_columns_left_out(cells, reason):
    rows = "".join(f"{cell},{i % 5},{i % 3}.5\n" for i, cell in enumerate(cells))
    table = csv_table("x,z,y\n" + rows)
    preparation = prepare(table, "y")
    assert preparation.input_names == ("z",)
    assert preparation.notes == (f"column 'x' is left out: {reason}",)
    assert preparation.report(table) == ()
    assert preparation.inputs(table.without(["x"])).shape == (len(cells), 1)


@pytest.mark.parametrize("cells", [[f"t{i}" for i in range(9)], [f"t{i % 50}" for i in range(60)], ["a", "b"] * 9])
def test_columns_kept(cells):
    assert prepare(column(cells), "y").text_columns == ("x",)


def test_a_nameless_row_counter_is_left_out():
    rows = "".join(f"{i},{i % 4},{i % 3}.5\n" for i in range(12))
    preparation = prepare(csv_table(f",x,y\n{rows}"), "y")
    assert preparation.notes == ("column 'unnamed 1' is left out: it has no name and only counts the rows",)
    assert prepare(csv_table(f"id,x,y\n{rows}"), "y").input_names == ("id", "x")
    assert prepare(csv_table(f",x,y\n{rows}7,1,1.5\n"), "y").input_names == ("unnamed 1", "x")


# Missing values


def test_imputation_by_the_training_rows():
    table = csv_table("x,t,y\n1,a,1.5\n,b,2\n3,b,3\n5,,2\n")
    preparation = prepare(table, "y", impute=True)
    scaling, one_hot = preparation.features
    assert scaling.means == (3.0,)
    assert one_hot.frequent == "b"
    features = preparation.inputs(table)
    assert features[1, 0] == 0
    assert features[3].tolist()[1:] == [0.0, 1.0]
    assert preparation.report(table) == (
        "column 'x': 1 missing value filled with the mean 3",
        "column 't': 1 missing value filled with 'b'",
    )
    later = csv_table("x,t\n,\n,\n7,a\n")
    assert preparation.inputs(later)[:2].tolist() == [[0, 0, 1], [0, 0, 1]]
    assert preparation.report(later)[0] == "column 'x': 2 missing values filled with the mean 3"


def test_imputation_in_blocks():
    values = RNG.normal(size=(20, 3))
    values[2, 1] = np.nan
    table = Table.of({"X": values, "y": np.arange(20) + 0.5})
    assert "input columns x1 (1); train with --impute" in refusal(prepare, table, "y")
    preparation = prepare(table, "y", impute=True)
    assert preparation.inputs(table)[2, 1] == 0
    assert preparation.report(table) == (
        f"column 'x1': 1 missing value filled with the mean {np.nanmean(values[:, 1]):.6g}",
    )


# Prediction


def test_columns_in_another_order_extra_and_unseen():
    preparation = prepare(csv_table(), "species")
    later = csv_table("note,sex,mass,island\nhm,M,4000,Biscoe\nhm,X,4000,Torgersen\nhm,M,4000,Torgersen\n")
    np.testing.assert_array_equal(preparation.inputs(later), [[1, 0, 0, 0, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    assert preparation.report(later) == (
        "columns ignored, because they were not there in training: note",
        "column 'island': not seen in training, so none of its categories: 'Torgersen' (2 rows)",
        "column 'sex': not seen in training, so none of its categories: 'X' (1 row)",
    )


def test_columns_that_are_not_there():
    preparation = prepare(csv_table(), "species")
    assert refusal(preparation.inputs, csv_table("island,Mass,sex\nDream,1,F\n")) == (
        "f.csv: there is no input column 'mass'; did you mean 'Mass'? The columns are: island, Mass, sex"
    )
    assert refusal(preparation.report, csv_table("a,sex\n1,F\n")) == (
        "f.csv: 2 input columns are not there: island, mass. The columns are: a, sex"
    )
    assert refusal(preparation.targets, csv_table("a,sex\n1,F\n")) == (
        "f.csv: there is no column 'species'. The columns are: a, sex"
    )


def test_values_that_cannot_be_used():
    preparation = prepare(csv_table(), "species")
    for method in (preparation.inputs, preparation.report):
        assert refusal(method, csv_table("island,mass,sex\nDream,4000,F\nDream,heavy,F\n")) == (
            "f.csv: line 3, column 'mass': text in a numeric column: 'heavy'; "
            "correct it, or leave it empty if the value is missing"
        )
        assert "line 2, column 'mass': the value is infinite" in refusal(
            method, csv_table("island,mass,sex\nDream,inf,F\nDream,1,F\n")
        )
        assert "values are missing in the input columns sex (1); train with --impute" in refusal(
            method, csv_table("island,mass,sex\nDream,4000,\nDream,1,F\n")
        )


def test_infinities_in_single_precision_are_found():
    values = np.ones((3, 2), dtype=np.float32)
    values[1, 1] = -np.inf
    table = Table.of({"X": values, "y": [1.5, 2.5, 3.5]})
    assert "the table: row 1, column 'x1': the value is infinite" in refusal(prepare, table, "y")


def test_texts_that_look_like_numbers_in_the_file_to_predict():
    preparation = prepare(csv_table("size,y\n1,1.5\n2,2.5\nXL,2\n", text=["size"]), "y")
    later = csv_table("size\n2\n1\n")
    assert preparation.inputs(later).tolist() == [[0, 1, 0], [1, 0, 0]]
    padded = csv_table("size\n02\n", text=preparation.text_columns)
    assert preparation.report(padded) == (
        "column 'size': not seen in training, so none of its categories: '02' (1 row)",
    )


def test_numbers_kept_as_text_are_numbers_for_a_numeric_column():
    preparation = prepare(csv_table(), "species")
    later = csv_table("island,mass,sex\nDream,4000,F\n", text=["mass"])
    assert preparation.inputs(later)[0, 2] == 0


# Descriptions


def test_types():
    preparation = prepare(csv_table(), "species")
    assert isinstance(preparation, Preparation)
    assert isinstance(preparation.features[0], OneHot)
    assert isinstance(preparation.features[1], Scaling)
    assert isinstance(preparation.target, ClassTarget)
    assert prepare(csv_table(), "species") == preparation
    assert hash(preparation) == hash(prepare(csv_table(), "species"))
