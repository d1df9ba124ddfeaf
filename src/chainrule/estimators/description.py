"""A fitted estimator as plain data and named arrays, and back with every entry checked."""

import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import sklearn
from sklearn.preprocessing import LabelBinarizer

from chainrule import __version__, tree
from chainrule.errors import ModelFileError, OptionError
from chainrule.estimators.categories import Columns
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.fitted import FITTED, NEEDED, OTHERWISE, is_count
from chainrule.estimators.networks import split
from chainrule.estimators.plain_values import packed, unpacked
from chainrule.estimators.regressor import MLPRegressor
from chainrule.nn import Activation
from chainrule.nn.activations import ACTIVATIONS
from chainrule.nn.layers import Arrays
from chainrule.train import Model, containers
from chainrule.train import description as of_models
from chainrule.train.divergence import all_finite
from chainrule.train.files import with_prefixes
from chainrule.train.state import Halving

__all__ = ["CLASSES", "describe", "described"]

CLASSES: dict[str, type] = {kind.__name__: kind for kind in (MLPClassifier, MLPRegressor)}
_LABELS = ("binary", "multiclass", "multilabel-indicator")


def describe(model: Any, tensors: dict[str, Any]) -> dict[str, Any]:
    """Describe a fitted estimator in what JSON can hold; its arrays are added to `tensors`.

    Raises
    ------
    OptionError
        For what a file without code cannot hold; the message names the parameter or attribute.
    """
    network, dtype = model._network, model.coefs_[0].dtype
    parameters = model._parameters()
    found = tuple({name: array.shape for name, array in layer.items()} for layer in parameters)
    if found != network.shapes() or dtype not in (np.float32, np.float64):
        raise OptionError("coefs_ and intercepts_ are not those of the network that was fitted: fit again")
    for prefix, layer in with_prefixes(parameters, model._state):
        for name, array in layer.items():
            if not np.isfinite(array).all():
                raise OptionError(f"{prefix}{name} holds NaN or infinities: a file is for a fit that succeeded")
            tensors[prefix + name] = np.ascontiguousarray(array, dtype)
    values = vars(model)
    settings = model.get_params(deep=False)
    description: dict[str, Any] = {
        "class": type(model).__name__,
        "versions": {
            "chainrule": __version__,
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "python": platform.python_version(),
        },
        "model": of_models.describe(Model(network, parameters, model._state, "")),
        "parameters": {},
        "fitted": {},
        "halvings": [asdict(halving) for halving in getattr(model, "halvings_", ())],
        "columns": None if getattr(model, "_columns", None) is None else _columns(model._columns),
        "labels": None,
        "requests": _requests(values.get("_metadata_request")),
    }
    for name, value in settings.items():
        try:
            description["parameters"][name] = packed(value, name, tensors)
        except OptionError as error:
            raise OptionError(
                f"the parameter {error}: save it with another value, as by model.set_params({name}=...), and set it "
                "again after loading"
            ) from None
    if values.get("_skl_callbacks"):
        raise OptionError("a file cannot hold the callbacks that set_callbacks was given: save after set_callbacks()")
    for name in values:
        if name in FITTED:
            value = values[name]
            if name == "_optimizer" and value is not None:
                # The state of another solver is of no use: `fit` and `partial_fit` begin anew.
                value = ("solver", value[1]) if value[0] == model.solver else None
            description["fitted"][name] = packed(value, name.strip("_"), tensors)
        elif name not in settings and name not in OTHERWISE:
            raise OptionError(f"the estimator has the attribute {name!r}, which a file cannot hold: delete it first")
    if "_label_binarizer" in values:
        rows = values["_label_binarizer"]
        description["labels"] = {"kind": rows.y_type_, "classes": packed(rows.classes_, "labels", tensors)}
    return description


def _columns(columns: Columns) -> dict[str, Any]:
    try:
        return columns.to_description()
    except ValueError as error:
        raise OptionError(f"the categories of the columns cannot be kept in a file: {error}") from None


def _requests(routing: Any) -> dict[str, dict[str, Any]]:
    """What scikit-learn's metadata routing was asked for, by method."""
    if routing is None:
        return {}
    return {name: dict(row.requests) for name, row in vars(routing).items() if getattr(row, "requests", None)}


