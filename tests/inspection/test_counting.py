"""What a step costs: counts against closed formulas, against the whole graph, and memory against what NumPy takes."""

import re
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.inspection.sizes import one_in
from tests.nn import kinds
from tests.nn.kinds import NETWORKS

from chainrule import count, jit, nn, optim, random, trace, train, value_and_grad
from chainrule.errors import OptionError
from chainrule.estimators import MLPRegressor
from chainrule.evaluate import runner
from chainrule.inspection.counting import multiplications
from chainrule.inspection.counting.counting import _parts, _repeated
from chainrule.inspection.counting.operations import cost_of
from chainrule.inspection.counting.pieces import recorded_step
from chainrule.nn.losses import LOSSES


def whole_graph(network, examples, loss="squared", regularizers=()):
    """The graph of the objective and its gradient, recorded in one go."""
    parameters, state = network.initialize(0), network.initial_state()
    objective = nn.objective(network, loss, regularizers)
    rng = random.random_state(0)
    x, t = np.zeros((examples, network.inputs)), np.zeros((examples, network.outputs))

    def cost(parameters, x, t):
        return objective(parameters, state, x, t, rng, True)[0]

    return trace(value_and_grad(cost))(parameters, x, t)


@one_in(10)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=5),
    activation=st.sampled_from(["tanh", "relu", "sigmoid", "gelu"]),
    examples=st.integers(1, 20),
)
def test_dense_networks_have_the_closed_formulas(sizes, activation, examples):
    network = nn.Network.of(sizes[0], sizes[1:-1], sizes[-1], activation)
    found = count(network, examples, loss="squared")
    products = [examples * a * b for a, b in pairwise(sizes)]
    numbers = found.arrays()
    # Forward one product; backward one for the weights, and but for the first layer one for the inputs.
    assert numbers["forward multiplications"].tolist() == [*products, 0]
    assert numbers["backward multiplications"].tolist() == [products[0], *(2 * p for p in products[1:]), 0]
    assert found.ratio == pytest.approx(3 - products[0] / sum(products))
    assert found.parameters == network.count_parameters()
    assert found.pieces[0].ratio == 2


def test_ratio_is_2_where_the_first_layer_is_wide_and_near_3_where_layers_are_equal():
    wide = count(nn.Network.of(5000, (10,), 2, "relu"), loss="squared")
    equal = count(nn.Network.of(16, (16,) * 20, 16, "relu"), loss="squared")
    assert 2 < wide.ratio < 2.001
    assert 2.95 < equal.ratio < 3


@pytest.mark.parametrize("name", NETWORKS)
def test_pieces_are_the_whole(name):
    """The same multiplications as in the graph that is recorded in one go, and each operation in one piece."""
    network, parameters, state, x = kinds.made(name)
    regularizers = [nn.L2(0.1)]
    loss = "cross_entropy" if network.places[-1].layer.activation_row.name == "softmax" else "squared"
    found = count(
        network,
        6,
        X=x,
        y=np.zeros((6, network.outputs)),
        parameters=parameters,
        state=state,
        loss=loss,
        regularizers=regularizers,
    )
    whole = whole_graph(network, 6, loss, regularizers)
    assert found.forward.multiplications + found.backward.multiplications == multiplications(whole)
    parts = _repeated(_parts(network, None, None, None, None, loss, (), np.dtype(float)), 6)
    step = recorded_step(parts).at(6)
    pieces = [node for piece in (*step.forward, *step.backward) for node in piece]
    assert len(pieces) == len(set(pieces))
    assert set(pieces) == set(step.graph.nodes)


def test_stored_is_what_the_backward_pass_reads():
    found = count(nn.Network.of(3, (5, 7), 2, "tanh"), 11, loss="squared")
    # tanh needs its own result, which is what the next layer needs too; the loss the errors.
    assert [one.stored for one in found.pieces] == [11 * 5 * 8, 11 * 7 * 8, 0, 11 * 2 * 8]
    assert found.stored == sum(one.stored for one in found.pieces)
    half = count(nn.Network.of(3, (5, 7), 2, "tanh"), 11, loss="squared", dtype=np.float32)
    assert half.stored == found.stored / 2


def test_bytes_moved_are_those_of_operands_and_results():
    graph = trace(lambda x, w: np.tanh(x.T @ w))(np.ones((5, 3)), np.ones((5, 4)))
    assert [cost_of(node) for node in graph.nodes] == [
        (0, 0, 0),  # a transposed view
        (5 * 3 * 4, 0, 8 * (15 + 20 + 12)),
        (0, 12, 8 * 24),
    ]
    (broadcast, added) = trace(lambda x: np.broadcast_to(x, (100, 3)) + 1.0)(np.ones(3)).nodes
    assert cost_of(broadcast) == (0, 0, 0)
    assert cost_of(added) == (0, 300, 8 * 303)


