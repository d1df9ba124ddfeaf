"""The lesson `numerical`: the same derivative by central differences and by backpropagation."""

import math
from typing import Any

import numpy as np

from chainrule.differentiate import check_gradient, grad
from chainrule.lessons.figures_numerical import error_by_step, time_by_weights
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Options, Section, Table
from chainrule.lessons.numerals import numeral
from chainrule.lessons.numerical_runs import STEP, Arm, differences, measured_arm, point, timed
from chainrule.lessons.vectors import Vector
from chainrule.nn import Network

__all__ = ["lesson"]

#: Networks whose gradients are timed, by their hidden units.
_UNITS = (4, 32, 128)


def lesson(options: Options) -> Lesson:
    """Run it."""
    rng = np.random.default_rng(options.seed)
    at = point(rng)
    cost, weights = at.cost(np.float64), at.weights(np.float64)
    numbers: dict[str, Any] = {
        "point": at,
        "gradient": grad(cost)(weights),
        "differences": differences(cost, weights, STEP),
        "arms": (measured_arm(at, np.float64, 48), measured_arm(at, np.float32, 20)),
        "times": [timed(units, rng) for units in _UNITS],
    }
    return Lesson(
        "numerical",
        "Backpropagation against central differences",
        "A derivative can be had without any calculus: move a weight a little and see how the cost changes. How exact "
        "is that, how far should the weight be moved, and what does it cost?",
        (_agreement(numbers), _the_v(numbers), _time(numbers), _use(), _next()),
        numbers,
    )


def _agreement(numbers: dict[str, Any]) -> Section:
    gradient, found = numbers["gradient"], numbers["differences"]
    apart = float(np.linalg.norm(found - gradient) / np.linalg.norm(gradient))
    numbers["apart"] = apart
    shown = np.argsort(-np.abs(gradient))[:5]
    rows = tuple(
        (f"w[{k}]", *(f"{g[k]:.12f}".replace("-", "−") for g in (gradient, found))) for k in sorted(shown.tolist())
    )
    return Section(
        "Two ways to one number",
        (
            "A derivative says how the cost C changes when a weight moves by a little. So move it: to one side by h, "
            "to the other side by h, compute the cost both times, divide. No chain rule, no graph, and hardly a way to "
            "get it wrong.",
            Formula("dC/dw ≈ (C(w + h) − C(w − h)) / 2h"),
            f"Here are the five largest entries of a gradient, both ways: a network with 2 inputs, 6 tanh units and a "
            f"sigmoid output, {len(gradient)} weights and biases in all, on 50 points.",
            Table(f"With h = {numeral(STEP, 1)}", ("weight", "backpropagation", "central difference"), rows, (2,)),
            Claim(f"The two gradients differ by {numeral(apart, 1)} of their length.", apart < 1e-7, measured=True),
            "Where do the last digits get lost, and would a smaller step bring them back?",
        ),
    )


