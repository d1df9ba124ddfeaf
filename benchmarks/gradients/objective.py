"""What an objective is, and one at a given size."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["Arrays", "Case", "Objective"]

Arrays = tuple[Any, ...]


@dataclass(frozen=True)
class Objective:
    """A function to differentiate, and its derivative by hand.

    Parameters
    ----------
    data : callable
        ``data(rng, *sizes)`` gives the arrays to differentiate by, and what else the function takes.
    value : callable
        ``value(library, *parameters, *constants)``, written once for every `Library`.
    by_hand : callable
        ``by_hand(*parameters, *constants)``: what `result` says, in plain NumPy.
    result : str
        "gradient" for the value and the gradient by each parameter; "newton" for the gradient over the diagonal of
        the Hessian, where the Hessian has nothing else, so that its product with ones is the diagonal.
    """

    data: Callable[..., tuple[Arrays, Arrays]]
    value: Callable[..., Any]
    by_hand: Callable[..., Arrays]
    result: Literal["gradient", "newton"] = "gradient"


@dataclass(frozen=True)
class Case:
    """An objective at some sizes; its loop, if it has one, in Python or as the library's own."""

    name: str
    objective: Objective
    sizes: tuple[int, ...]
    scan: bool = False

    def data(self) -> tuple[Arrays, Arrays]:
        return self.objective.data(np.random.default_rng(0), *self.sizes)
