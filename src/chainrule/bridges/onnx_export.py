"""`to_onnx`: a model as an ONNX file, from its inputs as people have them to labels, probabilities or numbers."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import __version__
from chainrule.bridges.onnx_columns import Block, prepared
from chainrule.bridges.onnx_graph import IR_VERSION, ML_OPSET, OPSET, Writer, element_type, onnx_package, texts
from chainrule.bridges.onnx_inputs import Inputs
from chainrule.bridges.onnx_pipelines import encoded_categories, numbers_of, transformed
from chainrule.data.targets import ClassTarget, NumberTarget
from chainrule.errors import ModelFileError, OptionError
from chainrule.nn import Network, Parameters, State
from chainrule.nn.activations import ACTIVATIONS
from chainrule.trace import trace
from chainrule.train import Model, containers

__all__ = ["to_onnx"]

#: A graph that serves every number of rows is recorded for this one.
_ROWS = 3
_KIND = containers.Kind("ONNX model", "ONNX file", 0, "export the model again", ModelFileError)


@dataclass(frozen=True)
class _Output:
    """An output of the ONNX model: from the network's outputs to an array; with `labels`, to places in them."""

    name: str
    read: Callable[[Any], Any]
    labels: NDArray[Any] | None = None


@dataclass(frozen=True)
class _Plan:
    """What a model computes: columns, the network on them, and what is told of its outputs."""

    inputs: Inputs
    block: Block
    network: Network
    parameters: Parameters
    state: State
    dtype: np.dtype[Any]
    outputs: tuple[_Output, ...]


def to_onnx(model: Any, path: str | PathLike[str] | None = None) -> Any:
    """Write a trained model as ONNX.

    The forward pass of the network, the preparation before it and what is made of its outputs are recorded as one
    graph, for any number of rows, and each operation of that becomes operators of ONNX (set 18, and 3 of
    ``ai.onnx.ml`` for texts). Numbers stay in the precision of the parameters.

    Parameters
    ----------
    model : Model, MLPClassifier, MLPRegressor or Pipeline
        A `chainrule.train.Model`; a fitted estimator of `chainrule.estimators`; or a fitted scikit-learn pipeline that
        ends with one, after scalers, `SimpleImputer`, `OneHotEncoder` and `ColumnTransformer`.
    path : path-like, optional
        Where to write it; the file is the old one or the whole new one at every moment.

    Returns
    -------
    onnx.ModelProto
        The model, checked by `onnx.checker`. Its input is ``X``, shape (n, columns); where a column holds text, each
        column is an input of its own, shape (n, 1), by its name. Its outputs are ``label`` and, where the outputs are
        probabilities, ``probabilities``; for numbers ``variable``, shape (n, outputs).

    Raises
    ------
    OptionError
        Where the onnx package is missing, or something has no counterpart in ONNX: the message names the operation, or
        the step of the pipeline.
    ModelFileError
        Where the file cannot be written.

    Notes
    -----
    An ONNX model raises no errors of its own. What chainrule refuses (a missing value where none were in training, a
    category that an encoder does not know) makes the outputs NaN; codes of an embedding are not checked.

    Examples
    --------
    >>> from chainrule.nn import Network
    >>> network = Network.of(2, hidden=(3,), output="sigmoid")
    >>> model = Model(network, network.initialize(0), network.initial_state(), "binary_cross_entropy")
    >>> exported = to_onnx(model)  # doctest: +SKIP
    >>> [output.name for output in exported.graph.output]  # doctest: +SKIP
    ['label', 'probabilities']
    """
    plan = _planned(model)
    made = _written(plan)
    if path is not None:
        raw = made.SerializeToString()
        containers.write(_KIND, fspath(path), raw)
    return made


def _planned(model: Any) -> _Plan:
    if isinstance(model, Model):
        return _of_model(model)
    # scikit-learn takes a second to import, which a model of `train` does not need.
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import check_is_fitted

    from chainrule.estimators.base import MultilayerPerceptron

    steps: list[tuple[str, Any]] = []
    whole = model
    if isinstance(model, Pipeline):
        *steps, (_, model) = model.steps
    if not isinstance(model, MultilayerPerceptron):
        raise OptionError(
            "to_onnx takes a chainrule.train.Model, an estimator of chainrule.estimators, or a Pipeline that ends with "
            f"one, found {type(model).__name__}"
        )
    check_is_fitted(model)
    return _of_estimator(model, steps, whole)


def _of_model(model: Model) -> _Plan:
    network, preparation = model.network, model.preparation
    if preparation is None:
        inputs = Inputs(tuple(f"x{k}" for k in range(network.inputs)), model.dtype)
        block = numbers_of(list(range(network.inputs)), inputs)
    else:
        inputs = Inputs(preparation.input_names, model.dtype)
        block = prepared(preparation, inputs)
    return _Plan(inputs, block, network, model.parameters, model.state, model.dtype, _outputs_of_model(model))


def _outputs_of_model(model: Model) -> tuple[_Output, ...]:
    target = None if model.preparation is None else model.preparation.target
    is_likely = model.network.places[-1].layer.activation_row.name in ("sigmoid", "softmax")
    if isinstance(target, NumberTarget):
        means, scales = np.array(target.means), np.array(target.scales)
        return (_Output("variable", lambda a: a.astype(np.float64) * scales + means),)
    if isinstance(target, ClassTarget):
        found = _classes(texts(target.classes), model.network.outputs == 1)
    elif model.loss == "cross_entropy":
        found = _classes(np.arange(model.network.outputs), False)
    elif model.loss == "binary_cross_entropy":
        found = _classes(np.arange(2), True) if model.network.outputs == 1 else _yes_or_no()
    else:
        return (_Output("variable", lambda a: a),)
    return found if is_likely else found[:1]


