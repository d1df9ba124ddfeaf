"""`from_torch`: the weights of a PyTorch module as a network, read without PyTorch and without running any code."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data.files import missing_file
from chainrule.errors import ModelFileError, OptionError
from chainrule.nn import Activation, BatchNorm, Dense, Layer, LayerNorm, Network, Parameters, State
from chainrule.nn.activations import activation as activation_row
from chainrule.nn.layers import Arrays
from chainrule.train.containers import DTYPES

__all__ = ["from_torch"]

_NAMES = frozenset({"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})
#: More linear layers than this are not put in order by their shapes.
_ORDERED_AT_MOST = 8


@dataclass(frozen=True)
class _Module:
    """The arrays of one module, by their names in PyTorch."""

    name: str
    arrays: dict[str, NDArray[Any]]

    @property
    def is_linear(self) -> bool:
        """Whether it is a Linear."""
        return "weight" in self.arrays and self.arrays["weight"].ndim == 2

    @property
    def is_batch_norm(self) -> bool:
        """Whether it is a BatchNorm1d."""
        return "running_mean" in self.arrays

    @property
    def is_slope(self) -> bool:
        """Whether it is what PReLU has."""
        return set(self.arrays) == {"weight"} and not self.is_linear

    @property
    def width(self) -> int:
        """Units that come out."""
        return len(self.arrays["running_mean" if self.is_batch_norm else "weight"])


def from_torch(
    weights: str | PathLike[str] | Mapping[str, Any],
    activation: str | Activation | Sequence[str | Activation] = "relu",
    output: str | Activation = "identity",
    *,
    layers: Sequence[str] | None = None,
    normalize: Literal["before", "after"] | None = None,
    epsilon: float = 1e-5,
) -> tuple[Network, Parameters, State]:
    """Make a network from a PyTorch `state_dict`.

    Parameters
    ----------
    weights : path-like or mapping of str to array
        A safetensors file, as ``safetensors.torch.save_file(module.state_dict(), path)`` writes it, or the
        `state_dict` itself. Modules may be `Linear`, `BatchNorm1d` and `LayerNorm`, and `PReLU` where `activation` says
        "prelu". Pickled files (``torch.save``) are not read, since they can run code.
    activation : str, Activation or sequence of them
        What follows each hidden linear layer, one for all or one for each: a `state_dict` does not tell.
    output : str or Activation
        What follows the last linear layer.
    layers : sequence of str, optional
        Names of the modules in the order in which they compute, such as ``("fc1", "bn1", "out")``. A file keeps no
        order: by default modules that differ by a number are taken in the order of that, and others by their
        shapes, where these leave no choice. A mapping is in order.
    normalize : {"before", "after"}, optional
        Whether a normalisation after a linear layer stands before or after the activation. By default before, where
        the numbers of a `Sequential` say so.
    epsilon : float
        What the normalisations add to the variance.

    Returns
    -------
    network : Network
        The network; a linear layer without biases has biases of 0 here.
    parameters, state : tuple of dicts of arrays
        Its parameters and state, in the precision of the weights.

    Raises
    ------
    OptionError
        Where a key is not understood (the message names it), or order or activations are not clear.
    ModelFileError
        Where the file is missing or no safetensors file.

    Examples
    --------
    >>> weights = {"0.weight": np.array([[1.0, -1.0]]), "0.bias": np.array([0.5])}
    >>> network, parameters, state = from_torch(weights, output="sigmoid")
    >>> network.apply(parameters, state, np.array([[2.0, 2.5]]))[0]
    array([[0.5]])
    """
    if normalize not in (None, "before", "after"):
        raise OptionError(f"normalize has to be 'before' or 'after', found {normalize!r}")
    is_file = isinstance(weights, str | PathLike)
    modules = _modules(_read(weights) if isinstance(weights, str | PathLike) else _arrays(weights))
    if layers is not None:
        modules = _named(modules, layers)
    elif is_file:
        modules = _ordered(modules)
    linear = [module for module in modules if module.is_linear]
    if not linear:
        raise OptionError("no Linear layer is among the weights: a key NAME.weight of two dimensions is needed")
    names = [activation] * (len(linear) - 1) if isinstance(activation, str | Activation) else list(activation)
    if len(names) != len(linear) - 1:
        raise OptionError(f"{len(names)} activations were given for {len(linear) - 1} hidden layers: give one for each")
    _check_chain(linear)
    return _network(modules, [*names, output], normalize, epsilon)


def _read(path: str | PathLike[str]) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError, deserialize

    place = Path(path)
    try:
        raw = place.read_bytes()
    except FileNotFoundError:
        raise ModelFileError(str(missing_file(place))) from None
    except OSError as error:
        raise ModelFileError(f"{fspath(path)}: the file cannot be read ({error.strerror})") from error
    if raw[:2] in (b"PK", b"\x80\x02"):
        raise ModelFileError(
            f"{fspath(path)}: this is a pickled file of PyTorch, which can run code: write it again with "
            "safetensors.torch.save_file(module.state_dict(), path)"
        )
    try:
        found = dict(deserialize(raw))  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError) as error:
        raise ModelFileError(f"{fspath(path)}: this is no safetensors file, or it is damaged ({error})") from None
    arrays = {}
    for name, tensor in sorted(found.items()):
        dtype = DTYPES.get(tensor["dtype"])
        if dtype is None:
            raise OptionError(f"{name} is of type {tensor['dtype']}, which NumPy has not: convert with module.float()")
        arrays[name] = np.frombuffer(tensor["data"], dtype).reshape(tensor["shape"])
    return arrays


def _arrays(weights: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    if not isinstance(weights, Mapping):
        raise OptionError(f"weights have to be a path or a mapping of names to arrays, found {type(weights).__name__}")
    return {name: np.asarray(array) for name, array in weights.items()}


def _modules(arrays: Mapping[str, NDArray[Any]]) -> list[_Module]:
    """Gather arrays by module, and refuse what is no part of one that is known."""
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for key, array in arrays.items():
        module, _, name = str(key).rpartition(".")
        if name not in _NAMES or (name == "weight" and array.ndim not in (1, 2)):
            raise OptionError(
                f"the key {key!r}, of shape {array.shape}, is not understood: Linear, BatchNorm1d, LayerNorm and PReLU "
                "are, whose arrays are called weight, bias, running_mean and running_var"
            )
        if name != "num_batches_tracked":
            if array.dtype not in (np.float32, np.float64):
                raise OptionError(f"{key} is of dtype {array.dtype}: convert to float32 or float64")
            if not np.isfinite(array).all():
                raise OptionError(f"{key} holds NaN or infinities")
            found.setdefault(module, {})[name] = array
    for module, own in found.items():
        if not {"weight", "running_mean"} & set(own) or ("running_mean" in own) != ("running_var" in own):
            raise OptionError(f"the module {module!r} has {', '.join(own)} alone, which is not understood")
        shape = own["running_mean" if "running_mean" in own else "weight"].shape[:1]
        for name, array in own.items():
            expected = own["weight"].shape if name == "weight" and array.ndim == 2 else shape
            if array.shape != expected or ("running_mean" in own and array.ndim != 1):
                raise OptionError(f"{module}.{name} has shape {array.shape}, which does not fit the others of {module}")
    return [_Module(module, own) for module, own in found.items()]


def _named(modules: Iterable[_Module], names: Sequence[str]) -> list[_Module]:
    known = {module.name: module for module in modules}
    if set(names) != set(known) or len(set(names)) != len(names):
        raise OptionError(f"layers has to name each module once: {', '.join(known)}; found {', '.join(names)}")
    return [known[name] for name in names]


def _ordered(modules: list[_Module]) -> list[_Module]:
    """Modules in the one order that their names or their shapes allow."""
    if len({re.sub(r"\d+", "", module.name) for module in modules}) == 1:
        return sorted(modules, key=lambda module: [int(number) for number in re.findall(r"\d+", module.name)])
    orders = []
    if all(module.is_linear for module in modules) and len(modules) <= _ORDERED_AT_MOST:
        orders = [order for order in permutations(modules) if _misfit(order) is None]
    if len(orders) != 1:
        raise OptionError(
            f"the order of the modules {', '.join(module.name for module in modules)} is not clear, since a file does "
            "not keep it: give layers=, their names in the order in which they compute"
        )
    return list(orders[0])


def _misfit(linear: Sequence[_Module]) -> tuple[_Module, _Module] | None:
    """Two layers that follow each other, of which the second does not take what the first one makes."""
    for one, other in pairwise(linear):
        if one.width != other.arrays["weight"].shape[1]:
            return one, other
    return None


def _check_chain(linear: Sequence[_Module]) -> None:
    if (pair := _misfit(linear)) is not None:
        one, other = pair
        raise OptionError(
            f"{other.name} takes {other.arrays['weight'].shape[1]} inputs, but {one.name} before it has {one.width} "
            "units: if the order is another one, give layers="
        )


def _network(
    modules: Sequence[_Module], names: Sequence[str | Activation], normalize: str | None, epsilon: float
) -> tuple[Network, Parameters, State]:
    first = next(k for k, module in enumerate(modules) if module.is_linear)
    made = [_norm(module, "identity", epsilon) for module in modules[:first]]
    places = [k for k, module in enumerate(modules) if module.is_linear]
    for begin, end, name in zip(places, [*places[1:], len(modules)], names, strict=True):
        made += _group(modules[begin], modules[begin + 1 : end], name, normalize, epsilon)
    dtype = np.result_type(*(array for _, own, _ in made for array in own.values()))
    parameters = tuple(_copied(own, dtype) for _, own, _ in made)
    state = tuple(_copied(running, dtype) for _, _, running in made)
    network = Network(modules[first].arrays["weight"].shape[1], tuple(layer for layer, _, _ in made))
    if tuple({name: array.shape for name, array in own.items()} for own in parameters) != network.shapes():
        raise OptionError("the weights do not fit together: a normalisation has another width than the layer before it")
    return network, parameters, state


def _copied(arrays: Arrays, dtype: Any) -> Arrays:
    return {name: np.array(array, dtype, order="C") for name, array in arrays.items()}


_Made = tuple[Layer, Arrays, Arrays]


def _group(
    linear: _Module, others: Sequence[_Module], name: str | Activation, normalize: str | None, epsilon: float
) -> list[_Made]:
    """A linear layer with its activation, and the normalisations that follow it."""
    row = activation_row(name)
    slopes = [module for module in others if module.is_slope]
    norms = [module for module in others if not module.is_slope]
    if len(slopes) != (row.slope is not None):
        what = ", ".join(module.name for module in slopes) or "none"
        raise OptionError(
            f"the activation after {linear.name} is {row.name}, but the modules with a weight alone, as PReLU has it, "
            f"are: {what}. Say activation='prelu' where there is one (LayerNorm needs a bias)"
        )
    if slopes:
        before = [module for module in norms if others.index(module) < others.index(slopes[0])]
    else:
        before = norms if _stands_before(linear, norms, row, normalize) else []
    after = [module for module in norms if module not in before]
    own: Arrays = {"weights": linear.arrays["weight"].T}
    own["bias"] = linear.arrays.get("bias", np.zeros(linear.width, own["weights"].dtype))
    made: list[_Made] = [(Dense(linear.width, "identity" if before else name), own, {})]
    made += [_norm(module, name if module is before[-1] else "identity", epsilon) for module in before]
    if slopes:
        slope = slopes[0].arrays["weight"]
        made[-1] = (made[-1][0], {**made[-1][1], "slope": np.broadcast_to(slope, linear.width)}, made[-1][2])
    return made + [_norm(module, "identity", epsilon) for module in after]


def _stands_before(linear: _Module, norms: Sequence[_Module], row: Activation, normalize: str | None) -> bool:
    """Tell whether normalisations stand before the activation, or raise OptionError where nothing says so."""
    if not norms or row.name == "identity":
        return True
    if normalize is not None:
        return normalize == "before"
    here, there = (re.fullmatch(r"(.*?)(\d+)", module.name) for module in (linear, norms[0]))
    if len(norms) == 1 and here and there and here[1] == there[1] and int(there[2]) == int(here[2]) + 1:
        return True
    raise OptionError(
        f"whether the normalisation {norms[0].name} stands before or after the activation ({row.name}) of "
        f"{linear.name} is not clear: give normalize='before' or 'after'"
    )


def _norm(module: _Module, name: str | Activation, epsilon: float) -> _Made:
    arrays = module.arrays
    width = module.width
    dtype = next(iter(arrays.values())).dtype
    own = {"scale": arrays.get("weight", np.ones(width, dtype)), "shift": arrays.get("bias", np.zeros(width, dtype))}
    if module.is_batch_norm:
        state = {"mean": arrays["running_mean"], "variance": arrays["running_var"]}
        return BatchNorm(name, epsilon=epsilon), own, state
    if "bias" not in arrays:
        raise OptionError(f"the module {module.name!r} has a weight alone, which is not understood here")
    return LayerNorm(name, epsilon=epsilon), own, {}
