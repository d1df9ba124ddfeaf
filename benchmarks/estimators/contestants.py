"""The estimators, made of the same settings."""

import warnings
from typing import Any

from benchmarks.estimators.cases import Case

__all__ = ["CONTESTANTS", "make"]

CONTESTANTS = ("chainrule", "scikit-learn", "skorch")


def make(contestant: str, case: Case, seed: int, epochs: int | None = None) -> Any:
    """Make an estimator; what it needs is imported here.

    Parameters
    ----------
    contestant : str
        One of `CONTESTANTS`.
    case : Case
        Its settings.
    seed : int
        What first weights and orders are drawn from.
    epochs : int, optional
        For skorch, whose rule for the end is another: as many as scikit-learn took.

    Returns
    -------
    estimator
        With `fit`, `predict` and `score`.
    """
    kind = "MLPRegressor" if case.regression else "MLPClassifier"
    warnings.simplefilter("ignore")
    if contestant == "chainrule":
        from chainrule import estimators

        return getattr(estimators, kind)(random_state=seed, **case.settings)
    if contestant == "scikit-learn":
        from sklearn import neural_network

        return getattr(neural_network, kind)(random_state=seed, **case.settings)
    return _skorch(case, seed, epochs)


def _skorch(case: Case, seed: int, epochs: int | None) -> Any:
    """skorch over PyTorch, float32: one hidden layer of 100, Adam, L2 of 1e-4, minibatches of 200."""
    import numpy as np
    import torch
    from skorch import NeuralNetClassifier, NeuralNetRegressor

    class Network(torch.nn.Module):
        def __init__(self, inputs: int = 1, outputs: int = 1) -> None:
            super().__init__()
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(inputs, 100), torch.nn.ReLU(), torch.nn.Linear(100, outputs)
            )

        def forward(self, x):
            return self.layers(x)

    class Estimator:
        """Casts the data, and sets the sizes that scikit-learn's estimators read off them."""

        def fit(self, X, y):
            torch.manual_seed(seed)
            y = y.astype(np.float32)[:, np.newaxis] if case.regression else y.astype(np.int64)
            batch = min(200, len(X))
            self.net = (NeuralNetRegressor if case.regression else NeuralNetClassifier)(
                Network,
                module__inputs=X.shape[1],
                module__outputs=1 if case.regression else int(y.max()) + 1,
                criterion=torch.nn.MSELoss if case.regression else torch.nn.CrossEntropyLoss,
                optimizer=torch.optim.Adam,
                optimizer__lr=1e-3,
                # scikit-learn divides its penalty by the rows of a minibatch; half the square has half the slope.
                optimizer__weight_decay=1e-4 / batch * (2 if case.regression else 1),
                max_epochs=epochs,
                batch_size=batch,
                iterator_train__shuffle=True,
                train_split=None,
                verbose=0,
            )
            self.net.fit(X.astype(np.float32), y)
            return self

        def score(self, X, y):
            y = y.astype(np.float32)[:, np.newaxis] if case.regression else y
            return self.net.score(X.astype(np.float32), y)

    return Estimator()
