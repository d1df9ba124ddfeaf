"""A file of a fitted estimator: the same bits after loading, and a clear error for any file that is not one."""

import json
import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from chainrule import optim
from chainrule.errors import ModelFileError, OptionError
from chainrule.estimators import MLPClassifier, MLPRegressor, load
from chainrule.estimators.files import save
from chainrule.estimators.plain_values import packed, unpacked
from chainrule.nn import Activation
from chainrule.train import containers
from chainrule.train.state import Halving

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 4))
NUMBERS = X @ rng.standard_normal(4) + 0.1 * rng.standard_normal(60)
THREE = np.digitize(NUMBERS, [-1.0, 1.0])


def fitted(model, y, X=X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def through_file(model, path, **others):
    save(model, path)
    return load(path, **others)


def same(a, b):
    """The same value of the same type, to the last bit."""
    if isinstance(a, optim.Transform):
        return same(a._made.func, b._made.func) and same(
            [*a._made.args, a._made.keywords], [*b._made.args, b._made.keywords]
        )
    if isinstance(a, partial):
        return a.func is b.func and same(a.keywords, b.keywords)
    if isinstance(a, np.ndarray):
        return type(b) is type(a) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


LABELS = {
    "integers": THREE,
    "int8": THREE.astype(np.int8),
    "two": (NUMBERS > 0).astype(int),
    "booleans": NUMBERS > 0,
    "texts": np.array(["low", "middle", "a long name"])[THREE],
    "objects": np.array(["low", "middle", "high"], dtype=object)[THREE],
    "floats": np.array([0.0, 1.0, 2.0])[THREE],
    "several": np.column_stack([NUMBERS > 0, X[:, 0] > 0]).astype(int),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind(kind, tmp_path):
    model = fitted(MLPClassifier((5,), max_iter=3, random_state=0), LABELS[kind])
    found = through_file(model, tmp_path / "model")
    assert type(found) is MLPClassifier
    assert same(found.classes_, model.classes_)
    predicted = model.predict(X)
    if predicted.dtype.hasobject:
        assert found.predict(X).tolist() == predicted.tolist()
    else:
        assert same(found.predict(X), predicted)
    assert same(found.predict_proba(X), model.predict_proba(X))
    assert same(found.decision_function(X), model.decision_function(X))


SETTINGS = {
    "plain": {},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "batch_size": 7},
    "lbfgs": {"solver": "lbfgs"},
    "single": {},
    "norm": {"batch_norm": True, "dropout": [0.1, 0.2], "hidden_layer_sizes": (4, 3)},
    "layer norm": {"layer_norm": True, "activation": ["prelu", "gelu"], "hidden_layer_sizes": [4, 3]},
    "early": {"early_stopping": True, "n_iter_no_change": np.inf},
    "clipped": {"clip_norm": 0.5, "l1": 0.01, "learning_rate_init": np.float64(0.01)},
    "scipy sizes": {"hidden_layer_sizes": np.array([3, 2])},
    "schedule": {"learning_rate": optim.schedules.cosine(0.01, steps=100)},
    "transform": {"solver": optim.adamw(optim.schedules.step(0.01, every=2), decay=0.1)},
    "chain": {"solver": optim.chain(optim.clip_by_global_norm(1.0), optim.sgd(0.01, momentum=0.9, nesterov=True))},
    "state": {"random_state": np.random.RandomState(5)},
    "weights": {"loss": "huber", "delta": 0.5},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_parameters_and_fitted_attributes(name, tmp_path):
    data = X.astype(np.float32) if name == "single" else X
    options = {"hidden_layer_sizes": (5,), "random_state": 0, "max_iter": 4, **SETTINGS[name]}
    model = fitted(MLPRegressor(**options), NUMBERS, data)
    found = through_file(model, tmp_path / "model")
    for parameter, value in model.get_params().items():
        if not isinstance(value, np.random.RandomState):
            assert same(found.get_params()[parameter], value), parameter
    others = {"_network", "_label_binarizer", "random_state", "_optimizer"}
    for attribute, value in vars(model).items():
        if attribute not in others:
            assert same(vars(found)[attribute], value), attribute
    assert found._network == model._network
    assert same(found.predict(data), model.predict(data))
    if name not in ("state", "transform", "chain", "schedule"):
        assert repr(found) == repr(model)


@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in ("lbfgs", "early")])
def test_goes_on_with_the_same_bits(name, tmp_path):
    options = {"random_state": 1, "max_iter": 3, **SETTINGS[name], "warm_start": True, "batch_size": 9}
    model = fitted(MLPRegressor(**options), NUMBERS)
    found = through_file(model, tmp_path / "model")
    for one in (model, found):
        one.partial_fit(X, NUMBERS)
        fitted(one, NUMBERS)
    assert same(found.coefs_, model.coefs_)
    assert same(found.loss_curve_, model.loss_curve_)
    assert found.t_ == model.t_


