"""Planted slips are named, conventions are recognised and are no slips, right gradients pass."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.inspection.sizes import one_in
from tests.inspection.student import ACTIVATIONS, SLIPS, gradients

from chainrule import backprop, check_backprop, nn
from chainrule.inspection import NOTATIONS, opened
from chainrule.inspection.checking import SLIPS as TABLE
from chainrule.inspection.checking.numbers import numbers_of, right
from chainrule.inspection.checking.search import Hypothesis, hypotheses
from chainrule.inspection.checking.tolerance import bounds

KINDS = {
    "untransposed": "untransposed weights",
    "derivative missing": "activation's derivative",
    "derivative at the activations": "activation's derivative",
    "bias in the sensitivity": "bias in the sensitivity",
    "off by one layer": "off by one layer",
    "stale activations": "stale activations",
    "missing regulariser": "missing regulariser",
    "regularised bias": "regularised bias",
    "wrong layer's weights": "wrong layer's weights",
    "sum over the wrong axis": "sum over the wrong axis",
    "softmax elementwise": "softmax elementwise",
}


def drawn(seed, sizes, hidden, output="identity", loss="squared", examples=5, strength=0.0, dtype=np.float64):
    """A network with parameters and data, and its options for `backprop`."""
    rng = np.random.default_rng(seed)
    network = nn.Network.of(sizes[0], sizes[1:-1], sizes[-1], activation=hidden, output=output)
    parameters = tuple(
        {name: rng.normal(size=shape).astype(dtype) for name, shape in layer.items()} for layer in network.shapes()
    )
    X = rng.normal(size=(examples, sizes[0])).astype(dtype)
    if loss in ("squared", "half_squared"):
        y = rng.normal(size=(examples, sizes[-1])).astype(dtype)
    elif loss == "cross_entropy":
        y = np.eye(sizes[-1], dtype=dtype)[rng.integers(sizes[-1], size=examples)]
    else:
        y = rng.integers(0, 2, (examples, sizes[-1])).astype(dtype)
    options = {"parameters": parameters, "loss": loss}
    if strength:
        options["regularizers"] = [nn.regularizers.L2(strength)]
    return network, X, y, options


def names_of(network):
    return [layer.activation for layer in network.layers]


hidden_names = st.sampled_from(["tanh", "sigmoid", "relu", "softplus", "elu", "silu"])
ends = st.sampled_from(
    [
        ("identity", "squared"),
        ("identity", "half_squared"),
        ("sigmoid", "squared"),
        ("sigmoid", "binary_cross_entropy"),
        ("softmax", "cross_entropy"),
        ("softmax", "squared"),
    ]
)


@st.composite
def problems(draw, dtype=np.float64):
    """Networks of one to four layers, of which widths may be equal."""
    output, loss = draw(ends)
    width = st.integers(2, 4)
    sizes = [draw(width), *draw(st.lists(width, max_size=3)), draw(width)]
    hidden = [draw(hidden_names) for _ in sizes[1:-1]]
    return drawn(
        draw(st.integers(0, 2**20)),
        sizes,
        hidden,
        output,
        loss,
        examples=draw(st.integers(1, 6)),
        strength=draw(st.sampled_from([0.0, 0.3])),
        dtype=dtype,
    )


# Planted by somebody else's code.


@one_in(25)
@pytest.mark.parametrize("slip", SLIPS)
@given(seed=st.integers(0, 2**20), depth=st.integers(2, 3), with_sensitivities=st.booleans())
def test_planted_slips_are_named(slip, seed, depth, with_sensitivities):
    is_softmax = slip == "softmax elementwise"
    network, X, y, options = drawn(
        seed,
        [3] * (depth + 2),
        ["tanh", "sigmoid", "tanh"][:depth],
        "softmax" if is_softmax else "sigmoid",
        "cross_entropy" if is_softmax else "squared",
        examples=3 if slip == "sum over the wrong axis" else 5,
        strength=0.3,
    )
    theirs = gradients(options["parameters"], X, y, names_of(network), loss=options["loss"], strength=0.3, slip=slip)
    if not with_sensitivities:
        theirs = [arrays[:2] for arrays in theirs]
    found = check_backprop(theirs, network, X, y, **options)
    assert not found.ok
    assert found.complete
    assert found.conventions == ()
    assert {one.kind for one in found.slips} == {KINDS[slip]}, found


@pytest.mark.parametrize(
    ("slip", "layers", "array"),
    [
        ("untransposed", (1, 2), "sensitivities"),
        ("derivative missing", (1, 2), "sensitivities"),
        ("off by one layer", (2, 3), "weights"),
        ("missing regulariser", (1, 2, 3), "weights"),
        ("regularised bias", (1, 2, 3), "bias"),
    ],
)
def test_the_layers_and_the_array_are_named(slip, layers, array):
    network, X, y, options = drawn(5, [3, 3, 3, 3], "tanh", strength=0.1)
    theirs = gradients(options["parameters"], X, y, names_of(network), strength=0.1, slip=slip)
    (found,) = check_backprop(theirs, network, X, y, **options).slips
    assert (found.layers, found.array) == (layers, array)


@pytest.mark.parametrize("slip", [None, "derivative missing", "missing regulariser", "off by one layer"])
@pytest.mark.parametrize("key", NOTATIONS)
def test_a_slip_is_named_in_every_convention(slip, key):
    network, X, y, options = drawn(7, [3, 3, 3, 2], "tanh", strength=0.1)
    theirs = gradients(options["parameters"], X, y, names_of(network), strength=0.1, slip=slip)
    row, loss = NOTATIONS[key], backprop(network, X, y, **options).loss
    laid_out = []
    for weights, bias, delta in theirs:
        factor = row.gradient_factor(loss, len(X))
        own = row.pack(factor * weights, factor * bias)
        laid_out.append({**own, "sensitivities": row.sign * row.factor(loss) * delta})
    for expected in ("chainrule", key):
        found = check_backprop(laid_out, network, X, y, **options, notation=expected)
        assert found.ok == (slip is None), found
        assert [one.kind for one in found.slips] == ([KINDS[slip]] if slip else [])
        assert bool(found.conventions) == (expected != key)


# From the table.


@one_in(10)
@given(problems(), st.data())
def test_every_slip_of_the_table_is_recognised_alone(problem, data):
    network, X, y, options = problem
    seen = backprop(network, X, y, **options)
    truth = Hypothesis(None, (), right(seen))
    # With dead units all that is left may be as another convention has it.
    assume(all(np.any(x) for layer in seen.layers for x in layer.gradients.values()))
    limits = bounds(seen, truth.gradients, np.dtype(float), None, 0.0)
    known = list(hypotheses(numbers_of(opened(network, X, y, **options), seen), truth, limits))
    assume(known)
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


def test_the_table_has_the_ten_kinds():
    assert {row.kind for row in TABLE.values()} >= set(KINDS.values())


# Right ones.


@one_in(10)
@given(problems(), st.sampled_from(sorted(NOTATIONS)))
def test_the_conventions_of_every_text_are_recognised(problem, key):
    network, X, y, options = problem
    arrays = backprop(network, X, y, **options).arrays(key)
    found = check_backprop(list(arrays), network, X, y, **options)
    assert found.ok, found
    assert key == "chainrule" or key in found.notations
    strict = check_backprop(list(arrays), network, X, y, **options, notation=key)
    assert strict.ok
    assert strict.conventions == ()


@one_in(10)
@given(problems(np.float32), st.booleans())
def test_float32_is_no_slip(problem, in_both):
    network, X, y, options = problem
    exact = {**options, "parameters": tuple({n: x.astype(float) for n, x in p.items()} for p in options["parameters"])}
    seen = backprop(network, X, y, **options)
    theirs = [{**one.gradients, "sensitivities": one.sensitivities} for one in seen.layers]
    other = options if in_both else exact
    found = check_backprop(theirs, network, X, y, **other)
    assert found.ok, found
    assert found.conventions == ()


@one_in(12)
@given(st.integers(0, 2**20), st.sampled_from(sorted(ACTIVATIONS)), st.sampled_from([np.float32, np.float64]))
def test_somebody_elses_right_code_passes(seed, name, dtype):
    network, X, y, options = drawn(seed, [3, 4, 2], name, "sigmoid", dtype=dtype)

    def theirs(parameters, X, y):
        return gradients(parameters, X, y, names_of(network))

    found = check_backprop(theirs, network, X, y, **options)
    assert found.ok, found
    assert found.conventions == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w, b: (5 * w, 5 * b), "the cost is the sum over the examples, not the mean"),
        (lambda w, b: (w / 2, b / 2), "the squared error has the factor 0.5"),
        (lambda w, b: (-w, -b), "the sign is the opposite: these arrays are added in a step"),
        (lambda w, b: (w.T, b), "the weights lie the other way round: (units, inputs)"),
        (lambda w, b: (np.vstack([b, w]),), "the bias is row 0 of the weights"),
        (lambda w, b: (np.vstack([w, b]),), "the bias is the last row of the weights"),
        (lambda w, b: (w / 2.0, b[:, None] / 2), "the squared error has the factor 0.5"),
    ],
)
def test_each_convention_alone(change, said):
    network, X, y, options = drawn(3, [3, 4, 1], "tanh")
    theirs = [change(*arrays[:2]) for arrays in gradients(options["parameters"], X, y, names_of(network))]
    found = check_backprop(theirs, network, X, y, **options)
    assert found.ok
    assert found.conventions == (said,)
    assert not found.slips


def test_a_mean_over_outputs_and_layers_from_the_last_to_the_first():
    network, X, y, options = drawn(3, [3, 4, 2], "tanh")
    theirs = [(w / 2, b / 2) for w, b, _ in gradients(options["parameters"], X, y, names_of(network))][::-1]
    options["loss"] = "half_squared"
    found = check_backprop([(w / 2, b / 2) for w, b in theirs], network, X, y, **options)
    assert found.ok
    assert found.conventions == (
        "the layers are listed from the last to the first",
        "the cost is the mean over examples and outputs, not the mean",
    )


def test_conventions_with_the_same_numbers_are_both_named():
    network, X, y, options = drawn(3, [3, 4, 1], "tanh", loss="half_squared", examples=2)
    theirs = [(2 * w, 2 * b) for w, b, _ in gradients(options["parameters"], X, y, names_of(network))]
    found = check_backprop([(w / 2, b / 2) for w, b in theirs], network, X, y, **options)
    assert found.ok
    assert len(found.alternatives) == 1
    assert "or: " in str(found)


def test_weights_of_examples():
    network, X, y, options = drawn(3, [3, 4, 1], "tanh")
    weights = np.arange(1.0, 6)
    plain = [one.gradients for one in backprop(network, X, y, **options).layers]
    found = check_backprop(plain, network, X, y, **options, weights=weights)
    assert [one.name for one in found.slips] == ["weights of examples ignored"]
    seen = backprop(network, X, y, **options, weights=weights)
    assert check_backprop(list(seen.arrays("lee")), network, X, y, **options, weights=weights).notations == ("lee",)


@one_in(10)
@given(problems(), st.data())
def test_no_wrong_entry_passes(problem, data):
    network, X, y, options = problem
    theirs = [dict(one.gradients) for one in backprop(network, X, y, **options).layers]
    k = data.draw(st.integers(0, len(theirs) - 1))
    name = data.draw(st.sampled_from(["weights", "bias"]))
    x = theirs[k][name] = theirs[k][name].copy()
    place = tuple(data.draw(st.integers(0, size - 1)) for size in x.shape)
    x[place] += 1e-3 * (1 + np.max(np.abs(x)))
    found = check_backprop(theirs, network, X, y, **options)
    assert not found.ok
    assert (k + 1, name) in [(one.layer, one.array) for one in found.differences]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_fitted_estimator_and_what_training_gave():
    from chainrule.estimators import MLPClassifier

    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(30, 3)), np.array(["no", "yes", "maybe"])[rng.integers(3, size=30)]
    fitted = MLPClassifier(hidden_layer_sizes=(4,), max_iter=3, tol=0, n_iter_no_change=5, random_state=0).fit(
        X, labels
    )
    arrays = backprop(fitted, X, labels).arrays("nielsen")
    found = check_backprop(arrays, fitted, X, labels)
    assert found.ok
    assert "nielsen" in found.notations


def test_what_a_function_is_given_stands_beside_its_error():
    def unpacked(parameters, X, y):
        ((W, b),) = parameters  # the keys of a dict
        return [(X.T @ (X @ W + b - y), b)]

    network = nn.Network.of(2)
    with pytest.raises(TypeError) as caught:
        check_backprop(
            unpacked, network, np.ones((3, 2)), np.ones((3, 1)), parameters=network.initialize(0), loss="squared"
        )
    (note,) = caught.value.__notes__
    assert note.endswith("a list with a dict for each layer; shapes: [{'weights': (2, 1), 'bias': (1,)}]")
