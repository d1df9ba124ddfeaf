"""Model files: what is written comes back, nothing is half written, and nothing damaged or foreign is taken."""

import json
import os
import stat

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as to_safetensors
from tests.train.runs import same_bits

from chainrule.data import Table, prepare
from chainrule.errors import ModelFileError, OptionError
from chainrule.nn import Activation, BatchNorm, Dense, Dropout, Embedding, LayerNorm, Network, Residual
from chainrule.train import Model, Record, Scores, check_place, containers, load, save
from chainrule.train.description import describe

TABLE = Table.of({"x": np.arange(12.0), "town": ["Troy", "Ithaca", "Ὀρχομενός"] * 4, "y": ["a", "b"] * 6})
PREPARATION = prepare(TABLE, "y")
NETWORK = Network(4, (Dense(3, "prelu", weights="orthogonal", bias=0.5), Dense(1, "sigmoid")))
RECORD = Record(
    settings={"seed": 3, "hidden": [3], "rate": 0.1, "clip": None, "optimizer": "adam"},
    results={"test": Scores(7, {"cost": 0.5, "accuracy": 6 / 7}, {"accuracy": 4 / 7})},
    epochs=2,
    steps=8,
    seconds=0.25,
    ended="epochs",
    date="2026-11-20T12:00:00+00:00",
    versions={"numpy": "2.4.6"},
)
MODEL = Model(
    NETWORK,
    NETWORK.initialize(1, np.float32),
    NETWORK.initial_state(np.float32),
    "binary_cross_entropy",
    PREPARATION,
    RECORD,
)
# A layer of every kind, and a state that is not the initial one.
KINDS = Network(
    4,
    (
        Embedding((12, 2), (2, 1)),
        Dense(3, "identity"),
        BatchNorm("relu", 0.8, 1e-3),
        Dropout(0.25),
        Residual((Dense(5, "tanh"), LayerNorm("prelu", 1e-4), Residual((Dense(5),)), Dense(3)), "gelu"),
        Dense(1, "sigmoid"),
    ),
)
CARRIED = tuple(
    {name: array + np.float32(number) for number, (name, array) in enumerate(layer.items(), start=2)}
    for layer in KINDS.initial_state(np.float32)
)
LAYERED = Model(KINDS, KINDS.initialize(1, np.float32), CARRIED, "binary_cross_entropy", None, RECORD)


def written(model, folder, name="model.safetensors"):
    save(model, folder / name)
    return folder / name


def test_everything_comes_back(tmp_path):
    found = load(written(MODEL, tmp_path))
    assert found.network == NETWORK
    assert same_bits(found.parameters, MODEL.parameters)
    assert found.dtype == np.float32
    assert found.loss == "binary_cross_entropy"
    assert found.preparation == PREPARATION
    assert found.record == RECORD
    np.testing.assert_array_equal(found.probabilities(TABLE), MODEL.probabilities(TABLE))


def test_every_kind_of_layer_comes_back(tmp_path):
    found = load(written(LAYERED, tmp_path))
    assert found.network == KINDS
    assert {type(place.layer) for place in KINDS.places} == {Embedding, Dense, BatchNorm, Dropout, LayerNorm, Residual}
    assert same_bits(found.parameters, LAYERED.parameters)
    assert same_bits(found.state, CARRIED)
    assert sum(bool(layer) for layer in found.state) == 1
    x = np.column_stack([np.arange(12.0), np.arange(12) % 2, np.linspace(-1, 1, 24).reshape(12, 2)])
    np.testing.assert_array_equal(found.outputs(x), LAYERED.outputs(x))


