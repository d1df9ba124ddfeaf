"""The equations of backpropagation hold for what a pass shows, in every notation; where they do not, it is seen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.inspection.sizes import one_in
from tests.nn import kinds
from tests.nn.kinds import NETWORKS

from chainrule import backprop, nn, random
from chainrule.inspection import NOTATIONS
from chainrule.nn.activations import ACTIVATIONS as TABLE

#: Losses with the outputs that they are drawn with.
PAIRS = [
    *(("squared", name) for name in ("identity", "sigmoid", "tanh", "softmax", "prelu")),
    *(("half_squared", name) for name in ("identity", "relu", "softmax")),
    ("absolute", "identity"),
    ("huber", "tanh"),
    ("binary_cross_entropy", "sigmoid"),
    ("binary_cross_entropy", "softmax"),
    ("cross_entropy", "softmax"),
    ("poisson", "exp"),
    ("poisson", "softplus"),
]
ACTIVATIONS = [name for name, row in TABLE.items() if row.learns and name != "exp"]


@st.composite
def cases(draw):
    loss, output = draw(st.sampled_from(PAIRS))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    # Softmax needs two units.
    hidden = draw(st.lists(st.integers(2, 5), max_size=3))
    names = draw(st.lists(st.sampled_from(ACTIVATIONS), min_size=len(hidden), max_size=len(hidden)))
    outputs, examples = draw(st.integers(2, 3)), draw(st.integers(1, 6))
    network = nn.Network.of(3, hidden, outputs, activation=names, output=output)
    parameters = tuple(
        {name: x + 0.2 * rng.normal(size=x.shape) for name, x in layer.items()} for layer in network.initialize(rng)
    )
    X, T = rng.normal(size=(examples, 3)), np.eye(outputs)[rng.integers(0, outputs, examples)]
    options = {
        "regularizers": draw(st.sampled_from([(), (nn.L2(0.1),), (nn.L2(0.3), nn.L1(0.05))])),
        "weights": draw(st.sampled_from([None, rng.uniform(0.1, 3, examples)])),
    }
    return network, parameters, X, T, loss, options


@one_in(3)
@given(case=cases(), notation=st.sampled_from(sorted(NOTATIONS)))
def test_residuals_are_at_rounding_level(case, notation):
    network, parameters, X, T, loss, options = case
    seen = backprop(network, X, T, parameters=parameters, loss=loss, **options)
    assume(np.isfinite(seen.objective))
    found = seen.equations(notation)
    assert found.largest < 2e-14
    assert not any(equation.left_out for equation in found)
    names = {(equation.layer, equation.name) for equation in found}
    depth = len(network.places)
    for number in range(1, depth + 1):
        assert (number, "signals") in names
        assert (number, "gradient by weights") in names
        assert ((number, "gradient by bias") in names) != NOTATIONS[notation].bias_row
        assert ((number, "sensitivity") in names) == ((number, "back") in names) == (number < depth)
    assert (depth, "output sensitivity") in names
    assert ((depth, "output error") in names) == (loss in ("squared", "half_squared"))


@one_in(3)
@given(case=cases(), notation=st.sampled_from(sorted(NOTATIONS)), data=st.data())
def test_sensitivities_are_slopes_of_the_loss_over_the_signals(case, notation, data):
    network, parameters, X, T, loss, _ = case
    seen, row = backprop(network, X, T, parameters=parameters, loss=loss), NOTATIONS[notation]
    number = data.draw(st.integers(0, len(network.places) - 1), label="layer")
    n = data.draw(st.integers(0, len(X) - 1), label="example")
    unit = data.draw(st.integers(0, network.places[number].units - 1), label="unit")
    step, values = 1e-6, []
    for sign in (1, 0, -1):
        probes = [np.zeros_like(one.signals) for one in seen.layers]
        probes[number][n, unit] = sign * step
        losses, _ = nn.example_losses(network, loss, parameters, network.initial_state(), X, T, probes=probes)
        values.append(row.sign * row.factor(seen.loss) * losses[n])
    above, at, below = values
    # Not across a kink, where the slopes to both sides differ.
    assume(abs(above - 2 * at + below) < 1e-10 * max(1, abs(at)))
    found = seen.arrays(notation)[number]["sensitivities"][n, unit]
    assert found == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_of_layer_has_its_equations(name, training):
    network, parameters, state, X = kinds.made(name)
    T, rng = np.random.default_rng(1).normal(size=(len(X), network.outputs)), random.random_state(1)
    seen = backprop(
        network,
        X,
        T,
        parameters=parameters,
        state=state,
        loss="half_squared",
        regularizers=(nn.L2(0.1),),
        rng=rng,
        training=training,
    )
    for notation in NOTATIONS:
        found = seen.equations(notation)
        assert found.largest < 1e-13
        names = {(equation.layer, equation.name) for equation in found}
        for layer in seen.layers[:-1]:
            assert {(layer.number, "back"), (layer.number, "sensitivity")} <= names
        for layer, arrays in zip(seen.layers, seen.arrays(notation), strict=True):
            # Each gradient that there is has its equation.
            assert {(layer.number, key) for key in arrays if key.startswith("gradient by ")} <= names


def small(loss="squared", output="sigmoid", **options):
    rng = np.random.default_rng(3)
    network = nn.Network.of(3, (4, 3), 2, activation="tanh", output=output)
    X, T = rng.normal(size=(5, 3)), np.eye(2)[rng.integers(0, 2, 5)]
    return backprop(network, X, T, parameters=network.initialize(rng), loss=loss, **options)


def tampered(seen, number, **changes):
    layers = list(seen.layers)
    layers[number - 1] = replace(layers[number - 1], **changes)
    return replace(seen, layers=tuple(layers))


@pytest.mark.parametrize(
    ("what", "broken"),
    [
        (
            "sensitivities",
            {(3, "gradient by weights"), (3, "gradient by bias"), (3, "output sensitivity"), (2, "back")},
        ),
        ("back", {(3, "output error"), (3, "output sensitivity")}),
        ("slope", {(3, "output sensitivity")}),
        ("signals", {(3, "signals")}),
        ("inputs", {(3, "signals"), (3, "gradient by weights")}),
    ],
)
def test_a_wrong_number_shows_in_its_equations_alone(what, broken):
    seen = small()
    wrong = getattr(seen.layers[-1], what).copy()
    wrong[1, 1] *= 1.001
    found = tampered(seen, 3, **{what: wrong}).equations().residuals
    # Of the layer before both the product and the sensitivity are made of what was changed.
    broken = broken | ({(2, "sensitivity")} if what == "sensitivities" else set())
    assert {key for key, residual in found.items() if residual > 1e-6} == broken


def test_a_missing_regulariser_shows_in_the_gradients_of_weights():
    seen = small(regularizers=(nn.L2(0.1),))
    found = tampered(seen, 1, penalties={}).equations("magdon-ismail").residuals
    assert [key for key, residual in found.items() if residual > 1e-6] == [(1, "gradient by weights")]


def test_infinite_factors_are_left_out_and_counted():
    network = nn.Network.of(1, output="sigmoid")
    parameters = ({"weights": np.array([[100.0]]), "bias": np.zeros(1)},)
    X, T = np.array([[1.0], [0.01]]), np.array([[0.0], [1.0]])
    seen = backprop(network, X, T, parameters=parameters, loss="binary_cross_entropy")
    assert seen.layers[0].sensitivities[0, 0] == 1.0
    equation = next(one for one in seen.equations() if one.name == "output sensitivity")
    assert equation.left_out == 1
    assert equation.residual < 1e-14
    assert "(1 not finite left out)" in str(seen.equations())


def test_a_sensitivity_that_is_not_a_number_is_no_small_residual():
    seen = small()
    wrong = seen.layers[0].sensitivities.copy()
    wrong[0, 0] = np.nan
    found = tampered(seen, 1, sensitivities=wrong).equations()
    assert np.isnan(found.residuals[1, "sensitivity"])
    assert np.isnan(found.largest)


class Doubled:
    """A layer of somebody's own, of which no formula is known here."""

    kind, draws, text = "doubled", False, "doubled"
    activation_row = TABLE["tanh"]

    def units_out(self, inputs):
        return inputs

    def shapes(self, inputs):
        return {"shares": (inputs,)}

    def initialize(self, rng, inputs, dtype):
        return {"shares": np.full(inputs, 0.7, dtype)}

    def state_shapes(self, inputs):
        return {}

    def initial_state(self, inputs, dtype):
        return {}

    def signal(self, parameters, state, x, rng=None, training=False):
        return 2 * parameters["shares"] * x, state

    def activate(self, parameters, signal, rng=None, training=False):
        return np.tanh(signal)


