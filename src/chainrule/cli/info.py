"""`chainrule info`: what is in a model file."""

import argparse
from pathlib import Path
from typing import Any

from chainrule.cli.checkpoint_info import describe_checkpoint
from chainrule.cli.estimator_info import describe_estimator
from chainrule.cli.output import describe_network, describe_weights, layers_table, named_lines, scores_table, table
from chainrule.data import Preparation
from chainrule.data.features import Feature, OneHot
from chainrule.data.table import listed
from chainrule.data.targets import NumberTarget
from chainrule.inspection.words import describe_ending
from chainrule.train import Record, containers, load

__all__ = ["info"]

_COLUMNS_SHOWN = 40
_IN_THE_NETWORK = ("hidden", "activations", "dropout", "normalization", "output", "loss", "dtype")

_OTHERS = {"chainrule checkpoint": describe_checkpoint, "chainrule estimator": describe_estimator}


def info(arguments: argparse.Namespace) -> int:
    """Print the layers, the columns and the training of a model, or what a checkpoint or an estimator is."""
    what = containers.format_of(arguments.model)
    if what in _OTHERS:
        print(_OTHERS[what](arguments.model))
        return 0
    model = load(arguments.model)
    size = Path(arguments.model).stat().st_size
    print(f"{arguments.model}: a chainrule model of {size:,} bytes\n")
    print(f"{layers_table(model.network)}\n")
    print(named_lines({"network": f"{describe_network(model.network)}, {model.dtype}", "loss": model.loss}))
    if model.preparation is not None:
        print(f"\n{_columns(model.preparation)}")
    if model.record is not None:
        print(f"\n{_training(model.record)}")
    return 0


def _columns(preparation: Preparation) -> str:
    inputs, _, target = str(preparation).partition("\ntarget: ")
    missing = "filled with the mean or the most frequent text" if preparation.impute else "refused"
    text = named_lines({"inputs": inputs, "missing": missing, "target": target})
    rows = [row for feature in preparation.features for row in _of_feature(feature)]
    if isinstance(preparation.target, NumberTarget):
        scaled = preparation.target
        rows += [_scaled(*row) for row in zip(scaled.names, scaled.means, scaled.scales, strict=True)]
    if len(rows) <= _COLUMNS_SHOWN:
        text += f"\n\n{table(['column', 'kind', 'values'], rows, numbers=())}"
    return "\n".join([text, *(["", *preparation.notes] if preparation.notes else [])])


def _of_feature(feature: Feature) -> list[list[str]]:
    if isinstance(feature, OneHot):
        return [[feature.name, "text", listed(feature.categories)]]
    count = len(feature.names)
    means, scales = (values * count if len(values) == 1 else values for values in (feature.means, feature.scales))
    return [_scaled(*row) for row in zip(feature.names, means, scales, strict=True)]


def _scaled(name: str, mean: float, scale: float) -> list[str]:
    as_they_are = mean == 0 and scale == 1
    return [name, "numbers", "as they are" if as_they_are else f"mean {mean:.6g}, deviation {scale:.6g}"]


def _training(record: Record) -> str:
    settings = {
        name: value for name, value in record.settings.items() if value is not None and name not in _IN_THE_NETWORK
    }
    lines = {
        "settings": ", ".join(f"{name} {_text(value)}" for name, value in settings.items()),
        "ended": f"{describe_ending(record.ended, record.epochs)} ({record.steps:,} steps, {record.seconds:.1f} s)",
        "date": record.date,
        "versions": ", ".join(f"{name} {version}" for name, version in record.versions.items()),
    }
    weighted = record.settings.get("class_weights") is not None
    return f"{named_lines(lines)}\n\n{scores_table(record.results, balanced=weighted)}"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        numbers = all(isinstance(weight, int | float) for weight in value.values())
        return describe_weights(value) if numbers else str(value)
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)
