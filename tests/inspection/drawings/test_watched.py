"""What `Watch` saw, drawn: the numbers of the lines, and that they can be read."""

import numpy as np
import pytest
from tests.inspection.drawings.looks import check

from chainrule import nn, optim
from chainrule.errors import OptionError
from chainrule.inspection import Watch, drawings
from chainrule.train import fit

QUANTITIES = ("sensitivities", "flat", "moved", "noise scale")


def watched(hidden, activation="sigmoid", epochs=12):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    T = (X[:, :1] > 0).astype(float)
    network = nn.Network.of(3, hidden=hidden, activation=activation, output="sigmoid")
    watch = Watch(network, X, T, loss="binary_cross_entropy", every=3)
    fit(
        network,
        network.initialize(0),
        "binary_cross_entropy",
        X,
        T,
        optimizer=optim.adam(0.02),
        epochs=epochs,
        batch_size=20,
        rng=0,
        callbacks=[watch],
    )
    return watch


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("hidden", [(4,), (3,) * 8], ids=["shallow", "deep"])
def test_looks(hidden, quantity):
    check(drawings.watch_curves(watched(hidden), quantity))


def test_lines_are_the_numbers():
    watch = watched((4, 4), "relu")
    found = watch.arrays()
    lines = drawings.watch_curves(watch).axes[0].lines
    assert [line.get_label() for line in lines] == ["layer 1", "layer 2", "layer 3"]
    for k, line in enumerate(lines):
        np.testing.assert_array_equal(line.get_xdata(), watch.epochs)
        np.testing.assert_array_equal(line.get_ydata(), found["sensitivity"][:, k])
    flat = drawings.watch_curves(watch, "flat").axes[0].lines
    assert [line.get_label() for line in flat] == ["layer 1", "layer 2"]
    np.testing.assert_array_equal(flat[0].get_ydata(), 100 * found["dead"][:, 0])
    moved = drawings.watch_curves(watch, "moved").axes[0].lines[1].get_ydata()
    np.testing.assert_array_equal(moved[1:], found["moved"][1:, 1])
    (noise,) = drawings.watch_curves(watch, "noise scale").axes[0].lines
    whole = found["whole noise_scale"]
    np.testing.assert_array_equal(noise.get_ydata(), np.where(np.isfinite(whole), whole, np.nan))


def test_what_cannot_be_drawn():
    watch = watched((4,), epochs=1)
    with pytest.raises(OptionError, match="no look saw a number for 'moved'"):
        drawings.watch_curves(watch, "moved")
    with pytest.raises(OptionError, match="quantity has to be one of 'sensitivities'"):
        drawings.watch_curves(watch, "speed")
    with pytest.raises(OptionError, match="found list"):
        drawings.watch_curves([])
    network = nn.Network.of(1)
    with pytest.raises(OptionError, match="has not looked yet"):
        drawings.watch_curves(Watch(network, np.ones((2, 1)), np.ones((2, 1)), loss="squared"))
