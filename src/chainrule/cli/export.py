"""`chainrule export`: a model or an estimator as an ONNX file."""

import argparse
from pathlib import Path
from typing import Any

from chainrule.bridges import to_onnx
from chainrule.errors import OptionError
from chainrule.train import containers, load

__all__ = ["export"]


def export(arguments: argparse.Namespace) -> int:
    """Write ``arguments.model`` as ONNX to ``arguments.output``, and say what goes in and comes out."""
    output = Path(arguments.output)
    model = _loaded(arguments.model)
    if output.exists() and output.samefile(arguments.model):
        raise OptionError(f"{output}: the ONNX model would replace what it is made from; name another file")
    made = to_onnx(model, output)
    print(f"{output}: an ONNX model of {output.stat().st_size:,} bytes, operator set {made.opset_import[0].version}")
    for word, values in (("in", made.graph.input), ("out", made.graph.output)):
        for value in values:
            print(f"  {word:<3}  {value.name}: {_type_text(value.type.tensor_type)}")
    return 0


def _loaded(path: str) -> Any:
    if containers.format_of(path) != "chainrule estimator":
        return load(path)
    # scikit-learn takes a second to import, which a model that the command trained does not need.
    from chainrule import estimators

    return estimators.load(path)


def _type_text(tensor: Any) -> str:
    """Write ``float64 (n, 3)``."""
    from onnx import helper

    dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    shape = ", ".join(dim.dim_param or str(dim.dim_value) for dim in tensor.shape.dim)
    return f"{'text' if dtype.kind == 'O' else dtype} ({shape})"
