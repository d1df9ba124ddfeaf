"""Estimators and pipelines as ONNX models, against their own predictions."""

import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler
from tests.bridges.test_onnx import close, run

from chainrule.bridges import to_onnx
from chainrule.errors import OptionError
from chainrule.estimators import MLPClassifier, MLPRegressor

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 4)) * [1, 5, 0.1, 30] + [0, 3, 1, -20]
NUMBERS = X @ [1, 0.2, 3, 0.01]
THREE = np.digitize(NUMBERS, np.quantile(NUMBERS, [0.3, 0.6]))


def fitted(model, y, X=X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def classifier(**options):
    return MLPClassifier(hidden_layer_sizes=(5,), max_iter=3, random_state=0, **options)


def regressor(**options):
    return MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, random_state=0, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "labels",
    [
        THREE,
        THREE.astype(np.int8),
        (THREE > 0).astype(int),
        THREE > 0,
        np.array(["low", "middle", "high"])[THREE],
        np.array(["no", "yes"], dtype=object)[(THREE > 0).astype(int)],
        THREE * 1.0,
        np.column_stack([THREE > 0, THREE > 1]).astype(int),
    ],
    ids=["three", "int8", "two", "booleans", "texts", "two objects", "floats", "several"],
)
def test_labels(labels, dtype):
    x = X.astype(dtype)
    model = fitted(classifier(), labels, x)
    found = run(to_onnx(model), X=x)
    assert list(found) == ["label", "probabilities"]
    assert found["label"].tolist() == model.predict(x).tolist()
    close(found["probabilities"], model.predict_proba(x), dtype)


@pytest.mark.parametrize(
    "options",
    [{}, {"loss": "poisson"}, {"batch_norm": True, "dropout": 0.2}, {"layer_norm": True, "activation": "prelu"}],
)
@pytest.mark.parametrize("outputs", [1, 2])
def test_regressors(options, outputs):
    y = np.abs(NUMBERS) if outputs == 1 else np.abs(np.column_stack([NUMBERS, X[:, 0]]))
    model = fitted(regressor(**options), y)
    close(run(to_onnx(model), X=X)["variable"], model.predict(X).reshape(len(X), outputs), np.float64)


SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler(),
    MinMaxScaler((-1, 2), clip=True),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False, with_scaling=False),
    "passthrough",
]


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
@pytest.mark.parametrize("columns", [1, 4])
def test_scalers(scaler, columns):
    x = X[:, :columns]
    model = fitted(Pipeline([("scaler", scaler), ("network", regressor())]), NUMBERS, x)
    far = 2 * x
    close(run(to_onnx(model), X=far)["variable"][:, 0], model.predict(far), np.float64)


def test_imputers():
    x = X.copy()
    x[::5, 0] = x[1::7, 2] = np.nan
    for imputer in (
        SimpleImputer(),
        SimpleImputer(strategy="median"),
        SimpleImputer(strategy="constant", fill_value=3),
    ):
        model = fitted(make_pipeline(imputer, StandardScaler(), regressor()), NUMBERS, x)
        close(run(to_onnx(model), X=x)["variable"][:, 0], model.predict(x), np.float64)
    marked = np.where(np.isnan(x), -1.0, x)
    model = fitted(make_pipeline(SimpleImputer(missing_values=-1), regressor()), NUMBERS, marked)
    close(run(to_onnx(model), X=marked)["variable"][:, 0], model.predict(marked), np.float64)
    x[:, 1] = np.nan
    for keep in (False, True):
        imputer = SimpleImputer(keep_empty_features=keep)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model = fitted(make_pipeline(imputer, regressor()), NUMBERS, x)
            wanted = model.predict(x)
        close(run(to_onnx(model), X=x)["variable"][:, 0], wanted, np.float64)


def frame(pandas):
    return pandas.DataFrame(
        {
            "size": X[:, 0],
            "day": np.array(["Fri", "Sat", "Sun"])[THREE],
            "age": X[:, 1],
            "floor": THREE[::-1] * 1.0,
            "unused": X[:, 3],
        }
    )


def of_columns(table, names, dtype=np.float64):
    return {
        name: table[name].to_numpy(object if table[name].dtype.kind not in "fi" else dtype)[:, np.newaxis]
        for name in names
    }


