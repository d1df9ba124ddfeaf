"""A preparation as plain data for a model file, and back with every entry checked."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from chainrule.data.features import Feature, LeftOut, OneHot, Scaling
from chainrule.data.targets import ClassTarget, NumberTarget, Target
from chainrule.errors import ModelFileError

__all__ = ["describe", "described"]


def describe(
    features: tuple[Feature, ...], target: Target, impute: bool, left_out: tuple[LeftOut, ...]
) -> dict[str, Any]:
    """Describe the parts of a preparation in what JSON can hold."""
    return {
        "features": [_describe_feature(feature) for feature in features],
        "target": _describe_target(target),
        "impute": impute,
        "left_out": [{"name": column.name, "reason": column.reason} for column in left_out],
    }


def described(
    description: Mapping[str, Any],
) -> tuple[tuple[Feature, ...], Target, bool, tuple[LeftOut, ...]]:
    """Return the parts of a preparation that `describe` described.

    Raises
    ------
    ModelFileError
        If an entry is missing, of another type, or makes no sense.
    """
    features = tuple(_feature(entry) for entry in _list(description, "features", dict))
    target = _target(_get(description, "target", dict))
    impute = _get(description, "impute", bool)
    left_out = tuple(
        LeftOut(_get(entry, "name", str), _get(entry, "reason", str)) for entry in _list(description, "left_out", dict)
    )
    _require(bool(features), "there are no features")
    names = [name for part in (*features, target) for name in part.names]
    names += [column.name for column in left_out]
    _require(len(set(names)) == len(names), "two columns have the same name")
    return features, target, impute, left_out


def _describe_feature(feature: Feature) -> dict[str, Any]:
    if isinstance(feature, Scaling):
        return {"kind": "scaling", **_describe_scaling(feature)}
    return {
        "kind": "one-hot",
        "name": feature.name,
        "categories": list(feature.categories),
        "frequent": feature.frequent,
    }


def _describe_target(target: Target) -> dict[str, Any]:
    if isinstance(target, ClassTarget):
        return {"kind": "classes", "name": target.name, "classes": list(target.classes)}
    return {"kind": "numbers", **_describe_scaling(target)}


def _describe_scaling(scaled: Scaling | NumberTarget) -> dict[str, Any]:
    return {"names": list(scaled.names), "means": list(scaled.means), "scales": list(scaled.scales)}


def _feature(entry: dict[str, Any]) -> Feature:
    kind = _get(entry, "kind", str)
    if kind == "scaling":
        return Scaling(*_scaling(entry, shared=True))
    _require(kind == "one-hot", f"there is no feature of kind {kind!r}")
    categories = _unique(entry, "categories")
    frequent = _get(entry, "frequent", str)
    _require(frequent in categories, f"the most frequent text {frequent!r} is none of the categories")
    return OneHot(_get(entry, "name", str), categories, frequent)


def _target(entry: dict[str, Any]) -> Target:
    kind = _get(entry, "kind", str)
    if kind == "numbers":
        return NumberTarget(*_scaling(entry, shared=False))
    _require(kind == "classes", f"there is no target of kind {kind!r}")
    classes = _unique(entry, "classes")
    _require(len(classes) >= 2, "there are fewer than two classes")
    return ClassTarget(_get(entry, "name", str), classes)


def _scaling(entry: dict[str, Any], shared: bool) -> tuple[tuple[str, ...], tuple[float, ...], tuple[float, ...]]:
    names = _unique(entry, "names")
    means, scales = (tuple(float(x) for x in _list(entry, key, (int, float))) for key in ("means", "scales"))
    lengths = {len(names), 1} if shared else {len(names)}
    _require(len(means) == len(scales) and len(means) in lengths, "means and scales do not fit the columns")
    _require(all(map(isfinite, means)) and all(map(isfinite, scales)), "a mean or scale is not finite")
    _require(min(scales) > 0, "a scale is not positive")
    return names, means, scales


def _unique(entry: dict[str, Any], key: str) -> tuple[str, ...]:
    texts = tuple(_list(entry, key, str))
    _require(bool(texts), f"{key!r} is empty")
    _require(len(set(texts)) == len(texts), f"{key!r} repeats a name")
    return texts


def _list(entry: Mapping[str, Any], key: str, of: type | tuple[type, ...]) -> list[Any]:
    values: list[Any] = _get(entry, key, list)
    _require(all(isinstance(value, of) for value in values), f"{key!r} holds entries of a wrong type")
    return values


def _get(entry: Mapping[str, Any], key: str, of: type) -> Any:
    _require(isinstance(entry, Mapping), f"a table of entries is needed, not {type(entry).__name__}")
    _require(key in entry, f"{key!r} is missing")
    _require(isinstance(entry[key], of), f"{key!r} is of type {type(entry[key]).__name__}")
    return entry[key]


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ModelFileError(f"the description of the data's preparation is damaged: {problem}")
