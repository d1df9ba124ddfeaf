"""What a solver cannot do, said before anything is computed."""

from typing import Any

import numpy as np

__all__ = ["check_solver", "has_epochs"]


def check_solver(model: Any, *, incremental: bool) -> None:
    """Raise ValueError for parameters that the solver, or `partial_fit`, cannot go by.

    Parameters
    ----------
    model : estimator
        Its parameters, each of them good by itself.
    incremental : bool
        Whether it is `partial_fit` that is to go by them.
    """
    survives = model.checkpoint is not None or model.resume is not False
    if incremental and survives:
        raise ValueError(
            "checkpoint and resume are for fit: partial_fit is one epoch, after which the model itself can be saved"
        )
    if incremental and model.on_divergence == "halve":
        raise ValueError(
            "on_divergence='halve' is for fit, which knows a good epoch to go back to: partial_fit is one epoch"
        )
    if model.solver != "lbfgs":
        return
    if model.batch_norm or np.any(model.dropout):
        raise ValueError("lbfgs needs a loss that is the same each time: dropout and batch_norm need another solver")
    if survives:
        raise ValueError("lbfgs has no checkpoints: checkpoint and resume need another solver")
    if model.callbacks is not None and np.size(model.callbacks):
        raise ValueError("callbacks are called after epochs, which lbfgs has none of: they need another solver")
    if model.on_divergence == "halve":
        raise ValueError("lbfgs has no rate that could be halved: on_divergence='halve' needs another solver")


def has_epochs(model: Any) -> bool:
    """Tell whether the solver goes by epochs, as `partial_fit` needs; AttributeError where it does not."""
    if model.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True
