"""A trained model: network, parameters, the preparation of its data, and how it was trained."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule import tree
from chainrule.data import Preparation, Table
from chainrule.data.columns import Block, column_of_array
from chainrule.data.table import listed
from chainrule.data.targets import ClassTarget
from chainrule.errors import DataError, OptionError
from chainrule.nn import Network, Parameters, State
from chainrule.train.checks import in_precision
from chainrule.train.evaluation import Scores
from chainrule.train.evaluation import outputs as outputs_of

__all__ = ["Model", "Record"]


@dataclass(frozen=True)
class Record:
    """How a model was trained.

    Attributes
    ----------
    settings : dict
        Optimiser, rate, batch size, epochs, seed and so on: texts, numbers, booleans, None, and lists and
        dicts of these.
    results : dict of str to Scores
        How good it is, by part of the data: ``"train"``, ``"validation"``, ``"test"``.
    epochs, steps : int
        Epochs and steps that were done.
    seconds : float
        Time that they took.
    ended : str
        Why training ended; see `Fit.ended`.
    date : str
        When it ended, as ``YYYY-MM-DDTHH:MM:SS+00:00``.
    versions : dict of str to str
        Versions of chainrule, NumPy and Python.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Scores] = field(default_factory=dict)
    epochs: int = 0
    steps: int = 0
    seconds: float = 0.0
    ended: str = ""
    date: str = ""
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Model:
    """A network that was trained, with all that predicting needs.

    Attributes
    ----------
    network : Network
        The network.
    parameters, state : tuple of dicts of arrays
        Its parameters, and its state: for dense layers `Network.initial_state`.
    loss : str
        Name of the loss that it was trained with.
    preparation : Preparation or None
        How columns become inputs, and outputs become predictions; None where the network was trained on plain
        arrays.
    record : Record or None
        How it was trained.

    Examples
    --------
    >>> from chainrule import data, optim
    >>> from chainrule.train import fit
    >>> X, T = data.xor()
    >>> network = Network.of(2, hidden=(4,), output="sigmoid")
    >>> start = network.initialize(0)
    >>> found = fit(network, start, "binary_cross_entropy", X, T, optimizer=optim.adam(0.1), epochs=200)
    >>> model = Model(network, found.parameters, found.network_state, "binary_cross_entropy")
    >>> model.predict(X)
    array([0, 1, 1, 0])
    >>> model.probabilities(X).round(1)
    array([[1., 0.],
           [0., 1.],
           [0., 1.],
           [1., 0.]])
    """

    network: Network
    parameters: Parameters
    state: State
    loss: str
    preparation: Preparation | None = None
    record: Record | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the parameters, in which the model computes."""
        return np.result_type(*tree.leaves(self.parameters))

    def __repr__(self) -> str:
        layers = [f"{place.units} {place.layer.text}" for place in self.network.places]
        return f"<model: {' - '.join([str(self.network.inputs), *layers])}, loss {self.loss}>"

    def _repr_html_(self) -> str:
        from chainrule.train.html import model_html

        return model_html(self)

    def inputs(self, data: Table | ArrayLike) -> NDArray[Any]:
        """Prepare the inputs of the network.

        Parameters
        ----------
        data : Table or array, shape (examples, ...)
            A table with the columns of the training table; other columns do not matter. An array is taken as
            it is where the model has no preparation. Where it has one, the array holds the raw values of the
            columns in `Preparation.input_names`, all numeric, or raw images.

        Returns
        -------
        array, shape (examples, inputs)
            In the precision of the parameters.

        Raises
        ------
        DataError
            Where the data do not fit the model, or hold NaN or infinities.
        """
        preparation = self.preparation
        if isinstance(data, Table):
            if preparation is None:
                raise DataError(
                    "the model was trained on plain arrays, it does not know columns: give an array of shape "
                    f"(examples, {self.network.inputs})"
                )
            return preparation.inputs(data, self.dtype)
        if preparation is not None:
            return preparation.inputs(_table(data, preparation), self.dtype)
        array = np.asarray(data)
        if array.dtype.kind not in "biuf":
            raise DataError(f"inputs have to be real numbers, found dtype {array.dtype}")
        return in_precision("inputs", array, self.dtype)

    def outputs(self, data: Table | ArrayLike) -> NDArray[Any]:
        """Compute the network's outputs.

        Parameters
        ----------
        data : Table or array
            As for `inputs`.

        Returns
        -------
        array, shape (examples, outputs)
            Activations of the last layer.

        Raises
        ------
        DataError
            As `inputs` does.
        """
        return outputs_of(self.network, self.parameters, self.state, self.inputs(data))

    def predict(self, data: Table | ArrayLike) -> NDArray[Any]:
        """Predict the target.

        Parameters
        ----------
        data : Table or array
            As for `inputs`.

        Returns
        -------
        array
            Names of classes, shape (examples,), or numbers in the units of the target columns, shape
            (examples, columns). Without preparation: for cross-entropy indices of classes, shape (examples,);
            for binary cross-entropy 0 or 1, shape (examples,) or, for several outputs, (examples, outputs);
            for other losses the outputs.

        Raises
        ------
        DataError
            As `inputs` does.
        """
        outputs = self.outputs(data)
        if self.preparation is not None:
            return self.preparation.decode(outputs)
        if self.loss == "cross_entropy":
            classes: NDArray[Any] = np.argmax(outputs, axis=1)
            return classes
        if self.loss == "binary_cross_entropy":
            yes = (outputs > 0.5).astype(np.intp)
            return yes[:, 0] if yes.shape[1] == 1 else yes
        return outputs

    def probabilities(self, data: Table | ArrayLike) -> NDArray[Any]:
        """Compute the probability of each class.

        Parameters
        ----------
        data : Table or array
            As for `inputs`.

        Returns
        -------
        array, shape (examples, classes)
            One column for each class, in the order of `Preparation.classes`; for one yes-or-no output those
            of 0 and 1.

        Raises
        ------
        DataError
            As `inputs` does.
        OptionError
            Where the outputs are no probabilities.
        """
        name = self.network.places[-1].layer.activation_row.name
        target = None if self.preparation is None else self.preparation.target
        if name not in ("sigmoid", "softmax") or not (target is None or isinstance(target, ClassTarget)):
            what = "numbers" if self.preparation is not None and self.preparation.classes is None else "classes"
            raise OptionError(
                f"the model predicts {what} with the output activation {name}: it has no probabilities, which come "
                "from sigmoid or softmax"
            )
        outputs = self.outputs(data)
        if target is not None:
            return target.probabilities(outputs)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs


def _table(data: ArrayLike, preparation: Preparation) -> Table:
    names = preparation.input_names
    if preparation.text_columns:
        raise DataError(
            f"the model takes columns of text ({listed(preparation.text_columns)}), which an array of numbers cannot "
            "hold: give a Table, as data.read or Table.of makes them"
        )
    column = column_of_array("X", data, "the array")
    if len(column.names) != len(names):
        raise DataError(f"the array has {len(column.names)} columns, but the model takes {len(names)}: {listed(names)}")
    renamed = replace(column, names=names) if isinstance(column, Block) else replace(column, name=names[0])
    return Table((renamed,), np.arange(len(column)), "the array")
