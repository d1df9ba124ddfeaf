"""The pages under docs/lessons/: what the lessons make, but for times, and with every figure there."""

import re
import runpy
from pathlib import Path

import pytest
from tests.lessons.running import taught

from chainrule.lessons import LESSONS
from chainrule.lessons.as_markdown import masked

pytest.importorskip("matplotlib")
pytest.importorskip("PIL")

DOCS = Path(__file__).parents[2] / "docs"
MAKER = runpy.run_path(str(DOCS / "make_lessons.py"))
#: Training carries the last digits of another machine's arithmetic on, which in some lessons goes far: on the machine
#: that made the pages all numbers agree, elsewhere most do, to so much of themselves.
NEAR, MOST = 0.05, 0.8

_IMAGE = re.compile(r"!\[([^\]]+)\]\(([^)]+)\)")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)]+)\)")


def page_of(name):
    return DOCS / "lessons" / f"{name}.md"


@pytest.mark.parametrize("name", LESSONS)
def test_page_is_up_to_date(name):
    lesson, text = taught(name), page_of(name).read_text(encoding="utf-8")
    places = [place for _, place in _IMAGE.findall(text)]
    assert len(places) == len(list(lesson.figures()))
    there, numbers = masked(lesson, text)
    here, own = masked(lesson, MAKER["page"](lesson, places))
    assert there == here, "run: python docs/make_lessons.py"
    near = [abs(a - b) <= NEAR * max(abs(a), abs(b)) for a, b in zip(numbers, own, strict=True)]
    assert sum(near) >= MOST * len(near), "run: python docs/make_lessons.py"


def test_there_are_no_other_pages_and_figures():
    assert {path.stem for path in (DOCS / "lessons").glob("*.md")} == set(LESSONS)
    shown = {place for name in LESSONS for _, place in _IMAGE.findall(page_of(name).read_text(encoding="utf-8"))}
    assert {f"figures/{path.name}" for path in (DOCS / "lessons" / "figures").iterdir()} == shown


def test_figures_are_small():
    for path in (DOCS / "lessons" / "figures").iterdir():
        assert 1000 < path.stat().st_size <= MAKER["LARGEST"], path.name
        start = path.read_bytes()[:200]
        assert start.startswith(b"\x89PNG") if path.suffix == ".png" else b"<?xml" in start, path.name


@pytest.mark.parametrize("name", LESSONS)
def test_links_lead_somewhere(name):
    page = page_of(name)
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    assert "../lessons.md" in links
    assert all((page.parent / link).exists() for link in links)


def test_list_is_up_to_date():
    summaries = {name: taught(name).summary for name in LESSONS}
    assert (DOCS / "lessons.md").read_text(encoding="utf-8") == MAKER["index"](summaries)
