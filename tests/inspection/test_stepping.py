"""The page for stepping: its layout, its programs, and its behaviour in a real browser."""

import re

import numpy as np
import pytest
from tests.browser import check_readable

from chainrule import explain, grad
from chainrule.errors import OptionError
from chainrule.inspection.stepping.layout import layered

WORDS = "[...document.querySelectorAll('#words p')].map(p => p.textContent)"


def type_in(page, name, text):
    """Put a number into the first entry of an argument, as a reader types it."""
    page.click(f'input[data-name="{name}"]')
    page.evaluate("document.activeElement.select()")
    page.write(text)


def loss(w, b, x, t):
    y = 1 / (1 + np.exp(-(w * x + b)))
    return 0.5 * (y - t) ** 2 + 0.05 * w**2


POINT = (2.0, 1.0, 0.5, 1.0)


def test_stepping_by_key_and_by_click(browser, tmp_path):
    text = explain(loss)(*POINT).html(tmp_path / "out.html")
    assert (tmp_path / "out.html").read_text(encoding="utf-8") == text
    with browser.open(tmp_path / "out.html") as page:
        assert page.evaluate("[...document.querySelectorAll('g.node')].length") == 16
        assert page.evaluate("[...document.querySelectorAll('svg path')].length") == 16
        page.press("ArrowRight")
        assert page.evaluate(WORDS) == ["Forward, step 1 of 12", "v1 = w * x", "    w = 2", "    x = 0.5", "v1 = 1"]
        page.press("End")
        words = page.evaluate(WORDS)
        assert "2 paths meet at w, and what comes back on them is added:" in words
        assert words[-1] == "dL/dw = 0.193742"
        page.press("ArrowLeft")
        assert page.evaluate(WORDS)[-1].startswith("dL/db = −0.0125")
        page.press("Home")
        page.click('g[data-name="v4"]')
        assert page.evaluate(WORDS)[-1] == "v4 = 0.135335"
        page.click('g[data-name="v4"]')
        assert page.evaluate(WORDS)[-1] == "dL/dv4 = 0.092478"
        page.click("#next")
        assert page.evaluate("document.getElementById('place').textContent").startswith("backward ")


@pytest.mark.parametrize("width", [360, 1000])
def test_stepping_on_any_screen(browser, width):
    with browser.open(explain(loss)(*POINT).html(), width=width, dark=width < 600) as page:
        page.click("#last")
        check_readable(page)


def test_a_number_that_is_typed_runs_through(browser):
    with browser.open(explain(loss)(*POINT).html()) as page:
        type_in(page, "w", "-1.25")
        type_in(page, "x", "3e-1")
        value, found = page.evaluate("[value[OUT][0], derivative]")
        type_in(page, "w", "no number")
        kept = page.evaluate("value[OUT][0]")
    args = (-1.25, 1.0, 0.3, 1.0)
    assert value == kept == pytest.approx(loss(*args), rel=1e-13)
    for name, expected in zip("wbxt", grad(loss, (0, 1, 2, 3))(*args), strict=True):
        assert found[name][0] == pytest.approx(expected, rel=1e-12)


ARRAYS = {
    "network": (lambda W, v, x: np.sum((v @ np.tanh(W @ x) - 0.5) ** 2), ((2, 3), (2,), (3,))),
    "matrices": (lambda a, b: np.sum(np.exp(a @ b)[1:, ::-1] * a[0, 0]) / np.mean(a**2 + 1), ((2, 3), (3, 2))),
    "softmax": (lambda x: np.log(np.sum(np.exp(x - np.max(x)))) + np.max(x) - x[1], ((4,),)),
    "broadcast": (lambda x, b: np.sum(np.concatenate([x + b, x.T[:2]]) * x[0]), ((3, 3), (3,))),
    "choices": (lambda x: np.sum(np.where(x > 0, x, 0.1 * x) + abs(x) + np.maximum(x, 0)), ((5,),)),
    "special": (lambda x: np.sum(np.sqrt(x**2 + 1) + np.log1p(x**2) + np.arctan(x) + np.logaddexp(x, 0)), ((4,),)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_small_arrays(name, browser):
    f, shapes = ARRAYS[name]
    rng = np.random.default_rng(1)
    start = [rng.normal(size=shape) for shape in shapes]
    moved = [x.copy() for x in start]
    moved[0].flat[0] += 0.125
    with browser.open(explain(f)(*start).html()) as page:
        type_in(page, next(iter(f.__code__.co_varnames)), str(moved[0].flat[0]))
        value, gradients = page.evaluate("[value[OUT], V.filter(v => !v.run).map(v => derivative[v.name])]")
    np.testing.assert_allclose(value[0], f(*moved), rtol=1e-12)
    for found, expected in zip(gradients, grad(f, tuple(range(len(start))))(*moved), strict=True):
        np.testing.assert_allclose(found, np.ravel(expected), rtol=1e-10, atol=1e-12)


def test_nothing_comes_from_elsewhere():
    page = explain(loss)(*POINT).html()
    without_names = page.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|src=|@import|url\(", without_names)
    assert "prefers-color-scheme" in page
    assert 'name="viewport"' in page


def test_what_the_page_cannot_compute_is_named():
    with pytest.raises(OptionError, match=r"np\.cumsum"):
        explain(lambda x: np.sum(np.cumsum(x)))(np.ones(3)).html()
    with pytest.raises(OptionError, match="up to 64 entries"):
        explain(lambda x: np.sum(x))(np.ones(65)).html()


def test_layout():
    order = ["w", "x", "v1", "v2", "v3"]
    places, through = layered(order, {"v1": ["w", "x"], "v2": ["v1"], "v3": ["v2", "w"]})
    assert len(set(places.values()) | {place for line in through.values() for place in line}) == 7
    assert [places[name][1] for name in order] == [0, 0, 1, 2, 3]
    assert list(through) == [("w", "v3")]
