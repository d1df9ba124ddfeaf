"""The parameters that both estimators have, stated once, and what each may be."""

from dataclasses import dataclass
from functools import cache
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, Options, StrOptions, validate_parameter_constraints

from chainrule.estimators.networks import NAMES
from chainrule.nn import Activation
from chainrule.optim import Transform
from chainrule.train.checkpoint import Checkpoint

__all__ = ["Settings"]

_AT_LEAST_0 = Interval(Real, 0, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_COUNT = Interval(Integral, 1, None, closed="left")
_DECAY = Interval(Real, 0, 1, closed="left")

#: Types of values that do not change, and the values of them that were good: (estimator, parameter, type, value).
_PLAIN = frozenset({bool, int, float, str, type(None)})
_good: set[tuple[type, str, type, Any]] = set()
_MOST_GOOD = 4096


@dataclass(eq=False, repr=False, kw_only=True)
class Settings(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Parameters of an estimator, kept as they were given: `fit` looks at them, as scikit-learn's rules want it."""

    solver: Any = "adam"
    alpha: float = 0.0001
    batch_size: int | Literal["auto"] = "auto"
    learning_rate: Any = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    verbose: bool | int = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    max_fun: int = 15000
    output_activation: Any = None
    dropout: Any = 0.0
    batch_norm: bool = False
    layer_norm: bool = False
    l1: float = 0.0
    clip_norm: float | None = None
    categorical_features: Any = None
    checkpoint: Any = None
    resume: Any = False
    on_divergence: Literal["raise", "halve"] = "raise"
    callbacks: Any = None

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        # scikit-learn reads them off the signature at every call: a fifth of a millisecond, several times a fit.
        names: list[str] = super()._get_param_names()
        return names

    def _validate_params(self) -> None:
        # What was good once is: to look at all of them again would take as long as the epochs of a small fit.
        given = self.get_params(deep=False)
        kind = type(self)
        plain = {name: (kind, name, type(value), value) for name, value in given.items() if type(value) in _PLAIN}
        others = {name: value for name, value in given.items() if plain.get(name) not in _good}
        validate_parameter_constraints(self._parameter_constraints, others, caller_name=kind.__name__)
        if len(_good) > _MOST_GOOD:
            _good.clear()
        _good.update(plain.values())

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_layer_sizes": ["array-like", _COUNT],
        "activation": [StrOptions(set(NAMES)), Activation, "array-like"],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"}), Transform],
        "alpha": [_AT_LEAST_0],
        "batch_size": [StrOptions({"auto"}), _COUNT],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), callable],
        "learning_rate_init": [_POSITIVE],
        "power_t": [_AT_LEAST_0],
        "max_iter": [_COUNT],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [_AT_LEAST_0],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [_DECAY],
        "beta_1": [_DECAY],
        "beta_2": [_DECAY],
        "epsilon": [_POSITIVE],
        "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
        "max_fun": [_COUNT],
        "output_activation": [StrOptions(set(NAMES)), Activation, None],
        "dropout": [_DECAY, "array-like"],
        "batch_norm": ["boolean"],
        "layer_norm": ["boolean"],
        "l1": [_AT_LEAST_0],
        "clip_norm": [_POSITIVE, None],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "checkpoint": [str, PathLike, Checkpoint, None],
        "resume": ["boolean", str, PathLike],
        "on_divergence": [StrOptions({"raise", "halve"})],
        "callbacks": ["array-like", callable, None],
    }