def test_solver_of_text_goes_on_after_lbfgs(tmp_path):
    model = fitted(MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", random_state=0, warm_start=True), NUMBERS)
    found = through_file(model, tmp_path / "model")
    assert same(fitted(found, NUMBERS).coefs_, fitted(model, NUMBERS).coefs_)


def test_names_of_columns(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "ü", "d"])
    model = fitted(MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0), NUMBERS, frame)
    found = through_file(model, tmp_path / "model")
    assert found.feature_names_in_.tolist() == ["a", "b", "ü", "d"]
    assert same(found.predict(frame), model.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        found.predict(frame.rename(columns={"a": "z"}))


def test_categories_of_columns(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": X[:, 0], "day": np.array(["Sat", "Sun", None], dtype=object)[THREE], "n": THREE % 2})
    model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0, categorical_features=["day", "n"])
    fitted(model, NUMBERS, frame)
    found = through_file(model, tmp_path / "model")
    assert found._columns == model._columns
    assert same(found.is_categorical_, model.is_categorical_)
    assert same(found.predict(frame), model.predict(frame))


def test_class_weights_and_requests(tmp_path):
    import sklearn

    weights = {0: 1.0, 1: np.float64(2.0), 2: 3}
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier((3,), max_iter=2, random_state=0, class_weight=weights)
        model.set_fit_request(sample_weight=True)
        found = through_file(fitted(model, THREE), tmp_path / "model")
        assert found.get_metadata_routing().fit.requests["sample_weight"] is True
    assert same(found.class_weight, weights)


def test_method_and_other_tools(tmp_path):
    from safetensors.numpy import load_file

    path = tmp_path / "model"
    model = fitted(MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0), NUMBERS)
    model.save(path)
    assert containers.format_of(path) == "chainrule estimator"
    tensors = load_file(path)
    assert same(tensors["layer1.weights"], model.coefs_[0])
    assert same(tensors["layer2.bias"], model.intercepts_[1])
    again = path.read_bytes()
    model.save(path)
    assert path.read_bytes() == again


def test_own_activation_is_kept_by_name(tmp_path):
    cube = Activation("cube", lambda z: z**3)
    model = fitted(MLPRegressor(hidden_layer_sizes=(3,), activation=cube, max_iter=2, random_state=0), NUMBERS)
    save(model, tmp_path / "model")
    with pytest.raises(ModelFileError, match="the activation 'cube' is none of chainrule's"):
        load(tmp_path / "model")
    found = load(tmp_path / "model", activations=[cube])
    assert found.activation is cube
    assert same(found.predict(X), model.predict(X))


