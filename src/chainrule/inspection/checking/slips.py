"""The table of slips: what each is called, what it computes, and what is said about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chainrule.inspection.checking import slipped_steps as s
from chainrule.inspection.checking.steps import Step

__all__ = ["KINDS", "SLIPS", "Slip"]

#: What is asked of somebody who made a slip of this kind, without saying what is wrong.
KINDS = {
    "untransposed weights": "Which way do the weights take a vector forward, and which way has it to go now?",
    "activation's derivative": "Which derivative meets what comes back, how often, and at which number is it taken?",
    "bias in the sensitivity": "Which of the numbers that entered the next layer depend on this layer's signals?",
    "off by one layer": "Which two arrays stand at the two ends of a weight? Check the number of each layer.",
    "stale activations": "Of which forward pass, and of which example, are the numbers that you use here?",
    "missing regulariser": "Which terms does the objective have? Differentiate all of them, with their factors.",
    "regularised bias": "Which parameters are in the regulariser, and which are not?",
    "wrong layer's weights": "Through which connections did this layer's activations reach the loss?",
    "sum over the wrong axis": "Over what is a sum taken here, over examples or over units? Check the axis of each.",
    "softmax elementwise": "On how many signals does one output of this layer depend?",
    "normalisation": "On which numbers do the mean and the deviation of this layer depend, and what do they multiply?",
    "residual connection": "Along how many paths did these activations reach the loss?",
    "examples not added": "Every example has a gradient. What becomes of them all?",
}


@dataclass(frozen=True)
class Slip:
    """A mistake that is made in writing backpropagation.

    Attributes
    ----------
    key : str
        Its name in `SLIPS`.
    kind : str
        A key of `KINDS`.
    array : str
        The array in which it is made: ``"sensitivities"``, ``"weights"`` or ``"bias"``.
    sentence : str
        What was done, and what belongs there.
    formula : str
        Name of the formula of a `Notation` that says how it should be.
    steps : mapping of str to function
        The steps as they are with it.
    alone : bool
        Whether it may be made at one layer alone; otherwise it is looked for at all of them at once.
    """

    key: str
    kind: str
    array: str
    sentence: str
    formula: str
    steps: Mapping[str, Step] = field(repr=False, hash=False)
    alone: bool = True


def _back(key: str, kind: str, sentence: str, step: Step) -> Slip:
    return Slip(key, kind, "sensitivities", sentence, "sensitivity", {"send_back": step})


def _slope(key: str, sentence: str, step: Step, kind: str = "activation's derivative") -> Slip:
    return Slip(key, kind, "sensitivities", sentence, "sensitivity", {"meet": step})


def _norm(key: str, sentence: str, step: Step) -> Slip:
    return Slip(key, "normalisation", "sensitivities", sentence, "back", {"hand_back": step})


def _paths(key: str, sentence: str, step: Step) -> Slip:
    return Slip(key, "residual connection", "sensitivities", sentence, "back", {"join": step})


def _weights(key: str, kind: str, sentence: str, **steps: Step) -> Slip:
    return Slip(key, kind, "weights", sentence, "gradient by weights", steps)


def _bias(key: str, kind: str, sentence: str, step: Step) -> Slip:
    return Slip(key, kind, "bias", sentence, "gradient by bias", {"by_bias": step})


_BIAS, _SHIFT, _STALE = "bias in the sensitivity", "off by one layer", "stale activations"
_WRONG, _AXIS, _PENALTY = "wrong layer's weights", "sum over the wrong axis", "missing regulariser"

_ROWS = [
    _back(
        "untransposed",
        "untransposed weights",
        "the sensitivity goes back through the weights as they are in the forward pass; they have to be transposed",
        s.untransposed,
    ),
    _slope("slope missing", "the derivative of the activation is left out", s.slope_missing),
    _slope("slope twice", "the derivative of the activation is multiplied in twice", s.slope_twice),
    _slope(
        "slope at activations",
        "the derivative of the activation is taken at the activations; it belongs at the signals",
        s.slope_at_activations,
    ),
    _slope(
        "slope formula of signals",
        "the formula for the derivative that takes activations was given signals",
        s.slope_formula_of_signals,
    ),
    _slope("slope of sigmoid", "a (1 - a), the derivative of the sigmoid, is used here", s.slope_of_sigmoid),
    _slope("slope of tanh", "1 - a^2, the derivative of tanh, is used here", s.slope_of_tanh),
    _slope("slope of next layer", "the derivative of the next layer's activation is used", s.slope_of_layer(1)),
    _slope(
        "slope of layer before", "the derivative of the activation of the layer before is used", s.slope_of_layer(-1)
    ),
    Slip(
        "slope before weights",
        "activation's derivative",
        "sensitivities",
        "the derivative of the activation is multiplied in a layer too late: after the sensitivity was used for the "
        "gradients, on its way through the weights",
        "sensitivity",
        {"meet": s.slope_missing, "send_back": s.slope_before_weights, "hand_back": s.slope_before_layer},
        alone=False,
    ),
    Slip(
        "slope in the gradient",
        "activation's derivative",
        "weights",
        "the derivative of the activation is multiplied in once more in the gradients; the sensitivity has it already",
        "gradient by weights",
        {"by_weights": s.by_weights_with_slope, "by_bias": s.by_bias_with_slope},
    ),
    _back(
        "bias row kept",
        _BIAS,
        "the row of the biases takes part where the sensitivity goes back, so that every unit gets its neighbour's; "
        "row 0 has to be left out",
        s.bias_column_kept,
    ),
    _back("bias spread", _BIAS, "what comes back through the bias is added to every unit", s.bias_spread),
    _back("own bias added", _BIAS, "the bias of the layer is added to what comes back", s.own_bias_added),
    _back("next bias added", _BIAS, "the bias of the next layer is added to what comes back", s.next_bias_added),
    _weights(
        "own activations",
        _SHIFT,
        "the layer's own activations stand in its gradient; what entered it belongs there",
        by_weights=s.own_activations,
    ),
    _weights(
        "inputs of layer before",
        _SHIFT,
        "the inputs of the layer before stand in the gradient: one layer too early",
        by_weights=s.inputs_of_layer_before,
    ),
    _weights(
        "signals as inputs",
        "activation's derivative",
        "the signals of the layer before stand in the gradient; its activations belong there",
        by_weights=s.signals_as_inputs,
    ),
    _weights(
        "sensitivities of next layer",
        _SHIFT,
        "the sensitivities of the next layer stand in the gradients: one layer too late",
        by_weights=s.by_weights_with_next,
        by_bias=s.by_bias_with_next,
    ),
    _weights(
        "next sensitivities by weights",
        _SHIFT,
        "the sensitivities of the next layer stand in the gradient by the weights",
        by_weights=s.by_weights_with_next,
    ),
    _bias(
        "next sensitivities by bias",
        _SHIFT,
        "the sensitivities of the next layer stand in the gradient by the bias",
        s.by_bias_with_next,
    ),
    _weights("gradients of next layer", _SHIFT, "these are the gradients of the next layer", **s.gradient_of_layer(1)),
    _weights(
        "gradients of layer before", _SHIFT, "these are the gradients of the layer before", **s.gradient_of_layer(-1)
    ),
    *(
        Slip(
            f"stale {what}, {whose}",
            _STALE,
            "weights" if "inputs" in steps else "sensitivities",
            f"{text} are those of {whose}, not of the example at hand",
            "gradient by weights" if "inputs" in steps else "sensitivity",
            s.stale(rows, inputs="inputs" in steps, slopes="slopes" in steps),
            alone=len(steps) == 1,
        )
        for what, text, steps in (
            ("inputs", "the activations that enter the gradient", {"inputs"}),
            ("slopes", "the activations at which the derivative is taken", {"slopes"}),
            ("activations", "the activations, in the gradients and in the derivative,", {"inputs", "slopes"}),
        )
        for whose, rows in (
            ("the example before", slice(None)),
            ("the last example", [-1]),
            ("the first example", [0]),
        )
    ),
    Slip(
        "regulariser missing",
        _PENALTY,
        "weights",
        "the derivative of the regulariser is left out",
        "gradient by weights",
        {"weight_penalty": s.penalty_times(0.0)},
    ),
    *(
        Slip(f"regulariser {what}", _PENALTY, "weights", sentence, "gradient by weights", {"weight_penalty": step})
        for what, sentence, step in (
            ("twice", "the derivative of the regulariser has twice its size", s.penalty_times(2.0)),
            ("half", "the derivative of the regulariser has half its size", s.penalty_times(0.5)),
            ("subtracted", "the derivative of the regulariser is subtracted", s.penalty_times(-1.0)),
            (
                "over examples",
                "the derivative of the regulariser is divided by the number of examples",
                s.penalty_over_examples,
            ),
        )
    ),
    Slip(
        "bias regularised",
        "regularised bias",
        "bias",
        "the regulariser is applied to the bias too",
        "gradient by bias",
        {"bias_penalty": s.bias_regularised},
    ),
    _back("own weights", _WRONG, "the sensitivity goes back through the layer's own weights", s.through_weights_of(0)),
    _back(
        "own weights untransposed",
        _WRONG,
        "the sensitivity goes back through the layer's own weights, which fit as they are",
        s.through_weights_of(0, transposed=False),
    ),
    _back(
        "weights two on", _WRONG, "the sensitivity goes back through the weights two layers on", s.through_weights_of(2)
    ),
    _back(
        "weights one before",
        _WRONG,
        "the sensitivity goes back through weights two layers early",
        s.through_weights_of(-1),
    ),
    _bias(
        "bias over units",
        _AXIS,
        "the sensitivities are summed over units, not over examples",
        s.bias_over_units(mean=False),
    ),
    _bias("bias mean over units", _AXIS, "the mean is over units, not over examples", s.bias_over_units(mean=True)),
    _bias("bias over all", _AXIS, "the sensitivities are summed over units too", s.bias_over_all(mean=False)),
    _bias("bias mean over all", _AXIS, "the mean is over units too", s.bias_over_all(mean=True)),
    _slope(
        "softmax over examples",
        "the sum in the derivative of softmax is over examples; it is over the units of one example",
        s.softmax_over_examples,
        _AXIS,
    ),
    _slope(
        "softmax elementwise",
        "softmax is differentiated as if each output depended on its own signal alone; it has a matrix of derivatives",
        s.softmax_elementwise,
        "softmax elementwise",
    ),
    _norm(
        "statistics constant",
        "on the way back mean and deviation are taken as constants; both depend on the inputs of the layer",
        s.statistics_constant,
    ),
    _norm(
        "deviation constant",
        "on the way back the deviation is taken as a constant; it depends on the inputs of the layer",
        s.deviation_constant,
    ),
    _norm("scale left out", "on the way back the scale is left out", s.scale_missing),
    _norm("not divided", "on the way back it is not divided by the deviation", s.deviation_missing),
    _norm("normalisation ignored", "the sensitivity goes back as if nothing were normalised", s.norm_ignored),
    _paths(
        "skip left out",
        "what comes back on the residual connection, past the layers between, is not added",
        s.one_path(0),
    ),
    _paths(
        "branch left out",
        "what comes back through the layers of the residual connection is not added, only what comes past them",
        s.one_path(-1),
    ),
    _paths("paths averaged", "what comes back on two paths is averaged; it is added", s.two_paths_averaged),
    _weights(
        "last example only",
        "examples not added",
        "only the last example is in the gradients: they are overwritten, not added up",
        by_weights=s.by_weights_of_last_example,
        by_bias=s.by_bias_of_last_example,
    ),
    _weights(
        "weights of examples ignored",
        "examples not added",
        "the examples count alike; they have weights",
        by_weights=s.by_weights_unweighted,
        by_bias=s.by_bias_unweighted,
    ),
    _bias(
        "bias summed",
        "examples not added",
        "the gradient by the bias is a sum, that by the weights a mean",
        s.bias_times_examples(1),
    ),
    _bias(
        "bias divided",
        "examples not added",
        "the gradient by the bias is divided by the number of examples once more",
        s.bias_times_examples(-1),
    ),
    _bias("bias zero", "examples not added", "the gradient by the bias is left at zero", s.bias_zero),
]

SLIPS: dict[str, Slip] = {row.key: row for row in _ROWS}
"""Every slip that is looked for, by name."""
