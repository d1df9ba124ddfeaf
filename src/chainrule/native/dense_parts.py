"""The functions that solve and factor matrices, once for a process."""

import threading
from collections.abc import Iterable
from functools import partial

import numpy as np

from chainrule.native import cache, machine
from chainrule.native.pool import pool_addresses
from chainrule.native.pool_code import PARALLEL

__all__ = ["dense_addresses"]

_libraries: dict[str, machine.Library] = {}
_compiling = threading.Lock()


def dense_addresses(names: Iterable[str]) -> dict[str, int]:
    """Where functions stand; those of a dtype are compiled together, or found on disk.

    Parameters
    ----------
    names : iterable of str
        As `chainrule.native.dense_products.dense_name` makes them.

    Returns
    -------
    dict of str to int
        Address by name, valid as long as the process lives.

    Raises
    ------
    KeyError
        For a name that is not known.
    """
    return {name: _library(name.split(".")[2]).addresses[name] for name in names}


def _library(dtype: str) -> machine.Library:
    with _compiling:
        if dtype not in _libraries:
            kept = cache.fetch(cache.key_of("dense", dtype), partial(_translated, dtype))
            names, calls = kept.facts
            _libraries[dtype] = machine.linked(kept.code, tuple(names), pool_addresses(calls))
        return _libraries[dtype]


def _translated(dtype: str) -> cache.Kept:
    from chainrule.native.dense_code import emit_dense
    from chainrule.native.dense_products import ARGUMENTS, dense_name

    module = machine.new_module("dense")
    emit_dense(module, np.dtype(dtype))
    names = [dense_name(function, np.dtype(dtype)) for function in ARGUMENTS]
    return cache.Kept(machine.object_code(module), (names, [PARALLEL]))
