"""Whatever parameters and data are: a model with finite outputs, or a ValueError that says what is wrong."""

import contextlib
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, UndefinedMetricWarning

from chainrule import optim
from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.nn.activations import ACTIVATIONS

#: Warnings that the documentation, or scikit-learn's own, tells of; all others fail a test.
TOLD = (ConvergenceWarning, DataConversionWarning, UndefinedMetricWarning)
TEXTS = (
    "Got `batch_size` less than 1 or larger than sample size",
    "unknown categories, which count as missing",
    "has missing values",
    # Of scikit-learn: more classes than half of the examples, and parts too small for each class.
    "The number of unique classes is greater than 50% of the number of samples",
)

NAMES = [*sorted(ACTIVATIONS), "logistic"]


def usual(value, *others):
    """A value, three times of four the usual one."""
    return st.one_of(*(st.just(value) for _ in range(3)), st.sampled_from(others))


def own_loss(outputs, targets):
    return np.sum(np.square(outputs - targets), axis=1)


def coupled_loss(outputs, targets):
    return np.sum(np.abs(outputs - np.mean(outputs, axis=0) - targets), axis=1)


BOTH = {
    "hidden_layer_sizes": st.sampled_from([(3,), (3,), (2, 3), (), (1,), 4, [2], np.array([2, 2])]),
    "activation": usual("relu", *NAMES, ["tanh", "relu"], ["gelu"], []),
    "solver": st.sampled_from(["adam", "sgd", "lbfgs", optim.adamw(0.01), optim.sgd(1e30), optim.momentum(0.9)]),
    "alpha": usual(1e-4, 0.0, 1.0, 1e30, 1e300),
    "l1": usual(0.0, 1e-3, 1e30),
    "batch_size": usual("auto", 1, 2, 1000),
    "learning_rate": usual("constant", "invscaling", "adaptive", optim.schedules.cosine(0.1, 10)),
    "learning_rate_init": usual(1e-3, 1.0, 1e10, 1e300, 1e-300),
    "power_t": usual(0.5, 0.0, 1e3),
    "max_iter": st.sampled_from([1, 3]),
    "shuffle": usual(True, False),
    "tol": usual(1e-4, 0.0, 1e300),
    "momentum": usual(0.9, 0.0, 1.0),
    "nesterovs_momentum": st.booleans(),
    "early_stopping": usual(False, True),
    "validation_fraction": usual(0.1, 0.0, 0.5, 0.99),
    "beta_1": usual(0.9, 0.0, 0.999999),
    "beta_2": usual(0.999, 0.0, 0.1),
    "epsilon": usual(1e-8, 1e-300, 1e300),
    "n_iter_no_change": usual(10, 1, np.inf),
    "max_fun": usual(15000, 1),
    "output_activation": usual(None, *NAMES),
    "dropout": usual(0.0, 0.5, [0.5], [0.2, 0.0], 0.999999),
    "batch_norm": usual(False, True),
    "layer_norm": usual(False, True),
    "clip_norm": usual(None, 1e-3, 1e300),
    "categorical_features": usual(None, [0], [0, 1], [True, False], "from_dtype"),
    "on_divergence": usual("raise", "halve"),
    "warm_start": usual(False, True),
}
KINDS = {
    MLPClassifier: {
        "loss": usual("log_loss", own_loss, coupled_loss),
        "class_weight": usual(None, "balanced", {0: 2.0}, {0: 0.0, 1: 0.0}, {7: 1.0}),
    },
    MLPRegressor: {
        "loss": usual("squared_error", "absolute_error", "huber", "quantile", "poisson", own_loss, coupled_loss),
        "quantile": usual(0.5, 1e-300, 0.999),
        "delta": usual(1.0, 1e-300, 1e300),
    },
}
SIZES = [*[1.0] * 12, 0.0, 1e-300, 1e-30, 1e3, 1e8, 1e38, 1e300, np.nan, np.inf]
DTYPES = [*["f8"] * 8, *["f4"] * 4, "f2", "g", "i1", "i8", "u1", "?", "O", "c16", "U5", "M8[s]"]


