"""What emitted code calls from elsewhere: parts of products, BLAS, the pool."""

from collections.abc import Callable, Iterable

import llvmlite.ir as ir

from chainrule.native import (
    blas,
    pool,
    pool_code,
    products_narrow,
    products_packing,
    products_parts,
    products_tiles,
    products_vectors,
)

__all__ = ["addresses", "imported"]

_PROVIDERS: dict[str, Callable[[list[str]], dict[str, int]]] = {
    products_tiles.PREFIX: products_parts.part_addresses,
    products_packing.PREFIX: products_parts.part_addresses,
    products_narrow.PREFIX: products_parts.part_addresses,
    products_vectors.PREFIX: products_parts.part_addresses,
    blas.PREFIX: blas.blas_addresses,
    pool_code.PARALLEL: pool.pool_addresses,
}


def imported(module: ir.Module) -> tuple[str, ...]:
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
    by_provider: dict[Callable[[list[str]], dict[str, int]], list[str]] = {}
    for name in names:
        provider = _provider(name)
        if provider is None:
            raise KeyError(name)
        by_provider.setdefault(provider, []).append(name)
    return {name: address for provider, some in by_provider.items() for name, address in provider(some).items()}


def _provider(name: str) -> Callable[[list[str]], dict[str, int]] | None:
    """What finds the address of a name."""
    for prefix, provider in _PROVIDERS.items():
        if name.startswith(prefix):
            return provider
    return None
