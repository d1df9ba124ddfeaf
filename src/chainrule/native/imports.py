"""What emitted code calls from elsewhere: parts of products, the pool."""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import llvmlite.ir as ir

__all__ = ["addresses", "imported"]

#: Where names are found that begin so: module and function. Code from the disk often calls none of most kinds, and
#: then the modules that emit them need not be loaded.
_PROVIDERS = {
    "chainrule.tile": ("products_parts", "part_addresses"),
    "chainrule.strip": ("products_parts", "part_addresses"),
    "chainrule.pack": ("products_parts", "part_addresses"),
    "chainrule.dots": ("products_parts", "part_addresses"),
    "chainrule.narrow": ("products_parts", "part_addresses"),
    "chainrule.vector": ("products_parts", "part_addresses"),
    "chainrule.dense": ("dense_parts", "dense_addresses"),
    "chainrule.parallel": ("pool", "pool_addresses"),
}


def imported(module: "ir.Module") -> tuple[str, ...]:
    """Names of what a module calls from elsewhere.

    They are all that has to be kept with its machine code: `addresses` finds them in any process.

    Parameters
    ----------
    module : llvmlite.ir.Module
        The module.

    Returns
    -------
    tuple of str
        In the order in which they were declared.
    """
    return tuple(name for name in module.globals if _provider(name) is not None)


def addresses(names: Iterable[str]) -> dict[str, int]:
    """Where these stand in this process, for `machine.linked`.

    Parameters
    ----------
    names : iterable of str
        As `imported` gives them.

    Returns
    -------
    dict of str to int
        Address by name. What has to be compiled first, is.

    Raises
    ------
    KeyError
        For a name that is not known.
    """
    by_provider: dict[tuple[str, str], list[str]] = {}
    for name in names:
        provider = _provider(name)
        if provider is None:
            raise KeyError(name)
        by_provider.setdefault(provider, []).append(name)
    return {
        name: address
        for (module, function), some in by_provider.items()
        for name, address in _found(module, function)(some).items()
    }


def _found(module: str, function: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(import_module(f"chainrule.native.{module}"), function)
    return found


def _provider(name: str) -> tuple[str, str] | None:
    """What finds the address of a name."""
    for prefix, provider in _PROVIDERS.items():
        if name.startswith(prefix):
            return provider
    return None
