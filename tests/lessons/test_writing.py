"""Text, Markdown and HTML of a small lesson made by hand."""

import pytest

from chainrule.inspection.drawings.figures import blank
from chainrule.lessons import LESSONS, Claim, Code, Figure, Formula, Lesson, Section, Table
from chainrule.lessons.as_html import as_html, index_html
from chainrule.lessons.as_markdown import as_markdown, index_markdown, masked
from chainrule.lessons.as_text import as_text, list_text
from chainrule.lessons.writing import FAILED, cell_text, figure_names, numeric_columns, spans, typeset


def made(share=0.5, seconds=1.0, holds=True):
    drawn = []

    def draw():
        drawn.append(True)
        figure = blank(2, 2)
        figure.add_subplot().plot([0, 1])
        return figure

    parts = (
        "A text with `code <b>` in it, a * and a_b.",
        Formula("δ = (x − y) · θ′(s)"),
        Claim(f"A share of {share:.2f} is less than 1.", holds),
        Claim(f"It took {seconds} seconds.", True, measured=True),
        Claim("Left are 7.5 × 10⁻⁹.", True),
        Table("Sizes", ("name", "size", "`of`"), (("a|b", 10000, 0.123456), ("c", 2, -1.0))),
        Table("Times", ("name", "time"), (("a", seconds),), measured=(1,)),
        Figure("A line", draw, "A line that rises."),
        Code("\nprint(1)\n\nprint(2)\n"),
    )
    lesson = Lesson("digits", "A title", "A summary.", (Section("One", parts), Section("Two & more", ("Text.",))), {})
    return lesson, drawn


def test_text():
    lesson, drawn = made()
    found = as_text(lesson, 40)
    assert found.splitlines()[:8] == ["A title", "=======", "", "A summary.", "", "One", "---", ""]
    assert "✓ A share of 0.50 is less than 1." in found
    assert "    δ = (x − y) · θ′(s)" in found
    assert "\n    print(1)\n\n    print(2)\n" in found
    assert "10,000   0.1235" in found
    assert "[figure] A line: A line that rises." in found
    assert not drawn


def test_a_claim_that_fails_says_so_in_each_form():
    lesson, _ = made(share=1.5, holds=False)
    assert f"✗ {FAILED}A share of 1.50 is less than 1." in as_text(lesson, 90)
    assert f"✗ {FAILED}A share of 1.50 is less than 1." in as_markdown(lesson)
    page = as_html(lesson)
    assert f'<p class="claim fails"><span class="mark" aria-hidden="true">✗</span> {FAILED}A share' in page
    assert page.count('class="claim"') == 2


def test_markdown():
    lesson, drawn = made()
    found = as_markdown(lesson, ["there/line.png"])
    assert "A text with `code <b>` in it, a \\* and a\\_b.\n" in found
    assert "> δ = (x − y) · θ′(s)\n" in found
    assert (
        "Sizes:\n\n| name | size | `of` |\n| --- | ---: | ---: |\n| a\\|b | 10,000 | 0.1235 |\n| c | 2 | −1 |\n"
        in found
    )
    assert "![A line that rises.](there/line.png)\n\n*A line*\n" in found
    assert "```python\nprint(1)\n\nprint(2)\n```\n" in found
    assert "(figures/digits-1.svg)" in as_markdown(lesson)
    assert not drawn


def test_masked_pages_differ_in_what_is_not_measured():
    lesson, _ = made()
    text, numbers = masked(lesson, as_markdown(lesson))
    assert 0.5 in numbers
    assert 10000.0 in numbers
    assert 7.5e-9 in numbers
    assert "⁻" not in text
    # Times may be anything.
    slower, _ = made(seconds=123.5)
    assert masked(lesson, as_markdown(slower)) == (text, numbers)
    other, _ = made(share=0.25)
    found, changed = masked(lesson, as_markdown(other))
    assert (found, changed != numbers) == (text, True)
    lesson_of_more, _ = made()
    more = Lesson("digits", "A title", "A summary.", (*lesson_of_more.sections, Section("Three", ("!",))), {})
    assert masked(lesson, as_markdown(more))[0] != text
    with pytest.raises(ValueError, match="too few lines"):
        masked(more, as_markdown(lesson))


def test_html():
    lesson, drawn = made()
    page = as_html(lesson, among=["digits", "descent"], command="chainrule lesson digits")
    assert drawn == [True]
    assert "<p>A text with <code>code &lt;b&gt;</code> in it, a * and a_b.</p>" in page
    assert '<p class="formula">δ = (x − y) · θ′(s)</p>' in page
    assert '<td class="number">10,000</td>' in page
    assert "<pre><code>print(1)\n\nprint(2)</code></pre>" in page
    assert '<a href="#two--more">Two &amp; more</a>' in page
    assert 'id="two--more"' in page
    assert f'<a href="descent.html">{LESSONS["descent"].title} →</a>' in page
    assert "←" not in page
    assert "<code>chainrule lesson digits</code>" in page


def test_a_page_alone_leads_nowhere():
    lesson, _ = made()
    assert "index.html" not in as_html(lesson)


def test_indexes():
    lesson, drawn = made()
    page = index_html([lesson], "chainrule lesson --all")
    assert '<a href="digits.html">A title</a><br>A summary.' in page
    table = index_markdown({"digits": LESSONS["digits"]}, {"digits": "A summary, with a_b."}, "lessons")
    assert f"| [{LESSONS['digits'].title}](lessons/digits.md) | A summary, with a\\_b. |" in table
    listed = list_text(LESSONS, 60)
    assert all(name in listed for name in LESSONS)
    assert max(map(len, listed.splitlines())) <= 60
    assert not drawn


def test_cells_and_columns():
    table = Table("t", ("a", "b", "c", "d"), (("x", "-1.5", 1, "×3"), ("2", "+2 %", 0.5, "3")))
    assert numeric_columns(table) == (1, 2)
    assert numeric_columns(Table("t", ("a",), ())) == ()
    assert [cell_text(cell) for cell in (1234567, 1e-9, 2.0, "a")] == ["1,234,567", "1.000 × 10⁻⁹", "2", "a"]


def test_names_of_figures():
    assert figure_names(made()[0]) == ["digits-1"]


def test_mistakes_in_a_lesson_are_named():
    with pytest.raises(ValueError, match="a backquote has no second one in 'a `b'"):
        list(spans("a `b"))
    with pytest.raises(ValueError, match=r"the table 't' has 2 heads, but the row \(1,\)"):
        Table("t", ("a", "b"), ((1,),))


def test_minus_signs_outside_of_code():
    found = typeset("from -1 to (-2, 0), `x[-1]`, 1e-5, hidden-space-2, --seed 1, 3-4")
    assert found == "from −1 to (−2, 0), `x[-1]`, 1e-5, hidden-space-2, --seed 1, 3-4"
