"""Each diagnosis is found on a network that is built to have it, and not on a healthy one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.inspection.sizes import one_in
from tests.nn import kinds
from tests.nn.kinds import NETWORKS

from chainrule import backprop, data, diagnose, grad, nn, optim, train, vectorize
from chainrule.errors import DataError, OptionError
from chainrule.estimators import MLPClassifier
from chainrule.inspection.diagnosis.per_example import noise_scale, squared_gradients, total_variance

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 10))
Y = (X[:, :1] * X[:, 1:2] > 0).astype(float)


def built(activation="tanh", hidden=(32, 16), output="sigmoid", change=lambda k, layer: layer, seed=0, inputs=10):
    """A network, and its starting values with each layer's changed by `change`."""
    network = nn.Network.of(inputs, hidden, 1, activation, output)
    return network, tuple(change(k, layer) for k, layer in enumerate(network.initialize(seed)))


def found_in(network, parameters, x=X, y=Y, loss="binary_cross_entropy", **others):
    return diagnose(network, x, y, parameters=parameters, loss=loss, **others)


def kinds_of(found):
    return [(one.kind, one.layer) for one in found.findings]


def scaled(factor, which=None):
    """Multiply the weights of all layers, or of one counted from 0."""

    def change(k, layer):
        return {**layer, "weights": layer["weights"] * (factor if which in (None, k) else 1)}

    return change


@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky_relu", "prelu", "elu", "gelu", "silu"])
@pytest.mark.parametrize("seed", range(3))
def test_healthy_networks_have_no_findings(activation, seed):
    network, parameters = built(activation, seed=seed)
    assert found_in(network, parameters, optimizer=optim.adam()).findings == ()


def test_a_trained_network_is_healthy():
    network, parameters = built()
    found = train.fit(
        network, parameters, "binary_cross_entropy", X, Y, optimizer=optim.adam(0.003), epochs=100, batch_size=50, rng=0
    )
    diagnosis = found_in(network, found.parameters)
    assert diagnosis.objective < 0.3
    assert diagnosis.findings == ()


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturated(activation):
    found = found_in(*built(activation, change=scaled(40, 0)))
    assert ("saturated", 1) in kinds_of(found)
    assert found.layers[0].saturated_share > 0.8
    assert "flat part of " + activation in str(found)


def test_the_flat_part_begins_where_the_slope_is_a_tenth():
    """The same units in sigmoid and tanh, at |z| = 3.64 and 1.82."""
    x = np.linspace(-6, 6, 101)[:, np.newaxis]
    one = [{"weights": np.array([[1.0]]), "bias": np.zeros(1)}, {"weights": np.array([[1.0]]), "bias": np.zeros(1)}]
    shares = []
    for activation, edge in (
        ("sigmoid", np.log((1 + np.sqrt(0.9)) / (1 - np.sqrt(0.9)))),
        ("tanh", np.arctanh(0.9**0.5)),
    ):
        network = nn.Network.of(1, (1,), 1, activation)
        found = found_in(network, tuple(one), x, x, "squared")
        assert found.layers[0].saturated_share == np.mean(np.abs(x) > edge)
        shares.append(edge)
    assert shares[0] == pytest.approx(2 * shares[1])


def test_dead_units():
    def change(k, layer):
        return {**layer, "bias": layer["bias"] - np.where(np.arange(32) % 2, 50, 0)} if k == 0 else layer

    found = found_in(*built("relu", change=change))
    assert kinds_of(found) == [("dead", 1)]
    np.testing.assert_array_equal(found.layers[0].dead, np.arange(32) % 2 == 1)
    assert "16 of 32 units (50 %)" in str(found)
    # A leaky one is not dead.
    assert kinds_of(found_in(*built("leaky_relu", change=change))) == []


def test_vanishing_through_sigmoids():
    found = found_in(*built("sigmoid", (16,) * 8))
    assert ("vanishing", None) in kinds_of(found)
    numbers = found.arrays()
    assert numbers["sensitivity"][0] < 1e-4 * numbers["sensitivity"][-1]
    # The bound of the sigmoid's slope, which is what is named.
    assert np.all(numbers["by_activation"][:-1] <= 0.25)
    assert "the sigmoid's slope is at most 1/4, so that 8 of them leave at most 1.5e-05" in found.findings[0].text
    assert "relu or tanh in place of sigmoid" in found.findings[0].advice
    # The same with tanh, and with residual connections, is healthy.
    assert kinds_of(found_in(*built("tanh", (16,) * 8))) == []