@st.composite
def inputs(draw, n):
    """An array, a list or a sparse matrix of n examples, in any dtype and layout."""
    rng = np.random.default_rng(draw(st.integers(0, 99), "seed"))
    X = rng.normal(size=(n, draw(st.sampled_from([2, 2, 1, 5]), "features")))
    size = draw(st.sampled_from(SIZES), "size of the inputs")
    dtype = np.dtype(draw(st.sampled_from(DTYPES), "dtype"))
    if dtype.kind not in "fc":
        X = np.round(X * 3)
        size = 1.0
    if dtype.kind == "M":
        X = X.astype("i8")
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X = (X * size if size != 1.0 else X).astype(dtype)
    if n and draw(st.booleans(), "constant column"):
        X[:, -1] = X[0, -1]
    if draw(st.integers(0, 9), "holes") == 0 and X.dtype.kind in "fO":
        X[rng.random(X.shape) < 0.3] = np.nan
    layout = draw(st.sampled_from(["C", "F", "rows", "columns", "turned", "read-only", "list", "sparse"]), "layout")
    if layout == "F":
        X = np.asfortranarray(X)
    if layout == "rows":
        X = np.repeat(X, 2, axis=0)[::2]
    if layout == "columns":
        X = np.repeat(X, 2, axis=1)[:, ::2]
    if layout == "turned":
        X = X[::-1, ::-1]
    if layout == "read-only":
        X.flags.writeable = False
    if layout == "list":
        return X.tolist()
    if layout == "sparse" and X.dtype.kind in "fiu" and X.dtype.char not in "eg":
        return csr_array(X)
    return X


@st.composite
def labels(draw, n):
    rng = np.random.default_rng(draw(st.integers(0, 99), "seed"))
    codes = rng.integers(0, draw(st.sampled_from([2, 2, 3, 1, 9]), "classes"), n)
    kind = draw(
        st.sampled_from(
            [
                *("i8", "u1", "?", "f4", "text", "objects", "negative", "column", "labels"),
                *("i8", "?", "text", "labels", "mixed", "row", "halves", "nan"),
            ]
        ),
        "labels",
    )
    if kind == "text":
        return np.array(["no", "yes", "", "ja", "ö", "5", "6", "7", "8"])[codes]
    if kind in ("objects", "mixed"):
        return np.array(["a", "b", 3 if kind == "mixed" else "c", *"defghi"], dtype=object)[codes]
    if kind == "negative":
        return -(10**15) * codes
    if kind == "column":
        return codes[:, np.newaxis]
    if kind == "labels":
        return rng.integers(0, 2, (n, 3))
    if kind == "row":
        return codes[np.newaxis]
    if kind == "halves":
        return codes + 0.5
    if kind == "nan":
        return np.where(codes == 0, np.nan, codes)
    return codes.astype(kind)


@st.composite
def numbers(draw, n):
    rng = np.random.default_rng(draw(st.integers(0, 99), "seed"))
    shape = draw(st.sampled_from([*[(n,)] * 6, (n, 1), (n, 2), (n, 2), (n, 1, 1), (n + 1,)]), "shape of the targets")
    dtype = draw(st.sampled_from([*["f8"] * 6, "f4", "i8", "O", "U9", "c16"]), "dtype of the targets")
    size = draw(st.sampled_from([*[1.0] * 8, 0.0, 1e-300, 1e8, 1e38, 1e300, np.nan]), "size of the targets")
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = rng.normal(size=shape) * size
        if draw(st.booleans(), "positive"):
            y = np.abs(y)
        return (np.nan_to_num(y) if dtype == "i8" else y).astype(dtype)


def weights_for(n):
    rng = np.random.default_rng(0)
    drawn = np.abs(rng.normal(size=n)) * (rng.random(n) < 0.7)
    return usual(None, 2.0, drawn, drawn, drawn, np.zeros(n), -drawn, drawn * 1e300, np.full(n, np.nan), drawn[:-1])