def described(
    description: Any, tensors: dict[str, Any], kind_of_file: containers.Kind, own: Mapping[str, Activation]
) -> Any:
    """Return the estimator that `describe` described.

    Parameters
    ----------
    description : object
        What JSON gave.
    tensors : dict
        What safetensors found; those that are used are taken out.
    kind_of_file : Kind
        What the file is.
    own : mapping of str to Activation
        Activations of one's own, by name.

    Raises
    ------
    ModelFileError
        If an entry is missing, of another type, or makes no sense.
    """
    kind = CLASSES.get(str(_get(description, "class")))
    _require(kind is not None, f"there is no estimator {_get(description, 'class')!r:.60}")
    assert kind is not None
    rows = ACTIVATIONS | dict(own)

    def read(value: Any) -> Any:
        return unpacked(value, tensors, kind_of_file, rows)

    network, _, dtype, _, _ = of_models.described(_get(description, "model"), own)
    layers: list[Arrays] = [
        {
            name: containers.array_of(kind_of_file, prefix + name, tensors.pop(prefix + name, None), shape, dtype)
            for name, shape in shapes.items()
        }
        for prefix, shapes in with_prefixes(network.shapes(), network.state_shapes())
    ]
    _require(all_finite(array for layer in layers for array in layer.values()), "parameters are NaN or infinite")
    count = len(network.places)
    model = _with_parameters(kind, {name: read(x) for name, x in _items(description, "parameters")})
    model.coefs_, model.intercepts_, model._others = split(tuple(layers[:count]))
    model._network, model._state = network, tuple(layers[count:])
    for name, value in _items(description, "fitted"):
        found = read(value)
        _require(name in FITTED and FITTED[name](found), f"the attribute {name!r:.60} is not what it should be")
        setattr(model, name, found)
    for name in NEEDED:
        _require(hasattr(model, name), f"the attribute {name!r} is missing")
    if getattr(model, "_optimizer", None) is not None:
        # Two transforms are the same where they are one.
        model._optimizer = model.solver, model._optimizer[1]
    _check_ahead(model, layers)
    model.halvings_ = tuple(_halving(entry) for entry in _get(description, "halvings"))
    columns = _get(description, "columns")
    model._columns = None if columns is None else Columns.from_description(columns)
    _check_widths(model)
    if kind is MLPClassifier:
        _set_labels(model, _get(description, "labels"), read)
    _set_requests(model, description)
    for name in tensors:
        raise ModelFileError(f"the tensor {name!r:.60} belongs to nothing in the description")
    return model


def _with_parameters(kind: Callable[..., Any], settings: dict[str, Any]) -> Any:
    model = kind()
    unknown = sorted(set(settings) - set(model.get_params(deep=False)))
    _require(not unknown, f"there is no parameter {', '.join(unknown):.60}")
    model.set_params(**settings)
    try:
        model._validate_params()
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"a parameter in the file cannot be used: {error}") from None
    return model


def _halving(entry: Any) -> Halving:
    epoch, step, back_to, reason = (_get(entry, name) for name in ("epoch", "step", "back_to", "reason"))
    _require(all(map(is_count, (epoch, step, back_to))) and isinstance(reason, str), "a halving is not one")
    return Halving(epoch, step, back_to, reason)


def _check_ahead(model: Any, layers: list[Arrays]) -> None:
    """Weights that `partial_fit` goes on from, where those of the estimator are better ones."""
    if getattr(model, "_ahead", None) is None:
        return
    found = tree.flatten(model._ahead)
    like = tree.flatten((tuple(layers[: len(layers) // 2]), tuple(layers[len(layers) // 2 :])))
    fits = found[1] == like[1] and all(
        isinstance(a, np.ndarray) and a.shape == b.shape and a.dtype == b.dtype
        for a, b in zip(found[0], like[0], strict=True)
    )
    _require(fits, "the weights to go on from do not fit the network")


def _check_widths(model: Any) -> None:
    network, columns = model._network, model._columns
    given = network.inputs if columns is None else len(columns.categories) + len(columns.numeric)
    _require(model.n_features_in_ == given and network.inputs == given, "the number of features does not fit")
    _require(model.n_outputs_ == network.outputs, "the number of outputs does not fit the network")
    for name in ("feature_names_in_", "is_categorical_"):
        found = getattr(model, name, None)
        _require(found is None or len(found) == given, f"{name!r} has another number of columns")


def _set_labels(model: Any, labels: Any, read: Callable[[Any], Any]) -> None:
    kind, classes = _get(labels, "kind"), read(_get(labels, "classes"))
    _require(kind in _LABELS, f"there are no labels of kind {kind!r:.60}")
    _require(hasattr(model, "classes_"), "the labels are missing")
    _require(isinstance(classes, np.ndarray) and classes.ndim == 1, "the labels are no list")
    outputs = 1 if kind == "binary" else len(classes)
    _require(outputs == model.n_outputs_ and len(classes) == len(model.classes_), "labels and outputs differ")
    rows = LabelBinarizer()
    rows.y_type_, rows.classes_, rows.sparse_input_ = kind, classes, False
    model._label_binarizer = rows


def _set_requests(model: Any, description: Any) -> None:
    asked = dict(_items(description, "requests"))
    if not asked:
        return
    routing = model._get_metadata_request()
    for method, requests in asked.items():
        row = vars(routing).get(method)
        _require(hasattr(row, "add_request") and isinstance(requests, dict), f"there is no method {method!r:.60}")
        for name, alias in requests.items():
            try:
                row.add_request(param=name, alias=alias)
            except ValueError as error:
                raise ModelFileError(f"a metadata request in the file cannot be used: {error}") from None
    model._metadata_request = routing


def _items(description: Any, key: str) -> Iterable[tuple[str, Any]]:
    table = _get(description, key)
    _require(isinstance(table, dict), f"{key!r} is no table")
    found: Iterable[tuple[str, Any]] = table.items()
    return found


def _get(entry: Any, key: str) -> Any:
    _require(isinstance(entry, dict), f"a table of entries is needed, not {type(entry).__name__}")
    _require(key in entry, f"{key!r} is missing")
    return entry[key]


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ModelFileError(f"the description of the estimator is damaged: {problem}")
