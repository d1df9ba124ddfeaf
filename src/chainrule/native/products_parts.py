"""The functions that emitted products call, once for a process."""

import threading
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from chainrule.native import cache, machine

if TYPE_CHECKING:
    import llvmlite.ir as ir

__all__ = ["emit_part", "part_addresses"]

_libraries: list[machine.Library] = []
_addresses: dict[str, int] = {}
_compiling = threading.Lock()


def part_addresses(names: Iterable[str]) -> dict[str, int]:
    """Where parts stand; those that are asked for the first time are compiled, or found on disk.

    Parameters
    ----------
    names : iterable of str
        As the `name` of a tile, a packing, or a narrow or a vector loop gives them.

    Returns
    -------
    dict of str to int
        Address by name, valid as long as the process lives.

    Raises
    ------
    KeyError
        For a name that is not known.
    """
    wanted = tuple(names)
    with _compiling:
        for name in wanted:
            if name not in _addresses:
                kept = cache.fetch(cache.key_of("part", name), partial(_translated, name))
                library = machine.linked(kept.code, (name,))
                _libraries.append(library)
                _addresses.update(library.addresses)
        return {name: _addresses[name] for name in wanted}


def _translated(name: str) -> cache.Kept:
    module = machine.new_module("products")
    emit_part(module, name)
    return cache.Kept(machine.object_code(module))


def emit_part(module: "ir.Module", name: str) -> "ir.Function":
    """Write the function of that name."""
    # Loaded by who makes a part, not by who finds it on disk.
    from chainrule.native.products_dots import PREFIX as DOTS
    from chainrule.native.products_dots import DotLoop, emit_dot_loop
    from chainrule.native.products_narrow import PREFIX as NARROW
    from chainrule.native.products_narrow import NarrowLoop, emit_narrow_loop
    from chainrule.native.products_packing import PREFIX as PACKING
    from chainrule.native.products_packing import Packing, emit_packing
    from chainrule.native.products_strips import PREFIX as STRIP
    from chainrule.native.products_strips import emit_strip
    from chainrule.native.products_tiles import ANY_PREFIX as ANY_TILE
    from chainrule.native.products_tiles import FAR_PREFIX as FAR_TILE
    from chainrule.native.products_tiles import PREFIX as TILE
    from chainrule.native.products_tiles import Tile, emit_tile
    from chainrule.native.products_vectors import PREFIX as VECTORS
    from chainrule.native.products_vectors import VectorLoop, emit_vector_loop

    if name.startswith(STRIP):
        _, dtype, number = name.rsplit(".", 2)
        return emit_strip(module, np.dtype(dtype), int(number))
    prefix, dtype, *numbers = name.rsplit(".", 4 if name.startswith((TILE, NARROW)) else 3)
    lanes, *rest = map(int, numbers)
    if prefix in (TILE, ANY_TILE, FAR_TILE):
        rows, vectors = rest
        tile = Tile(np.dtype(dtype), lanes, rows, vectors, any_width=prefix == ANY_TILE, far=prefix == FAR_TILE)
        return emit_tile(module, tile)
    if prefix == DOTS:
        return emit_dot_loop(module, DotLoop(np.dtype(dtype), lanes, *rest))
    if prefix == NARROW:
        return emit_narrow_loop(module, NarrowLoop(np.dtype(dtype), lanes, *rest))
    if prefix == VECTORS:
        return emit_vector_loop(module, VectorLoop(np.dtype(dtype), lanes, *rest))
    if prefix == PACKING:
        return emit_packing(module, Packing(np.dtype(dtype), lanes, bool(*rest)))
    raise KeyError(name)