def check(model, X):
    """Everything that was fitted is finite, and what it computes is finite or refused."""
    arrays = [*model.coefs_, *model.intercepts_, *(x for layer in model._others for x in layer.values())]
    assert all(np.isfinite(array).all() for array in arrays)
    assert np.isfinite(model.loss_)
    try:
        found = model.predict(X)
    except ValueError as error:
        if "the outputs are not finite for" not in str(error):
            raise
        return
    if isinstance(model, MLPClassifier):
        assert np.isin(found, model.classes_).all() if found.ndim == 1 else set(found.ravel()) <= {0, 1}
        chances = model.predict_proba(X)
        assert np.isfinite(chances).all()
        if model.output_activation is None:
            assert chances.min() >= 0
            assert chances.max() <= 1
            with contextlib.suppress(ValueError):  # where a signal overflows and its activation does not
                assert np.isfinite(model.decision_function(X)).all()
                assert not np.isnan(model.predict_log_proba(X)).any()
            if model.out_activation_ == "softmax":
                assert np.allclose(chances.sum(axis=1), 1, atol=1e-3)
    else:
        assert np.isfinite(found).all()


def try_out(data):
    n = data.draw(st.sampled_from([17, 17, 17, 17, 3, 2, 1, 0]), "examples")
    kind = data.draw(st.sampled_from(list(KINDS)), "kind")
    parameters = data.draw(st.fixed_dictionaries({}, optional=BOTH | KINDS[kind]), "parameters")
    X = data.draw(inputs(n))
    y = data.draw(labels(n) if kind is MLPClassifier else numbers(n))
    weights = data.draw(weights_for(n), "weights")
    again = data.draw(st.sampled_from(["fit", "fit", "fit twice", "partial_fit", "held-out data"]), "what is done")
    model = kind(random_state=0, **({"max_iter": 2} | parameters))
    is_refused = False
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            if again == "partial_fit":
                classes = {"classes": np.unique(y)} if kind is MLPClassifier else {}
                for _ in range(2):
                    model.partial_fit(X, y, weights, **classes)
            else:
                model.fit(X, y, weights, **({"validation_data": (X, y)} if again == "held-out data" else {}))
                if again == "fit twice":
                    model.fit(X, y, weights)
        except (ValueError, TypeError, AttributeError) as error:
            refused(error, again, model)
            is_refused = True
        else:
            check(model, X)
    for warning in told:
        if is_refused and "sklearn" in warning.filename:
            # scikit-learn casts labels that are NaN before it refuses them.
            continue
        known = issubclass(warning.category, TOLD) or any(text in str(warning.message) for text in TEXTS)
        assert known, f"{warning.category.__name__}: {warning.message} ({warning.filename}:{warning.lineno})"


def refused(error, again, model):
    """A ValueError says something; other errors are those of scikit-learn."""
    text = str(error)
    assert len(text) > 10
    if isinstance(error, TypeError) and not isinstance(error, ValueError):
        # As scikit-learn has it for dates, for labels of several types at once, and for sparse inputs of objects.
        expected = ("uniformly strings or numbers", "Argument must be", "not supported between", "float() argument")
        assert any(part in text for part in (*expected, "dtype", "DType", "cast")), text
    if isinstance(error, AttributeError):
        assert again == "partial_fit"
        assert model.solver == "lbfgs"


def _holes(rng, values, missing):
    return [missing if hole else value for hole, value in zip(rng.random(len(values)) < 0.3, values, strict=True)]