def _of_estimator(model: Any, steps: Sequence[tuple[str, Any]], whole: Any) -> _Plan:
    from sklearn.base import is_classifier

    # A pipeline asks its first step, which may be none.
    first = whole if hasattr(whole, "n_features_in_") else model
    count = int(first.n_features_in_)
    names = getattr(first, "feature_names_in_", None)
    inputs = Inputs(tuple(f"x{k}" for k in range(count)) if names is None else tuple(names), model._dtype)
    columns = transformed(steps, list(range(count)), inputs)
    known = model._columns
    block = numbers_of(columns, inputs) if known is None else encoded_categories(known, columns, inputs)
    if not is_classifier(model):
        outputs: tuple[_Output, ...] = (_Output("variable", lambda a: a),)
    elif model._label_binarizer.y_type_.startswith("multilabel"):
        outputs = _yes_or_no()
    else:
        outputs = _classes(_labels(model.classes_), model.n_outputs_ == 1)
    return _Plan(inputs, block, model._network, model._parameters(), model._state, model._dtype, outputs)


def _labels(classes: NDArray[Any]) -> NDArray[Any]:
    """Labels in a type that ONNX has: whole numbers of 64 bits, numbers, booleans or texts."""
    if classes.dtype.kind in "iu":
        return classes.astype(np.int64)
    if classes.dtype.kind in "fb":
        return classes
    listed = classes.tolist()
    if all(isinstance(label, str) for label in listed):
        return texts(listed)
    raise OptionError(f"ONNX has no type for the labels {classes.dtype}: {listed[:3]}")


def _classes(labels: NDArray[Any], single: bool) -> tuple[_Output, ...]:
    if single:
        return (
            _Output("label", lambda a: (a[:, 0] > 0.5).astype(np.int64), labels),
            _Output("probabilities", lambda a: np.concatenate([1 - a, a], axis=1)),
        )
    return _Output("label", lambda a: np.argmax(a, axis=1), labels), _Output("probabilities", lambda a: a)


def _yes_or_no() -> tuple[_Output, ...]:
    return _Output("label", lambda a: (a > 0.5).astype(np.int64)), _Output("probabilities", lambda a: a)


def _written(plan: _Plan) -> Any:
    onnx = onnx_package()

    def compute(*arguments: Any) -> tuple[Any, ...]:
        x = plan.block.read(arguments).astype(plan.dtype)
        outputs = plan.network.apply(plan.parameters, plan.state, x)[0]
        return tuple(output.read(outputs) for output in plan.outputs)

    tensors = plan.inputs.tensors()
    examples = plan.inputs.arguments(_ROWS)
    graph = trace(compute, leading=range(len(examples)))(*examples)
    if graph.specialized:
        raise OptionError(f"the model computes something else for another number of rows: {graph.specialized}")
    names = [*(tensor[0] for tensor in tensors), *(output.name for output in plan.outputs)]
    _check_names(names)
    writer = Writer(tensors[0][0], names)
    try:
        found = writer.write(graph, dict(zip(graph.inputs, plan.inputs.write(writer), strict=True)))
    except OptionError as error:
        raise OptionError(f"{error}{_whose(plan.network)}") from None
    values = []
    for name, output, node in zip(found, plan.outputs, graph.outputs, strict=True):
        dtype, shape = node.dtype, ["n", *node.shape[1:]]
        if output.labels is not None:
            name = writer.add("Gather", writer.constant(output.labels), name)
            dtype = str if output.labels.dtype.hasobject else output.labels.dtype
        writer.nodes.append(onnx.helper.make_node("Identity", [name], [output.name], name=output.name))
        values.append(onnx.helper.make_tensor_value_info(output.name, element_type(dtype), shape))
    taken = [onnx.helper.make_tensor_value_info(*tensor) for tensor in tensors]
    made = onnx.helper.make_model(
        onnx.helper.make_graph(writer.nodes, "chainrule", taken, values, writer.constants),
        opset_imports=[onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
        ir_version=IR_VERSION,
        producer_name="chainrule",
        producer_version=__version__,
    )
    onnx.checker.check_model(made, full_check=True)
    return made


def _check_names(names: Sequence[str]) -> None:
    """Refuse names of columns that an ONNX model cannot have."""
    if "" in names:
        raise OptionError("what goes into an ONNX model needs a name, but a column has none: name it")
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise OptionError(
            f"the name {twice!r} is that of two columns, or of a column and an output of the ONNX model: name the "
            "column otherwise"
        )


def _whose(network: Network) -> str:
    """Name the activation of one's own that is the reason, where one is."""
    for number, place in enumerate(network.places, start=1):
        row = place.layer.activation_row
        if ACTIVATIONS.get(row.name) is row:
            continue
        parameters = row.initialize(place.units, np.float64)
        graph = trace(lambda z, row=row, own=parameters: row.activate(own, z), leading="z")(np.ones((2, place.units)))
        try:
            Writer("z").write(graph, {graph.inputs[0]: "z"})
        except OptionError:
            return f"; it is in the activation {row.name!r} of layer {number}"
    return ""
