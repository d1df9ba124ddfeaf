"""Optimisers: against scikit-learn's and against the textbook, and that each one minimises."""

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from chainrule import tree
from chainrule.differentiate import grad
from chainrule.errors import OptionError
from chainrule.optim import OPTIMIZERS, adam, adamw, apply_updates, optimizer, sgd
from chainrule.optim.schedules import cosine

STEPS = 20
RATE = 0.05


def run(transform, parameters, gradients):
    """The parameters after each step along given gradients."""
    state, seen = transform.init(parameters), []
    for gradient in gradients:
        updates, state = transform.update(gradient, state, parameters)
        parameters = apply_updates(parameters, updates)
        seen.append(parameters)
    return seen


def walk(dtype=np.float64):
    """A start with weights and a bias, and random gradients."""
    rng = np.random.default_rng(0)
    start = [rng.normal(size=(3, 2)).astype(dtype), rng.normal(size=2).astype(dtype)]
    return start, [[rng.normal(size=p.shape).astype(dtype) for p in start] for _ in range(STEPS)]


def assert_same_paths(found, expected, rtol):
    assert len(found) == len(expected) == STEPS
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-11)


@pytest.mark.parametrize(
    ("ours", "theirs", "rtol"),
    [
        (sgd(RATE), lambda p: SGDOptimizer(p, RATE, momentum=0.0, nesterov=False), 1e-12),
        (sgd(RATE, momentum=0.9), lambda p: SGDOptimizer(p, RATE, momentum=0.9, nesterov=False), 1e-12),
        (sgd(RATE, momentum=0.8, nesterov=True), lambda p: SGDOptimizer(p, RATE, momentum=0.8), 1e-12),
        # scikit-learn adds eps before the correction of the mean square: they agree where eps is negligible.
        (adam(RATE, eps=1e-14), lambda p: AdamOptimizer(p, RATE, epsilon=1e-14), 1e-9),
        (adam(RATE, 0.7, 0.9, 1e-14), lambda p: AdamOptimizer(p, RATE, 0.7, 0.9, 1e-14), 1e-9),
    ],
    ids=["sgd", "momentum", "nesterov", "adam", "adam-decays"],
)
def test_against_scikit_learn(ours, theirs, rtol):
    start, gradients = walk()
    parameters = [p.copy() for p in start]
    them, expected = theirs(parameters), []
    for gradient in gradients:
        them.update_params(parameters, gradient)
        expected.append([p.copy() for p in parameters])
    assert_same_paths(run(ours, start, gradients), expected, rtol)


def textbook_adamw(start, gradients, rate, b1, b2, eps, decay):
    """Algorithm 2 of the paper, one array after the other; the bias is not decayed."""
    paths = []
    for p, column in zip(start, zip(*gradients, strict=True), strict=True):
        m, v, path = np.zeros_like(p), np.zeros_like(p), []
        for t, g in enumerate(column, start=1):
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g**2
            mhat, vhat = m / (1 - b1**t), v / (1 - b2**t)
            shrink = decay * p if p.ndim == 2 else 0
            p = p - rate(t - 1) * (mhat / (np.sqrt(vhat) + eps) + shrink)
            path.append(p)
        paths.append(path)
    return list(zip(*paths, strict=True))


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adamw_against_the_textbook(decay):
    start, gradients = walk()
    schedule = cosine(RATE, STEPS)
    found = run(adamw(schedule, 0.9, 0.99, 1e-8, decay), start, gradients)
    assert_same_paths(found, textbook_adamw(start, gradients, schedule, 0.9, 0.99, 1e-8, decay), 1e-12)


def test_against_pytorch():
    torch = pytest.importorskip("torch")
    for ours, theirs in (
        (sgd(RATE, 0.9), lambda p: torch.optim.SGD(p, RATE, momentum=0.9)),
        (sgd(RATE, 0.9, nesterov=True), lambda p: torch.optim.SGD(p, RATE, momentum=0.9, nesterov=True)),
        (adam(RATE), lambda p: torch.optim.Adam(p, RATE)),
    ):
        start, gradients = walk()
        tensors = [torch.tensor(p, requires_grad=True) for p in start]
        them, expected = theirs(tensors), []
        for gradient in gradients:
            for tensor, g in zip(tensors, gradient, strict=True):
                tensor.grad = torch.tensor(g)
            them.step()
            expected.append([tensor.detach().numpy().copy() for tensor in tensors])
        assert_same_paths(run(ours, start, gradients), expected, 1e-10)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_goes_the_way_of_float64(name):
    make = OPTIMIZERS[name]
    single = run(make(rate=RATE), *walk(np.float32))[-1]
    double = run(make(rate=RATE), *walk())[-1]
    assert {p.dtype for p in single} == {np.dtype(np.float32)}
    for one, other in zip(single, double, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def quadratic(p):
    """Minimum 0 at w = 0, b = 1; ten times steeper along the weights."""
    return np.sum(5 * p["w"] ** 2) + 0.5 * (p["b"] - 1) ** 2


def valley(p):
    """Rosenbrock's curved valley, widened: minimum 0 at (1, 1)."""
    x, y = p["w"][0, 0], p["b"]
    return (1 - x) ** 2 + 5 * (y - x**2) ** 2


def start_of(dtype):
    return {"w": np.array([[-1.0]], dtype), "b": np.array(1.5, dtype)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", [quadratic, valley])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_minimises(name, function, dtype):
    options = {"sgd": {"rate": 0.02}, "momentum": {"rate": 0.005}, "nesterov": {"rate": 0.005}}.get(
        name, {"rate": 0.05}
    )
    if name == "adamw":
        options["decay"] = 1e-4  # decay moves the minimum
    transform = OPTIMIZERS[name](**options)
    parameters, slope = start_of(dtype), grad(function)
    state, first = transform.init(parameters), function(parameters)
    for _ in range(600):
        updates, state = transform.update(slope(parameters), state, parameters)
        parameters = apply_updates(parameters, updates)
    assert {leaf.dtype for leaf in tree.leaves(parameters)} == {np.dtype(dtype)}
    assert function(parameters) < 1e-4 * first


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_has_a_rate_of_its_own_and_takes_another(name):
    assert 0 < OPTIMIZERS[name]().rate(0) <= 0.1
    assert OPTIMIZERS[name](rate=cosine(0.25, 4)).rate(2) == 0.125


def test_lookup():
    assert optimizer("adamw") is adamw
    with pytest.raises(OptionError, match="unknown optimiser 'Adam': did you mean 'adam'"):
        optimizer("Adam")


def test_nesterov_needs_momentum():
    with pytest.raises(OptionError, match="nesterov needs momentum"):
        sgd(0.1, nesterov=True)
    with pytest.raises(OptionError, match="the decay of momentum has to be at least 0 and below 1"):
        sgd(0.1, momentum=-0.5)
