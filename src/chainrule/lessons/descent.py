"""The lesson `descent`: the error over one weight for sign and for tanh, and the path of descent on its surface."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import optim
from chainrule.differentiate import grad
from chainrule.errors import OptionError
from chainrule.lessons import figures_descent
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Options, Section, Table
from chainrule.nn import Network
from chainrule.nn.network import Parameters
from chainrule.train import fit

__all__ = ["errors", "inputs_and_targets", "lesson", "walk"]

Array = NDArray[Any]

#: Four groups of inputs, as points on a line: their middle, how many, and their target.
_GROUPS = ((-1.5, 8, -1.0), (-0.5, 3, 1.0), (0.5, 4, -1.0), (1.5, 8, 1.0))
_SPREAD = 0.15
_SLOPE = 4.0
_LINE = np.linspace(-10, 10, 401)
_STARTS = np.linspace(-8, 8, 9)
_ALONG = (0.5, 400)
_STEPS = 2000
_FEWER = 300
#: Where descent over both weights begins: at zero, on either side of it, and far out.
_PLACES = ((0.0, 0.0), (-3.0, 0.0), (3.0, 0.0), (-6.0, 0.0))
_RATE = 0.2
_RATES = (0.025, 0.05, 0.1, 0.2, 2.0, 16.0)

_PROGRAM = """
import numpy as np
from chainrule import grad

x = np.array([-1.5, -0.5, 0.5, 1.5])
y = np.array([-1.0, 1.0, -1.0, 1.0])

def error(w, unit):
    return np.mean((unit(4 * x + w) - y) ** 2)

for unit in (np.sign, np.tanh):
    print(unit.__name__, error(1.0, unit), grad(error)(1.0, unit))
"""


def inputs_and_targets(rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw the points: inputs x and targets y, shape (examples,).

    Examples
    --------
    >>> x, y = inputs_and_targets(np.random.default_rng(0))
    >>> x.shape, sorted(set(y.tolist()))
    ((23,), [-1.0, 1.0])
    """
    counts = [count for _, count, _ in _GROUPS]
    x = np.repeat([middle for middle, _, _ in _GROUPS], counts) + rng.uniform(-_SPREAD, _SPREAD, sum(counts))
    return x, np.repeat([target for _, _, target in _GROUPS], counts)


def errors(unit: Callable[[Any], Any], x: Array, y: Array, w0: Any, w1: float = _SLOPE) -> Any:
    """E_in of a unit at each of many weights `w0`, shape (weights,)."""
    return np.mean((unit(w1 * x + np.reshape(w0, (-1, 1))) - y) ** 2, axis=1)


def walk(x: Array, y: Array, start: tuple[float, float], rate: float, steps: int) -> tuple[list[Parameters], Array]:
    """Go down from `start` = (w0, w1) over both weights; return the way and E_in at each of its points."""
    network = _network()
    way = [_parameters(*start)]
    found = fit(
        network,
        way[0],
        "squared",
        x[:, np.newaxis],
        y[:, np.newaxis],
        optimizer=optim.sgd(rate),
        epochs=steps,
        callbacks=[lambda state: way.append(state.parameters)],
    )
    last = float(errors(np.tanh, x, y, way[-1][0]["bias"], float(way[-1][0]["weights"][0, 0]))[0])
    return way, np.append(found.history.arrays()["objective"], last)


