"""What a check says: wrong shapes, missing layers, hints that give nothing away, HTML, a failing assert."""

import re
import subprocess
import sys

import numpy as np
import pytest
from tests.html.reading import texts
from tests.inspection.student import gradients
from tests.inspection.test_checking import drawn, names_of

from chainrule import backprop, check_backprop, nn
from chainrule.errors import OptionError
from chainrule.inspection.checking import SLIPS
from chainrule.inspection.checking.slips import KINDS


@pytest.fixture
def problem():
    return drawn(3, [3, 4, 2], "tanh", "sigmoid")


def right_ones(problem):
    network, X, y, options = problem
    return [dict(one.gradients) for one in backprop(network, X, y, **options).layers]


def said(theirs, problem, **more):
    network, X, y, options = problem
    found = check_backprop(theirs, network, X, y, **options, **more)
    assert not found.ok
    assert not found
    return found


def with_layer(problem, k, **arrays):
    theirs = right_ones(problem)
    theirs[k].update(arrays)
    return theirs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ones: ones[:1], "the network has 2 layers with weights, found 1 entries: a layer is missing"),
        (lambda ones: [*ones, ones[0]], "that is 1 too many (the inputs are no layer: they have no gradient)"),
        (lambda ones: [None, ones[1]], "entry 1, weights: nothing is there yet (None)"),
        (lambda ones: [{"bias": ones[0]["bias"]}, ones[1]], "entry 1: there is no 'weights' in it, found ['bias']"),
        (lambda ones: [ones[0], {"weights": ones[1]["weights"]}], "the gradient by the bias is missing in layer 2"),
        (lambda ones: "gradients", "expected a list with an entry for each layer, found str"),
        (lambda ones: [(1, 2, 3, 4), ones[1]], "expected (weights, bias) or (weights, bias, sensitivities), found 4"),
        (lambda ones: [([[1], [2, 3]], [0]), ones[1]], "entry 1, weights: the rows have different lengths"),
        (lambda ones: [([[None, 1.0]], [0]), ones[1]], "entry 1, weights: some entries are not filled in yet (None)"),
        (
            lambda ones: [(["a"], [0]), ones[1]],
            "entry 1, weights: expected an array of numbers, found list of type <U1",
        ),
        (lambda ones: {"weights": [ones[0]["weights"]]}, "found 1 entries in 'weights': a layer is missing"),
        (lambda ones: {"w": []}, "a dict has to have a list for each name"),
    ],
)
def test_what_cannot_be_read(problem, change, message):
    found = said(change(right_ones(problem)), problem)
    assert message in str(found)
    assert str(found).startswith("The arrays cannot be compared yet:")


@pytest.mark.parametrize(
    ("k", "arrays", "message"),
    [
        (
            0,
            {"weights": np.zeros((3, 5))},
            "layer 1: the gradient by the weights should have the shape (3, 4), found (3, 5)",
        ),
        (0, {"weights": np.zeros((4, 3))}, "found (4, 3): transposed, unlike those of other layers"),
        (0, {"weights": np.zeros((5, 3, 4))}, "those of each example, not added up yet"),
        (
            1,
            {"bias": np.ones(5)},
            "layer 2: the gradient by the bias should have the shape (2,), found (5,): one number",
        ),
        (1, {"bias": np.ones((5, 2))}, "those of each example, not added up yet"),
        (0, {"sensitivities": np.ones((5, 5))}, "the constant 1 of the bias has no sensitivity"),
    ],
)
def test_wrong_shapes(problem, k, arrays, message):
    assert message in str(said(with_layer(problem, k, **arrays), problem))


def test_parameters_of_activations():
    problem = drawn(3, [3, 4, 2], "prelu")
    theirs = right_ones(problem)
    assert check_backprop(theirs, *problem[:3], **problem[3]).ok
    theirs[0]["slope"] = theirs[0]["slope"] + 1
    assert "gradient by the slope of layer 1" in str(said(theirs, problem))
    theirs[0]["slope"] = np.ones(7)
    assert "layer 1: the gradient by the slope should have the shape" in str(said(theirs, problem))
    message = "layer 2: expected gradients by weights, bias, and perhaps sensitivities, found 'scale'"
    assert message in str(said(with_layer(problem, 1, scale=np.ones(2)), problem))


