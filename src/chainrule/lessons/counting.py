"""The lesson `counting`: what the backward pass costs beside the forward pass, and what a batch stores."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.differentiate import value_and_grad
from chainrule.inspection import Count, count
from chainrule.inspection.counting.least_seconds import least_seconds
from chainrule.jit import jit
from chainrule.lessons.figures_counting import memory_by_batch, ratio_by_share
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Options, Section, Table
from chainrule.nn import Network, objective

__all__ = ["Shape", "lesson"]

Shape = tuple[int, ...]
"""Units of every layer, inputs first."""

_EXAMPLES = 128
#: Up to a first layer that is nearly all of the work, and from two equal layers to eight.
_WIDER: tuple[Shape, ...] = ((128, 64, 64), (512, 64, 64), (4096, 64, 64))
_DEEPER: tuple[Shape, ...] = tuple((128,) * (layers + 1) for layers in (2, 4, 8))
_DIGITS: Shape = (784, 512, 512, 10)
_BATCHES = (1, 10, 100, 1000, 10_000)


def lesson(options: Options) -> Lesson:
    """Run it."""
    shapes = [_measured(shape, options.seed) for shape in (*_WIDER, *_DEEPER)]
    digits = count(_network(_DIGITS, "softmax"), _EXAMPLES, loss="cross_entropy", dtype=np.float32)
    numbers: dict[str, Any] = {"shapes": shapes, "digits": digits, "digits shape": _DIGITS}
    return Lesson(
        "counting",
        "What the backward pass costs",
        "The backward pass gives the derivative by every weight at once. It costs one to two forward passes, and which "
        "it is depends on the shape of the network. What it needs besides is memory.",
        (_products(digits), _shapes(numbers), _times(numbers), _stored(numbers), _next()),
        numbers,
    )


def _network(shape: Shape, output: str = "identity", activation: str = "tanh") -> Network:
    return Network.of(shape[0], shape[1:-1], shape[-1], activation, output)


def _measured(shape: Shape, seed: int) -> dict[str, Any]:
    """Count a shape, and measure the objective alone and with its gradient, compiled."""
    network = _network(shape)
    rng = np.random.default_rng(seed)
    parameters = network.initialize(rng)
    X, T = rng.standard_normal((_EXAMPLES, shape[0])), rng.standard_normal((_EXAMPLES, shape[-1]))
    whole, state = objective(network, "squared"), network.initial_state()

    def cost(parameters: Any, X: Any, T: Any) -> Any:
        return whole(parameters, state, X, T)[0]

    found = count(network, _EXAMPLES, loss="squared")
    forward, both = (_call(jit(f), parameters, X, T) for f in (cost, value_and_grad(cost)))
    return {
        "shape": shape,
        "share": found.pieces[0].forward.multiplications / found.forward.multiplications,
        "ratio": found.ratio,
        "multiplications": found.forward.multiplications,
        "seconds": least_seconds(forward, both, times=15),
    }


def _call(f: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    return lambda: f(*args)


def _words(shape: Shape) -> str:
    if len(set(shape)) == 1:
        return f"{len(shape) - 1} × {shape[0]}-{shape[0]}"
    return "-".join(map(str, shape))


def _products(digits: Count) -> Section:
    rows = []
    for piece in digits.pieces[:-1]:
        forward, backward = piece.forward.multiplications, piece.backward.multiplications
        rows.append((f"{piece.inputs}-{piece.units}", forward, backward, f"{piece.ratio:.2f}"))
    rows.append(("whole", digits.forward.multiplications, digits.backward.multiplications, f"{digits.ratio:.2f}"))
    layers = digits.pieces[:-1]
    return Section(
        "Three products a layer",
        (
            "Nearly all work of a dense layer is in products of matrices. With the inputs X of a batch, a row for each "
            "example, the weights W and the sensitivities Δ of its signals there are three:",
            Formula("forward:  S = X W + b"),
            Formula("backward, for its weights:  ∂C/∂W = Xᵀ Δ"),
            Formula("backward, for the layer before:  ∂C/∂X = Δ Wᵀ"),
            "Each multiplies examples × inputs × units numbers. One goes forward and two come back, so a layer costs "
            "three in all. Only the first layer has no layer before it: nobody asks how the cost changes with the "
            "data, the third product is never formed, and two are left. These are counts of the recorded graph, not of "
            "formulas:",
            Table(
                f"Multiplications, {_EXAMPLES} examples",
                ("layer", "forward", "backward", "ratio"),
                tuple(rows),
            ),
            Claim(
                f"The first layer costs {layers[0].ratio:.0f} forward passes of its own, every other layer "
                f"{layers[-1].ratio:.0f}.",
                layers[0].ratio == 2 and all(one.ratio == 3 for one in layers[1:]),
            ),
            Claim(
                "Each product of the forward pass has examples × inputs × units multiplications.",
                all(one.forward.multiplications == _EXAMPLES * one.inputs * one.units for one in layers),
            ),
        ),
    )


def _shapes(numbers: dict[str, Any]) -> Section:
    shapes = numbers["shapes"]
    widest, deepest = shapes[len(_WIDER) - 1], shapes[-1]
    enough = next(layers for layers in range(1, 1000) if 3 - 1 / layers > 2.98)
    deep = count(_network((8,) * (enough + 1)), 4, loss="squared").ratio
    sizes = [count(_network(_DIGITS), n, loss="squared").ratio for n in (1, 32, 1024)]
    numbers |= {"enough": enough, "deep": deep, "by batch": sizes}
    return Section(
        "From two to three",
        (
            "Forward and backward over forward alone is the ratio: three, less the share of the first layer in the "
            "products.",
            Formula("ratio  =  3 − first layer / all layers"),
            "A first layer that is wide, as for images, is nearly all of the work, and the whole comes close to 2. "
            "Equal layers share the work, the first one's part is 1 / layers, and the whole comes close to 3.",
            Figure(
                "The whole over the forward pass, by the first layer's share",
                lambda: ratio_by_share(shapes, [_words(one["shape"]) for one in shapes]),
                "A straight line falls from three, where the first layer has no share of the products, to two, where "
                "it has all. The counted ratios of six networks lie on it; the measured ones lie around it.",
            ),
            Claim(
                "All six counts are 3 less the first layer's share.",
                all(math.isclose(one["ratio"], 3 - one["share"]) for one in shapes),
            ),
            Claim(
                f"{_words(widest['shape'])}: the first layer has {widest['share']:.1%} of the products, and the whole "
                f"is {widest['ratio']:.2f} forward passes.",
                widest["share"] > 0.95 and widest["ratio"] < 2.05,
            ),
            Claim(
                f"{_words(deepest['shape'])}, equal layers: the first one has {deepest['share']:.1%}, and the whole is "
                f"{deepest['ratio']:.3f}; with {enough} layers it is {deep:.2f}.",
                deepest["ratio"] == 2.875 and deep > 2.98,
            ),
            Claim(
                f"The size of the batch does not matter: {_words(_DIGITS)} has {sizes[0]:.2f} with 1 example and with "
                "1,024.",
                max(sizes) - min(sizes) < 1e-12,
            ),
        ),
    )


def _times(numbers: dict[str, Any]) -> Section:
    shapes = numbers["shapes"]
    found = [one["seconds"][1] / one["seconds"][0] for one in shapes]
    rows = tuple(
        (
            _words(one["shape"]),
            f"{one['share']:.1%}",
            f"{one['ratio']:.2f}",
            f"{1e6 * one['seconds'][0]:,.0f}",
            f"{1e6 * one['seconds'][1]:,.0f}",
            f"{ratio:.2f}",
        )
        for one, ratio in zip(shapes, found, strict=True)
    )
    return Section(
        "On the clock",
        (
            "Time is not multiplications alone. Forward, there is tanh; backward, its slope 1 − a², which costs next "
            "to nothing since a is there already, and that pulls small networks below their count. Products of other "
            "shapes run at other speeds, and large arrays have to be fetched from memory. These are least times of "
            "several runs, compiled, on one thread:",
            Table(
                f"{_EXAMPLES} examples (times in µs)",
                ("network", "first layer", "counted", "forward", "both", "measured"),
                rows,
                (3, 4, 5),
            ),
            Claim(
                "On the clock too, forward and backward together took a few forward passes and not as many as there "
                f"are weights: {min(found):.1f} to {max(found):.1f}.",
                min(found) > 0.5 and max(found) < 20,
                measured=True,
            ),
        ),
    )


def _stored(numbers: dict[str, Any]) -> Section:
    digits = numbers["digits"]
    relu = count(_network(_DIGITS, "softmax", "relu"), _EXAMPLES, loss="cross_entropy", dtype=np.float32)
    hidden = sum(_DIGITS[1:-1])
    kept = [piece.stored // (4 * _EXAMPLES) for piece in digits.pieces[:-1]]
    both = [piece.stored // (4 * _EXAMPLES) for piece in relu.pieces[:-1]]
    gigabyte = 2**30
    largest = digits.batch_size(gigabyte)
    equal = next(n for n in range(1, 10**6) if n * digits.stored / _EXAMPLES > 4 * digits.parameters)
    memory = [(n, digits.stored * n // _EXAMPLES, digits.memory(n)) for n in _BATCHES]
    numbers |= {"kept": kept, "kept relu": both, "largest": largest, "memory": memory, "equal": equal}
    return Section(
        "What a batch stores",
        (
            "Look at the formulas again: Xᵀ Δ wants the inputs of each layer, which are the activations of the one "
            "before, and the slope of tanh wants the activation itself. So the forward pass cannot forget them. They "
            "are kept, for each example, until the backward pass comes by, and this is why a batch has a largest size.",
            Claim(
                f"{_words(_DIGITS)} with tanh keeps {sum(kept):,} numbers an example in its layers, one for each "
                "hidden unit: its activation.",
                sum(kept) == hidden and kept[-1] == 0,
            ),
            Claim(
                f"With relu it keeps {sum(both):,}, signal and activation: its slope is read from the signal.",
                sum(both) == 2 * hidden,
            ),
            Figure(
                "Memory of a step by size of the batch",
                lambda: memory_by_batch(digits, _BATCHES),
                "Three lines in log-log over the size of the batch: the parameters do not change, what is kept from "
                "forward for backward grows in proportion, and the memory of the whole step goes from the one to the "
                "other.",
            ),
            Table(
                f"{_words(_DIGITS)}, float32 (MiB)",
                ("examples", "kept for backward", "step at once"),
                tuple((n, f"{kept / 2**20:,.3f}", f"{whole / 2**20:,.2f}") for n, kept, whole in memory),
            ),
            Claim(
                f"From {equal:,} examples on, a batch keeps more than the {digits.parameters:,} parameters take.",
                1 < equal < 10_000,
            ),
            Claim(
                f"In 1 GiB there is room for a step of {largest:,} examples, and not for one more.",
                digits.memory(largest) <= gigabyte < digits.memory(largest + 1),
            ),
        ),
    )


def _next() -> Section:
    return Section(
        "Try next",
        (
            "Which shape has a ratio of exactly 2.5, other than two equal layers? What does a third hidden layer of 10 "
            "units change? Guess, then count:",
            Code(_CODE),
            "And `timed=True` measures each layer by itself, beside its count.",
        ),
    )


_CODE = """\
from chainrule import count, nn

print(count(nn.Network.of(784, hidden=(100, 100), outputs=10), 64, loss="squared"))"""
