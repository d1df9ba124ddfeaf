"""Jacobians by one pull-back for each entry of the output: what `jacobian` is held against."""

import numpy as np
from tests.ops import checks

from chainrule import tree, vjp


def units(x):
    """Every array of the shape and dtype of `x` with one entry 1 and the others 0."""
    x = np.asarray(x)
    return np.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape)


def by_rows(f, *point):
    """The blocks of the Jacobian by one pull-back for each entry of the output: the oracle, with its convention."""
    value, pull_back = vjp(f, *point)
    outputs, structure = tree.flatten(value)
    blocks = []
    for k, y in enumerate(outputs):
        rows = []
        for unit in units(np.asarray(y) if checks.is_number(y) else np.asarray(y, float)):
            seeds = [np.zeros_like(unit if j == k else one) for j, one in enumerate(outputs)]
            seeds[k] = unit
            row = list(pull_back(structure.unflatten(seeds)))
            if np.asarray(y).dtype.kind == "c":
                seeds[k] = -1j * unit
                turned = pull_back(structure.unflatten(seeds))
                # The pull-back of -i to a real argument is the derivative of the imaginary part.
                row = [u if np.iscomplexobj(x) else u + 1j * v for u, v, x in zip(row, turned, point, strict=True)]
            rows.append(row)
        blocks.append(
            [np.reshape(np.array([row[i] for row in rows]), np.shape(y) + np.shape(x)) for i, x in enumerate(point)]
        )
    return blocks
