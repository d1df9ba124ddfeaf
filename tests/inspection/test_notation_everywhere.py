"""What is shown follows the notation: explanations, diagnoses, counts, the words of a check, the stepping page."""

import numpy as np
import pytest
from tests.html.reading import rows, texts

from chainrule import backprop, check_backprop, count, diagnose, explain, nn, optim, train
from chainrule.errors import OptionError
from chainrule.inspection import NOTATIONS, Watch, explain_weight

RNG = np.random.default_rng(4)
X, T = RNG.normal(size=(6, 3)), RNG.random((6, 2))
NETWORK = nn.Network.of(3, (4,), 2, activation="tanh", output="sigmoid")
PARAMETERS = NETWORK.initialize(0)
OPTIONS = {"parameters": PARAMETERS, "loss": "squared", "regularizers": (nn.L2(0.1),)}


def loss(w, b, x, t):
    y = 1 / (1 + np.exp(-(w * x + b)))
    return 0.5 * (y - t) ** 2 + 0.05 * w**2


POINT = (2.0, 1.0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("key", "text", "latex"),
    [
        ("chainrule", "dL/dv5 = dL/dv6 * dv6/dv5", r"\frac{\partial L}{\partial v_{5}} &="),
        ("nielsen", "dC/dv5 = dC/dv6 * dv6/dv5", r"\frac{\partial C}{\partial v_{5}} &="),
        ("magdon-ismail", "dE_in/dv5 = dE_in/dv6 * dv6/dv5", r"\frac{\partial E_{\mathrm{in}}}{\partial v_{5}} &="),
        ("aima", "dLoss/dv5 = dLoss/dv6 * dv6/dv5", r"\frac{\partial \mathrm{Loss}}{\partial v_{5}} &="),
        ("grosse", "v\u03045 = v\u03046 * dv6/dv5", r"\overline{v_{5}} &="),
    ],
)
def test_derivatives_of_a_function(key, text, latex):
    found = explain(loss, notation=key)(*POINT)
    assert text in found.derivation()
    assert latex in found.latex()
    assert latex.removesuffix(" &=") in found.markdown()
    page = found.html()
    assert text.partition(" ")[0] in page
    assert found.expanded().derivatives.text("w") in str(found.expanded())


def test_bars_over_values():
    found = explain(lambda rate, X: np.sum(X @ X.T) * rate, notation="grosse")(2.0, np.ones((2, 2)))
    text = found.derivation()
    assert "rate_bar = " in text
    assert "v\u03042 @ " in text
    assert "error signal of what uses it" in str(found)
    assert rows(found._repr_html_(), "Backward")[0][-1] == "error signal"


def test_a_letter_that_is_taken_is_not_used():
    assert "dL/dC" in explain(lambda C: C**2, notation="nielsen")(3.0).derivation()


@pytest.mark.parametrize("key", NOTATIONS)
@pytest.mark.parametrize("input", [None, 2])
def test_one_weight(key, input):
    """What is shown is the entry of the notation's own array, and the products of its own columns add up to it."""
    row = NOTATIONS[key]
    found = explain_weight(NETWORK, X, T, layer=2, unit=1, input=input, notation=key, **OPTIONS)
    arrays = backprop(NETWORK, X, T, **OPTIONS).arrays(key)[1]
    if key != "chainrule":
        where = found.sentence.partition("[")[2].partition("]")[0]
        name = "bias" if input is None and not row.bias_row else "weights"
        gradient = arrays[f"gradient by {name}"][tuple(map(int, where.split(", ")))]
        assert f": {gradient:.6g}, " in found.sentence
        assert found.sentence.startswith(f"{row.symbol(name, 2)}[")
        assert f"in layer {row.number(2)}; {row.noun(f'gradient by {name}')}" in found.sentence
    lines = [line.split() for line in str(found).splitlines()]
    first = next(line for line in lines if line and line[0] == "0")
    assert float(first[2]) == pytest.approx(arrays["sensitivities"][0, 1], rel=1e-4)
    (last,) = [line for line in lines if line[:1] == [row.cost]]
    gradient = row.gradient_factor(backprop(NETWORK, X, T, **OPTIONS).loss, len(X)) * (found.gradient - found.penalty)
    assert float(last[-1]) == pytest.approx(gradient, rel=1e-4)


def test_a_diagnosis():
    plain, found = (diagnose(NETWORK, X, T, notation=key, **OPTIONS) for key in ("chainrule", "lee"))
    title, heads, lines = found.table()
    assert "z^l inputs of the activation functions; ∂l/∂z^l dl/dz, the backward pass" in title
    assert {"z^l", "∂l/∂z^l"} <= set(heads)
    # There the losses are summed; the sensitivities are those of one example's loss.
    assert f"objective {6 * plain.objective:.6g}," in title
    place = heads.index("∂l/∂z^l")
    assert [line[place] for line in lines] == [line[place] for line in plain.table()[2]]
    in_nielsen = diagnose(NETWORK, X, T, notation="nielsen", **OPTIONS)
    assert [line[0] for line in in_nielsen.table()[2]] == ["2", "3"]
    numbers = [float(line[place]) for line in in_nielsen.table()[2]]
    np.testing.assert_allclose(numbers, [one.sensitivity / 2 for one in plain.layers], rtol=0.05)
    assert max(map(len, str(in_nielsen).splitlines())) < 140
    assert "errors" in " ".join(texts(in_nielsen._repr_html_()))


