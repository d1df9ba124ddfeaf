"""Names of a package that are loaded when they are first asked for, so that importing the package stays light."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["on_demand"]


def on_demand(
    package: str, modules: Sequence[str] = (), names: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the functions `__getattr__` and `__dir__` of a package.

    Parameters
    ----------
    package : str
        Its name.
    modules : sequence of str
        Modules in it that are loaded when they are asked for.
    names : mapping of str to str, optional
        Of other names, the module in it that they come from.

    Returns
    -------
    __getattr__ : callable
        Loads what a name stands for. Of other names it raises AttributeError, for which Python offers the nearest name.
    __dir__ : callable
        Lists all names.

    Examples
    --------
    >>> load, list_names = on_demand("chainrule", modules=["nn"], names={"adam": "optim"})
    >>> load("nn").__name__, load("adam").__module__, "adam" in list_names()
    ('chainrule.nn', 'chainrule.optim.optimizers', True)
    """
    places = {} if names is None else names

    def load(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        if name in places:
            return getattr(importlib.import_module(f"{package}.{places[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package])

    def list_names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules, *places})

    return load, list_names
