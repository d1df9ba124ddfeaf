"""What the command tells its caller, beside 0 for success."""

__all__ = ["DIVERGED", "INTERRUPTED", "NOBODY_READS", "UNUSABLE", "WRONG"]

DIVERGED = 1
"""Training diverged; nothing was written."""

WRONG = 1
"""What was checked is wrong."""

UNUSABLE = 2
"""Arguments, data or model cannot be used; nothing was written."""

INTERRUPTED = 128 + 2
"""Ctrl-C; the number is what a shell gives to a program that SIGINT ended."""

NOBODY_READS = 128 + 13
"""Whoever read the output left; the number is that of SIGPIPE."""
