"""Categorical columns of arrays and data frames: what is learned, encoded, refused and warned of."""

import json
import pickle
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from chainrule import grad
from chainrule.errors import ModelFileError
from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.estimators.categories import Columns, length

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

COUNT = 200
RNG = np.random.default_rng(0)
AGE, TOWN = RNG.normal(size=COUNT), RNG.choice(["Lima", "Oslo", "Rome"], COUNT)
VIP, GRADE = RNG.random(COUNT) < 0.3, RNG.choice(["a", "b"], COUNT)
#: Whether somebody is of Rome or else a VIP: nothing a number of the town tells.
Y = np.where((TOWN == "Rome") ^ VIP, "yes", "no")


def table(**others):
    columns = {"town": TOWN, "age": AGE, "vip": VIP, "grade": pd.Categorical(GRADE, categories=["a", "b", "c"])}
    return pd.DataFrame(columns | others)


def objects():
    """The same columns without a frame."""
    return np.column_stack([part.astype(object) for part in (TOWN, AGE, VIP, GRADE)])


def classifier(**settings):
    given = {"categorical_features": "from_dtype", "learning_rate_init": 0.02, "max_iter": 60, "random_state": 0}
    return MLPClassifier((10,), **(given | settings))


def same(a, b, X):
    return np.array_equal(a.predict_proba(X), b.predict_proba(X))


# What is learned.


def test_columns_of_a_frame_by_their_dtype():
    X = table()
    model = classifier().fit(X, Y)
    assert model.score(X, Y) == 1.0
    assert model.is_categorical_.tolist() == [True, False, True, True]
    assert model.n_features_in_ == 4
    assert model.feature_names_in_.tolist() == ["town", "age", "vip", "grade"]
    # One vector more in each column, for missing values.
    assert [x.shape for x in model._others[0].values()] == [(4, 3), (3, 3), (4, 3)]
    assert model.coefs_[0].shape == (10, 10)


@pytest.mark.parametrize("dtype", [object, "str", "category", "string"])
def test_every_dtype_of_text(dtype):
    X = table(town=pd.Series(TOWN).astype(dtype))
    assert same(classifier().fit(X, Y), classifier().fit(table(), Y), X)


def test_names_indices_and_masks_are_the_same():
    X = table()
    found = classifier().fit(X, Y)
    for asked in (["town", "vip", "grade"], ["grade", "town", "vip"], [0, 2, 3], [True, False, True, True]):
        for given in (asked, np.array(asked)):
            assert same(found, classifier(categorical_features=given).fit(X, Y), X)


def test_arrays_of_objects_and_lists():
    X = objects()
    model = classifier(categorical_features=[0, 2, 3]).fit(X, Y)
    assert model.score(X, Y) == 1.0
    assert same(model, classifier(categorical_features=[0, 2, 3]).fit(X.tolist(), Y), X)
    assert same(model, model, X.tolist())


def test_columns_of_numbers():
    X = np.column_stack([AGE, np.unique(TOWN, return_inverse=True)[1] * 7.0 - 7, VIP])
    model = classifier(categorical_features=[1, 2]).fit(X, Y)
    assert model.score(X, Y) == 1.0
    assert [column.values for column in model._columns.categories] == [(-7.0, 0.0, 7.0), (0.0, 1.0)]


def test_codes_do_not_depend_on_the_order_of_the_rows():
    X, back = table(), np.arange(COUNT)[::-1]
    models = [classifier(shuffle=False, batch_size=COUNT).fit(*data) for data in ((X, Y), (X.iloc[back], Y[back]))]
    assert np.allclose(models[0].predict_proba(X), models[1].predict_proba(X), atol=1e-6)


def test_frames_of_polars():
    pl = pytest.importorskip("polars")
    X = pl.DataFrame({"town": TOWN, "age": AGE, "vip": VIP, "grade": GRADE})
    X = X.with_columns(pl.col("grade").cast(pl.Enum(["a", "b", "c"])))
    assert same(classifier().fit(X, Y), classifier().fit(table(), Y), X)
    # Its Categorical knows what other columns of the process hold, so that it declares nothing.
    X = X.with_columns(pl.col("grade").cast(pl.String).cast(pl.Categorical))
    assert classifier().fit(X, Y)._columns.categories[2].values == ("a", "b")
    X = X.with_columns(pl.when(pl.col("town") == "Oslo").then(None).otherwise(pl.col("town")).alias("town"))
    model = classifier().fit(X, Y)
    assert model._columns.categories[0].seen == (True, True, True)
    with pytest.raises(ValueError, match=r"NaN in the column 'age' \(200 rows\)"):
        model.predict(X.with_columns(pl.lit(None).cast(pl.Float64).alias("age")))


