"""`ScipyFunction`: one function in plain NumPy as what SciPy's optimisers and solvers take."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.bridges.scipy_parameters import Parameters, as_tree, plain
from chainrule.bridges.scipy_programs import Form, Programs, programs_of
from chainrule.errors import OptionError, TraceError, user_line
from chainrule.trace.closures import reads_traced

__all__ = ["ScipyFunction"]

Vector = NDArray[np.float64]
_Key = tuple[Any, ...]


class ScipyFunction:
    """A function of a tree of parameters, with its derivatives, as functions of the vector that SciPy moves.

    Parameters
    ----------
    f : callable
        A function in plain NumPy. It returns a real number, for `scipy.optimize.minimize` and its kin, or an array or a
        tree of them, for `least_squares`, `root`, `solve_ivp` and `NonlinearConstraint`.
    x0 : tree
        Where to start, and what the parameters are like: real arrays and numbers. `f` is called with parameters of this
        structure and these shapes and dtypes.
    args : tuple
        What `f` is called with besides, after the parameters. They count as fixed; with other data make another object,
        which shares what was compiled.
    kwargs : mapping, optional
        What it is called with by name.
    wrt : {0, 1}
        Position of the parameters among the arguments of `f`. With 1 its first argument is handed on by `fun` and
        `jac`: they take ``(t, y)``, as `scipy.integrate.solve_ivp` calls them.
    sparse : bool
        Whether the Jacobian of outputs, and the Hessian, are a `scipy.sparse.csr_array`, from as many directions as
        `chainrule.sparse_jacobian` finds colours.
    compiled : bool
        Whether everything goes through `chainrule.jit`; otherwise through the interpreter.

    Attributes
    ----------
    x0 : ndarray of float64, shape (n,)
        The start, as SciPy takes it: the leaves one after the other, in the order of `chainrule.tree.leaves`.
    parameters : Parameters
        Which entry of such a vector is what.

    Raises
    ------
    OptionError
        Where `x0` holds something else than real numbers, such as integer arrays, or what a method is called with does
        not fit.
    TraceError
        From the methods, where `f` does something that cannot be followed.

    Notes
    -----
    What was computed last is kept with the bits of its point: SciPy asks for value and derivative at the same point one
    after the other, and moves one array in place. From the first time that `jac` of a number is asked for, `fun`
    computes it along with the value, so that each point is computed once.

    Several threads may use one object. It is pickled with `f`, and compiled anew where it is read.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.optimize import minimize
    >>> from chainrule.bridges import ScipyFunction
    >>> def cost(p, x, t):
    ...     return np.mean((p["slope"] * x + p["level"] - t) ** 2)
    >>> x = np.array([0.0, 1.0, 2.0])
    >>> problem = ScipyFunction(cost, {"slope": 0.0, "level": 0.0}, args=(x, 3 * x + 1))
    >>> found = minimize(problem.fun, problem.x0, jac=problem.jac, hessp=problem.hessp, method="trust-ncg")
    >>> problem.tree(found.x.round(6))
    {'slope': 3.0, 'level': 1.0}
    """

    def __init__(
        self,
        f: Callable[..., Any],
        x0: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        wrt: int = 0,
        sparse: bool = False,
        compiled: bool = True,
    ) -> None:
        if not callable(f):
            raise OptionError(f"f should be a function, but is {type(f).__name__}")
        if isinstance(wrt, bool) or wrt not in (0, 1):
            raise OptionError(f"wrt should be 0, or 1 for a function of (t, y), found {wrt!r}")
        if not isinstance(args, (tuple, list)):
            raise OptionError(f"args should be a tuple, but is {type(args).__name__}: write args=(data,)")
        self._given = (f, as_tree(x0), plain(tuple(args)), plain(dict(kwargs or {})))
        self._wrt, self._sparse, self._compiled = wrt, bool(sparse), bool(compiled)
        if reads_traced(self._given):
            raise TraceError(
                "a ScipyFunction takes arrays and numbers, but was given traced values, or f reads them. To "
                "differentiate through what SciPy finds, call chainrule.minimize, or scipy.optimize.root or "
                f"least_squares itself.{user_line()}"
            )
        self.parameters = Parameters(self._given[1])
        self._rest = (*self._given[2], *self._given[3].values())
        form = Form(self.parameters.layout, wrt, tuple(self._given[3]), self._sparse)
        self._programs: Programs = programs_of(f, form, self._compiled)
        self._kept: dict[str, tuple[_Key, Any]] = {}
        self._gradient_too = False
        self._is_number: bool | None = None

    @property
    def x0(self) -> Vector:
        """The start, as a new vector."""
        return self.parameters.vector.copy()

    def tree(self, x: Any) -> Any:
        """Put a vector into the structure of the parameters.

        Parameters
        ----------
        x : array, shape (n,)
            As SciPy has it.

        Returns
        -------
        tree
            Like `x0`, in its shapes and dtypes; nothing in it is memory of `x`.
        """
        return self.parameters.layout.unravel(np.array(x, np.float64))

    def vector(self, parameters: Any) -> Vector:
        """Write parameters into a vector.

        Parameters
        ----------
        parameters : tree
            Like `x0`.

        Returns
        -------
        ndarray of float64, shape (n,)
            As SciPy takes it.
        """
        found: Vector = self.parameters.layout.ravel(parameters).astype(np.float64)
        return found

    def fun(self, x: Any, y: Any = None) -> Any:
        """Compute the value.

        Parameters
        ----------
        x : array, shape (n,)
            The vector; with ``wrt=1`` the number that comes first, such as a time.
        y : array, shape (n,), optional
            With ``wrt=1`` the vector.

        Returns
        -------
        float, or ndarray of float64, shape (m,)
            A number where `f` returns one, otherwise all its outputs one after the other.
        """
        key, given = self._point(x, y)
        if self._gradient_too:
            return self._value_and_gradient(key, given)[0]
        value = self._value(key, given)
        return value if self._is_number else value.copy()

    def jac(self, x: Any, y: Any = None) -> Any:
        """Compute the gradient of a number, or the Jacobian of anything else.

        Parameters
        ----------
        x, y : arrays and numbers
            As for `fun`.

        Returns
        -------
        ndarray of float64, shape (n,) or (m, n)
            A new array; or a sparse one, shape (m, n).
        """
        key, given = self._point(x, y)
        if self._gives_number(key, given):
            self._gradient_too = True
            found = self._value_and_gradient(key, given)[1]
        else:
            found = self._once("jacobian", key, lambda: _as_float(self._programs.jacobian(*given)))
        return found.copy()

    def fun_and_jac(self, x: Any, y: Any = None) -> tuple[float, Vector]:
        """Compute a number and its gradient, as `scipy.optimize.minimize` takes them with ``jac=True``.

        Parameters
        ----------
        x, y : arrays and numbers
            As for `fun`.

        Returns
        -------
        value : float
            As from `fun`.
        gradient : ndarray of float64, shape (n,)
            As from `jac`.
        """
        value, gradient = self._value_and_gradient(*self._point(x, y))
        self._is_number = self._gradient_too = True
        return value, gradient.copy()

    def hess(self, x: Any, v: Any = None) -> Any:
        """Compute the second derivatives.

        Parameters
        ----------
        x : array, shape (n,)
            The point.
        v : array, shape (m,), optional
            Weights of the outputs, as `scipy.optimize.NonlinearConstraint` gives them; not needed where `f` returns a
            number.

        Returns
        -------
        ndarray of float64, shape (n, n)
            The Hessian of a number, or the sum of the Hessians of all outputs, each times its weight; a sparse array
            where that was asked for.
        """
        key, given = self._point(x)
        if v is None and not self._gives_number(key, given):
            raise OptionError(
                "f does not return one number, so that hess takes weights of its outputs as well: hess(x, v)"
            )
        weights = np.ones(1) if v is None else np.array(v, np.float64).reshape(-1)
        key = (*key, weights.tobytes())
        return self._once("hessian", key, lambda: _as_float(self._programs.hessian(*given, weights))).copy()

    def hessp(self, x: Any, p: Any) -> Vector:
        """Compute the Hessian times a vector, without the Hessian.

        Parameters
        ----------
        x : array, shape (n,)
            The point.
        p : array, shape (n,)
            The vector.

        Returns
        -------
        ndarray of float64, shape (n,)
            The product; `f` has to return a number.
        """
        _, given = self._point(x)
        direction = np.array(p, np.float64)
        if direction.shape != self.parameters.vector.shape:
            raise OptionError(f"p has shape {direction.shape}, expected {self.parameters.vector.shape}")
        found: Vector = _as_float(self._programs.product(*given, direction))
        return found

    # What is behind them

    def _point(self, x: Any, y: Any = None) -> tuple[_Key, tuple[Any, ...]]:
        """What a point is known by, and what the programs take there."""
        before, moved = ((), x) if self._wrt == 0 else ((x,), y)
        if (y is None) != (self._wrt == 0):
            raise OptionError(
                f"called with {1 if y is None else 2} arguments, expected {self._wrt + 1} with wrt={self._wrt}; what f "
                "takes besides is given once, as args of ScipyFunction"
            )
        asked = np.asarray(moved)
        if asked.shape != self.parameters.vector.shape or asked.dtype.kind not in "fiu":
            raise OptionError(
                f"x is an array of {asked.dtype} and shape {asked.shape}, expected float64 and shape "
                f"{self.parameters.vector.shape}: x0 holds so many numbers"
            )
        # SciPy moves one array in place: what is computed with is a copy.
        vector = np.array(asked, np.float64)
        numbers = [float(one) if np.ndim(one) == 0 else one for one in before]
        bits = (vector.tobytes(), *(np.asarray(one).tobytes() for one in numbers))
        return bits, (*numbers, vector, *self._rest)

    def _once(self, what: str, key: _Key, compute: Callable[[], Any]) -> Any:
        kept = self._kept.get(what)
        if kept is None or kept[0] != key:
            kept = self._kept[what] = (key, compute())
        return kept[1]

    def _value(self, key: _Key, given: tuple[Any, ...]) -> Any:
        def compute() -> Any:
            found = self._programs.value(*given)
            _check_real(self._given[0], found)
            self._is_number = np.shape(found) == ()
            return float(found) if self._is_number else _as_float(found)

        return self._once("value", key, compute)

    def _gives_number(self, key: _Key, given: tuple[Any, ...]) -> bool:
        if self._is_number is None:
            self._value(key, given)
        return bool(self._is_number)

    def _value_and_gradient(self, key: _Key, given: tuple[Any, ...]) -> tuple[float, Vector]:
        def compute() -> tuple[float, Vector]:
            value, gradient = self._programs.value_and_gradient(*given)
            return float(value), _as_float(gradient)

        found: tuple[float, Vector] = self._once("value and gradient", key, compute)
        return found

    def __reduce__(self) -> Any:
        """As the function and what it is called with; nothing that was compiled or kept."""
        made = functools.partial(type(self), wrt=self._wrt, sparse=self._sparse, compiled=self._compiled)
        return made, self._given

    def __repr__(self) -> str:
        name = getattr(self._given[0], "__name__", repr(self._given[0]))
        return f"<{name} for SciPy, of {self.parameters.size} numbers>"


def _check_real(f: Callable[..., Any], value: Any) -> None:
    if np.asarray(value).dtype.kind not in "fiub":
        raise OptionError(
            f"{getattr(f, '__name__', 'f')} returned {np.asarray(value).dtype}, where SciPy takes real numbers"
        )


def _as_float(x: Any) -> Any:
    """An array, which may be sparse, as one of float64."""
    return x.astype(np.float64, copy=False)
