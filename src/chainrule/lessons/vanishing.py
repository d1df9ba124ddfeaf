"""The lesson `vanishing`: what is left of the sensitivities on the way back through many layers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.inspection import backprop, diagnose
from chainrule.lessons import figures_vanishing, ladder
from chainrule.lessons.changes import changes
from chainrule.lessons.ladder import DEPTH, STEPS
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Options, Section, Table
from chainrule.lessons.numerals import numeral
from chainrule.nn import Dense, Network, Parameters

__all__ = ["lesson"]

Array = NDArray[np.float64]

_UNITS = 8
_LARGE = 8.0
#: Activations with the initialiser that suits them; and all that are tried.
_ACTIVATIONS = {"sigmoid": "glorot_uniform", "tanh": "glorot_uniform", "relu": "he"}
_INITIALIZERS = {"uniform": "1/√inputs", "glorot_uniform": "Glorot", "he": "He"}


def lesson(options: Options) -> Lesson:
    """Run the lesson.

    Parameters
    ----------
    options : Options
        The seed draws the weights of the chain, the images, and the starts.

    Returns
    -------
    Lesson
        ``numbers`` holds the chains, the deep networks at their start, and what each change did to learning.

    Examples
    --------
    >>> from chainrule.lessons import Options
    >>> found = lesson(Options()).numbers["ratios"]
    >>> found["sigmoid", "glorot_uniform"] < 1e-4 < 0.05 < found["tanh", "glorot_uniform"]
    True
    """
    rng = np.random.default_rng(options.seed)
    data = ladder.digits(options.seed)
    large = np.full(_UNITS, _LARGE)
    numbers: dict[str, Any] = {
        "chain": _chain(rng.normal(size=_UNITS), rng.normal(size=_UNITS)),
        # The first signal is 8 x - 8, the others 8/2 - 4: all 0, where the sigmoid is steepest.
        "balanced": _chain(large, np.array([-_LARGE, *[-_LARGE / 2] * (_UNITS - 1)])),
        "unbalanced": _chain(large, np.zeros(_UNITS)),
        "deep": {name: _deep(name, weights, options.seed, data) for name, weights in _ACTIVATIONS.items()},
        "ratios": {
            (name, weights): _ratio(name, weights, options.seed, data)
            for name in _ACTIVATIONS
            for weights in _INITIALIZERS
        },
        "climbed": [ladder.climb(rung, data, options.seed) for rung in STEPS],
    }
    return Lesson(
        "vanishing",
        "What is left of the sensitivity, layer by layer",
        "For twenty years networks with many layers would not learn, and the backward pass says why: on its way to the "
        "first layer the sensitivity is multiplied by two factors a layer. See them shrink it, and see what each of "
        "the ideas that mended this does to the numbers.",
        (
            _chains(numbers),
            _explode(numbers),
            _layers(numbers),
            _starts(numbers),
            *changes(numbers["climbed"]),
            _next(),
        ),
        numbers,
    )


def _chain(weights: Array, bias: Array) -> dict[str, Array]:
    """Sigmoid units one after the other, on x = 1 with target 0: one number for each, from first to last."""
    network = Network.of(1, hidden=(1,) * (_UNITS - 1), activation="sigmoid", output="sigmoid")
    parameters = tuple({"weights": np.array([[w]]), "bias": np.array([b])} for w, b in zip(weights, bias, strict=True))
    seen = backprop(network, np.ones((1, 1)), np.zeros((1, 1)), parameters=parameters, loss="half_squared")
    return {
        "weight": weights,
        "slope": np.array([layer.slope.item() for layer in seen.layers]),
        "sensitivity": np.array([layer.sensitivities.item() for layer in seen.layers]),
    }


def _start(activation: str, weights: str, seed: int) -> tuple[Network, Parameters]:
    network = Network(64, (*ladder.deep(activation, weights), Dense(10, "softmax")))
    return network, network.initialize(seed)


def _deep(activation: str, weights: str, seed: int, data: tuple[Array, ...]) -> dict[str, Array]:
    """Sensitivities by layer with the two factors between a layer and the next, as diagnosis measures them."""
    network, parameters = _start(activation, weights, seed)
    return diagnose(network, data[0], data[1], parameters=parameters, loss="cross_entropy").arrays()


def _ratio(activation: str, weights: str, seed: int, data: tuple[Array, ...]) -> float:
    found = ladder.sizes(*_start(activation, weights, seed), *data[:2])
    return float(found[0] / found[-1])


def _chains(numbers: dict[str, Any]) -> Section:
    chain = numbers["chain"]
    slopes, weights, sensitivities = chain["slope"], chain["weight"], chain["sensitivity"]
    factors = weights[1:] * slopes[:-1]
    ratio = float(sensitivities[0] / sensitivities[-1])
    bound = float(np.prod(np.abs(weights[1:])) / 4 ** (_UNITS - 1))
    rows = tuple(
        (
            str(k + 1),
            f"{weights[k]:.2f}".replace("-", "−"),
            f"{slopes[k]:.3f}",
            f"{factors[k]:.3f}".replace("-", "−") if k < _UNITS - 1 else "",
            numeral(float(sensitivities[k]), 2),
        )
        for k in reversed(range(_UNITS))
    )
    return Section(
        "A chain of single units",
        (
            f"Take {_UNITS} sigmoid units, one after the other, each with one weight and one bias drawn from the "
            "normal distribution. A sensitivity passes from unit k + 1 to unit k through the weight between them, and "
            "is then multiplied by the slope of unit k.",
            Formula("δₖ = σ′(sₖ) · wₖ₊₁ · δₖ₊₁"),
            Table(
                "The way back: the factor is σ′(s) times the next w",
                ("unit", "w", "σ′(s)", "factor", "δ"),
                rows,
            ),
            Claim(
                f"No slope is above 1/4, the largest here is {numeral(float(slopes.max()))}; so a factor reaches 1 "
                "only where the weight is at least 4 in size.",
                bool(np.all(slopes <= 0.25)),
            ),
            Claim(
                f"The sensitivity of the first unit is {numeral(abs(ratio), 2)} of that of the last: the product of "
                f"the {_UNITS - 1} factors. With slopes of 1/4 throughout, the most there can be, these weights would "
                f"leave {numeral(bound, 2)}.",
                bool(np.isclose(ratio, np.prod(factors), rtol=1e-9)) and abs(ratio) <= bound < 0.1,
            ),
        ),
    )


def _explode(numbers: dict[str, Any]) -> Section:
    grown, faded = (
        float(numbers[name]["sensitivity"][0] / numbers[name]["sensitivity"][-1]) for name in ("balanced", "unbalanced")
    )
    return Section(
        "Larger weights?",
        (
            f"If a factor is too small, make the weight larger: {_LARGE:.0f} in every unit, so that weight times slope "
            "can be 2.",
            Claim(
                "With biases that put every signal at 0, where the slope is 1/4, the sensitivity doubles from unit to "
                f"unit. In the first it is {grown:.0f} times that of the last: it explodes.",
                abs(grown - 2 ** (_UNITS - 1)) < 1e-6,
            ),
            Claim(
                "With biases of 0 the same weights drive the signals into the flat part of the sigmoid, and "
                f"{numeral(faded, 1)} is left.",
                faded < 1e-10,
            ),
            "A product of many factors is hardly ever near 1 by luck. Keeping it there is what the rest of this lesson "
            "is about.",
        ),
    )


def _layers(numbers: dict[str, Any]) -> Section:
    deep = numbers["deep"]
    sigmoid = deep["sigmoid"]
    by_weights, by_slopes = (
        {name: found[key][:-1] for name, found in deep.items()} for key in ("by_weights", "by_activation")
    )
    ratio = {name: float(found["sensitivity"][0] / found["sensitivity"][-1]) for name, found in deep.items()}
    mean = {
        name: tuple(float(np.exp(np.mean(np.log(factor[name])))) for factor in (by_weights, by_slopes)) for name in deep
    }
    product = float(np.prod(by_weights["sigmoid"] * by_slopes["sigmoid"]))
    return Section(
        "The same in a real network",
        (
            f"Now {DEPTH} hidden layers of 32 units between the 64 pixels of a digit and ten outputs, as they start. "
            "Sensitivities are vectors here, and their size is a root mean square over examples and units. It still "
            "changes by two factors a layer: what the next layer's weights make of it, and what the slopes then do.",
            Table(
                "First layer over last, and the factors of one layer, as geometric means",
                ("activation", "first / last", "weights", "slopes"),
                tuple((name, numeral(ratio[name], 2), *(f"{one:.2f}" for one in mean[name])) for name in deep),
            ),
            Figure(
                "Sensitivities by layer, and the factor of the slopes",
                lambda: figures_vanishing.layers(
                    {name: found["sensitivity"] for name, found in deep.items()}, by_slopes
                ),
                "Two plots by layer. Above, on a logarithmic axis, the line of the sigmoid falls by some five powers "
                "of ten from the last layer to the first, while tanh and relu stay within a factor of ten. Below, the "
                "slopes of the sigmoid contribute a factor just under 1/4 in every layer, relu about 0.7, tanh nearly "
                "1.",
            ),
            Claim(
                f"Of the sigmoid's sensitivities {numeral(ratio['sigmoid'], 2)} are left in the first layer, with tanh "
                f"{numeral(ratio['tanh'], 2)} and with relu {numeral(ratio['relu'], 2)}.",
                ratio["sigmoid"] < 1e-4 and ratio["tanh"] > 0.05 and ratio["relu"] > 0.05,
            ),
            Claim(
                f"It is the slopes that do it. A layer's weights multiply by {mean['sigmoid'][0]:.2f} on average, "
                f"which could be lived with; its slopes by {mean['sigmoid'][1]:.2f}, and in no layer by more than 1/4.",
                0.5 < mean["sigmoid"][0] < 2 and bool(np.all(by_slopes["sigmoid"] <= 0.25)),
            ),
            Claim(
                f"Multiplied over all layers, the two factors give {numeral(product, 2)}: there is nothing else that "
                "sensitivities get lost by.",
                bool(np.isclose(product, ratio["sigmoid"], rtol=1e-9))
                and bool(np.all(sigmoid["sensitivity"][:-1] < sigmoid["sensitivity"][1:])),
            ),
        ),
    )


def _starts(numbers: dict[str, Any]) -> Section:
    ratios = numbers["ratios"]
    best = max(ratios["sigmoid", weights] for weights in _INITIALIZERS)
    gain = ratios["relu", "he"] / ratios["relu", "uniform"]
    return Section(
        "Starting weights",
        (
            "Weights should neither shrink nor blow up what passes through them. Drawn between ±1/√inputs, as was the "
            "habit, they shrink it by a factor of √3 a layer. Glorot and Bengio chose the variance so that it stays; "
            "He and others doubled it for relu, which lets only half of the signals through.",
            Table(
                "First layer over last, by activation and initialiser",
                ("activation", *_INITIALIZERS.values()),
                tuple(
                    (name, *(numeral(ratios[name, weights], 2) for weights in _INITIALIZERS)) for name in _ACTIVATIONS
                ),
            ),
            Claim(
                f"For relu, He's weights bring back a factor of {gain:.0f}; for tanh, Glorot's bring back "
                f"{ratios['tanh', 'glorot_uniform'] / ratios['tanh', 'uniform']:.0f}.",
                gain > 50 and ratios["tanh", "glorot_uniform"] > 5 * ratios["tanh", "uniform"],
            ),
            Claim(
                f"For the sigmoid none of them is a cure: the best leaves {numeral(best, 2)}.",
                best < 1e-3,
            ),
        ),
    )


def _next() -> Section:
    return Section(
        "Try next",
        (
            "Other weights, digits and starts: `chainrule lesson vanishing --seed 1`.",
            "How deep can tanh go? Make it 30 layers, with either initialiser, and let the diagnosis speak:",
            Code(
                """
import chainrule
from chainrule import nn

X, T = chainrule.data.xor()
for weights in ("uniform", "glorot_uniform"):
    layers = [nn.Dense(32, "tanh", weights=weights)] * 30
    deep = nn.Network(2, (*layers, nn.Dense(1, "sigmoid")))
    options = {"parameters": deep.initialize(0), "loss": "binary_cross_entropy"}
    for finding in chainrule.diagnose(deep, X, T, **options).findings:
        print(weights, finding)
"""
            ),
            "And where is the limit of the chain? Look for the weight at which a sensitivity passes through thirty "
            "units unchanged, every signal at 0:",
            Code(
                """
import numpy as np
from chainrule import grad

def chain(bias, weight):
    a = 1 / (1 + np.exp(-bias))
    for unit in range(30):
        a = 1 / (1 + np.exp(-weight * (a - 0.5)))
    return a

for weight in (3.0, 4.0, 5.0):
    print(weight, grad(chain)(0.0, weight))
"""
            ),
        ),
    )
