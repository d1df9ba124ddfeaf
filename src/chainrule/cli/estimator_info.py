"""`chainrule info` of a fitted estimator in a file."""

from pathlib import Path
from typing import Any

from chainrule.cli.output import describe_network, layers_table, named_lines, short
from chainrule.data.table import counted, listed

__all__ = ["describe_estimator"]


def describe_estimator(path: str) -> str:
    """Write in lines what an estimator is, what it takes, and how its fit ended.

    Parameters
    ----------
    path : str
        The file.

    Raises
    ------
    ModelFileError
        Where it is missing, truncated, damaged, or none of chainrule's.
    """
    from chainrule.estimators.files import load

    model: Any = load(path)
    network = model._network
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    lines = {
        "estimator": " ".join(repr(model).split()),
        "network": f"{describe_network(network)}, {model.coefs_[0].dtype}",
        "features": f"{model.n_features_in_:,}" + (f": {listed(names)}" if names else ", without names"),
    }
    if hasattr(model, "classes_"):
        lines["classes"] = _classes(model.classes_)
    else:
        lines["outputs"] = f"{model.n_outputs_:,}"
    lines["fit"] = f"{counted(model.n_iter_, 'iteration')}, loss {short(float(model.loss_))} at the end"
    size = Path(path).stat().st_size
    return (
        f"{path}: a chainrule estimator of {size:,} bytes\n\n{layers_table(network)}\n\n{named_lines(lines)}\n\n"
        "in Python: chainrule.estimators.load(path)"
    )


def _classes(classes: Any) -> str:
    # Several columns of labels have classes each.
    if isinstance(classes, list):
        return "; ".join(map(_classes, classes))
    return listed([str(name) for name in classes.tolist()])
