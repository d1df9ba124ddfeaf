"""scikit-learn's networks with the same names, parameters and results, trained by chainrule's compiled steps."""

from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.files import load
from chainrule.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "load"]