def test_einsum_multiplies_over_all_axes():
    graph = trace(lambda x, y: np.einsum("ij,jk->ik", x, y))(np.ones((2, 3)), np.ones((3, 5)))
    assert multiplications(graph) == 30


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_memory_is_what_numpy_takes(activation):
    """With the room for the gradients, which NumPy makes as it comes to them."""
    network = nn.Network.of(20, (64, 64), 3, activation, "softmax")
    found = count(network, 50, loss="cross_entropy")
    parts = _repeated(_parts(network, None, None, None, None, "cross_entropy", (), np.dtype(float)), 400)
    graph = recorded_step(parts).at(400).graph
    values = [np.ones(node.shape, node.dtype) for node in graph.inputs]
    run = runner(graph)
    run(*values)
    tracemalloc.start()
    try:
        run(*values)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    there, gradients = found.memory(400) - found.fixed - 400 * found.of_data, 8 * network.count_parameters()
    assert 0.99 * peak <= there <= peak + gradients
    # The same from a count at that size.
    assert count(network, 400, loss="cross_entropy").memory() == found.memory(400)


@pytest.mark.parametrize("examples", [16, 200])
def test_machine_code_takes_no_more(examples):
    network = nn.Network.of(20, (40, 40, 40), 3, "relu")
    parameters, objective = network.initialize(0), nn.objective(network, "squared")
    step = jit(value_and_grad(lambda p, x, t: objective(p, network.initial_state(), x, t)[0]))
    step(parameters, np.zeros((examples, 20)), np.zeros((examples, 3)))
    workspace = int(re.search(r"workspace: (\d+) bytes", str(step.stages()))[1])
    found = count(network, examples, loss="squared")
    there = found.memory() - found.fixed - examples * found.of_data
    # Much less where it goes through the step in blocks of rows.
    assert 0.3 * there < workspace + 8 * network.count_parameters() <= there


def test_largest_batch_fits_and_one_more_does_not():
    found = count(nn.Network.of(20, (30,), 3), 16, loss="squared", optimizer=optim.adam())
    for memory in (found.memory(1), 10**5, 10**7 + 3):
        n = found.batch_size(memory)
        assert found.memory(n) <= memory < found.memory(n + 1)
    with pytest.raises(OptionError, match=r"a single example needs \S+ KiB, found memory of 100 bytes"):
        found.batch_size(100)


def test_optimiser_counts_as_memory():
    network = nn.Network.of(20, (30,), 3)
    plain, paced = (
        count(network, loss="squared", optimizer=optimizer).fixed for optimizer in (optim.sgd(), optim.adam())
    )
    assert plain == pytest.approx(8 * network.count_parameters(), abs=64)
    assert paced == pytest.approx(3 * plain, abs=64)


def test_models_and_estimators():
    network = nn.Network.of(4, (3,), 1)
    alone = count(network, 10, loss="squared")
    model = train.Model(network, network.initialize(0), network.initial_state(), "squared")
    assert count(model, 10).table() == alone.table()
    X = np.random.default_rng(0).normal(size=(30, 4))
    fitted = MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", activation="tanh", tol=1.0, random_state=0).fit(
        X, X[:, 0]
    )
    assert count(fitted, 10, X=X, y=X[:, 0]).forward.multiplications == alone.forward.multiplications


def test_weights_of_examples_are_one_more_column():
    network = nn.Network.of(4, (3,), 1)
    plain, weighted = (count(network, 10, loss=loss) for loss in ("squared", nn.weighted(LOSSES["squared"])))
    assert weighted.of_data == plain.of_data + 8
    assert weighted.forward.multiplications == plain.forward.multiplications


def test_times_stand_beside():
    found = count(nn.Network.of(3, (4,), 1), 8, loss="squared", timed=True)
    assert found.seconds[1] > 0
    assert all(one.seconds[0] > 0 for one in found.pieces)
    assert np.all(found.arrays()["seconds"] > 0)
    heads, rows = found.table()[1:]
    assert heads[-3:] == ("forward", "both", "measured")
    assert {len(row) for row in rows} == {len(heads)}


def test_table_and_html():
    found = count(nn.Network.of(784, (100,), 10, "relu", "softmax"), 32, loss="cross_entropy")
    lines = str(found).splitlines()
    assert "79,510 parameters" in lines[0]
    assert lines[-1].split()[:4] == ["whole", "2,540,800", "2,572,800", "2.01"]
    assert "2,540,800" in found._repr_html_()


def test_a_loop_is_refused():
    from chainrule import scan

    graph = trace(lambda x: scan(lambda c, row: (c + row, c), 0.0, x)[0])(np.ones(3))
    with pytest.raises(OptionError, match="runs as often as a run decides"):
        multiplications(graph)


def test_what_is_missing_is_named():
    with pytest.raises(OptionError, match="loss"):
        count(nn.Network.of(2))
    with pytest.raises(OptionError, match="examples"):
        count(nn.Network.of(2), 0, loss="squared")