def test_a_layer_of_ones_own_has_the_equations_of_any_layer():
    network = nn.Network(2, (nn.Dense(3), Doubled(), nn.Dense(1, "identity")))
    X = np.random.default_rng(0).normal(size=(4, 2))
    seen = backprop(network, X, X[:, :1], parameters=network.initialize(0), loss="squared")
    found = seen.equations("nielsen")
    assert found.largest < 1e-14
    keys = [(one.layer, one.name) for one in found]
    assert (1, "back") not in keys
    assert (1, "sensitivity") in keys
    assert (2, "back") in keys
    assert (2, "gradient by shares") not in keys
    (text,) = [one.text for one in found if (one.layer, one.name) == (1, "sensitivity")]
    assert text == "δ^2 = ∂C/∂a^2 ∘ σ′(z^2)"


def test_float32_is_at_the_rounding_level_of_float32():
    network = nn.Network.of(3, (4,), 2, activation="tanh", output="softmax")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 3)).astype(np.float32)
    T = np.eye(2, dtype=np.float32)[rng.integers(0, 2, 5)]
    seen = backprop(network, X, T, parameters=network.initialize(0, np.float32), loss="cross_entropy")
    for notation in NOTATIONS:
        assert all(one.left.dtype == np.float32 for one in seen.equations(notation))
        assert seen.equations(notation).largest < 1e-6


def test_the_table_has_a_row_for_each_equation():
    found = small().equations("lee")
    title, _, rows = found.table()
    assert len(rows) == len(found)
    assert rows[0][:3] == ("3", "signals", "z^3 = W^3 a^2 + b^3")
    for row in rows:
        assert all(cell in str(found) for cell in row)
    assert str(found).startswith(title)
    assert found._repr_html_().count("<tr>") == len(found) + 1
    assert found.latex().count(r"\\") >= len(found)


def test_the_notation_of_the_pass_is_the_default():
    seen = small().as_in("grosse")
    assert str(seen.equations()) == str(small().equations("grosse"))
    assert seen.equations().notation.key == "grosse"
