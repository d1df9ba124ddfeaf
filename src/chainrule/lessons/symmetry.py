"""The lesson `symmetry`: networks that differ and compute the same, and units that never part."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.data import band
from chainrule.lessons.figures_symmetry import along_lines, parting
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Options, Section, Table
from chainrule.lessons.numerals import numeral
from chainrule.lessons.symmetry_runs import (
    EPOCHS,
    NETWORK,
    PARTED,
    RATE,
    WITH_DROPOUT,
    curvature,
    disguises,
    equal_units,
    gap,
    outputs,
    parting_run,
    seen,
    trained,
)
from chainrule.lessons.vectors import as_vector
from chainrule.nn import Network
from chainrule.optim import Transform, adam, sgd

__all__ = ["lesson"]

#: How far the first weight of the second unit is from that of the first one, relative to it.
_APART = {"equal": 0.0, "10⁻¹² apart": 1e-12, "10⁻⁶ apart": 1e-6}
#: The gap from which growth is measured, up to a hundredth of the one that counts as having parted.
_FROM = 1e-8
#: Points along a line between two networks.
_POINTS = 61


def lesson(options: Options) -> Lesson:
    """Run it."""
    rng = np.random.default_rng(options.seed)
    X, T = band(200, rng)
    start = NETWORK.initialize(rng)
    runs = {name: parting_run(equal_units(start, apart), X, T) for name, apart in _APART.items()}
    runs["drawn at random"] = parting_run(start, X, T)
    best = runs["drawn at random"]["parameters"]
    numbers: dict[str, Any] = {"X": X, "T": T, "start": start, "trained": best, "runs": runs}
    return Lesson(
        "symmetry",
        "Equal units stay equal",
        "Two hidden units can change places and nobody notices. That makes every minimum one of many, and it makes a "
        "start with equal weights a trap from which no number of steps leads out.",
        (
            _same_function(numbers),
            _how_many(numbers),
            _between(numbers),
            _stay_equal(numbers),
            _what_breaks_it(numbers),
            _next(),
        ),
        numbers,
    )


def _same_function(numbers: dict[str, Any]) -> Section:
    X, T, best = numbers["X"], numbers["T"], numbers["trained"]
    shown = outputs(NETWORK, best, X)
    rows, off, lengths = [], 0.0, []
    for order, signs, parameters in disguises(best):
        found = seen(parameters, X, T)
        off = max(off, float(np.max(np.abs(outputs(NETWORK, parameters, X) - shown))))
        lengths.append(float(np.linalg.norm(as_vector(tuple(layer.gradients for layer in found.layers)))))
        first, last = parameters[0]["weights"], parameters[1]["weights"]
        weights = [*first.T.ravel().tolist(), *last.ravel().tolist()]
        rows.append(
            (
                " ".join(f"{'−' if sign < 0 else '+'}{unit + 1}" for unit, sign in zip(order, signs, strict=True)),
                *(f"{w:.3f}".replace("-", "−") for w in weights),
                f"{found.objective:.6f}",
            )
        )
    numbers |= {"off": off, "gradient lengths": lengths, "rows": rows}
    return Section(
        "One function, many networks",
        (
            "A network with two tanh units has learned the two classes of `chainrule.data.band`. Let the units change "
            "places, with the weights into them and out of them: the output adds the same two numbers, in another "
            "order. Or turn the sign of every weight into a unit and of the one out of it: tanh is odd, and the two "
            "signs cancel.",
            Formula("v · tanh(w·x + b)  =  (−v) · tanh((−w)·x − b)"),
            "Which units stand where and with which sign is in the first column, then the weights into the first place "
            "and into the second, and those out of them:",
            Table(
                "Eight networks",
                ("units", "w11", "w12", "w21", "w22", "v1", "v2", "objective"),
                tuple(rows),
            ),
            Claim(
                f"On the {len(X)} points of the training data the outputs of all eight agree to 10⁻¹² or better.",
                off <= 1e-12,
            ),
            Claim(
                "They have the same objective, and no gradient is longer than 10⁻⁶: where one is at a minimum, all "
                "are.",
                len({row[-1] for row in rows}) == 1 and max(lengths) < 1e-6,
            ),
        ),
    )


def _how_many(numbers: dict[str, Any]) -> Section:
    X = numbers["X"]
    rng = np.random.default_rng(1)
    three = Network.of(2, (3,), output="sigmoid")
    drawn = three.initialize(rng)
    found = [(parameters, outputs(three, parameters, X)) for _, _, parameters in disguises(drawn)]
    different = len({tuple(as_vector(one).tolist()) for one, _ in found})
    off = float(max(np.max(np.abs(y - found[0][1])) for _, y in found))
    relu = Network.of(2, (3,), 1, "relu")
    layers = relu.initialize(rng)
    stretched = (
        {name: 4 * array for name, array in layers[0].items()},
        {"weights": layers[1]["weights"] / 4, "bias": layers[1]["bias"]},
    )
    scaled = float(np.max(np.abs(outputs(relu, stretched, X) - outputs(relu, layers, X))))
    numbers |= {"different": different, "off of three": off, "scaled": scaled}
    rows = tuple(
        (n, _large(math.factorial(n)), _large(2**n), _large(math.factorial(n) * 2**n)) for n in (2, 3, 10, 100)
    )
    return Section(
        "How many",
        (
            "n units can be put into n! orders, and each of them has two signs. So with every minimum there are n! · "
            "2ⁿ as good as it, and in several hidden layers these numbers are multiplied.",
            Table("Equal networks with one hidden layer", ("tanh units", "orders", "signs", "together"), rows),
            Claim(
                f"For three units, all written out: {different} different vectors of weights, one function.",
                different == math.factorial(3) * 2**3 and off <= 1e-12,
            ),
            "relu has no such sign, but a scale: relu(c s) = c relu(s) for any c > 0. Its minima are not points but "
            "whole valleys.",
            Claim(
                "With four times the weights into the relu units and a quarter of those out of them the outputs are "
                "the same, to 10⁻¹².",
                scaled <= 1e-12,
            ),
        ),
    )


def _large(n: int) -> str:
    return f"{n:,}" if n < 10**8 else numeral(n, 2)


def _between(numbers: dict[str, Any]) -> Section:
    X, T, best = numbers["X"], numbers["T"], numbers["trained"]
    ways = {
        "units 1 and 2 change places": ((1, 0), (1, 1)),
        "unit 1 changes its sign": ((0, 1), (-1, 1)),
        "both units change their signs": ((0, 1), (-1, -1)),
    }
    known = {(order, signs): parameters for order, signs, parameters in disguises(best)}
    share = np.linspace(0, 1, _POINTS)
    lines = {}
    for name, key in ways.items():
        other = known[key]
        lines[name] = np.array(
            [seen(tree.map(lambda a, b, s=s: (1 - s) * a + s * b, best, other), X, T).objective for s in share.tolist()]
        )
    middle = {name: float(line[_POINTS // 2] / line[0]) for name, line in lines.items()}
    numbers |= {"lines": lines, "middle": middle}
    return Section(
        "Between two minima",
        (
            "A bowl has one lowest point. If two points are equally low and different, and the cost surface were a "
            "bowl, the straight line between them could not rise. Walk it, from the trained network to one that "
            "computes the same:",
            Figure(
                "Objective along straight lines between equal networks",
                lambda: along_lines(share, lines),
                "Three curves over the way from one network to an equal one. All begin and end at the same low value "
                "and rise in between, to a hill in the middle.",
            ),
            Claim(
                f"Half way to the network with its units in the other order the objective is "
                f"{middle['units 1 and 2 change places']:.1f} times that at both ends; half way to a changed sign it "
                f"is {middle['unit 1 changes its sign']:.1f} times that.",
                min(middle.values()) > 1.3 and all(math.isclose(line[0], line[-1]) for line in lines.values()),
            ),
            "So this surface is not convex, and the same walk can be tried on any network whose units differ. The mean "
            "of the weights of two good networks is, as a rule, no good network: in the middle of the first line both "
            "units are the same one, in the middle of the second a unit has no weights left.",
        ),
    )


def _stay_equal(numbers: dict[str, Any]) -> Section:
    X, T, start = numbers["X"], numbers["T"], numbers["start"]
    equal = equal_units(start)
    ways: Sequence[tuple[str, Transform, int | None, int]] = (
        ("gradient descent", sgd(RATE), None, 1000),
        ("stochastic, one example a step", sgd(0.1), 1, 50),
        ("momentum, minibatches of 20", sgd(0.1, momentum=0.9), 20, 200),
        ("Adam, minibatches of 20", adam(0.01), 20, 200),
    )
    rows = []
    for name, rule, size, epochs in ways:
        run = trained(equal, X, T, rule, epochs, batch_size=size)
        history = run.history.arrays()
        rows.append((name, int(history["steps"][-1]), gap(run.parameters), float(history["objective"][-1])))
    last = numbers["runs"]["equal"]["parameters"]
    one = Network.of(2, (1,), output="sigmoid")
    alone = (
        {"weights": last[0]["weights"][:, :1], "bias": last[0]["bias"][:1]},
        {"weights": np.sum(last[1]["weights"], axis=0, keepdims=True), "bias": last[1]["bias"]},
    )
    as_one = float(np.max(np.abs(outputs(one, alone, X) - outputs(NETWORK, last, X))))
    random = float(numbers["runs"]["drawn at random"]["objective"][-1])
    nothing = seen(tree.map(np.zeros_like, start), X, T)
    still = max(float(np.max(np.abs(layer.gradients["weights"]))) for layer in nothing.layers)
    numbers |= {"methods": rows, "as one": as_one, "gradient of zeros": still}
    gradient = seen(equal, X, T).layers[0].gradients["weights"]
    return Section(
        "Equal starts stay equal",
        (
            "Now give both units the same weights, in and out. They compute the same activation. What comes back to "
            "them is the same sensitivity. So their gradients are equal, and so are their next weights.",
            Formula("∂C/∂wⱼ  =  mean of  x · θ′(sⱼ) · vⱼ · δ"),
            "Nothing in it knows j.",
            Claim(
                f"At such a start the gradients by the weights into the two units are equal to the last bit: "
                f"{numeral(gradient[0, 0], 6)} and {numeral(gradient[0, 1], 6)} by the first input.",
                bool(np.array_equal(gradient[:, 0], gradient[:, 1])),
                measured=True,
            ),
            "This holds for every step, so it holds after any number of them, and whatever is done to both gradients "
            "in the same way:",
            Table("From equal units, with a regulariser", ("method", "steps", "gap", "objective"), tuple(rows)),
            Claim(
                f"After {max(row[1] for row in rows):,} steps, and with every one of the four methods, the gap between "
                "the units is exactly 0.",
                all(row[2] == 0 for row in rows),
            ),
            Claim(
                "What has been trained is one unit with twice the weight: a network with a single hidden unit computes "
                "the same, to 10⁻¹².",
                as_one <= 1e-12,
            ),
            Claim(
                f"The objective stays above {math.floor(20 * min(row[3] for row in rows)) / 20:g}; from weights drawn "
                f"at random it comes down to {random:.3f}.",
                min(row[3] for row in rows) > 1.5 * random,
            ),
            "All weights 0 is worse. No activation, no weight for the sensitivity to come back through:",
            Claim("From zeros the gradient of every weight is exactly 0; only the output's bias moves.", still == 0),
        ),
    )


def _what_breaks_it(numbers: dict[str, Any]) -> Section:
    X, T, runs = numbers["X"], numbers["T"], numbers["runs"]
    equal, tiny, small, random = runs["equal"], runs["10⁻¹² apart"], runs["10⁻⁶ apart"], runs["drawn at random"]
    lowest, second = curvature(equal["parameters"], X, T)[:2].tolist()
    begin, end = (int(np.argmax(tiny["gaps"] > level)) for level in (_FROM, PARTED / 100))
    growth = float(tiny["gaps"][end] / tiny["gaps"][begin]) ** (1 / max(1, end - begin))
    first, last = equal_units(numbers["start"])
    dropped = parting_run((first, {}, last), X, T, WITH_DROPOUT, 300)["gaps"]
    numbers |= {"lowest": lowest, "growth": growth, "dropout": dropped}
    wrong = {name: float(np.mean((outputs(NETWORK, run["parameters"], X) > 0.5) != T)) for name, run in runs.items()}
    numbers["wrong"] = wrong
    rows = tuple(
        (
            name,
            str(run["parted"]) if run["parted"] is not None else "never",
            float(run["objective"][-1]),
            f"{share:.1%}",
        )
        for (name, run), share in zip(runs.items(), wrong.values(), strict=True)
    )
    return Section(
        "What breaks it",
        (
            "Not the order of the examples, not momentum, not the regulariser: they treat both units alike. It takes "
            "something that tells them apart. Is a millionth of one weight enough, or a millionth of a millionth?",
            Figure(
                "How units part",
                lambda: parting(runs),
                "Above, the gap between the units by epoch with a logarithmic axis: the two small gaps grow along "
                "parallel straight lines until they are as large as that of the random start, and that of the equal "
                "start is 0 throughout. Below, the objective: equal and almost equal units stay on a plateau, the "
                "random start comes down at once.",
            ),
            Table(
                f"{EPOCHS:,} epochs of gradient descent",
                ("start", f"gap above {PARTED:g} after", "objective", "wrong"),
                rows,
                (1, 2),
            ),
            "A straight line with a logarithmic axis is a constant factor an epoch. Descent has come to rest at a "
            "place that is lowest only as long as the units are equal: a saddle. In the direction that parts them the "
            "surface curves down, with a negative eigenvalue λ of its second derivatives, and a step of rate η "
            "multiplies a small gap by",
            Formula("1 − η λ"),
            Claim(
                f"The Hessian of the graph has one negative eigenvalue there, {numeral(lowest, 4)}, so the factor "
                f"should be {1 - RATE * lowest:.5f}; the gap grows by {growth:.5f} an epoch.",
                lowest < 0 < second and math.isclose((growth - 1) / (-RATE * lowest), 1, rel_tol=0.02),
                measured=True,
            ),
            Claim(
                "Both small gaps get large, the smaller one later; 0 times that factor stays 0.",
                equal["parted"] is None
                and small["parted"] is not None
                and tiny["parted"] is not None
                and small["parted"] < tiny["parted"],
                measured=True,
            ),
            Claim(
                f"Dropout sends other examples through each unit: within 300 epochs equal units reach a gap of "
                f"{np.max(dropped):.2f} with it.",
                bool(dropped[0] == 0 and np.max(dropped) > 0.05),
            ),
            Claim(
                f"Weights drawn at random begin with a gap of {random['gaps'][0]:.2f}, and end with a lower objective "
                "than all the others.",
                bool(random["gaps"][0] > PARTED)
                and all(bool(random["objective"][-1] < 0.8 * run["objective"][-1]) for run in (equal, tiny, small)),
            ),
            "This is the first reason why initialisers draw weights at random. How large they should be is another "
            "matter, for the lesson `vanishing`. Biases may start at 0: the weights tell the units apart.",
        ),
    )


def _next() -> Section:
    return Section(
        "Try next",
        (
            "`chainrule.diagnose` looks for equal units too. Here two units are copies of the two others:",
            Code(_CODE),
            "`chainrule lesson symmetry --seed 1` draws other data and another start.",
        ),
    )


_CODE = """\
import numpy as np
from chainrule import data, diagnose, nn

X, T = data.band(100, np.random.default_rng(0))
network = nn.Network.of(2, hidden=(4,), output="sigmoid")
first, last = network.initialize(0)
first["weights"][:, 2:] = first["weights"][:, :2]
last["weights"][2:] = last["weights"][:2]
print(diagnose(network, X, T, parameters=(first, last), loss="binary_cross_entropy"))"""
