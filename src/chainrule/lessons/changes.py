"""The sections of the lesson `vanishing` on what was learned since the 1980s."""

from collections.abc import Sequence

import numpy as np

from chainrule.lessons import figures_vanishing
from chainrule.lessons.ladder import ADAM, DEPTH, RATES, STEPS, Learned
from chainrule.lessons.lesson import Claim, Figure, Section, Table
from chainrule.lessons.numerals import numeral

__all__ = ["changes"]

_SLOW, _FAST = RATES


def changes(climbed: Sequence[Learned]) -> tuple[Section, Section]:
    """Tell what each change did.

    Parameters
    ----------
    climbed : sequence of Learned
        What the networks of `chainrule.lessons.ladder.STEPS` learned, in their order.

    Returns
    -------
    tuple of two Sections
        Table and figure, and the claims.
    """
    old, tanh, glorot, relu, normed, residual = climbed
    rows = tuple(
        (
            rung.name,
            numeral(one.first_over_last, 2),
            *(numeral(one.losses[rate]) for rate in RATES),
            numeral(one.losses["adam"]) if rung.adam else "",
            f"{min(one.wrong.values()):.1%}",
        )
        for rung, one in zip(STEPS, climbed, strict=True)
    )
    return (
        Section(
            "What was learned since, one change at a time",
            (
                f"The same {DEPTH} layers, trained on 1000 digits for 15 epochs in batches of 50: first with sigmoids "
                "and small weights, as in the 1980s, then with one change after the other, each on top of those "
                "before. (He's weights come with relu, which stays from then on; softmax and cross-entropy are there "
                "throughout.) Every network is trained at two rates, and three of them by Adam too, so that none wins "
                "by a lucky rate. The last column is the least share of 500 held-out digits that is read wrongly.",
                Table(
                    "Loss after training, and share read wrongly",
                    ("change", "first / last", *(f"rate {rate}" for rate in RATES), "Adam", "wrong"),
                    rows,
                ),
                Figure(
                    "Loss after training, change by change",
                    lambda: figures_vanishing.rungs([rung.name for rung in STEPS], climbed),
                    "A row for each network and marks for how it was trained, the loss on a logarithmic axis. The "
                    "sigmoid stays at guessing. From row to row the loss falls by powers of ten, with two steps back: "
                    "relu at the large rate, and batch normalisation at the small one.",
                ),
            ),
        ),
        Section(
            "What each of them did",
            (
                Claim(
                    f"The starting point learns nothing at either rate: losses of {old.losses[_SLOW]:.2f} and "
                    f"{old.losses[_FAST]:.2f}, where guessing costs {np.log(10):.2f}.",
                    min(old.losses[rate] for rate in RATES) > 2.25,
                ),
                Claim(
                    "tanh (LeCun and others, 1998), whose slope goes up to 1, makes the first layer's sensitivities "
                    f"{tanh.first_over_last / old.first_over_last:,.0f} times as large, relative to the last "
                    f"layer's, and the loss falls to {numeral(tanh.losses[_FAST])} at the larger rate.",
                    tanh.first_over_last > 1e3 * old.first_over_last and tanh.losses[_FAST] < 1,
                ),
                Claim(
                    f"Glorot's weights (Glorot and Bengio, 2010): from {numeral(tanh.first_over_last, 2)} to "
                    f"{numeral(glorot.first_over_last, 2)} at the start, and from {numeral(tanh.losses[_FAST], 2)} to "
                    f"{numeral(glorot.losses[_FAST], 2)} in the end. One line in the program.",
                    glorot.first_over_last > 5 * tanh.first_over_last and glorot.losses[_FAST] < tanh.losses[_FAST] / 3,
                ),
                Claim(
                    "relu (Nair and Hinton, 2010) with He's weights (2015) learns faster at the small rate "
                    f"({numeral(relu.losses[_SLOW], 2)} where tanh is at {numeral(glorot.losses[_SLOW], 2)}), and "
                    f"trips over the large one: {numeral(relu.losses[_FAST], 2)}. Nothing "
                    "bounds its signals.",
                    relu.losses[_SLOW] < glorot.losses[_SLOW] and relu.losses[_FAST] > 5 * glorot.losses[_FAST],
                ),
                Claim(
                    "Batch normalisation (Ioffe and Szegedy, 2015) makes the large rate safe: "
                    f"{numeral(normed.losses[_FAST], 2)} in place of {numeral(relu.losses[_FAST], 2)}. At the small "
                    f"rate it is slower, {numeral(normed.losses[_SLOW], 2)} against {numeral(relu.losses[_SLOW], 2)}: "
                    "it is there to be used with large steps.",
                    normed.losses[_FAST] < relu.losses[_FAST] / 5 and normed.losses[_SLOW] > relu.losses[_SLOW],
                ),
                Claim(
                    "Residual connections (He and others, 2015) give the sensitivity a way around each pair of layers, "
                    "past their weights. The loss falls at both rates, to "
                    f"{numeral(residual.losses[_SLOW], 2)} and {numeral(residual.losses[_FAST], 2)}.",
                    all(residual.losses[rate] < normed.losses[rate] for rate in RATES),
                ),
                Claim(
                    "Adam (Kingma and Ba, 2014) divides every step by the usual size of its gradient, so that a layer "
                    "with small sensitivities is not left behind. The second network, with "
                    f"{numeral(tanh.first_over_last, 1)} left in its first layer, gets to "
                    f"{numeral(tanh.losses['adam'], 2)} with it, and even the first one moves, to "
                    f"{numeral(old.losses['adam'], 2)}.",
                    tanh.losses["adam"] < min(tanh.losses[rate] for rate in RATES) and old.losses["adam"] < 2.15,
                ),
                Claim(
                    f"Where everything else is in place it changes little: {numeral(residual.losses['adam'], 2)} at a "
                    f"rate of {ADAM}, against {numeral(residual.losses[_FAST], 2)} by gradient descent.",
                    0.2 < residual.losses["adam"] / residual.losses[_FAST] < 8,
                ),
                Claim(
                    f"And a fair word on the third row: with {DEPTH} layers, tanh with good starting weights and a "
                    f"large rate gets to {numeral(glorot.losses[_FAST], 2)}, close to the best of all. What the "
                    "later ideas are worth shows where there are more layers, or no time to look for the rate.",
                    glorot.losses[_FAST] < 4 * min(min(one.losses.values()) for one in climbed),
                ),
            ),
        ),
    )
