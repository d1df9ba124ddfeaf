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


def close(one, other, rtol, atol=0.0):
    """Compare the leaves of two trees, of one structure and the same kinds, to a tolerance."""
    for x, y in zip(tree.leaves(one), tree.leaves(other), strict=True):
        assert type(x) is type(y)
        assert getattr(x, "dtype", None) == getattr(y, "dtype", None)
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol)


class Watch:
    """A display that calls a function after every step, or every chunk of steps."""

    def __init__(self, seen=lambda state: None):
        self.seen = seen

    def begin(self, task, state, epochs):
        pass

    def step(self, state):
        self.seen(state)

    def epoch(self, state):
        pass

    def halved(self, task, state):
        pass

    def end(self):
        pass


def stop_after(steps):
    """A display that presses Ctrl-C, in effect, when so many steps are done."""

    def seen(state):
        if state.step >= steps:
            raise KeyboardInterrupt

    return Watch(seen)


def without_seconds(history):
    return [(row.epoch, row.steps, row.objective, row.validation, row.rate) for row in history]
