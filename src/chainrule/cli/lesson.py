"""`chainrule lesson`: the lessons as text, as a page, or all of them as pages with an index."""

import argparse
import shlex
import shutil
from pathlib import Path

from chainrule import lessons
from chainrule.cli.output import check_place, write_file
from chainrule.errors import DataError, OptionError
from chainrule.inspection.drawings.figures import blank
from chainrule.lessons.as_html import as_html, index_html
from chainrule.lessons.as_text import as_text, list_text

__all__ = ["lesson"]

_WIDEST = 88
_WHAT = "the lesson"


def lesson(arguments: argparse.Namespace) -> int:
    """List the lessons, run ``arguments.name`` and print it or write its page, or write the pages of all."""
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    source = None if arguments.data is None else Path(arguments.data)
    output = None if arguments.output is None else Path(arguments.output)
    options = lessons.Options(seed=arguments.seed, source=source)
    if arguments.all:
        return _every(arguments, options, output)
    if arguments.name is None:
        given = [option for option, value in (("--data", source), ("--output", output)) if value is not None]
        if given:
            raise OptionError(f"{given[0]} needs the name of a lesson (chainrule lesson lists them), or --all")
        print(list_text(lessons.LESSONS, width))
        return 0
    if output is None:
        print(as_text(lessons.run(arguments.name, options), width))
        return 0
    blank()  # raises where nothing can be drawn, before anything is run
    check_place(output, () if source is None else (str(source),), _WHAT)
    found = lessons.run(arguments.name, options)
    write_file(output, as_html(found, command=_command(arguments.name, options)).encode(), _WHAT)
    print(f"{output}: {found.title}")
    return 0


def _every(arguments: argparse.Namespace, options: lessons.Options, folder: Path | None) -> int:
    if arguments.name is not None:
        raise OptionError(f"--all makes every lesson: leave out --all or the name {arguments.name!r}")
    if options.source is not None:
        raise OptionError("--data belongs to one lesson: give its name in place of --all")
    if folder is None:
        raise OptionError("--all needs a folder for the pages: -o FOLDER")
    blank()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: the folder cannot be made ({error.strerror})") from error
    names, found = list(lessons.LESSONS), []
    for number, name in enumerate(names, start=1):
        place = folder / f"{name}.html"
        check_place(place, (), _WHAT)
        print(f"{number:2} of {len(names)}  {place}: {lessons.LESSONS[name].title}", flush=True)
        one = lessons.run(name, options)
        page = as_html(one, among=names, command=_command(name, options))
        write_file(place, page.encode(), _WHAT)
        found.append(one)
    place = folder / "index.html"
    write_file(place, index_html(found, f"chainrule lesson --all --seed {options.seed} -o FOLDER").encode(), _WHAT)
    print(f"Open {place} to begin.")
    return 0


def _command(name: str, options: lessons.Options) -> str:
    data = "" if options.source is None else f" --data {shlex.quote(str(options.source))}"
    return f"chainrule lesson {name} --seed {options.seed}{data}"
