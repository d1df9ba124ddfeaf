"""Slips in networks with normalisation and residual connections, planted by somebody else's code and by the table."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.inspection.sizes import one_in

from chainrule import backprop, check_backprop, nn
from chainrule.inspection import opened
from chainrule.inspection.checking.numbers import numbers_of, right
from chainrule.inspection.checking.search import Hypothesis, hypotheses
from chainrule.inspection.checking.tolerance import bounds

EPSILON = nn.LayerNorm().epsilon


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gradients(parameters, X, y, slip=None):
    """A tanh layer; a residual connection around a tanh and a linear one; a norm with tanh; a linear layer; (a - y)^2.

    Written from Ba, Kiros and Hinton (2016) and He and others (2016), and not from the table of slips.
    """
    first, inner, outer, _, norm, last = parameters
    count = len(X)
    a1 = np.tanh(X @ first["weights"] + first["bias"])
    a2 = np.tanh(a1 @ inner["weights"] + inner["bias"])
    a3 = a2 @ outer["weights"] + outer["bias"]
    a4 = a1 + a3
    sigma = np.sqrt(a4.var(axis=1, keepdims=True) + EPSILON)
    hat = (a4 - a4.mean(axis=1, keepdims=True)) / sigma
    a5 = np.tanh(norm["scale"] * hat + norm["shift"])
    d6 = 2 * (a5 @ last["weights"] + last["bias"] - y)
    back5 = d6 @ (last["weights"] if slip == "untransposed" else last["weights"].T)
    d5 = back5 if slip == "slope missing" else back5 * (1 - a5**2)
    g = d5 if slip == "scale left out" else d5 * norm["scale"]
    if slip == "statistics constant":
        d4 = g / sigma
    elif slip == "deviation constant":
        d4 = (g - g.mean(axis=1, keepdims=True)) / sigma
    else:
        d4 = (g - g.mean(axis=1, keepdims=True) - hat * (g * hat).mean(axis=1, keepdims=True)) / sigma
    if slip == "not divided":
        d4 = d4 * sigma
    if slip == "normalisation ignored":
        d4 = d5
    d3 = d4
    d2 = d3 @ outer["weights"].T * (1 - a2**2)
    through, past = d2 @ inner["weights"].T, d4
    back1 = {"skip left out": through, "branch left out": past, "paths averaged": (through + past) / 2}.get(
        slip, through + past
    )
    d1 = back1 * (1 - a1**2)
    inputs = {"unnormalised": a4}.get(slip, a5)
    rows = [(X, d1), (a1, d2), (a2, d3), (inputs, d6)]
    return [(x.T @ d / count, d.mean(axis=0), d) for x, d in rows]


NETWORK = nn.Network(
    3,
    (
        nn.Dense(4, "tanh"),
        nn.Residual((nn.Dense(5, "tanh"), nn.Dense(4, "identity"))),
        nn.LayerNorm("tanh"),
        nn.Dense(4, "identity"),
    ),
)
EXPECTED = {
    "untransposed": ("untransposed", (5,)),
    "slope missing": ("slope missing", (5,)),
    "statistics constant": ("statistics constant", (5,)),
    "deviation constant": ("deviation constant", (5,)),
    "scale left out": ("scale left out", (5,)),
    "not divided": ("not divided", (5,)),
    "normalisation ignored": ("normalisation ignored", (5,)),
    "skip left out": ("skip left out", (1,)),
    "branch left out": ("branch left out", (1,)),
    "paths averaged": ("paths averaged", (1,)),
    "unnormalised": ("inputs of layer before", (6,)),
}


def problem(seed, network=NETWORK, examples=6, **more):
    rng = np.random.default_rng(seed)
    parameters = tuple(
        {name: x + 0.4 * rng.normal(size=x.shape) for name, x in layer.items()} for layer in network.initialize(rng)
    )
    state = tuple(
        {name: x + rng.uniform(0, 0.5, x.shape) for name, x in layer.items()} for layer in network.initial_state()
    )
    X, y = rng.normal(size=(examples, 3)), rng.normal(size=(examples, network.outputs))
    return network, X, y, {"parameters": parameters, "state": state, "loss": "squared", **more}


@one_in(50)
@given(seed=st.integers(0, 2**20), with_sensitivities=st.booleans())
@pytest.mark.parametrize("slip", [None, *EXPECTED])
def test_planted_slips_are_named_with_their_layer(slip, seed, with_sensitivities):
    network, X, y, options = problem(seed)
    theirs = gradients(options["parameters"], X, y, slip)
    if not with_sensitivities:
        theirs = [one[:2] for one in theirs]
    found = check_backprop(theirs, network, X, y, **options)
    if slip is None:
        assert found.ok, found
        return
    assert not found.ok
    assert found.complete
    assert (EXPECTED[slip]) in [(one.name, one.layers) for one in found.slips], found
    if slip not in ("untransposed", "slope missing"):
        assert len(found.slips) == 1


def test_what_is_said():
    network, X, y, options = problem(3)
    found = check_backprop(gradients(options["parameters"], X, y, "skip left out"), network, X, y, **options)
    assert str(found).startswith(
        "Not right: layer 1, sensitivities: what comes back on the residual connection, past the layers between, is "
        "not added.\n    ∂ℓ/∂a^1 = δ^2 (W^2)ᵀ + δ^4\n"
    )
    found = check_backprop(gradients(options["parameters"], X, y, "statistics constant"), network, X, y, **options)
    assert "    ∂ℓ/∂a^4 = (g − mean_j(g) − x̂ ∘ mean_j(g ∘ x̂)) / σ" in str(found)
    hint = str(
        check_backprop(
            gradients(options["parameters"], X, y, "statistics constant"), network, X, y, feedback="hint", **options
        )
    )
    assert "On which numbers do the mean and the deviation of this layer depend" in hint
    assert "constant" not in hint
    text = str(
        check_backprop(
            gradients(options["parameters"], X, y, "slope missing"), network, X, y, notation="grosse", **options
        )
    )
    assert "z̄^(5) = ((W^(6))ᵀ z̄^(6)) ∘ φ′(z^(5))" in text


def test_a_function_that_keeps_its_activations_is_caught_there_too():
    network, X, y, options = problem(3)
    kept = {}

    def theirs(parameters, X, y):
        old = gradients(parameters, kept.get("X", X), y)
        kept["X"] = X
        new = gradients(parameters, X, y)
        return [*new[:3], (old[3][0], *new[3][1:])]

    (found,) = check_backprop(theirs, network, X, y, **options).slips
    assert (found.kind, found.layers, found.array) == ("stale activations", (6,), "weights")


SHAPES = {
    "layer norm": (nn.Dense(4, "identity"), nn.LayerNorm("tanh"), nn.Dense(3, "sigmoid"), nn.Dense(2, "identity")),
    "batch norm": (nn.Dense(3, "identity"), nn.BatchNorm("relu"), nn.Dense(3, "tanh"), nn.Dense(2, "identity")),
    "residual": (nn.Dense(3), nn.Residual((nn.Dense(2, "tanh"), nn.Dense(3, "identity")), "sigmoid"), nn.Dense(2)),
    "both": (nn.Dense(3), nn.Residual((nn.Dense(3, "identity"), nn.LayerNorm("silu"), nn.Dense(3))), nn.Dense(2)),
    "dropout": (nn.Dense(3), nn.Dropout(0.5), nn.Residual((nn.Residual((nn.Dense(3, "tanh"),)), nn.Dense(3)))),
    "embedding": (nn.Embedding((4,), (2,)), nn.Dense(3, "tanh"), nn.LayerNorm(), nn.Dense(2)),
}


@one_in(50)
@given(seed=st.integers(0, 2**20), data=st.data())
@pytest.mark.parametrize("name", SHAPES)
def test_every_slip_of_the_table_is_recognised(name, seed, data):
    network, X, y, options = problem(seed, nn.Network(3, SHAPES[name]), regularizers=(nn.L2(0.3),))
    if name == "embedding":
        X[:, 0] = np.arange(len(X)) % 4
    seen = backprop(network, X, y, **options)
    dense = [k for k, one in enumerate(seen.layers) if isinstance(one.layer, nn.Dense)]
    assume(all(np.any(x) for k in dense for x in seen.layers[k].gradients.values()))
    own = [{**seen.layers[k].gradients, "sensitivities": seen.layers[k].sensitivities} for k in dense]
    assert check_backprop(own, network, X, y, **options).ok
    whole = right(seen)
    limits = bounds(seen, whole, np.dtype(float), None, 0.0)
    truth = Hypothesis(None, (), tuple(whole[k] for k in dense))
    parts = opened(network, X, y, **options)
    known = list(hypotheses(numbers_of(parts, seen), truth, [limits[k] for k in dense]))
    planted = data.draw(st.sampled_from(known))
    theirs = [
        {
            "weights": one.parameters["weights"] + one.penalties["weights"],
            "bias": one.parameters["bias"] + one.penalties["bias"],
            "sensitivities": one.sensitivities,
        }
        for one in planted.gradients
    ]
    found = check_backprop(theirs, network, X, y, **options)
    assert not found.ok
    assert found.complete
    assert planted.slip.key in [one.name for one in found.slips]


@one_in(25)
@given(seed=st.integers(0, 2**20))
@pytest.mark.parametrize("name", ["layer norm", "both"])
def test_float32_is_no_slip_there(name, seed):
    network, X, y, options = problem(seed, nn.Network(3, SHAPES[name]))
    small = {
        **options,
        "parameters": tuple({n: x.astype(np.float32) for n, x in one.items()} for one in options["parameters"]),
    }
    seen = backprop(network, X.astype(np.float32), y.astype(np.float32), **small)
    theirs = [one.gradients for one in seen.layers if isinstance(one.layer, nn.Dense)]
    exact = tuple({n: x.astype(float) for n, x in one.items()} for one in small["parameters"])
    data = (X.astype(np.float32).astype(float), y.astype(np.float32).astype(float))
    found = check_backprop(theirs, network, *data, **{**options, "parameters": exact})
    assert found.ok, found
