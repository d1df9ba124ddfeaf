"""`chainrule check`: what a file may define, how it ends, and what is said where the file itself goes wrong."""

import pytest

from chainrule.inspection import exercise

NETWORK = """
import numpy as np
from chainrule import nn

network = nn.Network.of(2, (3,), 1, activation="tanh", output="sigmoid")
rng = np.random.default_rng(0)
X, y = rng.normal(size=(4, 2)), rng.integers(0, 2, (4, 1))
parameters = network.initialize(0)
loss = "binary_cross_entropy"

def gradients(parameters, X, y):
    first, last = parameters
    a = np.tanh(X @ first["weights"] + first["bias"])
    delta2 = 1 / (1 + np.exp(-(a @ last["weights"] + last["bias"]))) - y
    delta1 = delta2 @ last["weights"].T * (1 - a**2)
    return [(X.T @ delta1 / 4, delta1.mean(axis=0)), (a.T @ delta2 / 4, delta2.mean(axis=0))]
"""


@pytest.fixture
def check(run, folder):
    def check(text, *options):
        (folder / "mine.py").write_text(text)
        return run("check", "mine.py", *options)

    return check


def test_right_gradients(check):
    ran = check(NETWORK)
    assert (ran.code, ran.out, ran.err) == (0, "Right: every array agrees with backpropagation.\n", "")


def test_another_convention_is_right(check):
    ran = check(
        NETWORK.replace("X.T @ delta1 / 4", "X.T @ delta1").replace("mean", "sum").replace("delta2 / 4", "delta2")
    )
    assert ran.code == 0
    assert "the cost is the sum over the examples" in ran.out


def test_a_slip_and_a_hint(check):
    slipped = NETWORK.replace(" * (1 - a**2)", "")
    ran = check(slipped)
    assert ran.code == 1
    assert ran.out.startswith("Not right: layer 1, sensitivities: the derivative of the activation is left out.")
    ran = check(slipped, "--hint")
    assert ran.code == 1
    assert "left out" not in ran.out
    assert "look at the sensitivities of layer 1" in ran.out


def test_a_notation(check):
    ran = check(NETWORK, "--notation", "nielsen")
    assert ran.code == 2  # now the parameters come transposed
    assert "mine.py, line 13, in gradients: a = np.tanh(" in ran.err
    assert check(NETWORK + "notation = 'lea'\n").err.startswith("chainrule: unknown notation 'lea'")


def test_an_exercise(check):
    drawn = exercise(5)
    assert "not filled in yet" in check(drawn.file).out
    arrays = [
        {
            "weights": layer["gradient by weights"].round(4).tolist(),
            "bias": layer["gradient by bias"].round(4).tolist(),
            "sensitivities": layer["sensitivities"].round(4).tolist(),
        }
        for layer in drawn.answers.arrays()
    ]
    assert check(f"exercise = 5\ngradients = {arrays}\n").code == 0
    arrays[1]["weights"][0][0] += 0.01
    assert check(f"exercise = 5\ngradients = {arrays}\n").code == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ny = 1 / 0\n", "chainrule: mine.py, line 2: y = 1 / 0: ZeroDivisionError: division by zero\n"),
        ("x = (1\n", "chainrule: mine.py, line 1: x = (1: '(' was never closed\n"),
        ("import sys\nsys.exit(3)\n", "chainrule: mine.py ended the program itself (exit code 3)\n"),
        (
            "x = 1\n",
            "chainrule: mine.py should define gradients: a list of arrays, or a function that returns one\n",
        ),
        ("gradients = []\n", "chainrule: mine.py should define network and X, or exercise = SEED\n"),
        (
            NETWORK.replace("return [", "return [*undefined, "),
            "chainrule: mine.py, line 16, in gradients: return [*undefined, (X.T @ delta1 / 4, delta1.mean(axis=0)), "
            "(a.T @ delta2 / 4, delta2.mean(axis=0))]: NameError: name 'undefined' is not defined\n",
        ),
        (
            NETWORK.replace('loss = "binary_cross_entropy"', ""),
            "chainrule: needed for this Network: loss\n",
        ),
    ],
)
def test_what_goes_wrong_in_the_file_is_one_line_of_its_own(check, text, message):
    ran = check(text)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == message


def test_files_beside_it_can_be_imported_and_its_main_is_not_run(check, folder):
    (folder / "beside.py").write_text(NETWORK)
    ran = check("from beside import *\nif __name__ == '__main__':\n    raise SystemExit('run')\n")
    assert ran.code == 0


def test_no_such_file(run):
    ran = run("check", "none.py")
    assert (ran.code, ran.err) == (2, "chainrule: there is no file none.py\n")


def test_the_help_says_that_the_file_is_run(run):
    ran = run("check", "--help")
    assert ran.code == 0
    assert "This runs the file" in ran.out
