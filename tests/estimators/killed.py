"""A program that fits an estimator with checkpoints, for the tests that kill it: ``python killed.py FOLDER EPOCHS``."""

import sys
import warnings
from pathlib import Path

import numpy as np

from chainrule.estimators import MLPClassifier
from chainrule.train import Checkpoint


def main(folder: Path, epochs: int) -> None:
    """Go on from the checkpoint, if there is one; write the fitted attributes."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 8)), rng.integers(0, 3, 300)
    model = MLPClassifier(
        (16,),
        batch_norm=True,
        dropout=0.2,
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=np.inf,
        batch_size=20,
        max_iter=epochs,
        # Another generator where there is a file, which has to hold its state.
        random_state=np.random.RandomState(99 if (folder / "run").exists() else 4),
        checkpoint=Checkpoint(folder / "run", every=1, seconds=0.0),
        resume=True,
        on_divergence="halve",
    )
    (folder / "ready").touch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X.astype(np.float32), y)
    write(model, folder / "end.npz")


def write(model: MLPClassifier, path: Path) -> None:
    """Write the weights, and what a fit notes."""
    layers = [*model._others, *model._state]
    arrays = [*model.coefs_, *model.intercepts_, *(array for layer in layers for array in layer.values())]
    names = ["loss_", "loss_curve_", "validation_scores_", "best_validation_score_", "n_iter_", "t_", "converged_"]
    notes = {name: getattr(model, name) for name in names}
    np.savez(path, *arrays, **notes, without_gain=model._no_improvement_count, draw=model.random_state.randint(2**31))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
