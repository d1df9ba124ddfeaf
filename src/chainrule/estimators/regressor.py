"""The regressor: one number or several for each example."""

from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_array, column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if

from chainrule.estimators.base import MultilayerPerceptron
from chainrule.estimators.columns import validated
from chainrule.estimators.losses import REGRESSION, regression_loss
from chainrule.estimators.solver_checks import has_epochs
from chainrule.nn import Loss

__all__ = ["MLPRegressor"]


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, MultilayerPerceptron):  # type: ignore[misc]  # scikit-learn has no types
    """A network that predicts numbers; scikit-learn's `MLPRegressor`, with the same results for one `random_state`.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber", "quantile", "poisson"} or callable
        Half the squared error; the absolute one; Huber's; the pinball loss, for a quantile of the targets; half the
        Poisson deviance, for counts and positive rates. Or a function of (outputs, targets), both of shape (n_samples,
        n_outputs), written with NumPy, that returns one number for each example.
    hidden_layer_sizes : array-like of int
        Units of each hidden layer.
    activation : str, Activation or list of them
        As for `MLPClassifier`.
    solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose
        As for `MLPClassifier`.
    warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon
        As for `MLPClassifier`.
    n_iter_no_change, max_fun, output_activation, dropout, batch_norm, layer_norm, l1, clip_norm
        As for `MLPClassifier`.
    categorical_features : "from_dtype", array-like of str, int or bool, or None
        As for `MLPClassifier`.
    checkpoint, resume, on_divergence, callbacks
        As for `MLPClassifier`.
    quantile : float
        The quantile that "quantile" fits.
    delta : float
        Error at which "huber" turns from square to linear.

    Attributes
    ----------
    coefs_, intercepts_, loss_, loss_curve_, best_loss_, converged_, halvings_, n_iter_, t_, n_layers_, n_outputs_
        As for `MLPClassifier`. Where there are several outputs, `loss_` has the mean over them.
    validation_scores_, best_validation_score_ : list of float, float
        R2 on the held-out data, after each epoch or at the end of "lbfgs", and the greatest; None where there are none.
    out_activation_ : str
        Activation of the outputs.
    n_features_in_, feature_names_in_, is_categorical_
        As for `MLPClassifier`.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 50)[:, np.newaxis]
    >>> model = MLPRegressor(hidden_layer_sizes=(8,), activation="tanh", solver="lbfgs", random_state=0)
    >>> model.fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.99
    True
    """

    loss: Any = "squared_error"
    hidden_layer_sizes: Any = (100,)
    activation: Any = "relu"
    quantile: float = field(default=0.5, kw_only=True)
    delta: float = field(default=1.0, kw_only=True)

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MultilayerPerceptron._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION)), callable],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "delta": [Interval(Real, 0, None, closed="neither")],
    }

    def _output(self) -> tuple[str, Loss]:
        output = REGRESSION[self.loss] if isinstance(self.loss, str) else "identity"
        return output, regression_loss(self.loss, self.quantile, self.delta)

    def _validated(
        self, X: Any, y: Any, incremental: bool, reset: bool
    ) -> tuple[Any, NDArray[Any], NDArray[Any] | None]:
        X, y = validated(self, X, y, reset=reset, learns=True, multi_output=True, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y.reshape(len(y), -1), None

    def _targets(self, y: Any, name: str = "y of validation_data") -> NDArray[Any]:
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name=name)
        targets: NDArray[Any] = y.reshape(len(y), -1)
        return targets

    def _held_out_score(self, outputs: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any] | None) -> float:
        # Outputs that are far off give minus infinity.
        with np.errstate(over="ignore", invalid="ignore"):
            return float(r2_score(targets, outputs, sample_weight=weights))

    @available_if(has_epochs)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> "MLPRegressor":
        """Go on with one epoch over the given data.

        With `early_stopping` the weights of the call with the best score are kept, while the next call goes on from the
        last ones; `converged_` says when the score has not risen for more than `n_iter_no_change` calls.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Inputs.
        y : array, shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array, shape (n_samples,), optional
            Weights of the examples.
        validation_data : tuple of X and y, or of X, y and sample_weight, optional
            Held-out data, as for `fit`. With `early_stopping` and without them, `validation_fraction` of the data of
            each call is held out, of the same data the same part. Scores of calls with different data are then hardly
            comparable: give the same `validation_data` to all of them.

        Returns
        -------
        MLPRegressor
            The estimator itself.
        """
        found: MLPRegressor = self._fit(X, y, sample_weight, validation_data, incremental=True)
        return found

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict targets.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        array, shape (n_samples,) or (n_samples, n_outputs)
            The outputs.
        """
        outputs = self._forward(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs
