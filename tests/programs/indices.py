"""Random index expressions."""

import numpy as np

__all__ = ["NotNow", "basic_index", "fancy_index", "mask", "picked_shape"]


class NotNow(Exception):
    """Nothing to say this with so far."""


def basic_index(w, shape):
    parts = []
    for n in shape:
        parts.append(
            w.choose(
                [
                    ":",
                    ":",
                    f"{w.rng.integers(-n, max(n, 1))}",
                    "1:",
                    ":-1",
                    "::-1",
                    "::2",
                    f":{w.rng.integers(0, n + 1)}",
                    "-1",
                    "...",
                ]
            )
        )
        if w.chance(0.08):
            parts.append("None")
        if w.chance(0.3):
            break
    while parts.count("...") > 1:
        parts.remove("...")
    return ", ".join(parts) or "..."


def fancy_index(w, shape, mask=True):
    kind = w.rng.integers(7)
    n = shape[0] if shape else 1

    def places(n):
        return [int(k) for k in w.rng.integers(-n, max(n, 1), w.rng.integers(1, 4))]

    if kind == 0:
        return f"{places(n)}"
    if kind == 1:
        return f"np.array({places(n)})"
    if kind == 2 and len(shape) > 1:
        return f":, {places(shape[1])}"
    if kind == 3 and len(shape) > 1:
        k = places(n)
        return f"{k}, {[int(j) for j in w.rng.integers(0, max(shape[1], 1), len(k))]}"
    if kind == 4 and len(shape) > 1:
        return f"np.ix_({places(n)}, {places(shape[1])})"
    if kind == 5:
        return f"np.array({[bool(k) for k in w.rng.integers(0, 2, n)]})"
    if kind == 6 and len(shape) > 1:
        return f"np.array([{places(n)[:2] * 2}][0][:2])[:, None], {places(shape[1])}"
    return f"{w.rng.integers(-n, max(n, 1))}, ..."


def mask(w, a):
    return w.choose(
        [f"{a} > {w.constant()}", f"{a} < np.mean({a})", f"np.abs({a}) < 0.5", f"({a} > -0.5) & ({a} < 0.6)"]
    )


def picked_shape(w, a, key):
    shape = w.shape(a)
    try:
        return np.shape(eval(f"whole[{key}]", {"whole": np.zeros(shape), "np": np}))
    except IndexError:
        raise NotNow from None