@pytest.mark.parametrize("unknown", ["ignore", "error"])
@pytest.mark.parametrize("drop", [None, "first", "if_binary"])
def test_columns_of_texts_and_numbers(unknown, drop):
    pandas = pytest.importorskip("pandas")
    table = frame(pandas)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["size", "age"]),
            ("texts", OneHotEncoder(handle_unknown=unknown, drop=drop, sparse_output=False), ["day", "floor"]),
        ]
    )
    model = fitted(Pipeline([("columns", columns), ("network", classifier())]), THREE, table)
    made = to_onnx(model)
    assert [value.name for value in made.graph.input] == ["size", "day", "age", "floor"]
    found = run(made, **of_columns(table, ["size", "day", "age", "floor"]))
    close(found["probabilities"], model.predict_proba(table), np.float64)
    other = table.assign(day=["Mon", *table["day"][1:]])
    found = run(made, **of_columns(other, ["size", "day", "age", "floor"]))["probabilities"]
    if unknown == "ignore":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            close(found, model.predict_proba(other), np.float64)
    else:
        assert np.isnan(found[0]).all()
        assert np.isfinite(found[1:]).all()


def test_columns_of_numbers_by_position():
    columns = ColumnTransformer([("a", StandardScaler(), [2, 0]), ("b", "drop", [1]), ("c", "passthrough", [3])])
    model = fitted(make_pipeline(MinMaxScaler(), columns, regressor()), NUMBERS)
    close(run(to_onnx(model), X=X)["variable"][:, 0], model.predict(X), np.float64)
    model = fitted(make_pipeline(columns, regressor()), NUMBERS)
    close(run(to_onnx(model), X=X)["variable"][:, 0], model.predict(X), np.float64)


def test_remaining_columns_and_single_precision():
    columns = ColumnTransformer([("a", StandardScaler(), [2]), ("b", "drop", [1])], remainder="passthrough")
    model = fitted(make_pipeline(columns, regressor()), NUMBERS)
    close(run(to_onnx(model), X=X)["variable"][:, 0], model.predict(X), np.float64)
    single = X.astype(np.float32)
    model = fitted(make_pipeline(StandardScaler(), MinMaxScaler(), regressor()), NUMBERS, single)
    assert model[-1].coefs_[0].dtype == np.float32
    close(run(to_onnx(model), X=single)["variable"][:, 0], model.predict(single), np.float32)


def test_categorical_features():
    pandas = pytest.importorskip("pandas")
    table = frame(pandas)
    model = fitted(regressor(categorical_features=["day", "floor"]), NUMBERS, table)
    made, names = to_onnx(model), list(table.columns)
    assert_allclose(
        run(made, **of_columns(table, names))["variable"][:, 0], model.predict(table), rtol=1e-12, atol=1e-12
    )
    other = table.assign(day=["Mon", "", *table["day"][2:]], floor=[7.0, np.nan, *table["floor"][2:]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        wanted = model.predict(other)
    assert_allclose(run(made, **of_columns(other, names))["variable"][:, 0], wanted, rtol=1e-12, atol=1e-12)


class Doubler(StandardScaler):
    """A step of one's own: a subclass may do anything."""


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (PCA(2), "the step 'step' cannot be written as ONNX: PCA is none of Pipeline"),
        (Doubler(), "the step 'step' cannot be written as ONNX: Doubler is none of"),
        (SimpleImputer(add_indicator=True), "add_indicator"),
        (OneHotEncoder(max_categories=2, sparse_output=False), "infrequent categories"),
        (Pipeline([("inner", PCA(2))]), "the step 'step.inner' cannot"),
        (ColumnTransformer([("inner", PCA(1), [0])]), "the step 'step.inner' cannot"),
    ],
)
def test_steps_that_cannot_be_written(step, message):
    model = fitted(Pipeline([("step", step), ("network", regressor())]), NUMBERS, np.round(X))
    with pytest.raises(OptionError, match=re.escape(message)):
        to_onnx(model)


def test_texts_that_do_not_reach_the_encoder():
    pandas = pytest.importorskip("pandas")
    imputer = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False))
    model = fitted(make_pipeline(ColumnTransformer([("a", imputer, ["day"])]), regressor()), NUMBERS, frame(pandas))
    with pytest.raises(OptionError, match="SimpleImputer of texts"):
        to_onnx(model)


def test_other_models_are_refused():
    from sklearn.linear_model import LinearRegression

    with pytest.raises(OptionError, match="found LinearRegression"):
        to_onnx(make_pipeline(StandardScaler(), LinearRegression()).fit(X, NUMBERS))


def test_against_the_names_of_skl2onnx():
    model = to_onnx(fitted(make_pipeline(StandardScaler(), classifier()), THREE))
    assert [value.name for value in model.graph.input] == ["X"]
    assert [value.name for value in model.graph.output] == ["label", "probabilities"]
