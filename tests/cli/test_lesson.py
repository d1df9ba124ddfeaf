"""`chainrule lesson`: the list, the text, a page, all pages; and what is said where something cannot be done."""

import builtins
import sys
from types import SimpleNamespace

import pytest

from chainrule import lessons
from chainrule.errors import DivergenceError
from chainrule.lessons import LESSONS, Claim, Entry, Figure, Lesson, Section


def blank_figure():
    from chainrule.inspection.drawings.figures import blank

    figure = blank(2, 3)
    figure.add_subplot().plot([1, 2])
    return figure


def small(name):
    """A module with a lesson that takes no time."""

    def lesson(options):
        text = f"The seed is {options.seed}, the data {options.source}."
        parts = (Claim(text, True), Figure("Line", blank_figure, "A line that rises."))
        return Lesson(name, LESSONS[name].title, f"About {name}.", (Section("One", parts),), {})

    return SimpleNamespace(lesson=lesson)


@pytest.fixture
def quick(monkeypatch):
    """Three lessons in place of all."""
    table = {
        name: Entry(f"quick_lessons.{name}", LESSONS[name].title, LESSONS[name].data)
        for name in ("digits", "descent", "mnist")
    }
    monkeypatch.setattr(lessons, "LESSONS", table)
    for name, entry in table.items():
        monkeypatch.setitem(sys.modules, entry.module, small(name))
    return table


def test_list(run):
    ran = run("lesson")
    assert (ran.code, ran.err) == (0, "")
    for name, entry in LESSONS.items():
        assert name in ran.out
        assert entry.title[:30] in ran.out
    assert ran.out.count("--data") == 2
    assert max(map(len, ran.out.splitlines())) <= 88


def test_text(run):
    ran = run("lesson", "descent", "--seed", "1")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"{LESSONS['descent'].title}\n====")
    assert "✓" in ran.out
    assert "✗" not in ran.out


def test_page(run, folder):
    ran = run("lesson", "descent", "-o", "here.html")
    assert (ran.code, ran.out, ran.err) == (0, f"here.html: {LESSONS['descent'].title}\n", "")
    page = (folder / "here.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<img") == 2
    assert "<code>chainrule lesson descent --seed 0</code>" in page
    assert [path.name for path in folder.iterdir()] == ["here.html"]


def test_what_it_is_given_reaches_the_lesson(run, quick, folder):
    ran = run("lesson", "digits", "--seed", "7", "--data", "my digits.gz")
    assert "✓ The seed is 7, the data my digits.gz." in ran.out
    assert run("lesson", "digits", "--data", "my digits.gz", "-o", "x.html").code == 0
    page = (folder / "x.html").read_text(encoding="utf-8")
    assert "<code>chainrule lesson digits --seed 0 --data 'my digits.gz'</code>" in page


def test_every_page(run, quick, folder):
    ran = run("lesson", "--all", "-o", "made/here", "--seed", "3")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == f" 1 of 3  made/here/digits.html: {LESSONS['digits'].title}"
    assert ran.out.splitlines()[-1] == "Open made/here/index.html to begin."
    made = folder / "made" / "here"
    assert {path.name for path in made.iterdir()} == {"digits.html", "descent.html", "mnist.html", "index.html"}
    index = (made / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}.html"' in index for name in quick)
    middle = (made / "descent.html").read_text(encoding="utf-8")
    assert all(f'href="{name}.html"' in middle for name in ("digits", "mnist", "index"))
    assert "The seed is 3" in middle
    # Once more into the same folder.
    assert run("lesson", "--all", "-o", "made/here").code == 0
    assert "The seed is 0" in (made / "descent.html").read_text(encoding="utf-8")


def test_a_lesson_that_fails_leaves_what_was_there(run, quick, monkeypatch, folder):
    assert run("lesson", "--all", "-o", "made").code == 0
    before = (folder / "made" / "descent.html").read_bytes()

    def diverge(options):
        raise DivergenceError("the loss became infinite", layer=1, step=2)

    monkeypatch.setitem(sys.modules, quick["descent"].module, SimpleNamespace(lesson=diverge))
    ran = run("lesson", "--all", "-o", "made")
    assert (ran.code, ran.err) == (1, "chainrule: the loss became infinite\n")
    assert (folder / "made" / "descent.html").read_bytes() == before
    assert not list((folder / "made").glob(".*"))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["lesson", "digit"], "unknown lesson 'digit': did you mean 'digits'?"),
        (["lesson", "digits", "--seed", "-1"], "seed has to be a whole number from 0 on, found -1"),
        (["lesson", "digits", "--seed", "x"], "--seed: 'x' is not a whole number"),
        (
            ["lesson", "descent", "--data", "zip.train"],
            "the lesson descent takes no data: those that do are digits, mnist",
        ),
        (["lesson", "digits", "--data", "zip.train"], "zip.train"),
        (["lesson", "--data", "zip.train"], "--data needs the name of a lesson"),
        (["lesson", "-o", "out.html"], "--output needs the name of a lesson"),
        (["lesson", "--all"], "--all needs a folder for the pages: -o FOLDER"),
        (["lesson", "digits", "--all", "-o", "x"], "--all makes every lesson: leave out --all or the name 'digits'"),
        (["lesson", "--all", "--data", "zip.train", "-o", "x"], "--data belongs to one lesson"),
        (
            ["lesson", "descent", "-o", "missing/out.html"],
            "missing/out.html: the lesson cannot be written (there is no folder",
        ),
        (["lesson", "descent", "-o", "."], "the lesson cannot be written (it is a folder; name a file in it)"),
        (["lesson", "descent", "--al"], "unknown option --al; did you mean --all?"),
    ],
)
def test_what_cannot_be_done(run, folder, argv, said):
    ran = run(*argv)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_a_file_in_the_place_of_the_folder(run, quick, folder):
    (folder / "made").write_text("")
    ran = run("lesson", "--all", "-o", "made")
    assert ran.code == 2
    assert "made: the folder cannot be made (" in ran.err


def test_the_data_are_not_overwritten(run, quick, folder):
    (folder / "zip.train").write_text("1 2 3")
    ran = run("lesson", "digits", "--data", "zip.train", "-o", "zip.train")
    assert ran.code == 2
    assert "the lesson would replace what is read; name another file" in ran.err
    assert (folder / "zip.train").read_text() == "1 2 3"


def test_without_matplotlib(run, quick, folder, monkeypatch):
    """Text needs none; a page says which extra to install, before the lesson is run."""
    imported = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(f"No module named {name!r}")
        return imported(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    assert "✓ The seed is 0" in run("lesson", "descent").out
    for argv in (["descent", "-o", "out.html"], ["--all", "-o", "made"]):
        ran = run("lesson", *argv)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == 'chainrule: drawing needs the package matplotlib: pip install "chainrule[plot]"\n'
    assert list(folder.iterdir()) == []


def test_real_lessons_need_no_matplotlib_for_their_text(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert run("lesson", "descent").code == 0
