"""Whole pages and the figures in them: what they say, and how a real browser shows them."""

import re

import numpy as np
import pytest
from tests.browser import check_readable

from chainrule.errors import OptionError
from chainrule.html import Series, curve, element, facts, figure, page, table
from chainrule.inspection import drawings

ODD = "<b>&\"'</b></title></style></script><script>throw 1</script>\0"
LONG = "a" * 400


def whole(script=""):
    return page(
        ODD,
        element("p", ODD, element("br"), LONG),
        element("pre", element("code", LONG)),
        element("p", "δ = " + "x − " * 200, class_="formula"),
        table(ODD, ["name", LONG], [[ODD, LONG]] * 3),
        facts("facts", {LONG: ODD}),
        curve([Series("a", np.arange(3), np.arange(3.0))]),
        figure(drawings.learning_curves([3.0, 2.0]), ODD, ODD, "What it is."),
        figure('<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="10"/>', "wide", "a wide one"),
        script=script,
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1000])
def test_a_browser_shows_it(browser, width, dark):
    with browser.open(whole(), width=width, dark=dark) as shown:
        check_readable(shown)
        assert shown.evaluate("document.title") == ODD.replace("\0", "\ufffd")
        assert shown.evaluate("document.querySelector('h1').textContent") == ODD.replace("\0", "\ufffd")
        assert shown.evaluate("document.querySelectorAll('br').length") == 1
        assert shown.evaluate("document.images[0].naturalWidth") > 600
        colour = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert colour == ("rgb(20, 20, 20)" if dark else "rgb(255, 255, 255)")


def test_its_script_runs_with_any_text_in_it(browser):
    script = "const text = '</script><!--'; document.querySelector('p').onclick = () => { document.title = text; };"
    with browser.open(whole(script)) as shown:
        shown.click("p")
        assert shown.evaluate("document.title") == "</script><!--"


def test_it_may_fetch_nothing(browser):
    shown = browser.open(page("p", element("p", "a"), script="fetch('https://example.org').catch(() => {})"))
    shown.evaluate("new Promise(done => setTimeout(done, 50))")
    assert any("Content Security Policy" in error for error in shown.errors)


def test_errors_in_a_page_are_heard(browser):
    shown = browser.open(page("p", element("p", "a"), script="console.error('one', 2); throw new Error('three')"))
    assert shown.errors[0] == "one 2"
    assert shown.errors[1].startswith("Error: three")
    with pytest.raises(AssertionError, match="three"), shown:
        pass


def test_what_sticks_out_or_is_no_image_is_seen(browser):
    bad = page("p", element("div", "a", style="width:3000px"))
    with browser.open(bad, width=390) as shown, pytest.raises(AssertionError, match="3000px"):
        check_readable(shown)
    bad = page("p", element("img", src="data:image/png;base64,AAAA", alt="a broken one"))
    with browser.open(bad) as shown, pytest.raises(AssertionError, match="a broken one"):
        check_readable(shown)


def test_keys_and_letters_arrive(browser):
    script = "addEventListener('keydown', e => { document.title += e.key; })"
    with browser.open(page("", element("input"), script=script)) as shown:
        shown.press("ArrowRight")
        shown.click("input")
        shown.write("0.5")
        shown.press("a")
        assert shown.evaluate("document.title + document.querySelector('input').value") == "ArrowRighta0.5a"


def test_nothing_comes_from_elsewhere():
    text = whole()
    assert set(re.findall(r"(?:src|href)=\"(.{5})", text)) == {"data:"}
    assert not re.search(r"url\(|@import|https?:(?!//www.w3.org)", text)
    assert whole() == text


def test_a_figure_needs_words_and_a_drawing():
    with pytest.raises(OptionError, match="alt"):
        figure("<svg/>", "t", " ")
    with pytest.raises(OptionError, match="no drawing"):
        figure("no drawing", "t", "a")
