"""Small real models that the figures are drawn of."""

import numpy as np
import pytest

from chainrule import data, nn, optim
from chainrule.train import fit

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


class Band:
    """A trained network of two hidden units, its data and its path."""

    def __init__(self):
        self.X, self.T = data.band(60, np.random.default_rng(0))
        self.network = nn.Network.of(2, hidden=(2,), output="sigmoid")
        self.path = [self.network.initialize(3)]
        self.held_out = data.band(30, np.random.default_rng(1))
        self.fit = fit(
            self.network,
            self.path[0],
            "binary_cross_entropy",
            self.X,
            self.T,
            optimizer=optim.adam(0.05),
            epochs=60,
            batch_size=20,
            validation=self.held_out,
            callbacks=[lambda state: self.path.append(state.parameters)],
            rng=0,
            compiled=False,
        )
        self.parameters = self.fit.parameters

    def outputs(self, X):
        return self.network.apply(self.parameters, self.network.initial_state(), X)[0]


@pytest.fixture(scope="session")
def band():
    return Band()
