"""The functions of the case tables through autograd and JAX: the same Python code, with their modules for NumPy's.

A line of a case table is plain NumPy. So what it computes elsewhere needs no second table: its code is run again with
`autograd.numpy` or `jax.numpy` where it says ``np``, and with their part of SciPy where it says ``scipy``.
"""

import dataclasses
import functools
import importlib
import types

import numpy as np
import scipy
import scipy.fft
import scipy.linalg
import scipy.signal
import scipy.special
import scipy.stats

from chainrule import tree

__all__ = ["Autograd", "Jax", "Lacks"]

#: Modules whose functions are found again, under their public names, in a peer.
MODULES = {
    "numpy": np,
    "numpy.linalg": np.linalg,
    "numpy.fft": np.fft,
    "scipy.special": scipy.special,
    "scipy.linalg": scipy.linalg,
    "scipy.signal": scipy.signal,
    "scipy.fft": scipy.fft,
}


@functools.cache
def public_names():
    """Where each function of these modules stands, by its identity."""
    found = {}
    for place, module in MODULES.items():
        for name, x in vars(module).items():
            if callable(x) and not isinstance(x, type) and not name.startswith("_"):
                found.setdefault(id(x), (place, name))
    return found


class Lacks(Exception):
    """The peer does not have a function."""


class Peer:
    """Another library: its name, its modules, its derivatives, and whether each new shape costs it a compilation."""

    compiles = False

    def __init__(self):
        self._rebound = {}

    def module(self, place):
        """Its module for one of NumPy's or SciPy's."""
        first, _, rest = place.partition(".")
        path = ".".join(filter(None, (self.roots[first], rest)))
        try:
            return importlib.import_module(path)
        except ImportError as problem:
            raise Lacks(path) from problem

    def case(self, case):
        """The same line, by this library."""
        return dataclasses.replace(case, f=self._translated(case.f))

    def _translated(self, x):
        if isinstance(x, types.ModuleType):
            first = x.__name__.partition(".")[0]
            return _Module(self, x.__name__) if first in self.roots else x
        place = public_names().get(id(x))
        if place is not None:
            return self.function(*place)
        if isinstance(x, functools.partial):
            return functools.partial(self._translated(x.func), *x.args, **x.keywords)
        if isinstance(x, (tuple, list)):
            return type(x)(map(self._translated, x))
        if isinstance(x, dict):
            return {key: self._translated(y) for key, y in x.items()}
        if isinstance(x, types.FunctionType):
            if x.__module__.partition(".")[0] == "tests":
                return self._rewritten(x)
            raise Lacks(f"{x.__module__}.{x.__name__}")
        return x

    def _rewritten(self, f):
        if f in self._rebound:
            return self._rebound[f]
        cells = tuple(types.CellType(self._translated(cell.cell_contents)) for cell in f.__closure__ or ())
        names = {}
        made = types.FunctionType(f.__code__, names, f.__name__, f.__defaults__, cells)
        made.__kwdefaults__ = f.__kwdefaults__
        self._rebound[f] = made
        names["__builtins__"] = __builtins__
        for name in global_names(f.__code__):
            if name in f.__globals__:
                names[name] = self._translated(f.__globals__[name])
        return made

    def function(self, place, name):
        """Its function for one of NumPy's or SciPy's."""
        module = self.module(place)
        if not hasattr(module, name):
            raise Lacks(f"{place}.{name}")
        return getattr(module, name)


class _Module:
    """A module of NumPy or SciPy, as a peer has it."""

    def __init__(self, peer, place):
        self._peer, self._place = peer, place

    def __getattr__(self, name):
        whole = f"{self._place}.{name}"
        if whole in MODULES or whole == "scipy.stats":
            return _Module(self._peer, whole)
        if self._place == "numpy" and isinstance(getattr(np, name, None), (type, float, type(None))):
            return getattr(np, name)
        return self._peer.function(self._place, name)


def global_names(code):
    """The names that code reads from its module, nested functions included."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= global_names(constant)
    return found


def phi_of(f, seed, namespace):
    """The real number Re(sum(v * f)) over all outputs, whose gradient is the vector-Jacobian product of v."""

    def phi(*xs):
        pairs = zip(tree.leaves(f(*xs)), seed, strict=True)
        return sum(namespace.sum(namespace.real(v * y)) for y, v in pairs if v is not None)

    return phi


class Autograd(Peer):
    """HIPS/autograd."""

    name = "autograd"
    roots = types.MappingProxyType({"numpy": "autograd.numpy", "scipy": "autograd.scipy"})

    def derivatives(self, f, point, seed, weights):
        """The value; v^T J; and w^T H, of which H belongs to v^T f."""
        import autograd
        import autograd.numpy as anp

        every = tuple(range(len(point)))
        gradient = autograd.grad(phi_of(f, seed, anp), every)
        yield "value", tree.leaves(f(*point))
        yield "gradient", list(gradient(*point))

        def along(*xs):
            return sum(anp.sum(anp.real(w * g)) for w, g in zip(weights, gradient(*xs), strict=True))

        yield "second", list(autograd.grad(along, every)(*point))


class Jax(Peer):
    """JAX."""

    name = "jax"
    compiles = True
    roots = types.MappingProxyType({"numpy": "jax.numpy", "scipy": "jax.scipy"})

    def function(self, place, name):
        """Its function, which may be called with lists of numbers, too: for most of its own it wants arrays."""
        found = super().function(place, name)
        if isinstance(found, (type, types.ModuleType)) or not callable(found) or hasattr(found, "reduce"):
            return found

        def called(*args, **kwargs):
            try:
                return found(*args, **kwargs)
            except TypeError as problem:
                if "requires ndarray or scalar arguments, got <class 'list'>" not in str(problem):
                    raise
            arrays = [np.asarray(x) if isinstance(x, list) else x for x in (*args, *kwargs.values())]
            return found(*arrays[: len(args)], **dict(zip(kwargs, arrays[len(args) :], strict=True)))

        return called

    def derivatives(self, f, point, seed, weights):
        """The value; v^T J; J w; and w^T H, of which H belongs to v^T f.

        All four are compiled as one function where JAX can do that, since operation by operation it compiles each
        for itself, five times as long in all. Otherwise one after the other, as far as it gets.
        """
        import jax

        point, weights = tuple(map(jax.numpy.asarray, point)), tuple(map(jax.numpy.asarray, weights))
        parts = self._parts(f, seed)
        try:
            found = jax.jit(lambda *arrays: {what: part(*arrays) for what, part in parts.items()})(point, weights)
        except Exception:  # Each way to lack something has its own; the loop comes to it again.
            for what, part in parts.items():
                yield what, part(point, weights)
        else:
            yield from found.items()

    def _parts(self, f, seed):
        """Each of these as a function of the point and the weights."""
        import jax
        import jax.numpy as jnp

        phi = phi_of(f, seed, jnp)

        def gradient(point, weights):
            return list(jax.grad(phi, tuple(range(len(point))))(*point))

        def forward(point, weights):
            return tree.leaves(jax.jvp(lambda *xs: tree.leaves(f(*xs)), point, weights)[1])

        def second(point, weights):
            def along(*xs):
                return sum(jnp.sum(jnp.real(w * g)) for w, g in zip(weights, gradient(xs, weights), strict=True))

            return list(jax.grad(along, tuple(range(len(point))))(*point))

        return {
            "value": lambda point, weights: tree.leaves(f(*point)),
            "gradient": gradient,
            "forward": forward,
            "second": second,
        }
