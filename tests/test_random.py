"""Random numbers from a state: NumPy's bits, the right distributions, and every mode of differentiation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from chainrule import (
    check_gradient,
    grad,
    jacobian,
    jvp,
    random,
    recompute,
    scan,
    trace,
    tree,
    value_and_grad,
    vectorize,
)
from chainrule.errors import OptionError
from chainrule.evaluate import evaluate
from chainrule.graph import verify
from chainrule.random import RandomState, bernoulli, fold, normal, permutation, random_state, uniform

LAST = 2**64 - 1
SEEDS = st.integers(0, 2**128)
SIZES = st.integers(0, 20)
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])
DRAWS = {
    "uniform": lambda state, n: uniform(state, n),
    "uniform float32": lambda state, n: uniform(state, n, dtype=np.float32),
    "normal": lambda state, n: normal(state, n),
    "normal float32": lambda state, n: normal(state, n, dtype=np.float32),
    "bernoulli": lambda state, n: bernoulli(state, n, 0.3),
    "permutation": permutation,
}
NUMBERS = [name for name in DRAWS if name != "permutation"]
#: Words that a number takes.
SHARE = {"uniform float32": 0.5, "normal float32": 0.5}


def generator_at(state):
    return np.random.Generator(np.random.Philox(key=state.key, counter=state.counter))


def assert_same_state(found, expected):
    np.testing.assert_array_equal(found.key, expected.key)
    np.testing.assert_array_equal(found.counter, expected.counter)


# Where states come from.


@pytest.mark.parametrize("seed", [0, 1, 2**200, np.int64(5), [1, 2, 3], (7,), np.array([4, 5])])
def test_a_seed_gives_numpys_key(seed):
    state = random_state(seed)
    expected = np.random.Philox(seed).state["state"]
    assert_same_state(state, RandomState(expected["key"], expected["counter"]))
    assert state.key.dtype == state.counter.dtype == np.uint64


def test_a_seed_sequence_gives_numpys_key():
    child = np.random.SeedSequence(3).spawn(2)[1]
    np.testing.assert_array_equal(random_state(child).key, np.random.Philox(child).state["state"]["key"])


def test_a_generator_gives_words_and_moves_on():
    rng = np.random.default_rng(3)
    first, second = random_state(rng), random_state(rng)
    assert first.key.tolist() == np.random.default_rng(3).integers(2**64, size=2, dtype=np.uint64).tolist()
    assert first.key.tolist() != second.key.tolist()
    assert first.counter.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("seed", [-1, 1.5, None, "seed", [1, -2], [0.5], np.random.RandomState(0)])
def test_other_seeds_are_refused(seed):
    with pytest.raises(OptionError, match="seed should be"):
        random_state(seed)


def test_a_state_is_a_tree():
    state = random_state(5)
    leaves, structure = tree.flatten({"layers": [state, state]})
    assert len(leaves) == 4
    again = structure.unflatten(leaves)["layers"][1]
    assert isinstance(again, RandomState)
    np.testing.assert_array_equal(uniform(again, 3)[0], uniform(state, 3)[0])


def test_a_state_goes_through_a_file(tmp_path):
    _, state = normal(random_state(5), 7)
    np.savez(tmp_path / "state.npz", key=state.key, counter=state.counter)
    with np.load(tmp_path / "state.npz") as stored:
        again = RandomState(stored["key"], stored["counter"])
    np.testing.assert_array_equal(normal(again, 7)[0], normal(state, 7)[0])


# Bits.


@DTYPES
@given(seed=SEEDS, skipped=SIZES, size=SIZES)
def test_uniform_has_numpys_bits(dtype, seed, skipped, size):
    _, state = uniform(random_state(seed), skipped)
    found, after = uniform(state, size, dtype=dtype)
    generator = generator_at(state)
    expected = generator.random(size, dtype=dtype)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(after.counter, generator.bit_generator.state["state"]["counter"])


@pytest.mark.parametrize("counter", [(LAST, 0, 0, 0), (LAST, LAST, LAST, 0), (LAST - 1, LAST, LAST, LAST)])
def test_uniform_over_carries(counter):
    state = RandomState(np.array([1, 2], np.uint64), np.array(counter, np.uint64))
    np.testing.assert_array_equal(uniform(state, 20)[0], generator_at(state).random(20))


@pytest.mark.parametrize("name", DRAWS)
@given(seed=SEEDS, size=SIZES)
def test_same_state_same_bits_and_whole_blocks(name, seed, size):
    state = random_state(seed)
    values, after = DRAWS[name](state, size)
    again, after_again = DRAWS[name](random_state(seed), size)
    assert values.shape == (size,)
    np.testing.assert_array_equal(values, again)
    assert_same_state(after, after_again)
    np.testing.assert_array_equal(after.key, state.key)
    words = math.ceil(size * SHARE.get(name, 1))
    assert after.counter.tolist() == [math.ceil(words / 4), 0, 0, 0]


@pytest.mark.parametrize("name", NUMBERS)
def test_fewer_values_are_the_first_ones(name):
    whole, _ = DRAWS[name](random_state(2), 23)
    for size in range(23):
        np.testing.assert_array_equal(DRAWS[name](random_state(2), size)[0], whole[:size])


@pytest.mark.parametrize("name", NUMBERS)
def test_whole_blocks_follow_each_other(name):
    whole, after = DRAWS[name](random_state(2), 24)
    first, state = DRAWS[name](random_state(2), 16)
    second, state = DRAWS[name](state, 8)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    assert_same_state(state, after)


@pytest.mark.parametrize("shape", [(), 3, np.int64(3), (2, 3), [2, 3], (0,), (2, 0, 3)])
def test_shapes(shape):
    expected = np.empty(shape).shape
    for values in (uniform(random_state(0), shape)[0], normal(random_state(0), shape)[0]):
        assert values.shape == expected
    assert bernoulli(random_state(0), shape)[0].shape == expected


def box_muller(state, size):
    """The values of `normal` from the same bits, in the widest type there is."""
    pairs = -(-size // 2)
    words = generator_at(state).bit_generator.random_raw(2 * pairs).reshape(pairs, 2) >> np.uint64(11)
    v, a = ((words.T + np.array([[1], [0]], np.uint64)).astype(np.longdouble)) / 2**53
    r = np.sqrt(-2 * np.log(v))
    pi = np.longdouble("3.14159265358979323846264338327950288")
    return np.stack([r * np.cos(2 * pi * a), r * np.sin(2 * pi * a)], axis=-1).reshape(-1)[:size]


def test_normal_to_rounding():
    state = random_state(11)
    expected = box_muller(state, 100_000)
    # The angle, up to 2 pi, is known to 3 eps; what it is multiplied by is below 5 here.
    assert np.max(np.abs(normal(state, 100_000)[0] - expected)) < 15 * np.finfo(np.float64).eps


def test_normal_float32_to_rounding():
    state = random_state(11)
    words = generator_at(state).bit_generator.random_raw(50_000)
    v, a = ((words >> np.uint64(24)) + np.uint64(1)) / 2**40, (words & np.uint64(2**24 - 1)) / 2**24
    r = np.sqrt(-2 * np.log(v))
    expected = np.stack([r * np.cos(2 * np.pi * a), r * np.sin(2 * np.pi * a)], axis=-1).reshape(-1)
    found = normal(state, 100_000, dtype=np.float32)[0]
    assert found.dtype == np.float32
    # Where v is close to 1, r is the root of a small number that float32 knows to 2^-24 only.
    near = r.repeat(2) < 0.05
    assert np.max(np.abs(found - expected)[~near]) < 3e-6
    assert np.max(np.abs(found - expected)[near]) < 2.0**-11


@DTYPES
@pytest.mark.parametrize("word", [0, 1, 2**11 - 1, 2**11, 2**24 - 1, 2**63, LAST - 1, LAST])
def test_extreme_words(word, dtype, monkeypatch):
    monkeypatch.setattr(random, "philox", lambda key, counter, *, count: np.full(count, word, np.uint64))
    state = random_state(0)
    u, z = uniform(state, 6, dtype=dtype)[0], normal(state, 6, dtype=dtype)[0]
    assert np.all((u >= 0) & (u < 1))
    assert np.all(np.isfinite(z))
    assert np.all(np.abs(z) <= (8.58 if dtype == np.float64 else 7.45))
    assert not bernoulli(state, 3, 0.0)[0].any()
    assert bernoulli(state, 3, 1.0)[0].all()
    # Words that are all equal keep their order.
    assert permutation(state, 50)[0].tolist() == list(range(50))


# Distributions. The seeds are fixed; a correct generator would pass at nearly all of them.

MANY = 200_000


@DTYPES
@pytest.mark.parametrize("seed", range(3))
def test_uniform_distribution(dtype, seed):
    values = uniform(random_state(seed), MANY, -1.0, 3.0, dtype)[0].astype(float)
    assert stats.kstest(values, stats.uniform(-1.0, 4.0).cdf).pvalue > 1e-3
    assert abs(values.mean() - 1.0) < 4 * math.sqrt(16 / 12 / MANY)
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 4 / math.sqrt(MANY)


@DTYPES
@pytest.mark.parametrize("seed", range(3))
def test_normal_distribution(dtype, seed):
    values = normal(random_state(seed), MANY, 2.0, 3.0, dtype)[0].astype(float)
    z = (values - 2.0) / 3.0
    assert stats.kstest(z, stats.norm.cdf).pvalue > 1e-3
    # Mean, variance, skewness and kurtosis, each by its own standard error.
    for moment, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((z**moment).mean() - expected) < 4 * math.sqrt(variance / MANY)
    for limit in (2.0, 3.0, 4.0):
        p = 2 * stats.norm.sf(limit)
        assert stats.binomtest(int((np.abs(z) > limit).sum()), MANY, p).pvalue > 1e-3


@DTYPES
def test_the_two_numbers_of_a_pair_are_independent(dtype):
    pairs = normal(random_state(4), (MANY // 2, 2), dtype=dtype)[0].astype(float)
    for f in (np.asarray, np.square, np.abs):
        assert abs(np.corrcoef(f(pairs).T)[0, 1]) < 4 / math.sqrt(MANY // 2)
    angle = np.arctan2(pairs[:, 1], pairs[:, 0])
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_bernoulli_frequency(p):
    values = bernoulli(random_state(1), MANY, p)[0]
    assert values.dtype == bool
    assert stats.binomtest(int(values.sum()), MANY, p).pvalue > 1e-3


def test_bernoulli_with_a_probability_for_each_column():
    p = np.array([0.0, 0.2, 0.7, 1.0])
    share = bernoulli(random_state(1), (MANY, 4), p)[0].mean(axis=0)
    assert np.all(np.abs(share - p) <= 4 * np.sqrt(p * (1 - p) / MANY))


@pytest.mark.parametrize("count", [*range(6), 20, 1000])
def test_a_permutation_holds_every_number(count):
    order, _ = permutation(random_state(3), count)
    assert order.dtype == np.intp
    assert sorted(order.tolist()) == list(range(count))


def test_all_permutations_are_equally_likely():
    count, tries = 4, 24_000
    orders, _ = vectorize(lambda number: permutation(fold(random_state(8), number), count))(np.arange(tries))
    _, found = np.unique(orders, axis=0, return_counts=True)
    assert len(found) == 24
    assert stats.chisquare(found).pvalue > 1e-3


def test_every_number_is_equally_likely_at_every_place():
    count, tries = 10, 5000
    orders, _ = vectorize(lambda number: permutation(fold(random_state(9), number), count))(np.arange(tries))
    table = np.array([np.bincount(column, minlength=count) for column in orders.T])
    # The rows and columns of the table have given sums, which leaves (count - 1)^2 degrees of freedom.
    statistic = np.sum((table - tries / count) ** 2) / (tries / count) * (count - 1) / count
    assert stats.chi2.sf(statistic, (count - 1) ** 2) > 1e-3


# Streams.


def test_folded_streams_differ():
    state = random_state(0)
    _, later = uniform(state, 1)
    base = [state, later, random_state(1)]
    streams = [fold(one, number) for one in base for number in (0, 1, 2, 2**32, 2**63 - 1)]
    streams += [fold(fold(state, 0), 0), fold(fold(state, 0), 1), fold(fold(state, 1), 0), *base]
    drawn = {tuple(uniform(stream, 2)[0]) for stream in streams}
    assert len(drawn) == len(streams)
    assert_same_state(fold(state, 1), fold(random_state(0), 1))


def test_folded_streams_are_independent():
    state = random_state(6)
    rows = [normal(fold(state, number), 50_000)[0] for number in range(4)] + [normal(state, 50_000)[0]]
    correlations = np.corrcoef(rows)[np.triu_indices(5, 1)]
    assert np.all(np.abs(correlations) < 4 / math.sqrt(50_000))


def test_fold_uses_a_block_that_no_draw_reaches():
    state = RandomState(np.array([1, 2], np.uint64), np.array([7, 8, 9, 0], np.uint64))
    place = np.array([7, 8, 9, 4], np.uint64)
    assert fold(state, 3).key.tolist() == np.random.Philox(key=state.key, counter=place).random_raw(2).tolist()


@pytest.mark.parametrize("number", [-1, 2**63, 1.5, None])
def test_fold_refuses_other_numbers(number):
    with pytest.raises(OptionError, match="number should be"):
        fold(random_state(0), number)


# Derivatives.

U = generator_at(random_state(0)).random((2, 3))
Z = normal(random_state(0), (2, 3))[0]


def test_gradient_by_bounds():
    weights = np.arange(6.0).reshape(2, 3)

    def f(low, high):
        return np.sum(weights * uniform(random_state(0), (2, 3), low, high)[0] ** 2)

    low, high = np.array([-1.0, 0.0, 1.0]), 4.0
    x = low + (high - low) * U
    by_low, by_high = grad(f, (0, 1))(low, high)
    np.testing.assert_allclose(by_low, np.sum(2 * weights * x * (1 - U), axis=0), rtol=1e-14)
    np.testing.assert_allclose(by_high, np.sum(2 * weights * x * U), rtol=1e-14)
    assert check_gradient(f, (low, high), wrt=(0, 1)).ok


def test_gradient_by_location_and_scale():
    def f(loc, scale):
        return np.sum(np.sin(normal(random_state(0), (2, 3), loc, scale)[0]))

    by_loc, by_scale = grad(f, (0, 1))(0.5, np.array([[1.0], [2.0]]))
    slope = np.cos(0.5 + np.array([[1.0], [2.0]]) * Z)
    assert math.isclose(by_loc, slope.sum(), rel_tol=1e-13)
    np.testing.assert_allclose(by_scale, np.sum(slope * Z, axis=1, keepdims=True), rtol=1e-13)


def test_second_derivative():
    def f(scale):
        return np.sum(normal(random_state(0), (2, 3), 0.0, scale)[0] ** 3)

    assert math.isclose(grad(grad(f))(2.0), 12.0 * np.sum(Z**3), rel_tol=1e-12)


def test_jvp_and_jacobian():
    def f(loc, scale):
        return normal(random_state(0), (2, 3), loc, scale)[0]

    values, tangent = jvp(f, (1.0, 2.0), (0.5, 1.0))
    np.testing.assert_allclose(values, 1.0 + 2.0 * Z)
    np.testing.assert_allclose(tangent, 0.5 + Z)
    np.testing.assert_allclose(jacobian(f, "scale", mode="forward")(1.0, 2.0), Z)
    np.testing.assert_allclose(jacobian(f, "scale", mode="reverse")(1.0, 2.0), Z)


def test_bernoulli_has_derivative_zero_by_rule():
    def f(p, x):
        return np.sum(np.where(bernoulli(random_state(0), (2, 3), p)[0], x, 0.0)) + p * 0.0

    assert grad(f)(0.5, np.ones((2, 3))) == 0.0
    np.testing.assert_array_equal(grad(f, 1)(0.5, np.ones((2, 3))), U < 0.5)
    assert jvp(f, (0.5, np.ones((2, 3))), (1.0, np.zeros((2, 3))))[1] == 0.0


def test_gradient_through_a_permutation():
    weights = np.arange(5.0)
    order, _ = permutation(random_state(0), 5)
    found = grad(lambda x: weights @ x[permutation(random_state(0), 5)[0]])(np.ones(5))
    np.testing.assert_array_equal(found[order], weights)


def test_the_state_comes_out_of_a_derivative():
    def loss(w, state):
        noise, state = normal(state, 3)
        return np.sum((w + noise) ** 2), state

    state = random_state(0)
    (_, after), g = value_and_grad(loss, has_aux=True)(np.ones(3), state)
    np.testing.assert_allclose(g, 2 * (1 + normal(state, 3)[0]))
    assert_same_state(after, normal(state, 3)[1])


def walk(x, state, spread):
    kept, state = bernoulli(state, 3, 0.5)
    noise, state = normal(state, 3, 0.0, spread)
    order, state = permutation(state, 3)
    return (np.where(kept, x, np.sin(x) + noise)[order], state), x


def test_a_scan_carries_the_state():
    def by_scan(spread):
        (x, state), _ = scan(lambda carry, _: walk(*carry, spread), (np.zeros(3), random_state(0)), length=4)
        return np.sum(x**2), state

    def by_loop(spread):
        x, state = np.zeros(3), random_state(0)
        for _ in range(4):
            (x, state), _ = walk(x, state, spread)
        return np.sum(x**2), state

    (found, after), slope = value_and_grad(by_scan, has_aux=True)(0.7)
    (expected, last), expected_slope = value_and_grad(by_loop, has_aux=True)(0.7)
    assert math.isclose(found, expected, rel_tol=1e-14)
    assert math.isclose(slope, expected_slope, rel_tol=1e-13)
    assert_same_state(after, last)
    assert after.counter.tolist() == [12, 0, 0, 0]


def test_what_is_computed_again_draws_the_same():
    def f(spread):
        (x, _), _ = walk(np.ones(3), random_state(0), spread)
        return np.sum(x**2)

    assert grad(recompute(f))(0.7) == grad(f)(0.7)


@DTYPES
def test_dtypes_are_kept(dtype):
    other = np.float64 if dtype == np.float32 else np.float32
    parameters = [0.5, 1, np.float64(0.5), np.float32(0.5), np.array([0.5, 1.0], other), [0.5, 1], np.array([1, 2])]
    for draw in (uniform, normal):
        for first in parameters:
            for second in parameters:
                assert draw(random_state(0), (3, 2), first, second, dtype)[0].dtype == dtype
    g = grad(lambda scale: np.sum(normal(random_state(0), (3, 2), 0.0, scale, dtype)[0]))(np.ones(2, other))
    assert g.dtype == other


# Graphs. The key and the counter come from real numbers here.


def state_from(x):
    words = x.astype(np.uint64)
    return RandomState(words[:2], words[2:])


GRAPHS = {
    "uniform": lambda x, p: uniform(state_from(x), (2, 3), p, 2.0),
    "uniform float32": lambda x, p: uniform(state_from(x), (2, 3), p, 2.0, np.float32),
    "normal": lambda x, p: normal(state_from(x), (5,), p, 2.0),
    "normal float32": lambda x, p: normal(state_from(x), (5,), 1.0, p, np.float32),
    "bernoulli": lambda x, p: bernoulli(state_from(x), (2, 3), p),
    "permutation": lambda x, p: permutation(state_from(x), 6),
    "fold": lambda x, p: uniform(fold(state_from(x), (10 * p).astype(int)), 3),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graph(name):
    f = GRAPHS[name]
    here, there = np.array([1.0, 2.0, 3.0, 0.0, 0.0, 0.0]), np.array([5.0, 6.0, 7.0, 8.0, 0.0, 0.0])
    graph = trace(f)(here, np.float64(0.25))
    verify(graph)
    assert "philox" in {node.name for node in graph.nodes}
    for found, expected in zip(
        evaluate(graph, there, np.float64(0.5)), tree.leaves(f(there, np.float64(0.5))), strict=True
    ):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


# Batches.


def states_of(count):
    states = vectorize(lambda number: fold(random_state(1), number))(np.arange(count))
    assert states.key.shape == (count, 2)
    assert states.counter.shape == (count, 4)
    return states, [RandomState(states.key[k], states.counter[k]) for k in range(count)]


@pytest.mark.parametrize("name", DRAWS)
def test_vectorize_over_states(name):
    stacked, single = states_of(5)
    values, after = vectorize(lambda state: DRAWS[name](state, 7))(stacked)
    expected = [DRAWS[name](state, 7) for state in single]
    assert values.dtype == expected[0][0].dtype
    np.testing.assert_array_equal(values, [v for v, _ in expected])
    np.testing.assert_array_equal(after.key, stacked.key)
    np.testing.assert_array_equal(after.counter, [s.counter for _, s in expected])


def test_vectorize_over_counters():
    counters = np.array([[0, 0, 0, 0], [LAST, 0, 0, 0], [LAST, LAST, LAST, LAST]], np.uint64)
    key = np.array([1, 2], np.uint64)
    values, after = vectorize(lambda key, counter: uniform(RandomState(key, counter), 5), (None, 0))(key, counters)
    np.testing.assert_array_equal(values, [generator_at(RandomState(key, c)).random(5) for c in counters])
    assert after.counter.tolist() == [[2, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]]


def test_vectorize_over_parameters_shares_the_draw():
    values, _ = vectorize(lambda loc: normal(random_state(0), (2, 3), loc))(np.array([0.0, 10.0]))
    np.testing.assert_allclose(values, [Z, Z + 10.0])
    low, _ = vectorize(lambda p: bernoulli(random_state(0), (2, 3), p))(np.array([0.0, 1.0]))
    np.testing.assert_array_equal(low, [np.zeros((2, 3), bool), np.ones((2, 3), bool)])


def test_gradient_for_each_example():
    stacked, single = states_of(4)

    def loss(w, x, state):
        kept, state = bernoulli(state, 3, 0.5)
        noise, _ = normal(state, 3, 0.0, w)
        return np.sum(np.where(kept, w * x, 0.0) ** 2 + noise)

    w, X = np.array([1.0, 2.0, 3.0]), np.arange(12.0).reshape(4, 3)
    found = vectorize(grad(loss), (None, 0, 0))(w, X, stacked)
    np.testing.assert_allclose(found, [grad(loss)(w, x, state) for x, state in zip(X, single, strict=True)])


def test_gradient_of_a_batch():
    stacked, single = states_of(4)

    def mean(w):
        return np.mean(vectorize(lambda state: np.sum(normal(state, 3, w, 2.0)[0] ** 2))(stacked))

    expected = np.mean([2 * normal(state, 3, 1.5, 2.0)[0] for state in single], axis=0)
    np.testing.assert_allclose(grad(mean)(np.full(3, 1.5)), expected)


# What is refused.


@pytest.mark.parametrize("draw", [uniform, normal, bernoulli, permutation, fold])
@pytest.mark.parametrize(
    ("state", "message"),
    [
        (np.random.default_rng(0), "found Generator"),
        (0, "found int"),
        (RandomState(np.zeros(2), np.zeros(4, np.uint64)), "key of the state"),
        (RandomState(np.zeros(2, np.uint64), [0, 0, 0, 0]), "counter of the state"),
        (RandomState(np.zeros((3, 2), np.uint64), np.zeros((3, 4), np.uint64)), "chainrule.vectorize"),
    ],
)
def test_other_states_are_refused(draw, state, message):
    with pytest.raises(OptionError, match=message):
        draw(state, 3)


@pytest.mark.parametrize("shape", [-1, (2, -3), 1.5, "ab", (2, None), np.array(2.0)])
def test_other_shapes_are_refused(shape):
    for draw in (uniform, normal, bernoulli):
        with pytest.raises(OptionError, match="a shape is made of"):
            draw(random_state(0), shape)


@pytest.mark.parametrize("count", [-1, 2.0, (3,), None])
def test_other_counts_are_refused(count):
    with pytest.raises(OptionError, match="count should be"):
        permutation(random_state(0), count)


@pytest.mark.parametrize("dtype", [int, np.float16, complex, bool])
def test_other_dtypes_are_refused(dtype):
    for draw in (uniform, normal):
        with pytest.raises(OptionError, match="dtype should be"):
            draw(random_state(0), 3, dtype=dtype)


def test_parameters_that_do_not_fit_are_refused():
    with pytest.raises(OptionError, match=r"low has shape \(2,\), .* \(3,\)"):
        uniform(random_state(0), 3, np.zeros(2))
    with pytest.raises(OptionError, match="high has shape"):
        uniform(random_state(0), 3, 0.0, np.ones((1, 3)))
    with pytest.raises(OptionError, match="scale has shape"):
        grad(lambda scale: np.sum(normal(random_state(0), (), 0.0, scale)[0]))(np.ones(3))
    with pytest.raises(OptionError, match="p has shape"):
        bernoulli(random_state(0), (2, 3), np.full((2, 1, 3), 0.5))


@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan, np.array([0.5, 2.0, 0.5])])
def test_other_probabilities_are_refused(p):
    with pytest.raises(OptionError, match="p should be from 0 to 1"):
        bernoulli(random_state(0), 3, p)
