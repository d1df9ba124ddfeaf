"""The page of a run: what it says agrees with the run, and a real browser shows it."""

import functools
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.browser import check_readable

from chainrule import data, nn, optim, stop_gradient
from chainrule.errors import OptionError
from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.inspection import Watch
from chainrule.inspection.report import report
from chainrule.inspection.report.report import watch_for
from chainrule.train import History, Options, choose, fit, prepare_problem, train

RNG = np.random.default_rng(0)


def main_of(text):
    """The part of a page that a reader sees, as a tree."""
    body = re.search(r"<main.*</main>", text, re.DOTALL)[0]
    body = re.sub(r'="[^"]*"', lambda found: found[0].replace("<", "&lt;").replace(">", "&gt;"), body)
    return ElementTree.fromstring(re.sub(r"<(img)\b([^>]*)>", r"<\1\2/>", body))


def rows(text, caption):
    """The cells of the table with a caption, its heads first."""
    (table,) = [t for t in main_of(text).iter("table") if t.findtext("caption") == caption]
    return [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]


def words(text):
    return " ".join("".join(main_of(text).itertext()).split())


def heads(text):
    return [head.text for head in main_of(text).iter("h2")]


def problem_of(kind, count=240):
    """A small table: two classes, five classes, or two columns of numbers; two inputs, or some with text and gaps."""
    x = RNG.normal(size=(count, 2))
    arrays = {"a": x[:, 0], "b <i>": x[:, 1].copy()}
    if kind == "wide":
        arrays["pixel"] = RNG.normal(size=(count, 60))
    if kind == "gaps":
        arrays["b <i>"][::7] = np.nan
        arrays["town"] = ["north", "south"] * (count // 2)
    if kind == "numbers":
        targets = {"sum": 3 * x[:, 0] + 1, "product": x[:, 0] * x[:, 1]}
    elif kind == "many":
        targets = {"kind": [f"kind {k:02}" for k in np.digitize(x[:, 0], np.linspace(-1.2, 1.2, 29))]}
    else:
        targets = {"side": np.where(x[:, 0] * x[:, 1] > 0, "<same>", "other").tolist()}
    table = data.Table.of({**arrays, **targets}, "made.csv")
    return prepare_problem(data.Dataset(table, targets=tuple(targets)), Options(impute=kind == "gaps"))


def reported(kind, options=None, **more):
    problem, options = problem_of(kind), options or Options(epochs=6, hidden=(8,))
    watch = watch_for(problem, choose(problem, options))
    model, run = train(problem, options, callbacks=[watch])
    return report(model, problem, run=run, watch=watch, **more), model, run, watch


KINDS = ("two inputs", "wide", "gaps", "numbers", "many")


@functools.cache
def made(kind):
    """The report of a kind that several tests look at is made once."""
    return reported(kind, title="<made>", about={"data": "made.csv"}, command="chainrule train made.csv")


@pytest.mark.parametrize("kind", KINDS)
def test_a_browser_shows_it(browser, kind):
    text = made(kind)[0]
    for width, dark in ((360, True), (390, False), (1000, False)):
        with browser.open(text, width=width, dark=dark) as page:
            check_readable(page)
            assert page.evaluate("document.images.length") >= 8
            assert page.evaluate("document.querySelector('h1').textContent") == "<made>"
            page.click("details summary")
            assert page.evaluate("document.querySelector('details').open")
            page.click("nav a:last-child")
            assert page.evaluate("location.hash") == "#how-to-reproduce-it"
            ids = "[...document.querySelectorAll('nav a')].map(a => !!document.querySelector(a.getAttribute('href')))"
            assert all(page.evaluate(ids))


def test_its_numbers_are_those_of_the_run():
    text, model, run, watch = made("two inputs")
    test = run.results["test"]
    assert f"{100 * test.measures['accuracy']:.2f} %" in words(text)
    scores = rows(text, "Scores")
    assert [row[0] for row in scores[1:]] == list(run.results)
    assert scores[-1][:4] == [
        "test",
        str(test.examples),
        f"{100 * test.measures['accuracy']:.2f} %",
        f"{100 * test.baseline['accuracy']:.2f} %",
    ]
    compared = rows(text, "Largest errors first, then the directions")
    worst = max(run.gradient.entries, key=lambda row: row.error)
    assert compared[1][1:] == [f"{worst.error:.1e}", f"{worst.derivative:.10g}", f"{worst.reference:.10g}"]
    assert re.fullmatch(r"layer [12]: (weights|bias)\[[\d, ]+\]", compared[1][0])
    assert f"The largest relative error is {run.gradient.largest_error:.1e}" in words(text)
    assert [row[0] for row in rows(text, "Look by look")[1:]] == [str(epoch) for epoch in watch.epochs]
    classes = rows(text, "Class by class")
    assert [row[0] for row in classes[1:]] == ["<same>", "other"]
    assert sum(int(row[1]) for row in classes[1:]) == sum(int(row[3]) for row in classes[1:]) == test.examples
    assert model.record.date in words(text)


def test_sections_fit_the_task():
    for kind, figures, name in (
        ("two inputs", 10, "Decisions"),
        ("wide", 9, "Decisions"),
        ("numbers", 10, "Predictions"),
    ):
        text = made(kind)[0]
        assert name in heads(text)
        images = main_of(text).iter("img")
        assert len([image.get("alt") for image in images]) >= figures - 1, kind
        assert ("Decision boundary." in text) == (kind == "two inputs")
    assert "Residuals of sum." in text
    assert "Residuals of product." in text


def test_what_was_not_given_has_no_section():
    network, X, T = a_band()
    text = report(network, X, T, parameters=network.initialize(0), loss="binary_cross_entropy")
    assert heads(text) == [
        "Summary",
        "Decisions",
        "Diagnosis at the end",
        "Gradient check",
        "Cost of a step",
        "Network",
        "How to reproduce it",
    ]
    assert "No rows were held out" in words(text)


def a_band(count=60):
    X, T = data.band(count, np.random.default_rng(0))
    return nn.Network.of(2, hidden=(4,), output="sigmoid"), X, T


def test_a_run_of_ones_own():
    network, X, T = a_band()
    watch = Watch(network, X, T, loss="binary_cross_entropy", every=4)
    run = fit(
        network,
        network.initialize(0),
        "binary_cross_entropy",
        X,
        T,
        optimizer=optim.adam(0.05),
        epochs=12,
        rng=0,
        callbacks=[watch],
    )
    given = {"parameters": run.parameters, "loss": "binary_cross_entropy"}
    text = report(network, X, T, test=a_band(30)[1:], run=run, watch=watch, **given)
    assert {"Learning", "Diagnosis over training"} <= set(heads(text))
    assert "12 epochs done." in words(text)
    assert "At the values that were learned" in words(text)
    with pytest.raises(OptionError, match="needed for this Network"):
        report(network, X, T)
    unused = Watch(network, X, T, loss="binary_cross_entropy")
    with pytest.raises(OptionError, match="watch has to be a Watch that has looked"):
        report(network, X, T, watch=unused, **given)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_estimators():
    _, X, T = a_band()
    labels = np.array(["out", "in"])[T[:, 0].astype(int)]
    text = report(MLPClassifier((4,), max_iter=5, random_state=0).fit(X, labels), X, labels)
    assert [row[0] for row in rows(text, "Class by class")[1:]] == ["in", "out"]
    assert "Learning" in heads(text)
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, random_state=0).fit(X, X[:, 0])
    assert "The prediction over both inputs." in report(model, X, X[:, 0], test=(X[:10], X[:10, 0]))
    both = np.column_stack([T[:, 0], X[:, 0] > 0]).astype(int)
    text = report(MLPClassifier((4,), max_iter=5, random_state=0).fit(X, both), X, both)
    assert len(rows(text, "Label by label")) == 3


