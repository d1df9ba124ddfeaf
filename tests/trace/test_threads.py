"""Recording in several threads at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.special

from chainrule import grad, value_and_grad, vjp
from chainrule.trace.recording import _COPY_LIMIT

THREADS = 8


def in_threads(work):
    """Results of `work(0)`, ... `work(7)`, started together."""
    barrier = threading.Barrier(THREADS)

    def started(number):
        barrier.wait(10)
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(started, range(THREADS)))


def network(weights, x):
    hidden = np.tanh(x @ weights["a"] + weights["b"])
    return scipy.special.logsumexp(hidden @ weights["c"]) + np.var(hidden) + np.linalg.norm(weights["a"])


def test_the_same_bits_as_in_one_thread():
    rng = np.random.default_rng(0)
    weights = {"a": rng.normal(size=(3, 4)), "b": rng.normal(size=4), "c": rng.normal(size=(4, 2))}

    def work(number):
        x = np.random.default_rng(number).normal(size=(5, 3))
        return [value_and_grad(network)(weights, x) for _ in range(20)]

    together, apart = in_threads(work), [work(number) for number in range(THREADS)]
    for one, other in zip(together, apart, strict=True):
        for (value, g), (expected, expected_g) in zip(one, other, strict=True):
            assert value == expected
            for name in g:
                np.testing.assert_array_equal(g[name], expected_g[name])


def test_levels_do_not_mix():
    """Each thread differentiates in a derivative of its own."""

    def work(number):
        c = float(number + 1)
        return [grad(lambda x: x * grad(lambda y: c * y * y * x)(x))(2.0) for _ in range(50)]

    # d/dx (x * 2 c x x) = 6 c x^2.
    assert in_threads(work) == [[24.0 * (number + 1)] * 50 for number in range(THREADS)]


def test_groups_do_not_mix():
    def work(number):
        return [vjp(lambda x: np.var(x) if number % 2 else np.std(x), np.arange(4.0))[0] for _ in range(50)]

    for number, values in enumerate(in_threads(work)):
        assert set(values) == {np.var(np.arange(4.0)) if number % 2 else np.std(np.arange(4.0))}


def test_a_shared_large_array_is_writable_in_the_end():
    data = np.ones(_COPY_LIMIT)

    def work(number):
        return [grad(lambda w: np.sum(w * data))(data[:1].copy())[0] for _ in range(20)]

    assert set(np.ravel(in_threads(work))) == {float(_COPY_LIMIT)}
    assert data.flags.writeable


def test_errors_in_one_thread_leave_the_others_alone():
    def work(number):
        def f(x):
            if number % 2:
                raise KeyError(number)
            return scipy.special.logsumexp(x)

        results = []
        for _ in range(30):
            try:
                results.append(grad(f)(np.zeros(2)).tolist())
            except KeyError as problem:
                results.append(problem.args[0])
        return results

    for number, results in enumerate(in_threads(work)):
        assert results == ([number] if number % 2 else [[0.5, 0.5]]) * 30
