"""Writes docs/lessons.md and docs/lessons/ from runs of the lessons.

python docs/make_lessons.py          all of them
python docs/make_lessons.py digits   this one, and the list

Where PyTorch and JAX are installed, the page of `mnist` has their gradients.
"""

import io
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from chainrule.html.svg import svg_text
from chainrule.lessons import LESSONS, Lesson, run
from chainrule.lessons.as_markdown import as_markdown, index_markdown
from chainrule.lessons.writing import figure_names

DOCS = Path(__file__).parent
FOLDER, FIGURES = DOCS / "lessons", DOCS / "lessons" / "figures"
#: Bytes of a drawing; a larger one becomes a picture of so many pixels an inch, with as many colours as have room.
LARGEST, RESOLUTION, COLOURS = 60_000, 160, (256, 128, 64, 32)

HEAD = """# Lessons

The experiments of the lecture notes, each run by one command: `chainrule lesson digits` shows the text in the
terminal, `chainrule lesson digits -o digits.html` writes a page with the figures, and `chainrule lesson --all -o
lessons` makes all pages and an index. The pages here were made by `python docs/make_lessons.py`, from the seed 0; a
test holds that they are up to date.

A sentence with ✓ is a claim: it is computed from the numbers of the run. Where it does not hold, as it may with data of
your own, the lesson says so. Times and rounding errors differ from machine to machine.

"""

FOOT = """
With data of your own: `digits` takes a file of US Postal Service digits after `--data`, and `mnist` a folder of MNIST's
four files. From Python, `chainrule.lessons.run` gives a lesson with all its numbers:

```pycon
>>> from chainrule.lessons import Options, run
>>> lesson = run("descent", Options(seed=1))
>>> all(claim.holds for claim in lesson.claims())
True
>>> lesson.numbers["levels"]
10
```
"""


def page(lesson: Lesson, places: Sequence[str]) -> str:
    """The text of the page of a lesson, with links to the pages beside it."""
    names = list(LESSONS)
    place = names.index(lesson.name)
    links = ["[All lessons](../lessons.md)"]
    if place > 0:
        links.insert(0, f"[← {LESSONS[names[place - 1]].title}]({names[place - 1]}.md)")
    if place + 1 < len(names):
        links.append(f"[{LESSONS[names[place + 1]].title} →]({names[place + 1]}.md)")
    return f"{as_markdown(lesson, places)}\n{' · '.join(links)}\n"


def index(summaries: dict[str, str]) -> str:
    """The text of docs/lessons.md."""
    return HEAD + index_markdown({name: LESSONS[name] for name in summaries}, summaries, "lessons") + FOOT


def write_figure(figure: Figure, name: str) -> str:
    """Write a figure as SVG, or as PNG where that is too large; return its place, seen from the pages."""
    drawing = svg_text(figure).encode()
    if len(drawing) <= LARGEST:
        file, raw = f"{name}.svg", drawing
    else:
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=RESOLUTION)
        picture = Image.open(out).convert("RGB")
        file, raw = f"{name}.png", next(raw for raw in map(partial(packed, picture), COLOURS) if len(raw) <= LARGEST)
    (FIGURES / file).write_bytes(raw)
    return f"figures/{file}"


def packed(picture: Image.Image, colours: int) -> bytes:
    """A picture as PNG with so many colours."""
    out = io.BytesIO()
    picture.quantize(colours).save(out, format="png", optimize=True)
    return out.getvalue()


def main(names: Sequence[str]) -> None:
    """Write the pages of these lessons, and the list of all."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    summaries = {}
    for name in LESSONS:
        lesson = run(name)
        summaries[name] = lesson.summary
        if name in names:
            files = figure_names(lesson)
            for old in list(FIGURES.glob(f"{name}-?.*")):
                old.unlink()
            places = [write_figure(one.figure(), file) for one, file in zip(lesson.figures(), files, strict=True)]
            (FOLDER / f"{name}.md").write_text(page(lesson, places), encoding="utf-8")
    (DOCS / "lessons.md").write_text(index(summaries), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or list(LESSONS))
