"""Functions and arguments that are not followed, refused in one form of words."""

from typing import Any

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.trace.buffer import settled
from chainrule.trace.hooks import hook
from chainrule.trace.tracer import Tracer

__all__: list[str] = []


def refuse_function(module: str, name: str, instead: str = "") -> None:
    """Catch a function, method or class, for an error that names it.

    Parameters
    ----------
    module, name : str
        As for `chainrule.trace.hooks.hook`.
    instead : str
        What to take instead, as a sentence.
    """
    shown = f"{module}.{name.removesuffix('.__init__').removesuffix('.__call__')}"

    def follow(*args: Any, **kwargs: Any) -> Any:
        raise NoDerivativeError(f"{shown} is not followed by chainrule.{instead and ' '}{instead}{user_line()}")

    hook(module, name, bind=lambda *args, **kwargs: (), listed=False, calls=True)(follow)


def need_plain(where: str, **given: Any) -> None:
    """Raise where one of some arguments is traced."""
    for name, value in given.items():
        if isinstance(settled(value), Tracer):
            raise TraceError(f"{where}: argument {name}= is not followed; it needs a plain value.{user_line()}")


def need_default(where: str, **given: tuple[Any, Any]) -> None:
    """Raise where one of some arguments, each with its default, is anything else."""
    for name, (value, default) in given.items():
        if isinstance(value, Tracer) or (value is not default and value != default):
            raise TraceError(f"{where}: argument {name}= is not followed on traced values.{user_line()}")