def test_a_sum_over_the_wrong_axis_is_named_where_its_shape_does_not_fit(problem):
    network, X, y, options = problem
    theirs = gradients(options["parameters"], X, y, names_of(network), slip="sum over the wrong axis")
    found = said(theirs, problem)
    assert [one.kind for one in found.slips] == ["sum over the wrong axis"]


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinite")])
def test_entries_that_are_no_numbers(problem, value, word):
    theirs = right_ones(problem)
    theirs[1]["weights"] = theirs[1]["weights"].copy()
    theirs[1]["weights"][2, 1] = value
    message = f"entry 2, gradient by the weights: 1 of 8 entries are {word}, the first at [2, 1]"
    assert message in str(said(theirs, problem))


def test_biases_that_are_not_there_are_mentioned(problem):
    network, X, y, options = problem
    found = check_backprop([one["weights"] for one in right_ones(problem)], network, X, y, **options)
    assert found.ok
    assert "were not handed in, and not compared" in str(found)


def test_the_first_wrong_array_from_the_output_backwards(problem):
    noise = np.random.default_rng(1)
    theirs = [
        (one["weights"] + noise.normal(size=one["weights"].shape), one["bias"] + noise.normal(size=one["bias"].shape))
        for one in right_ones(problem)
    ]
    theirs[1] = tuple(right_ones(problem)[1].values())
    found = said(theirs, problem)
    assert not found.slips
    assert (found.differences[0].layer, found.differences[0].array) == (1, "bias")
    assert "The arrays of the layers after layer 1 are right" in str(found)
    first = found.differences[0]
    assert first.found == theirs[0][1][first.where]
    assert first.wrong == 4
    assert first.right == pytest.approx(right_ones(problem)[0]["bias"][first.where])


def test_what_follows_where_only_weights_are_wrong(problem):
    theirs = right_ones(problem)
    theirs[0]["weights"] = theirs[0]["weights"] + np.arange(12.0).reshape(3, 4)
    found = said(theirs, problem)
    assert "The gradient by the bias of layer 1 is right" in str(found)
    theirs[0]["weights"] = 3 * right_ones(problem)[0]["weights"]
    assert "it is 3 times the right one" in str(said(theirs, problem))


def test_of_two_slips_the_one_nearer_to_the_output_is_named():
    problem = network, X, y, options = drawn(3, [3, 4, 3, 2], "tanh", strength=0.2)
    theirs = [list(one) for one in gradients(options["parameters"], X, y, names_of(network), strength=0.2)]
    theirs[2][1] = theirs[2][1] + 0.2 * options["parameters"][2]["bias"]
    theirs[0][0] = theirs[0][0] + 1.0
    found = said([tuple(one) for one in theirs], problem)
    assert [one.name for one in found.slips] == ["bias regularised"]
    assert not found.complete
    assert "not all that come after it" in str(found)


def test_a_function_that_keeps_its_activations(problem):
    network = problem[0]
    kept = {}

    def theirs(parameters, X, y):
        kept.setdefault("X", X)
        arrays = gradients(parameters, X, y, names_of(network))
        old = gradients(parameters, kept["X"], y, names_of(network))
        kept["X"] = X
        return [arrays[0], (old[1][0], *arrays[1][1:])]

    (found,) = said(theirs, problem).slips
    assert (found.kind, found.layers, found.array) == ("stale activations", (2,), "weights")


def test_a_function_gets_the_layout_of_the_notation_and_may_change_what_it_gets(problem):
    network, X, y, options = problem

    def theirs(parameters, X, y):
        assert [layer["weights"].shape for layer in parameters] == [(4, 3), (2, 4)]
        back = [{"weights": layer["weights"].T, "bias": layer["bias"]} for layer in parameters]
        found = gradients(back, X, y, names_of(network))
        for layer in parameters:
            layer["weights"][:] = 0
        X[:] = 0
        return [(w.T / 2, b / 2) for w, b, _ in found]

    found = check_backprop(theirs, network, X, y, **options, notation="nielsen")
    assert found.ok
    assert found.conventions == ()


def test_linear_units_leave_no_room_for_a_derivative():
    network, X, y, options = drawn(3, [3, 4, 2], "identity")
    theirs = gradients(options["parameters"], X, y, names_of(network), slip="derivative missing")
    assert check_backprop(theirs, network, X, y, **options).ok


