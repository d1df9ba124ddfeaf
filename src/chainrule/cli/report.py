"""`--report` of `chainrule train`: whether the page can be written, and writing it."""

import argparse
import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from chainrule.cli.output import check_place, write_file
from chainrule.cli.space import as_options
from chainrule.errors import OptionError
from chainrule.inspection import Watch
from chainrule.inspection.drawings.figures import blank
from chainrule.inspection.report import report
from chainrule.train import Model, Options, Problem, Report

__all__ = ["check_report", "searched_for", "write_report"]

_WHAT = "the report"
#: How a page that this command wrote begins, and those of others.
_BEGINS = b"<!doctype html"


def check_report(arguments: argparse.Namespace, output: Path) -> Path | None:
    """Raise where the report could not be drawn or written, or would replace something that is no page."""
    if arguments.report is None:
        return None
    place = Path(arguments.report)
    blank()  # raises where matplotlib is missing
    check_place(place, (arguments.data,), _WHAT)
    taken = {output: "the model"}
    if arguments.checkpoint is not None:
        taken[Path(arguments.checkpoint)] = "the checkpoint"
    for other, what in taken.items():
        if place.resolve() == other.resolve():
            raise OptionError(f"--report {place}: there goes {what} already; name another file")
    if place.is_file() and place.stat().st_size:
        with open(place, "rb") as file:
            start = file.read(256)
        if not start.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(_BEGINS):
            raise OptionError(f"--report {place}: this is no page, and it is not overwritten: name another file")
    return place


def searched_for(before: Options, after: Options) -> str:
    """What a search has chosen, as the options that say it."""
    names = [field.name for field in fields(Options) if getattr(before, field.name) != getattr(after, field.name)]
    return as_options({name: getattr(after, name) for name in names})


def write_report(
    place: Path,
    model: Model,
    problem: Problem,
    run: Report,
    watch: Watch,
    arguments: argparse.Namespace,
    output: Path,
    about: Mapping[str, str],
) -> None:
    """Write the page on a run whose model is saved."""
    watch.look(run.fit.state)
    name = Path(arguments.data).resolve().name
    text = report(
        model,
        problem,
        run=run,
        watch=watch,
        title=f"{name}: {', '.join(problem.preparation.target_names[:4])}",
        about=about,
        command=shlex.join(["chainrule", *arguments.typed]),
        made_from=_files(Path(arguments.data)) | {"model": f"{output.name}, sha256 {_sha256(output)}"},
    )
    write_file(place, text.encode(), _WHAT)


def _files(data: Path) -> dict[str, str]:
    """The data with their checksums; those that come with chainrule have its version."""
    if data.is_file():
        return {"data": f"{data.name}, sha256 {_sha256(data)}"}
    if data.is_dir():
        found = sorted(path for path in data.iterdir() if path.is_file())
        return {f"data {path.name}": f"sha256 {_sha256(path)}" for path in found}
    return {}


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
