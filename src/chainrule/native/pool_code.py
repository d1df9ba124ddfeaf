"""The code of the pool: what its threads run, and what starts a parallel region.

A region is a function, a context and a number of slices. The slices that are left stand in one word, together with
the number of the region: a thread takes one by counting the word down with compare-and-exchange, so that a thread
that wakes late can never take a slice of a region that it has not read. The caller takes slices like everyone, so
it never waits for a thread to wake up, only for slices that others have begun.

The atomic operations are sequentially consistent. A thread goes to sleep by counting itself among the sleepers and
then looking at the word once more; a caller writes the word and then looks for sleepers: one of them sees the other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import llvmlite.ir as ir

from chainrule.native.emitter import Emitter
from chainrule.native.types import INT, POINTER

__all__ = [
    "FIELDS",
    "PARALLEL",
    "PARALLEL_ARGUMENTS",
    "SLICE_ARGUMENTS",
    "STATE_BYTES",
    "SYMBOLS",
    "THREADS",
    "write_pool",
]

_LINE = 64  # bytes of a cache line: what different threads write stands in different ones
_LEFT = (1 << 32) - 1  # the lower half of the word: slices left

# Where things stand in the pool's memory, in bytes. A mutex and a condition take at most 64 bytes where we know them.
FIELDS = {
    "word": 0,
    "done": _LINE,
    "function": 2 * _LINE,
    "context": 2 * _LINE + 8,
    "count": 2 * _LINE + 16,
    "busy": 3 * _LINE,
    "sleepers": 4 * _LINE,
    "calls": 4 * _LINE + 8,
    "waiting": 4 * _LINE + 16,
    "limit": 5 * _LINE,
    "started": 5 * _LINE + 8,
    "mutex": 6 * _LINE,
    "work": 8 * _LINE,
    "finished": 10 * _LINE,
}
STATE_BYTES = 12 * _LINE

# What the code calls from the C library.
SYMBOLS = (
    "pthread_create",
    "pthread_detach",
    "pthread_sigmask",
    "sigfillset",
    "pthread_mutex_lock",
    "pthread_mutex_unlock",
    "pthread_cond_wait",
    "pthread_cond_signal",
    "pthread_cond_broadcast",
    "sched_yield",
)

# How often a thread looks before it sleeps: some 40 microseconds. After every 32 looks it lets others run.
LOOKS = 1024
LOOKS_TO_A_YIELD = 32

PARALLEL, THREADS = "chainrule.parallel", "chainrule.parallel.threads"
PARALLEL_ARGUMENTS = (POINTER, POINTER, INT)  # function, context, count
SLICE_ARGUMENTS = (POINTER, INT)  # context, number of the slice

_C_INT, _BIT, _BYTE = ir.IntType(32), ir.IntType(1), ir.IntType(8)
_ORDER = "seq_cst"


class Writer:
    """Writes one function of the pool."""

    def __init__(self, function: ir.Function, state: ir.GlobalVariable) -> None:
        self.e = Emitter(function)
        self.b = self.e.b
        self.state = state

    def at(self, field: str) -> ir.Value:
        """Address of a field."""
        start = self.state.ptrtoint(INT)
        return self.b.inttoptr(self.b.add(start, self.e.int(FIELDS[field])), INT.as_pointer())

    def get(self, field: str) -> ir.Value:
        """Read a number."""
        return self.b.load_atomic(self.at(field), _ORDER, 8, typ=INT)

    def put(self, field: str, value: ir.Value | int) -> None:
        """Write a number."""
        self.b.store_atomic(self.e.int(value) if isinstance(value, int) else value, self.at(field), _ORDER, 8)

    def add(self, field: str, value: ir.Value | int) -> ir.Value:
        """Add to a number, and say what it was before."""
        return self.b.atomic_rmw("add", self.at(field), self.e.int(value) if isinstance(value, int) else value, _ORDER)

    def exchange(self, field: str, old: ir.Value, new: ir.Value) -> ir.Value:
        """Replace `old` by `new`; true if `old` was still there."""
        return self.b.extract_value(self.b.cmpxchg(self.at(field), old, new, _ORDER, _ORDER), 1)

    def c(self, name: str, *args: ir.Value) -> ir.Value:
        """Call the C library."""
        return self.b.call(self.e.declared(name, _C_INT, [x.type for x in args]), args)

    def on(self, name: str, *fields: str) -> ir.Value:
        """Call the C library with addresses of fields."""
        return self.c(name, *(self.at(field) for field in fields))

    def positive(self, value: ir.Value) -> ir.Value:
        """True above 0."""
        return self.b.icmp_signed(">", value, self.e.int(0))

    def left(self) -> ir.Value:
        """Slices that nobody has taken yet."""
        return self.b.and_(self.get("word"), self.e.int(_LEFT))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the mutex."""
        self.on("pthread_mutex_lock", "mutex")
        yield
        self.on("pthread_mutex_unlock", "mutex")

    def pause(self, looks: ir.Value) -> None:
        """Tell the processor that this is a waiting loop, and now and then let others run."""
        if self.e.module.triple.startswith("x86_64"):
            self.b.call(self.e.declared("llvm.x86.sse2.pause", ir.VoidType(), []), [])
        turn = self.b.and_(looks, self.e.int(LOOKS_TO_A_YIELD - 1))
        with self.b.if_then(self.b.icmp_signed("==", turn, self.e.int(LOOKS_TO_A_YIELD - 1))):
            self.c("sched_yield")

    def look(self, seen: Callable[[], ir.Value]) -> None:
        """Look for something, for a while."""
        looks, again, over = (self.b.append_basic_block(name) for name in ("looks", "again", "over"))
        before = self.b.block
        self.b.branch(looks)
        self.b.position_at_end(looks)
        number = self.b.phi(INT)
        number.add_incoming(self.e.int(0), before)
        enough = self.b.icmp_signed(">=", number, self.e.int(LOOKS))
        self.b.cbranch(self.b.or_(seen(), enough), over, again)
        self.b.position_at_end(again)
        self.pause(number)
        number.add_incoming(self.b.add(number, self.e.int(1)), self.b.block)
        self.b.branch(looks)
        self.b.position_at_end(over)

    def until(self, condition: Callable[[], ir.Value], body: Callable[[], object]) -> None:
        """Run the body again and again, until the condition holds before it."""
        test, again, over = (self.b.append_basic_block(name) for name in ("test", "again", "over"))
        self.b.branch(test)
        self.b.position_at_end(test)
        self.b.cbranch(condition(), over, again)
        self.b.position_at_end(again)
        body()
        self.b.branch(test)
        self.b.position_at_end(over)


