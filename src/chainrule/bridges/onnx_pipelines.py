"""The steps of a scikit-learn pipeline before its network."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.bridges.onnx_columns import Block, one_hot, side_by_side, unknown_step
from chainrule.bridges.onnx_inputs import Inputs, Read
from chainrule.errors import OptionError

__all__ = ["encoded_categories", "numbers_of", "transformed"]

Columns = list[int] | Block
"""Columns as they were given, by position, or what transformers made of them."""


def transformed(steps: Sequence[tuple[str, Any]], columns: Columns, inputs: Inputs, before: str = "") -> Columns:
    """Go through the steps of a pipeline.

    Parameters
    ----------
    steps : sequence of (str, transformer)
        Names and fitted transformers.
    columns : list of int or Block
        What the first one is given.
    inputs : Inputs
        The columns of the whole model.
    before : str
        What precedes the names of the steps in messages.

    Returns
    -------
    list of int or Block
        What the last one makes of it.

    Raises
    ------
    OptionError
        For a step or a setting of one that cannot be written.
    """
    for name, step in steps:
        if step is not None and not (isinstance(step, str) and step == "passthrough"):
            columns = _step(before + name, step, columns, inputs)
    return columns


def numbers_of(columns: Columns, inputs: Inputs) -> Block:
    """Columns as numbers."""
    return columns if isinstance(columns, Block) else Block(len(columns), inputs.numbers(columns))


def encoded_categories(known: Any, columns: Columns, inputs: Inputs) -> Block:
    """Codes in the place of categories and then the other columns, as an estimator gives them to its network.

    Parameters
    ----------
    known : chainrule.estimators.columns.Columns
        What the estimator knows of its columns.
    columns : list of int or Block
        What it is given.
    inputs : Inputs
        The columns of the whole model.
    """
    blocks = []
    for column in known.categories:
        if all(isinstance(value, str) for value in column.values):
            if isinstance(columns, Block):
                raise OptionError(f"the texts of column {column.name!r} have to reach the estimator as they are")
            codes = [(text, code) for code, text in enumerate(column.values, start=1)]
            read = inputs.codes(columns[column.position], codes)
            # What is missing or unknown has the code 0.
            blocks.append(Block(1, _at_least_0(read)))
        elif any(isinstance(value, str) for value in column.values):
            raise OptionError(f"the categories of column {column.name!r} are texts and numbers, which ONNX cannot mix")
        else:
            values = np.array(column.values).astype(inputs.dtype)
            blocks.append(_one_column(column.position, columns, inputs).then(_codes_of(values), 1))
    blocks += [_one_column(position, columns, inputs) for position in known.numeric]
    return side_by_side(blocks)


def _at_least_0(read: Read) -> Read:
    return lambda arguments: np.maximum(read(arguments), 0)[:, np.newaxis]


def _codes_of(values: Any) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        return np.sum(np.where(x.astype(values.dtype) == values, np.arange(1, len(values) + 1), 0), axis=1)[
            :, np.newaxis
        ]

    return f


def _one_column(k: int, columns: Columns, inputs: Inputs) -> Block:
    if isinstance(columns, Block):
        return columns.then(_picked(np.array([k], np.intp)), 1)
    return Block(1, inputs.numbers([columns[k]]))


def _step(name: str, step: Any, columns: Columns, inputs: Inputs) -> Columns:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import (
        FunctionTransformer,
        MaxAbsScaler,
        MinMaxScaler,
        OneHotEncoder,
        RobustScaler,
        StandardScaler,
    )

    kind = type(step)
    if kind is Pipeline:
        return transformed(step.steps, columns, inputs, f"{name}.")
    if kind is FunctionTransformer and step.func is None:
        return columns
    if kind is ColumnTransformer:
        return _by_columns(name, step, columns, inputs)
    if kind is OneHotEncoder:
        return _encoded(name, step, columns, inputs)
    if kind is SimpleImputer:
        return _imputed(name, step, columns, inputs)
    scaling: dict[type, Callable[[Any], Callable[[Any], Any]]] = {
        StandardScaler: lambda s: _centred(s.mean_ if s.with_mean else None, s.scale_),
        RobustScaler: lambda s: _centred(s.center_ if s.with_centering else None, s.scale_ if s.with_scaling else None),
        MaxAbsScaler: lambda s: _clipped(_centred(None, s.scale_), (-1.0, 1.0) if getattr(s, "clip", False) else None),
        MinMaxScaler: lambda s: _clipped(_affine(s.scale_, s.min_), s.feature_range if s.clip else None),
    }
    if kind not in scaling:
        known = "Pipeline, ColumnTransformer, SimpleImputer, OneHotEncoder and the scalers of scikit-learn"
        raise unknown_step(name, f"{kind.__name__} is none of {known}")
    return numbers_of(columns, inputs).then(scaling[kind](step))


def _centred(means: Any, scales: Any) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        x = x.astype(np.float64)
        x = x if means is None else x - means
        return x if scales is None else x / scales

    return f


def _affine(scales: Any, shifts: Any) -> Callable[[Any], Any]:
    return lambda x: x.astype(np.float64) * scales + shifts


def _clipped(f: Callable[[Any], Any], bounds: tuple[float, float] | None) -> Callable[[Any], Any]:
    if bounds is None:
        return f
    low, high = map(float, bounds)
    return lambda x: np.minimum(np.maximum(f(x), low), high)


def _imputed(name: str, step: Any, columns: Columns, inputs: Inputs) -> Columns:
    try:
        filling = step.statistics_.astype(np.float64)
    except ValueError:
        raise unknown_step(name, "SimpleImputer of texts is not known here: ONNX has no missing text") from None
    if step.add_indicator:
        raise unknown_step(name, "SimpleImputer with add_indicator is not known here")
    missing, kept = step.missing_values, np.flatnonzero(~np.isnan(filling))
    if step.keep_empty_features:
        filling, kept = np.nan_to_num(filling), np.arange(len(filling))
    given = filling[kept]

    def f(x: Any) -> Any:
        x = x.astype(np.float64)
        x = x if len(kept) == len(filling) else x[:, kept]
        return np.where(np.isnan(x) if np.isnan(missing) else x == missing, given, x)

    return numbers_of(columns, inputs).then(f, len(kept))


def _encoded(name: str, step: Any, columns: Columns, inputs: Inputs) -> Block:
    if any(found is not None for found in getattr(step, "infrequent_categories_", None) or []):
        raise unknown_step(name, "OneHotEncoder that joins infrequent categories is not known here")
    refused = step.handle_unknown == "error"
    dropped = step.drop_idx_ if step.drop_idx_ is not None else [None] * len(step.categories_)
    blocks = []
    for k, (categories, drop) in enumerate(zip(step.categories_, dropped, strict=True)):
        if categories.dtype.kind in "OUS":
            block = _encoded_texts(name, categories.tolist(), k, columns, inputs, refused)
        else:
            block = _encoded_numbers(categories, k, columns, inputs, refused)
        if drop is not None:
            kept = np.array([code for code in range(len(categories)) if code != drop], np.intp)
            block = block.then(_picked(kept), len(kept))
        blocks.append(block)
    return side_by_side(blocks)


def _encoded_texts(name: str, categories: list[Any], k: int, columns: Columns, inputs: Inputs, refused: bool) -> Block:
    if isinstance(columns, Block) or not all(isinstance(text, str) for text in categories):
        raise unknown_step(name, "a column of text has to reach OneHotEncoder as it is, with no missing category")
    codes = [(text, code) for code, text in enumerate(categories)]
    return one_hot(inputs.codes(columns[k], codes), len(categories), refused=refused)


def _encoded_numbers(categories: Any, k: int, columns: Columns, inputs: Inputs, refused: bool) -> Block:
    one = _one_column(k, columns, inputs)
    known = categories.astype(inputs.dtype)

    def f(x: Any) -> Any:
        found = x.astype(inputs.dtype) == known
        if np.isnan(known).any():
            found = found | (np.isnan(x) & np.isnan(known))
        found = found.astype(np.float64)
        return np.where(np.sum(found, axis=1, keepdims=True) == 0, np.nan, found) if refused else found

    return one.then(f, len(categories))


def _by_columns(name: str, step: Any, columns: Columns, inputs: Inputs) -> Block:
    # The transformers that were fitted, and the columns of each by position (scikit-learn's own attribute).
    found = []
    for key, transformer, _ in step.transformers_:
        places = step._transformer_to_input_indices[key]
        if (isinstance(transformer, str) and transformer == "drop") or not len(places):
            continue
        if isinstance(columns, Block):
            part: Columns = columns.then(_picked(np.array(places, np.intp)), len(places))
        else:
            part = [columns[place] for place in places]
        made = transformed([(key, transformer)], part, inputs, f"{name}.")
        found.append(numbers_of(made, inputs))
    return side_by_side(found)


def _picked(places: Any) -> Callable[[Any], Any]:
    return lambda x: x[:, places]