#: Columns of pandas: from the library, a generator and the number of rows to values of some dtype.
COLUMNS = {
    "numbers": lambda pd, rng, n: rng.normal(size=n),
    "float32": lambda pd, rng, n: rng.normal(size=n).astype(np.float32),
    "whole": lambda pd, rng, n: rng.integers(-5, 5, n),
    "bool": lambda pd, rng, n: rng.random(n) < 0.5,
    "boolean": lambda pd, rng, n: pd.array(_holes(rng, [True] * n, None), "boolean"),
    "text": lambda pd, rng, n: rng.choice(["a", "b", "", "nan"], n),
    "text with holes": lambda pd, rng, n: pd.Series(_holes(rng, ["a"] * n, None), dtype=object),
    "strings": lambda pd, rng, n: pd.array(_holes(rng, ["a"] * n, pd.NA), "string"),
    "category": lambda pd, rng, n: pd.Categorical(rng.choice(["a", "b", None], n), categories=["b", "a", "c"]),
    "category of numbers": lambda pd, rng, n: pd.Categorical(rng.integers(0, 3, n)),
    "ordered": lambda pd, rng, n: pd.Categorical(rng.choice(["low", "high"], n), ["low", "high"], ordered=True),
    "mixed": lambda pd, rng, n: pd.Series(
        rng.choice(np.array([1, "1", 1.5, None, True, (1, 2)], object), n), dtype=object
    ),
    "missing": lambda pd, rng, n: pd.Series([None] * n, dtype=object),
    "numbers as objects": lambda pd, rng, n: pd.Series(rng.normal(size=n)).astype(object),
    "days": lambda pd, rng, n: pd.to_datetime(rng.integers(0, 10**9, n), unit="s"),
    "days as objects": lambda pd, rng, n: pd.Series(pd.to_datetime(rng.integers(0, 3, n), unit="D")).astype(object),
    "holes": lambda pd, rng, n: np.where(rng.random(n) < 0.1, np.nan, 1.0),
    "Int64": lambda pd, rng, n: pd.array(rng.integers(0, 9, n), "Int64"),
    "lists": lambda pd, rng, n: pd.Series([[1]] * n, dtype=object),
    "span": lambda pd, rng, n: pd.interval_range(0, n),
}
USUAL = ("numbers", "text", "category", "bool", "whole", "text with holes")


def try_frames(data):
    pd = pytest.importorskip("pandas")
    n = data.draw(st.sampled_from([17, 17, 3, 1]), "examples")
    kinds = data.draw(
        st.lists(st.sampled_from(USUAL) | st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4), "columns"
    )
    seed = data.draw(st.integers(0, 99), "seed")

    def frame(seed):
        rng = np.random.default_rng(seed)
        return pd.DataFrame({f"c{k}": COLUMNS[kind](pd, rng, n) for k, kind in enumerate(kinds)})

    asked = data.draw(st.sampled_from(["from_dtype", "from_dtype", None, ["c0"], [0], [True] * len(kinds)]), "asked")
    solver = data.draw(st.sampled_from(["adam", "lbfgs"]), "solver")
    model = MLPClassifier((2,), categorical_features=asked, max_iter=2, solver=solver, random_state=0)
    X, others = frame(seed), frame(seed + 1)
    if data.draw(st.booleans(), "polars"):
        pl = pytest.importorskip("polars")
        try:
            X, others = pl.from_pandas(X), pl.from_pandas(others)
        except Exception:  # what polars does not hold
            return
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            model.fit(X, np.arange(n) % 2)
            chances = [model.predict_proba(part) for part in (X, others)]
        except (ValueError, TypeError) as error:
            refused(error, "fit", model)
        else:
            assert all(np.isfinite(part).all() for part in chances)
    for warning in told:
        known = issubclass(warning.category, TOLD) or any(text in str(warning.message) for text in TEXTS)
        assert known, f"{warning.category.__name__}: {warning.message} ({warning.filename}:{warning.lineno})"


SUPPRESSED = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


@settings(SUPPRESSED, max_examples=60)
@given(data=st.data())
def test_a_model_or_a_value_error(data):
    try_out(data)


@pytest.mark.slow
@settings(SUPPRESSED, max_examples=3000)
@given(data=st.data())
def test_many_models_or_value_errors(data):
    try_out(data)


@settings(SUPPRESSED, max_examples=15)
@given(data=st.data())
def test_frames_of_any_columns(data):
    try_frames(data)


@pytest.mark.slow
@settings(SUPPRESSED, max_examples=2000)
@given(data=st.data())
def test_many_frames_of_any_columns(data):
    try_frames(data)
