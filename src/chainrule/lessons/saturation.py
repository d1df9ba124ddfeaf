"""The lesson `saturation`: an output unit that is sure and wrong, with squared error and with cross-entropy.

The example of the chapter on slow learning: one sigmoid unit, two inputs that it should turn round.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import nn, optim
from chainrule.differentiate import value_and_grad
from chainrule.inspection import Backprop, backprop, diagnose
from chainrule.lessons import figures_saturation
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Options, Section, Table
from chainrule.lessons.numerals import numeral
from chainrule.nn import Parameters
from chainrule.train import TrainState, fit

__all__ = ["lesson"]

Array = NDArray[np.float64]

_NETWORK = nn.Network.of(1, output="sigmoid")
_X = np.array([[-1.0], [1.0]])
_T = (1 - _X) / 2
#: Names of the losses, as readers and as chainrule know them.
_LOSSES = {"squared error": "squared", "cross-entropy": "binary_cross_entropy"}
_SQUARED, _ENTROPY = _LOSSES
_RATE, _FAST = 0.5, 2.0
#: A run has learned when the output for x = 1, whose target is 0, is below this.
_LEARNED = 0.2
_STARTS = (1, 3, 5, 7)
#: Steps that a figure shows, and more than the slowest run takes.
_SHOWN, _MOST = 250, 3000


def lesson(options: Options) -> Lesson:
    """Run the lesson.

    Parameters
    ----------
    options : Options
        The seed moves the start a little: w is near 5 and b near 0.

    Returns
    -------
    Lesson
        ``numbers`` holds start, passes, cost and derivative by w, outputs and steps of the runs, and findings.

    Examples
    --------
    >>> from chainrule.lessons import Options
    >>> steps = lesson(Options()).numbers["steps"]
    >>> steps["squared error", 7], steps["cross-entropy", 7]
    (1144, 24)
    """
    rng = np.random.default_rng(options.seed)
    w, b = float(5 + rng.uniform(-0.25, 0.25)), float(rng.uniform(-0.1, 0.1))
    start = _parameters(w, b)
    runs = {(name, k): _outputs(loss, _parameters(k, 0.0)) for name, loss in _LOSSES.items() for k in _STARTS}
    numbers: dict[str, Any] = {
        "w": w,
        "b": b,
        "passes": {name: backprop(_NETWORK, _X, _T, parameters=start, loss=loss) for name, loss in _LOSSES.items()},
        "by weight": {name: _by_weight(loss) for name, loss in _LOSSES.items()},
        "outputs": runs,
        "steps": {key: _learned_after(run) for key, run in runs.items()},
        "steps at a larger rate": {
            k: _learned_after(_outputs("squared", _parameters(k, 0.0), rate=_FAST)) for k in (5, 7)
        },
        "steps from the start": {name: _learned_after(_outputs(loss, start)) for name, loss in _LOSSES.items()},
        "findings": {
            name: [str(one) for one in diagnose(_NETWORK, _X, _T, parameters=start, loss=loss).findings]
            for name, loss in _LOSSES.items()
        },
    }
    return Lesson(
        "saturation",
        "A unit that is sure and wrong",
        "People learn fastest where they were badly wrong. A sigmoid unit with squared error does the opposite: the "
        "surer it is of a wrong answer, the slower it learns. See where the derivative gets lost, and which cost "
        "brings it back.",
        (_unit(numbers), _factors(numbers), _costs(numbers), _training(numbers), _cure(numbers), _next()),
        numbers,
    )


def _parameters(w: float, b: float) -> Parameters:
    return ({"weights": np.array([[float(w)]]), "bias": np.array([b])},)


def _by_weight(loss: str) -> dict[str, Array]:
    """Cost and derivative by w, for b = 0."""
    objective = nn.objective(_NETWORK, loss)
    differentiated = value_and_grad(lambda p: objective(p, ({},), _X, _T)[0])
    weights = np.arange(-400, 801, 2) / 100
    found = [differentiated(_parameters(w, 0.0)) for w in weights]
    return {
        "w": weights,
        "cost": np.array([cost for cost, _ in found]),
        "derivative": np.array([gradient[0]["weights"].item() for _, gradient in found]),
    }


def _outputs(loss: str, start: Parameters, rate: float = _RATE) -> Array:
    """The output for x = 1 at the start and after each step of gradient descent."""
    found: list[float] = []

    def look(state: TrainState) -> bool:
        found.append(_output(state.parameters))
        return found[-1] < _LEARNED and len(found) >= _SHOWN

    fit(_NETWORK, start, loss, _X, _T, optimizer=optim.sgd(rate), epochs=_MOST, callbacks=[look])
    return np.array([_output(start), *found])


def _output(parameters: Parameters) -> float:
    return float(_NETWORK.apply(parameters, ({},), _X)[0][1, 0])


def _learned_after(outputs: Array) -> int:
    return int(np.flatnonzero(outputs < _LEARNED)[0])


def _unit(numbers: dict[str, Any]) -> Section:
    w, b = numbers["w"], numbers["b"]
    seen: Backprop = numbers["passes"][_SQUARED]
    low, high = (float(a) for a in seen.layers[0].activations[:, 0])
    return Section(
        "The unit and its mistake",
        (
            "One unit, one input, one weight and one bias. It is to turn its input round: for x = −1 the answer should "
            "be 1, and for x = 1 it should be 0.",
            Formula("a = σ(w x + b),   σ(s) = 1 / (1 + exp(−s))"),
            Formula("t = (1 − x) / 2"),
            "To make it as wrong as can be, start with a large positive weight.",
            Claim(
                f"With w = {w:.2f} and b = {numeral(b, 2)} the unit answers {low:.3f} where 1 is wanted, and "
                f"{high:.3f} where 0 is wanted: it is sure, and wrong, about both.",
                low < 0.02 and high > 0.98,
            ),
        ),
    )


def _factors(numbers: dict[str, Any]) -> Section:
    passes: dict[str, Backprop] = numbers["passes"]
    rows = tuple(
        (
            name,
            f"{_X[k, 0]:.0f}".replace("-", "−"),
            *(numeral(float(one[k, 0])) for one in (layer.activations, layer.back, layer.slope, layer.sensitivities)),
        )
        for name, layer in ((name, seen.layers[0]) for name, seen in passes.items())
        for k in range(2)
    )
    squared, entropy = (seen.layers[0] for seen in passes.values())
    back, slope, small, large = (
        float(one[1, 0]) for one in (squared.back, squared.slope, squared.sensitivities, entropy.sensitivities)
    )
    error = float(squared.activations[1, 0])
    by_weight, by_bias = (
        [float(layer.gradients[name].item()) for layer in (squared, entropy)] for name in ("weights", "bias")
    )
    return Section(
        "Where the derivative goes",
        (
            "What moves the weight is the sensitivity δ, the derivative of the loss by the signal s = w x + b. By the "
            "chain rule it is a product: what the loss says about the activation, times the slope of the sigmoid "
            "there.",
            Formula("δ = ∂ℓ/∂a · σ′(s),   σ′(s) = a (1 − a)"),
            Table(
                "One backward pass at the start",
                ("loss", "x", "a", "∂ℓ/∂a", "σ′(s)", "δ"),
                rows,
            ),
            Claim(
                f"With squared error the first factor is {numeral(back)}, nearly as large as it can get, since the "
                f"error is {numeral(error)}. The second, the slope, is {numeral(slope)}, and the product is small "
                f"because of it: δ = {numeral(small)}.",
                back > 1.9 and slope < 0.01 and small < 0.02,
            ),
            Claim(
                f"With cross-entropy δ is {numeral(large)}, the error itself, and {large / small:.0f} times as large "
                "as with squared error.",
                abs(large - error) < 1e-12 and large > 50 * small,
            ),
            Claim(
                f"The mean over both examples is dC/dw = {numeral(by_weight[0])} with squared error and "
                f"{numeral(by_weight[1])} with cross-entropy. Of the bias there is little to be said: the examples "
                f"pull it in opposite directions, and dC/db is {numeral(by_bias[0], 2)} and {numeral(by_bias[1], 2)}.",
                0 < by_weight[0] < 0.03
                and by_weight[1] > 0.98
                and all(abs(b) < 0.2 * w for b, w in zip(by_bias, by_weight, strict=True)),
            ),
            "A unit whose slope is this small is called saturated. The sigmoid is flat on both sides, and it does not "
            "know which side is the right one. `chainrule.diagnose` looks for just this:",
            Claim(
                f"With squared error it reports: “{_sentence(numbers['findings'][_SQUARED])}”",
                any("flat" in one for one in numbers["findings"][_SQUARED]),
            ),
            Claim(
                "With cross-entropy it finds nothing wrong with the slopes: the sensitivity does not contain one.",
                not any("flat" in one for one in numbers["findings"][_ENTROPY]),
            ),
        ),
    )


def _sentence(findings: list[str]) -> str:
    return findings[0].replace("\n", " ").rstrip(".") + "." if findings else "nothing."


def _costs(numbers: dict[str, Any]) -> Section:
    by_weight = numbers["by weight"]
    w = by_weight[_SQUARED]["w"]
    at = {k: int(np.flatnonzero(np.isclose(w, k))[0]) for k in (-4, -1, 2, 5, 8)}
    rows = tuple(
        (
            f"{k}".replace("-", "−"),
            *(numeral(float(by_weight[name][what][place])) for name in _LOSSES for what in ("cost", "derivative")),
        )
        for k, place in at.items()
    )
    squared, entropy = (by_weight[name] for name in _LOSSES)
    peak = int(np.argmax(squared["derivative"]))
    worst = 1 / (1 + np.exp(-w[peak]))
    fall = squared["derivative"][at[2]] / squared["derivative"][at[8]]
    return Section(
        "The cost, seen from the weight",
        (
            "Keep b at 0 and slide w from −4, where the unit is right, to 8, where it is hopelessly wrong. The cost is "
            "the mean over both examples; descent follows its derivative.",
            Table(
                "Cost C and its derivative C′ by w, for b = 0",
                ("w", "C, squared", "C′, squared", "C, cross-entropy", "C′, cross-entropy"),
                rows,
            ),
            Figure(
                "Cost and derivative by the weight",
                lambda: figures_saturation.costs(by_weight),
                "Two plots over the weight from minus 4 to 8. Above, the squared cost climbs and levels off at 1, "
                "while the cross-entropy goes on rising in a straight line. Below, the derivative of the squared cost "
                "is a hump around 0.7 that falls to nothing on the right; that of the cross-entropy rises to 1 and "
                "stays.",
            ),
            Claim(
                f"The squared cost is steepest at w = {w[peak]:.2f}, where the wrong answer is only {worst:.2f}: there "
                f"the derivative is {squared['derivative'][peak]:.3f}. Farther out there is more to learn, and less "
                "slope to learn it by.",
                abs(w[peak] - np.log(2)) < 0.03 and bool(np.all(np.diff(squared["derivative"][peak:]) < 0)),
            ),
            Claim(
                f"From w = 2 to w = 8 its derivative falls to one part in {fall:.0f}; that of the cross-entropy rises "
                f"from {entropy['derivative'][at[2]]:.2f} to {entropy['derivative'][at[8]]:.2f}.",
                fall > 100 and entropy["derivative"][at[8]] > entropy["derivative"][at[2]],
            ),
            Claim(
                "The derivative of the cross-entropy grows with w over the whole range: the more wrong the unit is, "
                "the harder it is pulled.",
                bool(np.all(np.diff(entropy["derivative"]) > 0)),
            ),
        ),
    )


def _training(numbers: dict[str, Any]) -> Section:
    steps, here = numbers["steps"], numbers["steps from the start"]
    rows = tuple((str(k), *(steps[name, k] for name in _LOSSES)) for k in _STARTS)
    fast = numbers["steps at a larger rate"]
    slower = steps[_SQUARED, 7] / steps[_SQUARED, 5]
    more = [steps[_ENTROPY, k + 2] - steps[_ENTROPY, k] for k in _STARTS[:-1]]
    return Section(
        "Training from there",
        (
            f"Now gradient descent on both examples, with a rate of {_RATE} for both costs, until the answer for x = 1 "
            f"is below {_LEARNED}.",
            Claim(
                f"From w = {numbers['w']:.2f} and b = {numeral(numbers['b'], 2)} it takes {here[_SQUARED]} steps with "
                f"squared error and {here[_ENTROPY]} with cross-entropy.",
                here[_SQUARED] > 5 * here[_ENTROPY],
            ),
            Table("Steps from other starts, with b = 0", ("start at w", *_LOSSES), rows),
            Figure(
                "The wrong answer as it is unlearned",
                lambda: figures_saturation.training(numbers["outputs"], tuple(_LOSSES), _STARTS[:-1], _SHOWN, _LEARNED),
                "Two plots of the output for x = 1 by steps, one for each cost, with lines from w = 1, 3 and 5. With "
                "squared error the line from 5 stays near 1 for most of the plot and then drops; with cross-entropy "
                "all three fall at once.",
            ),
            Claim(
                f"With squared error the run from w = 7 takes {slower:.1f} times as long as that from w = 5. In the "
                "flat part the slope is close to exp(−w), so two units of weight should cost a factor of exp(2), which "
                "is 7.4, in the limit.",
                5 < slower < 9,
            ),
            Claim(
                f"With cross-entropy every two units of weight cost {_few(more)} steps more: there the derivative is "
                f"close to 1, and a step is close to {_RATE}.",
                all(4 <= one <= 5 for one in more),
            ),
            Claim(
                f"A larger rate does not change the picture. At {_FAST:.0f} in place of {_RATE}, squared error takes "
                f"{fast[5]} steps from w = 5 and {fast[7]} from w = 7: fewer, and again {fast[7] / fast[5]:.1f} times "
                "as many.",
                fast[5] < steps[_SQUARED, 5] and 5 < fast[7] / fast[5] < 9,
            ),
        ),
    )


def _few(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _cure(numbers: dict[str, Any]) -> Section:
    layer = numbers["passes"][_ENTROPY].layers[0]
    largest = float(np.max(np.abs(layer.back * layer.slope - (layer.activations - _T))))
    return Section(
        "Why cross-entropy has no slope in it",
        (
            "Because its own derivative has the slope in the denominator. It is steep exactly where the sigmoid is "
            "flat:",
            Formula("∂ℓ/∂a = (a − t) / (a (1 − a))"),
            Formula("δ = ∂ℓ/∂a · a (1 − a) = a − t"),
            Claim(
                "In the table above the two factors multiply to a − t, to rounding "
                f"(the largest difference is {numeral(largest, 1)}).",
                largest < 1e-12,
                measured=True,
            ),
            "This is a cure for the last layer only. Cross-entropy cancels the slope of the unit that it sits on; "
            "hidden units multiply by theirs, one layer after the other, and that is the lesson `vanishing`.",
        ),
    )


def _next() -> Section:
    return Section(
        "Try next",
        (
            "Start elsewhere: `chainrule lesson saturation --seed 1`.",
            "How flat is it at w = 10? Guess first, then ask:",
            Code(
                """
import numpy as np
from chainrule import grad

def squared(w):
    return (1 / (1 + np.exp(-w)) - 0) ** 2

def entropy(w):
    return np.log(1 + np.exp(w))

for w in (5.0, 10.0):
    print(w, grad(squared)(w), grad(entropy)(w))
"""
            ),
            "A tanh unit has targets −1 and 1, and at 0 its slope is 1 in place of 1/4. Does that help one that is "
            "sure and wrong? Here it says tanh(w) where −1 is wanted:",
            Code(
                """
import numpy as np
from chainrule import grad

def squared(w):
    return (np.tanh(w) - (-1)) ** 2

print([float(grad(squared)(w)) for w in (0.0, 1.0, 2.5, 5.0)])
"""
            ),
        ),
    )
