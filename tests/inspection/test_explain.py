"""The explained function: what its tables say has to add up."""

import numpy as np
import pytest

from chainrule import TraceError, backprop, explain, grad, nn
from chainrule.errors import OptionError
from chainrule.inspection import explain_weight


def loss(w, b, x, t):
    y = 1 / (1 + np.exp(-(w * x + b)))
    return 0.5 * (y - t) ** 2 + 0.05 * w**2


POINT = (2.0, 1.0, 0.5, 1.0)

FUNCTIONS = {
    "scalar": (loss, POINT),
    "arrays": (lambda w: np.var(w[1:]) + np.sum(np.where(w > 0, w, 0.0)), (np.array([1.0, 2.0, -3.0]),)),
    "product": (lambda a, b: np.sum((a @ b) ** 2), (np.eye(2) + 0.5, np.ones((2, 3)))),
    "used twice": (lambda x: x * np.sin(x), (0.3,)),
    "unused": (lambda x, y: x * 2.0, (1.0, 5.0)),
    "a tree": (lambda p: p["a"] * p["b"][0], ({"a": 2.0, "b": [3.0]},)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_contributions_add_up_to_the_gradient(name):
    f, args = FUNCTIONS[name]
    steps = explain(f)(*args).steps
    for step in steps:
        if step.uses:
            total = sum(np.asarray(use.contribution) for use in step.uses)
            np.testing.assert_allclose(total, step.derivative, atol=1e-14)
        for use in step.uses:
            if use.local is not None and np.shape(use.derivative) == np.shape(step.derivative):
                np.testing.assert_allclose(use.derivative * use.local, use.contribution, atol=1e-14)
    gradients = grad(f, tuple(range(len(args))))(*args)
    if name == "a tree":
        assert (steps[0].derivative, steps[1].derivative) == (gradients[0]["a"], gradients[0]["b"][0])
        return
    inputs = [step for step in steps if not step.formula]
    for step, gradient in zip(inputs, gradients, strict=False):
        np.testing.assert_allclose(step.derivative, gradient, atol=1e-14)


def test_values_are_those_of_the_function():
    explanation = explain(loss)(*POINT)
    assert explanation.steps[-1].value == loss(*POINT)
    assert [step.name for step in explanation.steps if not step.formula] == ["w", "b", "x", "t"]
    assert str(explanation).startswith("loss(w = 2, b = 1, x = 0.5, t = 1)\n\nforward\n")


def test_a_value_used_twice_has_a_line_for_each_path():
    text = str(explain(lambda x: x * np.sin(x))(0.3))
    backward = text.split("backward")[1].splitlines()
    place = next(k for k, line in enumerate(backward) if line.startswith("x "))
    assert backward[place + 1].split()[0] == "+"


def test_the_named_group_is_shown():
    assert "part of" in str(explain(lambda x: np.var(x))(np.ones(3)))
    assert "part of" not in str(explain(lambda x: x * x)(1.0))


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: np.ones(3) * x, "shape (3,)"),
        (lambda x: (x, x), "one real number"),
        (lambda x: 3.0, "depends on its arguments"),
    ],
)
def test_what_cannot_be_explained(f, words):
    with pytest.raises(TraceError) as problem:
        explain(f)(1.0)
    assert words in str(problem.value)


def test_the_derivation_shows_symbols_and_numbers():
    text = explain(loss)(*POINT).derivation()
    paragraphs = text.split("\n\n")
    assert len(paragraphs) == 16
    last = paragraphs[-1].splitlines()
    assert last[0].startswith("w is used twice, in v10 = w ** 2 and v1 = w * x: 2 paths meet here")
    assert last[1] == "    through v10: dL/dv10 * dv10/dw = dL/dv10 * (2 * w) = 0.05 * 4 = 0.2"
    assert last[-1] == "    dL/dw = 0.2 + (-0.00625777) = 0.193742"
    assert "dL/dv5 = dL/dv6 * dv6/dv5 = dL/dv6 * (-v6 / v5)" in text


