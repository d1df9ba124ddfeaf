"""What both estimators share: from checked data to a task, through a solver, to fitted attributes."""

from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from chainrule.differentiate import grad
from chainrule.errors import DivergenceError
from chainrule.estimators import lbfgs
from chainrule.estimators.assembly import task_of
from chainrule.estimators.callbacks import CallbackSupport, epoch_callbacks
from chainrule.estimators.columns import Columns, refuse_traced, validated
from chainrule.estimators.epochs import run_epochs
from chainrule.estimators.held_out import HeldOut, given, set_aside
from chainrule.estimators.networks import drawn, joined, network_of, split
from chainrule.estimators.parts import dense, outputs, parts
from chainrule.estimators.rates import find_rate
from chainrule.estimators.settings import Settings
from chainrule.estimators.solver_checks import check_solver
from chainrule.estimators.surviving import Survival
from chainrule.estimators.task import EstimatorTask, with_penalties, without_penalties
from chainrule.nn import L1, L2, Loss, Network, Parameters, State
from chainrule.nn.objective import Regularizer
from chainrule.trace import Tracer
from chainrule.train.checkpoint import Keeper
from chainrule.train.rate_finder import RateSearch
from chainrule.train.state import Best, Halving, TrainState
from chainrule.train.task import start

__all__ = ["MultilayerPerceptron"]