def test_findings_count_layers_as_the_notation_does():
    parameters = ({**PARAMETERS[0], "weights": 60 * PARAMETERS[0]["weights"]}, PARAMETERS[1])
    found = diagnose(NETWORK, X, T, parameters=parameters, loss="squared", notation="nielsen")
    (saturated,) = [one for one in found.findings if one.kind == "saturated"]
    assert saturated.layer == 1
    assert str(saturated).startswith("layer 2: ")
    watch = Watch(NETWORK, X, T, loss="squared", every=1, notation="nielsen")
    train.fit(NETWORK, parameters, "squared", X, T, optimizer=optim.sgd(0.01), epochs=2, callbacks=[watch])
    assert any(str(one).startswith("layer 2: ") for one in watch.findings)
    first, second = (one.table()[2][0] for one in (watch, _in_chainrule(parameters)))
    assert float(first[1]) == pytest.approx(float(second[1]) / 2, rel=0.05)


def _in_chainrule(parameters):
    watch = Watch(NETWORK, X, T, loss="squared", every=1)
    train.fit(NETWORK, parameters, "squared", X, T, optimizer=optim.sgd(0.01), epochs=2, callbacks=[watch])
    return watch


def test_a_count():
    found = count(NETWORK, 8, loss="squared", notation="nielsen")
    assert [row[0] for row in found.table()[2]] == ["2", "3", "loss", "whole"]
    assert [one.number for one in found.pieces] == [1, 2, None]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("magdon-ismail", "sensitivities δ^(1)"),
        ("nielsen", "errors δ^2"),
        ("kanade", "derivative by the pre-activations ∂ℓ/∂z^2"),
        ("lee", "dl/dz ∂l/∂z^1"),
        ("aima", "modified errors Δ^2"),
        ("grosse", "error signals of the sums z̄^(1)"),
    ],
)
def test_the_words_of_a_check(key, words):
    row = NOTATIONS[key]
    arrays = [dict(one) for one in backprop(NETWORK, X, T, **OPTIONS).arrays(key)]
    arrays[0]["sensitivities"] = arrays[0]["sensitivities"] + 1.0
    arrays[0] = {name: x for name, x in arrays[0].items() if name.startswith("gradient by ") or name == "sensitivities"}
    found = check_backprop(arrays, NETWORK, X, T, notation=key, **OPTIONS)
    assert f"{words} of layer {row.number(1)}" in str(found)
    assert f"{words} of layer {row.number(1)}" in str(
        check_backprop(arrays, NETWORK, X, T, notation=key, feedback="hint", **OPTIONS)
    )


@pytest.mark.parametrize("key", NOTATIONS)
def test_the_place_of_a_wrong_entry_is_that_in_the_array_handed_in(key):
    row = NOTATIONS[key]
    arrays = [dict(one) for one in backprop(NETWORK, X, T, **OPTIONS).arrays(key)]
    theirs = [{name: x for name, x in one.items() if name.startswith("gradient by ")} for one in arrays]
    wrong = theirs[0]["gradient by weights"] = theirs[0]["gradient by weights"].copy()
    place = (2, 1) if row.transposed else (1, 2)
    wrong[place] += 7.0
    (found,) = check_backprop(theirs, NETWORK, X, T, notation=key, **OPTIONS).differences
    assert found.where == place
    if row.bias_row:
        theirs = [{name: x.copy() for name, x in one.items()} for one in theirs]
        theirs[0]["gradient by weights"][:] = arrays[0]["gradient by weights"]
        theirs[0]["gradient by weights"][0, 3] += 7.0
        (found,) = check_backprop(theirs, NETWORK, X, T, notation=key, **OPTIONS).differences
        assert (found.array, found.where) == ("bias", (0, 3))


def test_shapes_are_said_in_the_layout_handed_in():
    theirs = [{"weights": np.zeros((5, 3)), "bias": np.zeros(4)}, {"weights": np.zeros((2, 4)), "bias": np.zeros(2)}]
    text = str(check_backprop(theirs, NETWORK, X, T, notation="nielsen", **OPTIONS))
    assert "layer 2: the gradient by the weights ∂C/∂w^2 should have the shape (4, 3), found (5, 3)" in text


def test_a_notation_that_there_is_not():
    for shown in (
        lambda: explain(loss, notation="nielson"),
        lambda: diagnose(NETWORK, X, T, notation="nielson", **OPTIONS),
        lambda: count(NETWORK, loss="squared", notation="nielson"),
        lambda: Watch(NETWORK, X, T, loss="squared", notation="nielson"),
        lambda: explain_weight(NETWORK, X, T, layer=1, unit=0, input=0, notation="nielson", **OPTIONS),
    ):
        with pytest.raises(OptionError, match="nielson"):
            shown()
