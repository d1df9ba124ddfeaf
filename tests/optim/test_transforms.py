"""Gradient transforms: their formulas, their states, and what they leave as it is."""

import copy
import pickle

import numpy as np
import pytest

from chainrule import tree
from chainrule.errors import OptionError
from chainrule.nn import Network
from chainrule.optim import (
    add_decayed_weights,
    apply_updates,
    chain,
    clip_by_global_norm,
    momentum,
    scale,
    scale_by_adam,
    scale_by_rate,
)
from chainrule.optim.schedules import cosine

TRANSFORMS = {
    "scale": scale(0.5),
    "scale_by_rate": scale_by_rate(cosine(0.1, 10)),
    "momentum": momentum(0.9),
    "nesterov": momentum(0.9, nesterov=True),
    "scale_by_adam": scale_by_adam(),
    "add_decayed_weights": add_decayed_weights(0.1),
    "clip_by_global_norm": clip_by_global_norm(0.5),
    "chain": chain(clip_by_global_norm(0.5), scale_by_adam(), add_decayed_weights(0.1), scale_by_rate(0.1)),
}


def some(dtype=np.float64, seed=0):
    """Parameters of a small network, and gradients of their shapes."""
    parameters = Network.of(3, (4,), 2, activation="prelu").initialize(seed, dtype)
    rng = np.random.default_rng(seed)
    return parameters, tree.map(lambda p: rng.normal(size=p.shape).astype(dtype), parameters)


def assert_same(one, other):
    """Equal trees, to the last bit."""
    leaves, structure = tree.flatten(one)
    others, other_structure = tree.flatten(other)
    assert structure == other_structure
    for leaf, same in zip(leaves, others, strict=True):
        np.testing.assert_array_equal(leaf, same)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_and_structure_are_kept(name, dtype):
    transform = TRANSFORMS[name]
    parameters, gradients = some(dtype)
    state = transform.init(parameters)
    for _ in range(3):
        updates, state = transform.update(gradients, state, parameters)
    assert tree.flatten(updates)[1] == tree.flatten(parameters)[1]
    for update, parameter in zip(tree.leaves(updates), tree.leaves(parameters), strict=True):
        assert (update.shape, update.dtype) == (parameter.shape, parameter.dtype)
    for leaf in tree.leaves(state):
        assert isinstance(leaf, int) or leaf.dtype == dtype


@pytest.mark.parametrize("name", TRANSFORMS)
def test_updates_are_pure(name):
    transform = TRANSFORMS[name]
    parameters, gradients = some()
    state = transform.update(gradients, transform.init(parameters), parameters)[1]
    before = copy.deepcopy((gradients, state, parameters))
    once = transform.update(gradients, state, parameters)
    assert_same((gradients, state, parameters), before)
    assert_same(transform.update(gradients, state, parameters), once)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_saved_state_goes_on_as_it_would_have(name, dtype):
    """Also where saving turned the count of steps into an array."""
    transform = TRANSFORMS[name]
    parameters, gradients = some(dtype)
    state = transform.update(gradients, transform.init(parameters), parameters)[1]
    saved = tree.map(np.asarray, pickle.loads(pickle.dumps(state)))
    expected = transform.update(gradients, state, parameters)
    found = transform.update(gradients, saved, parameters)
    assert_same(found, expected)
    assert {leaf.dtype for leaf in tree.leaves(found[0])} == {np.dtype(dtype)}


def test_apply_updates():
    parameters, updates = some(np.float32)
    before = copy.deepcopy(parameters)
    new = apply_updates(parameters, updates)
    assert_same(parameters, before)
    assert_same(new, tree.map(lambda p, u: p + u, parameters, updates))
    with pytest.raises(OptionError, match="trees differ"):
        apply_updates(parameters, updates[:1])


def test_chain_applies_in_order_and_keeps_each_state():
    doubled = chain(momentum(0.5), scale(2.0))
    w, g = np.array([1.0]), np.array([1.0])
    updates, state = doubled.update(g, doubled.init(w), w)
    updates, state = doubled.update(g, state, w)
    np.testing.assert_array_equal(updates, [3.0])
    assert_same(state, ({"velocity": np.array([1.5])}, ()))


def test_the_rate_can_be_asked_for():
    fall = cosine(0.1, 10)
    assert chain(momentum(0.9), scale_by_rate(fall)).rate is fall
    assert chain(momentum(0.9), scale(2.0)).rate is None


