"""The lesson `hidden-space`: a problem that one line cannot solve, and what two tanh units make of its plane."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import optim
from chainrule.data import band
from chainrule.lessons import figures_hidden_space
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Options, Section, Table
from chainrule.lessons.numerals import numeral
from chainrule.nn import Network, Parameters
from chainrule.train import TrainState, fit

__all__ = ["Start", "best_line", "lesson"]

Array = NDArray[np.float64]

_EXAMPLES, _FRESH = 200, 2000
_WIDTHS = (1, 2, 3, 4, 8, 16)
_STARTS = 30
_RATE, _EPOCHS, _LONGER = 0.05, 500, 5000
#: A run has learned when its cost is below this; tossing a coin costs log 2 = 0.69.
_LEARNED = 0.1


@dataclass(frozen=True, eq=False)
class Start:
    """Where training ended from one start: `learned` is the epoch at which its cost fell below 0.1, or NaN."""

    parameters: Parameters
    state: TrainState
    cost: float
    wrong: float
    fresh: float
    learned: float


def lesson(options: Options) -> Lesson:
    """Run the lesson.

    Parameters
    ----------
    options : Options
        The seed draws the points and the starts.

    Returns
    -------
    Lesson
        ``numbers`` holds the points, logistic regression, the best line, every start of every width, and signs.

    Examples
    --------
    >>> from chainrule.lessons import Options
    >>> numbers = lesson(Options()).numbers
    >>> numbers["best line"] > 0.1, min(start.wrong for start in numbers["starts"][2])
    (True, 0.0)
    """
    rng = np.random.default_rng(options.seed)
    data = (*band(_EXAMPLES, rng), *band(_FRESH, rng))
    X, T = data[:2]
    logistic = [_train(_network(0), options.seed, k, data) for k in range(5)]
    starts = {width: [_train(_network(width), options.seed, k, data) for k in range(_STARTS)] for width in _WIDTHS}
    best = min(starts[2], key=lambda start: start.cost)
    stuck = [start for start in starts[2] if start.wrong > 0]
    activations = np.asarray(_network(2).forward(best.parameters, ({}, {}), X)[0][0].activation)
    numbers: dict[str, Any] = {
        "X": X,
        "T": T,
        "logistic": logistic,
        "best line": best_line(X, T[:, 0]),
        "starts": starts,
        "best": best,
        "stuck": stuck,
        "longer": [_longer(start, data) for start in stuck],
        "activations": activations,
        "signs": {k: sorted(set(map(tuple, np.sign(activations[T[:, 0] == k]).tolist()))) for k in (0, 1)},
    }
    return Lesson(
        "hidden-space",
        "The problem one line cannot solve",
        "Logistic regression draws one line, and there are problems for which no line will do. See two hidden units "
        "bend the plane until one line is enough, and what more units change.",
        (_problem(numbers), _one_line(numbers), _two_units(numbers), _plane(numbers), _widths(numbers), _next()),
        numbers,
    )


def best_line(X: Array, t: Array) -> float:
    """Find the smallest share of points that a line decides wrongly, over 180 directions and all offsets.

    Parameters
    ----------
    X : array, shape (examples, 2)
        Points.
    t : array, shape (examples,)
        Their classes, 0 or 1.

    Examples
    --------
    >>> round(best_line(np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]), np.array([0.0, 1.0, 0.0])), 3)
    0.333
    """
    angles = np.radians(np.arange(180))
    order = np.argsort(X @ np.array([np.cos(angles), np.sin(angles)]), axis=0)
    # Class 1 on the far side: wrong are those of class 1 before the line and those of class 0 behind it.
    before = np.vstack([np.zeros(180), np.cumsum(t[order], axis=0)])
    count = np.arange(len(t) + 1)[:, np.newaxis]
    wrong = before + (len(t) - count) - (t.sum() - before)
    return float(np.minimum(wrong, len(t) - wrong).min()) / len(t)


def _network(width: int) -> Network:
    return Network.of(2, hidden=(width,) if width else (), activation="tanh", output="sigmoid")


def _train(network: Network, seed: int, number: int, data: tuple[Array, ...]) -> Start:
    start = network.initialize(np.random.default_rng([seed, network.count_parameters(), number]))
    return _run(network, start, data, _EPOCHS)


def _longer(start: Start, data: tuple[Array, ...]) -> Start:
    return _run(_network(2), start.state, data, _LONGER)


def _run(network: Network, start: Parameters | TrainState, data: tuple[Array, ...], epochs: int) -> Start:
    X, T, fresh_X, fresh_T = data
    run = fit(network, start, "binary_cross_entropy", X, T, optimizer=optim.adam(_RATE), epochs=epochs)
    costs = run.history.arrays()["objective"]
    below = np.flatnonzero(costs < _LEARNED)

    def wrong(points: Array, classes: Array) -> float:
        outputs, _ = network.apply(run.parameters, run.network_state, points)
        return float(np.mean((outputs > 0.5) != (classes == 1)))

    learned = float(below[0] + 1) if len(below) else np.nan
    return Start(run.parameters, run.state, float(costs[-1]), wrong(X, T), wrong(fresh_X, fresh_T), learned)


def _problem(numbers: dict[str, Any]) -> Section:
    X, T = numbers["X"], numbers["T"]
    total = np.abs(X.sum(axis=1))
    inside = total[T[:, 0] == 1]
    return Section(
        "A band between two lines",
        (
            "The points of class 1 lie in a band that runs diagonally through a square; those of class 0 lie on both "
            "sides of it.",
            Formula("class 1 where |x1 + x2| < 1/2"),
            Claim(
                f"Of {len(X)} points {len(inside)} are in the band. There is a clear gap: |x1 + x2| is at most "
                f"{inside.max():.2f} in it and at least {total[T[:, 0] == 0].min():.2f} outside.",
                bool(inside.max() < 0.5 < total[T[:, 0] == 0].min()),
            ),
            "So the problem is not a hard one. But it is not one for a line: pick a point on each side of the band and "
            "walk from one to the other. You start in class 0, cross class 1, and end in class 0, while a line "
            "changes its mind only once.",
        ),
    )


def _one_line(numbers: dict[str, Any]) -> Section:
    logistic: list[Start] = numbers["logistic"]
    weights = np.array([np.append(one.parameters[0]["weights"], one.parameters[0]["bias"]) for one in logistic])
    apart = float(np.ptp(weights, axis=0).max())
    cost, wrong, fresh = logistic[0].cost, logistic[0].wrong, logistic[0].fresh
    line = numbers["best line"]
    return Section(
        "Where logistic regression fails",
        (
            "Logistic regression is a network with no hidden layer: one sigmoid unit, one line where its output is "
            "1/2.",
            Claim(
                f"Trained, it decides {wrong:.1%} of the points wrongly, and {fresh:.1%} of {_FRESH} fresh ones. Its "
                f"cost is {cost:.3f}; answering 1/2 to everything would cost {np.log(2):.3f}.",
                wrong > 0.15 and fresh > 0.2 and 0.6 < cost < np.log(2),
            ),
            Claim(
                "That is no bad luck. Five starts end in the same weights, to eight digits: the cost of logistic "
                "regression has a single minimum, and this is it.",
                apart < 1e-8,
            ),
            Claim(
                "Nor is it the fault of the training. Of all lines in 180 directions the best one still gets "
                f"{line:.1%} of the points wrong.",
                0.1 < line <= wrong,
            ),
        ),
    )


def _two_units(numbers: dict[str, Any]) -> Section:
    best: Start = numbers["best"]
    W, b = best.parameters[0]["weights"], best.parameters[0]["bias"]
    tilt = np.degrees(np.arctan2(W[1], W[0])) % 180
    offsets = np.sort(-2 * b / W.sum(axis=0))
    pair = {
        "logistic regression": (_network(0), numbers["logistic"][0].parameters),
        "two tanh units": (_network(2), best.parameters),
    }
    return Section(
        "Two tanh units succeed",
        (
            "Put two units between the inputs and the output, and train again. Nothing else changes: same loss, and a "
            "gradient that now goes through one more layer.",
            Formula("h = tanh(x W¹ + b¹),    a = σ(h W² + b²)"),
            Figure(
                "What one line and what two units decide",
                lambda: figures_hidden_space.boundaries(pair, numbers["X"], numbers["T"]),
                "Two plots of the same points, class 1 in a diagonal band and class 0 on both sides. On the left one "
                "line cuts through, and many points have the ring of a mistake. On the right two parallel lines follow "
                "the edges of the band, without mistakes.",
            ),
            Claim(
                f"The best of {_STARTS} starts decides every training point rightly, and {1 - best.fresh:.2%} of the "
                f"fresh ones, at a cost of {numeral(best.cost, 2)}.",
                best.wrong == 0 and best.fresh < 0.01,
            ),
            Claim(
                "Nobody told the units about the band, and each has found an edge: their weights point at "
                f"{tilt[0]:.0f} and {tilt[1]:.0f} degrees, where the band asks for 45, and their signals are 0 near x1 "
                f"+ x2 = {numeral(offsets[0], 2)} and {numeral(offsets[1], 2)}.",
                bool(np.all(np.abs(tilt - 45) < 5) and np.all(np.abs(np.abs(offsets) - 0.5) < 0.1) and offsets[0] < 0),
            ),
        ),
    )


def _plane(numbers: dict[str, Any]) -> Section:
    best: Start = numbers["best"]
    signs = numbers["signs"]
    return Section(
        "The plane as the hidden layer sees it",
        (
            "Now the same points twice: by their inputs, and by the activations of the two units. The output unit "
            "never sees x1 and x2. All it gets is the right-hand plane, and there it is plain logistic regression.",
            Figure(
                "Input space and hidden space",
                lambda: figures_hidden_space.hidden(_network(2), best.parameters, numbers["X"], numbers["T"]),
                "Two plots. On the left the band with two lines along its edges. On the right the same points by the "
                "activations of the two hidden units: they lie along a curve that turns, class 1 at its bend and class "
                "0 at both ends, and one straight line parts them.",
            ),
            Claim(
                "By the signs of the two activations the plane has four corners. All of class 1 sits in one of them, "
                "class 0 in two others, and the fourth is empty: no point is beyond both edges at once.",
                len(signs[1]) == 1 and len(signs[0]) == 2 and not set(signs[1]) & set(signs[0]),
            ),
            "The hidden layer has folded the plane along the band. What was on both sides of class 1 now lies on one "
            "side of a line. This is what hidden layers are for: not to decide, but to move the points to where "
            "deciding is easy.",
        ),
    )


def _widths(numbers: dict[str, Any]) -> Section:
    starts: dict[int, list[Start]] = numbers["starts"]
    solved = {width: sum(one.wrong == 0 for one in each) for width, each in starts.items()}
    learned = {width: np.array([one.learned for one in each]) for width, each in starts.items()}
    middle = {width: float(np.median(np.where(np.isnan(one), np.inf, one))) for width, one in learned.items()}
    wrong = {width: np.array([one.wrong for one in each]) for width, each in starts.items()}
    rows = tuple(
        (
            str(width),
            f"{solved[width]} of {_STARTS}",
            f"{np.median(wrong[width]):.1%}",
            f"{max(wrong[width]):.1%}",
            f"{middle[width]:.0f}" if np.isfinite(middle[width]) else f"{_EPOCHS}+",
        )
        for width in _WIDTHS
    )
    stuck: list[Start] = numbers["stuck"]
    longer: list[Start] = numbers["longer"]
    still = sum(one.wrong > 0 for one in longer)
    return Section(
        "How width changes it",
        (
            f"One start proves little, so here are {_STARTS} for each width, all on the same points, {_EPOCHS} epochs "
            "with Adam. A start has solved the problem where no point is decided wrongly; the last column is the "
            f"median of the epochs until the cost was below {_LEARNED}.",
            Table(
                "What became of the starts",
                ("units", "solved", "wrong, median", "worst", "epochs"),
                rows,
            ),
            Figure(
                "Every start of every width",
                lambda: figures_hidden_space.by_width(wrong, learned),
                "Two plots by the number of hidden units, a mark for each start. On the left, the share decided "
                "wrongly: with one unit no start is near 0, with two most are at 0 and some are high above, from three "
                "on all are at 0. On the right, the epochs until the cost is small become fewer with every width.",
            ),
            Claim(
                f"One hidden unit is one line again: {solved[1]} of {_STARTS} starts succeed, and the best of them "
                f"gets {min(wrong[1]):.1%} wrong.",
                solved[1] == 0 and float(min(wrong[1])) > 0.1,
            ),
            Claim(
                f"Two units are enough, and yet only {solved[2]} of {_STARTS} starts find the way. With three it is "
                f"{solved[3]}, and with four or more {_every(solved)}.",
                _STARTS / 2 <= solved[2] <= solved[3] and _least(solved) >= _STARTS - 1,
            ),
            *_stuck_claims(len(stuck), still, longer),
            Claim(
                f"Width buys speed too: half of the starts are below a cost of {_LEARNED} after {middle[2]:.0f} epochs "
                f"with 2 units, {middle[4]:.0f} with 4 and {middle[16]:.0f} with 16.",
                middle[2] > middle[4] > middle[16],
            ),
            "Two units have to be dealt well: each must find an edge of its own. Of sixteen, some pair will do. That "
            "is one of the reasons why networks are made wider than the problem needs.",
        ),
    )


def _least(solved: dict[int, int]) -> int:
    return min(count for width, count in solved.items() if width >= 4)


def _every(solved: dict[int, int]) -> str:
    return "every one" if _least(solved) == _STARTS else f"at least {_least(solved)}"


def _stuck_claims(stuck: int, still: int, longer: list[Start]) -> tuple[Claim, ...]:
    if not stuck:
        return ()
    stays = min((one.cost for one in longer if one.wrong > 0), default=0.0)
    return (
        Claim(
            f"Patience does not mend it. Starts that failed with two units: {stuck}; after ten times as many epochs: "
            f"{still}, with costs from {numeral(stays, 2)} up. Such a run sits in a local minimum, or on a long flat "
            "way to one.",
            still >= 1,
        ),
    )


def _next() -> Section:
    return Section(
        "Try next",
        (
            "Other points and other starts: `chainrule lesson hidden-space --seed 1`.",
            "The smallest problem of this kind has four points. Count how many of ten starts solve it with two units:",
            Code(
                """
import numpy as np
from chainrule import data, nn, optim
from chainrule.train import fit

X, T = data.xor()
network = nn.Network.of(2, hidden=(2,), activation="tanh", output="sigmoid")
found = []
for seed in range(10):
    start = network.initialize(seed)
    way = {"optimizer": optim.adam(0.05), "epochs": 500}
    run = fit(network, start, "binary_cross_entropy", X, T, **way)
    outputs, _ = network.apply(run.parameters, run.network_state, X)
    found.append(bool(np.all((outputs > 0.5) == T)))
print(sum(found), "of 10")
"""
            ),
            "Then put `relu` in place of `tanh` and count again. And before you try three bands: how many units will "
            "they take?",
        ),
    )
