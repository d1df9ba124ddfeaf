"""The lesson `single-unit`: the surface of one unit, what several build together, and the rule by which one learns."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import optim
from chainrule.inspection import backprop
from chainrule.lessons import figures_single_unit, surfaces
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Options, Section, Table
from chainrule.lessons.numerals import numeral
from chainrule.nn import Network, Parameters
from chainrule.train import fit

__all__ = ["lesson"]

Array = NDArray[np.float64]

_LENGTHS = (2.0, 4.0, 8.0)
_BITS = 11
_SIZES = (10, 20, 40, 80, 160, 320)
_RATE = 0.3
_MAJORITY, _EXCLUSIVE = "majority of all bits", "exclusive or of two bits"


def lesson(options: Options) -> Lesson:
    """Run the lesson.

    Parameters
    ----------
    options : Options
        The seed turns the surfaces, and draws the example, the bits and the starting weights.

    Returns
    -------
    Lesson
        ``numbers`` holds slopes, widths and heights of the surfaces, one update, and shares decided rightly.

    Examples
    --------
    >>> from chainrule.lessons import Options
    >>> found = lesson(Options()).numbers["shares"]
    >>> float(found["majority of all bits"][-1]) > 0.95 > float(found["exclusive or of two bits"][-1])
    True
    """
    rng = np.random.default_rng(options.seed)
    angle = rng.uniform(0.2, 1.3)
    direction = np.array([np.cos(angle), np.sin(angle)])
    sets = {
        "one unit": surfaces.cliff(direction, 4.0),
        "two units: a ridge": surfaces.ridge(direction),
        "four units: two ridges": surfaces.crossing(direction),
        "one more unit: a tower": surfaces.tower(direction),
    }
    numbers: dict[str, Any] = {
        "direction": direction,
        "cliffs": {length: surfaces.measure_cliff(direction, length) for length in _LENGTHS},
        "heights": {name: surfaces.heights(*made, direction) for name, made in list(sets.items())[1:]},
        "towers": surfaces.tower_and_hole(direction),
        "update": _update(rng),
        "by signal": _by_signal(),
        "shares": _shares(options.seed),
        "unsolved": _unsolved(options.seed),
    }
    return Lesson(
        "single-unit",
        "What one unit computes, and how it learns",
        "One unit draws one soft line. See the surface it makes, how a handful of them build ridges and towers, and "
        "the rule by which one of them learns, with the factor g′ that is easily forgotten.",
        (_surface(numbers), _together(numbers, sets), _rule(numbers), _slope(numbers), _learning(numbers), _next()),
        numbers,
    )


def _update(rng: np.random.Generator) -> dict[str, Any]:
    """One example, its quantities as the textbook calls them, and the weights after one step of training."""
    network = Network.of(2, output="sigmoid")
    parameters = ({"weights": rng.normal(size=(2, 1)), "bias": rng.normal(size=1)},)
    x, t = rng.normal(size=(1, 2)).round(1), np.array([[1.0]])
    seen = backprop(network, x, t, parameters=parameters, loss="half_squared", notation="aima")
    (layer,) = seen.arrays()
    after = fit(network, parameters, "half_squared", x, t, optimizer=optim.sgd(_RATE), epochs=1).parameters[0]
    return {
        "x": x[0],
        "before": layer["weights"][:, 0],
        "after": np.array([*after["bias"], *after["weights"][:, 0]]),
        "inputs": layer["inputs"][0],
        "signal": layer["signals"].item(),
        "activation": layer["activations"].item(),
        "error": layer["back"].item(),
        "slope": layer["slope"].item(),
        "modified error": layer["sensitivities"].item(),
        "added": _RATE * layer["gradient by weights"][:, 0],
        "residual": seen.equations().largest,
    }


def _by_signal() -> dict[str, Array]:
    """Error, slope and their product for signals from right to wrong, where the target is 0."""
    signals = np.array([0.0, 1.0, 2.0, 4.0, 6.0])
    network = Network.of(1, output="sigmoid")
    one = ({"weights": np.ones((1, 1)), "bias": np.zeros(1)},)
    X = signals[:, np.newaxis]
    layer = backprop(network, X, np.zeros((5, 1)), parameters=one, loss="half_squared").layers[0]
    found = {"activation": layer.activations, "error": layer.back, "slope": layer.slope, "product": layer.sensitivities}
    return {"signal": signals, **{name: values[:, 0] for name, values in found.items()}}


def _shares(seed: int) -> dict[str, Array]:
    """Share of all patterns of bits that are decided rightly, by target and number of examples."""
    network = Network.of(_BITS, output="sigmoid")
    every = 2.0 * (np.arange(2**_BITS)[:, np.newaxis] >> np.arange(_BITS) & 1) - 1.0
    targets = {
        _MAJORITY: (every.sum(axis=1, keepdims=True) > 0).astype(float),
        _EXCLUSIVE: (every[:, :1] * every[:, 1:2] < 0).astype(float),
    }
    order = np.random.default_rng(seed).permutation(len(every))
    settings: dict[str, Any] = {"optimizer": optim.sgd(_RATE), "epochs": 100, "batch_size": 1, "rng": seed}
    found: dict[str, Array] = {}
    for name, T in targets.items():
        shares = []
        for size in _SIZES:
            some = order[:size]
            run = fit(network, network.initialize(seed), "half_squared", every[some], T[some], **settings)
            shares.append(np.mean((surfaces.outputs(network, run.parameters, every) > 0.5) == (T[:, 0] == 1)))
        found[name] = np.array(shares)
    return found


def _unsolved(seed: int) -> Array:
    """Outputs of one unit for the four patterns of an exclusive or, trained on just these."""
    network = Network.of(2, output="sigmoid")
    X = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    T = (X[:, :1] * X[:, 1:] < 0).astype(float)
    run = fit(network, network.initialize(seed), "half_squared", X, T, optimizer=optim.sgd(_RATE), epochs=3000)
    return surfaces.outputs(network, run.parameters, X)


def _surface(numbers: dict[str, Any]) -> Section:
    cliffs = numbers["cliffs"]
    slopes, widths = (np.array([one[name] for one in cliffs.values()]) for name in ("slope", "width"))
    products = widths * np.array(_LENGTHS)
    return Section(
        "One unit is one soft cliff",
        (
            "A unit with two inputs adds them up with weights, and bends the sum. Over the plane of its inputs that is "
            "a cliff: low on one side of a line, high on the other.",
            Formula("a = σ(in),    in = w · x + b"),
            Claim(
                "Along a line at right angles to w the output does not change at all (by "
                f"{numeral(max(one['along'] for one in cliffs.values()), 1)}, which is rounding): whatever one unit "
                "does, it does in one direction.",
                all(one["along"] < 1e-12 for one in cliffs.values()),
                measured=True,
            ),
            Table(
                "How steep the cliff is, and how wide from a = 0.1 to a = 0.9",
                ("length of w", "slope on the line", "width"),
                tuple((f"{length:.0f}", one["slope"], one["width"]) for length, one in cliffs.items()),
            ),
            Claim(
                "On the line itself the output is 1/2 and the slope is a quarter of the length of w: that quarter is "
                "g′, the derivative of the sigmoid at 0, and its largest value.",
                bool(np.allclose(slopes, np.array(_LENGTHS) / 4, rtol=1e-12))
                and all(one["middle"] == 0.5 for one in cliffs.values()),
            ),
            Claim(
                f"Longer weights make a narrower cliff: width times length is {numeral(float(products.mean()))} each "
                "time. The direction of w says which way the cliff faces, the bias where it stands, the length how "
                "sharp it is.",
                bool(np.allclose(products, products[0], rtol=1e-3)),
            ),
        ),
    )


def _together(numbers: dict[str, Any], sets: dict[str, tuple[Network, Parameters]]) -> Section:
    rows = [
        (name, *(f"{abs(one[place]):.3f}" for place in ("middle", "along", "across", "corner")))
        for name, one in numbers["heights"].items()
    ]
    ridge, crossing, tower = numbers["heights"].values()
    high, low, between = (float(one) for one in numbers["towers"])
    return Section(
        "Two make a ridge, four make a tower",
        (
            "Put two cliffs face to face and add them: between the two lines both are high, outside only one is. Less "
            "a constant, that is a ridge. Two ridges at right angles add up to a cross. And one more unit, with its "
            "threshold between the arms and the place where they meet, leaves a tower.",
            Figure(
                "Cliff, ridge, crossing ridges, tower",
                lambda: figures_single_unit.surfaces(sets),
                "Four surfaces over two inputs: a step from 0 to 1 along a slanted line; a ridge between two lines; "
                "two ridges that cross at right angles, twice as high where they meet; and a single tower in the "
                "middle.",
            ),
            Table(
                "Outputs in the middle, 2 away along the first ridge, 2 away across it, and 2 away both ways",
                ("network", "middle", "along", "across", "both"),
                tuple(rows),
            ),
            Claim(
                f"The ridge is {ridge['middle']:.2f} high in the middle and {ridge['along']:.2f} farther along, and "
                f"beside it there is nothing: {abs(ridge['across']):.2f}.",
                ridge["along"] > 0.95 and abs(ridge["across"]) < 0.01,
            ),
            Claim(
                f"Where the ridges cross the sum is {crossing['middle']:.2f}, on the arms {crossing['along']:.2f}: no "
                "addition alone gets rid of the arms.",
                crossing["middle"] > 1.9 and 0.95 < crossing["along"] < 1.05 and 0.95 < crossing["across"] < 1.05,
            ),
            Claim(
                f"The unit on top does: {tower['middle']:.3f} in the middle, "
                f"{max(tower['along'], tower['across']):.3f} on what were the arms.",
                tower["middle"] > 0.98 and max(tower["along"], tower["across"], tower["corner"]) < 0.01,
            ),
            Claim(
                f"A second hidden layer adds towers: with one of height 1 and one of −1/2, the output is {high:.2f} on "
                f"the first, {numeral(low, 2)} on the second and {abs(between):.2f} between them.",
                abs(high - 1) < 0.02 and abs(low + 0.5) < 0.02 and abs(between) < 0.02,
            ),
            "Enough towers, fine enough, stand in for any continuous function on a square. These were put there by "
            "hand, though. The rest of this lesson is how one unit finds its own weights.",
        ),
    )


def _rule(numbers: dict[str, Any]) -> Section:
    one = numbers["update"]
    off = float(np.max(np.abs(one["after"] - one["before"] - one["added"])))
    values = [numeral(one[name], 4) for name in ("signal", "activation", "error", "slope", "modified error")]
    return Section(
        "The single-layer rule",
        (
            "The loss of one example is half its squared error, Err = t − a. The weight wⱼ enters through in, in "
            "through g, and the chain rule says the rest:",
            Formula("ℓ = ½ Err²,    −∂ℓ/∂wⱼ = Err · g′(in) · xⱼ"),
            Formula("wⱼ ← wⱼ + α · Err · g′(in) · xⱼ"),
            "Nobody has to type that rule. It is the derivative of the unit's graph, and `chainrule.backprop` reads it "
            "out in the words of the textbook, where Δ = Err · g′(in) carries the sign that is added.",
            Table(
                f"One example: x = ({numeral(one['x'][0])}, {numeral(one['x'][1])}), target 1",
                ("in", "a", "Err", "g′(in)", "Δ"),
                (tuple(values),),
            ),
            Claim(
                "The equations of the rule hold for these numbers to rounding (largest residual "
                f"{numeral(one['residual'], 1)}).",
                one["residual"] < 1e-12,
                measured=True,
            ),
            Claim(
                f"One step of training at the rate α = {_RATE} adds ({_vector(one['added'])}) to bias and weights: the "
                "numbers of the rule, the bias being the weight of an input that is always 1.",
                off < 1e-12,
            ),
        ),
    )


def _vector(values: Array) -> str:
    return ", ".join(numeral(float(value)) for value in values)


def _slope(numbers: dict[str, Any]) -> Section:
    found = numbers["by signal"]
    product, error = found["product"], found["error"]
    rows = tuple(
        (f"{signal:.0f}", *(f"{found[name][k]:.4f}" for name in ("error", "slope", "product")))
        for k, signal in enumerate(found["signal"])
    )
    return Section(
        "What the factor g′ does",
        (
            "The rule of the perceptron has no g′ in it, and it is tempting to leave it out here too. But then the "
            "step is not the gradient of the squared error any more. What it does can be read off a unit that should "
            "say 0 and has the signal in:",
            Table("Target 0: error, slope and how far the rule goes", ("in", "error", "g′(in)", "error · g′"), rows),
            Claim(
                f"From in = 1 on the error grows, from {error[1]:.2f} to {error[-1]:.2f}, and the step shrinks, from "
                f"{product[1]:.3f} to {product[-1]:.4f}: the rule listens less to a unit that is surer, even where it "
                "is wrong.",
                bool(np.all(np.diff(error[1:]) > 0) and np.all(np.diff(product[1:]) < 0)),
            ),
            "For a few stray examples that is a virtue: they cannot pull the weights far. For a unit that starts on "
            "the wrong side it is a trap, and the lesson `saturation` goes into it and out again.",
        ),
    )


def _learning(numbers: dict[str, Any]) -> Section:
    shares = numbers["shares"]
    majority, exclusive = shares[_MAJORITY], shares[_EXCLUSIVE]
    outputs = numbers["unsolved"]
    wrong = float(np.mean((outputs - np.array([0, 1, 1, 0])) ** 2) / 2)
    return Section(
        "What one unit can learn",
        (
            f"Now the rule at work, one example at a time. The inputs are {_BITS} bits, each −1 or 1. One target is "
            "what most of the bits say; the other, whether the first two differ. How many of all 2048 patterns are "
            "decided rightly, after learning from a few?",
            Figure(
                "Learning from more examples",
                lambda: figures_single_unit.curves(shares, _SIZES),
                "Share of all patterns decided rightly by the number of examples learned from. The line of the "
                "majority climbs to 1; that of the exclusive or goes up and down between one half and three quarters.",
            ),
            Claim(
                f"The majority is learned: {majority[0]:.0%} right after {_SIZES[0]} examples, {majority[-1]:.1%} "
                f"after {_SIZES[-1]}, less than a sixth of all patterns.",
                majority[-1] > 0.98 and majority[-1] > majority[0] and 6 * _SIZES[-1] < 2**_BITS,
            ),
            Claim(
                f"The exclusive or is not: never more than {max(exclusive):.0%} right, and {exclusive[-1]:.0%} in the "
                "end. A single line gets at most three of the four corners, which would be 75%.",
                bool(max(exclusive) <= 0.75),
            ),
            Claim(
                f"Trained on just those four corners the unit answers {_range(outputs)} to all of them, and stays at a "
                f"mean loss of {wrong:.3f}: the best it can do is not to know.",
                bool(np.all(np.abs(outputs - 0.5) < 0.01)) and abs(wrong - 0.125) < 1e-3,
            ),
            "What does it take? A line on each side, and somebody to add them up. That is the lesson `hidden-space`.",
        ),
    )


def _range(values: Array) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"


def _next() -> Section:
    return Section(
        "Try next",
        (
            "Turn the surfaces: `chainrule lesson single-unit --seed 1`.",
            "Build a tower and a hole of your own, and ask for the height anywhere:",
            Code(
                """
import numpy as np
from chainrule.lessons.surfaces import towers

places = np.array([[-1.0, 0.0], [1.0, 0.5]])
network, parameters = towers(places, np.array([1.0, -0.5]), np.array([1.0, 0.0]))
points = np.array([*places, [0.0, 2.0]])
print(network.apply(parameters, network.initial_state(), points)[0])
"""
            ),
            "See the rule in the words of the textbook, for an example of your own:",
            Code(
                """
import numpy as np
from chainrule import backprop, nn

unit = nn.Network.of(2, output="sigmoid")
x, t = np.array([[1.0, -2.0]]), np.array([[1.0]])
seen = backprop(unit, x, t, parameters=unit.initialize(0), loss="half_squared")
print(seen.as_in("aima"))
"""
            ),
            "Which of the sixteen functions of two bits can one unit learn? Write them down, mark the four corners of "
            "a square with the answers, and try to part them with a ruler. Two of the sixteen resist.",
        ),
    )
