"""Optimisers and schedules go through files, and to other processes."""

import copy
import pickle

import numpy as np
import pytest

from chainrule import optim
from chainrule.optim.schedules import constant, cosine, step

W = {"weights": np.array([[1.0, -2.0], [0.5, 3.0]]), "bias": np.array([0.1, 0.2])}


def falling(number):
    return 0.1 / (1 + number)


MADE = {
    "sgd": optim.sgd(0.1),
    "nesterov": optim.sgd(step(0.1, 2), momentum=0.9, nesterov=True),
    "adam": optim.adam(cosine(0.1, 5)),
    "adamw": optim.adamw(constant(0.1), decay=0.1),
    "own schedule": optim.sgd(falling),
    "clipped": optim.chain(optim.clip_by_global_norm(0.5), optim.adam(0.1)),
}


def walked(transform):
    state, w = transform.init(W), W
    for _ in range(4):
        updates, state = transform.update({name: 2 * x for name, x in w.items()}, state, w)
        w = {name: x + updates[name] for name, x in w.items()}
    return [array.tobytes() for array in w.values()]


@pytest.mark.parametrize("name", MADE)
def test_a_pickle_takes_the_same_steps(name):
    there = pickle.loads(pickle.dumps(MADE[name]))
    assert walked(there) == walked(MADE[name])
    assert there.rate(3) == MADE[name].rate(3)
    # Once more, as from process to process.
    assert walked(pickle.loads(pickle.dumps(there))) == walked(there)


def test_a_copy_is_the_same_transform():
    # Code that was made for one serves the other.
    assert copy.deepcopy(MADE["adam"]) is MADE["adam"]


def test_a_transform_of_one_s_own():
    own = optim.Transform(np.zeros_like, falling)
    assert pickle.loads(pickle.dumps(own)) == own


def test_a_transform_shows_what_it_was_made_of():
    assert repr(optim.sgd(0.1)) == "scale_by_rate(0.1)"
    falling = optim.schedules.cosine(0.1, steps=20)
    assert repr(optim.adamw(falling)) == (
        "chain(scale_by_adam(0.9, 0.999, 1e-08), add_decayed_weights(0.01), "
        "scale_by_rate(cosine(rate=0.1, steps=20, floor=0.0)))"
    )
    assert repr(optim.Transform(dict, dict)) == "Transform(...)"
