import itertools

import numpy as np
import pytest
from examples.hidden_markov_model import (
    dice,
    expected_counts,
    log_probability,
    log_probability_by_scan,
    main,
    normalised,
)
from numpy.testing import assert_allclose

from chainrule import check_gradient, grad, jvp

BOTH = pytest.mark.parametrize("f", [log_probability, log_probability_by_scan])


@BOTH
def test_probability_is_the_sum_over_all_paths(f):
    model, x = dice(6)
    p, A, B = (np.exp(part) for part in model)
    total = 0.0
    for path in itertools.product(range(2), repeat=len(x)):
        steps = [A[i, j] for i, j in itertools.pairwise(path)]
        total += p[path[0]] * np.prod(steps) * np.prod([B[s, k] for s, k in zip(path, x, strict=True)])
    assert_allclose(f(model, x), np.log(total), rtol=1e-12)


@BOTH
def test_gradient_is_the_expected_counts(f):
    model, x = dice(40)
    counts = grad(f)(model, x)
    for part, expected in zip(counts, expected_counts(model, x), strict=True):
        assert_allclose(part, expected, rtol=1e-9, atol=1e-12)
    assert_allclose(np.sum(counts.start), 1)
    assert_allclose(np.sum(counts.transitions), len(x) - 1)
    assert_allclose(np.sum(counts.emissions, axis=0), np.bincount(x, minlength=6))


@BOTH
def test_differences_and_forward_mode(f):
    model, x = dice(10)
    assert check_gradient(f, (model, x)).ok
    counts = grad(f)(model, x)
    _, slope = jvp(lambda m: f(m, x), (model,), (model,))
    assert_allclose(slope, sum(np.sum(c * part) for c, part in zip(counts, model, strict=True)), rtol=1e-10)


def test_a_round_of_expectation_and_maximisation_gains():
    model, x = dice(60)
    better = normalised(grad(log_probability)(model, x))
    assert log_probability(better, x) > log_probability(model, x)


def test_main_in_small(capsys):
    main(n=40, rounds=3)
    assert "forward and backward recursion" in capsys.readouterr().out