def _the_v(numbers: dict[str, Any]) -> Section:
    double, single = numbers["arms"]
    claims = []
    for arm in (double, single):
        right, left = arm.slopes
        claims.append(
            Claim(
                f"In {arm.name} the error falls with slope {numeral(right)} as the step shrinks, and then rises again "
                f"with slope {numeral(left)}: the two arms are h² and 1/h.",
                abs(right - 2) < 0.2 and abs(left + 1) < 0.25,
                measured=True,
            )
        )
    foretold = double.errors[5:11] / double.truncation[5:11]
    off = float(np.max(np.abs(foretold - 1)))
    numbers["foretold"] = foretold
    return Section(
        "The V",
        (
            "Take steps from 1 downward, halving each time, and draw how far the whole gradient of differences is from "
            "the true one, over its length. In log-log a power of h is a straight line, and its slope is the power.",
            Figure(
                "Error of central differences by step",
                lambda: error_by_step(numbers["arms"]),
                "Two curves shaped like a V in log-log: the error of central differences by step in float64 and in "
                "float32. Each falls along a line of slope two as the step shrinks, turns near the cube root of eps, "
                "and rises along a line of slope minus one. Backpropagation in float32 is a level line far below the "
                "curve of its format.",
            ),
            *claims,
            "Coming from the right, calculus is to blame. The Taylor series of C(w + h) and C(w − h) have the same "
            "even terms, which cancel in the difference, and what is left beside the derivative is the third one:",
            Formula("(C(w + h) − C(w − h)) / 2h = C′ + h²/6 · C''' + …"),
            "Since C''' is itself a derivative of the graph, that arm can be computed before anything is measured: it "
            "is the dashed line.",
            Claim(
                f"For steps from 1/32 to 1/1024 the error in float64 is within {off:.2%} of h²/6 · C''', with C''' "
                "from differentiating the graph three times.",
                off < 0.02,
                measured=True,
            ),
            "Coming from the left, the numbers are to blame. C is stored with a relative error of about eps, and "
            "C(w + h) and C(w − h) agree in nearly all of their digits. The subtraction removes what they share and "
            "keeps the errors, and dividing by 2h enlarges them: about eps · C / h, the dotted line.",
            Formula("h² = eps / h   at   h = eps^(1/3)"),
            "There the error is about eps^(2/3). So the best step is neither the smallest nor a matter of luck, and "
            "the price is a third of the digits.",
            Table(
                "At the bottom of the V",
                ("", "eps", "eps^(1/3)", "best step", "eps^(2/3)", "least error", "backpropagation"),
                tuple(
                    (
                        arm.name,
                        numeral(arm.eps, 2),
                        numeral(arm.eps ** (1 / 3), 2),
                        numeral(arm.steps[arm.best], 2),
                        numeral(arm.eps ** (2 / 3), 2),
                        numeral(arm.errors[arm.best], 2),
                        numeral(arm.backpropagation, 2) if arm is single else "the reference",
                    )
                    for arm in (double, single)
                ),
                (3, 5, 6),
            ),
            *(
                Claim(
                    f"In {arm.name} the best step, {numeral(arm.steps[arm.best], 2)}, is {_times(arm)} times "
                    "eps^(1/3).",
                    bool(0.1 < arm.steps[arm.best] / arm.eps ** (1 / 3) < 10),
                    measured=True,
                )
                for arm in (double, single)
            ),
            Claim(
                f"Backpropagation in float32 is off by {numeral(single.backpropagation, 1)}, "
                f"{single.errors[single.best] / single.backpropagation:.0f} times less than the best of differences in "
                f"that format: nothing is subtracted that is nearly equal.",
                bool(single.backpropagation < single.errors[single.best] / 10),
                measured=True,
            ),
        ),
    )


def _times(arm: Arm) -> str:
    return f"{arm.steps[arm.best] / arm.eps ** (1 / 3):.1f}"


