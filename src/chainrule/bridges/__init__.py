"""Ways in and out: ONNX files, fitted networks of scikit-learn, weights of PyTorch."""

from chainrule.bridges.onnx_export import to_onnx
from chainrule.bridges.scikit_learn import from_sklearn
from chainrule.bridges.torch_weights import from_torch

__all__ = ["from_sklearn", "from_torch", "to_onnx"]
