"""Writes random small NumPy programs, of the kind that people write.

A program is text. Each statement is proposed from a random choice of variables and tried at a random point; it stays
where NumPy accepts it and all values remain finite and of ordinary size. So the writer knows the shape of every
variable by looking, and every program runs.
"""

import numpy as np
from tests.programs import statements
from tests.programs.blocks import result
from tests.programs.forms import BINARY, HELPERS, MADE, UNARY
from tests.programs.indices import NotNow
from tests.programs.plain import cond, scan, while_loop

__all__ = ["Program", "generate", "load"]

#: Shapes of the first argument; the second is a number or one of these.
SHAPES = [(3,), (4,), (2, 3), (3, 3), (3, 2), (2, 2, 2), (5,), (1, 3)]
#: What a value may be at most: differences of larger ones would say little.
LIMIT = 8.0

LOSS = """
def loss(x, w):
    out = program(x, w)
    return np.sum(out * np.cos(1.0 + np.arange(np.size(out))).reshape(np.shape(out)))
"""


class Program:
    """A program and a point.

    Attributes
    ----------
    seed : int
        What it was made of.
    source : str
        With a function `program(x, w)` that returns an array or a number, and `loss(x, w)` that makes one number of it.
    x, w : array or float
        The point.
    decides : bool
        True where it may take decisions on values.
    """

    def __init__(self, seed, source, x, w, decides):
        self.seed = seed
        self.source = source
        self.x = x
        self.w = w
        self.decides = decides

    def __repr__(self):
        return f"# seed {self.seed}\nx = np.{self.x!r}\nw = {self.w!r}\n{self.source}"


def load(source, loops=(scan, cond, while_loop)):
    """Functions of a program; `loops` is what it finds under the names scan, cond and while_loop."""
    names = dict(zip(("scan", "cond", "while_loop"), loops, strict=True))
    names |= {"__name__": "random_program", "np": np}
    exec(compile(source, "<random program>", "exec"), names)
    return names


class Writer:
    """What the statements ask for: random choices, the variables made so far, and expressions of them."""

    def __init__(self, rng, decides):
        self.rng = rng
        self.decides = decides
        self.lines = []
        self.names = {}
        self.count = 0
        self.helpers = []

    # Choices.

    def choose(self, options):
        options = list(options)
        return options[int(self.rng.integers(len(options)))]

    def chance(self, p):
        return self.rng.random() < p

    def constant(self):
        return f"{self.rng.uniform(-1.5, 1.5):.2f}"

    def new(self):
        self.count += 1
        return f"{self.choose('abcdpquvyz')}{self.count}"

    # Variables.

    def arrays(self, test=lambda a: True):
        return [name for name, a in self.names.items() if type(a) is np.ndarray and a.dtype == float and test(a)]

    def numbers(self):
        return [name for name, a in self.names.items() if isinstance(a, float)]

    def array(self, test=lambda a: True):
        found = self.arrays(test)
        if not found:
            raise NotNow
        # Later ones more often, since they depend on more.
        return found[int(len(found) * self.rng.random() ** 0.7)]

    def writeable(self, test=lambda a: True):
        return self.array(lambda a: a.flags.writeable and test(a))

    def number(self):
        numbers = self.numbers()
        if numbers and self.chance(0.7):
            return self.choose(numbers)
        if self.chance(0.2):
            return self.constant()
        name = self.array(lambda a: a.size > 0)
        a = self.names[name]
        if self.chance(0.5):
            return f"np.mean({name})"
        return f"{name}[{', '.join(str(self.rng.integers(-n, n)) for n in a.shape) or '()'}]"

    def shape(self, name):
        return self.names[name].shape

    def apart(self, target, e):
        """Text of what is assigned to a target: a copy where NumPy does not look whether the two overlap.

        For targets of one axis it does so only if the two run in opposite directions. With different steps in one
        direction, what it reads depends on what it has written by then.
        """
        try:
            a, b = eval(target, self.names), eval(e, self.names)
        except Exception:
            return e
        if np.ndim(a) != 1 or np.ndim(b) == 0 or not np.shares_memory(a, b):
            return e
        return e if a.strides[0] == b.strides[-1] or a.strides[0] * b.strides[-1] < 0 else f"({e}).copy()"

    # Expressions.

    def fits(self, shape):
        """Text for something that broadcasts to a shape."""

        def broadcasts(a):
            try:
                return np.broadcast_shapes(a.shape, shape) == tuple(shape)
            except ValueError:
                return False

        kind = self.rng.random()
        if kind < 0.65:
            found = self.arrays(broadcasts)
            if found:
                return self.choose(found)
        if kind < 0.8:
            found = self.arrays(lambda a: a.shape[::-1] == tuple(shape) and a.ndim > 1)
            if found:
                return f"{self.choose(found)}.T"
            found = self.arrays(lambda a: len(a) > 0 and a.shape[1:] == tuple(shape) if a.ndim else False)
            if found:
                name = self.choose(found)
                return f"{name}[{self.rng.integers(-len(self.names[name]), len(self.names[name]))}]"
        if kind < 0.9 and len(shape) == 1:
            return f"np.linspace({self.constant()}, {self.constant()}, {shape[0]})"
        return self.number()

    def expression(self, shape, depth=2):
        """Text for something smooth, of ordinary size, that broadcasts to a shape."""
        if depth == 0 or self.chance(0.15):
            return self.fits(shape)
        e = self.expression(shape, depth - 1)
        if self.chance(0.55):
            form = self.choose(UNARY)
            return form.format(e)
        return self.choose(BINARY).format(e, self.expression(shape, depth - 1))

    # Statements.

    def block(self, size):
        """Some lines of simple statements, which are not tried by themselves."""
        lines = []
        for _ in range(size):
            lines += self.choose(statements.SIMPLE)(self)
        return lines

    def propose(self):
        kinds = statements.STATEMENTS if self.decides else statements.UNDECIDED
        return self.choose(kinds)(self)

    def accept(self, lines):
        """Run lines after those accepted so far; False where they do not go."""
        names = self.names
        try:
            run("\n".join(lines), names)
            good = all(ordinary(a) for a in names.values())
        except (ValueError, IndexError, TypeError, FloatingPointError, ZeroDivisionError, Warning):
            good = False
        if good:
            self.lines += lines
        else:
            self.restart()
        return good

    def restart(self):
        self.names = self.start()
        run("\n".join(self.lines), self.names)