def test_a_schedule_counts_from_0():
    seen = []

    def schedule(step):
        seen.append(step)
        return np.float64(0.5)

    transform, w = scale_by_rate(schedule), np.ones(2, np.float32)
    state = transform.init(w)
    for _ in range(3):
        updates, state = transform.update(w, state, w)
        assert updates.dtype == np.float32
    assert seen == [0, 1, 2]


def test_momentum_and_nesterov():
    g, w = [np.array([1.0]), np.array([-2.0]), np.array([0.5])], np.zeros(1)
    for nesterov, expected in ((False, [1.0, -1.1, -0.49]), (True, [1.9, -2.99, 0.059])):
        transform = momentum(0.9, nesterov)
        state, found = transform.init(w), []
        for gradient in g:
            updates, state = transform.update(gradient, state, w)
            found.append(updates.item())
        np.testing.assert_allclose(found, expected)


def test_decay_shrinks_weights_alone():
    parameters, gradients = some()
    transform = add_decayed_weights(0.1)
    updates, _ = transform.update(gradients, transform.init(parameters), parameters)
    for update, gradient, parameter in zip(updates, gradients, parameters, strict=True):
        np.testing.assert_array_equal(update["weights"], gradient["weights"] + 0.1 * parameter["weights"])
        for name in set(update) - {"weights"}:
            np.testing.assert_array_equal(update[name], gradient[name])


def test_decay_without_weights_is_an_error():
    with pytest.raises(OptionError, match="the parameters have none"):
        add_decayed_weights(0.1).init({"w": np.zeros(3), "b": 0.0})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping(dtype):
    _, gradients = some(dtype)
    norm = np.sqrt(sum(np.sum(g**2) for g in tree.leaves(gradients)))
    short, _ = clip_by_global_norm(0.5).update(gradients, (), None)
    for clipped, gradient in zip(tree.leaves(short), tree.leaves(gradients), strict=True):
        np.testing.assert_allclose(clipped, gradient * (0.5 / norm), rtol=1e-5)
    assert_same(clip_by_global_norm(2 * float(norm)).update(gradients, (), None)[0], gradients)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_what_exploded(dtype):
    """Entries whose squares overflow, and a sum whose root does too."""
    huge = 0.5 * np.finfo(dtype).max
    clipped, _ = clip_by_global_norm(10.0).update([np.full(25, huge, dtype), np.zeros(0, dtype)], (), None)
    np.testing.assert_allclose(clipped[0], 2.0, rtol=1e-5)
    assert clipped[0].dtype == dtype


def test_clipping_nothing_and_what_is_not_finite():
    clip = clip_by_global_norm(1.0)
    assert_same(clip.update([np.zeros(3)], (), None)[0], [np.zeros(3)])
    assert_same(clip.update((), (), None)[0], ())
    assert np.isnan(clip.update([np.array([1.0, np.nan])], (), None)[0][0]).all()
    assert np.isnan(clip.update([np.array([1.0, np.inf])], (), None)[0][0]).all()


def test_clipping_keeps_each_type():
    mixed, _ = clip_by_global_norm(1.0).update([np.array([3.0], np.float32), np.array([4.0]), 0.0], (), None)
    assert [np.asarray(g).dtype for g in mixed] == [np.float32, np.float64, np.float64]
    np.testing.assert_allclose([float(np.squeeze(g)) for g in mixed], [0.6, 0.8, 0.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: momentum(1.0), r"the decay of momentum has to be at least 0 and below 1, found 1.0"),
        (lambda: momentum(-0.1), r"the decay of momentum has to be at least 0"),
        (lambda: scale_by_adam(b1=1.5), "b1 has to be at least 0 and below 1, found 1.5"),
        (lambda: scale_by_adam(b2=np.nan), "b2 has to be at least 0 and below 1, found nan"),
        (lambda: scale_by_adam(eps=0.0), "eps has to be a positive finite number, found 0.0"),
        (lambda: add_decayed_weights(-1.0), "the strength of weight decay has to be"),
        (lambda: clip_by_global_norm(0.0), "max_norm has to be a positive finite number, found 0.0"),
        (lambda: scale_by_rate(-0.1), "the rate has to be a positive finite number, found -0.1"),
    ],
)
def test_bad_options(make, message):
    with pytest.raises(OptionError, match=message):
        make()