def test_a_layer_of_one_s_own_is_refused(tmp_path):
    class Other:
        def __getattr__(self, name):
            return getattr(Dense(2), name)

    network = Network(2, (Dense(2), Other()))
    with pytest.raises(OptionError, match="a model file cannot hold a layer of a kind of one's own, found Other"):
        save(Model(network, network.initialize(0), network.initial_state(), "squared"), tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_a_model_of_plain_arrays_in_double_precision(tmp_path):
    network = Network.of(2, (5, 4), 3)
    plain = Model(network, network.initialize(0), network.initial_state(), "squared")
    found = load(written(plain, tmp_path))
    assert (found.network, found.preparation, found.record) == (network, None, None)
    assert found.dtype == np.float64
    assert same_bits(found.parameters, plain.parameters)
    found.parameters[0]["weights"][:] = 0.0  # the arrays are one's own


def test_the_same_model_gives_the_same_file(tmp_path):
    one, other = written(MODEL, tmp_path, "one"), written(load(tmp_path / "one"), tmp_path, "other")
    assert one.read_bytes() == other.read_bytes()


def test_other_tools_read_the_tensors(tmp_path):
    from safetensors import safe_open

    with safe_open(written(MODEL, tmp_path), framework="numpy") as file:
        assert sorted(file.keys()) == ["layer1.bias", "layer1.slope", "layer1.weights", "layer2.bias", "layer2.weights"]
        np.testing.assert_array_equal(file.get_tensor("layer1.weights"), MODEL.parameters[0]["weights"])
        assert file.metadata()["format"] == "chainrule model"


def test_arrays_in_any_memory_order(tmp_path):
    turned = tuple({name: np.asfortranarray(a) for name, a in layer.items()} for layer in MODEL.parameters)
    assert same_bits(
        load(written(Model(NETWORK, turned, NETWORK.initial_state(), "squared"), tmp_path)).parameters, MODEL.parameters
    )


def test_an_activation_of_one_s_own_is_known_by_its_name(tmp_path):
    cube = Activation("cube", lambda z: z**3)
    network = Network.of(2, (3,), 1, cube)
    path = written(Model(network, network.initialize(0), network.initial_state(), "squared"), tmp_path)
    with pytest.raises(ModelFileError, match=r"the activation 'cube' is none of chainrule's.*activations=\["):
        load(path)
    assert load(path, activations=[cube]).network == network


def test_an_initialiser_of_one_s_own_is_left_out(tmp_path):
    network = Network(2, (Dense(3, weights=lambda rng, inputs, outputs, dtype: np.ones((inputs, outputs), dtype)),))
    found = load(written(Model(network, network.initialize(0), network.initial_state(), "squared"), tmp_path))
    assert found.network == Network(2, (Dense(3),))


def test_measures_that_are_not_finite_are_left_out(tmp_path):
    record = Record(results={"test": Scores(1, {"cost": np.inf, "accuracy": 1.0}, {"accuracy": np.nan})})
    found = load(written(Model(NETWORK, MODEL.parameters, NETWORK.initial_state(), "squared", record=record), tmp_path))
    assert found.record.results == {"test": Scores(1, {"accuracy": 1.0}, {})}


# Writing.


def test_a_file_that_is_there_is_replaced_and_nothing_else_is_left(tmp_path):
    (tmp_path / "model").write_text("old")
    save(MODEL, tmp_path / "model")
    assert load(tmp_path / "model").record == RECORD
    assert os.listdir(tmp_path) == ["model"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        path = written(MODEL, tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "model")
    save(MODEL, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert load(tmp_path / "folder" / "model").record == RECORD


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl-c"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, function, error):
    def fail(*arguments):
        raise error

    (tmp_path / "model").write_text("old")
    monkeypatch.setattr(containers.os, function, fail)
    expected = ModelFileError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        save(MODEL, tmp_path / "model")
    assert os.listdir(tmp_path) == ["model"]
    assert (tmp_path / "model").read_text() == "old"


@pytest.mark.parametrize("place", ["no/folder/model", ".", "model/model"])
@pytest.mark.parametrize("write", [lambda path: save(MODEL, path), check_place], ids=["save", "check_place"])
def test_places_where_nothing_can_be_written(tmp_path, place, write):
    (tmp_path / "model").write_text("a file, no folder")
    with pytest.raises(ModelFileError, match="the model cannot be written"):
        write(tmp_path / place)
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("write", [check_place, lambda path: save(MODEL, path)])
def test_what_is_no_regular_file_is_not_replaced(tmp_path, write):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match=r"pipe: the model cannot be written \(it is not a regular file\)"):
        write(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_a_place_is_checked_without_a_trace(tmp_path):
    (tmp_path / "model").write_text("old")
    check_place(tmp_path / "model")
    check_place(tmp_path / "new")
    assert os.listdir(tmp_path) == ["model"]
    assert (tmp_path / "model").read_text() == "old"


def test_what_a_file_cannot_hold(tmp_path):
    half = Model(NETWORK, NETWORK.initialize(0, np.float16), NETWORK.initial_state(np.float16), "squared")
    with pytest.raises(OptionError, match="float32 or float64, found float16"):
        save(half, tmp_path / "model")
    for bad in (np.nan, object(), np.arange(3)):
        record = Record(settings={"rate": bad})
        with pytest.raises(OptionError, match="the record of training holds what a model file cannot"):
            save(
                Model(NETWORK, MODEL.parameters, NETWORK.initial_state(), "squared", record=record), tmp_path / "model"
            )
    assert os.listdir(tmp_path) == []


# Reading what is no model.


def test_a_file_that_is_not_there(tmp_path):
    written(MODEL, tmp_path, "penguins.safetensors")
    with pytest.raises(ModelFileError, match=r"no such file or folder; did you mean .*penguins\.safetensors"):
        load(tmp_path / "penguin.safetensors")
    with pytest.raises(ModelFileError, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"x0,x1,label\n1,2,3\n" * 9, b"\x00" * 100, b"PK\x03\x04" + b"a" * 50])
def test_a_file_of_another_kind(tmp_path, content):
    (tmp_path / "model").write_bytes(content)
    with pytest.raises(ModelFileError, match="model: this is no model file"):
        load(tmp_path / "model")


def test_a_pickle_is_not_opened(tmp_path):
    # It would make a file.
    (tmp_path / "model").write_bytes(b"cos\nsystem\n(S'touch " + os.fsencode(tmp_path) + b"/trace'\ntR.")
    with pytest.raises(ModelFileError, match="this is no model file"):
        load(tmp_path / "model")
    assert os.listdir(tmp_path) == ["model"]


def test_a_file_that_is_truncated(tmp_path):
    raw = written(MODEL, tmp_path).read_bytes()
    for length in (9, 100, len(raw) // 2, len(raw) - 1):
        (tmp_path / "cut").write_bytes(raw[:length])
        with pytest.raises(ModelFileError, match="truncated"):
            load(tmp_path / "cut")


def tensors_of(model):
    tensors = {}
    for prefix, layers in (("", model.parameters), ("state.", model.state)):
        for number, layer in enumerate(layers, start=1):
            tensors |= {f"layer{number}.{prefix}{name}": array for name, array in layer.items()}
    return tensors


def crafted(folder, tensors, metadata=None, description=None):
    """A file with the checksum that belongs to its contents."""
    text = json.dumps(describe(MODEL) if description is None else description)
    digest = containers.digest(text, {name: array.tobytes() for name, array in tensors.items()})
    full = {"format": "chainrule model", "version": "2", "description": text, "sha256": digest} | (metadata or {})
    (folder / "crafted").write_bytes(to_safetensors(tensors, full))
    return folder / "crafted"


TENSORS = tensors_of(MODEL)


def test_the_crafted_file_is_a_model(tmp_path):
    assert load(crafted(tmp_path, TENSORS)).record == RECORD


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"format": "pt"}, "this is a safetensors file, but no model of chainrule's"),
        ({"version": "3"}, "has format version 3, this chainrule reads 2: use a newer chainrule"),
        ({"version": "1"}, "has format version 1, this chainrule reads 2: train the model again"),
        ({"version": "one"}, "its format version is 'one'"),
        ({"sha256": "0" * 64}, "do not match their checksum"),
        ({"description": "{}"}, "do not match their checksum"),
    ],
)
def test_metadata_that_are_refused(tmp_path, metadata, message):
    with pytest.raises(ModelFileError, match=message):
        load(crafted(tmp_path, TENSORS, metadata))


