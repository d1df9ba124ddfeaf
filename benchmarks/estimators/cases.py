"""The data, and the settings of the networks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["CASES", "SEARCHES", "Case", "Data", "Search"]

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Data:
    """What a network learns from, and what it is scored on; a split by the seed where no test data belong to it."""

    X: np.ndarray
    y: np.ndarray
    test: Arrays | None = None

    def split(self, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Inputs and targets to learn from, then those to be scored on."""
        if self.test is not None:
            return self.X, self.y, *self.test
        from sklearn.model_selection import train_test_split

        X, X_test, y, y_test = train_test_split(self.X, self.y, test_size=0.25, random_state=seed)
        return X, y, X_test, y_test


@dataclass(frozen=True)
class Case:
    """A network on some data.

    Attributes
    ----------
    name : str
        What it is called.
    data : callable
        Reads or makes the data; it is given the folder of MNIST's files.
    settings : dict
        Parameters of scikit-learn's estimator.
    regression : bool
        Whether the targets are numbers.
    fits : int
        Later fits in a process; the fastest of them counts for it.
    seeds : int
        Fits whose scores are compared.
    """

    name: str
    data: Callable[[Path | None], Data]
    settings: dict[str, Any] = field(default_factory=dict)
    regression: bool = False
    fits: int = 5
    seeds: int = 10


@dataclass(frozen=True)
class Search:
    """A search over a grid of settings: every combination, in 5 folds."""

    name: str
    case: str
    grid: dict[str, list[Any]]


def _scaled(load: str) -> Callable[[Path | None], Data]:
    def data(mnist: Path | None) -> Data:
        from sklearn import datasets
        from sklearn.preprocessing import StandardScaler

        X, y = getattr(datasets, load)(return_X_y=True)
        # Targets of regression, too, are far from 0 otherwise.
        y = (y - y.mean()) / y.std() if y.dtype.kind == "f" else y
        return Data(StandardScaler().fit_transform(X), y)

    return data


def _table(rows: int, columns: int) -> Callable[[Path | None], Data]:
    def data(mnist: Path | None) -> Data:
        from sklearn.datasets import make_classification

        X, y = make_classification(rows, columns, n_informative=columns // 2, n_classes=3, random_state=0)
        return Data(X, y)

    return data


def _mnist(mnist: Path | None) -> Data:
    from benchmarks.to_the_goal import digits

    assert mnist is not None
    train, test = digits(mnist)
    return Data(*train, test)


#: Those of scikit-learn's own data are small; in the last two products dominate.
CASES = (
    Case("wine", _scaled("load_wine")),
    Case("breast cancer", _scaled("load_breast_cancer")),
    Case("diabetes", _scaled("load_diabetes"), regression=True),
    Case("digits", _scaled("load_digits"), fits=3),
    Case("table 100,000 x 50", _table(100_000, 50), {"max_iter": 3}, fits=1),
    Case("MNIST", _mnist, {"max_iter": 2}, fits=1),
)

_GRID = {"hidden_layer_sizes": [(20,), (50,), (100,)], "alpha": [1e-4, 1e-2], "learning_rate_init": [1e-3, 1e-2]}
SEARCHES = (Search("wine", "wine", _GRID), Search("breast cancer", "breast cancer", _GRID))
