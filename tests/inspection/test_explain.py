"""The explained function: what its tables say has to add up."""

import numpy as np
import pytest

from chainrule import TraceError, explain, grad


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
