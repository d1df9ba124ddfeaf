"""Weights in PyTorch's layout, written by safetensors, against outputs computed in plain NumPy."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import save_file

from chainrule.bridges import from_torch
from chainrule.errors import ModelFileError, OptionError
from chainrule.nn import Activation, BatchNorm, Dense, LayerNorm, Network

rng = np.random.default_rng(0)
X = rng.standard_normal((7, 3))


def linear(name, inputs, outputs, dtype=np.float64, bias=True):
    found = {f"{name}.weight": rng.standard_normal((outputs, inputs)).astype(dtype)}
    return found | ({f"{name}.bias": rng.standard_normal(outputs).astype(dtype)} if bias else {})


def batch_norm(name, width, affine=True):
    found = {
        f"{name}.running_mean": rng.standard_normal(width),
        f"{name}.running_var": rng.uniform(0.5, 2, width),
        f"{name}.num_batches_tracked": np.array(3),
    }
    return found | (layer_norm(name, width) if affine else {})


def layer_norm(name, width):
    return {f"{name}.weight": rng.standard_normal(width), f"{name}.bias": rng.standard_normal(width)}


class Torch:
    """PyTorch's formulas, from its documentation."""

    def __init__(self, weights):
        self.weights = weights

    def linear(self, name, x):
        return x @ self.weights[f"{name}.weight"].T + self.weights.get(f"{name}.bias", 0)

    def batch_norm(self, name, x):
        w = self.weights
        y = (x - w[f"{name}.running_mean"]) / np.sqrt(w[f"{name}.running_var"] + 1e-5)
        return y * w.get(f"{name}.weight", 1) + w.get(f"{name}.bias", 0)

    def layer_norm(self, name, x):
        y = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
        return y * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def relu(x):
    return np.maximum(x, 0)


def outputs(found, x=X):
    network, parameters, state = found
    return network.apply(parameters, state, x)[0]


