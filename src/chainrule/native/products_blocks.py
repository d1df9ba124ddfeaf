"""What a product is, and how it is cut into blocks."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from chainrule.native.products_dots import DotLoop
from chainrule.native.products_narrow import NarrowLoop
from chainrule.native.products_packing import Packing
from chainrule.native.products_tiles import Tile
from chainrule.native.products_vectors import VectorLoop, widest

__all__ = [
    "Blocks",
    "Product",
    "blocks",
    "inner_step",
    "scratch_bytes",
    "most_rows",
    "slice_rows",
    "turned_bytes",
    "up",
    "own_loop",
    "without_rest",
]

# Length of the sums between two visits to the result: a panel of the right factor, three registers wide, then takes
# 96 KiB and stays in the second cache while all rows of a block go by. From 256 to 512 it makes little difference.
INNER = 512
# A factor whose rows stand further apart than a page is copied before use: 251 to 264 GFLOP/s at 1024 cubed.
FAR = 4096
# Bytes of a transposed factor that is kept as a whole; of a larger one, one panel is kept at a time.
WHOLE = 1 << 17
# Fewer rows than this do not pay for copying a factor whose rows are far apart.
FEW = 64
# Bytes of a right factor or a result that do not stay in the second cache, beside all that goes by.
LARGE = 1 << 18
# Rows of a turned result that are turned back at once.
TURNED = 64


@dataclass(frozen=True)
class Product:
    """A product ``C[m, n] = op(A)[m, k] @ op(B)[k, n]`` of arrays with rows of neighbouring entries.

    Attributes
    ----------
    form : {"NN", "NT", "TN"}
        Which factor is transposed: B stands as (n, k) in NT, A as (k, m) in TN.
    dtype : numpy.dtype
        float32 or float64, of all three.
    m, n, k : int or None
        Sizes. None is the length of the batch: m in NN and NT, k in TN.
    lanes : int
        Entries in a register.
    accumulates : bool
        True where the product is added to what C holds.
    strides : tuple of (int or None)
        Entries from row to row of A, B and C; None where the rows follow each other.
    """

    form: Literal["NN", "NT", "TN"]
    dtype: np.dtype[Any]
    m: int | None
    n: int
    k: int | None
    lanes: int
    accumulates: bool = False
    strides: tuple[int | None, int | None, int | None] = (None, None, None)

    def __post_init__(self) -> None:
        known = self.m if self.form == "TN" else self.k
        if known is None:
            raise ValueError(f"a product {self.form} needs {'m' if self.form == 'TN' else 'k'} as a number, found None")

    @property
    def a_steps(self) -> tuple[int, int]:
        """Steps through A to the next row of C, and along the inner length."""
        stride, dense = self.strides[0], (self.m if self.form == "TN" else self.k) or 1
        step = dense if stride is None else stride
        return (1, step) if self.form == "TN" else (step, 1)

    @property
    def b_row(self) -> int:
        """Step from row to row of B."""
        dense = (self.k if self.form == "NT" else self.n) or 1
        return dense if self.strides[1] is None else self.strides[1]

    @property
    def c_row(self) -> int:
        """Step from row to row of C."""
        return self.n or 1 if self.strides[2] is None else self.strides[2]


@dataclass(frozen=True)
class Blocks:
    """How a product is cut.

    Attributes
    ----------
    wide, narrow : Tile
        For most of the columns, and for the registers left by the wide ones; one for all columns where they are the
        same.
    inner : int
        Length of the sums between two visits to the result.
    rows : int
        Rows that all panels go over before the next ones; 0 for all of them.
    packing : Packing or None
        How panels of B are copied before use.
    whole : bool
        True where the copy of B is kept as a whole.
    turned : bool
        True where the transposed result is computed, because it fills registers better.
    far : bool
        True where the right factor, or the result, is not in the second cache: wide tiles ask for what comes next.
    """

    wide: Tile
    narrow: Tile
    inner: int
    rows: int
    packing: Packing | None = None
    whole: bool = False
    turned: bool = False
    far: bool = False


def up(value: int, step: int) -> int:
    """The next multiple."""
    return -(-value // step) * step


def tiles(product: Product, m: int | None, n: int, *, any_rest: bool = False) -> tuple[Tile, Tile]:
    """Tiles for a result of (m, n): large enough to hide a multiplication's latency, small enough for the registers.

    Both units multiply in every cycle if a tile has at least 8 registers and reads at most two operands for two of
    them: 8 x 3 or 8 x 2 of 32 registers (4 x 3, 4 x 2 of 16), or 16 x 1, whose rows are operands in memory.
    `any_rest` says that there may be any number of columns.
    """
    vectors, heights = -(-n // product.lanes), _heights(product)
    if m is None or m >= heights[3]:
        wide = 2 if vectors in (2, 4) else min(vectors, 3)
        return _high(product, m, wide), _high(product, m, 1 if any_rest else max(vectors % wide, 1))
    short = max(m, 1)

    def cycles(width: int) -> float:
        return vectors // width * panel_cycles(short, width) + vectors % width * panel_cycles(short, 1)

    wide = min(range(min(vectors, 8, heights[3] * 3 // short), 0, -1), key=cycles)
    return Tile(product.dtype, product.lanes, short, wide), Tile(product.dtype, product.lanes, short, 1)


def turned_tiles(product: Product) -> tuple[Tile, Tile]:
    """Tiles for the transposed result, of which a slice may have any number of columns."""
    p, heights = product, _heights(product)
    if p.n >= heights[3]:
        return tiles(p, p.n, p.m or 1, any_rest=True)
    # One for all columns, however many are left for the last one; a slice rarely has more than twelve registers.
    columns = min(-(-(p.m or 1) // p.lanes), 12)

    def cycles(width: int) -> float:
        return -(-columns // width) * panel_cycles(p.n, width)

    width = min(range(min(columns, 8, heights[3] * 3 // p.n), 0, -1), key=cycles)
    tile = Tile(p.dtype, p.lanes, p.n, width, any_width=width > 1)
    return tile, tile


def _heights(product: Product) -> dict[int, int]:
    """The most rows that a tile has, by its width in registers."""
    return {3: 8, 2: 8, 1: 16} if product.lanes * product.dtype.itemsize == 64 else {3: 4, 2: 4, 1: 8}


def _high(product: Product, m: int | None, width: int) -> Tile:
    """A tile of that width for m rows: of fewer rows than it can have, where most of them would be left idle."""
    full = _heights(product)[width]
    rows = full if m is None or up(m, full) <= 1.25 * m else -(-m // -(-m // full))
    return Tile(product.dtype, product.lanes, rows, width)


def panel_cycles(rows: int, vectors: int) -> float:
    """Cycles of one step along the inner length: two multiplications, or two reads, or a fourth of a chain's link."""
    return max(rows * vectors / 2, (rows + vectors) / 2, 4)