def loss_of_my_own(outputs, targets):
    return np.sum((outputs - targets) ** 2, axis=1)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("loss", loss_of_my_own),
        ("solver", optim.Transform(optim.adam(0.1).init, optim.adam(0.1).update)),
        ("solver", optim.chain(optim.scale_by_rate(lambda step: 0.1))),
        ("learning_rate", lambda step: 0.1),
    ],
)
def test_what_a_file_cannot_hold(parameter, value, tmp_path):
    model = fitted(MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0, **{parameter: value}), NUMBERS)
    with pytest.raises(OptionError, match=rf"the parameter {parameter}\S* is .*set_params\({parameter}="):
        save(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    default = MLPRegressor().get_params()[parameter]
    assert same(through_file(model.set_params(**{parameter: default}), tmp_path / "model").predict(X), model.predict(X))


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(NotFittedError):
        save(MLPRegressor(), tmp_path / "model")
    with pytest.raises(OptionError, match="found str"):
        save("model", tmp_path / "model")
    model = fitted(MLPRegressor(hidden_layer_sizes=(3,), max_iter=2), NUMBERS)
    with pytest.raises(ModelFileError, match="No such file"):
        save(model, tmp_path / "no" / "model")
    model.notes_ = "mine"
    with pytest.raises(OptionError, match="the attribute 'notes_'"):
        save(model, tmp_path / "model")
    del model.notes_
    model.coefs_[0] = model.coefs_[0][:2]
    with pytest.raises(OptionError, match="fit again"):
        save(model, tmp_path / "model")
    model.coefs_[0] = np.full((4, 3), np.nan)
    with pytest.raises(OptionError, match=r"layer1\.weights holds NaN"):
        save(model, tmp_path / "model")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "model"
    save(fitted(MLPClassifier((2,), max_iter=2, random_state=0), LABELS["texts"]), path)
    return path


def changed(file, path, change, version=1):
    """The file with another description, and the checksum of that."""
    raw = file.read_bytes()
    kind = containers.Kind("estimator", "estimator file", version, "", ModelFileError)
    description, tensors = containers.from_bytes(
        containers.Kind("estimator", "estimator file", 1, "", ModelFileError), raw
    )
    arrays = {
        name: np.frombuffer(tensor["data"], containers.DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
        for name, tensor in tensors.items()
    }
    change(description, arrays)
    path.write_bytes(containers.to_bytes(kind, json.dumps(description), arrays))
    return path


def put(*keys, value):
    def change(description, arrays):
        entry = description
        for key in keys[:-1]:
            entry = entry[key]
        entry[keys[-1]] = value

    return change


def without(*keys):
    def change(description, arrays):
        entry = description
        for key in keys[:-1]:
            entry = entry[key]
        del entry[keys[-1]]

    return change


CHANGES = {
    "there is no estimator 'os.system'": put("class", value="os.system"),
    "there is no parameter predict": put("parameters", "predict", value=1),
    "a parameter in the file cannot be used: The 'alpha'": put("parameters", "alpha", value=-1.0),
    "there is no value of kind": put("parameters", "alpha", value={"kind": "pickle"}),
    "the attribute '__class__' is not": put("fitted", "__class__", value=1),
    "the attribute 'predict' is not": put("fitted", "predict", value=1),
    "the attribute 't_' is not": put("fitted", "t_", value="many"),
    "the attribute 'loss_curve_' is not": put("fitted", "loss_curve_", value=["a"]),
    "the attribute 'n_outputs_' is missing": without("fitted", "n_outputs_"),
    "'labels' is missing": without("labels"),
    "a table of entries is needed, not NoneType": put("labels", value=None),
    "there are no labels of kind 'some'": put("labels", "kind", value="some"),
    "labels and outputs differ": put("labels", "kind", value="binary"),
    "the number of features does not fit": put("fitted", "n_features_in_", value=5),
    "the number of outputs does not fit": put("fitted", "n_outputs_", value=5),
    "there is no method 'guess'": put("requests", value={"guess": {"a": True}}),
    "the tensor 'layer1.weights' should be": put("model", "network", "inputs", value=9),
    "the tensor 'more' belongs to nothing": lambda description, arrays: arrays.update(more=np.zeros(1)),
    "the tensor 'layer2.bias' is missing": lambda description, arrays: arrays.pop("layer2.bias"),
    "parameters are NaN": lambda description, arrays: arrays.update({"layer2.bias": np.full(3, np.nan)}),
    "a value of kind 'texts' makes no sense": put(
        "labels", "classes", value={"kind": "texts", "width": 1, "shape": [1], "values": ["abc"]}
    ),
}


@pytest.mark.parametrize("message", CHANGES)
def test_files_that_make_no_sense(message, file, tmp_path):
    import re

    with pytest.raises(ModelFileError, match=re.escape(message)):
        load(changed(file, tmp_path / "model", CHANGES[message]))


def test_files_of_other_kinds(file, tmp_path):
    from chainrule import train
    from chainrule.nn import Network

    network = Network.of(2)
    model = train.Model(network, network.initialize(0), network.initial_state(), "squared")
    train.save(model, tmp_path / "other")
    assert containers.format_of(tmp_path / "other") != "chainrule estimator"
    with pytest.raises(ModelFileError, match=r"no estimator of chainrule's \(it is a chainrule model\)"):
        load(tmp_path / "other")
    with pytest.raises(ModelFileError, match=r"no model of chainrule's \(it is a chainrule estimator\)"):
        train.load(file)
    with pytest.raises(ModelFileError, match="use a newer chainrule"):
        load(changed(file, tmp_path / "newer", lambda *_: None, version=2))
    with pytest.raises(ModelFileError, match="nothing"):
        load(tmp_path / "nothing")
    (tmp_path / "text").write_text("a,b\n1,2\n")
    assert containers.format_of(tmp_path / "text") != "chainrule estimator"
    with pytest.raises(ModelFileError, match="does not begin like one"):
        load(tmp_path / "text")


@given(data=st.data())
def test_damaged_files_raise_one_error(file, tmp_path_factory, data):
    raw = bytearray(file.read_bytes())
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(raw)
    try:
        found = load(path)
    except ModelFileError:
        return
    # Spaces of the header, which stand for nothing.
    assert same(found.predict(X), load(file).predict(X))


def entries(description):
    """Every place in a description, as the keys that lead there."""
    found = []

    def walk(value, keys):
        found.append(keys)
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, part in parts:
            walk(part, (*keys, key))

    walk(description, ())
    return found[1:]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.just([]),
    st.just({}),
    st.sampled_from(["array", "texts", "objects", "RandomState", "dict", "scalar", "transform", "schedule"]).map(
        lambda kind: {"kind": kind, "name": "layer1.weights", "dtype": "float64", "shape": [-1], "values": [[[]]]}
    ),
    st.sampled_from(["chain", "scale", "scale_by_rate", "eval"]).map(
        lambda name: {"kind": "transform", "name": name, "arguments": [[1], {"kind": "dict", "entries": []}]}
    ),
    st.just({"kind": "schedule", "name": "step", "numbers": {"kind": "dict", "entries": [["rate", -1.0]]}}),
)


@given(data=st.data())
def test_descriptions_with_other_entries_never_crash(file, tmp_path_factory, data):
    description, _ = containers.from_bytes(
        containers.Kind("estimator", "estimator file", 1, "", ModelFileError), file.read_bytes()
    )
    keys = data.draw(st.sampled_from(entries(description)))
    path = tmp_path_factory.getbasetemp() / "changed"
    changed(file, path, put(*keys, value=data.draw(VALUES)))
    try:
        found = load(path)
    except ModelFileError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(found.predict_proba(X)) == len(X)


@given(
    value=st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False),
            st.text(),
            st.sampled_from([np.float32(0.1), np.int8(3), np.str_("a"), np.array([1, 2], np.int16), np.array(2.5)]),
            st.sampled_from([np.array(["a", "bc"]), np.zeros((0, 2)), np.array(["a", 1, None], dtype=object)]),
        ),
        lambda inner: st.one_of(
            st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(st.one_of(st.text(), st.integers()), inner)
        ),
        max_leaves=8,
    )
)
def test_values_come_back_as_they_were(value):
    from safetensors import deserialize
    from safetensors.numpy import save as to_bytes

    tensors = {}
    text = json.dumps(packed(value, "value", tensors), allow_nan=False)
    kind = containers.Kind("estimator", "estimator file", 1, "", ModelFileError)
    found = unpacked(json.loads(text), dict(deserialize(to_bytes(tensors))), kind, {})

    def equal(a, b):
        if isinstance(a, np.ndarray) and a.dtype.hasobject:
            return a.tolist() == b.tolist()
        if isinstance(a, list | tuple):
            return type(a) is type(b) and all(map(equal, a, b)) and len(a) == len(b)
        if isinstance(a, dict):
            return list(a) == list(b) and all(equal(a[k], b[k]) for k in a)
        return same(a, b)

    assert equal(value, found)


def test_paths_and_halvings(tmp_path):
    model = fitted(MLPRegressor(hidden_layer_sizes=(2,), max_iter=1, random_state=0), NUMBERS)
    model.set_params(checkpoint=tmp_path / "run", resume=str(tmp_path / "run"), on_divergence="halve")
    model.halvings_ = (Halving(3, 20, 2, "the loss is NaN"),)
    found = through_file(model, tmp_path / "model")
    assert found.checkpoint == tmp_path / "run"
    assert found.resume == str(tmp_path / "run")
    assert found.halvings_ == model.halvings_


def test_state_of_a_random_state(tmp_path):
    random = np.random.RandomState(3)
    random.standard_normal(3)
    model = fitted(MLPRegressor(hidden_layer_sizes=(2,), max_iter=1, random_state=random), NUMBERS)
    found = through_file(model, tmp_path / "model")
    assert_array_equal(found.random_state.standard_normal(5), random.standard_normal(5))