def _time(numbers: dict[str, Any]) -> Section:
    times = numbers["times"]
    last = times[-1]
    # Said as a power of ten: a time is never the same twice.
    order = 10 ** math.floor(math.log10(last.differences / last.both))
    large = Network.of(784, (100,), 10, "relu", "softmax").count_parameters()
    numbers["large"] = large
    return Section(
        "What it costs",
        (
            "Each weight wants two forward passes of its own. The backward pass goes over the graph once and has the "
            "derivative by every weight: each product of the forward pass comes back as at most two, so that both "
            "together are two to three forward passes, whatever the number of weights (the lesson `counting` has "
            "that).",
            Figure(
                "Time of one gradient by number of weights",
                lambda: time_by_weights(times),
                "Three lines in log-log over the number of weights: a forward pass and backpropagation lie close "
                "together and grow slowly, central differences rise steeply away from both.",
            ),
            Table(
                "One gradient, 64 examples (times in µs)",
                (
                    "weights",
                    "forward passes",
                    "forward pass",
                    "backpropagation",
                    "differences",
                    "ratio",
                ),
                tuple(
                    (
                        one.weights,
                        one.passes,
                        *(f"{1e6 * seconds:,.0f}" for seconds in (one.forward, one.both, one.differences)),
                        f"{one.differences / one.both:,.0f}",
                    )
                    for one in times
                ),
                (2, 3, 4, 5),
            ),
            Claim(
                f"Central differences for {last.weights:,} weights took {last.passes:,} forward passes, two for "
                "each weight.",
                all(one.passes == 2 * one.weights for one in times),
            ),
            Claim(
                f"Forward and backward together take {last.ratio:.2f} times the multiplications of the forward pass "
                "alone, for the smallest of these networks as for the largest.",
                all(2 <= one.ratio <= 3 and math.isclose(one.ratio, last.ratio) for one in times),
            ),
            Claim(
                f"For {last.weights:,} weights the differences took more than {order:,} times as long as "
                "backpropagation.",
                order >= 100,
                measured=True,
            ),
            Claim(
                f"A small network for handwritten digits, 784 inputs, 100 hidden units and 10 outputs, has {large:,} "
                f"weights: a single step of descent by differences would take {2 * large:,} forward passes.",
                2 * large > 100_000,
            ),
        ),
    )


def _use() -> Section:
    def squared(w: Vector, x: float, t: float) -> Any:
        return (1 / (1 + np.exp(-(w[0] * x + w[1]))) - t) ** 2

    def slipped(w: Vector, x: float, t: float) -> Any:
        y = 1 / (1 + np.exp(-(w[0] * x + w[1])))
        return np.array([x, 1.0]) * (2 * (y - t))

    point = (np.array([2.0, 1.0]), 0.5, 1.0)
    wrong, right = check_gradient(squared, point, slipped), check_gradient(squared, point)
    return Section(
        "What differences are good for",
        (
            "Not for training, but for doubt. They know nothing of the graph, so they make none of its mistakes: a "
            "wrong derivative is off by much more than the bottom of the V. Here somebody differentiated the squared "
            "error of a sigmoid unit and forgot the slope y (1 − y):",
            Code(_CHECK),
            Claim(
                f"The check finds the forgotten slope, an error of {wrong.largest_error:.0%}, and passes the "
                "derivative of the graph.",
                not wrong.ok and right.ok and wrong.largest_error > 0.5,
            ),
            "`check_gradient` uses four points, (8 (f(w + h) − f(w − h)) − (f(w + 2h) − f(w − 2h))) / 12h: the term in "
            "h² cancels too, the arm on the right falls with h⁴, and the bottom of the V is lower and further right.",
        ),
    )


_CHECK = """\
import numpy as np
from chainrule import check_gradient

def loss(w, x, t):
    return (1 / (1 + np.exp(-(w[0] * x + w[1]))) - t) ** 2

def theirs(w, x, t):
    y = 1 / (1 + np.exp(-(w[0] * x + w[1])))
    return 2 * (y - t) * np.array([x, 1.0])

print(check_gradient(loss, (np.array([2.0, 1.0]), 0.5, 1.0), theirs))"""


def _next() -> Section:
    return Section(
        "Try next",
        (
            "A difference to one side only, (f(w + h) − f(w)) / h, is cheaper: one pass a weight and one more. Its "
            "error falls with h instead of h². Where is its best step, and how many digits are left there?",
            Code(_ONE_SIDED),
            "`chainrule lesson numerical --seed 1` draws other points and other weights; the V stays where it is.",
        ),
    )


_ONE_SIDED = """\
import numpy as np
from chainrule import grad

for k in range(1, 16):
    h = 10.0**-k
    print(f"{h:.0e}  {abs((np.tanh(0.5 + h) - np.tanh(0.5)) / h - grad(np.tanh)(0.5)):.1e}")"""