def blocks(product: Product) -> Blocks:
    """How a product is cut; it depends on nothing but the product."""
    p, size = product, product.dtype.itemsize
    inner = INNER if p.k is None else inner_step(p.k)
    if p.form == "TN" and p.m and p.n:
        # Registers to compute, upright and turned.
        upright, turned = p.m * up(p.n, p.lanes), p.n * up(p.m, p.lanes)
        if 1.3 * turned < upright and turned * size <= WHOLE // 4:
            return Blocks(*turned_tiles(p), inner, TURNED, turned=True)
    wide, narrow = tiles(p, p.m, p.n)
    # Rows of A and C that stay in the first cache, or the second while a large B passes by.
    room = (24 << 10) // (size * (inner + p.n)) if inner * p.n * size <= WHOLE else 128
    rows = min(max(up(room, 16), 32), 256)
    far = _is_far(p)
    if p.form == "NT":
        whole = (p.k or 0) * up(p.n, p.lanes) * size <= WHOLE
        return Blocks(wide, narrow, inner, rows if whole else 0, Packing(p.dtype, p.lanes, True), whole, far=far)
    if p.b_row * size >= FAR and (p.m is None or p.m >= FEW):
        return Blocks(wide, narrow, inner, 0, Packing(p.dtype, p.lanes, False))
    return Blocks(wide, narrow, inner, rows, far=far)


def _is_far(p: Product) -> bool:
    """True where a long batch goes by a right factor, or makes a result, that comes from beyond the second cache."""
    batch = p.k if p.form == "TN" else p.m
    right, result = p.n * (p.k or 0), p.n * (p.m or 0)
    entries = {"NN": right, "NT": max(right, result), "TN": result}[p.form]
    return entries * p.dtype.itemsize >= LARGE and (batch is None or batch >= FEW)


