"""A fitted estimator in a notebook: scikit-learn's own diagram, and beneath it what only a network has."""

from typing import Any

import numpy as np
from sklearn.utils import estimator_html_repr

from chainrule.html import Series, curve, element, facts, panel
from chainrule.nn.html import network_parts

__all__ = ["estimator_html"]


def estimator_html(model: Any) -> str:
    """Show an estimator.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        The estimator.

    Returns
    -------
    str
        A fragment of HTML: scikit-learn's diagram with the table of parameters; of a fitted one also the network, how
        the fit went, and the curves of loss and held-out score.
    """
    diagram: str = estimator_html_repr(model)
    if not hasattr(model, "coefs_"):
        return diagram
    noted = {
        "iterations": "n_iter_",
        "loss": "loss_",
        "lowest loss": "best_loss_",
        "best held-out score": "best_validation_score_",
    }
    # A fit that broke off has left only some of them, and others are None where they mean nothing.
    found = {name: getattr(model, attribute, None) for name, attribute in noted.items()}
    pairs = {name: f"{value:.5g}" for name, value in found.items() if value is not None}
    parts = [*network_parts(model._network), facts("Fit", pairs)]
    for name, heading in (("loss_curve_", "loss"), ("validation_scores_", "held-out score")):
        values = np.asarray(getattr(model, name, None) or [], np.float64)
        if len(values):
            best = int(np.nanargmax(values)) if name == "validation_scores_" and np.isfinite(values).any() else None
            note = "" if best is None else " (ring: highest)"
            parts.append(curve([Series(heading + note, np.arange(1, len(values) + 1), values, best)], "iteration"))
    whole = element("details", element("summary", "Network and fit"), *parts, open="open")
    return f"{diagram}\n{panel(whole)}"