def test_no_column_is_categorical():
    X = table()[["age"]]
    plain = MLPClassifier((10,), learning_rate_init=0.02, max_iter=60, random_state=0).fit(X, Y)
    assert plain.is_categorical_ is None
    for asked in ("from_dtype", [], [False]):
        assert same(plain, classifier(categorical_features=asked).fit(X, Y), X)
    # An array has one dtype for all columns, so that no column stands out.
    assert classifier().fit(X.to_numpy(), Y).is_categorical_ is None


def test_all_columns_are_categorical():
    X = table()[["town", "vip"]]
    model = classifier().fit(X, Y)
    assert model.score(X, Y) == 1.0
    assert model.input_gradient(X).shape == (COUNT, 0)


def test_float32_is_kept():
    model = classifier().fit(table(age=AGE.astype(np.float32)), Y)
    assert {x.dtype for x in (*model.coefs_, *model._others[0].values())} == {np.dtype(np.float32)}


def test_vectors_depend_on_the_random_state_and_shrink_with_alpha():
    X = table()
    a, b = (classifier(random_state=k, max_iter=1).fit(X, Y)._others[0]["vectors1"] for k in (0, 1))
    assert not np.allclose(a[1:], b[1:])
    norms = [np.linalg.norm(classifier(alpha=k).fit(X, Y)._others[0]["vectors1"]) for k in (0, 10)]
    assert norms[1] < norms[0] / 2


def test_lengths_of_vectors():
    assert [length(count) for count in (2, 3, 1_000, 10**6)] == [2, 3, 77, 600]


@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])
@pytest.mark.parametrize("options", [{}, {"dropout": 0.1}, {"batch_norm": True}, {"layer_norm": True}])
def test_every_solver_and_layer(solver, options):
    if solver == "lbfgs" and {"dropout", "batch_norm"} & set(options):
        pytest.skip("refused")
    X = table()
    model = classifier(solver=solver, max_iter=30, **options).fit(X, Y)
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_regressor():
    X = table()
    y = AGE + 2 * (TOWN == "Oslo")
    model = MLPRegressor(hidden_layer_sizes=(10,), categorical_features=["town"], solver="lbfgs", random_state=0)
    assert model.fit(X[["age", "town"]], y).score(X[["age", "town"]], y) > 0.99


# Missing and unknown categories.


def test_missing_values_have_a_vector_of_their_own_where_there_are_some():
    without = np.where(np.arange(COUNT) % 2, TOWN, None)
    X = table(town=without)
    y = np.array([town is None for town in without])
    model = classifier().fit(X, y)
    assert model.score(X, y) == 1.0
    assert model._others[0]["vectors1"][0].any()
    for missing in (None, np.nan, pd.NA, pd.NaT, float("nan")):
        assert model.predict(table(town=pd.Series([missing] * COUNT, dtype=object))).all()


def test_what_the_fit_had_not_says_nothing_and_is_warned_of():
    X = table()
    model = classifier().fit(X, Y)
    with pytest.warns(UserWarning, match=r"column 'town' has missing values \(200 rows\), of which the fit had none"):
        missing = model.predict_proba(table(town=None))
    with pytest.warns(UserWarning, match=r"column 'town' has unknown categories.*: 'Bonn' \(200 rows\)"):
        unknown = model.predict_proba(table(town="Bonn"))
    assert np.array_equal(missing, unknown)
    # As where all entries of a one-hot column are zero: the vector is.
    assert not model._others[0]["vectors1"][0].any()
    assert not np.array_equal(missing, model.predict_proba(table(town="Rome")))


def test_a_declared_category_without_examples_says_nothing_and_needs_no_warning():
    model = classifier().fit(table(), Y)
    assert not model._others[0]["vectors3"][3].any()
    grade = pd.Categorical(["c"] * COUNT, categories=["c"])
    with pytest.warns(UserWarning, match="'vip' has missing values"):
        without = model.predict_proba(table(grade=grade, vip=None))
    assert np.isfinite(without).all()


def test_category_dtypes_in_another_order():
    X = table()
    model = classifier().fit(X, Y)
    turned = table(grade=pd.Categorical(GRADE, categories=["z", "b", "a"]))
    assert same(model, model, turned)
    assert np.array_equal(model.predict_proba(turned), model.predict_proba(X))


# In use.


