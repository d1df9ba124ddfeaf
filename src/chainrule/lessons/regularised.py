"""The lesson `regularised`: one unit, one example and a regulariser, through the whole graph and back."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit

from chainrule.differentiate import grad, value_and_grad
from chainrule.inspection import Explanation, explain
from chainrule.inspection.text import value_text
from chainrule.lessons.figures_regularised import graph, nudged, slopes
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Options, Section, Table

__all__ = ["STRENGTH", "lesson", "objective", "tangents"]

#: Of the regulariser, and how far w is nudged.
STRENGTH, _NUDGE = 0.1, 0.01
#: Units one after the other, for the expanded derivative.
_CHAINS = (1, 2, 4, 8)


def objective(w: float, b: float, x: float, t: float) -> Any:
    """Half the squared error of one sigmoid unit on one example, plus the regulariser.

    Examples
    --------
    >>> float(objective(0.0, 0.0, 1.0, 1.0))
    0.125
    """
    y = expit(w * x + b)
    return 0.5 * (y - t) ** 2 + STRENGTH * (0.5 * w**2)


def tangents(explained: Explanation, by: str) -> dict[str, float]:
    """Derivative of every value by one argument: the local derivatives of the edges, multiplied on the way forward.

    Parameters
    ----------
    explained : Explanation
        Of a function of numbers.
    by : str
        The argument.

    Returns
    -------
    dict of str to float
        By the names of the values.

    Examples
    --------
    >>> tangents(explain(lambda w, x: (w * x) ** 2)(3.0, 2.0), "w")
    {'w': 1.0, 'x': 0.0, 'v1': 2.0, 'v2': 24.0}
    """
    found = {step.name: float(step.name == by) for step in explained.steps}
    for step in explained.steps:
        for use in step.uses:
            found[use.by] += float(use.local) * found[step.name]
    return found


def lesson(options: Options) -> Lesson:
    """Run it."""
    point = _point(options.seed)
    explained = explain(objective)(*point)
    moved = explain(objective)(point[0] + _NUDGE, *point[1:])
    value, gradient = value_and_grad(objective, (0, 1, 2, 3))(*point)
    steps = {step.name: step for step in explained.steps}
    numbers: dict[str, Any] = {
        "point": point,
        "explained": explained,
        "objective": float(value),
        "gradient": dict(zip("wbxt", map(float, gradient), strict=True)),
        "steps": steps,
        "tangents": tangents(explained, "w"),
        "changes": {
            after.name: float(after.value - before.value)
            for before, after in zip(explained.steps, moved.steps, strict=True)
        },
    }
    return Lesson(
        "regularised",
        "One example through the whole graph",
        "One weight, one bias, one example, and a regulariser that pulls the weight to 0. Small enough to see every "
        "number on the way forward, every number on the way back, and the one place where two ways meet.",
        (_graph(numbers), _backward(numbers), _nudge(numbers), _curve(numbers), _class(numbers), _next()),
        numbers,
    )


def _point(seed: int) -> tuple[float, float, float, float]:
    """The numbers of the example; round ones for seed 0, drawn ones for others."""
    if seed == 0:
        return 2.0, 1.0, 0.5, 1.0
    rng = np.random.default_rng(seed)
    w, b, x = np.round(rng.uniform(0.5, 2.5, 3) * rng.choice([-1.0, 1.0], 3), 1).tolist()
    return w, b, x, float(rng.integers(2))


def _graph(numbers: dict[str, Any]) -> Section:
    point, explained = numbers["point"], numbers["explained"]
    w, b, x, t = point
    rows = tuple((name, formula, value.replace("-", "−")) for name, formula, value, _ in explained.forward())
    words = {"v2": "z", "v3": "y", "v6": "loss", "v8": "R", "v10": "C"}
    return Section(
        "The example",
        (
            "A sigmoid unit with the weight w and the bias b sees the input x and should say t. Half its squared error "
            "is the loss, half the square of w is the regulariser R, and λ says how much of it counts.",
            Formula("z = w x + b,   y = σ(z),   C = ½ (y − t)² + λ · ½ w²"),
            f"Take w = {w:g}, b = {b:g}, x = {x:g}, t = {t:g} and λ = {STRENGTH:g}. NumPy computes that one operation "
            "after the other, SciPy's `expit` is σ, and each is a node of the graph:",
            Table(
                "Forward",
                ("", "computed as", "value", "is"),
                tuple((*row, words.get(row[0], "")) for row in rows),
            ),
            Claim(f"The objective is {_signed(numbers['objective'])}.", rows[-1][2] == _signed(numbers["objective"])),
            "Here is all of it, with the derivative of C by every value below the value itself. How do these get "
            "there?",
            Figure(
                "The graph, with values and derivatives",
                lambda: graph(objective, point),
                "Fourteen boxes, four arguments and ten operations: from w one way leads through the unit and the "
                "squared error, another through the regulariser, and both meet in the last box, the objective. Each "
                "box has a value and a derivative.",
            ),
        ),
    )


def _backward(numbers: dict[str, Any]) -> Section:
    explained, steps, gradient = numbers["explained"], numbers["steps"], numbers["gradient"]
    uses = {use.by: float(use.contribution) for use in steps["w"].uses}
    rows = []
    for step in reversed(explained.steps):
        products = [f"{_factor(use.derivative)} · {_factor(use.local)}  ({use.by})" for use in step.uses]
        formula = "  +  ".join(products)
        rows.append((step.name, formula or "the objective itself", _signed(step.derivative)))
    numbers["uses"] = uses
    total = sum(uses.values())
    return Section(
        "Back, in topological order",
        (
            "Go through the nodes from the last to the first. When a node's turn comes, everything that uses it has "
            "had its turn, so all that its derivative needs is there:",
            Formula("dC/dv  =  Σ  dC/du · du/dv"),
            "The sum is over all nodes u that use v. Every product below is the derivative by such a node (its name is "
            "behind it), times one local derivative from the table of operations, such as y (1 − y) for the sigmoid.",
            Table("Backward", ("by", "from what uses it", "dC"), tuple(rows)),
            Claim(
                f"w is used twice, by w·x and by w². What comes back through the unit is {_signed(uses['v1'])}, "
                f"through the regulariser {_signed(uses['v7'])}, and their sum is the derivative: {_signed(total)}.",
                len(uses) == 2 and math.isclose(total, gradient["w"], rel_tol=1e-12),
            ),
            Claim(
                "Nothing else is used twice: all other derivatives are single products.",
                all(len(step.uses) == 1 for step in explained.steps[:-1] if step.name != "w"),
            ),
        ),
    )


def _factor(x: Any) -> str:
    text = _signed(x)
    return f"({text})" if text.startswith("−") else text


def _signed(x: Any) -> str:
    return value_text(x).replace("-", "−")


def _small(x: float) -> str:
    return f"{x:.7f}".replace("-", "−")


def _nudge(numbers: dict[str, Any]) -> Section:
    point, steps, forward, changes = (numbers[key] for key in ("point", "steps", "tangents", "changes"))
    names = [step.name for step in numbers["explained"].steps if step.formula]
    products = {name: forward[name] * float(steps[name].derivative) for name in names}
    unit, pull = [f"v{k}" for k in range(1, 7)], ["v7", "v8", "v9"]
    value = numbers["objective"]
    missed = [
        abs(float(objective(point[0] + h, *point[1:])) - value - h * numbers["gradient"]["w"])
        for h in (_NUDGE, _NUDGE / 10)
    ]
    numbers |= {"products": products, "missed": missed}
    rows = tuple(
        (name, steps[name].formula, _small(changes[name]), _small(_NUDGE * forward[name])) for name in ["w", *names]
    )
    through = [products[path[0]] for path in (unit, pull)]
    return Section(
        "A nudge of w, traced through",
        (
            f"Add {_NUDGE:g} to w, compute everything again, and see by how much each value has changed. The local "
            "derivatives foretell it: the change of a node is the change of what it is computed from, times the "
            "derivative on the edge. These are the same edges and the same numbers as on the way back, multiplied from "
            "the other end.",
            Table(f"w nudged by {_NUDGE:g}", ("", "computed as", "change", "foretold"), rows),
            Claim(
                f"C changes by {_small(changes[names[-1]])}, and the derivative times the nudge is "
                f"{_small(_NUDGE * numbers['gradient']['w'])}.",
                missed[0] < _NUDGE**2,
            ),
            Claim(
                "What the derivative misses belongs to the square of the nudge: for a tenth of it "
                f"{missed[0] / missed[1]:.0f} times less is missed.",
                90 < missed[0] / missed[1] < 111,
            ),
            Figure(
                "Forward and back on the same edges",
                lambda: nudged(numbers["explained"], forward),
                "Two columns of boxes from w at the top to C at the bottom, one through the unit and one through the "
                "regulariser, with the local derivative on every arrow. Beside each box stands its change per nudge of "
                "w, from above, and the derivative of C by it, from below.",
            ),
            Claim(
                f"The two multiplied, change per nudge and derivative of C, give the same at every node of one path: "
                f"{_signed(through[0])} through the unit, {_signed(through[1])} through the regulariser.",
                all(
                    math.isclose(products[name], products[path[0]], rel_tol=1e-9)
                    for path in (unit, pull)
                    for name in path
                ),
            ),
            "Cut the graph anywhere between w and C and add up these products over what is cut: it is dC/dw. The "
            "forward way needs a run for every argument; the way back has them all in one.",
        ),
    )


def _curve(numbers: dict[str, Any]) -> Section:
    point, uses = numbers["point"], numbers["uses"]
    w, b, x, t = point
    whole, slope = grad(objective), numbers["gradient"]["w"]
    low, high = sorted((w, 0.0))
    while whole(low, b, x, t) > 0:
        low -= 1
    while whole(high, b, x, t) < 0:
        high += 1
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if whole(middle, b, x, t) < 0 else (low, middle)
    numbers["rest"] = high
    return Section(
        "Two slopes",
        (
            "Two paths, two forces: the loss has one opinion on w, the regulariser another, and descent follows the "
            "sum.",
            Figure(
                "The objective over w, and its slope",
                lambda: slopes(objective, point, STRENGTH),
                "Three curves over w: the loss, the regulariser, a parabola, and their sum, the objective, with the "
                "tangent at w whose slope is the derivative.",
            ),
            Claim(
                f"At w = {w:g} the loss has the slope {_signed(uses['v1'])} and λ R the slope {_signed(uses['v7'])}: "
                f"descent makes w {'smaller' if slope > 0 else 'larger'}.",
                float(objective(w - 0.01 * slope, b, x, t)) < numbers["objective"],
            ),
            Claim(
                f"They cancel at w = {high:.4f}, where the derivative is 0 and descent comes to rest.",
                abs(float(whole(high, b, x, t))) < 1e-9,
            ),
        ),
    )


def _class(numbers: dict[str, Any]) -> Section:
    w, b, x, t = numbers["point"]
    expanded = explain(lambda w, b: objective(w, b, x, t))(w, b).expanded()
    chains = []
    for units in _CHAINS:
        one = explain(_chain(units, x, t))(w, b).expanded()
        chains.append((units, one.by[0].paths, max(one.computed.values()), one.multiplications, one.backward))
    numbers |= {"expanded": expanded, "chains": chains}
    repeated = tuple(
        (name, expanded.formulas[name], times, 1) for name, times in expanded.computed.items() if times > 1
    )
    return Section(
        "Beside it, as in a calculus class",
        (
            "In a calculus class the derivatives are written out, all at once:",
            Formula("dC/dw = (σ(wx+b) − t) σ(wx+b) (1 − σ(wx+b)) x + λw"),
            Formula("dC/db = (σ(wx+b) − t) σ(wx+b) (1 − σ(wx+b))"),
            "They are right, and they hide that they are nearly the same. Evaluated as they stand, the same terms are "
            "computed again and again; on the graph each has a name and is computed once.",
            Table("How often each is computed", ("", "computed as", "written out", "on the graph"), repeated),
            Claim(
                f"Written out, the derivatives by w and b compute σ(wx+b) {expanded.computed['v3']} times and "
                f"multiply {expanded.multiplications} times; the backward pass multiplies {expanded.backward} times "
                "and computes it not once more.",
                expanded.computed["v3"] > 1 and expanded.multiplications > expanded.backward,
            ),
            "For one unit that is a matter of taste. Let the output of the unit be its next input, with the same w and "
            "b, n times:",
            Table(
                "Units one after the other",
                ("units", "paths to w", "times computed", "multiplied, written out", "backward"),
                tuple(chains),
            ),
            Claim(
                f"From one unit to eight the backward pass grows from {chains[0][4]} multiplications to "
                f"{chains[-1][4]}; written out it is from {chains[0][3]} to {chains[-1][3]:,}, and one value is "
                f"computed {chains[-1][2]:,} times.",
                chains[-1][4] < 10 * chains[0][4] < chains[-1][3] and chains[-1][2] > 100,
            ),
        ),
    )


def _chain(units: int, x: float, t: float) -> Callable[[float, float], Any]:
    def chain(w: float, b: float) -> Any:
        y: Any = x
        for _ in range(units):
            y = expit(w * y + b)
        return 0.5 * (y - t) ** 2

    return chain


def _next() -> Section:
    return Section(
        "Try next",
        (
            'The same, as a lecturer writes it at the board. With `.html("page.html")` in place of `.derivation()` it '
            "is a page to step through, on which any number can be typed for w:",
            Code(_CODE),
            "`chainrule lesson regularised --seed 1` takes other numbers. Which way does the loss pull w there?",
        ),
    )


_CODE = """\
from scipy.special import expit
from chainrule import explain

def objective(w, b, x, t):
    return 0.5 * (expit(w * x + b) - t) ** 2 + 0.1 * (0.5 * w**2)

print(explain(objective)(2.0, 1.0, 0.5, 1.0).derivation())"""
