"""Sparse inputs that are too many to be dense all at once: steps get their minibatches, each made dense for itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import issparse

from chainrule.native.patience import FOREVER, Patience

if TYPE_CHECKING:
    from chainrule.native.bench import Bench, Steps

__all__ = ["SlicedBench", "SparseRows", "held", "is_small"]

#: Numbers up to which inputs become dense as a whole: 128 MB in float64.
_DENSE = 1 << 24


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Rows of a sparse matrix; those that are asked for come as an array.

    Attributes
    ----------
    values, columns : array, shape (entries,)
        The entries that are not zero, row after row, and the columns that they stand in.
    starts : array of int, shape (rows + 1,)
        Where each row begins among them.
    shape : tuple of int
        Rows and columns.
    """

    values: NDArray[Any]
    columns: NDArray[Any]
    starts: NDArray[Any]
    shape: tuple[int, int]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        found: np.dtype[Any] = self.values.dtype
        return found

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        return self.take(np.arange(len(self))[rows])

    def take(self, rows: NDArray[np.intp], axis: int = 0) -> NDArray[Any]:
        """Rows as an array, shape (rows, columns), as `numpy.ndarray.take` gives those of an array."""
        found = np.zeros((len(rows), self.shape[1]), self.dtype)
        self.put(rows, found)
        return found

    def put(self, rows: NDArray[np.intp], into: NDArray[Any]) -> NDArray[np.intp]:
        """Write what is not zero of some rows into an array of zeros; where that was, in its numbers in order."""
        begin = self.starts[rows].astype(np.intp)
        lengths = self.starts[rows + 1] - begin
        before = np.cumsum(lengths) - lengths
        entries = np.arange(lengths.sum()) + np.repeat(begin - before, lengths)
        places: NDArray[np.intp] = np.repeat(np.arange(len(rows)) * self.shape[1], lengths) + self.columns[entries]
        into.reshape(-1)[places] = self.values[entries]
        return places


def held(X: Any, dtype: DTypeLike, *, in_parts: bool) -> Any:
    """Inputs as a task has them: an array, or `SparseRows` where an array would be large and steps take parts of it.

    Parameters
    ----------
    X : array or sparse matrix, shape (examples, inputs)
        Inputs.
    dtype : dtype
        Their precision.
    in_parts : bool
        Whether steps take minibatches.
    """
    if not issparse(X):
        return np.ascontiguousarray(X, dtype)
    if not in_parts or is_small(X):
        return np.ascontiguousarray(X.toarray(), dtype)
    rows = X.tocsr().astype(dtype)
    rows.sum_duplicates()
    return SparseRows(rows.data, rows.indices, rows.indptr, rows.shape)


def is_small(X: Any) -> bool:
    """Whether a matrix may become dense as a whole."""
    rows, columns = X.shape
    return bool(rows * columns <= _DENSE)


class SlicedBench:
    """Memory in which steps run on sparse rows, as `chainrule.native.bench.Bench` is for arrays.

    Parameters
    ----------
    steps : Steps
        The steps.
    fixed : sequence
        What stays the same.
    inputs : SparseRows
        All inputs.
    targets : array
        All targets.
    batch : int
        Rows of a minibatch.
    """

    def __init__(
        self, steps: "Steps", fixed: Sequence[Any], inputs: SparseRows, targets: NDArray[Any], batch: int
    ) -> None:
        self._inputs, self._targets, self._batch = inputs, targets, batch
        self._x = np.zeros((batch, inputs.shape[1]), inputs.dtype)
        self._t = np.zeros((batch, *targets.shape[1:]), targets.dtype)
        # The last minibatch of an epoch may have fewer rows.
        self._benches: dict[int, Bench] = {
            rows: steps.bench(fixed, (self._x[:rows], self._t[:rows]), rows, gathers=False)
            for rows in {batch, len(inputs) % batch or batch}
        }

    def run(
        self,
        state: Sequence[Any],
        clock: int,
        order: NDArray[Any],
        first: int,
        count: int,
        patience: Patience = FOREVER,
        *,
        spends: bool = False,
    ) -> tuple[Sequence[Any], NDArray[np.float64]]:
        """Take some steps of one epoch; see `Bench.run`."""
        assert patience is FOREVER, "epochs are taken one by one"
        objectives = np.empty(count)
        for k in range(count):
            rows = order[(first + k) * self._batch : (first + k + 1) * self._batch]
            places = self._inputs.put(rows, self._x)
            self._targets.take(rows, axis=0, out=self._t[: len(rows)])
            state, found = self._benches[len(rows)].run(state, clock + k, None, 0, 1, spends=spends or k > 0)
            self._x.reshape(-1)[places] = 0
            objectives[k] = found[0]
        return state, objectives