def test_partial_fit_knows_what_the_first_call_or_the_dtype_had():
    X = table()
    model = classifier()
    first = X[X.town != "Rome"]
    model.partial_fit(first, Y[X.town != "Rome"], classes=["no", "yes"])
    with pytest.raises(ValueError, match=r"column 'town' has categories that the first call had not: 'Rome' \(\d+ row"):
        model.partial_fit(X, Y)
    declared = table(town=pd.Categorical(TOWN, categories=["Bonn", "Lima", "Oslo", "Rome"]))
    model = classifier()
    model.partial_fit(declared[X.town != "Rome"], Y[X.town != "Rome"], classes=["no", "yes"])
    assert not model._others[0]["vectors1"][4].any()
    for _ in range(60):
        model.partial_fit(declared, Y)
    assert model.score(declared, Y) == 1.0
    assert model._others[0]["vectors1"][4].any()
    assert not model._others[0]["vectors1"][1].any()


def test_missing_values_that_a_later_call_brings_are_learned():
    model = classifier().partial_fit(table(), Y, classes=["no", "yes"])
    model.partial_fit(table(town=None), Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(table(town=None))


def test_warm_start_goes_on():
    X = table()
    model = classifier(warm_start=True, max_iter=5).fit(X, Y)
    before = model.loss_
    assert model.fit(X, Y).loss_ < before
    with pytest.raises(ValueError, match="'Bonn'"):
        model.fit(table(town="Bonn"), Y)


def test_pipelines_searches_clones_and_pickles():
    X = table(age=np.where(AGE > 2, np.nan, AGE))
    model = make_pipeline(FunctionTransformer(_filled), classifier())
    search = GridSearchCV(model, {"mlpclassifier__hidden_layer_sizes": [(5,), (10,)]}, cv=3, n_jobs=2)
    assert search.fit(X, Y).best_score_ > 0.9
    fitted = classifier().fit(table(), Y)
    assert same(fitted, pickle.loads(pickle.dumps(fitted)), table())
    assert clone(fitted).get_params() == fitted.get_params()
    assert np.min(cross_val_score(classifier(), table(), Y, cv=3)) > 0.9


def _filled(X):
    return X.assign(age=X["age"].fillna(0.0))


def test_a_run_that_goes_on_from_a_checkpoint(tmp_path):
    X = table()
    whole = classifier(max_iter=8).fit(X, Y)
    classifier(max_iter=3, checkpoint=tmp_path / "run").fit(X, Y)
    found = classifier(max_iter=8, checkpoint=tmp_path / "run", resume=True).fit(X, Y)
    assert same(found, whole, X)
    assert np.array_equal(found._others[0]["vectors1"], whole._others[0]["vectors1"])


def test_held_out_data():
    X = table()
    model = classifier(early_stopping=True).fit(X, Y, validation_data=(X, Y))
    assert model.best_validation_score_ > 0.9
    assert classifier(early_stopping=True).fit(X, Y).validation_scores_
    with pytest.warns(UserWarning, match="'Bonn'"):
        classifier(max_iter=2).fit(X, Y, validation_data=(table(town="Bonn"), Y))


def test_gradients_by_the_numeric_columns():
    X = table(income=RNG.normal(size=COUNT))
    y = 3 * AGE - X["income"] * (TOWN == "Rome")
    model = MLPRegressor(
        hidden_layer_sizes=(10,), activation="tanh", categorical_features="from_dtype", solver="lbfgs", random_state=0
    ).fit(X, y)
    found, step = model.input_gradient(X), 1e-6
    assert found.shape == (COUNT, 2)
    for k, name in enumerate(X.columns[~model.is_categorical_]):
        change = model.predict(X.assign(**{name: X[name] + step})) - model.predict(X.assign(**{name: X[name] - step}))
        assert np.allclose(found[:, k], change / (2 * step), atol=1e-5)


def test_inside_grad_there_are_no_categories():
    model = classifier().fit(table(), Y)
    with pytest.raises(ValueError, match="categorical columns 'town', 'vip', 'grade': use input_gradient"):
        grad(lambda x: np.sum(model.predict_proba(x)))(np.zeros((1, 4)))


def test_feature_names_are_held():
    model = classifier().fit(table(), Y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(table()[["age", "town", "vip", "grade"]])
    model = classifier(categorical_features=[0, 2, 3]).fit(objects(), Y)
    with pytest.raises(ValueError, match="3 features, but MLPClassifier is expecting 4"):
        model.predict(objects()[:, :3])


# What is refused.


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["city"], "names 'city', which is no column of X: it has town, age, vip, grade"),
        ([4], "the index 4, but X has the features 0 to 3"),
        ([-1], "the index -1"),
        ([True, False], "a mask of 2 entries, but X has 4 features"),
        ([1.5], "holds 1.5: give names, indices or a mask"),
        ([[0, 1]], r"found an array of shape \(1, 2\)"),
        ("dtype", "'categorical_features' parameter of MLPClassifier must be"),
        (["town"], "text or categories in the column 'grade': set categorical_features='from_dtype'"),
        (None, "text or categories in the columns 'town', 'grade': set categorical_features='from_dtype'"),
    ],
)
def test_what_is_asked_for_and_is_not_there(asked, message):
    with pytest.raises(ValueError, match=message):
        classifier(categorical_features=asked).fit(table(), Y)


