"""`from_sklearn`: a fitted network of scikit-learn as one of chainrule's, which goes on where that one stood."""

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import OptionError

if TYPE_CHECKING:
    from chainrule.estimators import MLPClassifier, MLPRegressor

__all__ = ["from_sklearn"]

#: Fitted attributes that both have, under the same names.
_SHARED = (
    "n_iter_",
    "t_",
    "n_layers_",
    "n_outputs_",
    "n_features_in_",
    "out_activation_",
    "loss_",
    "feature_names_in_",
    "classes_",
    "_label_binarizer",
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "_no_improvement_count",
)


def from_sklearn(mlp: Any) -> "MLPClassifier | MLPRegressor":
    """Make an estimator of chainrule's from a fitted one of scikit-learn's.

    Parameters
    ----------
    mlp : sklearn.neural_network.MLPClassifier or MLPRegressor
        The fitted network; it stays as it is.

    Returns
    -------
    MLPClassifier or MLPRegressor
        The estimator with the same parameters, weights, labels and curves, and for "adam" and "sgd" the state of the
        optimiser: `partial_fit` goes on as it would have there, and so does `fit` with `warm_start`.

    Raises
    ------
    NotFittedError
        Where it is not fitted.
    OptionError
        Where it is no such network, or has a parameter that is not known here.

    Examples
    --------
    >>> from sklearn import neural_network
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
    >>> theirs = neural_network.MLPClassifier((4,), solver="lbfgs", random_state=0).fit(X, y)
    >>> ours = from_sklearn(theirs)
    >>> np.allclose(ours.predict_proba(X), theirs.predict_proba(X))
    True
    """
    # scikit-learn takes a second to import, which the other bridges do not need.
    from sklearn import neural_network
    from sklearn.utils.validation import check_is_fitted

    from chainrule.estimators import MLPClassifier, MLPRegressor
    from chainrule.estimators.networks import network_of

    kinds = {neural_network.MLPClassifier: MLPClassifier, neural_network.MLPRegressor: MLPRegressor}
    kind = kinds.get(type(mlp))
    if kind is None:
        raise OptionError(
            "from_sklearn takes a fitted MLPClassifier or MLPRegressor of sklearn.neural_network, found "
            f"{type(mlp).__name__}"
        )
    check_is_fitted(mlp)
    ours: Any = kind()
    settings = deepcopy(mlp.get_params(deep=False))
    unknown = sorted(set(settings) - set(ours.get_params(deep=False)))
    if unknown:
        raise OptionError(f"the parameters {', '.join(unknown)} of scikit-learn's network are not known here")
    ours.set_params(**settings)
    for name in _SHARED:
        if hasattr(mlp, name):
            setattr(ours, name, deepcopy(getattr(mlp, name)))
    ours.coefs_ = [np.array(weights) for weights in mlp.coefs_]
    ours.intercepts_ = [np.array(bias) for bias in mlp.intercepts_]
    widths = [weights.shape[1] for weights in ours.coefs_]
    ours._columns = ours.is_categorical_ = None
    ours._network = network_of(ours, ours.coefs_[0].shape[0], widths[:-1], widths[-1])
    ours._state = ours._network.initial_state(ours.coefs_[0].dtype)
    ours._others = [{} for _ in ours._network.places]
    ours._optimizer = _optimizer(mlp, ours)
    return ours  # type: ignore[no-any-return]


def _optimizer(mlp: Any, ours: Any) -> tuple[str, Any] | None:
    """Name of the solver and its state, as `chainrule.estimators.solvers` has them."""
    from chainrule.estimators.networks import joined

    theirs = getattr(mlp, "_optimizer", None)
    if theirs is None:
        return None
    count = len(ours.coefs_)

    def arranged(arrays: Any) -> Any:
        """Weights of all layers and then their biases, layer by layer."""
        copies = [np.array(array) for array in arrays]
        return joined(copies[:count], copies[count:], ours._others, ours._network)

    if hasattr(theirs, "velocities"):
        # The step is for schedules, which scikit-learn has none of; it does not count either.
        numbers = {"rate": theirs.learning_rate, "momentum": theirs.momentum, "step": 0.0}
        moving = {"velocity": arranged(theirs.velocities)}
        solver = "sgd"
    else:
        numbers = {
            "rate": theirs.learning_rate_init,
            "beta_1": theirs.beta_1,
            "beta_2": theirs.beta_2,
            "epsilon": theirs.epsilon,
            "step": theirs.t,
        }
        moving = {"mean": arranged(theirs.ms), "square": arranged(theirs.vs)}
        solver = "adam"
    return solver, {**{name: np.asarray(float(number)) for name, number in numbers.items()}, **moving}
