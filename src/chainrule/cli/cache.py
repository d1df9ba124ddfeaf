"""`chainrule cache`: the machine code that is kept on disk."""

import argparse

from chainrule.cli.output import named_lines
from chainrule.errors import DataError
from chainrule.native.cache import SIZE_VARIABLE, clear, usage

__all__ = ["cache"]


def cache(arguments: argparse.Namespace) -> int:
    """Print what is kept, or remove it."""
    if arguments.action == "clear":
        try:
            entries, size = clear()
        except OSError as error:
            raise DataError(f"{error.filename}: the entry cannot be removed ({error.strerror})") from error
        print(f"removed {_counted(entries)}, {size:,} bytes")
        return 0
    found = usage()
    lines = {
        "place": "none" if found.place is None else str(found.place),
        "holds": f"{_counted(found.entries)}, {found.bytes:,} bytes",
        "limit": f"{found.limit:,} bytes ({SIZE_VARIABLE} changes it)",
    }
    if found.off:
        lines["unused"] = found.off
    print(named_lines(lines))
    return 0


def _counted(entries: int) -> str:
    return f"{entries:,} {'entry' if entries == 1 else 'entries'}"