def test_a_safetensors_file_of_another_tool(tmp_path):
    (tmp_path / "other").write_bytes(to_safetensors(TENSORS))
    with pytest.raises(ModelFileError, match="no model of chainrule's"):
        load(tmp_path / "other")


def changed(**tensors):
    return {name: array for name, array in (TENSORS | tensors).items() if array is not None}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (changed(**{"layer1.bias": None}), "the tensor 'layer1.bias' is missing"),
        (changed(**{"layer3.bias": np.zeros(2, np.float32)}), "the tensor 'layer3.bias' belongs to no layer"),
        (
            changed(**{"layer1.bias": np.zeros(4, np.float32)}),
            r"should be float32 of shape \(3,\), found F32 of shape \(4,\)",
        ),
        (changed(**{"layer1.bias": np.zeros(3)}), r"should be float32 of shape \(3,\), found F64"),
        (changed(**{"layer1.bias": np.zeros(3, np.int32)}), "found I32"),
        (changed(**{"layer1.bias": np.full(3, np.nan, np.float32)}), "'layer1.bias' holds NaN or infinities"),
        (changed(**{"layer1.bias": np.full(3, np.inf, np.float32)}), "'layer1.bias' holds NaN or infinities"),
    ],
)
def test_tensors_that_do_not_fit(tmp_path, tensors, message):
    with pytest.raises(ModelFileError, match=message):
        load(crafted(tmp_path, tensors))


