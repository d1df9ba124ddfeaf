"""Writing LLVM instructions: constants, intrinsics, loops, and memory by vectors.

Instructions are written as they shall run: vectors are explicit, and no pass over the instructions follows but
what the code generator does itself. So what is written is what is paid for, in compile time too.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.folding import Builder, known
from chainrule.native.types import INT, POINTER, in_memory, lanes_of, register, scalar_of

__all__ = ["Emitter"]

#: The emitter has a method `int`, which hides the type in its class.
Count = int


class _Splat(ir.Constant):  # type: ignore[misc]
    """One number in every lane of a vector, in LLVM's short form: it is written and read many times in a module."""

    def __init__(self, kind: ir.VectorType, one: ir.Constant) -> None:
        self.type = kind
        self.constant = one

    def _get_reference(self) -> str:
        return f"splat ({self.constant.type} {self.constant.get_reference()})"


class _Short(ir.Constant):  # type: ignore[misc]
    """A constant of a vector type in a word; llvmlite would write it out lane by lane, and LLVM read that."""

    def __init__(self, kind: ir.VectorType, word: str) -> None:
        self.type = kind
        self.constant = ()  # llvmlite looks through the lanes of a shuffle's mask.
        self._word = word

    def _get_reference(self) -> str:
        return self._word


def zeros(kind: ir.Type) -> ir.Constant:
    """Zero in every lane."""
    return _Short(kind, "zeroinitializer")


def nothing(kind: ir.Type) -> ir.Constant:
    """A vector whose lanes are of no meaning."""
    return _Short(kind, "poison")


