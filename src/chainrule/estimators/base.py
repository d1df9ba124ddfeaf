"""What both estimators share: from checked data to a task, through a solver, to fitted attributes."""

import warnings
from collections.abc import Hashable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from chainrule.differentiate import grad
from chainrule.errors import DivergenceError
from chainrule.estimators import lbfgs, solvers
from chainrule.estimators.epochs import run_epochs
from chainrule.estimators.losses import check_coupling
from chainrule.estimators.networks import drawn, joined, network_of, split
from chainrule.estimators.settings import Settings
from chainrule.estimators.task import EstimatorTask, weighted, with_penalties, without_penalties
from chainrule.nn import Loss, Network, Parameters, State
from chainrule.optim import Transform, chain, clip_by_global_norm
from chainrule.trace import Tracer
from chainrule.train.checks import in_precision
from chainrule.train.state import TrainState
from chainrule.train.task import start
from chainrule.train.users_code import has_users_code

__all__ = ["MultilayerPerceptron", "dense", "has_epochs"]

#: The batch size "auto", where there are as many examples.
_AUTOMATIC = 200
#: Examples on which a loss of one's own is tried.
_TRIED = 8
#: Numbers in the widest layer that a prediction holds at a time: 8 MB in float64.
_PART = 1 << 20


_HeldOut: TypeAlias = tuple[Any, NDArray[Any], NDArray[Any] | None]
"""Inputs, targets and weights of examples that are held out."""


