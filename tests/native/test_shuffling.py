"""Random orders: those of the formula, for every key, and as frequent as each other."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.native.shuffling import shuffled

words = st.integers(0, 2**64 - 1)


def by_hand(count, key):
    draws = np.random.Philox(key=np.array(key, np.uint64)).random_raw(count) if count else ()
    order = []
    for k, word in enumerate(map(int, draws)):
        place = ((k + 1) * word) >> 64
        order.append(k)
        order[k], order[place] = order[place], k
    return order


@given(st.integers(0, 70), words, words)
def test_the_formula(count, first, second):
    assert shuffled(count, (first, second)).tolist() == by_hand(count, (first, second))


def test_every_order_is_as_frequent():
    found = Counter(tuple(shuffled(4, (seed, 1)).tolist()) for seed in range(12_000))
    assert len(found) == 24
    # Chi squared with 23 degrees of freedom: 0.1 % is above 49.7.
    assert sum((n - 500) ** 2 / 500 for n in found.values()) < 49.7


@pytest.mark.parametrize("count", [1_000, 100_003])
def test_a_long_order_has_every_number_once(count):
    order = shuffled(count, (5, 6))
    assert order.dtype == np.int64
    np.testing.assert_array_equal(np.sort(order), np.arange(count))
