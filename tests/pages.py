"""Runs the code blocks of a Markdown page in the order of the page and compares what they print.

A block fenced as ``pycon`` is a session with ``>>>``; all sessions of a page share their names. A block fenced as
``console`` holds shell commands after ``$ ``, continued after ``> ``, each followed by what it prints. Both run in a
folder of their own. Other blocks are not run.

A command that is `chainrule` alone, without anything of the shell around it, runs in this process, where all is
imported already; that there is such a program, and what it does between others, the other commands show.

In a session, a blank line within an output is a blank line. In what is expected, ``...`` stands for any text, and white
space counts only as a separator. A number with a point in it may differ by `LAST_DIGITS` of itself, since libraries of
mathematics differ there; in a console block, and in a session marked ``pycon trained``, by `AFTER_TRAINING`, since
training carries such differences on.
"""

import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

LAST_DIGITS = 1e-6
AFTER_TRAINING = 0.05

_FENCE = re.compile(r"^```(\w*)( trained)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"-?\d+\.\d*(?:e[+-]?\d+)?|-?\d+e[+-]?\d+")
# `chainrule cache` looks at the folder of machine code, of which these pages have one of their own.
_ALONE = re.compile(r"chainrule (?!cache)[^|<>&;$`*]*")
_TERMINAL = {"COLUMNS": "100", "NO_COLOR": "1"}
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the number of its first line, and how far numbers may be off."""

    language: str
    text: str
    line: int
    tolerance: float


def blocks(page: Path) -> list[Block]:
    """List the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            match[1],
            match[3],
            text.count("\n", 0, match.start(3)) + 1,
            AFTER_TRAINING if match[2] or match[1] == "console" else LAST_DIGITS,
        )
        for match in _FENCE.finditer(text)
    ]


class Checker(doctest.OutputChecker):
    """Compares as doctest does, and lets numbers differ by `tolerance` of themselves."""

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        if super().check_output(want, got, optionflags):
            return True
        match = self._pattern(want).fullmatch(got)
        if match is None:
            return False
        wanted = [float(number) for number in _NUMBER.findall(want)]
        return all(map(self.near, wanted, map(float, match.groups())))

    def _pattern(self, want: str) -> re.Pattern[str]:
        """What is expected as a pattern that captures every number."""
        parts = []
        for part in re.split(rf"({_NUMBER.pattern}|\.\.\.|\s+|\[)", want.strip()):
            if part == "...":
                parts.append(".*?")
            elif part.isspace():
                parts.append(r"\s+")
            elif part == "[":
                parts.append(r"\[\s*")
            else:
                parts.append(f"({_NUMBER.pattern})" if _NUMBER.fullmatch(part) else re.escape(part))
        return re.compile(rf"\s*{''.join(parts)}\s*", re.DOTALL)

    def near(self, want: float, got: float) -> bool:
        return abs(want - got) <= self.tolerance * max(abs(want), abs(got))


def run_page(page: Path, folder: Path) -> None:
    """Run every block of a page in `folder`, the current one; raise AssertionError where a block differs."""
    names: dict[str, object] = {"__name__": "__main__"}
    problems: list[str] = []
    ended = 0
    for block in blocks(page):
        if block.language == "pycon":
            problems += run_session(block, page, names)
        elif block.language == "console":
            found, ended = run_console(block, page, folder, ended)
            problems += found
    assert not problems, "\n".join(problems)


def run_session(block: Block, page: Path, names: dict[str, object]) -> list[str]:
    test = doctest.DocTestParser().get_doctest(_with_marks(block.text), names, page.name, str(page), block.line - 1)
    assert test.examples, f"{page.name}:{block.line}: a session without >>>"
    written: list[str] = []
    runner = doctest.DocTestRunner(Checker(block.tolerance), verbose=False, optionflags=_FLAGS)
    runner.run(test, out=written.append, clear_globs=False)
    names.update(test.globs)
    return written


def _with_marks(session: str) -> str:
    """Write a blank line within an output as doctest wants it."""
    lines: list[str] = []
    blank = 0
    in_output = False
    for line in session.splitlines():
        if not line.strip():
            blank += 1
            continue
        is_source = line.startswith((">>>", "..."))
        lines += ["<BLANKLINE>" if in_output and not is_source else ""] * blank + [line]
        blank, in_output = 0, not is_source
    return "\n".join(lines) + "\n"


def run_console(block: Block, page: Path, folder: Path, ended: int) -> tuple[list[str], int]:
    problems = []
    checker = Checker(block.tolerance)
    for line, command, want in commands(block):
        run = run_here if _ALONE.fullmatch(command) else run_in_shell
        ended, found = run(command, folder, ended)
        if not checker.check_output(want, found, _FLAGS):
            problems.append(f"{page.name}:{line}: $ {command}\nexpected:\n{want}\nfound:\n{found}")
    return problems, ended


def run_in_shell(command: str, folder: Path, ended: int) -> tuple[int, str]:
    """Run a command after one that ended with a code; return its code and what it printed."""
    done = subprocess.run(
        ["bash", "-c", f"(exit {ended}); {command}"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def run_here(command: str, folder: Path, ended: int) -> tuple[int, str]:
    """Run the program of this package as a function, in the current folder."""
    assert Path.cwd() == folder
    from chainrule.cli.main import main

    raw = io.BytesIO()
    printed = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    with redirect_stdout(printed), redirect_stderr(printed), patch.dict(os.environ, _TERMINAL):
        code = main(shlex.split(command)[1:])
    return code, raw.getvalue().decode("utf-8")


def commands(block: Block) -> Iterator[tuple[int, str, str]]:
    """Each command of a console block with its line and what it is expected to print."""
    lines = block.text.splitlines(keepends=True)
    assert lines[0].startswith("$ "), f"line {block.line}: a console block begins with a command"
    starts = [k for k, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        command = [lines[start][2:]]
        k = start + 1
        while k < end and lines[k].startswith("> "):
            command.append(lines[k][2:])
            k += 1
        yield block.line + start, "".join(command).rstrip("\n"), "".join(lines[k:end])


def environment() -> dict[str, str]:
    """The shell of a user: no terminal, 100 columns, this Python's programs first."""
    kept = {name: text for name, text in os.environ.items() if name not in ("FORCE_COLOR", "CLICOLOR_FORCE")}
    here = os.path.dirname(sys.executable)
    path = here + os.pathsep + kept.get("PATH", "")
    # A page clears the folder of machine code, and says that it is empty: none that another process writes to.
    code = os.path.join(kept["CHAINRULE_CACHE_DIR"], f"pages of {kept.get('PYTEST_XDIST_WORKER', 'one process')}")
    # Unbuffered, so that lines on standard output and standard error stand in the order of a terminal.
    return kept | _TERMINAL | {"PYTHONUNBUFFERED": "1", "PATH": path, "CHAINRULE_CACHE_DIR": code}
