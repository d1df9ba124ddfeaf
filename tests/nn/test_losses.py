"""Losses: values, exactness far out, both forms, and what is refused."""

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import log_loss, mean_poisson_deviance
from tests.nn.oracles import LOSS_DERIVATIVES, through

from chainrule.differentiate import grad
from chainrule.errors import DataError, OptionError
from chainrule.nn import Loss, Network, example_losses
from chainrule.nn.activations import ACTIVATIONS, Activation
from chainrule.nn.losses import LOSSES, huber, loss

RNG = np.random.default_rng(5)
SIGNALS = RNG.normal(size=(6, 3))
NUMBERS = RNG.normal(size=(6, 3))
YES_OR_NO = (NUMBERS > 0).astype(float)
ONE_HOT = np.eye(3)[[0, 1, 2, 2, 1, 0]]
SOFT = softmax(NUMBERS, axis=1)
COUNTS = np.array([[0.0, 1, 2], [3, 0, 0], [1, 1, 7], [0, 2, 0], [4, 5, 6], [0, 0, 1]])
TARGETS = {
    "squared": [NUMBERS],
    "half_squared": [NUMBERS],
    "absolute": [NUMBERS],
    "huber": [3 * NUMBERS],
    "binary_cross_entropy": [YES_OR_NO, SOFT],
    "cross_entropy": [ONE_HOT, SOFT],
    "poisson": [COUNTS],
}
FORMULAS = {
    "squared": lambda a, t: (a - t) ** 2,
    "half_squared": lambda a, t: (a - t) ** 2 / 2,
    "absolute": lambda a, t: np.abs(a - t),
    "huber": lambda a, t: np.where(np.abs(a - t) < 1, (a - t) ** 2 / 2, np.abs(a - t) - 0.5),
    "binary_cross_entropy": lambda a, t: -(t * np.log(a) + (1 - t) * np.log(1 - a)),
    "cross_entropy": lambda a, t: -t * np.log(a),
    "poisson": lambda a, t: t * np.log(np.where(t > 0, t, 1) / a) - t + a,
}
CASES = [(name, t) for name in LOSSES for t in range(len(TARGETS[name]))]


def output_of(name):
    """An output activation that fits the loss."""
    row = LOSSES[name]
    return row.outputs[0] if row.outputs else ACTIVATIONS["identity"]


def by_signal(row, output, signals, targets):
    """The losses as a network with this output computes them."""
    if output in row.from_signal:
        return row.of_signal(signals, output, targets)
    return row(output.function(signals), targets)


def test_no_row_is_left_out():
    assert set(TARGETS) == set(FORMULAS) == set(LOSS_DERIVATIVES) == set(LOSSES)
    assert [name for name, row in LOSSES.items() if name != row.name] == []
    pairs = {(row.name, name) for name, of in LOSSES.items() for row in of.from_signal}
    assert pairs == {("sigmoid", "binary_cross_entropy"), ("softmax", "cross_entropy"), ("exp", "poisson")}


@pytest.mark.parametrize(("name", "which"), CASES)
def test_values(name, which):
    targets = TARGETS[name][which]
    outputs = output_of(name).function(SIGNALS)
    expected = FORMULAS[name](outputs, targets).sum(axis=1)
    np.testing.assert_allclose(loss(name)(outputs, targets), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("name", "which"), CASES)
def test_both_forms_agree(name, which):
    targets, row, output = TARGETS[name][which], loss(name), output_of(name)
    found = by_signal(row, output, SIGNALS, targets)
    np.testing.assert_allclose(found, row(output.function(SIGNALS), targets), rtol=1e-12)


@pytest.mark.parametrize(("name", "which"), CASES)
def test_the_two_factors_of_the_derivative(name, which):
    """dl/da from the form by the activation; dl/dz from the form by the signal; they differ by da/dz."""
    targets, row, output = TARGETS[name][which], loss(name), output_of(name)
    outputs = output.function(SIGNALS)
    by_activation = grad(lambda a: np.sum(row(a, targets)))(outputs)
    np.testing.assert_allclose(by_activation, LOSS_DERIVATIVES[name](outputs, targets), rtol=1e-10)

    def from_signal(z):
        return np.sum(by_signal(row, output, z, targets))

    expected = through(output.name, SIGNALS, outputs, None, by_activation)
    np.testing.assert_allclose(grad(from_signal)(SIGNALS), expected, rtol=1e-9, atol=1e-12)


def test_the_short_forms_of_the_lecture_notes_hold_for_their_pairs():
    for name, output, targets in (
        ("binary_cross_entropy", "sigmoid", YES_OR_NO),
        ("cross_entropy", "softmax", ONE_HOT),
        ("poisson", "exp", COUNTS),
        ("half_squared", "identity", NUMBERS),
    ):
        row, activation = LOSSES[name], ACTIVATIONS[output]
        found = grad(
            lambda z, row=row, activation=activation, targets=targets: np.sum(by_signal(row, activation, z, targets))
        )(SIGNALS)
        np.testing.assert_allclose(found, activation.function(SIGNALS) - targets, rtol=1e-9, atol=1e-12)


