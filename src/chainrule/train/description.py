"""A model without its parameters as plain data for a model file, and back with every entry checked."""

import math
from collections.abc import Mapping
from typing import Any

from chainrule.data import Preparation
from chainrule.data.targets import ClassTarget
from chainrule.errors import ChainruleError, ModelFileError, OptionError
from chainrule.nn import Activation, BatchNorm, Dense, Dropout, Embedding, Layer, LayerNorm, Network, Residual
from chainrule.nn.activations import ACTIVATIONS
from chainrule.nn.initializers import INITIALIZERS
from chainrule.train.evaluation import Scores
from chainrule.train.model import Model, Record

__all__ = ["describe", "described"]


def describe(model: Model) -> dict[str, Any]:
    """Describe a model in dicts, lists, texts, numbers, booleans and None, which JSON can hold.

    An activation of one's own is described by its name. An initialiser of one's own is left out: the
    parameters have left their starting values.

    Raises
    ------
    OptionError
        For a layer of a kind of one's own.
    """
    record = model.record
    return {
        "network": {
            "inputs": model.network.inputs,
            "layers": [_describe_layer(layer) for layer in model.network.layers],
        },
        "loss": model.loss,
        "dtype": model.dtype.name,
        "preparation": None if model.preparation is None else model.preparation.to_description(),
        "record": None if record is None else _describe_record(record),
    }


def described(
    description: Any, activations: Mapping[str, Activation]
) -> tuple[Network, str, str, Preparation | None, Record | None]:
    """Return the network, loss, dtype, preparation and record that `describe` described.

    Parameters
    ----------
    description : dict
        What `describe` returned.
    activations : mapping of str to Activation
        Activations of one's own, by name.

    Raises
    ------
    ModelFileError
        If an entry is missing, of another type, or makes no sense.
    """
    network = _network(_get(description, "network", dict), activations)
    loss = _get(description, "loss", str)
    dtype = _get(description, "dtype", str)
    _require(dtype in ("float32", "float64"), f"the dtype {dtype!r} is neither float32 nor float64")
    preparation = None
    if _get(description, "preparation", dict, type(None)) is not None:
        preparation = Preparation.from_description(description["preparation"])
        _check_fit(network, preparation)
    record = None
    if _get(description, "record", dict, type(None)) is not None:
        record = _record(description["record"])
    return network, loss, dtype, preparation, record


def _describe_layer(layer: Layer) -> dict[str, Any]:
    own: dict[str, Any]
    name = layer.activation_row.name
    match layer:
        case Dense():
            weights = layer.weights if isinstance(layer.weights, str) else None
            bias = None if layer.bias is None else float(layer.bias)
            own = {"units": layer.units, "activation": name, "weights": weights, "bias": bias}
        case BatchNorm():
            own = {"activation": name, "momentum": layer.momentum, "epsilon": layer.epsilon}
        case LayerNorm():
            own = {"activation": name, "epsilon": layer.epsilon}
        case Dropout():
            own = {"rate": layer.rate}
        case Embedding():
            own = {"categories": list(layer.categories), "units": list(layer.units)}
        case Residual():
            own = {"layers": [_describe_layer(inner) for inner in layer.layers], "activation": name}
        case _:
            raise OptionError(
                f"a model file cannot hold a layer of a kind of one's own, found {type(layer).__name__}: keep the "
                "parameters with numpy.savez"
            )
    return {"kind": layer.kind, **own}


def _describe_record(record: Record) -> dict[str, Any]:
    return {
        "settings": record.settings,
        "results": {
            part: {
                "examples": scores.examples,
                "measures": _finite(scores.measures),
                "baseline": _finite(scores.baseline),
            }
            for part, scores in record.results.items()
        },
        "epochs": record.epochs,
        "steps": record.steps,
        "seconds": record.seconds,
        "ended": record.ended,
        "date": record.date,
        "versions": record.versions,
    }


def _finite(measures: dict[str, float]) -> dict[str, float]:
    # JSON knows no infinity, which the cost of some test data may be.
    return {name: float(value) for name, value in measures.items() if math.isfinite(value)}