def write_pool(module: ir.Module, *, threads: bool, set_mask: int) -> None:
    """Write the pool's functions.

    ``chainrule.parallel.threads()`` is how many threads there may be.
    ``chainrule.parallel(function, context, count)`` calls ``function(context, i)`` for i from 0 to count - 1.
    ``chainrule.pool.wake()`` wakes all threads that sleep.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where they are written. It imports the pool's memory, ``chainrule.pool.state``, of `STATE_BYTES`.
    threads : bool
        False on systems without POSIX threads: the caller then runs all slices.
    set_mask : int
        The system's number of SIG_SETMASK.
    """
    state = ir.GlobalVariable(module, ir.ArrayType(_BYTE, STATE_BYTES), "chainrule.pool.state")

    def function(name: str, result: ir.Type, *kinds: ir.Type) -> ir.Function:
        return ir.Function(module, ir.FunctionType(result, kinds), name)

    parallel = function(PARALLEL, ir.VoidType(), *PARALLEL_ARGUMENTS)
    wake = function("chainrule.pool.wake", ir.VoidType())
    if threads:
        take = function("chainrule.pool.take", ir.VoidType())
        worker = function("chainrule.pool.worker", POINTER, POINTER)
        start = function("chainrule.pool.start", ir.VoidType())
        for inner in (take, worker, start):
            inner.linkage = "internal"
        write_take(Writer(take, state))
        write_worker(Writer(worker, state), take)
        write_start(Writer(start, state), worker, set_mask)
    write_parallel(Writer(parallel, state), (take, start) if threads else None)
    w = Writer(function(THREADS, INT), state)
    w.b.ret(w.b.add(w.get("limit"), w.e.int(1)))
    w = Writer(wake, state)
    if threads:
        with w.locked():
            w.on("pthread_cond_broadcast", "work")
    w.b.ret_void()


def write_take(w: Writer) -> None:
    """Take slices and run them until none is left; then tell how many they were."""
    b, e = w.b, w.e
    test, check, run, over = (b.append_basic_block(name) for name in ("test", "check", "run", "over"))
    before = b.block
    b.branch(test)
    b.position_at_end(test)
    mine = b.phi(INT)
    mine.add_incoming(e.int(0), before)
    mine.add_incoming(mine, check)
    word = w.get("word")
    left = b.and_(word, e.int(_LEFT))
    b.cbranch(w.positive(left), check, over)
    b.position_at_end(check)
    # Right if the exchange succeeds: while slices are left, these three stay as they are.
    called, context, count = w.get("function"), b.inttoptr(w.get("context"), POINTER), w.get("count")
    b.cbranch(w.exchange("word", word, b.sub(word, e.int(1))), run, test)
    b.position_at_end(run)
    call(w, called, context, b.sub(count, left))
    mine.add_incoming(b.add(mine, e.int(1)), run)
    b.branch(test)
    b.position_at_end(over)
    with b.if_then(w.positive(mine)):
        # The region lives until these are counted, and so does its length.
        count = w.get("count")
        done = b.add(w.add("done", mine), mine)
        with b.if_then(b.and_(b.icmp_signed("==", done, count), w.positive(w.get("waiting")))), w.locked():
            w.on("pthread_cond_broadcast", "finished")
    b.ret_void()