class MultilayerPerceptron(CallbackSupport, Settings):
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
    _optimizer: tuple[Any, Any] | None = None
    _ahead: tuple[Parameters, State] | None = None
    halvings_: tuple[Halving, ...]
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    _columns: Columns | None

    def _validated(
        self, X: Any, y: Any, incremental: bool, reset: bool
    ) -> tuple[Any, NDArray[Any], NDArray[Any] | None]:
        """Inputs, targets of shape (examples, outputs), and weights that follow from their classes."""
        raise NotImplementedError

    def _output(self) -> tuple[str, Loss]:
        """Activation of the outputs in scikit-learn's words, where none was asked for, and the loss."""
        raise NotImplementedError

    def _targets(self, y: Any, name: str = "y of validation_data") -> NDArray[Any]:
        """Targets of other data than those of the fit, shape (examples, outputs); `name` is for messages."""
        raise NotImplementedError

    def _held_out_score(self, outputs: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any] | None) -> float:
        """Score of outputs on held-out data."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Any:
        """Fit the network to data.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Inputs. float32 ones are fitted in float32, all others in float64; sparse ones are made dense, one
            minibatch after the other where they are many.
        y : array, shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array, shape (n_samples,), optional
            Weights of the examples.
        validation_data : tuple of X and y, or of X, y and sample_weight, optional
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
        check_solver(self, incremental=incremental)
        survival = Survival(self)
        epochs = None if incremental else 0 if self.solver == "lbfgs" else self.max_iter
        with epoch_callbacks(self, X, y, sample_weight, epochs) as callbacks:
            task, first, state, keeper = self._begun(X, y, sample_weight, validation_data, survival, incremental)
            try:
                if self.solver == "lbfgs":
                    state = lbfgs.minimise(self, task, state)
                    if task.score is not None:
                        self.best_validation_score_ = task.score(state)
                        self.validation_scores_ = [self.best_validation_score_]
                else:
                    state = run_epochs(self, task, first, state, keeper, callbacks, only_one=incremental)
            except DivergenceError as error:
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may contain large values and need "
                    f"to be preprocessed: {error}"
                ) from error
            self._optimizer = None if self.solver == "lbfgs" else (self.solver, state.optimizer)
            self.halvings_ = state.history.halvings
            self._ahead = None
            if incremental and state.best is not None:
                self._ahead = state.parameters, without_penalties(state.network_state)
            self._take(state if state.best is None else state.best)
        return self

    def _begun(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation_data: Any = None,
        survival: Survival | None = None,
        incremental: bool = False,
    ) -> tuple[EstimatorTask, TrainState, TrainState, Keeper | None]:
        """What is minimised, the state before the first step, where the fit goes on, and what keeps it."""
        hidden = np.atleast_1d(self.hidden_layer_sizes).tolist() if np.size(self.hidden_layer_sizes) else []
        if any(units <= 0 for units in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        new = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, targets, of_classes = self._validated(X, y, incremental, new)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        if of_classes is not None:
            weights = of_classes if weights is None else weights * of_classes
        held_out = None if validation_data is None else given(self, validation_data, targets.shape[1])
        rng = check_random_state(self.random_state)
        if new:
            self._initialize(X, targets.shape[1], hidden, rng)
        else:
            self._check_network(network_of(self, X.shape[1], hidden, targets.shape[1]), X.shape[1], hidden)
        if survival is not None:
            rng = survival.begun(rng)
        if held_out is None and self.early_stopping and self.solver != "lbfgs":
            of_part = np.random.RandomState(self._seed_of_parts(rng)) if incremental else rng
            X, targets, weights, held_out = set_aside(self, X, targets, weights, of_part, incremental=incremental)
        if self.solver != "lbfgs":
            self._open_notes(held_out is not None)
        task = task_of(self, X, targets, weights, rng, None if held_out is None else partial(self._score, held_out))
        first = self._first_state(task, int(rng.randint(2**31)) if task.draws else 0, incremental)
        state, keeper = (first, None) if survival is None else survival.read(task, first, held_out)
        return task, first, state, keeper

    def _check_network(self, network: Network, features: int, hidden: list[int]) -> None:
        """Take a network for the weights that there are, if it fits them."""
        self._complete()
        found = tuple({name: x.shape for name, x in layer.items()} for layer in self._parameters())
        if found != network.shapes():
            raise ValueError(
                f"the fitted weights have the shapes {[c.shape for c in self.coefs_]}, which do not fit {features} "
                f"features, hidden_layer_sizes={hidden} and {network.outputs} outputs: fit with warm_start=False"
            )
        self._network = network

    def _complete(self) -> None:
        """Add what weights lack that were put in by hand, as scikit-learn's users do: their network, and its state."""
        if not hasattr(self, "_network"):
            hidden = [coefs.shape[1] for coefs in self.coefs_[:-1]]
            network = network_of(self, self.coefs_[0].shape[0], hidden, self.coefs_[-1].shape[1])
            self._network, self._columns = network, None
            self._others = split(drawn(self, network, np.random.RandomState(0), self._dtype))[2]
            self._state = network.initial_state(self._dtype)

    def _seed_of_parts(self, rng: np.random.RandomState) -> int:
        """What every `partial_fit` holds out its part by: calls with the same data hold out the same part."""
        if not hasattr(self, "_part_seed"):
            self._part_seed = int(rng.randint(2**31))
        return self._part_seed

    def _first_state(self, task: EstimatorTask, seed: int, incremental: bool) -> TrainState:
        """The state before the first step; for `partial_fit`, after the last step of the call before."""
        parameters, network_state = self._parameters(), self._state
        kept = with_penalties(network_state, self.alpha, self.l1, self._dtype)
        best = None
        keeps_best = task.score is not None and self.early_stopping and self.solver != "lbfgs"
        if keeps_best and self.best_validation_score_ is not None:
            best = Best(parameters, kept, 0, self.best_validation_score_)
        if not (incremental and self._optimizer is not None and self._optimizer[0] == self.solver):
            return replace(start(task, parameters, kept, seed), best=best)
        if best is not None and self._ahead is not None:
            parameters, network_state = self._ahead
            kept = with_penalties(network_state, self.alpha, self.l1, self._dtype)
        return replace(start(task, parameters, kept, seed), optimizer=self._optimizer[1], best=best)

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
        self._optimizer = None
        self._ahead = None
        self.halvings_ = ()
        for name in ("loss_curve_", "validation_scores_", "_part_seed"):
            self.__dict__.pop(name, None)

    def _open_notes(self, has_scores: bool) -> None:
        """Make room for what a fit writes down, where an earlier one that it goes on from has not."""
        if not hasattr(self, "loss_curve_"):
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            self.best_loss_: float | None = None
        if not hasattr(self, "validation_scores_"):
            self.validation_scores_ = None
            self.best_validation_score_ = None
        if has_scores and self.validation_scores_ is None:
            self.validation_scores_ = []
            self.best_validation_score_ = -np.inf
        if not self.early_stopping and self.best_loss_ is None:
            self.best_loss_ = np.inf

    def _take(self, state: TrainState | Best) -> None:
        """Write down the weights of a state of a run."""
        self.coefs_, self.intercepts_, self._others = split(state.parameters)
        self._state = without_penalties(state.network_state)

    def _score(self, held_out: HeldOut, state: TrainState) -> float:
        X, targets, weights = held_out
        found = outputs(self._network, state.parameters, without_penalties(state.network_state), X)
        return self._held_out_score(found, targets, weights) if np.isfinite(found).all() else np.nan

    @property
    def _dtype(self) -> np.dtype[Any]:
        found: np.dtype[Any] = self.coefs_[0].dtype
        return found

    def _parameters(self) -> Parameters:
        return joined(self.coefs_, self.intercepts_, self._others, self._network)

    def _opened(self, X: Any, y: Any) -> tuple[Any, ...]:
        """What `chainrule.inspection.opened.Opened` holds: the fitted network, and data as it takes them."""
        check_is_fitted(self)
        X = dense(validated(self, X, reset=False)).astype(self._dtype, copy=False)
        targets = self._targets(y, "y").astype(self._dtype, copy=False)
        check_consistent_length(X, targets)
        by_class = getattr(self, "class_weight", None)
        weights = None if by_class is None else compute_sample_weight(by_class, y)
        total = len(X) if weights is None else weights.sum()
        penalties: list[Regularizer] = [L2(self.alpha / total)] if self.alpha else []
        if self.l1:
            penalties.append(L1(self.l1 / total))
        loss = self._output()[1]
        return self._network, self._parameters(), self._state, loss, tuple(penalties), X, targets, weights

    def _forward(self, X: Any, *, signals: bool = False) -> NDArray[Any]:
        check_is_fitted(self)
        self._complete()
        if isinstance(X, Tracer):
            refuse_traced(self)
            compute = self._network.signal if signals else self._network.apply
            traced: Any = X
            return compute(self._parameters(), self._state, traced)[0]
        X = validated(self, X, reset=False)
        found = outputs(self._network, self._parameters(), self._state, X, signals=signals)
        if bad := np.count_nonzero(~np.isfinite(found).all(axis=1)):
            raise ValueError(
                f"the outputs are not finite for {bad} of {len(found)} examples: inputs or weights are too large. "
                "Scale the inputs, as by StandardScaler in a pipeline, or fit with a lower learning_rate_init"
            )
        return found

    def find_rate(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        lowest: float = 1e-6,
        highest: float = 10.0,
        steps: int = 200,
    ) -> RateSearch:
        """Search for a `learning_rate_init` with a short run in which the rate grows; the estimator stays as it is.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        lowest, highest : float
            The first rate and the last.
        steps : int
            How many steps there are from one to the other, at least 50.

        Returns
        -------
        RateSearch
            As of `chainrule.train.find_rate`; it has a `suggestion` and a `plot`.

        Raises
        ------
        ValueError
            For a solver other than "adam" and "sgd", and where the loss falls at no rate.
        """
        return find_rate(self, X, y, sample_weight, lowest, highest, steps)

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
            of their own where there are several. Where there are categorical columns, the features are the numeric
            ones alone, ``~is_categorical_``, in their order.
        """
        check_is_fitted(self)
        self._complete()
        X = validated(self, X, reset=False)
        parameters, network = self._parameters(), self._network
        compute = network.signal if is_classifier(self) else network.apply

        def total(x: NDArray[Any], output: int) -> Any:
            return np.sum(compute(parameters, self._state, x)[0][:, output])

        by_input, outputs = grad(total), range(network.outputs)
        found = np.concatenate([np.stack([by_input(x, k) for k in outputs], axis=1) for x in parts(X, network)])
        # By codes there is no derivative, and they come first.
        found = found[..., 0 if self._columns is None else self._columns.count :]
        return found[:, 0] if network.outputs == 1 else found

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted estimator to a file, without pickle; `chainrule.estimators.load` reads it.

        Parameters
        ----------
        path : path-like
            The file.

        Raises
        ------
        ChainruleError
            Where it cannot be written, or the model holds what a file cannot.
        """
        from chainrule.estimators.files import save

        save(self, path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _repr_html_inner(self) -> str:
        from chainrule.estimators.html import estimator_html

        return estimator_html(self)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        shown: dict[str, str] = super()._repr_mimebundle_(**kwargs)
        return shown | {"text/html": self._repr_html_inner()} if "text/html" in shown else shown
