"""The program: one function a command, and what every error becomes."""

import io
import os
import sys
from collections.abc import Sequence

from chainrule.cli.arguments import parse
from chainrule.cli.exit_codes import DIVERGED, INTERRUPTED, NOBODY_READS, UNUSABLE
from chainrule.errors import ChainruleError, DivergenceError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        What follows the name of the program; by default that of this process.

    Returns
    -------
    int
        The exit code: 0; 1 where training diverged, and 2 where arguments, data or model cannot be used, each with one
        line on standard error and nothing written; 130 after Ctrl-C; 141 where whoever read the output left.
    """
    if sys.stdout is None:  # as with >&- in a shell
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (open until the program ends)
    # A name that the terminal cannot show must not end the program.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        code = _run(argv)
        sys.stdout.flush()
        return code
    except ChainruleError as error:
        return _ended(error, DIVERGED if isinstance(error, DivergenceError) else UNUSABLE)
    except OSError as error:
        # Python flushes standard output once more when it ends, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS if isinstance(error, BrokenPipeError) else _ended(error, UNUSABLE)
    except MemoryError as error:
        return _ended(f"there is not enough memory ({error})" if str(error) else "there is not enough memory", UNUSABLE)
    except KeyboardInterrupt:
        return _ended("stopped by Ctrl-C", INTERRUPTED)


def _ended(message: object, code: int) -> int:
    print(f"chainrule: {' '.join(str(message).splitlines())}", file=sys.stderr)
    return code


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = parse(argv)
    except SystemExit as done:  # so the help and the version end
        return int(done.code or 0)
    # Each command is imported when it is asked for, so that the help comes at once.
    if arguments.command == "train":
        from chainrule.cli.train import train

        return train(arguments)
    if arguments.command == "predict":
        from chainrule.cli.predict import predict

        return predict(arguments)
    if arguments.command == "info":
        from chainrule.cli.info import info

        return info(arguments)
    if arguments.command == "export":
        from chainrule.cli.export import export

        return export(arguments)
    if arguments.command == "check":
        from chainrule.cli.check import check

        return check(arguments)
    if arguments.command == "lesson":
        from chainrule.cli.lesson import lesson

        return lesson(arguments)
    if arguments.command == "cache":
        from chainrule.cli.cache import cache

        return cache(arguments)
    return _run(["--help"])