def test_a_description_that_is_no_json(tmp_path):
    for text in ("[" * 100_000, "no JSON"):
        metadata = {
            "description": text,
            "sha256": containers.digest(text, {n: a.tobytes() for n, a in TENSORS.items()}),
        }
        with pytest.raises(ModelFileError, match="its description is no JSON"):
            load(crafted(tmp_path, TENSORS, metadata))


@pytest.mark.parametrize("model", [MODEL, LAYERED], ids=["dense", "every kind"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_bytes_are_never_taken_and_never_raise_something_else(model, tmp_path, data):
    raw = bytearray(written(model, tmp_path).read_bytes())
    header = 8 + int.from_bytes(raw[:8], "little")
    # Most of the file is numbers; the structure is in the first bytes.
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, 20) | st.integers(0, header) | st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.just(len(raw)) | st.integers(0, len(raw)))
    (tmp_path / "damaged").write_bytes(raw[:cut] + data.draw(st.binary(max_size=3)))
    try:
        found = load(tmp_path / "damaged")
    except ModelFileError:
        return
    assert same_bits((found.parameters, found.state), (model.parameters, model.state))
    assert describe(found) == describe(model)


def places(tree, path=()):
    """The path of every entry of a description."""
    yield path
    if isinstance(tree, dict | list):
        for key, child in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from places(child, (*path, key))


WRONG = st.sampled_from([None, True, -1, 0, 10**30, 1.5, -1e308, "", "relu", [], {}, [1], {"units": 1}, [None], "nan"])


@pytest.mark.parametrize("model", [MODEL, LAYERED], ids=["dense", "every kind"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_descriptions_with_an_entry_changed_are_a_model_or_refused(model, tmp_path, data):
    description = json.loads(json.dumps(describe(model)))
    path = data.draw(st.sampled_from(list(places(description))[1:]))
    inner = description
    for key in path[:-1]:
        inner = inner[key]
    if data.draw(st.booleans()) and isinstance(inner, dict):
        del inner[path[-1]]
    else:
        inner[path[-1]] = data.draw(WRONG)
    try:
        found = load(crafted(tmp_path, tensors_of(model), description=description))
    except ModelFileError:
        return
    assert found.network.shapes() == model.network.shapes()
    if found.preparation == PREPARATION:
        found.predict(TABLE)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("network", "inputs"), 5, "4 features are prepared for a network of 5 inputs"),
        (("network", "layers", 1, "units"), 3, "3 outputs do not fit the target"),
        (("network", "layers", 0, "units"), True, "'units' is of type bool"),
        (("network", "layers", 0, "units"), -1, "units of a layer has to be a positive integer"),
        (("network", "layers", 0, "activation"), "rleu", "the activation 'rleu' is none of chainrule's"),
        (("network", "layers", 0, "weights"), "best", "there is no initialiser 'best'"),
        (("network", "layers"), [], "a network needs at least one layer"),
        (("network", "layers", 0, "kind"), "best", "there is no kind of layer 'best'"),
        (("network", "layers", 0, "kind"), "dropout", "'rate' is missing"),
        (("dtype",), "float16", "the dtype 'float16' is neither"),
        (("record", "versions", "numpy"), 2, "a version is not a text"),
        (("record", "results", "test", "measures", "cost"), "low", "holds something else than finite numbers"),
        (("preparation", "target"), None, "preparation is damaged"),
    ],
)
def test_entries_that_are_refused(tmp_path, path, value, message):
    description = json.loads(json.dumps(describe(MODEL)))
    inner = description
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(ModelFileError, match=message):
        load(crafted(tmp_path, TENSORS, description=description))


@pytest.mark.parametrize("depth", [100, 300, 330, 400, 480, 600, 5000])
def test_residual_connections_nested_without_end_are_refused(tmp_path, depth):
    # Made as text: a dict so deep cannot be written either.
    inner = '{"kind": "dropout", "rate": 0.5}'
    for _ in range(depth):
        inner = f'{{"kind": "residual", "activation": "identity", "layers": [{inner}]}}'
    text = json.dumps(describe(MODEL)).replace('"layers": [', f'"layers": [{inner}, ', 1)
    digest = containers.digest(text, {name: array.tobytes() for name, array in TENSORS.items()})
    metadata = {"description": text, "sha256": digest}
    with pytest.raises(ModelFileError, match=r"damaged|is missing"):
        load(crafted(tmp_path, TENSORS, metadata))