def test_vanishing_through_weights():
    found = found_in(*built("tanh", (16,) * 5, change=scaled(0.1)))
    (vanishing,) = [one for one in found.findings if one.kind == "vanishing"]
    assert "larger starting weights" in vanishing.advice
    assert "relu" not in vanishing.advice


def test_exploding():
    found = found_in(*built("relu", (16,) * 6, change=scaled(8)))
    assert ("exploding", None) in kinds_of(found)
    assert np.all(found.arrays()["by_weights"][:-1] > 2)


@one_in(10)
@given(
    activation=st.sampled_from(["sigmoid", "tanh", "relu", "gelu", "softmax"]),
    hidden=st.lists(st.integers(2, 6), min_size=1, max_size=4).map(tuple),
    seed=st.integers(0, 1000),
)
def test_factors_multiply_to_the_ratio_of_the_sensitivities(activation, hidden, seed):
    found = found_in(*built(activation, hidden, seed=seed)).arrays()
    product = np.prod(found["by_weights"][:-1] * found["by_activation"][:-1])
    assert product == pytest.approx(found["sensitivity"][0] / found["sensitivity"][-1])
    if activation == "sigmoid":
        assert np.all(found["by_activation"][:-1] <= 0.25)


def test_equal_units_stay_equal():
    def constant(k, layer):
        return {name: np.full_like(value, 0.1) for name, value in layer.items()}

    network, parameters = built(hidden=(8,), change=constant)
    found = found_in(network, parameters)
    assert kinds_of(found) == [("equal", 1)]
    assert found.layers[0].equal == (tuple(range(8)),)
    run = train.fit(network, parameters, "binary_cross_entropy", X, Y, optimizer=optim.sgd(0.5), epochs=20)
    assert found_in(network, run.parameters).layers[0].equal == (tuple(range(8)),)


def test_two_equal_units_among_others():
    def twins(k, layer):
        weights, bias = layer["weights"].copy(), layer["bias"].copy()
        if k == 0:
            weights[:, 5], bias[5] = weights[:, 2], bias[2]
        else:
            weights[5] = weights[2]
        return {"weights": weights, "bias": bias}

    network, parameters = built(hidden=(8,), change=twins)
    assert found_in(network, parameters).layers[0].equal == ((2, 5),)
    # The same signals with other weights on the way out: they will part.
    parted = (parameters[0], {**parameters[1], "weights": parameters[1]["weights"] + np.arange(8.0)[:, np.newaxis]})
    assert found_in(network, parted).layers[0].equal == ()
    single = tuple({name: value.astype(np.float32) for name, value in layer.items()} for layer in parameters)
    assert found_in(network, single, X.astype(np.float32), Y.astype(np.float32)).layers[0].equal == ((2, 5),)


def test_examples_that_cannot_be_told_apart():
    found = found_in(*built("sigmoid", (16,) * 8))
    (constant,) = [one for one in found.findings if one.kind == "constant"]
    spreads = [np.sqrt(np.mean(one.signal_spread**2)) / one.signal for one in found.layers]
    assert spreads[constant.layer - 1] < 0.01 <= spreads[constant.layer - 2]


def test_inputs_of_different_sizes():
    large, far = X.copy(), X.copy()
    large[:, 3] *= 1000
    far[:, 7] = 2000 + 5 * far[:, 7]
    for x, feature in ((large, 3), (far, 7)):
        found = found_in(*built("relu"), x=x)
        (scales,) = [one for one in found.findings if one.kind == "scales"]
        assert scales.layer == 0
        assert scales.text.startswith(f"feature {feature} is ")
    offset = X + 150
    (scales,) = [one for one in found_in(*built("relu"), x=offset).findings if one.kind == "scales"]
    assert "with a standard deviation of" in scales.text


def test_wrong_outputs_in_the_flat_part():
    """One unit at w = 0, b = 6: squared error hardly learns there, cross-entropy does."""
    network = nn.Network.of(10, output="sigmoid")
    parameters = ({"weights": np.zeros((10, 1)), "bias": np.array([6.0])},)
    found = found_in(network, parameters, loss="squared")
    assert kinds_of(found) == [("wrong and flat", 1)]
    assert found.flat_and_wrong == np.mean(Y == 0)
    assert kinds_of(found_in(network, parameters)) == []
    # Right ones may be flat.
    assert kinds_of(found_in(network, parameters, y=np.ones_like(Y), loss="squared")) == []


