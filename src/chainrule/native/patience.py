"""When steps end before the last one that was asked for: where the objective of epochs has not fallen for too long."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["BY_ROWS", "FOREVER", "GOES", "LEAST", "MOST", "TAKEN", "TOLERANCE", "TOTAL", "WITHOUT_GAIN", "Patience"]

#: What stands where in the table that steps read and write: all of it as float64.
TOTAL, LEAST, TOLERANCE, WITHOUT_GAIN, MOST, BY_ROWS, TAKEN, GOES = range(8)


@dataclass(frozen=True)
class Patience:
    """An epoch is without gain where its objective is above the least one before, less a tolerance.

    Attributes
    ----------
    least : float
        The least objective of an epoch so far; infinite before the first.
    tolerance : float
        What an objective has to be lower by.
    without_gain : int
        Epochs without gain so far, one after the other.
    most : float
        How many there may be: steps end with the epoch that is one more.
    by_rows : bool
        Whether the objective of an epoch is the mean of those of its steps, weighted by their rows, or their sum.

    Examples
    --------
    >>> Patience(least=0.5, tolerance=0.0, without_gain=2, most=10, by_rows=True).table()
    array([ 0. ,  0.5,  0. ,  2. , 10. ,  1. ,  0. ,  1. ])
    """

    least: float
    tolerance: float
    without_gain: int
    most: float
    by_rows: bool

    def table(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """What steps are given, shape (8,); they leave in it how many of them there were."""
        return np.array([0, self.least, self.tolerance, self.without_gain, self.most, self.by_rows, 0, 1], np.float64)


#: Steps do not end before the last one.
FOREVER = Patience(math.inf, 0.0, 0, math.inf, by_rows=False)