def test_a_gradient_that_is_wrong_is_told():
    def squared(outputs, targets):
        return np.sum((outputs - targets) ** 2 + 1e-2 * stop_gradient(outputs), axis=1)

    network, X, T = a_band()
    text = report(network, X, T, parameters=network.initialize(0), loss=squared)
    assert "FAILED" in words(text)
    assert "does NOT agree" in words(text)


def test_a_problem_comes_with_its_run():
    problem = problem_of("two inputs")
    model, run = train(problem, Options(epochs=1, hidden=(4,)))
    with pytest.raises(OptionError, match=r"report\(model, problem, run=report\)"):
        report(model, problem, run=run.fit)


def test_weights_dropout_and_normalisation():
    options = Options(
        epochs=4, hidden=(6, 6), dropout=(0.2, 0.2), normalization="batch", class_weight="balanced", l2=0.01
    )
    text, _, run, _ = reported("gaps", options)
    assert run.gradient.ok
    assert "missing values filled" in words(text)
    assert "batch norm relu" in words(text)


def test_a_deep_network_is_named_where_it_is_not_drawn():
    text = reported("two inputs", Options(epochs=2, hidden=(3,) * 9))[0]
    assert "Not drawn: the network has 10 layers" in words(text)


def test_a_run_that_ended_before_its_first_epoch():
    problem = problem_of("two inputs")
    model, run = train(problem, Options(epochs=1, hidden=(4,)))
    state = replace(run.fit.state, epoch=0, history=History(), best=None)
    ended = replace(run, fit=replace(run.fit, state=state, ended="interrupt"))
    said = words(report(model, problem, run=ended, command="chainrule train x.csv"))
    assert "No whole epoch was done." in said
    assert "Ctrl-C ended this run" in said
    assert "bit by bit" not in said
