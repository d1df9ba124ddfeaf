"""Histories, runs and models in a notebook, and the curve of a run under way."""

import sys
from types import SimpleNamespace

import pytest
from tests.html.reading import rows, texts
from tests.train.runs import HELD_OUT, LOSS, NETWORK, T, X

from chainrule import data, optim
from chainrule.nn import Network
from chainrule.train import Epoch, Halving, History, Lines, Live, Options, fit, prepare_problem, progress, train
from chainrule.train import live as live_module

START = NETWORK.initialize(0)
OPTIONS = {"optimizer": optim.sgd(0.1), "batch_size": 4, "rng": 0}


def history(count, **others):
    row = {"steps": 3, "objective": 0.5, "validation": None, "rate": None, "seconds": 0.25} | others
    return History(tuple(Epoch(epoch, **row) for epoch in range(1, count + 1)))


def test_a_history_shows_its_last_epochs():
    found = rows(history(12, objective=0.123456, validation=0.25, rate=0.01)._repr_html_(), "History: 12 epochs, the")
    assert found[0] == ["epoch", "steps", "objective", "held-out cost", "rate", "seconds"]
    assert [row[0] for row in found[1:]] == ["8", "9", "10", "11", "12"]
    assert found[1][1:] == ["3", "0.12346", "0.25", "0.01", "0.25"]


def test_columns_without_numbers_are_left_out():
    assert rows(history(1)._repr_html_(), "History: 1 epoch")[0] == ["epoch", "steps", "objective", "seconds"]


def test_a_history_says_when_the_rate_was_halved():
    halved = History(history(2).rows, (Halving(3, 17, 2, "why"),))
    assert str(halved.halvings[0]) in texts(halved._repr_html_())


def test_an_empty_history_says_so():
    assert texts(History()._repr_html_())[-1].endswith("no epoch has been done.")


def test_a_fit_shows_why_it_ended_and_its_best():
    found = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=50, validation=HELD_OUT, patience=3)
    fragment = found._repr_html_()
    told = dict(rows(fragment, "Fit"))
    best = found.state.best
    assert told["lowest held-out cost"] == f"{best.validation:.5g} at epoch {best.epoch}"
    assert told["ended"] == "the held-out cost did not fall any more"
    assert told["parameters"] == str(NETWORK.count_parameters())
    assert told["objective"] == f"{found.history[-1].objective:.5g}"
    assert fragment.count("<circle") == 1
    assert "held-out cost (ring: lowest)" in texts(fragment)


def test_a_fit_says_why_it_ran_in_numpy():
    found = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=1, compiled=False)
    assert dict(rows(found._repr_html_(), "Fit"))["ran in NumPy"] == found.interpreted


def test_a_model_shows_columns_classes_and_results():
    names = {'<b>&"': [1.0, 2.0, 3.0, 4.5] * 10, "colour": ["<i>", "&amp;", "<i>", "x"] * 10, "y": ["a<b", "c"] * 20}
    problem = prepare_problem(data.Dataset(data.Table.of(names), targets=("y",)))
    model, report = train(problem, Options(epochs=2))
    fragment = model._repr_html_()
    texts(fragment)
    columns = rows(fragment, "Preparation")
    assert columns[1][:2] == ['<b>&"', "numbers"]
    assert columns[2] == ["colour", "text", "&amp;, <i>, x"]
    assert columns[3] == ["y", "target, classes", "a<b, c"]
    results = {row[0]: row[1:] for row in rows(fragment, "Results")}
    assert results["accuracy"][0] == f"{report.results['train'].measures['accuracy']:.5g}"
    assert dict(rows(fragment, "Training"))["optimizer"] == "adam"


def test_a_model_on_plain_arrays_and_one_of_numbers():
    model, _ = train(prepare_problem(data.Dataset(data.Table.of({"x": range(40), "y": range(40)}), targets=("y",))))
    told = {row[0]: row for row in rows(model._repr_html_(), "Preparation")}
    assert told["y"][1] == "target, numbers"
    bare = type(model)(model.network, model.parameters, model.state, model.loss)
    assert "Preparation" not in "".join(texts(bare._repr_html_()))


class Notebook:
    """What IPython's display does, written down."""

    def __init__(self):
        self.shown = []

    def display(self, bundle, raw, display_id):
        assert raw
        assert display_id
        self.shown.append(bundle)
        return self

    def update(self, bundle, raw):
        assert raw
        self.shown.append(bundle)


@pytest.fixture
def notebook(monkeypatch):
    """A notebook runs, as far as can be seen."""
    found = Notebook()
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=found.display))
    return found


def test_a_notebook_gets_the_curve_and_all_else_what_it_had(notebook, monkeypatch):
    assert isinstance(progress(), Live)
    assert isinstance(progress(sys.stdout), Lines)
    sys.modules["IPython"].get_ipython = lambda: SimpleNamespace()
    assert isinstance(progress(), Lines)
    monkeypatch.delitem(sys.modules, "IPython")
    assert isinstance(progress(), Lines)


def test_without_ipython_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    monkeypatch.delitem(sys.modules, "IPython.display", raising=False)
    with pytest.raises(ImportError, match=r"Lines\(sys.stderr\)"):
        Live()


def test_the_curve_ends_as_the_history(notebook):
    found = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=30, validation=HELD_OUT, progress=progress())
    last = notebook.shown[-1]
    assert rows(last["text/html"], "History") == rows(found.history._repr_html_(), "History")
    assert "<progress" not in last["text/html"]
    assert last["text/plain"].startswith("epoch 30 of 30, objective ")
    for shown in notebook.shown:
        texts(shown["text/html"])


def test_it_is_drawn_a_few_times_a_second_at_most(notebook, monkeypatch):
    clock = SimpleNamespace(now=0.0)

    def monotonic():
        clock.now += 0.01
        return clock.now

    monkeypatch.setattr(live_module, "time", SimpleNamespace(monotonic=monotonic))
    fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=300, callbacks=[lambda state: None], progress=Live())
    assert 2 < len(notebook.shown) <= clock.now / live_module._FRAME + 2
    assert any(" s left" in shown["text/plain"] for shown in notebook.shown)
    assert 'max="1800"' in notebook.shown[-2]["text/html"]


def test_a_run_that_goes_on_is_drawn_whole(notebook):
    first = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=4)
    fit(NETWORK, first.state, LOSS, X, T, **OPTIONS, epochs=6, progress=Live())
    assert "epoch 4 of 6" in notebook.shown[0]["text/plain"]
    assert "over epochs 1 to 6" in notebook.shown[-1]["text/html"]


def test_a_halved_rate_takes_points_back(notebook):
    network = Network.of(3, (5,), 2, activation="relu", output="identity")
    options = {"optimizer": optim.sgd(40.0), "epochs": 30, "on_divergence": "halve", "progress": Live()}
    found = fit(network, network.initialize(0), "squared", X, T, **options)
    assert found.history.halvings
    assert str(found.history.halvings[-1]) in texts(notebook.shown[-1]["text/html"])
    assert "over epochs 1 to 30" in notebook.shown[-1]["text/html"]
