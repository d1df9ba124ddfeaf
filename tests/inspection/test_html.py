"""The backward pass and the explanation in a notebook: the same numbers as in print."""

import numpy as np
import pytest
from tests.html.reading import rows, texts
from tests.nn.kinds import NETWORKS, made

from chainrule import backprop, explain
from chainrule.inspection.text import render_table


@pytest.mark.parametrize("name", NETWORKS)
def test_backprop_shows_the_numbers_that_it_prints(name):
    network, parameters, state, x = made(name)
    targets = np.full((len(x), network.outputs), 0.5)
    found = backprop(network, x, targets, parameters=parameters, state=state, loss="squared")
    fragment = found._repr_html_()
    texts(fragment)
    heads, *layers = rows(fragment, "Root mean squares")
    printed = str(found)
    assert len(layers) == len(network.places)
    for row in (heads, *layers):
        assert all(cell in printed for cell in row)
    assert layers[-1][3] == f"{np.sqrt(np.mean(found.layers[-1].signals ** 2)):.3g}"


def squares(w, X, t):
    return np.mean((X @ w - t) ** 2)


def test_explain_shows_both_tables():
    fragment = explain(squares)(np.array([1.0, 2.0]), np.eye(2), np.array([0.0, 1.0]))._repr_html_()
    assert "squares(w = [1., 2.], X = [[1., 0.], [0., 1.]], t = [0., 1.])" in texts(fragment)
    forward, backward = rows(fragment, "Forward"), rows(fragment, "Backward")
    assert forward[1] == ["v1", "X @ w", "[1., 2.]", ""]
    assert forward[-1] == ["v5", "v4 / 2", "1", "np.mean"]
    assert backward[1] == ["v5", "the output itself", "", "1"]
    assert backward[-1] == ["w", "[1., 1.] by v1", "a sum or a move of entries", "[1., 1.]"]


def test_explain_adds_paths_and_escapes_signs():
    fragment = explain(lambda w: np.where(w < 2.0, w * w, w))(1.0)._repr_html_()
    texts(fragment)
    assert any("<lambda>" in text for text in texts(fragment))
    several = rows(explain(lambda w, x: (w * x - 1.0) ** 2 + w)(3.0, 2.0)._repr_html_(), "Backward")
    assert several[-2:] == [["w", "1 by v4", "1", ""], ["", "+ 10 by v1", "2", "21"]]
    assert "part of" not in several[0]


def test_text_stays_text_in_a_notebook(monkeypatch):
    """Rich shows a table in the notebook by itself, and writes nothing, where it finds that one runs."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert "└" not in (text := render_table("title", ["a"], [["1"]]))
    assert text.splitlines()[-1] == "1"
