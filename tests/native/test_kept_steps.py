"""Training steps on disk: found whole, and the same to the last bit."""

import numpy as np
import pytest
from tests.native.test_training import STATE, T, X, steps

from chainrule.native.bench import Plan
from chainrule.native.cache import key_of
from chainrule.native.kept_steps import keep, kept

KEY = key_of("a test of steps")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.delenv("CHAINRULE_CACHE_SIZE", raising=False)


def run(made):
    order = np.random.default_rng(1).permutation(11)
    leaves, losses = made.bench((0.1,), (X, T), 4, gathers=True).run(STATE, 0, order, 0, 3)
    return [*leaves, losses]


def test_steps_are_found_and_take_the_same_steps():
    made = steps()
    assert kept(KEY) is None
    keep(KEY, made)
    found = kept(KEY)
    for a, b in zip(run(made), run(found), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_what_is_written_of_a_plan_is_read_again():
    plan = steps().plan
    again = Plan.read(plan.facts())
    assert again.facts() == plan.facts()
    for n in (1, 4, 300):
        assert again.memory.layout(n) == plan.memory.layout(n)


def with_constants(rows):
    weights = np.linspace(0, 1, rows)[:, np.newaxis]

    def f(state, rate, clock, x, t):
        w, before, count = state
        return w - rate * weights[: len(w)] - np.sum(weights * rate), before * 1.0, count + 1, np.sum(x @ w)

    made = steps(f)
    assert made.plan.constants
    return made


def test_steps_with_constants_take_the_same_steps():
    made = with_constants(20)
    keep(KEY, made)
    found = kept(KEY)
    assert found.plan.facts() == made.plan.facts()
    for a, b in zip(run(made), run(found), strict=True):
        np.testing.assert_array_equal(a, b)


def test_steps_with_large_constants_are_not_kept():
    keep(KEY, with_constants(10_000))
    assert kept(KEY) is None