class MultilayerPerceptron(Settings):
    """Fitting and predicting; the classes for users add what their targets are."""

    # What the classes for users say.
    hidden_layer_sizes: Any
    activation: Any
    # What a fit gives.
    coefs_: list[NDArray[Any]]
    intercepts_: list[NDArray[Any]]
    _others: list[dict[str, NDArray[Any]]]
    _network: Network
    _state: State

    def _validated(
        self, X: Any, y: Any, incremental: bool, reset: bool
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
        """Inputs, targets of shape (examples, outputs), and weights that follow from their classes."""
        raise NotImplementedError

    def _output(self) -> tuple[str, Loss]:
        """Activation of the outputs in scikit-learn's words, where none was asked for, and the loss."""
        raise NotImplementedError

    def _held_out(self, X: Any, y: Any) -> _HeldOut:
        """Check held-out data that were given, as the data of a fit are checked."""
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)
        targets = self._targets(y)
        check_consistent_length(X, targets)
        return X, targets, None

    def _targets(self, y: Any) -> NDArray[Any]:
        """Held-out targets, shape (examples, outputs)."""
        raise NotImplementedError

    def _held_out_score(self, outputs: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any] | None) -> float:
        """Score of outputs on held-out data."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Any:
        """Fit the network to data.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Inputs. float32 ones are fitted in float32, all others in float64; sparse ones are made dense.
        y : array, shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array, shape (n_samples,), optional
            Weights of the examples.
        validation_data : tuple of X and y, optional
            Held-out data: `validation_scores_` has the score on them after each epoch, and `early_stopping` goes by it
            in place of holding out a part of `X`.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            For a parameter out of its range, data that cannot be used, or a fit that diverges.
        """
        return self._fit(X, y, sample_weight, validation_data, incremental=False)

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation_data: Any = None, *, incremental: bool) -> Any:
        self._validate_params()
        hidden = np.atleast_1d(self.hidden_layer_sizes).tolist() if np.size(self.hidden_layer_sizes) else []
        if any(units <= 0 for units in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if self.solver == "lbfgs" and (self.batch_norm or np.any(self.dropout)):
            raise ValueError(
                "lbfgs needs a loss that is the same each time: dropout and batch_norm need another solver"
            )
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, targets, of_classes = self._validated(X, y, incremental, first)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        if of_classes is not None:
            weights = of_classes if weights is None else weights * of_classes
        held_out = None
        if validation_data is not None:
            held_out = self._held_out(*validation_data)
        rng = check_random_state(self.random_state)
        if first:
            self._initialize(X, targets.shape[1], hidden, rng)
        else:
            network = network_of(self, X.shape[1], hidden, targets.shape[1])
            found = tuple({name: x.shape for name, x in layer.items()} for layer in self._parameters())
            if found != network.shapes():
                raise ValueError(
                    f"the fitted weights have the shapes {[c.shape for c in self.coefs_]}, which do not fit "
                    f"{X.shape[1]} features, hidden_layer_sizes={hidden} and {targets.shape[1]} outputs: fit with "
                    "warm_start=False"
                )
            self._network = network
        try:
            self._solve(X, targets, weights, held_out, rng, incremental)
        except DivergenceError as error:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                f"preprocessed: {error}"
            ) from error
        return self

    def _initialize(self, X: NDArray[Any], outputs: int, hidden: list[int], rng: np.random.RandomState) -> None:
        """Draw the weights, in the order and from the intervals of scikit-learn."""
        self.n_iter_ = 0
        self.t_ = 0
        self.n_outputs_ = outputs
        self.n_layers_ = len(hidden) + 2
        asked = self.output_activation
        self.out_activation_ = self._output()[0] if asked is None else asked
        self._network = network_of(self, X.shape[1], hidden, outputs)
        self.coefs_, self.intercepts_, self._others = split(drawn(self, self._network, rng, X.dtype))
        self._state = self._network.initial_state(X.dtype)
        self._optimizer: tuple[str, Any] | None = None
        for name in ("loss_curve_", "validation_scores_"):
            self.__dict__.pop(name, None)

    def _open_notes(self, has_scores: bool) -> None:
        """Make room for what a fit writes down, where an earlier one that it goes on from has not."""
        if not hasattr(self, "loss_curve_"):
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            self.validation_scores_: list[float] | None = None
            self.best_validation_score_: float | None = None
            self.best_loss_: float | None = None
        if has_scores and self.validation_scores_ is None:
            self.validation_scores_ = []
            self.best_validation_score_ = -np.inf
        if not self.early_stopping and self.best_loss_ is None:
            self.best_loss_ = np.inf

    def _solve(
        self,
        X: NDArray[Any],
        targets: NDArray[Any],
        weights: NDArray[Any] | None,
        held_out: _HeldOut | None,
        rng: np.random.RandomState,
        incremental: bool,
    ) -> None:
        if held_out is None and self.early_stopping and self.solver != "lbfgs":
            X, targets, weights, held_out = self._split(X, targets, weights, rng)
        score = None if held_out is None else partial(self._score, held_out)
        task = self._task(X, targets, weights, rng)
        first = with_penalties(self._state, self.alpha, self.l1, self._dtype)
        state = start(task, self._parameters(), first, int(rng.randint(2**31)) if task.draws else 0)
        if self.solver == "lbfgs":
            state = lbfgs.minimise(self, task, state)
        else:
            if incremental and self._optimizer is not None and self._optimizer[0] == self.solver:
                state = replace(state, optimizer=self._optimizer[1])
            self._open_notes(score is not None)
            state = run_epochs(self, task, state, score, only_one=incremental)
            self._optimizer = self.solver, state.optimizer
        self.coefs_, self.intercepts_, self._others = split(state.parameters)
        self._state = without_penalties(state.network_state)

    def _split(
        self, X: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any] | None, rng: np.random.RandomState
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None, _HeldOut]:
        """Hold out a part of the data: what is left, and the part."""
        arrays = [X, targets] if weights is None else [X, targets, weights]
        stratify = targets if is_classifier(self) and targets.shape[1] == 1 else None
        parts = train_test_split(*arrays, random_state=rng, test_size=self.validation_fraction, stratify=stratify)
        if len(parts[1]) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        if weights is None:
            return parts[0], parts[2], None, (parts[1], parts[3], None)
        if not parts[5].sum():
            raise ValueError(
                "The weights of the validation set sum to zero, so that it has no score. Increase "
                "'validation_fraction', or leave out examples without weight."
            )
        return parts[0], parts[2], parts[4], (parts[1], parts[3], parts[5])

    def _score(self, held_out: _HeldOut, state: TrainState) -> float:
        X, targets, weights = held_out
        outputs = self._outputs(X, state.parameters, without_penalties(state.network_state))
        return self._held_out_score(outputs, targets, weights) if np.isfinite(outputs).all() else np.nan

    def _task(
        self, X: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any] | None, rng: np.random.RandomState
    ) -> EstimatorTask:
        loss = self._output()[1]
        targets = in_precision("targets", targets, self._dtype)
        loss.check_targets(targets)
        loss.check_output(self._network.places[-1].layer.activation_row)
        size = min(_AUTOMATIC if self.batch_size == "auto" else self.batch_size, len(X))
        if self.batch_size != "auto" and self.batch_size > len(X) and self.solver != "lbfgs":
            warnings.warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped.")
        mean = loss.name == "half_squared"
        # Where one step takes all examples, their order is of no account.
        batch = None if size == len(X) or self.solver == "lbfgs" else size
        X = np.ascontiguousarray(X, self._dtype)
        why = "sample_weight was given" if weights is not None else None if batch is None else "steps take minibatches"
        if why is not None and has_users_code(loss):
            check_coupling(loss, self._outputs(X[:_TRIED], self._parameters(), self._state), targets[:_TRIED], why)
        if weights is not None:
            loss = weighted(loss)
            targets = np.hstack([targets, weights.astype(self._dtype)[:, np.newaxis]])
        return EstimatorTask(
            self._network,
            loss,
            X,
            targets,
            self._transform(),
            batch,
            has_weights=weights is not None,
            mean_over_outputs=mean,
            orders=_orders(len(X), rng) if self.shuffle else None,
            kind=self._kind(),
        )

    def _transform(self) -> Transform:
        schedule = self.learning_rate if callable(self.learning_rate) else None
        if isinstance(self.solver, Transform):
            found = self.solver
        elif self.solver == "sgd":
            found = solvers.sgd(self.learning_rate_init, self.momentum, self.nesterovs_momentum, schedule)
        else:
            found = solvers.adam(self.learning_rate_init, self.beta_1, self.beta_2, self.epsilon, schedule)
        return found if self.clip_norm is None else chain(clip_by_global_norm(self.clip_norm), found)

    def _kind(self) -> Hashable:
        """All settings that are part of the code of the steps."""
        schedule = self.learning_rate if callable(self.learning_rate) else None
        return self.solver, bool(self.nesterovs_momentum), schedule, self.clip_norm, self.l1 > 0

    @property
    def _dtype(self) -> np.dtype[Any]:
        found: np.dtype[Any] = self.coefs_[0].dtype
        return found

    def _parameters(self) -> Parameters:
        return joined(self.coefs_, self.intercepts_, self._others, self._network)

    def _outputs(self, X: NDArray[Any], parameters: Parameters, state: State, *, signals: bool = False) -> NDArray[Any]:
        """Outputs for checked inputs, or the signals before their activation, in bounded memory."""
        network = self._network
        compute = network.signal if signals else network.apply
        with np.errstate(over="ignore", under="ignore"):
            return np.concatenate([compute(parameters, state, x)[0] for x in _parts(X, network)])

    def _forward(self, X: Any, *, signals: bool = False) -> NDArray[Any]:
        check_is_fitted(self)
        if isinstance(X, Tracer):
            compute = self._network.signal if signals else self._network.apply
            traced: Any = X
            return compute(self._parameters(), self._state, traced)[0]
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)
        return self._outputs(X, self._parameters(), self._state, signals=signals)

    def input_gradient(self, X: Any) -> NDArray[Any]:
        """Differentiate the outputs by the inputs: how an output changes with each feature of an example.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        array, shape (n_samples, n_features) or (n_samples, n_outputs, n_features)
            Derivatives of what a regressor predicts, or of a classifier's `decision_function`. The outputs have an axis
            of their own where there are several.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)
        parameters, network = self._parameters(), self._network
        compute = network.signal if is_classifier(self) else network.apply

        def total(x: NDArray[Any], output: int) -> Any:
            return np.sum(compute(parameters, self._state, x)[0][:, output])

        by_input, outputs = grad(total), range(network.outputs)
        found = np.concatenate([np.stack([by_input(x, k) for k in outputs], axis=1) for x in _parts(X, network)])
        return found[:, 0] if network.outputs == 1 else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def has_epochs(model: Any) -> bool:
    """Tell whether the solver goes by epochs, as `partial_fit` needs; AttributeError where it does not."""
    if model.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


def _orders(count: int, rng: np.random.RandomState) -> Iterator[NDArray[np.intp]]:
    """Orders of the examples, each a shuffle of the one before, with the draws of scikit-learn."""
    order = np.arange(count)
    while True:
        moved = np.arange(count)
        rng.shuffle(moved)
        order = order[moved]
        yield order


def _parts(X: Any, network: Network) -> Iterator[NDArray[Any]]:
    """Rows of a dense or sparse matrix, dense, as many at a time as go through a network in little memory."""
    widest = max(network.inputs, *(place.units for place in network.places))
    size = max(1, _PART // widest)
    for begin in range(0, X.shape[0], size):
        yield dense(X[begin : begin + size])


def dense(X: Any) -> NDArray[Any]:
    """Make a sparse matrix dense, and leave an array as it is."""
    found: NDArray[Any] = X.toarray() if issparse(X) else X
    return found