def lesson(options: Options) -> Lesson:
    """Run the lesson."""
    x, y = inputs_and_targets(np.random.default_rng(options.seed))

    def derivative(unit: Callable[[Any], Any], w0: Array) -> Array:
        # Each term of the sum depends on a weight of its own.
        found: Array = grad(lambda w: np.sum(errors(unit, x, y, w)))(w0)
        return found

    walked = _STARTS.copy()
    rate, steps = _ALONG
    for _ in range(steps):
        walked = walked - rate * derivative(np.tanh, walked)
    numbers: dict[str, Any] = {
        "x": x,
        "y": y,
        "w0": _LINE,
        "sign": errors(np.sign, x, y, _LINE),
        "tanh": errors(np.tanh, x, y, _LINE),
        "sign_slope": derivative(np.sign, _LINE),
        "tanh_slope": derivative(np.tanh, _LINE),
        "starts": _STARTS,
        "ends": walked,
        "end_errors": errors(np.tanh, x, y, walked),
        "walks": {place: walk(x, y, place, _RATE, _STEPS) for place in _PLACES},
        "rates": {rate: walk(x, y, _PLACES[0], rate, _FEWER) for rate in _RATES},
    }
    return Lesson(
        "descent",
        "Why sign cannot learn, and where descent goes",
        "The error of a unit that says yes or no is a staircase, on which no derivative shows the way. Make the unit "
        "smooth and descent can begin; where it ends depends on where it began, and on how long its steps are.",
        (_stairs(numbers), _smooth(numbers), _minima(numbers), _surface(numbers), _rates(numbers), _next()),
        numbers,
    )


def _network() -> Network:
    return Network.of(1, (), 1, output="tanh")


def _parameters(w0: float, w1: float) -> Parameters:
    return ({"weights": np.array([[w1]]), "bias": np.array([w0])},)


def _stairs(numbers: dict[str, Any]) -> Section:
    levels, count = len(np.unique(numbers["sign"].round(12))), len(numbers["x"])
    slopes = np.count_nonzero(numbers["sign_slope"])
    numbers["levels"] = levels
    try:
        fit(Network.of(1, (), 1, output="sign"), _parameters(0.0, 4.0), "squared", [[0.0]], [[1.0]], **_one_step())
    except OptionError as error:
        numbers["refusal"] = str(error)
    return Section(
        "A staircase",
        (
            f"One unit, {count} examples, each a number x with a target y of 1 or -1. The unit computes a signal "
            "from x and two weights, and says which side of 0 it is on. Most examples with x below 0 are of class "
            "-1, most above of class 1, but in the middle a few stand on the wrong side: no pair of weights gets "
            "all of them right.",
            Formula("h(x) = sign(w₀ + w₁ x)"),
            Formula("E_in = 1/N · Σₙ (h(xₙ) − yₙ)²"),
            f"Hold w₁ at {_SLOPE:g}, move w₀, and look at the error.",
            Figure(
                "The error over one weight",
                lambda: figures_descent.over_one_weight(numbers),
                "A staircase of flat steps, for sign, and a smooth curve that follows it with rounded edges, for tanh. "
                "Both have a deep trough on the left and a shallower one on the right.",
            ),
            Claim(
                f"At {len(numbers['w0'])} values of w₀ the error of sign takes {levels} different values: an "
                "example that changes sides makes a step, and between the steps nothing happens.",
                levels <= count + 1,
            ),
            Claim(
                f"Its derivative by w₀ is exactly 0 at {len(numbers['w0']) - slopes} of them. Gradient descent "
                "would take steps of length 0, wherever it stood.",
                bool(slopes == 0),
            ),
            "That is why `chainrule` refuses to train such a unit, and says what to do instead:",
            Claim(f"`{numbers.get('refusal', '')}`", "train with tanh" in numbers.get("refusal", "")),
        ),
    )


def _one_step() -> dict[str, Any]:
    return {"optimizer": optim.sgd(_RATE), "epochs": 1}


def _smooth(numbers: dict[str, Any]) -> Section:
    middle = int(np.argmin(np.abs(numbers["w0"] + _SLOPE)))
    gap = abs(numbers["tanh"][middle] - numbers["sign"][middle])
    distinct = len(np.unique(numbers["tanh"]))
    numbers["gap"] = float(gap)
    return Section(
        "The same, smooth",
        (
            "Put tanh in the place of sign. It is the sign of large signals, all but exactly, and goes smoothly "
            "from -1 to 1 where the signal is small.",
            Formula("h(x) = tanh(w₀ + w₁ x)"),
            Formula("∂E_in/∂w₀ = 2/N · Σₙ (h(xₙ) − yₙ) · (1 − h(xₙ)²)"),
            Claim(
                f"Now every one of the {distinct} values of w₀ has an error of its own, and the derivative is 0 at "
                "none.",
                distinct == len(numbers["w0"]) and bool(np.all(numbers["tanh_slope"] != 0)),
            ),
            Claim(
                f"And it is still the same question: at w₀ = {numbers['w0'][middle]:g}, in the middle of the lowest "
                f"step, the two errors are {numbers['sign'][middle]:.4f} and {numbers['tanh'][middle]:.4f}.",
                bool(gap < 0.02),
            ),
            "The factor 1 − h² is what comes through the unit on the way back. It is 1 in the middle of tanh and "
            "all but 0 far out, where the curve turns into the flat steps again: the lesson `saturation` is about "
            "that. The derivative of sign is this factor and nothing else, 0 everywhere.",
            Code(_PROGRAM),
        ),
    )