def _network(entry: dict[str, Any], activations: Mapping[str, Activation]) -> Network:
    layers = _get(entry, "layers", list)
    try:
        return Network(_get(entry, "inputs", int), tuple(_layer(layer, activations) for layer in layers))
    except ModelFileError:
        raise
    except (ChainruleError, RecursionError) as error:
        raise ModelFileError(f"the description of the network is damaged: {error}") from None


def _layer(entry: Any, activations: Mapping[str, Activation]) -> Layer:
    match _get(entry, "kind", str):
        case Dense.kind:
            return _dense(entry, activations)
        case BatchNorm.kind:
            momentum, epsilon = _number(entry, "momentum"), _number(entry, "epsilon")
            return BatchNorm(_activation(entry, activations), momentum, epsilon)
        case LayerNorm.kind:
            return LayerNorm(_activation(entry, activations), _number(entry, "epsilon"))
        case Dropout.kind:
            return Dropout(_number(entry, "rate"))
        case Embedding.kind:
            return Embedding(tuple(_get(entry, "categories", list)), tuple(_get(entry, "units", list)))
        case Residual.kind:
            layers = tuple(_layer(inner, activations) for inner in _get(entry, "layers", list))
            return Residual(layers, _activation(entry, activations))
        case kind:
            raise ModelFileError(f"the description of the model is damaged: there is no kind of layer {kind!r}")


def _activation(entry: Any, activations: Mapping[str, Activation]) -> str | Activation:
    name: str = _get(entry, "activation", str)
    if name not in ACTIVATIONS and name not in activations:
        raise ModelFileError(
            f"the activation {name!r} is none of chainrule's: if it is one of your own, give it to load as "
            f"activations=[Activation({name!r}, ...)]"
        )
    return activations.get(name, name)


def _number(entry: Any, key: str) -> float:
    return float(_get(entry, key, float, int))


def _dense(entry: Any, activations: Mapping[str, Activation]) -> Dense:
    weights = _get(entry, "weights", str, type(None))
    _require(weights is None or weights in INITIALIZERS, f"there is no initialiser {weights!r}")
    bias = _get(entry, "bias", float, int, type(None))
    _require(bias is None or math.isfinite(bias), "a starting value of biases is not finite")
    return Dense(_get(entry, "units", int), _activation(entry, activations), weights, bias)


def _check_fit(network: Network, preparation: Preparation) -> None:
    found = len(preparation.feature_names)
    _require(found == network.inputs, f"{found} features are prepared for a network of {network.inputs} inputs")
    target = preparation.target
    widths = {target.width, len(target.classes)} if isinstance(target, ClassTarget) else {target.width}
    _require(network.outputs in widths, f"{network.outputs} outputs do not fit the target")


def _record(entry: dict[str, Any]) -> Record:
    results = _get(entry, "results", dict)
    versions = _get(entry, "versions", dict)
    _require(all(isinstance(version, str) for version in versions.values()), "a version is not a text")
    return Record(
        settings=_get(entry, "settings", dict),
        results={part: _scores(scores) for part, scores in results.items()},
        epochs=_get(entry, "epochs", int),
        steps=_get(entry, "steps", int),
        seconds=float(_get(entry, "seconds", float, int)),
        ended=_get(entry, "ended", str),
        date=_get(entry, "date", str),
        versions=versions,
    )


def _scores(entry: Any) -> Scores:
    parts = {}
    for key in ("measures", "baseline"):
        measures = _get(entry, key, dict)
        numbers = all(isinstance(x, float | int) and math.isfinite(x) for x in measures.values())
        _require(numbers, f"{key!r} holds something else than finite numbers")
        parts[key] = {name: float(value) for name, value in measures.items()}
    return Scores(_get(entry, "examples", int), parts["measures"], parts["baseline"])


def _get(entry: Any, key: str, *kinds: type) -> Any:
    _require(isinstance(entry, dict), f"a table of entries is needed, not {type(entry).__name__}")
    _require(key in entry, f"{key!r} is missing")
    value = entry[key]
    # To Python a boolean is an integer; here it is a mistake.
    fits = isinstance(value, kinds) and not isinstance(value, bool)
    _require(fits, f"{key!r} is of type {type(value).__name__}")
    return value


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ModelFileError(f"the description of the model is damaged: {problem}")
