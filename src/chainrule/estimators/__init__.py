"""scikit-learn's networks with the same names, parameters and results, trained by chainrule's compiled steps."""

from typing import TYPE_CHECKING, Any

from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.regressor import MLPRegressor

if TYPE_CHECKING:
    from chainrule.estimators.files import load

__all__ = ["MLPClassifier", "MLPRegressor", "load"]


def __getattr__(name: str) -> Any:
    if name == "load":
        # Most programs read no file.
        from chainrule.estimators.files import load

        return load
    raise AttributeError(f"module 'chainrule.estimators' has no attribute {name!r}")