def _minima(numbers: dict[str, Any]) -> Section:
    curve, w0 = numbers["tanh"], numbers["w0"]
    inner = np.flatnonzero((curve[1:-1] < curve[:-2]) & (curve[1:-1] < curve[2:])) + 1
    numbers["minima"] = w0[inner]
    deepest = float(curve.min())
    rows = tuple(zip(*(numbers[name].tolist() for name in ("starts", "ends", "end_errors")), strict=True))
    best = int(np.count_nonzero(numbers["end_errors"] < deepest + 0.01))
    numbers["reached_deepest"] = best
    places = " and ".join(f"{place:.2f}" for place in w0[inner])
    rate, steps = _ALONG
    return Section(
        "Two valleys",
        (
            "A curve that can be walked down can be walked down into the wrong place. Where the staircase has a low "
            "step between two higher ones, the smooth curve has a valley, and a descent that starts in it stays in "
            "it.",
            Claim(
                f"The curve of tanh has {len(inner)} local minima, at w₀ = {places}; the deeper one has the error "
                f"{deepest:.3f}.",
                len(inner) >= 2,
            ),
            Table(
                f"Descent along w₀: {steps} steps at the rate {rate:g}",
                ("start", "end", "error there"),
                tuple((f"{a:g}", f"{b:.2f}", f"{c:.3f}") for a, b, c in rows),
            ),
            Claim(
                f"{best} of the {len(rows)} descents end in the deeper valley, the others do not.",
                0 < best < len(rows),
            ),
            "A derivative is the slope under one's feet and nothing else. What lies beyond the next ridge is not in "
            "it.",
        ),
    )


def _surface(numbers: dict[str, Any]) -> Section:
    rows = []
    for (a, b), (way, found) in numbers["walks"].items():
        end = way[-1][0]
        rows.append((f"({a:g}, {b:g})", f"({end['bias'][0]:.2f}, {end['weights'][0, 0]:.2f})", f"{found[-1]:.3f}"))
    ends = {place: float(found[-1]) for place, (_, found) in numbers["walks"].items()}
    middle, left, right, far = ends.values()
    last = numbers["walks"][_PLACES[-1]][0][-1][0]
    moved = float(np.hypot(last["bias"][0] - _PLACES[-1][0], last["weights"][0, 0] - _PLACES[-1][1]))
    monotone = all(bool(np.all(np.diff(found) <= 1e-12)) for _, found in numbers["walks"].values())
    surest = float(np.max(np.tanh(last["bias"] + last["weights"][0] * numbers["x"])))
    at = [way[-1][0] for way, _ in list(numbers["walks"].values())[:3]]
    sizes = [float(np.mean(np.abs(np.tanh(one["bias"] + one["weights"][0] * numbers["x"])))) for one in at]
    numbers |= {"surface_ends": ends, "sizes": sizes, "moved": moved}
    return Section(
        "From θ(0) on the surface",
        (
            "Let both weights go. The error is now a surface over the plane of w₀ and w₁, and descent a path on it. "
            "In the lecture's words: θ(0) is where it starts, and each step goes against the gradient, at right "
            "angles to the lines of equal height.",
            Formula("θ(t + 1) = θ(t) − η · ∇E_in(θ(t))"),
            Figure(
                "Paths from θ(0) = (0, 0) and from two other places",
                lambda: figures_descent.surface(_network(), numbers),
                "The error from above, in colours, over the two weights. The path from zero climbs down a short way "
                "and ends near it; two other paths end in two long valleys on the left and on the right.",
            ),
            Table(f"{_STEPS} steps at the rate {_RATE:g}", ("θ(0) = (w₀, w₁)", "end", "E_in there"), tuple(rows)),
            Claim(
                f"Each of the {len(ends)} goes down at every step, and each ends elsewhere: the one from (0, 0) at "
                f"an error of {middle:.3f}, the one from (-3, 0) at {left:.3f}, the lowest, and the one from (3, 0) "
                f"at {right:.3f}.",
                monotone and left < middle < right,
            ),
            Claim(
                f"The one from (-6, 0) has hardly moved after {_STEPS:,} steps: {moved:.2f} from where it began, at "
                f"an error of {far:.3f}. Its unit says -1 to every example, so surely that no slope is left.",
                moved < 0.2 and far > 1.8 and surest < -0.99,
            ),
            Claim(
                f"The path from (0, 0) ends at weights that hedge: the outputs there are {sizes[0]:.2f} in size on "
                f"average. Those from (-3, 0) and (3, 0) end sure of themselves, {sizes[1]:.2f} and {sizes[2]:.2f}, "
                "and pay for it with the examples that they get wrong.",
                sizes[0] < 0.7 < 0.85 < min(sizes[1:]),
            ),
        ),
    )


