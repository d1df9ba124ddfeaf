"""The pages of the lessons in a real browser, one by one and together; and the page to step through."""

import pytest
from tests.browser import check_readable
from tests.lessons.running import page_of, taught

from chainrule import explain, lessons
from chainrule.cli import lesson as command
from chainrule.cli.main import main
from chainrule.lessons.regularised import objective

NAMES = list(lessons.LESSONS)
TITLE = "document.querySelector('h1').textContent"
LINKS = "[...document.querySelectorAll('a')].map(a => [a.textContent, a.getAttribute('href')])"
WORDS = "[...document.querySelectorAll('#words p')].map(p => p.textContent)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What ``chainrule lesson --all`` writes, with every lesson run and drawn once for all tests."""

    def as_html(lesson, *, among, command):
        assert (among, command) == (NAMES, f"chainrule lesson {lesson.name} --seed 0")
        return page_of(lesson.name)

    place = tmp_path_factory.mktemp("lessons") / "pages"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lessons, "run", lambda name, options: taught(name, options.seed))
        patch.setattr(command, "as_html", as_html)
        assert main(["lesson", "--all", "-o", str(place)]) == 0
    return place


def test_every_page_is_there(folder):
    assert {path.name for path in folder.iterdir()} == {"index.html", *(f"{name}.html" for name in NAMES)}


@pytest.mark.parametrize(("width", "dark"), [(1000, False), (390, True)])
@pytest.mark.parametrize("name", NAMES)
def test_a_lesson(name, width, dark, folder, browser):
    found = taught(name)
    with browser.open(folder / f"{name}.html", width=width, dark=dark) as page:
        check_readable(page)
        assert page.evaluate(TITLE) == page.evaluate("document.title") == found.title
        figures = page.evaluate("[...document.images].map(i => [i.alt, i.clientWidth])")
        assert [alt for alt, _ in figures] == [figure.alt for figure in found.figures()]
        assert all(width / 3 < wide <= width for _, wide in figures)
        claims = page.evaluate("[...document.querySelectorAll('.claim')].map(p => p.textContent)")
        assert len(claims) == len(list(found.claims())) > 0
        # Of claims on times one may fail on a busy machine; what fails says so.
        assert sum(text.startswith("✗") for text in claims) == sum(not claim.holds for claim in found.claims())
        tables = page.evaluate("[...document.querySelectorAll('caption')].map(c => c.textContent)")
        assert tables == [
            part.title for section in found.sections for part in section.parts if isinstance(part, lessons.Table)
        ]


@pytest.mark.parametrize("width", [1000, 390])
def test_from_the_first_page_to_the_last(width, folder, browser):
    with browser.open(folder / "index.html", width=width) as page:
        check_readable(page)
        listed = page.evaluate(LINKS)
        assert listed == [[lessons.LESSONS[name].title, f"{name}.html"] for name in NAMES]
        for name in NAMES:
            # From the index to the first, then by the link to the next one.
            page.follow(f'a[href="{name}.html"]')
            assert page.evaluate(TITLE) == lessons.LESSONS[name].title
        page.follow('a[href="index.html"]')
        assert page.evaluate(LINKS) == listed
        page.follow(f'a[href="{NAMES[-1]}.html"]')
        for name in reversed(NAMES[:-1]):
            page.follow(f'a[href="{name}.html"]')
            assert page.evaluate(TITLE) == lessons.LESSONS[name].title


@pytest.mark.parametrize("name", ["index", *NAMES])
def test_links_lead_somewhere(name, folder, browser):
    with browser.open(folder / f"{name}.html") as page:
        hrefs = [href for _, href in page.evaluate(LINKS)]
        assert hrefs
        inside = [href[1:] for href in hrefs if href.startswith("#")]
        missing = f"{inside}.filter(name => !document.getElementById(name))"
        assert page.evaluate(missing) == []
        assert len(set(inside)) == len(inside) == (0 if name == "index" else len(taught(name).sections))
        assert [href for href in hrefs if href[0] != "#" and not (folder / href).is_file()] == []
        for anchor in inside[-1:]:
            page.click(f'a[href="#{anchor}"]')
            top, end = page.evaluate(f"[document.getElementById('{anchor}').getBoundingClientRect().top, innerHeight]")
            assert 0 <= round(top) < end


def test_the_example_of_a_lesson_stepped_through(browser, tmp_path):
    numbers = taught("regularised").numbers
    explained = explain(objective)(*numbers["point"])
    explained.html(tmp_path / "page.html")
    forward = [step.name for step in explained.steps if step.formula]
    with browser.open(tmp_path / "page.html", width=390, dark=True) as page:
        page.click("#graph")
        seen = []
        while not page.evaluate("document.getElementById('next').disabled"):
            page.press("ArrowRight")
            seen.append(page.evaluate(WORDS))
        check_readable(page)
        assert len(seen) == len(forward) + len(explained.steps)
        assert [words[0] for words in seen[: len(forward)]] == [
            f"Forward, step {k} of {len(forward)}" for k in range(1, len(forward) + 1)
        ]
        found = page.evaluate("Object.fromEntries(V.map(v => [v.name, [value[v.name][0], derivative[v.name][0]]]))")
        for name, step in numbers["steps"].items():
            assert found[name] == pytest.approx([float(step.value), float(step.derivative)], rel=1e-12)
        # The nudge of the lesson, typed.
        page.click('input[data-name="w"]')
        page.evaluate("document.activeElement.select()")
        page.write("2.01")
        after = page.evaluate("Object.fromEntries(V.map(v => [v.name, value[v.name][0]]))")
        for name, change in numbers["changes"].items():
            assert after[name] - found[name][0] == pytest.approx(change, abs=1e-14)
        page.click("#first")
        while not page.evaluate("document.getElementById('next').disabled"):
            page.click("#next")
        assert page.evaluate("document.getElementById('place').textContent") == "backward 14 of 14"