def test_agrees_with_scikit_learn():
    probabilities = softmax(SIGNALS, axis=1)
    assert loss("cross_entropy")(probabilities, ONE_HOT).mean() == pytest.approx(
        log_loss(ONE_HOT.argmax(axis=1), probabilities)
    )
    rates = np.exp(SIGNALS)
    assert 2 * loss("poisson")(rates, COUNTS).mean() / 3 == pytest.approx(
        mean_poisson_deviance(COUNTS.ravel(), rates.ravel())
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary_cross_entropy_far_out(dtype):
    row, sigmoid = loss("binary_cross_entropy"), ACTIVATIONS["sigmoid"]
    z = np.array([[-1000.0], [-1000.0], [1000.0], [1000.0], [30.0]], dtype)
    t = np.array([[0], [1], [0], [1], [1]], dtype)
    losses = row.of_signal(z, sigmoid, t)
    assert losses.dtype == dtype
    np.testing.assert_allclose(losses, [0, 1000, 1000, 0, np.exp(-30.0)], rtol=1e-5)
    assert not np.signbit(losses).any()
    slopes = grad(lambda z: np.sum(row.of_signal(z, sigmoid, t)))(z)
    assert slopes.dtype == dtype
    np.testing.assert_allclose(np.ravel(slopes), [0, -1, 1, 0, -np.exp(-30.0)], rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_far_out(dtype):
    row, output = loss("cross_entropy"), ACTIVATIONS["softmax"]
    z = np.array([[1000.0, 0.0, -1000.0]] * 2, dtype)
    t = np.array([[1, 0, 0], [0, 0, 1]], dtype)
    losses = row.of_signal(z, output, t)
    assert losses.dtype == dtype
    np.testing.assert_allclose(losses, [0, 2000])
    assert not np.signbit(losses).any()
    slopes = grad(lambda z: np.sum(row.of_signal(z, output, t)))(z)
    assert slopes.dtype == dtype
    np.testing.assert_allclose(slopes, [[0, 0, 0], [1, 0, -1]])


def test_certain_activations():
    """The forms by the activation at outputs of exactly 0 and 1: the true loss, no NaN in a derivative."""
    outputs = np.array([[1.0, 0.0]])
    right, wrong = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    for name in ("binary_cross_entropy", "cross_entropy"):
        assert loss(name)(outputs, right) == [0.0]
        assert loss(name)(outputs, wrong) == [np.inf]
        assert np.isfinite(grad(lambda a, name=name: np.sum(loss(name)(a, right)))(outputs)).all()
    assert loss("poisson")(np.zeros((1, 1)), np.zeros((1, 1))) == [0.0]
    np.testing.assert_array_equal(
        grad(lambda a: np.sum(loss("poisson")(a, np.zeros((1, 1)))))(np.zeros((1, 1))), [[1.0]]
    )


def test_kinks():
    zero = np.zeros((1, 2))
    assert not grad(lambda a: np.sum(loss("absolute")(a, zero)))(zero).any()
    edge = np.array([[1.0, -1.0]])
    np.testing.assert_array_equal(grad(lambda a: np.sum(loss("huber")(a, zero)))(edge), edge)
    np.testing.assert_array_equal(huber(4 * edge, zero, delta=2.0), [12.0])
    np.testing.assert_array_equal(grad(lambda a: np.sum(huber(a, zero, delta=2.0)))(4 * edge), 2 * edge)


def test_huber_squares_nothing_large():
    far = np.array([[1e30]], np.float32)
    np.testing.assert_array_equal(huber(far, np.zeros_like(far)), far[0])


@pytest.mark.parametrize("name", LOSSES)
def test_float32_stays(name):
    output = output_of(name)
    z, t = SIGNALS.astype(np.float32), TARGETS[name][0].astype(np.float32)
    assert loss(name)(output.function(z), t).dtype == np.float32
    assert by_signal(loss(name), output, z, t).dtype == np.float32


def test_the_derivative_by_soft_targets():
    found = grad(lambda t: np.sum(loss("cross_entropy")(SOFT, t)))(ONE_HOT)
    np.testing.assert_allclose(found, -np.log(SOFT), rtol=1e-12)
    softmax_row = ACTIVATIONS["softmax"]
    found = grad(lambda t: np.sum(loss("cross_entropy").of_signal(SIGNALS, softmax_row, t)))(ONE_HOT)
    np.testing.assert_allclose(found, -log_softmax(SIGNALS, axis=1), rtol=1e-12)


def quartic(outputs, targets):
    """A loss as a user writes one."""
    return np.sum((outputs - targets) ** 4, axis=1)


def test_a_function_of_ones_own():
    row = loss(quartic)
    assert (row.name, loss(row)) == ("quartic", row)
    np.testing.assert_allclose(row(SIGNALS, NUMBERS), ((SIGNALS - NUMBERS) ** 4).sum(axis=1))
    found = grad(lambda a: np.sum(row(a, NUMBERS)))(SIGNALS)
    np.testing.assert_allclose(found, 4 * (SIGNALS - NUMBERS) ** 3, rtol=1e-10)


def test_a_function_of_ones_own_may_take_labels():
    def picked(outputs, labels):
        return -np.log(outputs[np.arange(len(labels)), labels])

    labels = ONE_HOT.argmax(axis=1)
    expected = loss("cross_entropy")(SOFT, ONE_HOT)
    np.testing.assert_allclose(loss(picked)(SOFT, labels), expected)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda a, t: (a - t) ** 2, r"\(6, 3\)"),
        (lambda a, t: np.mean((a - t) ** 2), r"\(\)"),
        (lambda a, t: 1.0, r"\(\)"),
        (lambda a, t: np.sum((a - t) ** 2, axis=0), r"\(3,\)"),
    ],
)
def test_one_number_for_each_example(function, shape):
    with pytest.raises(OptionError, match=rf"one number for each example, shape \(6,\), found shape {shape}: sum"):
        loss(function)(SIGNALS, NUMBERS)