def test_the_derivation_of_products_of_matrices():
    text = explain(lambda W, x: np.sum(np.tanh(x @ W) ** 2))(np.eye(2), np.ones((3, 2))).derivation()
    assert "dL/dW = x.T @ (dL/dv1) = [[" in text
    assert "dL/dv1 = dL/dv2 * dv2/dv1 = dL/dv2 * (1 - v2 * v2) =" in text


def test_a_broadcast_value_is_summed_over():
    text = explain(lambda b, x: np.sum(x + b))(1.0, np.ones(4)).derivation()
    assert "= 4, summed over the entries that share it" in text


def test_markdown_and_latex():
    explanation = explain(loss)(*POINT)
    page = explanation.markdown()
    assert "| $v_{4}$ | $e^{v_{3}}$ | 0.135335 |" in page
    assert "2 paths meet at $w$ and are added:" in page
    assert page.count("$") % 2 == 0
    text = explanation.latex()
    assert text.count(r"\begin{aligned}") == text.count(r"\end{aligned}") == 2
    assert r"\left(\frac{-v_{6}}{v_{5}}\right) = 0.092478" in text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_form_is_written(name):
    f, args = FUNCTIONS[name]
    explanation = explain(f)(*args)
    for text in (explanation.derivation(), explanation.markdown(), explanation.latex(), str(explanation.expanded())):
        assert "%" not in text
        assert "<" not in text.replace("<lambda>", "")


def test_an_entry_and_the_whole_array():
    explanation = explain(lambda x: np.sum(x**2) - x[1])(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(explanation.steps[0].derivative, [2.0, 3.0])


def test_the_terms_of_the_expansion_add_up():
    """The terms are Python once the functions are known, so they can be computed."""
    found = explain(loss)(*POINT).expanded()
    names = dict(zip("wbxt", POINT, strict=True)) | {"exp": np.exp}
    for one, gradient in zip(found.by, grad(loss, (0, 1, 2, 3))(*POINT), strict=True):
        assert sum(eval(text, names) for _, text in one.terms) == pytest.approx(gradient, rel=1e-12)
        assert one.paths == len(one.terms)


def test_the_expansion_counts():
    def powers(x):
        for _ in range(10):
            x = x * x
        return x

    found = explain(powers)(1.001).expanded()
    # 2^10 paths of ten edges, nine products each; in the backward pass a product for each edge but the first two.
    assert found.by[0].paths == 1024
    assert found.multiplications == 9 * 1024
    assert found.backward == 18
    assert found.factors["v1", "x"] == 1024
    # v1 = x * x in v2 = v1 * v1: 2 paths through each of 2 edges read v1 once in dv2/dv1.
    small = explain(lambda x: (x * x) * (x * x))(3.0).expanded()
    assert small.by[0].paths == 4
    assert {name: small.computed[name] for name in ("v1", "v2")} == {"v1": 2, "v2": 2}


def weight(**where):
    network = nn.Network(2, (nn.Dense(3, "tanh"), nn.Dense(2, "softmax")))
    parameters = network.initialize(0, np.float64)
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(12, 2)), np.eye(2)[rng.integers(0, 2, 12)]
    options = {"parameters": parameters, "loss": "cross_entropy", "regularizers": (nn.L2(0.1),)}
    return explain_weight(network, X, y, **where, **options), backprop(network, X, y, **options)


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("input", [0, 1, None])
def test_a_weight_is_an_activation_times_a_sensitivity(layer, input):
    found, seen = weight(layer=layer, unit=1, input=input)
    gradients = seen.layers[layer - 1].gradients
    expected = gradients["bias"][1] if input is None else gradients["weights"][input, 1]
    assert found.gradient == expected
    assert np.mean(found.activations * found.sensitivities) + found.penalty == pytest.approx(expected, rel=1e-12)
    assert f"unit 1 in layer {layer} is" in str(found)
    assert "the first 10 of 12 examples" in str(found)
    assert ("regularisers" in found.sentence) == (input is not None)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"layer": 3, "unit": 0, "input": 0}, "layer should be from 1 to 2"),
        ({"layer": 1, "unit": 3, "input": 0}, "unit should be from 0 to 2"),
        ({"layer": 1, "unit": 0, "input": 2}, "input should be from 0 to 1"),
    ],
)
def test_weights_that_are_not_there(where, words):
    with pytest.raises(OptionError, match=words):
        weight(**where)