def own_loop(product: Product) -> VectorLoop | NarrowLoop | DotLoop | None:
    """The loop for a product with a column, or with few of them; None for those that are computed in tiles."""
    p = product
    if p.n > 1:
        return _narrow_loop(p)
    if p.c_row != 1 or p.form == "NT" or (p.form == "NN" and p.b_row != 1):
        return None
    if p.form == "NN":
        return VectorLoop(p.dtype, p.lanes, -1)
    columns = p.m or 1
    return VectorLoop(p.dtype, p.lanes, -(-columns // p.lanes) if columns <= widest(p.lanes) else 0)


def _narrow_loop(p: Product) -> NarrowLoop | DotLoop | None:
    """The loop for a product of few columns, where it takes less time than tiles; as measured."""
    if p.form == "TN":
        registers, most = up(p.m or 1, p.lanes) // p.lanes, 4 * p.lanes
        few = p.lanes >= 16 and p.n <= 4 and (registers <= 4 or (p.k is not None and p.k <= most))
        return NarrowLoop(p.dtype, p.lanes, p.n, 0) if few or registers * p.n <= 6 else None
    k, many = p.k or 0, p.m is None or p.m >= p.lanes
    if not many or p.lanes < 16:
        return None
    if k >= 4 * p.lanes:
        return DotLoop(p.dtype, p.lanes, p.n) if p.n <= 8 else None
    few = 2 * k >= p.lanes and p.n <= (5 if k >= p.lanes else 3)
    return NarrowLoop(p.dtype, p.lanes, p.n, 1) if few else None


def inner_step(k: int) -> int:
    """Parts of an inner length, of about the same size."""
    return max(1, -(-k // max(1, -(-k // INNER))))


def without_rest(p: Product) -> tuple[Product, Product] | None:
    """A product without the last columns, and these: where they leave most of a register idle, and need not."""
    rest = p.n % p.lanes
    if p.n < p.lanes or not 1 < rest <= p.lanes // 4:
        return None
    strides = p.strides[0], p.b_row, p.c_row
    most, few = (replace(p, n=n, strides=strides) for n in (p.n - rest, rest))
    return (most, few) if own_loop(few) is not None or blocks(few).turned else None


def scratch_bytes(product: Product) -> int:
    """Bytes of memory that a product needs for itself while it is computed, starting at a multiple of 64.

    Parameters
    ----------
    product : Product
        The product.

    Returns
    -------
    int
        At most `WHOLE`; 0 for many products.
    """
    if own_loop(product) is not None:
        return 0
    if (split := without_rest(product)) is not None:
        return max(map(scratch_bytes, split))
    cut, size = blocks(product), product.dtype.itemsize
    if cut.turned:
        return turned_bytes(product) + TURNED * up(product.n, product.lanes) * size
    if cut.packing is None:
        return 0
    if cut.whole:
        return (product.k or 0) * up(product.n, product.lanes) * size
    return cut.inner * cut.wide.width * size


def slice_rows(product: Product) -> int:
    """Rows of the result that make a slice for the pool.

    A slice takes some 3 microseconds or more: thirty times what it costs to hand it out. One that copies panels of B
    for itself is large enough for that not to weigh.

    Parameters
    ----------
    product : Product
        The product; a length of the batch that is summed over is taken to be 128.

    Returns
    -------
    int
        A multiple of 16, at most 256.
    """
    own = own_loop(product)
    if product.form == "TN" and own is not None:
        return 256  # Narrower parts of the rows come slowly from memory.
    multiplications = 300_000  # 3 microseconds at 200 GFLOP/s
    rows = multiplications // max(1, product.n * (128 if product.k is None else product.k))
    packing = blocks(product).packing if own is None else None
    least = 16 if packing is None else FEW if packing.transposes else 2 * FEW
    return min(max(up(rows, 16), least), 256)


def most_rows(product: Product) -> int:
    """Rows of a slice where there are few threads: of a large right factor each slice reads all.

    Parameters
    ----------
    product : Product
        The product.

    Returns
    -------
    int
        A multiple of 16, at least `slice_rows`.
    """
    rows = slice_rows(product)
    is_read = product.form == "NN" and own_loop(product) is None and blocks(product).far
    return max(rows, FEW) if is_read else rows


def turned_bytes(product: Product) -> int:
    """Bytes of the transposed result."""
    return up(product.n * (product.m or 0) * product.dtype.itemsize, 64)
