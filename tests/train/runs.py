"""Small tasks and comparisons that the tests of training share."""

import numpy as np

from chainrule import tree
from chainrule.nn import Network

RNG = np.random.default_rng(7)
NETWORK = Network.of(3, (5,), 2, activation="tanh", output="softmax")
X = RNG.normal(size=(23, 3))
T = np.eye(2)[(X[:, 0] * X[:, 1] > 0).astype(int)]
HELD_OUT = (RNG.normal(size=(11, 3)), np.eye(2)[RNG.integers(0, 2, 11)])
LOSS = "cross_entropy"


def bits(values):
    """The bytes of every leaf, which tell 0.0 from -0.0 and compare NaN."""
    return [np.asarray(leaf).tobytes() for leaf in tree.leaves(values)]


def same_bits(one, other):
    return bits(one) == bits(other)


def without_seconds(history):
    return [(row.epoch, row.steps, row.objective, row.validation, row.rate) for row in history]
