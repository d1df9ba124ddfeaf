"""Ways in and out: SciPy's optimisers and solvers, ONNX files, networks of scikit-learn, weights of PyTorch."""

from chainrule.bridges.low_level import low_level_filter, low_level_integrand
from chainrule.bridges.onnx_export import to_onnx
from chainrule.bridges.scikit_learn import from_sklearn
from chainrule.bridges.scipy_function import ScipyFunction
from chainrule.bridges.scipy_minimize import minimize
from chainrule.bridges.torch_weights import from_torch

__all__ = [
    "ScipyFunction",
    "from_sklearn",
    "from_torch",
    "low_level_filter",
    "low_level_integrand",
    "minimize",
    "to_onnx",
]