class Emitter:
    """Writes the instructions of one function.

    Attributes
    ----------
    b : llvmlite.ir.IRBuilder
        Where the next instruction goes.
    module : llvmlite.ir.Module
        What the function is a part of.
    """

    def __init__(self, function: ir.Function) -> None:
        self.module: ir.Module = function.module
        self.b = Builder(function.append_basic_block("entry"))

    # Constants

    def const(self, value: Any, like: ir.Type) -> ir.Constant:
        """A number as a constant of a type, in every lane of a vector."""
        scalar = scalar_of(like)
        if isinstance(scalar, ir.FloatType):
            value = float(np.float32(value))
        elif isinstance(scalar, ir.DoubleType):
            value = float(value)
        else:
            value = int(value)
        one = ir.Constant(scalar, value)
        return _Splat(like, one) if isinstance(like, ir.VectorType) else one

    def bits(self, pattern: Count, like: ir.Type) -> ir.Value:
        """A constant float given by its bits."""
        integer = self.integer_like(like)
        return self.b.bitcast(self.const(pattern, integer), like)

    def int(self, value: Count) -> ir.Constant:
        """A 64-bit integer: a length, an index, an offset."""
        return ir.Constant(INT, value)

    def integer_like(self, kind: ir.Type) -> ir.Type:
        """The integer type with the bits of a float type, lane by lane."""
        bits = 32 if isinstance(scalar_of(kind), ir.FloatType) else 64
        scalar = ir.IntType(bits)
        return ir.VectorType(scalar, kind.count) if isinstance(kind, ir.VectorType) else scalar

    def with_lanes(self, scalar: ir.Type, lanes: Count) -> ir.Type:
        """The vector type of so many lanes; the scalar type itself for one."""
        return scalar if lanes == 1 else ir.VectorType(scalar, lanes)

    def splat(self, x: ir.Value, lanes: Count) -> ir.Value:
        """A scalar in every lane."""
        if lanes == 1:
            return x
        if isinstance(x, ir.Constant):
            return _Splat(ir.VectorType(x.type, lanes), x)
        vector = ir.VectorType(x.type, lanes)
        one = self.b.insert_element(nothing(vector), x, ir.Constant(ir.IntType(32), 0))
        return self.b.shuffle_vector(one, nothing(vector), zeros(ir.VectorType(ir.IntType(32), lanes)))

    # Intrinsics

    def intrinsic(self, name: str, *args: ir.Value, result: ir.Type | None = None, over: Count = 1) -> ir.Value:
        """Call an LLVM intrinsic such as ``llvm.fma``, overloaded by the types of its first `over` arguments.

        Parameters
        ----------
        name : str
            Without the suffix for the type.
        *args : Value
            What it takes.
        result : Type, optional
            What it returns; the type of the first argument where it is not given.
        over : Count
            Number of leading arguments that its name tells the types of.

        Returns
        -------
        Value
            What it returns.
        """
        result = args[0].type if result is None else result
        full = ".".join([name, *(suffix(x.type) for x in args[:over])])
        return self.b.call(self.declared(full, result, [x.type for x in args]), args)

    def declared(self, name: str, result: ir.Type, kinds: Sequence[ir.Type]) -> ir.Function:
        """A function from elsewhere, declared once."""
        known = self.module.globals.get(name)
        return known or ir.Function(self.module, ir.FunctionType(result, kinds), name)

    def fma(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """X * y + z, rounded once."""
        return self.intrinsic("llvm.fma", x, y, z)

    def polynomial(self, x: ir.Value, coefficients: Sequence[float]) -> ir.Value:
        """A polynomial by Horner's rule; coefficients from the highest power down."""
        total: ir.Value = self.const(coefficients[0], x.type)
        for c in coefficients[1:]:
            total = self.fma(total, x, self.const(c, x.type))
        return total

    # Loops

    @contextmanager
    def loop(
        self, start: ir.Value, stop: ir.Value, step: Count = 1, carried: Sequence[ir.Value] = ()
    ) -> "Iterator[Loop]":
        """Write a loop; the block of the `with` is its body.

        Parameters
        ----------
        start, stop : Value
            64-bit integers; the body runs for start, start + step, ... below stop, or not at all.
        step : Count
            A positive number.
        carried : sequence of Value
            What goes from step to step, as it is at the start. The body sets `Loop.carry` to what the next step gets.

        Yields
        ------
        Loop
            ``index`` and ``carry``; after the loop ``carry`` is what the last step left.
        """
        b, first, last = self.b, known(start), known(stop)
        if first is not None and last is not None and first < last <= first + step:
            # Once, as it stands.
            once = Loop(start, list(carried))
            yield once
            return
        before = b.block
        body = b.append_basic_block("loop")
        after = b.append_basic_block("after")
        runs = first is not None and last is not None and first < last
        if runs:
            b.branch(body)
        else:
            b.cbranch(b.icmp_signed("<", start, stop), body, after)
        b.position_at_end(body)
        index = b.phi(INT, "i")
        index.add_incoming(start, before)
        phis = [b.phi(x.type) for x in carried]
        for phi, x in zip(phis, carried, strict=True):
            phi.add_incoming(x, before)
        here = Loop(index, list(phis))
        yield here
        end = b.block
        following = b.add(index, self.int(step), flags=["nsw"])
        index.add_incoming(following, end)
        for phi, x in zip(phis, here.carry, strict=True):
            phi.add_incoming(x, end)
        b.cbranch(b.icmp_signed("<", following, stop), body, after)
        b.position_at_end(after)
        if runs:
            return
        results = []
        for x, last in zip(carried, here.carry, strict=True):
            result = b.phi(x.type)
            result.add_incoming(x, before)
            result.add_incoming(last, end)
            results.append(result)
        here.carry = results

    # Memory

    def address(self, base: ir.Value, index: ir.Value, dtype: np.dtype[Any]) -> ir.Value:
        """Where the entry number `index` of an array stands."""
        if isinstance(index, ir.Constant) and index.constant == 0 and base.type == POINTER:
            return base
        return self.b.gep(base, [index], source_etype=in_memory(dtype))

    def pointer_in(self, table: ir.Value, place: Count | ir.Value) -> ir.Value:
        """Read a pointer from a table of them."""
        number = place if isinstance(place, ir.Value) else self.int(place)
        return self.b.load(self.b.gep(table, [number], source_etype=POINTER), typ=POINTER)

    def load(
        self, base: ir.Value, index: ir.Value, dtype: np.dtype[Any], lanes: Count = 1, mask: ir.Value | None = None
    ) -> ir.Value:
        """Read an entry, or `lanes` neighbouring ones; where `mask` has a 0, nothing is read and the lane is 0."""
        kind = self.with_lanes(in_memory(dtype), lanes)
        where = self.address(base, index, dtype)
        if mask is None:
            found = self.b.load(where, typ=kind, align=dtype.itemsize)
        else:
            align = ir.Constant(ir.IntType(32), dtype.itemsize)
            function = self.declared(
                f"llvm.masked.load.{suffix(kind)}.p0", kind, [where.type, align.type, mask.type, kind]
            )
            found = self.b.call(function, [where, align, mask, zeros(kind)])
        return self.b.icmp_unsigned("!=", found, ir.Constant(kind, None)) if dtype.kind == "b" else found

    def gather(
        self,
        base: ir.Value,
        index: ir.Value,
        stride: ir.Value,
        dtype: np.dtype[Any],
        lanes: Count,
        mask: ir.Value | None = None,
    ) -> ir.Value:
        """Read `lanes` entries that stand `stride` entries apart, from the entry number ``index * stride`` on."""
        b = self.b
        pointers = self._places(base, index, stride, dtype, lanes)
        kind = self.with_lanes(in_memory(dtype), lanes)
        every = ir.VectorType(ir.IntType(1), lanes)
        mask = ir.Constant(every, [ir.Constant(ir.IntType(1), 1)] * lanes) if mask is None else mask
        align = ir.Constant(ir.IntType(32), dtype.itemsize)
        name = f"llvm.masked.gather.{suffix(kind)}.{suffix(pointers.type)}"
        function = self.declared(name, kind, [pointers.type, align.type, mask.type, kind])
        found = b.call(function, [pointers, align, mask, ir.Constant(kind, None)])
        return b.icmp_unsigned("!=", found, ir.Constant(kind, None)) if dtype.kind == "b" else found

    def _places(
        self, base: ir.Value, index: ir.Value, stride: ir.Value, dtype: np.dtype[Any], lanes: Count
    ) -> ir.Value:
        b = self.b
        numbers = ir.Constant(ir.VectorType(INT, lanes), [ir.Constant(INT, k) for k in range(lanes)])
        places = b.mul(b.add(self.splat(index, lanes), numbers), self.splat(stride, lanes))
        pointers = b.gep(base, [places], source_etype=in_memory(dtype))
        pointers.type = ir.VectorType(ir.PointerType(), lanes)
        return pointers

    def scatter(
        self,
        value: ir.Value,
        base: ir.Value,
        index: ir.Value,
        stride: ir.Value,
        dtype: np.dtype[Any],
        mask: ir.Value | None = None,
    ) -> None:
        """Write the lanes of a vector `stride` entries apart, from the entry number ``index * stride`` on."""
        lanes = lanes_of(value.type)
        if dtype.kind == "b":
            value = self.b.zext(value, self.with_lanes(in_memory(dtype), lanes))
        pointers = self._places(base, index, stride, dtype, lanes)
        every = ir.VectorType(ir.IntType(1), lanes)
        mask = ir.Constant(every, [ir.Constant(ir.IntType(1), 1)] * lanes) if mask is None else mask
        align = ir.Constant(ir.IntType(32), dtype.itemsize)
        name = f"llvm.masked.scatter.{suffix(value.type)}.{suffix(pointers.type)}"
        function = self.declared(name, ir.VoidType(), [value.type, pointers.type, align.type, mask.type])
        self.b.call(function, [value, pointers, align, mask])

    def store(
        self, value: ir.Value, base: ir.Value, index: ir.Value, dtype: np.dtype[Any], mask: ir.Value | None = None
    ) -> None:
        """Write an entry, or as many neighbouring ones as `value` has lanes, where `mask` has a 1."""
        if dtype.kind == "b":
            value = self.b.zext(value, self.with_lanes(in_memory(dtype), lanes_of(value.type)))
        where = self.address(base, index, dtype)
        if mask is None:
            self.b.store(value, where, align=dtype.itemsize)
            return
        align = ir.Constant(ir.IntType(32), dtype.itemsize)
        function = self.declared(
            f"llvm.masked.store.{suffix(value.type)}.p0",
            ir.VoidType(),
            [value.type, where.type, align.type, mask.type],
        )
        self.b.call(function, [value, where, align, mask])

    def tail_mask(self, index: ir.Value, stop: ir.Value, lanes: Count) -> ir.Value:
        """A mask with 1 in the lanes whose number, counted from `index`, is below `stop`."""
        # The bits of a number: comparing lanes takes wide integers, and their constants.
        left = self.b.sub(stop, index)
        if (count := known(left)) is not None:
            bit = ir.IntType(1)
            return ir.Constant(ir.VectorType(bit, lanes), [ir.Constant(bit, int(k < count)) for k in range(lanes)])
        left = self.intrinsic("llvm.smin", left, self.int(lanes))
        left = self.intrinsic("llvm.smax", left, self.int(0))
        bits = self.b.sub(self.b.shl(self.int(1), left), self.int(1))
        return self.b.bitcast(self.b.trunc(bits, ir.IntType(lanes)), ir.VectorType(ir.IntType(1), lanes))

    def convert(self, x: ir.Value, source: np.dtype[Any], target: np.dtype[Any]) -> ir.Value:
        """Convert between dtypes as NumPy's ``astype`` does."""
        if source == target:
            return x
        b, kind = self.b, register(target, lanes_of(x.type))
        if target.kind == "b":
            zero = self.const(0, x.type)
            return b.fcmp_unordered("!=", x, zero) if source.kind == "f" else b.icmp_unsigned("!=", x, zero)
        if source.kind == "f" and target.kind == "f":
            return b.fpext(x, kind) if target.itemsize > source.itemsize else b.fptrunc(x, kind)
        if source.kind == "f":
            return b.fptosi(x, kind) if target.kind == "i" else b.fptoui(x, kind)
        if target.kind == "f":
            return b.sitofp(x, kind) if source.kind == "i" else b.uitofp(x, kind)
        if target.itemsize == source.itemsize and source.kind != "b":
            return x
        if target.itemsize < source.itemsize:
            return b.trunc(x, kind)
        return b.sext(x, kind) if source.kind == "i" else b.zext(x, kind)


class Loop:
    """A loop under way.

    Attributes
    ----------
    index : Value
        The running index.
    carry : list of Value
        What goes from step to step.
    """

    def __init__(self, index: ir.Value, carry: list[ir.Value]) -> None:
        self.index = index
        self.carry = carry


def suffix(kind: ir.Type) -> str:
    """How the name of an intrinsic writes a type: ``v16f32``."""
    scalar = scalar_of(kind)
    if isinstance(scalar, ir.FloatType):
        text = "f32"
    elif isinstance(scalar, ir.DoubleType):
        text = "f64"
    elif isinstance(scalar, ir.PointerType):
        text = "p0"
    else:
        text = f"i{scalar.width}"
    return f"v{kind.count}{text}" if isinstance(kind, ir.VectorType) else text
