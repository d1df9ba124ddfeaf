"""The classifier: one class of several, yes or no, or several labels at once."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    type_of_target,
    unique_labels,
)

from chainrule.estimators.base import MultilayerPerceptron
from chainrule.estimators.columns import validated
from chainrule.estimators.labels import binarized, labels_of, targets_of
from chainrule.estimators.solver_checks import has_epochs
from chainrule.nn import Loss
from chainrule.nn.losses import LOSSES
from chainrule.nn.losses import loss as loss_row

__all__ = ["MLPClassifier"]


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, MultilayerPerceptron):  # type: ignore[misc]  # scikit-learn has no types
    """A network that classifies; scikit-learn's `MLPClassifier`, with the same results for the same `random_state`.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int
        Units of each hidden layer.
    activation : str, Activation or list of them
        Activation of the hidden layers, one for all or one for each: "identity", "logistic", "tanh", "relu", another
        name in `chainrule.nn.activations.ACTIVATIONS`, or a row of one's own.
    solver : {"adam", "sgd", "lbfgs"} or chainrule.optim.Transform
        How the weights are found; with a transform, such as ``chainrule.optim.adamw(0.001)``, the rate is its own.
    alpha : float
        Strength of the L2 penalty, which is divided by the number of examples of a minibatch.
    batch_size : int or "auto"
        Examples of a minibatch; "auto" takes 200, or all where there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"} or callable
        How the rate of "sgd" changes: it stays; it is divided by ``(t_ + 1) ** power_t`` after each epoch; or it is
        divided by 5 where a fit would otherwise end for want of gain. Or a schedule, of "adam" too, from the step,
        counted from 0, to the rate, such as those in `chainrule.optim.schedules`.
    learning_rate_init : float
        The first rate.
    power_t : float
        Exponent of "invscaling".
    max_iter : int
        Most epochs, or most iterations of "lbfgs".
    shuffle : bool
        Whether examples are put into another order in each epoch.
    random_state : int, numpy.random.RandomState or None
        Source of the first weights, the orders and the held-out part.
    tol : float
        Least gain of an epoch that counts as one.
    verbose : bool or int
        Whether to print the loss of each epoch; 2 shows the fit as `chainrule.train.progress` does instead, by a live
        curve in a notebook, and a bar in a terminal.
    warm_start : bool
        Whether `fit` goes on from the weights of the last `fit`.
    momentum : float
        Momentum of "sgd".
    nesterovs_momentum : bool
        Whether "sgd" looks one step ahead.
    early_stopping : bool
        Whether to hold out a part of the data, stop when its score does not rise, and keep the best weights. A fit that
        diverges then ends with them, and a warning.
    validation_fraction : float
        The part that is held out.
    beta_1, beta_2, epsilon : float
        Decays and the small number of "adam".
    n_iter_no_change : int
        Epochs without gain after which a fit ends.
    max_fun : int
        Most evaluations of "lbfgs".
    output_activation : str, Activation or None
        Activation of the outputs; by default the one that belongs to the loss.
    dropout : float or list of float
        Part of each hidden layer's activations that is left out in a step, one for all layers or one for each.
    batch_norm, layer_norm : bool
        Whether the signals of hidden layers are normalised over the minibatch, or over the units of each example.
    l1 : float
        Strength of an L1 penalty, which is divided as `alpha` is.
    clip_norm : float or None
        Greatest length of the gradient of a step; a longer one is shortened.
    categorical_features : "from_dtype", array-like of str, int or bool, or None
        Columns whose values are categories, for each of which a vector is learned: in a data frame those of a dtype of
        categories, text, objects or booleans; or the columns of these names or positions, or of this mask. None takes
        all columns as numbers.
    checkpoint : path-like, chainrule.train.Checkpoint or None
        The file that the state of a fit is written to, on a schedule and at its end. It belongs to one fit.
    resume : bool or path-like
        With True a fit goes on from the file of `checkpoint` where there is one, and otherwise starts; with a path it
        goes on from that file. It ends with the same bits as a fit that was never interrupted. `max_iter`, `verbose`,
        `callbacks` and `on_divergence` may be others than they were; all else has to be the same.
    on_divergence : {"raise", "halve"}
        What is done where numbers are no longer finite: a ValueError, or back to the state at the start of the epoch
        with the lowest loss and on with half the rate, ten times at most.
    callbacks : list of callables, callable or None
        Called with the `chainrule.train.TrainState` after every epoch; a true result ends the fit.
    loss : "log_loss" or callable
        A function of (outputs, targets), both of shape (n_samples, n_outputs), in place of the cross-entropy. Outputs
        are probabilities, targets 0 or 1; it is written with NumPy and returns one number for each example.
    class_weight : dict, "balanced", list of dict or None
        Weights of the classes, by label; "balanced" gives all of them the same share. They multiply `sample_weight`.

    Attributes
    ----------
    classes_ : array, shape (n_classes,)
        The labels.
    coefs_, intercepts_ : list of arrays
        Weights, shape (inputs, units), and biases, shape (units,), of each layer.
    loss_ : float
        Mean objective of the last epoch's minibatches, each before its step.
    loss_curve_ : list of float
        `loss_` of each epoch.
    best_loss_ : float or None
        The least of them; None with `early_stopping`.
    validation_scores_ : list of float or None
        Accuracy on the held-out data after each epoch, or at the end of "lbfgs"; None where there are none.
    best_validation_score_ : float or None
        The greatest of them.
    converged_ : bool
        Whether there was no gain for more than `n_iter_no_change` epochs, or calls of `partial_fit`; with "lbfgs",
        whether it reached `tol`.
    halvings_ : tuple of chainrule.train.Halving
        When the last fit diverged and went back.
    n_iter_ : int
        Epochs, or iterations of "lbfgs", of the last fit.
    t_ : int
        Examples seen so far.
    n_layers_, n_outputs_ : int
        Layers, inputs and outputs included; units of the last one.
    out_activation_ : str
        Activation of the outputs.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : array, shape (n_features_in_,)
        Their names, where all are strings.
    is_categorical_ : array of bool, shape (n_features_in_,), or None
        Which columns are categorical; None where none is.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((16,), learning_rate_init=0.02, max_iter=100, tol=0, random_state=0, solver="lbfgs")
    >>> model.fit(X, y).score(X, y) > 0.97
    True
    """

    hidden_layer_sizes: Any = (100,)
    activation: Any = "relu"
    loss: Any = field(default="log_loss", kw_only=True)
    class_weight: Any = field(default=None, kw_only=True)

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MultilayerPerceptron._parameter_constraints,
        "loss": [StrOptions({"log_loss"}), callable],
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
    }

    def _output(self) -> tuple[str, Loss]:
        one_of_several = self._label_binarizer.y_type_ == "multiclass"
        output = "softmax" if one_of_several else "logistic"
        if callable(self.loss):
            return output, loss_row(self.loss)
        return output, LOSSES["cross_entropy" if one_of_several else "binary_cross_entropy"]

    def _validated(
        self, X: Any, y: Any, incremental: bool, reset: bool
    ) -> tuple[Any, NDArray[Any], NDArray[Any] | None]:
        X, y = validated(self, X, y, reset=reset, learns=True, multi_output=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if y.dtype.kind == "f":
            # Says what the matter is with numbers that are no labels, where LabelBinarizer prints them all.
            check_classification_targets(y)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer, targets = binarized(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_labels(unique_labels(y))
            targets = targets_of(self._label_binarizer, y)
        weights = None
        if self.class_weight is not None:
            if incremental and self.class_weight == "balanced":
                raise ValueError(
                    "class_weight='balanced' needs all labels at once, which partial_fit does not have: give a dict"
                )
            weights = compute_sample_weight(self.class_weight, y)
        return X, targets, weights

    def _check_labels(self, found: NDArray[Any]) -> None:
        if self.warm_start and set(found) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {found}"
            )
        if not set(found) <= set(self.classes_):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {found}."
            )

    def _targets(self, y: Any, name: str = "y of validation_data") -> NDArray[Any]:
        labels = unique_labels(y)
        if not set(labels) <= set(self.classes_):
            raise ValueError(f"{name} has classes not in {self.classes_}: it has {labels}")
        targets: NDArray[Any] = self._label_binarizer.transform(y)
        return targets

    def _held_out_score(self, outputs: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any] | None) -> float:
        right = outputs.argmax(axis=1) == targets.argmax(axis=1)
        if self._label_binarizer.y_type_ != "multiclass":
            right = ((outputs > 0.5) == targets).all(axis=1)
        return float(np.average(right, weights=weights))

    @available_if(has_epochs)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None, validation_data: Any = None
    ) -> "MLPClassifier":
        """Go on with one epoch over the given data.

        With `early_stopping` the weights of the call with the best score are kept, while the next call goes on from the
        last ones; `converged_` says when the score has not risen for more than `n_iter_no_change` calls.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Inputs.
        y : array, shape (n_samples,) or (n_samples, n_outputs)
            Labels.
        sample_weight : array, shape (n_samples,), optional
            Weights of the examples.
        classes : array, shape (n_classes,), optional
            All labels there will be; needed in the first call.
        validation_data : tuple of X and y, or of X, y and sample_weight, optional
            Held-out data, as for `fit`. With `early_stopping` and without them, `validation_fraction` of the data of
            each call is held out, of the same data the same part. Scores of calls with different data are then hardly
            comparable: give the same `validation_data` to all of them.

        Returns
        -------
        MLPClassifier
            The estimator itself.
        """
        if _check_partial_fit_first_call(self, classes):
            labels = y if type_of_target(y).startswith("multilabel") else classes
            self._label_binarizer = LabelBinarizer().fit(labels)
        found: MLPClassifier = self._fit(X, y, sample_weight, validation_data, incremental=True)
        return found

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict labels.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        array, shape (n_samples,) or (n_samples, n_outputs)
            Labels; for several labels at once, a 0 or 1 for each.
        """
        outputs = self._forward(X)
        return labels_of(self._label_binarizer, outputs)

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Signals of the outputs, before the last activation.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        array, shape (n_samples,) or (n_samples, n_outputs)
            With two classes one number, positive for the second class; otherwise one for each class or label.
        """
        signals = self._forward(X, signals=True)
        return signals[:, 0] if self.n_outputs_ == 1 else signals

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Probability of each label.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        array, shape (n_samples, n_classes)
            Probabilities, in the order of `classes_`.
        """
        outputs = self._forward(X)
        return np.concatenate([1 - outputs, outputs], axis=1) if self.n_outputs_ == 1 else outputs

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Logarithm of the probability of each label, exact where the probability is too small for a number.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        array, shape (n_samples, n_classes)
            Logarithms, in the order of `classes_`.
        """
        signals = self._forward(X, signals=True)
        found: NDArray[Any]
        if self.out_activation_ == "softmax":
            found = log_softmax(signals, axis=1)
        elif self.out_activation_ in ("logistic", "sigmoid"):
            found = log_expit(np.hstack([-signals, signals]) if self.n_outputs_ == 1 else signals)
        else:
            found = np.log(self.predict_proba(X))
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