def call(w: Writer, function: ir.Value, context: ir.Value, number: ir.Value) -> None:
    """Run a slice; the function is given by its address as an integer."""
    kind = ir.FunctionType(ir.VoidType(), SLICE_ARGUMENTS)
    w.b.call(w.b.inttoptr(function, kind.as_pointer()), [context, number])


def write_worker(w: Writer, take: ir.Function) -> None:
    """What a thread runs: look for slices, run them, sleep after a while without; end if it is one too many."""
    b = w.b
    number = b.ptrtoint(w.b.function.args[0], INT)

    def surplus() -> ir.Value:
        return b.icmp_signed(">=", number, w.get("limit"))

    def some() -> ir.Value:
        return w.positive(w.left())

    def called() -> ir.Value:
        return w.positive(w.get("calls"))

    again = b.append_basic_block("again")
    b.branch(again)
    b.position_at_end(again)
    w.look(some)
    b.call(take, [])
    with b.if_then(b.not_(some())), w.locked():
        w.add("sleepers", 1)
        w.until(lambda: b.or_(called(), b.or_(some(), surplus())), lambda: w.on("pthread_cond_wait", "work", "mutex"))
        with b.if_else(called()) as (yes, no):
            with yes:
                w.add("calls", -1)
            with no:
                w.add("sleepers", -1)
        with b.if_then(surplus()):
            w.add("started", -1)
            w.on("pthread_mutex_unlock", "mutex")
            b.ret(ir.Constant(POINTER, None))
    b.branch(again)


def write_start(w: Writer, worker: ir.Function, set_mask: int) -> None:
    """Start the threads that are missing, with all signals blocked: those are for the interpreter's thread."""
    b = w.b
    masks = [b.alloca(ir.ArrayType(_BYTE, 128)) for _ in range(2)]
    thread = b.alloca(INT)
    how, none = ir.Constant(_C_INT, set_mask), ir.Constant(POINTER, None)
    w.c("sigfillset", masks[0])
    w.c("pthread_sigmask", how, *masks)

    def one() -> None:
        number = w.add("started", 1)
        error = w.c("pthread_create", thread, none, worker, b.inttoptr(number, POINTER))
        failed = b.icmp_signed("!=", error, ir.Constant(_C_INT, 0))
        with b.if_else(failed) as (no, yes):
            with no:
                # The system gives no more threads: be content with those that run.
                w.add("started", -1)
                w.put("limit", number)
            with yes:
                w.c("pthread_detach", b.load(thread, typ=INT))

    w.until(lambda: b.icmp_signed(">=", w.get("started"), w.get("limit")), one)
    w.c("pthread_sigmask", how, masks[1], none)
    b.ret_void()


def call_sleepers(w: Writer, wanted: ir.Value) -> None:
    """Wake so many threads, less those that are awake and will see the word; who is called is no sleeper any more."""
    b = w.b
    with w.locked():
        sleepers = w.get("sleepers")
        missing = b.sub(wanted, b.sub(w.get("started"), sleepers))
        calls = b.select(b.icmp_signed("<", sleepers, missing), sleepers, missing)
        with b.if_then(w.positive(calls)):
            w.add("sleepers", b.sub(w.e.int(0), calls))
            w.add("calls", calls)
            with w.e.loop(w.e.int(0), calls):
                w.on("pthread_cond_signal", "work")


def write_parallel(w: Writer, threaded: tuple[ir.Function, ir.Function] | None) -> None:
    """Run a region, with the threads if they are free and there is something to share."""
    b, e = w.b, w.e
    target, context, count = b.function.args
    function = b.ptrtoint(target, INT)
    if threaded is not None:
        take, start = threaded
        fits = b.and_(b.icmp_signed(">", count, e.int(1)), b.icmp_signed("<=", count, e.int(_LEFT)))
        with b.if_then(b.and_(fits, w.positive(w.get("limit")))), b.if_then(w.exchange("busy", e.int(0), e.int(1))):
            with b.if_then(b.icmp_signed("<", w.get("started"), w.get("limit"))):
                b.call(start, [])
            w.put("function", function)
            w.put("context", b.ptrtoint(context, INT))
            w.put("count", count)
            w.put("done", 0)
            region = b.add(b.lshr(w.get("word"), e.int(32)), e.int(1))
            w.put("word", b.or_(b.shl(region, e.int(32)), count))
            with b.if_then(w.positive(w.get("sleepers"))):
                call_sleepers(w, b.sub(count, e.int(1)))
            b.call(take, [])

            def over() -> ir.Value:
                return b.icmp_signed("==", w.get("done"), count)

            w.look(over)
            with b.if_then(b.not_(over())), w.locked():
                w.put("waiting", 1)
                w.until(over, lambda: w.on("pthread_cond_wait", "finished", "mutex"))
                w.put("waiting", 0)
            w.put("busy", 0)
            b.ret_void()
    with e.loop(e.int(0), count) as loop:
        call(w, function, context, loop.index)
    b.ret_void()