@pytest.mark.parametrize("name", LOSSES)
def test_shapes_have_to_agree(name):
    with pytest.raises(DataError, match=rf"the loss {name} needs .* found outputs \(6, 3\) and targets \(5, 3\)"):
        loss(name)(SIGNALS, NUMBERS[:5])


@pytest.mark.parametrize("name", ["squared", quartic])
def test_columns_do_not_broadcast(name):
    with pytest.raises(DataError, match=r"outputs \(6, 1\) and targets \(6,\): give targets\[:, np.newaxis\]"):
        loss(name)(SIGNALS[:, :1], NUMBERS[:, 0])


def test_integer_labels_are_answered():
    with pytest.raises(DataError, match=r"for integer labels give np.eye\(3\)\[labels\]"):
        loss("cross_entropy")(SOFT, np.array([0, 1, 2, 0, 1, 2]))
    with pytest.raises(DataError, match=r"outputs \(6, 3\) and targets \(4,\)$"):
        loss(quartic)(SOFT, np.zeros(4))


def test_lists_are_welcome():
    np.testing.assert_array_equal(loss("squared")(np.array([[1.0]]), [[3]]), [4.0])


def test_outputs_that_do_not_fit():
    for name, output, advice in (
        ("cross_entropy", "sigmoid", "use softmax$"),
        ("binary_cross_entropy", "tanh", "use sigmoid or softmax$"),
        ("poisson", "identity", "use exp or softplus$"),
    ):
        with pytest.raises(OptionError, match=f"the loss {name} does not fit the output activation {output}: {advice}"):
            loss(name).check_output(ACTIVATIONS[output])
    loss("cross_entropy").check_output(Activation("own", lambda z: z))
    loss("squared").check_output(ACTIVATIONS["softmax"])


def test_a_name_of_the_table_does_not_make_a_function_the_table_s():
    """The stable form belongs to the row, not to the name: a function of one's own is never replaced."""
    own = Loss("binary_cross_entropy", lambda a, t: np.sum(a, axis=1))
    halved = Activation("sigmoid", lambda z: 0.5 * expit(z))
    for row, output in ((own, ACTIVATIONS["sigmoid"]), (loss("binary_cross_entropy"), halved)):
        network = Network.of(3, outputs=3, output=output)
        parameters = network.initialize(0)
        expected = row.function(network.apply(parameters, network.initial_state(), SIGNALS)[0], YES_OR_NO)
        losses, _ = example_losses(network, row, parameters, network.initial_state(), SIGNALS, YES_OR_NO)
        np.testing.assert_array_equal(losses, expected)
        with pytest.raises(OptionError, match="has no form by the signal for the activation sigmoid"):
            row.of_signal(SIGNALS, output, YES_OR_NO)


@pytest.mark.parametrize("name", LOSSES)
def test_good_targets_pass(name):
    for targets in TARGETS[name]:
        loss(name).check_targets(targets)
    loss(quartic).check_targets("anything")


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("squared", [np.nan, 0.0, 0.0], r"finite numbers, found \[nan"),
        ("huber", [np.inf, 0.0, 0.0], r"finite numbers, found \[inf"),
        ("binary_cross_entropy", [0.0, 2.0, 1.0], r"numbers from 0 to 1, found \[0. 2. 1.\]"),
        (
            "cross_entropy",
            [1.0, 1.0, 0.0],
            r"one-hot rows \(or probabilities that sum to 1\), found \[1. 1. 0.\]",
        ),
        ("cross_entropy", [2.0, -1.0, 0.0], "one-hot rows"),
        ("poisson", [0.0, 0.0, -1.0], "finite numbers of at least 0"),
    ],
)
def test_bad_targets_are_named(name, row, message):
    targets = np.vstack([TARGETS[name][0], row])
    with pytest.raises(DataError, match=f"targets, row 6: the loss {name} expects {message}"):
        loss(name).check_targets(targets)


def test_targets_need_two_dimensions():
    with pytest.raises(DataError, match=r"shape \(examples, outputs\), found \(3,\)"):
        loss("squared").check_targets(np.zeros(3))


def test_unknown_name():
    with pytest.raises(OptionError, match="unknown loss 'cross-entropy': did you mean 'cross_entropy'"):
        loss("cross-entropy")
