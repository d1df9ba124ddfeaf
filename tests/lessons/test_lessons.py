"""Every lesson: what it claims holds, its programs run, and it can be read in each form."""

import contextlib
import io
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from tests.lessons.running import page_of, taught

from chainrule.errors import OptionError
from chainrule.lessons import LESSONS, Claim, Code, Figure, Formula, Options, Table, run
from chainrule.lessons.as_text import as_text
from chainrule.lessons.writing import spans

every_lesson = pytest.mark.parametrize("name", LESSONS)


def parts(lesson, kind):
    return [part for section in lesson.sections for part in section.parts if isinstance(part, kind)]


def words(lesson):
    """All texts of a lesson."""
    yield from (lesson.title, lesson.summary)
    for section in lesson.sections:
        yield section.title
        for part in section.parts:
            if isinstance(part, Table):
                yield from (part.title, *part.heads, *(cell for row in part.rows for cell in row))
            elif isinstance(part, Figure):
                yield from (part.title, part.alt)
            else:
                yield part if isinstance(part, str) else part.text


def test_the_table_names_all_lessons_of_the_notes():
    wanted = (
        "digits descent hidden-space single-unit saturation vanishing numerical counting regularised symmetry mnist"
    )
    assert set(LESSONS) == set(wanted.split())


@every_lesson
def test_every_claim_holds(name):
    claims = list(taught(name).claims())
    assert len(claims) >= 3
    # What depends on times and rounding is there; a busy machine must not fail it.
    assert [claim.text for claim in claims if not claim.holds and not claim.measured] == []
    assert all(isinstance(claim.holds, bool | np.bool_) for claim in claims)


@every_lesson
def test_a_claim_says_a_number_or_quotes_and_each_is_another(name):
    claims = list(taught(name).claims())
    assert len({claim.text for claim in claims}) == len(claims)
    assert sum(bool(re.search(r"\d", claim.text)) for claim in claims) >= len(claims) / 2


@every_lesson
def test_it_is_what_the_table_says(name):
    lesson = taught(name)
    assert (lesson.name, lesson.title) == (name, LESSONS[name].title)
    assert lesson.summary.endswith((".", "?"))
    assert lesson.sections[-1].title == "Try next"
    titles = [section.title for section in lesson.sections]
    assert len(set(titles)) == len(titles)
    assert lesson.numbers
    assert parts(lesson, Figure)


@every_lesson
def test_no_number_went_astray(name):
    for text in words(taught(name)):
        if isinstance(text, float):
            assert np.isfinite(text)
        elif isinstance(text, str):
            assert not re.search(r"\bnan\b|\binf\b|np\.float|None\b|<built-in|<function", text), text


@every_lesson
def test_its_programs_run(name):
    for program in parts(taught(name), Code):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(program.text, f"<{name}>", "exec"), {"__name__": "__main__"})
        assert out.getvalue().strip()


@every_lesson
def test_text_fits_the_terminal(name):
    lesson = taught(name)
    free = {line for part in parts(lesson, (Code, Formula)) for line in part.text.splitlines()}
    lines = as_text(lesson, 72).splitlines()
    assert lines[0] == lesson.title
    for line in lines:
        # Formulas and programs keep their lines; tables have a frame.
        assert len(line) <= 72 or line.strip() in {one.strip() for one in free} or "   " in line or "─" in line, line


class Reader(HTMLParser):
    """Whether tags are closed, and what stands in a page."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.images, self.links, self.ids, self.heads = [], [], [], [], 0

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(found)
        if tag == "a":
            self.links.append(found["href"])
        if "id" in found:
            self.ids.append(found["id"])
        self.heads += tag == "h2"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@every_lesson
def test_the_page_is_whole(name):
    lesson = taught(name)
    found = read(page_of(name))
    figures = parts(lesson, Figure)
    assert [image["alt"] for image in found.images] == [figure.alt for figure in figures]
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in found.images)
    assert found.heads == len(lesson.sections)
    anchors = [link[1:] for link in found.links if link.startswith("#")]
    assert len(anchors) == len(set(anchors)) == len(lesson.sections)
    assert set(anchors) <= set(found.ids)
    beside = [link for link in found.links if not link.startswith("#")]
    assert "index.html" in beside
    assert {link.removesuffix(".html") for link in beside} <= {*LESSONS, "index"}


@every_lesson
def test_the_page_can_be_sent(name):
    assert len(page_of(name)) < 1_500_000


@every_lesson
def test_backquotes_come_in_pairs(name):
    for part in parts(taught(name), (str, Claim)):
        list(spans(part if isinstance(part, str) else part.text))


def test_another_seed_is_another_run():
    assert as_text(taught("descent", 1)) != as_text(taught("descent", 0))
    assert as_text(run("descent", Options(seed=1))) == as_text(taught("descent", 1))


def test_what_cannot_be_asked_for():
    with pytest.raises(OptionError, match="did you mean 'digits'"):
        run("digit")
    with pytest.raises(OptionError, match="seed has to be a whole number from 0 on, found -1"):
        Options(seed=-1)
    with pytest.raises(OptionError, match=r"the lesson descent takes no data: those that do are digits, mnist"):
        run("descent", Options(source="somewhere"))


def test_a_module_is_loaded_when_it_is_asked_for(tmp_path):
    # In another process: here they are loaded already.
    import subprocess

    program = (
        "import sys, chainrule.lessons as lessons; lessons.LESSONS; "
        "print('chainrule.lessons.digits' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["False", "False"]
