"""The words of the counter-based generator are NumPy's, whatever the key, the counter and the number of words."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.ops.case import ZERO, Case, between, fixed

from chainrule import grad, trace, vectorize
from chainrule.evaluate import evaluate
from chainrule.graph import Graph, Node, verify
from chainrule.ops import random as own
from chainrule.ops.random import philox, philox_advance, philox_streams

LAST = 2**64 - 1


def words(*numbers):
    return np.array(numbers, np.uint64)


def numpys(key, counter, count):
    return np.random.Philox(key=key, counter=counter).random_raw(count)


def as_integer(counter):
    return sum(int(word) << (64 * k) for k, word in enumerate(counter))


ANY_WORD = st.integers(0, LAST)
# Words that carry over within a few blocks, and those that pass a carry on.
EDGE_WORD = st.sampled_from((0, 1, LAST, LAST - 1, LAST - 2, LAST - 4)) | ANY_WORD
KEYS = st.tuples(ANY_WORD, ANY_WORD).map(lambda k: words(*k))
COUNTERS = st.tuples(EDGE_WORD, EDGE_WORD, EDGE_WORD, EDGE_WORD).map(lambda c: words(*c))

# The vectors that the authors of Philox publish with their library Random123 (kat_vectors, philox4x64 10), for the
# counter itself; NumPy counts up first.
PUBLISHED = (
    (
        (0, 0),
        (0, 0, 0, 0),
        (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B),
    ),
    (
        (LAST, LAST),
        (LAST, LAST, LAST, LAST),
        (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0),
    ),
    (
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6),
    ),
)


@pytest.mark.parametrize(("key", "counter", "block"), PUBLISHED)
def test_published_vectors(key, counter, block):
    before = (as_integer(counter) - 1) % 2**256
    start = words(*(before >> (64 * k) & LAST for k in range(4)))
    for compute in (philox.evaluate, lambda k, c, *, count: philox_streams(k, c, count)):
        assert compute(words(*key), start, count=4).tolist() == list(block)


@given(KEYS, COUNTERS, st.integers(0, 20))
@example(words(0, 0), words(LAST, LAST, LAST, LAST), 8)
@example(words(1, 2), words(LAST - 1, LAST, LAST, 5), 20)
def test_words_are_numpys(key, counter, count):
    expected = numpys(key, counter, count)
    assert expected.shape == (count,)
    for found in (philox(key, counter, count=count), philox_streams(key, counter, count)):
        assert found.dtype == np.uint64
        np.testing.assert_array_equal(found, expected)


@given(st.lists(KEYS, min_size=1, max_size=4), st.lists(COUNTERS, min_size=1, max_size=3), st.integers(0, 20))
def test_many_streams_at_once(keys, counters, count):
    found = philox(np.stack(keys)[:, None], np.stack(counters), count=count)
    assert found.shape == (len(keys), len(counters), count)
    for k, key in enumerate(keys):
        for c, counter in enumerate(counters):
            np.testing.assert_array_equal(found[k, c], numpys(key, counter, count))


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 8192])
def test_pieces_make_no_difference(at_once, monkeypatch):
    monkeypatch.setattr(own, "_AT_ONCE", at_once)
    keys = np.random.default_rng(0).integers(2**64, size=(7, 2), dtype=np.uint64)
    counter = words(LAST - 3, LAST, 0, 0)
    found = philox_streams(keys, counter, 26)
    np.testing.assert_array_equal(found, [numpys(key, counter, 26) for key in keys])


@given(KEYS, COUNTERS, st.integers(0, 40))
def test_the_counter_is_numpys(key, counter, count):
    generator = np.random.Philox(key=key, counter=counter)
    generator.random_raw(count)
    found = philox_advance(counter, blocks=-(-count // 4))
    assert found.dtype == np.uint64
    np.testing.assert_array_equal(found, generator.state["state"]["counter"])


@given(st.lists(COUNTERS, min_size=1, max_size=3), ANY_WORD)
def test_counters_carry_over_all_words(counters, blocks):
    found = philox_advance(np.stack(counters), blocks=blocks)
    for after, before in zip(found, counters, strict=True):
        assert as_integer(after) == (as_integer(before) + blocks) % 2**256


def test_the_inputs_are_not_changed():
    key, counter = words(1, 2), words(3, 4, 5, 6)
    philox(key, counter, count=5)
    philox_streams(key, counter, 5)
    philox_advance(counter, blocks=2)
    assert key.tolist() == [1, 2]
    assert counter.tolist() == [3, 4, 5, 6]


def test_as_a_graph():
    key = Node(None, (), {"name": "key"}, (2,), np.dtype(np.uint64))
    counter = Node(None, (), {"name": "counter"}, (4,), np.dtype(np.uint64))
    drawn = Node(philox, (key, counter), {"count": 6}, (6,), np.dtype(np.uint64))
    after = Node(philox_advance, (counter,), {"blocks": 2}, (4,), np.dtype(np.uint64))
    graph = Graph((key, counter), (drawn, after), "draw")
    verify(graph)
    assert "philox(key, counter, count=6)" in str(graph)
    values = evaluate(graph, words(1, 2), words(LAST, 0, 0, 0))
    np.testing.assert_array_equal(values[0], numpys(words(1, 2), words(LAST, 0, 0, 0), 6))
    assert values[1].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("batched", [(0, None), (None, 0), (0, 0), (1, 1)])
def test_vectorize(batched):
    rng = np.random.default_rng(1)
    keys, counters = (rng.integers(2**64, size=(3, n), dtype=np.uint64) for n in (2, 4))
    rows = [(keys[k if batched[0] is not None else 0], counters[k if batched[1] is not None else 0]) for k in range(3)]
    given_keys, given_counters = (
        part[0] if axis is None else np.moveaxis(part, 0, axis)
        for part, axis in zip((keys, counters), batched, strict=True)
    )
    drawn, after = vectorize(
        lambda key, counter: (philox(key, counter, count=5), philox_advance(counter, blocks=2)), batched
    )(given_keys, given_counters)
    np.testing.assert_array_equal(drawn, [numpys(key, counter, 5) for key, counter in rows])
    np.testing.assert_array_equal(after, [philox_advance(counter, blocks=2) for _, counter in rows])


def test_vectorize_twice():
    rng = np.random.default_rng(2)
    keys, counters = (rng.integers(2**64, size=(3, n), dtype=np.uint64) for n in (2, 4))

    def rows(key):
        return vectorize(lambda counter: philox(key, counter, count=3))(counters)

    found = vectorize(rows)(keys)
    expected = [[numpys(key, counter, 3) for counter in counters] for key in keys]
    np.testing.assert_array_equal(found, expected)


def draw_from(x):
    """Words from a key and a counter that depend on real numbers, which other rows of the tables take."""
    found = np.concatenate([np.ravel(x), np.ones(6)])[:6].astype(np.uint64)
    return philox(found[:2], found[2:], count=5)


def count_from(x):
    return philox_advance(np.concatenate([np.ravel(x), np.ones(4)])[:4].astype(np.uint64), blocks=3)


#: The lines of this family in the case tables.
CASES = (
    Case("philox", draw_from, fixed((between(0.0, 1e6), (3,))), ZERO),
    Case("philox_advance", count_from, fixed((between(0.0, 1e6), (2, 2))), ZERO),
)


@pytest.mark.parametrize("f", [draw_from, count_from])
def test_the_derivative_is_zero_by_rule(f):
    point = np.array([3.5, 7.5, 2.5])
    assert grad(lambda x: np.sum(x) + np.sum(f(x).astype(float)))(point).tolist() == [1.0, 1.0, 1.0]
    graph = trace(f)(point)
    verify(graph)
    np.testing.assert_array_equal(evaluate(graph, point + 2)[0], f(point + 2))