def test_steps_beside_weights():
    network, parameters = built()
    for rate, kinds_found in ((0.3, {"large steps"}), (1e-3, set()), (1e-9, {"small steps"})):
        found = found_in(network, parameters, optimizer=optim.adam(rate))
        assert {one.kind for one in found.findings} == kinds_found
    # At Adam's first step every parameter moves by the rate.
    sizes = [np.sqrt(sum(value.size for value in layer.values())) for layer in parameters]
    lengths = [np.sqrt(sum(np.sum(value**2) for value in layer.values())) for layer in parameters]
    ratios = found_in(network, parameters, optimizer=optim.adam(1e-3)).arrays()["update_ratio"]
    np.testing.assert_allclose(ratios, 1e-3 * np.array(sizes) / lengths, rtol=1e-3)


def test_not_finite():
    found = found_in(*built("relu", change=scaled(1e200)))
    assert [one.kind for one in found.findings] == ["not finite"]
    assert "not finite" in str(found)


def examples_gradients(network, parameters, state, x, t, loss):
    """One gradient for each example, by `vectorize` of the derivative of the whole objective."""
    objective = nn.objective(network, loss)

    def one(parameters, x, t):
        return objective(parameters, state, x[np.newaxis], t[np.newaxis])[0]

    return vectorize(grad(one), (None, 0, 0))(parameters, x, t)


@pytest.mark.parametrize("name", NETWORKS)
def test_examples_gradients_are_those_of_vectorize(name):
    network, parameters, state, x = kinds.made(name)
    loss = "cross_entropy" if network.places[-1].layer.activation_row.name == "softmax" else "squared"
    t = np.eye(network.outputs)[np.arange(6) % network.outputs]
    found = diagnose(network, x, t, parameters=parameters, state=state, loss=loss)
    expected = examples_gradients(network, parameters, state, x, t, loss)
    for one, own in zip(found.layers, expected, strict=True):
        flat = np.concatenate([value.reshape(6, -1) for value in own.values()] or [np.zeros((6, 0))], axis=1)
        np.testing.assert_allclose(one.squared_gradients, np.sum(flat**2, axis=1), rtol=1e-9, atol=1e-18)
        assert one.gradient == pytest.approx(np.linalg.norm(flat.mean(axis=0)), abs=1e-14)
        assert one.variance == pytest.approx(np.sum(np.var(flat, axis=0, ddof=1)), rel=1e-9, abs=1e-14)
    np.testing.assert_allclose(found.squared_gradients, sum(one.squared_gradients for one in found.layers))


def test_examples_gradients_are_held_in_parts(monkeypatch):
    network, parameters, state, x = kinds.made("batch norm")
    seen = backprop(network, x, x[:, :2], parameters=parameters, state=state, loss="squared")
    whole = [squared_gradients(layer) for layer in seen.layers]
    monkeypatch.setattr("chainrule.inspection.diagnosis.per_example._AT_ONCE", 1)
    for layer, expected in zip(seen.layers, whole, strict=True):
        np.testing.assert_allclose(squared_gradients(layer), expected, rtol=1e-12)


def test_weights_of_examples_count():
    """An example of weight 2 is two examples in the mean, and its gradient twice as long."""
    network, parameters = built(hidden=(4,))
    weights = np.where(np.arange(200) < 50, 3.0, 1.0)
    found = found_in(network, parameters, weights=weights)
    plain = found_in(network, parameters)
    np.testing.assert_allclose(found.squared_gradients, plain.squared_gradients * (weights * 200 / weights.sum()) ** 2)


