"""A program that trains with checkpoints, for the tests that kill it: ``python killed.py FOLDER EPOCHS``."""

import sys
from pathlib import Path

import numpy as np

from chainrule import optim
from chainrule.nn import BatchNorm, Dense, Dropout, Network, losses
from chainrule.train import Checkpoint, fit


def main(folder: Path, epochs: int) -> None:
    """Go on from the checkpoint, if there is one; write the end of the run."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 8))
    targets = np.eye(3)[rng.integers(0, 3, 150)]
    network = Network(8, (Dense(16, "identity"), BatchNorm("relu"), Dropout(0.2), Dense(3, "softmax")))
    (folder / "ready").touch()
    found = fit(
        network,
        network.initialize(0, np.float32),
        losses.LOSSES["cross_entropy"],
        x,
        targets,
        optimizer=optim.adam(optim.schedules.cosine(0.01, 8 * epochs)),
        epochs=epochs,
        batch_size=20,
        validation=(x[:30] + 0.1, targets[:30]),
        patience=epochs,
        rng=4,
        checkpoint=Checkpoint(folder / "run", every=1, seconds=0.0),
        resume=True,
        on_divergence="halve",
    )
    arrays = [
        array for layers in (found.parameters, found.state.parameters) for layer in layers for array in layer.values()
    ]
    columns = found.history.arrays()
    columns.pop("seconds")
    np.savez(folder / "end.npz", *arrays, best=found.state.best.epoch, **columns)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
