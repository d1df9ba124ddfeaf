"""Somebody's own backpropagation, compared with the derivative of the graph."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.errors import OptionError
from chainrule.inspection.backprop import pass_of
from chainrule.inspection.checking import search
from chainrule.inspection.checking.conventions import deviations, fitting_notations, scales
from chainrule.inspection.checking.found import BackpropCheck, FoundSlip
from chainrule.inspection.checking.given import Unreadable, fitting, read, shape_problem, value_problems
from chainrule.inspection.checking.names import array_name
from chainrule.inspection.checking.numbers import can_walk, numbers_of, right
from chainrule.inspection.checking.slips import KINDS, Slip
from chainrule.inspection.checking.steps import walk
from chainrule.inspection.checking.tolerance import bounds
from chainrule.inspection.checking.wrong_arrays import deductions, differences
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import notation_of
from chainrule.inspection.opened import Opened, opened
from chainrule.inspection.quantities import Backprop
from chainrule.nn import Dense
from chainrule.nn.network import Parameters, State

__all__ = ["check_backprop"]

FEEDBACK = ("full", "hint")


def check_backprop(
    theirs: Any,
    model: Any,
    X: Any,
    y: Any = None,
    *,
    parameters: Parameters | None = None,
    state: State | None = None,
    loss: Any = None,
    regularizers: Sequence[Any] = (),
    weights: Any = None,
    notation: str | Notation = "chainrule",
    feedback: str = "full",
    rtol: float | None = None,
    atol: float = 0.0,
) -> BackpropCheck:
    """Check somebody's backpropagation: name the layer, the array and the likely slip.

    Gradients that are right in another convention are right, and the convention is named: a sum in place of a mean, a
    squared error with or without 1/2, weights the other way round, the bias as a row of the weights, the opposite sign.

    Parameters
    ----------
    theirs : list, dict or callable
        A list with an entry for each layer: ``(weights, bias)`` or ``(weights, bias, sensitivities)`` with the
        gradients by each, a dict with these names, or one array where the bias is a row of the weights. Also a dict of
        lists, ``{"weights": [...], "bias": [...]}``. Or a function ``theirs(parameters, X, y)`` that returns one of
        these; it gets copies of the parameters in the layout of `notation`, a dict with ``"weights"`` and ``"bias"`` a
        layer, is called three times, and should compute the same each time.
    model, X, y, parameters, state, loss, regularizers, weights
        As `chainrule.backprop` takes them.
    notation : str or Notation
        A key of `NOTATIONS`: the convention that is expected, and in which formulas are shown.
    feedback : {"full", "hint"}
        Whether printing says what is wrong, or asks a question that leads there.
    rtol : float, optional
        Rounding that is forgiven in each product, relative to the terms of a sum; by default 256 times the precision of
        float32 where either side has it, otherwise 1e-8.
    atol : float
        Difference that is forgiven everywhere, as for numbers worked out by hand.

    Returns
    -------
    BackpropCheck
        True where all is right. Printing it says what was found.

    Raises
    ------
    OptionError
        For an unknown notation or feedback, and where `chainrule.backprop` raises it.
    DataError
        Where `chainrule.backprop` raises it.

    Notes
    -----
    Every slip is computed from the numbers of the right pass, at all layers and at each alone, and compared in every
    convention. The arrays compared are those of dense layers; what comes back to them may have come through
    normalisations and residual connections, which have slips of their own.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import check_backprop, nn
    >>> network = nn.Network.of(2, hidden=(3,), outputs=1, activation="tanh", output="sigmoid")
    >>> rng = np.random.default_rng(0)
    >>> X, y, parameters = rng.normal(size=(5, 2)), rng.random((5, 1)), network.initialize(1)
    >>> def theirs(parameters, X, y):
    ...     first, last = parameters
    ...     a = np.tanh(X @ first["weights"] + first["bias"])
    ...     delta2 = 1 / (1 + np.exp(-(a @ last["weights"] + last["bias"]))) - y
    ...     delta1 = delta2 @ last["weights"].T
    ...     return [(X.T @ delta1, delta1.sum(axis=0)), (a.T @ delta2, delta2.sum(axis=0))]
    >>> found = check_backprop(theirs, network, X, y, parameters=parameters, loss="binary_cross_entropy")
    >>> found
    Not right: layer 1, sensitivities: the derivative of the activation is left out.
    >>> found.ok, found.slips[0].name, found.conventions
    (False, 'slope missing', ('the cost is the sum over the examples, not the mean',))
    """
    expected = notation_of(notation)
    if feedback not in FEEDBACK:
        raise OptionError(f"feedback has to be 'full' or 'hint', found {feedback!r}")
    parts = opened(
        model, X, y, parameters=parameters, state=state, loss=loss, regularizers=regularizers, weights=weights
    )
    seen = pass_of(parts)
    blank = BackpropCheck(ok=False, feedback=feedback, notation=expected)
    kept: tuple[FoundSlip, ...] = ()
    try:
        if callable(theirs):
            layers, kept = _called(theirs, parts, seen, expected)
        else:
            layers = read(theirs, len(_trained(seen)))
    except Unreadable as problem:
        return replace(blank, problems=(str(problem),))
    problems = value_problems(layers)
    if problems:
        return replace(blank, problems=tuple(problems))
    found = _compared(blank, layers, parts, seen, rtol, atol)
    return replace(found, ok=False, slips=(*kept, *found.slips)) if kept and not found.problems else found


def _trained(seen: Backprop) -> list[int]:
    """Places of the layers that have weights."""
    return [k for k, one in enumerate(seen.layers) if "weights" in one.gradients]


def _called(
    theirs: Callable[..., Any], parts: Opened, seen: Backprop, notation: Notation
) -> tuple[tuple[dict[str, Any], ...], tuple[FoundSlip, ...]]:
    """Call a function; where the same call gives other numbers after one with other data, it keeps something."""

    def call(inputs: Any) -> tuple[dict[str, Any], ...]:
        laid_out = [_packed(layer, notation) for layer in parts.parameters]
        try:
            given = theirs(laid_out, inputs.copy(), parts.targets.copy())
        except Exception as error:
            shapes = [{name: np.shape(array) for name, array in layer.items()} for layer in laid_out]
            error.add_note(
                f"The function is given the parameters as a list with a dict for each layer; shapes: {shapes}"
            )
            raise
        return read(given, len(_trained(seen)))

    first, places = call(parts.inputs), _trained(seen)
    if getattr(seen.layers[0].layer, "categories", ()):
        return first, ()  # Its inputs are codes, of which not every other number is one.
    call((0.5 * parts.inputs).astype(parts.inputs.dtype))
    again = call(parts.inputs)
    for k, name in search.order(first):
        x, y = first[k][name], again[k].get(name)
        if y is None or x.shape != y.shape or not np.allclose(x, y, rtol=1e-4, atol=0, equal_nan=True):
            kept = FoundSlip(
                name="kept from an earlier call",
                kind="stale activations",
                layers=(places[k] + 1,),
                array=name if name in ("weights", "bias") else "sensitivities",
                sentence="the same call gave other numbers after a call with other data: the function keeps something "
                "of the call before, such as its activations",
                question=KINDS["stale activations"],
                formula=notation.formula("activations", places[k] + 1),
            )
            return first, (kept,)
    return first, ()


def _packed(layer: dict[str, Any], notation: Notation) -> dict[str, Any]:
    own = {name: np.array(x) for name, x in layer.items()}
    if "weights" in own and "bias" in own:
        packed = notation.pack(own.pop("weights"), own.pop("bias"))
        return {**{name: np.array(x) for name, x in packed.items()}, **own}
    return own


def _compared(
    blank: BackpropCheck,
    layers: tuple[dict[str, Any], ...],
    parts: Opened,
    seen: Backprop,
    rtol: float | None,
    atol: float,
) -> BackpropCheck:
    places = _trained(seen)
    numbers = [seen.layers[k].number for k in places]
    shown_numbers = [blank.notation.number(number) for number in numbers]
    shapes = [seen.layers[k].gradients["weights"].shape for k in places]
    whole = right(seen)
    gradients = tuple(whole[k] for k in places)
    dtype = max(
        (x.dtype for layer in (*layers, *parts.parameters) for x in layer.values() if x.dtype.kind == "f"),
        key=lambda dtype: float(np.finfo(dtype).eps),
    )
    every = bounds(seen, whole, dtype, rtol, atol)
    fits, others = fitting(layers, shapes, len(seen.losses))
    problem = search.Problem(
        readings=fits,
        scales=tuple(
            scales(
                seen.loss,
                seen.total,
                seen.losses.size and seen.targets.reshape(len(seen.losses), -1).shape[1],
                penalised=bool(parts.regularizers),
                sensitivities=any("sensitivities" in layer for layer in layers),
            )
        ),
        bounds=tuple(every[k] for k in places),
    )
    arrays = problem.readings[0][1]
    missing = [number for number, own in zip(shown_numbers, arrays, strict=True) if "bias" not in own]
    problems = [
        f"layer {number}: expected gradients by {', '.join(own.parameters)}, and perhaps sensitivities, found {name!r}"
        for number, own, given in zip(shown_numbers, gradients, arrays, strict=True)
        for name in given
        if name not in (*own.parameters, "sensitivities")
    ]
    if 0 < len(missing) < len(numbers):
        problems.append(f"the gradient by the bias is missing in layer {missing[0]}")
    if problems:
        return replace(blank, problems=tuple(problems))
    notes = ("The gradients by the biases were not handed in, and not compared.",) if missing else ()
    truth = search.Hypothesis(None, (), gradients)
    best = search.first_wrong(problem, truth)
    count = len(search.order(arrays))
    if best[0].explained == count:
        return _right(replace(blank, notes=notes), best, seen)
    candidates: list[search.Match] = []
    if can_walk(seen):
        n = numbers_of(parts, seen)
        way = walk(n)
        base, known = tuple(way.gradients.values()), list(search.hypotheses(n, truth, problem.bounds, way))
        candidates = search.slipped_matches(problem, base, known, best[0].explained + 1)
        if all(match.explained < count for match in candidates):
            # A slip that takes another layer's array has other shapes, which may fit another layout better.
            candidates += search.slipped_matches(replace(problem, readings=others), base, known, count)
    most = max((match.explained for match in candidates), default=0)
    unfit = [
        f"layer {blank.notation.number(number)}: {text}"
        for number, whole_layer, own in zip(numbers, gradients, arrays, strict=True)
        for name, x in own.items()
        if (text := shape_problem(name, array_name(name, blank.notation, (number,)), x, whole_layer, fits[0][0]))
    ]
    if unfit and most < count:
        return replace(blank, problems=tuple(unfit), notes=notes)
    chosen = _simplest([match for match in candidates if match.explained == most] or best, blank.notation, seen)
    # The scale and layout of the slip are those in which the right arrays are shown.
    shown = next(own for layout, own in (*fits, *others) if layout == chosen[0].layout)
    wrong = differences(chosen[0]._replace(hypothesis=truth), shown, problem.bounds, numbers)
    named = {match.hypothesis.slip.key: match for match in reversed(chosen) if match.hypothesis.slip is not None}
    reach = places[search.order(shown)[most - 1][0]] if candidates else 0
    return replace(
        blank,
        conventions=_deviations(chosen[0], blank.notation, seen),
        slips=tuple(_named(match, blank.notation, seen, reach) for match in reversed(named.values())),
        complete=most == count,
        differences=wrong,
        deductions=() if most == count else deductions(shown, wrong, numbers, blank.notation),
        notes=notes,
    )


def _right(blank: BackpropCheck, found: Sequence[search.Match], seen: Backprop) -> BackpropCheck:
    chosen = _simplest(found, blank.notation, seen)
    texts = list(dict.fromkeys(_deviations(match, blank.notation, seen) for match in chosen))
    keys = dict.fromkeys(
        key
        for match in found
        for key in fitting_notations(match.layout, match.scale, seen.loss, seen.total)
        if key != "chainrule"
    )
    return replace(blank, ok=True, conventions=texts[0], alternatives=tuple(texts[1:]), notations=tuple(keys))


def _deviations(match: search.Match, notation: Notation, seen: Backprop) -> tuple[str, ...]:
    return deviations(match.layout, match.scale, notation, seen.loss)


def _simplest(found: Sequence[search.Match], notation: Notation, seen: Backprop) -> list[search.Match]:
    costs = [len(_deviations(match, notation, seen)) for match in found]
    return [match for match, cost in zip(found, costs, strict=True) if cost == min(costs)]


def _named(match: search.Match, notation: Notation, seen: Backprop, reach: int) -> FoundSlip:
    slip, at = match.hypothesis.slip, match.hypothesis.at
    assert slip is not None
    layers = tuple(k + 1 for k in at if k >= reach) or tuple(k + 1 for k in at)
    return FoundSlip(
        slip.key,
        slip.kind,
        layers,
        slip.array,
        slip.sentence,
        KINDS[slip.kind],
        _formula(slip, layers, notation, seen),
    )


def _formula(slip: Slip, layers: Sequence[int], notation: Notation, seen: Backprop) -> str:
    """How it should be, at the layer where the slip was made, or at the first of several."""
    name, first = slip.formula, layers[0]
    dense = all(isinstance(one.layer, Dense) for one in seen.layers)
    if name == "back" or (name == "sensitivity" and not dense and first < len(seen.layers)):
        # A normalisation hands back to the layer before it.
        number = first - (slip.kind == "normalisation")
        return next(one.text for one in seen.equations(notation) if (one.layer, one.name) == (number, name))
    if name == "sensitivity":
        name = "output sensitivity" if first == len(seen.layers) else name
        if seen.layers[first - 1].slope.ndim == 3:
            name += ", matrix"
    if name == "gradient by bias" and name not in notation.formulas:
        name = "gradient by weights"
    return notation.formula(name, first if len(layers) == 1 else None)