def test_slips_with_the_same_numbers_are_both_named():
    problem = network, X, y, options = drawn(3, [3, 4, 2], "tanh")
    theirs = [one[:2] for one in gradients(options["parameters"], X, y, names_of(network), slip="derivative missing")]
    found = said(theirs, problem)
    assert {one.name for one in found.slips} == {"slope missing", "slope before weights"}
    assert "It may also be, with the same numbers here" in str(found)


def test_other_layers_may_stand_between():
    network = nn.Network(3, (nn.Dense(4), nn.LayerNorm("tanh"), nn.Dense(1)))
    options = {"parameters": network.initialize(0), "loss": "squared"}
    X = np.random.default_rng(0).normal(size=(5, 3))
    problem = network, X, X[:, :1], options
    theirs = [one for one in right_ones(problem) if "weights" in one]
    assert check_backprop(theirs, network, X, X[:, :1], **options).ok
    theirs[0]["weights"] = theirs[0]["weights"] + 1
    found = said(theirs, problem)
    assert not found.slips
    assert (found.differences[0].layer, found.differences[0].array) == (1, "weights")


# Words.


@pytest.mark.parametrize("slip", ["untransposed", "missing regulariser", "regularised bias", "off by one layer"])
def test_a_hint_does_not_give_the_solution_away(slip):
    problem = network, X, y, options = drawn(5, [3, 3, 3, 3], "tanh", strength=0.1)
    theirs = gradients(options["parameters"], X, y, names_of(network), strength=0.1, slip=slip)
    full = said(theirs, problem)
    hint = str(said(theirs, problem, feedback="hint"))
    assert full.slips[0].question in hint
    for text in (full.slips[0].sentence, full.slips[0].name, full.slips[0].formula):
        assert text not in hint
    assert full.slips[0].sentence in str(full)
    assert full.slips[0].formula in str(full)
    # No numbers but those of layers.
    assert set(re.findall(r"\d+", hint)) <= {"1", "2", "3"}


def test_hints_where_no_slip_is_known(problem):
    hint = str(said(with_layer(problem, 0, bias=np.arange(4.0)), problem, feedback="hint"))
    assert "look at the gradient by the bias of layer 1 first" in hint
    assert not re.search(r"\d\.\d", hint)


def test_every_kind_has_a_question():
    assert {row.kind for row in SLIPS.values()} == set(KINDS)
    assert all(text.endswith((".", "?")) for text in KINDS.values())


def test_layers_and_formulas_follow_the_notation(problem):
    network, X, y, options = problem
    theirs = gradients(options["parameters"], X, y, names_of(network), slip="derivative missing")
    found = said(theirs, problem, notation="nielsen")
    assert "layer 2 (nielsen's numbers), errors δ^2: the derivative" in str(found)
    assert "δ^2 = ((w^3)ᵀ δ^3) ∘ σ′(z^2)" in str(found)
    assert "gradient by the weights ∂C/∂w^2 of layer 2 (nielsen's numbers): 12 of 12 entries differ" in str(found)
    unknown = said(with_layer(problem, 0, bias=np.arange(4.0)), problem, notation="nielsen")
    assert "The sensitivities" not in str(unknown)
    assert "The arrays of the layers after layer 2 are right" in str(unknown)
    assert "layer 3: the gradient by the biases" in str(
        said(with_layer(problem, 1, bias=np.ones(7)), problem, notation="nielsen")
    )


def test_html_says_the_same(problem):
    found = said(with_layer(problem, 0, bias=np.arange(4.0)), problem)
    shown = " ".join(texts(found._repr_html_()))
    for line in str(found).splitlines():
        assert line.strip() in shown


def test_unknown_options(problem):
    with pytest.raises(OptionError, match="feedback has to be 'full' or 'hint', found 'loud'"):
        said([], problem, feedback="loud")
    with pytest.raises(OptionError, match="nielson"):
        said([], problem, notation="nielson")


def test_a_failing_assert_shows_the_summary(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import numpy as np\n"
        "from chainrule import check_backprop, nn\n"
        "def test_mine():\n"
        "    network = nn.Network.of(2, outputs=1)\n"
        "    x = np.ones((3, 2))\n"
        "    theirs = [(np.ones((2, 1)), np.ones(1))]\n"
        "    assert check_backprop(theirs, network, x, x[:, :1], parameters=network.initialize(0), loss='squared')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 1
    assert (
        "Not right: the gradient by the bias of layer 1, the first wrong array from the output backwards" in ran.stdout
    )
