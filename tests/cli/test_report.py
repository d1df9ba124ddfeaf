"""`chainrule train --report`: what it refuses before training, and what it leaves behind."""

import hashlib
import sys

import numpy as np
import pytest
from tests.browser import check_readable

from chainrule import train

QUICK = ("--epochs", "4", "--layers", "4")


def test_a_page_beside_the_model(run, flowers, folder, browser):
    ran = run("train", "flowers.csv", "--target", "kind", *QUICK, "--report", "page.html")
    assert ran.code == 0
    assert ran.out.endswith("saved flowers.safetensors\nreport page.html\n")
    assert sorted(path.name for path in folder.iterdir()) == ["flowers.csv", "flowers.safetensors", "page.html"]
    text = (folder / "page.html").read_text(encoding="utf-8")
    assert "chainrule train flowers.csv --target kind --epochs 4 --layers 4 --report page.html" in text
    for name in ("flowers.csv", "flowers.safetensors"):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() in text
    record = train.load("flowers.safetensors").record
    assert f"{100 * record.results['test'].measures['accuracy']:.2f} %" in text
    for width, dark in ((390, False), (390, True)):
        with browser.open(folder / "page.html", width=width, dark=dark) as page:
            check_readable(page)
            assert page.evaluate("document.querySelector('h1').textContent") == "flowers.csv: kind"


def test_training_is_the_same_with_and_without(run, flowers):
    run("train", "flowers.csv", "--target", "kind", *QUICK, "--report", "page.html", "-o", "one.safetensors")
    run("train", "flowers.csv", "--target", "kind", *QUICK, "-o", "two.safetensors")
    one, two = train.load("one.safetensors"), train.load("two.safetensors")
    for a, b in zip(one.parameters, two.parameters, strict=True):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
    assert one.record.results == two.record.results


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("no/page.html", "no/page.html: the report cannot be written (there is no folder"),
        (".", ".: the report cannot be written (it is a folder; name a file in it)"),
        ("flowers.csv", "flowers.csv: the report would replace what is read"),
        ("flowers.safetensors", "--report flowers.safetensors: there goes the model already"),
        ("kept", "--report kept: there goes the checkpoint already"),
        ("notes.txt", "--report notes.txt: this is no page, and it is not overwritten"),
    ],
)
def test_what_cannot_be_written_is_refused_before_training(run, flowers, folder, place, message):
    (folder / "notes.txt").write_text("Not to be lost.")
    more = ("--checkpoint", "kept") if place == "kept" else ()
    before = sorted(path.name for path in folder.iterdir())
    ran = run("train", "flowers.csv", "--target", "kind", "--report", place, *more)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"chainrule: {message}")
    assert sorted(path.name for path in folder.iterdir()) == before
    assert (folder / "notes.txt").read_text() == "Not to be lost."


def test_a_page_is_replaced(run, flowers, folder):
    (folder / "page.html").write_text("<!doctype html>\n<p>old</p>")
    assert run("train", "flowers.csv", "--target", "kind", *QUICK, "-q", "--report", "page.html").out == ""
    assert "<p>old</p>" not in (folder / "page.html").read_text(encoding="utf-8")


def test_without_matplotlib_nothing_is_trained(run, flowers, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    ran = run("train", "flowers.csv", "--target", "kind", "--report", "page.html")
    assert ran.code == 2
    assert ran.err == 'chainrule: drawing needs the package matplotlib: pip install "chainrule[plot]"\n'
    assert [path.name for path in folder.iterdir()] == ["flowers.csv"]


def test_with_folds_and_with_a_search(run, houses, folder):
    given = ("train", "houses.csv", "--target", "price,rent", "--epochs", "2", "--jobs", "1", "--report", "page.html")
    assert run(*given, "--cv", "2").code == 0
    text = (folder / "page.html").read_text(encoding="utf-8")
    assert "2 folds: the mean over folds" in text
    assert "No rows were held out" not in text
    assert run(*given, "--search", "2", "--space", "layers=2:6").code == 0
    text = (folder / "page.html").read_text(encoding="utf-8")
    assert "the best of 2: --layers" in text
    assert "Residuals of rent." in text
