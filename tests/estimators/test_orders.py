"""The orders of the examples: scikit-learn's, for any epoch that is asked for."""

import numpy as np
from sklearn.utils import shuffle

from chainrule.estimators import orders
from chainrule.estimators.orders import Orders


def expected(count, epochs, seed=3):
    rng, found = np.random.RandomState(seed), [np.arange(count)]
    for _ in range(epochs):
        found.append(shuffle(found[-1], random_state=rng))
    return found[1:]


def test_each_is_a_shuffle_of_the_one_before():
    found = Orders(50, np.random.RandomState(3))
    for epoch, order in enumerate(expected(50, 10)):
        np.testing.assert_array_equal(found.of(epoch), order)


def test_any_of_them_at_any_time(monkeypatch):
    # Two are kept, so that the others are drawn again.
    monkeypatch.setattr(orders, "_KEPT", 100)
    rng = np.random.RandomState(3)
    found, there = Orders(50, rng), expected(50, 10)
    for epoch in (4, 4, 3, 0, 9, 8, 1, 9):
        np.testing.assert_array_equal(found.of(epoch), there[epoch])
    assert len(found._kept) <= 2
    after = np.random.RandomState(3)
    for _ in range(10):
        after.shuffle(np.arange(50))
    assert rng.randint(2**31) == after.randint(2**31)