def run(text, names):
    with np.errstate(all="raise", under="ignore"):
        exec(compile(text, "<program being written>", "exec"), names)


def ordinary(a):
    if isinstance(a, (float, np.ndarray)) and getattr(a, "dtype", np.dtype(float)).kind == "f":
        return np.size(a) <= 60 and bool(np.all(np.abs(a) < LIMIT))
    return not isinstance(a, (float, complex, np.generic)) or isinstance(a, (np.bool_, np.integer))


def off_zero(a):
    """Keep a distance from 0, where np.abs has a kink: differences on both sides of it are no derivative."""
    return np.where(np.abs(a) < 0.02, a + np.copysign(0.02, a), a)


def generate(seed, size=None):
    """Write the program of a seed.

    Parameters
    ----------
    seed : int
        Even seeds give programs that may decide on values, odd ones such that do not.
    size : int, optional
        Number of statements; by default random.

    Returns
    -------
    Program
    """
    rng = np.random.default_rng(seed)
    decides = seed % 2 == 0
    writer = Writer(rng, decides)
    x = off_zero(rng.uniform(-1.2, 1.2, writer.choose(SHAPES)).round(3))
    w = (
        round(float(rng.uniform(0.2, 1.0)), 3)
        if rng.random() < 0.4
        else off_zero(rng.uniform(-1, 1, writer.choose(SHAPES)).round(3))
    )
    head = ["import numpy as np"]
    made = sorted({writer.choose(MADE) for _ in range(3)})
    by_name = rng.random() < 0.4
    if by_name:
        head.append(f"from numpy import {', '.join(made)}")
    writer.prefix = {name: "" if by_name and name in made else "np." for name in MADE}
    writer.helpers = [writer.choose(HELPERS) for _ in range(2)]
    head += dict.fromkeys(writer.helpers)
    top = "\n".join(head)
    writer.start = lambda: load(top) | {"x": x.copy(), "w": w if isinstance(w, float) else w.copy()}
    writer.restart()
    wanted = int(rng.integers(3, 14)) if size is None else size
    for _ in range(6 * wanted):
        if wanted == 0:
            break
        try:
            lines = writer.propose()
        except NotNow:
            continue
        wanted -= writer.accept(lines)
    for _ in range(50):
        lines = result(writer)
        if writer.accept([f"result = {lines}"]):
            break
    else:
        writer.lines.append("result = np.array([np.sum(x), np.sum(w)])")
    body = "\n".join("    " + line for line in [*writer.lines[:-1], writer.lines[-1].replace("result = ", "return ")])
    return Program(seed, f"{top}\n\ndef program(x, w):\n{body}\n{LOSS}", x, w, decides)
