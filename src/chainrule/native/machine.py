"""The machine that code is made for, and the way from LLVM's text to addresses."""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import llvmlite.binding as llvm
import llvmlite.ir as ir
import numpy as np

from chainrule.native.beside import begun

__all__ = [
    "Library",
    "begun_code",
    "compiled",
    "fingerprint",
    "lanes",
    "linked",
    "new_module",
    "object_code",
    "vector_bytes",
]

_numbers = iter(range(1 << 62))
_naming = threading.Lock()


@dataclass(frozen=True)
class _Machine:
    """What LLVM needs to know of the processor.

    Attributes
    ----------
    target : llvmlite.binding.TargetMachine
        Makes object code.
    jit : llvmlite.binding.LLJIT
        Links it.
    cpu, features : str
        The processor, as LLVM calls it.
    """

    target: Any
    jit: Any
    cpu: str
    features: str


@cache
def _machine() -> _Machine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    # Without the preference LLVM splits vectors of 512 bits in two on processors that once slowed down for them.
    features += ",-prefer-256-bit"
    target = _target(cpu, features)
    return _Machine(target, llvm.create_lljit_compiler(target), cpu, features)


def _target(cpu: str, features: str) -> Any:
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=2, jit=True, codemodel="jitdefault"
    )


@cache
def vector_bytes() -> int:
    """Bytes of the widest vector registers: 64, 32 or 16."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") else 16


def lanes(dtype: np.dtype[Any]) -> int:
    """Entries of a dtype that fill a vector register."""
    return vector_bytes() // dtype.itemsize


def fingerprint() -> str:
    """Processor, features and LLVM's version: what machine code is valid for."""
    machine = _machine()
    return f"{machine.cpu} {machine.features} llvm {'.'.join(map(str, llvm.llvm_version_info))}"


def new_module(name: str) -> ir.Module:
    """Make an empty module for this machine."""
    module = ir.Module(name)
    module.triple = _triple()
    return module


@cache
def _triple() -> str:
    # Asked for once: where LLVM is at work, it lets nobody else ask.
    return str(llvm.get_default_triple())


def object_code(module: ir.Module | str) -> bytes:
    """Translate a module to machine code.

    Parameters
    ----------
    module : llvmlite.ir.Module or str
        Instructions, or their text.

    Returns
    -------
    bytes
        An object file, valid for what `fingerprint` says.
    """
    return bytes(_machine().target.emit_object(_parsed(str(module), llvm.get_global_context())))


def begun_code(module: ir.Module | str) -> Callable[[], bytes]:
    """Begin to translate a module, in a thread beside.

    Parameters
    ----------
    module : llvmlite.ir.Module or str
        Instructions, or their text.

    Returns
    -------
    callable
        Waits for the object file: the one that `object_code` makes.
    """
    machine = _machine()
    context = llvm.create_context()
    parsed = _parsed(str(module), context)
    return begun(partial(_emitted, _target(machine.cpu, machine.features), parsed, context))


def _parsed(text: str, context: Any) -> Any:
    parsed = llvm.parse_assembly(text, context)
    try:
        parsed.verify()
    except RuntimeError:
        parsed.close()
        raise
    return parsed


def _emitted(target: Any, parsed: Any, context: Any) -> bytes:
    """As ``target.emit_object(parsed)``, but whoever else wants to use LLVM meanwhile need not wait.

    llvmlite lets one thread at a time into LLVM, for modules share a context unless they are given one of their own.
    LLVM itself asks for no more than that two threads have two contexts and two target machines.
    """
    lib = llvm.ffi.lib
    try:
        with llvm.ffi.OutputString() as problem:
            buffer = _emit()(target, parsed, 1, problem)
            if not buffer:
                raise RuntimeError(str(problem))
        found = ctypes.string_at(lib.LLVMPY_GetBufferStart(buffer), lib.LLVMPY_GetBufferSize(buffer))
        lib.LLVMPY_DisposeMemoryBuffer(buffer)
        return found
    finally:
        # In this order, which the collector of cycles would not keep: a context takes its modules with it.
        parsed.close()
        context.close()


@cache
def _emit() -> Callable[..., Any]:
    locked = llvm.ffi.lib.LLVMPY_TargetMachineEmitToMemory
    emit = ctypes.CDLL(llvm.ffi.lib._name).LLVMPY_TargetMachineEmitToMemory
    emit.argtypes, emit.restype = locked.argtypes, locked.restype
    return emit


class Library:
    """Machine code in memory, for as long as this object lives.

    Attributes
    ----------
    addresses : dict of str to int
        Where each function that was asked for starts.
    """

    def __init__(self, tracker: Any, names: tuple[str, ...]) -> None:
        self._tracker = tracker
        self.addresses = {name: int(tracker[name]) for name in names}


def linked(code: bytes, names: tuple[str, ...], imports: dict[str, int] | None = None) -> Library:
    """Load object code.

    Parameters
    ----------
    code : bytes
        As `object_code` makes it.
    names : tuple of str
        Functions whose addresses are wanted.
    imports : dict of str to int
        Addresses of functions from elsewhere that the code calls.

    Returns
    -------
    Library
        The code, ready to be called.
    """
    builder = llvm.JITLibraryBuilder().add_object_img(code)
    for name, address in (imports or {}).items():
        builder.import_symbol(name, address)
    for name in names:
        builder.export_symbol(name)
    with _naming:
        number = next(_numbers)
    return Library(builder.link(_machine().jit, f"chainrule{number}"), names)


def compiled(module: ir.Module, names: tuple[str, ...], imports: dict[str, int] | None = None) -> Library:
    """Translate a module and load it: `object_code`, then `linked`."""
    return linked(object_code(module), names, imports)