def test_noise_scale_of_known_noise():
    """Gradients with mean m and covariance sigma^2 I in d dimensions have the noise scale d sigma^2 / |m|^2."""
    rng = np.random.default_rng(1)
    d, sigma, mean = 20, 0.5, np.full(20, 0.3)
    gradients = mean + sigma * rng.normal(size=(20_000, d))
    variance = total_variance(np.sum(gradients**2, axis=1), np.sum(gradients.mean(axis=0) ** 2))
    assert variance == pytest.approx(np.sum(np.var(gradients, axis=0, ddof=1)))
    scale = noise_scale(variance, np.sum(gradients.mean(axis=0) ** 2), 20_000)
    assert scale == pytest.approx(d * sigma**2 / np.sum(mean**2), rel=0.05)
    assert noise_scale(1.0, 0.01, 50) == np.inf  # all of the mean's length can be noise
    assert np.isnan(noise_scale(total_variance([1.0], 1.0), 1.0, 1))


def test_noise_scale_does_not_depend_on_the_size_of_the_sample():
    network, parameters = built(hidden=(4,))
    rng = np.random.default_rng(2)
    x = rng.normal(size=(20_000, 10))
    y = (x[:, :1] > 0.5).astype(float)
    whole = found_in(network, parameters, x, y).noise_scale
    parts = [
        found_in(network, parameters, x[k : k + 1000], y[k : k + 1000]).noise_scale for k in range(0, 20_000, 1000)
    ]
    assert np.median(parts) == pytest.approx(whole, rel=0.2)


def test_penalties_belong_to_the_gradient_and_not_to_the_noise():
    network, parameters = built(hidden=(4,))
    plain, penalised = (found_in(network, parameters, regularizers=r) for r in ((), [nn.L2(10.0)]))
    assert penalised.variance == pytest.approx(plain.variance)
    assert penalised.gradient > 10 * plain.gradient
    assert penalised.noise_scale < plain.noise_scale


def test_condition_and_directions_of_the_signals():
    """Signals of known covariance: those of a layer whose weights are a diagonal."""
    x = np.random.default_rng(3).normal(size=(500, 3))
    x = (x - x.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T, ddof=0))).T
    network = nn.Network.of(3, (3,), 1, "tanh")
    weights = np.diag([1.0, 2.0, 4.0])
    parameters = ({"weights": weights, "bias": np.full(3, 7.0)}, network.initialize(0)[1])
    first = found_in(network, parameters, x, x[:, :1], "squared").layers[0]
    assert first.condition == pytest.approx(16)
    assert first.directions == pytest.approx((1 + 4 + 16) ** 2 / (1 + 16 + 256))
    np.testing.assert_allclose(first.signal_mean, 7)
    np.testing.assert_allclose(first.signal_spread, [1, 2, 4])
    flat = ({"weights": weights * [1, 1, 0], "bias": np.full(3, 7.0)}, parameters[1])
    assert found_in(network, flat, x, x[:, :1], "squared").layers[0].condition == np.inf


def test_estimators_and_models():
    fitted = MLPClassifier(hidden_layer_sizes=(5,), solver="lbfgs", tol=1.0).fit(X, Y.ravel())
    found = diagnose(fitted, X, Y.ravel())
    seen = backprop(fitted, X, Y.ravel())
    assert found.objective == seen.objective
    assert [one.units for one in found.layers] == [5, 1]
    network = nn.Network.of(2, output="sigmoid")
    x, t = data.xor()
    model = train.Model(network, network.initialize(0), network.initial_state(), "binary_cross_entropy")
    assert diagnose(model, x, t).examples == 4


def test_one_example():
    found = found_in(*built(hidden=(4,)), x=X[:1], y=Y[:1])
    assert np.isnan(found.noise_scale)
    assert "1 example:" in str(found)
    assert found.findings == ()


def test_table_and_html():
    found = found_in(*built("sigmoid", (16,) * 8))
    lines = str(found).splitlines()
    assert lines[0].startswith("diagnosis of 9 layers on 200 examples: objective ")
    assert sum(line.startswith("- ") for line in lines) == len(found.findings)
    assert all(len(line) <= 140 for line in lines)
    assert "the sigmoid" in found._repr_html_()
    assert "Nothing stands out." in found_in(*built())._repr_html_()
    assert "nothing stands out" in str(found_in(*built()))
    assert {len(value) for value in found.arrays().values()} == {9}


def test_what_is_wrong_is_named():
    network, parameters = built()
    with pytest.raises(OptionError, match="optimizer_state is given without"):
        found_in(network, parameters, optimizer_state=())
    with pytest.raises(DataError):
        found_in(network, parameters, x=X[:0], y=Y[:0])
    with pytest.raises(OptionError, match="loss"):
        diagnose(network, X, Y, parameters=parameters)