def _reached(found: Array, target: float) -> int | None:
    places = np.flatnonzero(found <= target)
    return int(places[0]) if len(places) else None


def _rates(numbers: dict[str, Any]) -> Section:
    walks = {rate: found for rate, (_, found) in numbers["rates"].items()}
    quiet = walks[_RATE]
    near = quiet[-1] + 0.01 * (quiet[0] - quiet[-1])
    taken = {rate: _reached(found, near) for rate, found in walks.items()}
    rises = {rate: int(np.count_nonzero(np.diff(found) > 1e-9)) for rate, found in walks.items()}
    numbers |= {"taken": taken, "rises": rises}
    first, second, third = (taken[rate] or _FEWER for rate in _RATES[:3])
    rows = tuple(
        (f"{rate:g}", str(taken[rate]) if taken[rate] is not None else "never", rises[rate], f"{walks[rate][-1]:.3f}")
        for rate in _RATES
    )
    jump, wild = walks[2.0], walks[16.0]
    return Section(
        "How long a step",
        (
            "The rate η says how far to go along the gradient. All of these start at (0, 0). The second column "
            f"counts steps until the error has come down by 99 % of the way to {quiet[-1]:.3f}, the third those on "
            "which it rose.",
            Table("Descent from (0, 0)", ("rate η", "steps", "rises", "error at the end"), rows),
            Claim(
                f"While steps are small, half the rate takes twice the steps: {third} at {_RATES[2]:g}, {second} at "
                f"{_RATES[1]:g}, {first} at {_RATES[0]:g}.",
                1.6 < second / third < 2.6 and 1.6 < first / second < 2.6,
            ),
            Claim(
                f"At the rate 2 it rises {_counted(rises[2.0])}, steps across the ridge, and ends at "
                f"{jump[-1]:.3f}, below the {quiet[-1]:.3f} of the careful ones: a long step can be luck.",
                rises[2.0] > 0 and bool(jump[-1] < quiet[-1] - 0.005),
            ),
            Claim(
                f"At the rate 16 there is no luck left: it ends at {wild[-1]:.3f}, above where it began.",
                bool(wild[-1] > wild[0]),
            ),
        ),
    )


def _counted(times: int) -> str:
    return {1: "once", 2: "twice"}.get(times, f"{times} times")


def _next() -> Section:
    return Section(
        "Try next",
        (
            "Draw other points: `chainrule lesson descent --seed 1`. Which claims would you expect to hold for "
            "every seed, and why?",
            "Start at (0, 0) with noise: in the program above, take the gradient of one example at a time, in "
            "random order. Does it stay in the valley in the middle? The lesson `digits` puts both kinds of descent "
            "side by side.",
            "A hidden layer of three units, a threshold each, can get all of these examples right. The lesson "
            "`hidden-space` shows what a hidden layer does to its inputs.",
        ),
    )
