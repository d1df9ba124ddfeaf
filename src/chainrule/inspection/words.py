"""A network, its scores and its ending in words, as the command and the report have them."""

from collections.abc import Mapping, Sequence

from chainrule.data.table import counted
from chainrule.nn import BatchNorm, Dense, Dropout, LayerNorm, Network
from chainrule.train import Scores

__all__ = ["describe_ending", "describe_network", "score_cells", "share", "short"]

_NONE = "-"


def describe_network(network: Network) -> str:
    """Write a network in one line.

    Examples
    --------
    >>> describe_network(Network.of(64, (100,), 10, "relu", "softmax"))
    '64 inputs, 100 relu, 10 softmax (7,510 parameters)'
    """
    layers = []
    for place, following in zip(network.places, (*network.places[1:], None), strict=True):
        normalised = following is not None and isinstance(following.layer, BatchNorm | LayerNorm)
        if isinstance(place.layer, Dropout):
            layers.append(place.layer.text)
        elif not (normalised and isinstance(place.layer, Dense) and place.layer.activation == "identity"):
            layers.append(f"{place.units:,} {place.layer.text}")
    inputs = f"{network.inputs:,} input{'' if network.inputs == 1 else 's'}"
    return f"{', '.join([inputs, *layers])} ({network.count_parameters():,} parameters)"


def describe_ending(ended: str, epochs: int) -> str:
    """Say in words why training ended, after so many whole epochs."""
    done = counted(epochs, "epoch")
    if ended == "patience":
        return f"stopped early, after {done}, because there was no more gain on the validation rows"
    if ended == "interrupt":
        return f"stopped by Ctrl-C after {done}"
    return f"{done} done"


def score_cells(results: Mapping[str, Scores], balanced: bool = False) -> tuple[list[str], list[list[str]]]:
    """Write results by part of the data, and by target where there are several, the baseline's beside them.

    Parameters
    ----------
    results : mapping of str to Scores
        By part.
    balanced : bool
        Whether there are columns for the balanced accuracy.

    Returns
    -------
    heads, rows : list of str, list of list of str
        Heads of the columns, and their cells.
    """
    if any("accuracy" in scores.measures for scores in results.values()):
        shown = ("accuracy", "balanced_accuracy") if balanced else ("accuracy",)
        names = ["accuracy", "baseline", "balanced", "baseline"][: 2 * len(shown)]
        heads = ["", "rows", *names, "cost"]
        rows = [_of_classes(part, scores, shown) for part, scores in results.items()]
        return heads, rows
    heads = ["", "target", "rows", "R²", "RMSE", "baseline", "MAE", "baseline"]
    rows = [_of_numbers(part, scores, name) for part, scores in results.items() for name in _targets(scores)]
    if not any(row[1] for row in rows):
        heads, rows = ["", *heads[2:]], [[row[0], *row[2:]] for row in rows]
    return heads, rows


def share(value: float | None) -> str:
    """Write a part of a whole in per cent."""
    return _NONE if value is None else f"{100 * value:.2f} %"


def _rows(scores: Scores) -> str:
    # A spread is of no rows.
    return f"{scores.examples:,}" if scores.examples else ""


def _of_classes(part: str, scores: Scores, shown: Sequence[str]) -> list[str]:
    percent = [share(each.get(name)) for name in shown for each in (scores.measures, scores.baseline)]
    return [part, _rows(scores), *percent, short(scores.measures.get("cost"))]


def _targets(scores: Scores) -> list[str]:
    """The names of the target columns where there are several, otherwise an empty name."""
    return [name.removeprefix("r2 of ") for name in scores.measures if name.startswith("r2 of ")] or [""]


def _of_numbers(part: str, scores: Scores, target: str) -> list[str]:
    ending = f" of {target}" if target else ""
    r2 = scores.measures.get(f"r2{ending}")
    cells = [part, target, _rows(scores), _NONE if r2 is None else f"{r2:.4f}"]
    for measure in ("rmse", "mae"):
        cells += [short(each.get(measure + ending)) for each in (scores.measures, scores.baseline)]
    return cells


def short(value: float | None) -> str:
    """Write a number with four digits."""
    return _NONE if value is None else f"{value:.4g}"
