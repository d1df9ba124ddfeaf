"""The pages under docs/: every block runs and prints what the page says, every link leads somewhere."""

import re
import runpy
import shutil
from pathlib import Path

import pytest
from tests.pages import blocks, run_page

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))

_LINK = re.compile(r"\[[^\]]*\]\(([^)#]*)(#[^)]*)?\)")


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_are_pages():
    assert len(PAGES) >= 7


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page):
    assert {block.language for block in blocks(page)} <= {"pycon", "console", "text"}


@pytest.mark.parametrize("page", [*PAGES, DOCS.parent / "README.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        there = page.parent / target if target else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), anchor


def test_the_index_names_every_page():
    linked = {target for target, _ in _LINK.findall((DOCS / "index.md").read_text(encoding="utf-8"))}
    assert {page.name for page in PAGES} - {"index.md"} <= linked


def test_list_of_functions_is_up_to_date():
    made = runpy.run_path(str(DOCS / "make_functions.py"))["page"]()
    assert (DOCS / "functions.md").read_text(encoding="utf-8") == made, "run: python docs/make_functions.py"


def test_a_page_that_is_wrong_fails(tmp_path, monkeypatch):
    """The runner itself: a wrong number, a wrong word and a wrong output of a command are found."""
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    for right, wrong in (
        ("```pycon\n>>> 0.1 + 0.2\n0.3\n```\n", "```pycon\n>>> 0.1 + 0.2\n0.31\n```\n"),
        ("```pycon\n>>> print('a', 2)\na 2\n```\n", "```pycon\n>>> print('a', 2)\na 3\n```\n"),
    ):
        page.write_text(right)
        run_page(page, tmp_path)
        page.write_text(wrong)
        with pytest.raises(AssertionError, match="Expected"):
            run_page(page, tmp_path)
    if shutil.which("bash"):
        page.write_text("```console\n$ (exit 3)\n$ echo $?\n3\n$ echo one \\\n> two\none two\n```\n")
        run_page(page, tmp_path)
        page.write_text("```console\n$ echo one\ntwo\n```\n")
        with pytest.raises(AssertionError, match="found"):
            run_page(page, tmp_path)