def test_names_for_an_array():
    with pytest.raises(ValueError, match="names the column 'town', but X has no names"):
        classifier(categorical_features=["town"]).fit(objects(), Y)


def test_sparse_inputs():
    X = csr_array(np.eye(4))
    with pytest.raises(ValueError, match="needs dense inputs or a data frame"):
        classifier(categorical_features=[0]).fit(X, [0, 1, 0, 1])


def test_values_that_are_no_categories():
    with pytest.raises(ValueError, match="column 'town' holds values that are no categories: unhashable type"):
        classifier().fit(table(town=[[1]] * COUNT), Y)


def test_mixed_values_are_categories():
    town = np.where(np.arange(COUNT) % 2, 3, TOWN.astype(object))
    model = classifier().fit(table(town=town), Y)
    assert model._columns.categories[0].values == (3, "Lima", "Oslo", "Rome")


@pytest.mark.parametrize("asked", [None, "from_dtype", ["town", "grade"]])
def test_numbers_that_are_not_finite_are_named(asked):
    numeric = asked is None
    X = table(income=AGE)[["age", "income"]] if numeric else table(income=AGE)
    X.loc[:2, "age"] = np.nan
    with pytest.raises(ValueError, match=r"contains NaN in the column 'age' \(3 rows\): missing numbers have to be"):
        classifier(categorical_features=asked).fit(X, Y)
    X["age"], X["income"] = AGE, np.inf
    with pytest.raises(ValueError, match=r"contains infinity .* in the column 'income' \(200 rows\): leave these"):
        classifier(categorical_features=asked).fit(X, Y)
    X["income"] = pd.array([pd.NA] * COUNT, "Int64")
    with pytest.raises(ValueError, match=r"NaN in the column 'income' \(200 rows\)"):
        classifier(categorical_features=asked).fit(X, Y)


def test_columns_of_an_array_are_named_by_their_number():
    X = np.zeros((4, 3))
    X[1, 2] = X[0, 0] = np.nan
    with pytest.raises(ValueError, match=r"NaN in the columns 0 \(1 row\), 2 \(1 row\)"):
        MLPClassifier().fit(X, [0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"NaN in the columns 0 \(1 row\), 2 \(1 row\)"):
        MLPClassifier().fit(X.tolist(), [0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"NaN in the columns 0 \(1 row\), 2 \(1 row\)"):
        MLPClassifier().fit(csr_array(X), [0, 1, 0, 1])


def test_data_that_are_refused_change_no_column():
    X = table()
    model = classifier().fit(X, Y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="NaN in the column 'age'"):
        model.fit(table(town="Bonn", age=np.nan), Y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(table(town="Bonn"), Y[:-1])
    assert np.array_equal(model.predict_proba(X), before)


# As plain data.


def test_columns_as_plain_data():
    for model in (
        classifier(max_iter=1).fit(table(), Y),
        classifier(max_iter=1, categorical_features=[0, 1, 2, 3]).fit(objects(), Y),
    ):
        plain = json.loads(json.dumps(model._columns.to_description()))
        assert Columns.from_description(plain) == model._columns


def test_dates_are_categories_that_a_file_does_not_hold():
    X = table(town=pd.Series([pd.Timestamp(2020, 1, 1 + k % 3) for k in range(COUNT)], dtype=object))
    model = classifier(max_iter=1).fit(X, Y)
    with pytest.raises(ValueError, match="column 'town' has the category Timestamp"):
        model._columns.to_description()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("numeric"),
        lambda d: d.update(numeric=[0]),
        lambda d: d.update(numeric=["1"]),
        lambda d: d.update(categories=[]),
        lambda d: d.update(categories=[3]),
        lambda d: d["categories"][0].update(name=0),
        lambda d: d["categories"][0].update(position=True),
        lambda d: d["categories"][0].update(values=["a", "a", "b"]),
        lambda d: d["categories"][0].update(values=[None, "a", "b"]),
        lambda d: d["categories"][0].update(seen=[True]),
    ],
)
def test_plain_data_that_make_no_sense(change):
    plain = classifier(max_iter=1).fit(table(), Y)._columns.to_description()
    change(plain)
    with pytest.raises(ModelFileError, match="categorical columns is damaged"):
        Columns.from_description(plain)
