"""What `Watch` saw over a training run: a quantity of every layer by epoch."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.inspection.diagnosis.watching import Watch
from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE, draw_in, log_upright

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Quantity", "draw_over_time", "watch_curves"]

Quantity = Literal["sensitivities", "flat", "moved", "noise scale"]
#: Up to so many layers have a line each.
_LINES = 6
#: Title of the figure, and name and unit of the upright axis.
_WORDS: dict[str, tuple[str, str]] = {
    "sensitivities": ("Sensitivities of each layer", "root mean square"),
    "flat": ("Units in the flat part, or dead", "share of units and examples (%)"),
    "moved": ("How far each layer moves in an epoch", "relative change"),
    "noise scale": ("Noise scale of the gradient", "examples"),
}


def watch_curves(watch: Watch, quantity: Quantity = "sensitivities", *, ax: "Axes | None" = None) -> "Figure":
    """Draw what a `Watch` saw, over the epochs of its run.

    Parameters
    ----------
    watch : Watch
        The callback, after the run.
    quantity : {"sensitivities", "flat", "moved", "noise scale"}
        Size of the sensitivities; share of units in the flat part of sigmoid and tanh, or dead, in the hidden layers;
        length of the change of the parameters in an epoch over their own length; or the batch size at which the noise
        of a minibatch's gradient is as large as the gradient, of the whole network.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        A line for each of up to six layers; of more, colours by layer and epoch. Looks at which there is no such number
        have no mark: a gradient that cannot be told from its noise, the way before the first look.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, there is no such quantity, or no look saw a number of it.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import inspection, nn, optim, train
    >>> from chainrule.inspection import drawings
    >>> network = nn.Network.of(2, hidden=(8,), output="sigmoid")
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> y = (X[:, :1] * X[:, 1:] > 0).astype(float)
    >>> watch = inspection.Watch(network, X, y, loss="binary_cross_entropy", every=10)
    >>> run = train.fit(network, network.initialize(0), "binary_cross_entropy", X, y, optimizer=optim.adam(0.01),
    ...                 epochs=30, callbacks=[watch])
    >>> figure = drawings.watch_curves(watch, "moved")
    >>> figure.axes[0].get_xlabel(), len(figure.axes[0].lines)
    ('epoch', 2)
    """
    if not isinstance(watch, Watch):
        raise OptionError(f"watch has to be a Watch of chainrule.inspection, found {type(watch).__name__}")
    if quantity not in _WORDS:
        raise OptionError(f"quantity has to be one of {', '.join(map(repr, _WORDS))}; found {quantity!r}")
    if not watch.epochs:
        raise OptionError("watch has not looked yet: give it to a run as a callback")
    found = watch.arrays()
    title, unit = _WORDS[quantity]
    if quantity == "noise scale":
        values, layers = found["whole noise_scale"][:, np.newaxis], ["whole network"]
    else:
        values, layers = _by_layer(found, quantity)
    if not np.any(np.isfinite(values)):
        raise OptionError(f"no look saw a number for {quantity!r}")
    figure, ax = draw_in(ax, 3.6)
    draw_over_time(ax, found["epoch"], values, layers, unit, logarithmic=quantity != "flat")
    if quantity == "flat" and ax.get_yscale() == "linear" and len(layers) <= _LINES:
        ax.set_ylim(-3, 103)
    ax.set_xlabel("epoch")
    ax.set_title(title)
    return figure


def draw_over_time(
    ax: Any, times: NDArray[Any], values: NDArray[Any], layers: list[str], unit: str, *, logarithmic: bool
) -> None:
    """Draw a line for each layer; of many layers colours, by layer and time.

    `values` has the shape (times, layers).
    """
    values = np.where(np.isfinite(values) & ((values > 0) | (not logarithmic)), values, np.nan)
    if values.shape[1] <= _LINES:
        for k, name in enumerate(layers):
            style: dict[str, Any] = {"marker": MARKERS[k], "markersize": 4, "color": PALETTE[k], "linestyle": DASHES[k]}
            ax.plot(times, values[:, k], label=name, **style)
        if logarithmic:
            log_upright(ax)
        ax.set_ylabel(unit)
        ax.grid(alpha=0.3, which="both")
        ax.legend()
    else:
        shown = np.log10(values) if logarithmic else values
        places = np.arange(1, len(layers) + 1)
        drawn = ax.pcolormesh(times, places, shown.T, cmap="viridis", shading="nearest", rasterized=True)
        ax.get_figure(root=True).colorbar(drawn, ax=ax, label=f"log10 of the {unit}" if logarithmic else unit)
        step = -(-len(layers) // 10)
        ax.set_yticks(places[::step], layers[::step])
    ax.locator_params(axis="x", integer=True)


def _by_layer(found: dict[str, NDArray[Any]], quantity: str) -> tuple[NDArray[Any], list[str]]:
    """The values that there are, and the names of their layers."""
    if quantity == "flat":
        # The outputs are the loss's own matter: a flat part there is where it is right.
        both = np.stack([found["saturated"], found["dead"]])[:, :, :-1]
        values = 100 * np.where(np.isnan(both[0]), both[1], both[0])
    else:
        values = found["sensitivity" if quantity == "sensitivities" else "moved"]
    kept = np.any(np.isfinite(values), axis=0)
    return values[:, kept], [f"layer {k + 1}" for k in np.flatnonzero(kept)]
