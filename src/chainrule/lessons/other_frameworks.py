"""The gradients of one network computed by PyTorch and by JAX, where these are installed."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.nn.network import Parameters

__all__ = ["FRAMEWORKS", "installed", "jax_gradients", "torch_gradients"]

Array = NDArray[Any]


def torch_gradients(parameters: Parameters, X: Array, T: Array) -> Parameters:
    """Differentiate the mean cross-entropy of a relu network with a softmax output, by PyTorch in float64.

    Parameters
    ----------
    parameters : tuple of dicts of arrays
        ``weights``, shape (inputs, outputs), and ``bias`` of every layer.
    X, T : array, shape (examples, inputs) and (examples, classes)
        Inputs, and one-hot targets.

    Returns
    -------
    tuple of dicts of arrays
        The gradients, like the parameters.
    """
    import torch

    layers = [
        {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in layer.items()}
        for layer in parameters
    ]
    a = torch.tensor(X, dtype=torch.float64)
    for number, layer in enumerate(layers, start=1):
        s = a @ layer["weights"] + layer["bias"]
        a = torch.relu(s) if number < len(layers) else torch.log_softmax(s, dim=1)
    (-(torch.tensor(T, dtype=torch.float64) * a).sum(dim=1).mean()).backward()
    return tuple({name: value.grad.numpy() for name, value in layer.items()} for layer in layers)


def jax_gradients(parameters: Parameters, X: Array, T: Array) -> Parameters:
    """Differentiate the same by JAX; see `torch_gradients`."""
    import jax
    import jax.numpy as jnp

    def cost(layers: Any, X: Any, T: Any) -> Any:
        a = X
        for number, layer in enumerate(layers, start=1):
            s = a @ layer["weights"] + layer["bias"]
            a = jax.nn.relu(s) if number < len(layers) else jax.nn.log_softmax(s, axis=1)
        return -jnp.mean(jnp.sum(T * a, axis=1))

    with jax.enable_x64(True):
        found = jax.grad(cost)(*jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), (parameters, X, T)))
        # JAX sorts the names of a dict.
        return tuple(
            {name: np.array(one[name]) for name in layer} for layer, one in zip(parameters, found, strict=True)
        )


#: What is imported, what it is called, and how it is asked.
FRAMEWORKS: dict[str, tuple[str, Callable[[Parameters, Array, Array], Parameters]]] = {
    "torch": ("PyTorch", torch_gradients),
    "jax": ("JAX", jax_gradients),
}


def installed() -> list[str]:
    """List the modules of `FRAMEWORKS` that can be imported."""
    return [module for module in FRAMEWORKS if find_spec(module) is not None]
