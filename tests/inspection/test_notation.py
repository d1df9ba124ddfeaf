"""Notations: their arrays against each text's own formulas, written out; conversions there and back; what is shown."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.html.reading import rows, texts
from tests.inspection.sizes import one_in

from chainrule import backprop, nn
from chainrule.errors import OptionError
from chainrule.inspection import NOTATIONS, notation_of
from chainrule.inspection.notation import plain


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def passed(loss="squared", sizes=(3, 4, 2), examples=5, seed=0, **options):
    """tanh units, then sigmoid outputs."""
    rng = np.random.default_rng(seed)
    network = nn.Network.of(sizes[0], sizes[1:-1], sizes[-1], activation="tanh", output="sigmoid")
    parameters = tuple(
        {name: rng.normal(size=x.shape) for name, x in layer.items()} for layer in network.initialize(rng)
    )
    X, T = rng.normal(size=(examples, sizes[0])), rng.random((examples, sizes[-1]))
    return backprop(network, X, T, parameters=parameters, loss=loss, **options), X, T


# Each text's algorithm, for one example after the other, from nothing but its own weights.


def magdon_ismail(layers, X, T):
    W = [one["weights"] for one in layers]
    G, deltas, value = [np.zeros_like(w) for w in W], [], 0.0
    for x0, y in zip(X, T, strict=True):
        x = [np.append(1, x0)]
        for k, w in enumerate(W):
            s = w.T @ x[-1]
            x.append(np.append(1, np.tanh(s)) if k < len(W) - 1 else sigmoid(s))
        delta = [2 * (x[-1] - y) * x[-1] * (1 - x[-1])]
        for k in range(len(W) - 2, -1, -1):
            delta.insert(0, (1 - x[k + 1] ** 2)[1:] * (W[k + 1] @ delta[0])[1:])
        for k in range(len(W)):
            G[k] += np.outer(x[k], delta[k]) / len(X)
        deltas.append(delta)
        value += np.sum((x[-1] - y) ** 2) / len(X)
    return value, deltas, [{"weights": g} for g in G]


def columns(layers, X, T, factor, share):
    """Weights (outputs, inputs) times columns, as in the texts of Nielsen, Kanade, Lee and Grosse."""
    w, b = [one["weights"] for one in layers], [one["bias"] for one in layers]
    nabla = [{"weights": np.zeros_like(x), "bias": np.zeros_like(y)} for x, y in zip(w, b, strict=True)]
    deltas, value = [], 0.0
    for x, y in zip(X, T, strict=True):
        a = [x]
        for k in range(len(w)):
            z = w[k] @ a[-1] + b[k]
            a.append(np.tanh(z) if k < len(w) - 1 else sigmoid(z))
        delta = [2 * factor * (a[-1] - y) * a[-1] * (1 - a[-1])]
        for k in range(len(w) - 2, -1, -1):
            delta.insert(0, (w[k + 1].T @ delta[0]) * (1 - a[k + 1] ** 2))
        for k in range(len(w)):
            nabla[k]["weights"] += np.outer(delta[k], a[k]) * share
            nabla[k]["bias"] += delta[k] * share
        deltas.append(delta)
        value += factor * np.sum((a[-1] - y) ** 2) * share
    return value, deltas, nabla


def nielsen(layers, X, T):
    return columns(layers, X, T, 0.5, 1 / len(X))


def lee(layers, X, T):
    return columns(layers, X, T, 1.0, 1.0)


def kanade(layers, X, T):
    """Rows of derivatives times Jacobians."""
    W, b = [one["weights"] for one in layers], [one["bias"] for one in layers]
    found = [{"weights": np.zeros_like(x), "bias": np.zeros_like(y)} for x, y in zip(W, b, strict=True)]
    rows_, value = [], 0.0
    for x, y in zip(X, T, strict=True):
        a = [x]
        for k in range(len(W)):
            z = W[k] @ a[-1] + b[k]
            a.append(np.tanh(z) if k < len(W) - 1 else sigmoid(z))
        row = [2 * (a[-1] - y)[np.newaxis] @ np.diag(a[-1] * (1 - a[-1]))]
        for k in range(len(W) - 2, -1, -1):
            row.insert(0, row[0] @ W[k + 1] @ np.diag(1 - a[k + 1] ** 2))
        for k in range(len(W)):
            found[k]["weights"] += (a[k][:, np.newaxis] @ row[k]).T / len(X)
            found[k]["bias"] += row[k][0] / len(X)
        rows_.append([one[0] for one in row])
        value += np.sum((a[-1] - y) ** 2) / len(X)
    return value, rows_, found


def aima(layers, X, T):
    """Unit by unit, with what is added to each weight."""
    w = [one["weights"] for one in layers]
    added, deltas, value = [np.zeros_like(x) for x in w], [], 0.0
    for x, y in zip(X, T, strict=True):
        a = [np.append(1, x)]
        for k in range(len(w)):
            total = [sum(w[k][i, j] * a[-1][i] for i in range(len(a[-1]))) for j in range(w[k].shape[1])]
            a.append(np.append(1, np.tanh(total)) if k < len(w) - 1 else sigmoid(np.array(total)))
        Delta = [a[-1] * (1 - a[-1]) * (y - a[-1])]
        for k in range(len(w) - 2, -1, -1):
            units = range(1, len(a[k + 1]))
            Delta.insert(0, np.array([(1 - a[k + 1][i] ** 2) * sum(w[k + 1][i] * Delta[0]) for i in units]))
        for k in range(len(w)):
            added[k] += np.outer(a[k], Delta[k])
        deltas.append(Delta)
        value += 0.5 * np.sum((y - a[-1]) ** 2)
    return value, deltas, [{"weights": x} for x in added]


def grosse(layers, X, T):
    """A batch at once: Z = H W^T + 1 b^T."""
    H = [X]
    for k, one in enumerate(layers):
        Z = H[-1] @ one["weights"].T + one["bias"]
        H.append(np.tanh(Z) if k < len(layers) - 1 else sigmoid(Z))
    bar = [(H[-1] - T) * H[-1] * (1 - H[-1])]
    for k in range(len(layers) - 2, -1, -1):
        bar.insert(0, (bar[0] @ layers[k + 1]["weights"]) * (1 - H[k + 1] ** 2))
    found = [{"weights": z.T @ h / len(X), "bias": z.mean(axis=0)} for z, h in zip(bar, H, strict=False)]
    return np.mean(np.sum((H[-1] - T) ** 2, axis=1)) / 2, [[z[n] for z in bar] for n in range(len(X))], found


ALGORITHMS = {
    "magdon-ismail": magdon_ismail,
    "nielsen": nielsen,
    "kanade": kanade,
    "lee": lee,
    "aima": aima,
    "grosse": grosse,
}


def test_every_notation_has_its_algorithm():
    assert ALGORITHMS.keys() == NOTATIONS.keys() - {"chainrule"}


@pytest.mark.parametrize("key", ALGORITHMS)
@one_in(10)
@given(seed=st.integers(0, 1000), sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4), examples=st.integers(1, 4))
def test_arrays_are_what_the_text_computes(key, seed, sizes, examples):
    # For texts that take any loss the squared error is their squared error.
    seen, X, T = passed("squared", tuple(sizes), examples, seed)
    layers = seen.arrays(key)
    value, deltas, gradients = ALGORITHMS[key](layers, X, T)
    notation = NOTATIONS[key]
    assert notation.objective_factor(seen.loss, examples) * seen.objective == pytest.approx(value, rel=1e-12)
    for k, (layer, expected) in enumerate(zip(layers, gradients, strict=True)):
        np.testing.assert_allclose(layer["sensitivities"], [one[k] for one in deltas], atol=1e-13)
        for name, gradient in expected.items():
            np.testing.assert_allclose(layer[f"gradient by {name}"], gradient, atol=1e-13)
        assert ("gradient by bias" in layer) == ("bias" in expected)


@pytest.mark.parametrize("key", NOTATIONS)
@one_in(10)
@given(inputs=st.integers(1, 4), units=st.integers(1, 4), seed=st.integers(0, 99))
def test_packing_and_unpacking_are_opposites(key, inputs, units, seed):
    rng, notation = np.random.default_rng(seed), NOTATIONS[key]
    weights, bias = rng.normal(size=(inputs, units)), rng.normal(size=units)
    packed = notation.pack(weights, bias)
    back = notation.unpack(packed)
    np.testing.assert_array_equal(back[0], weights)
    np.testing.assert_array_equal(back[1], bias)
    again = notation.pack(*back)
    assert all(np.array_equal(again[name], packed[name]) for name in packed)
    shape = (1 + inputs, units) if notation.bias_row else (units, inputs) if notation.transposed else (inputs, units)
    assert packed["weights"].shape == shape


@pytest.mark.parametrize("loss", ["squared", "half_squared", "binary_cross_entropy"])
@pytest.mark.parametrize("key", NOTATIONS)
def test_gradients_are_those_of_the_notations_own_objective(key, loss):
    seen, X, T = passed(loss, regularizers=(nn.L2(0.1),))
    notation, step = NOTATIONS[key], 1e-6
    network = nn.Network(3, tuple(one.layer for one in seen.layers))
    values = []
    for sign in (1, -1):
        parameters = [dict(one.parameters) for one in seen.layers]
        parameters[0]["weights"] = parameters[0]["weights"].copy()
        parameters[0]["weights"][2, 1] += sign * step
        again = backprop(network, X, T, parameters=tuple(parameters), loss=loss, regularizers=(nn.L2(0.1),))
        values.append(notation.objective_factor(again.loss, again.total) * again.objective)
    slope = notation.sign * (values[0] - values[1]) / (2 * step)
    first = seen.arrays(key)[0]
    bias = np.zeros(first["signals"].shape[1]) if notation.bias_row else first["gradient by bias"]
    gradient, _ = notation.unpack({"weights": first["gradient by weights"], "bias": bias})
    assert gradient[2, 1] == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("key", NOTATIONS)
def test_sensitivities_are_derivatives_of_the_notations_loss_by_the_signals(key):
    seen, X, T = passed("squared")
    notation, step = NOTATIONS[key], 1e-6
    network = nn.Network(3, tuple(one.layer for one in seen.layers))
    parameters = tuple(one.parameters for one in seen.layers)
    for number, n, unit in ((0, 1, 2), (1, 4, 0)):
        values = []
        for sign in (1, -1):
            probes = [np.zeros_like(one.signals) for one in seen.layers]
            probes[number][n, unit] = sign * step
            passes, _ = network.forward(parameters, network.initial_state(), X, probes=probes)
            values.append(notation.factor(seen.loss) * np.sum((passes[-1].activation[n] - T[n]) ** 2))
        slope = notation.sign * (values[0] - values[1]) / (2 * step)
        assert seen.arrays(key)[number]["sensitivities"][n, unit] == pytest.approx(slope, abs=1e-8)


def test_layout_of_the_arrays():
    seen, X, _ = passed()
    first, last = seen.arrays("magdon-ismail")
    np.testing.assert_array_equal(first["inputs"], np.hstack([np.ones((5, 1)), X]))
    np.testing.assert_array_equal(first["activations"][:, 0], 1)
    np.testing.assert_array_equal(last["inputs"], first["activations"])
    assert last["activations"].shape == (5, 2)
    np.testing.assert_array_equal(first["weights"][0], seen.layers[0].parameters["bias"])
    assert [one["number"] for one in seen.arrays("nielsen")] == [2, 3]
    assert [one["number"] for one in seen.arrays("lee")] == [1, 2]
    jacobians = seen.arrays("kanade")[0]["slope"]
    assert jacobians.shape == (5, 4, 4)
    np.testing.assert_array_equal(jacobians[2], np.diag(seen.layers[0].slope[2]))
    np.testing.assert_array_equal(seen.arrays("aima")[0]["sensitivities"], -0.5 * seen.layers[0].sensitivities)


def test_a_learned_slope_is_not_the_slope_of_the_activation():
    network = nn.Network.of(2, (3,), activation="prelu")
    seen = backprop(network, np.ones((4, 2)), np.ones((4, 1)), parameters=network.initialize(0), loss="squared")
    first = seen.arrays()[0]
    assert first["learned slope"].shape == (3,)
    assert first["slope"].shape == (4, 3)


def test_other_losses_have_no_factor():
    cross, half = nn.losses.loss("cross_entropy"), nn.losses.loss("half_squared")
    assert [NOTATIONS[key].factor(cross) for key in NOTATIONS] == [1.0] * 7
    assert NOTATIONS["magdon-ismail"].factor(half) == 2.0
    assert NOTATIONS["nielsen"].factor(half) == NOTATIONS["kanade"].factor(half) == 1.0


def test_what_is_shown_follows_the_notation():
    seen, _, _ = passed()
    in_nielsen = str(seen.as_in("nielsen"))
    head = next(line for line in in_nielsen.splitlines() if line.startswith("layer"))
    assert head.split() == [
        *("layer", "units", "activation"),
        *("z^l", "a^l", "∂C/∂a^l", "σ′(z^l)", "δ^l", "∂C/∂w^l", "∂C/∂b^l"),
    ]
    assert "z^l weighted inputs;" in in_nielsen
    assert [line.split()[0] for line in in_nielsen.splitlines()[-2:]] == ["2", "3"]
    assert f"C = {seen.objective / 2:.6g}" in in_nielsen
    delta = np.sqrt(np.mean((seen.layers[0].sensitivities / 2) ** 2))
    assert in_nielsen.splitlines()[-2].split()[7] == f"{delta:.3g}"
    assert "Δ^l modified errors" in " ".join(str(seen.as_in("aima")).split())
    # There the bias is a row of the weights.
    assert len(seen.table("magdon-ismail")[1]) == len(seen.table("nielsen")[1]) - 1


def test_regularisers_are_named_beside_the_cost():
    seen, _, _ = passed(regularizers=(nn.L2(0.1),))
    assert f"E_in + R = {seen.objective:.6g}" in str(seen.as_in("magdon-ismail"))
    assert f"L + R = {5 * seen.objective:.6g}" in str(seen.as_in("lee"))
    gradient = next(one for one in seen.equations("aima") if one.name == "gradient by weights")
    assert gradient.text == "−∂Loss/∂W^3 = Σ a^2 (Δ^3)ᵀ − ∂R/∂W^3"


def test_weights_of_examples_are_written_into_the_sums():
    seen, _, _ = passed(weights=np.arange(1.0, 6.0))
    by_bias = [next(one for one in seen.equations(key) if one.name == "gradient by bias") for key in ("nielsen", "lee")]
    assert by_bias[0].text == "∂C/∂b^3 = 1/Σ v_n Σ_n v_n δ^3"
    assert by_bias[1].text == "∂L/∂b^2 = Σ_n v_n ∂l/∂z^2"


@pytest.mark.parametrize("key", NOTATIONS)
def test_html_shows_the_numbers_and_formulas_of_the_notation(key):
    seen, _, _ = passed()
    seen = seen.as_in(key)
    fragment = seen._repr_html_()
    texts(fragment)
    heads, *layers = rows(fragment, "Root mean squares")
    title, expected, numbers = seen.table()
    # In place of the signs there are elements that raise and lower.
    assert heads == [bare(head) for head in expected]
    assert layers == [[*row] for row in numbers]
    for line in title.splitlines()[1:-1]:
        assert bare(line) in "".join(texts(fragment))
    assert key == "chainrule" or "<sup>" in fragment
    if key != "chainrule":
        assert NOTATIONS[key].source in fragment
    assert [row[2] for row in rows(fragment, "Equations")[1:]] == [bare(one.text) for one in seen.equations()]


@pytest.mark.parametrize("key", NOTATIONS)
def test_one_example_is_shown_with_its_numbers(key):
    seen, X, _ = passed()
    one = seen.example(2).as_in(key)
    _, heads, lines = one.table()
    assert heads == ("layer", "quantity", "symbol", "value")
    text, notation = str(one), NOTATIONS[key]
    assert "root mean squares" not in text
    assert f"[{', '.join(f'{x:.4f}' for x in X[2])}]"[1:6] in text
    assert notation.symbol("sensitivities", 2) in text
    assert ["".join(row) for row in rows(one._repr_html_(), "Numbers of one example")[1:]] == [
        bare("".join(row)) for row in lines
    ]
    assert notation.latex_symbol("sensitivities", 2) + " = " in one.latex()


def bare(text):
    return text.replace("^", "").replace("_", "")


def parses(latex):
    mathtext = pytest.importorskip("matplotlib.mathtext", reason="matplotlib is not installed")
    mathtext.MathTextParser("path").parse(f"${latex}$")


@pytest.mark.parametrize("key", NOTATIONS)
def test_latex_is_well_formed(key):
    notation = NOTATIONS[key]
    for name in notation.formulas:
        parses(notation.latex_formula(name))
    for quantity in (*notation.symbols, "gradient by scale", "scale"):
        parses(notation.latex_symbol(quantity, 1))
    seen, _, _ = passed(regularizers=(nn.L1(0.1),), weights=np.ones(5))
    for equation in seen.equations(key):
        parses(equation.latex)
        assert not re.search(r"[\\{}@]", equation.text), equation.text
    for text in (seen.latex(key), seen.example(0).latex(key)):
        begin, *lines, end = text.splitlines()
        assert begin.startswith(r"\begin{array}{")
        assert end == r"\end{array}"
        width = len(begin.removeprefix(r"\begin{array}{").removesuffix("}"))
        assert all(line.count(" & ") == width - 1 for line in lines)


def test_every_row_has_the_same_quantities_and_formulas():
    # What a bias in row 0 makes superfluous.
    for notation in NOTATIONS.values():
        assert notation.symbols.keys() == NOTATIONS["nielsen"].symbols.keys()
        bias = {"gradient by bias"} if notation.bias_row else set()
        assert notation.formulas.keys() == NOTATIONS["nielsen"].formulas.keys() - bias


def test_formulas_of_the_texts():
    formulas = {key: row.formula for key, row in NOTATIONS.items()}
    assert formulas["magdon-ismail"]("sensitivity") == "δ^(l) = θ′(s^(l)) ∘ [W^(l+1) δ^(l+1)]_1^d"
    assert formulas["magdon-ismail"]("cost") == "E_in = 1/N Σ_n e_n"
    assert formulas["nielsen"]("output sensitivity") == "δ^L = ∇_a C ∘ σ′(z^L)"
    assert formulas["kanade"]("gradient by weights", 1) == "∂L/∂W^2 = 1/N Σ_i (a^1 · ∂ℓ/∂z^2)ᵀ"
    assert formulas["lee"]("sensitivity", 1) == "∂l/∂z^1 = σ′(z^1) ∘ ((W^2)ᵀ ∂l/∂z^2)"
    assert formulas["aima"]("output error") == "Err^L = y − a^L"
    assert formulas["grosse"]("gradient by weights", 2) == "W̄^(2) = 1/N Σ_i z̄^(2) (h^(1))ᵀ"


def test_plain_leaves_single_letters_alone():
    assert plain(r"W^{l} \hat{y}^{(L)}") == "W^l ŷ^(L)"


def test_an_unknown_notation_is_named():
    with pytest.raises(OptionError, match="unknown notation 'nielson': did you mean 'nielsen'"):
        notation_of("nielson")
    with pytest.raises(OptionError, match="unknown notation"):
        passed(notation="hinton")