def written(weights, tmp_path):
    save_file(weights, tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_linear_layers_of_a_sequential(activation, dtype, tmp_path):
    """More than ten modules: in a file their names are sorted as texts."""
    weights = {}
    for k in range(6):
        weights |= linear(str(2 * k), 3 if k == 0 else 4, 2 if k == 5 else 4, dtype)
    wanted, torch, f = X.astype(dtype), Torch(weights), {"relu": relu, "tanh": np.tanh}[activation]
    for k in range(6):
        wanted = torch.linear(str(2 * k), wanted if k == 0 else f(wanted))
    for source in (weights, written(weights, tmp_path)):
        found = from_torch(source, activation)
        assert found[0] == Network.of(3, (4,) * 5, 2, activation=activation)
        assert found[1][0]["weights"].dtype == dtype
        assert_allclose(outputs(found, X.astype(dtype)), wanted, rtol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("prefix", ["net.fc", "layers.", "encoder.block_"])
def test_names_with_numbers(prefix, tmp_path):
    weights = linear(f"{prefix}10", 5, 2) | linear(f"{prefix}9", 3, 5)
    torch = Torch(weights)
    wanted = torch.linear(f"{prefix}10", relu(torch.linear(f"{prefix}9", X)))
    assert_allclose(outputs(from_torch(written(weights, tmp_path))), wanted, rtol=1e-12)


def test_no_biases_and_activations_of_each_layer(tmp_path):
    weights = linear("0", 3, 4, bias=False) | linear("2", 4, 5) | linear("4", 5, 1, bias=False)
    torch = Torch(weights)
    wanted = torch.linear("4", relu(torch.linear("2", np.tanh(torch.linear("0", X)))))
    found = from_torch(written(weights, tmp_path), ["tanh", "relu"], "sigmoid")
    assert_allclose(outputs(found), 1 / (1 + np.exp(-wanted)), rtol=1e-12)
    assert_array_equal(found[1][0]["bias"], np.zeros(4))


@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_before_and_after_the_activation(affine, tmp_path):
    weights = linear("0", 3, 4) | batch_norm("1", 4, affine) | linear("3", 4, 2)
    torch = Torch(weights)
    path = written(weights, tmp_path)
    before = torch.linear("3", relu(torch.batch_norm("1", torch.linear("0", X))))
    after = torch.linear("3", torch.batch_norm("1", relu(torch.linear("0", X))))
    assert_allclose(outputs(from_torch(path)), before, rtol=1e-12)
    assert_allclose(outputs(from_torch(path, normalize="after")), after, rtol=1e-12)
    assert from_torch(path)[0].layers == (Dense(4, "identity"), BatchNorm("relu"), Dense(2, "identity"))


def test_layer_norm_at_the_inputs_and_at_the_end(tmp_path):
    weights = layer_norm("0", 3) | linear("1", 3, 4) | layer_norm("2", 4) | linear("4", 4, 2) | layer_norm("5", 2)
    torch = Torch(weights)
    x = relu(torch.layer_norm("2", torch.linear("1", torch.layer_norm("0", X))))
    wanted = torch.layer_norm("5", torch.linear("4", x))
    found = from_torch(written(weights, tmp_path))
    assert_allclose(outputs(found), wanted, rtol=1e-12)
    assert found[0].layers[0] == LayerNorm("identity")


@pytest.mark.parametrize("slopes", [1, 4])
def test_prelu(slopes, tmp_path):
    weights = linear("0", 3, 4) | batch_norm("1", 4) | {"2.weight": rng.uniform(0, 1, slopes)} | linear("3", 4, 2)
    torch = Torch(weights)
    x = torch.batch_norm("1", torch.linear("0", X))
    wanted = torch.linear("3", np.where(x > 0, x, weights["2.weight"] * x))
    assert_allclose(outputs(from_torch(written(weights, tmp_path), "prelu")), wanted, rtol=1e-12)
    with pytest.raises(OptionError, match="Say activation='prelu'"):
        from_torch(weights)


def test_order_by_shapes_and_by_names(tmp_path):
    weights = linear("input", 3, 4) | linear("hidden", 4, 5) | linear("out", 5, 2)
    torch = Torch(weights)
    wanted = torch.linear("out", relu(torch.linear("hidden", relu(torch.linear("input", X)))))
    path = written(weights, tmp_path)
    assert_allclose(outputs(from_torch(path)), wanted, rtol=1e-12)
    square = linear("input", 3, 3) | linear("hidden", 3, 3) | linear("out", 3, 3)
    torch = Torch(square)
    wanted = torch.linear("out", relu(torch.linear("hidden", relu(torch.linear("input", X)))))
    path = written(square, tmp_path)
    with pytest.raises(OptionError, match="the order of the modules hidden, input, out is not clear"):
        from_torch(path)
    assert_allclose(outputs(from_torch(path, layers=("input", "hidden", "out"))), wanted, rtol=1e-12)
    # A mapping is in order.
    assert_allclose(outputs(from_torch(square)), wanted, rtol=1e-12)
    with pytest.raises(OptionError, match="layers has to name each module once"):
        from_torch(path, layers=("input", "out"))


def test_order_that_does_not_fit():
    weights = linear("out", 5, 2) | linear("input", 3, 5)
    with pytest.raises(OptionError, match="input takes 3 inputs, but out before it has 2 units"):
        from_torch(weights)


def test_unclear_place_of_a_normalisation():
    weights = linear("fc1", 3, 4) | batch_norm("bn1", 4) | linear("fc2", 4, 1)
    with pytest.raises(
        OptionError, match=r"the normalisation bn1 stands before or after the activation \(relu\) of fc1"
    ):
        from_torch(weights)
    torch = Torch(weights)
    wanted = torch.linear("fc2", relu(torch.batch_norm("bn1", torch.linear("fc1", X))))
    assert_allclose(outputs(from_torch(weights, normalize="before")), wanted, rtol=1e-12)
    # Where numbers leave a gap, something stands between.
    weights = linear("0", 3, 4) | batch_norm("2", 4) | linear("3", 4, 1)
    with pytest.raises(OptionError, match="is not clear"):
        from_torch(weights)


def test_own_activation():
    cube = Activation("cube", lambda z: z**3)
    weights = linear("0", 3, 4) | linear("2", 4, 1)
    torch = Torch(weights)
    assert_allclose(outputs(from_torch(weights, cube)), torch.linear("2", torch.linear("0", X) ** 3), rtol=1e-12)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"conv.weight": np.zeros((2, 3, 3, 3))}, "the key 'conv.weight', of shape (2, 3, 3, 3), is not understood"),
        ({"lstm.weight_ih_l0": np.zeros((2, 3))}, "the key 'lstm.weight_ih_l0'"),
        ({"0.weight": np.zeros((2, 3), np.float16)}, "0.weight is of dtype float16"),
        ({"0.weight": np.full((2, 3), np.nan)}, "0.weight holds NaN"),
        ({"0.weight": np.zeros((2, 3)), "0.bias": np.zeros(3)}, "0.bias has shape (3,), which does not fit"),
        ({"0.bias": np.zeros(3)}, "the module '0' has bias alone"),
        ({"0.running_mean": np.zeros(3)}, "the module '0' has running_mean alone"),
        (layer_norm("0", 3), "no Linear layer is among the weights"),
        ({}, "no Linear layer is among the weights"),
        (linear("0", 3, 2) | layer_norm("1", 3), "a normalisation has another width"),
        (3, "found int"),
    ],
)
def test_what_is_not_understood(weights, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        from_torch(weights)


def test_options():
    weights = linear("0", 3, 4) | linear("2", 4, 1)
    with pytest.raises(OptionError, match="2 activations were given for 1 hidden layers"):
        from_torch(weights, ["relu", "relu"])
    with pytest.raises(OptionError, match="unknown activation 'rely'"):
        from_torch(weights, "rely")
    with pytest.raises(OptionError, match="normalize has to be"):
        from_torch(weights, normalize="between")


def test_files_that_are_not_safetensors(tmp_path):
    with pytest.raises(ModelFileError, match="nothing"):
        from_torch(tmp_path / "nothing")
    with pytest.raises(ModelFileError, match="cannot be read"):
        from_torch(tmp_path)
    for start in (b"PK\x03\x04", b"\x80\x02"):
        (tmp_path / "model.pt").write_bytes(start + bytes(20))
        with pytest.raises(ModelFileError, match=r"a pickled file of PyTorch, which can run code.*save_file"):
            from_torch(tmp_path / "model.pt")
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(ModelFileError, match="no safetensors file"):
        from_torch(tmp_path / "text")
    path = written(linear("0", 3, 2), tmp_path)
    raw = path.read_bytes()
    path.write_bytes(raw[:-3])
    with pytest.raises(ModelFileError, match="no safetensors file"):
        from_torch(path)
    header = b'{"0.weight":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}}   '
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(12))
    with pytest.raises(OptionError, match="BF16"):
        from_torch(path)
