"""`sparse_jacobian` and `sparse_hessian`: SciPy's sparse matrices, from as many directions as there are colours."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from chainrule.differentiate.arguments import Selection
from chainrule.differentiate.chunks import checked_memory
from chainrule.differentiate.derivatives import Arguments, grad
from chainrule.errors import OptionError, TraceError
from chainrule.trace.tracer import Tracer

if TYPE_CHECKING:
    from scipy import sparse

    from chainrule.differentiate.sparse.plan import Plan
    from chainrule.differentiate.sparse.programs import Programs

__all__ = ["SparseDerivative", "sparse_hessian", "sparse_jacobian"]

_MEMORY = 2**26

Mode = Literal["forward", "reverse"]


def sparse_jacobian(
    f: Callable[..., Any],
    wrt: Arguments = 0,
    *,
    pattern: Any = None,
    mode: Mode | None = None,
    memory: int = _MEMORY,
) -> "SparseDerivative":
    """Make the function that computes the Jacobian of `f` as a sparse matrix.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns an array, a number, or a tree of them.
    wrt : int, str or a sequence of them
        The arguments to differentiate by, by position or name: arrays, numbers or trees.
    pattern : sparse matrix or array, optional
        Where the matrix may have entries other than 0, of its shape. Whatever is stored in a sparse matrix counts,
        zeros included, and what is not 0 in an array. Without it, the pattern is found from the operations of `f`.
    mode : {"forward", "reverse"} or None
        Forward sends a direction through for each colour of the columns, reverse one for each colour of the rows. None
        takes the smaller number.
    memory : int
        As in `jacobian`: bytes for the derivatives that go along the tape at once. The default is 64 MiB.

    Returns
    -------
    SparseDerivative
        Takes the arguments of `f` and returns a `scipy.sparse.csr_array`. Its rows are the entries of the output, its
        columns those of the arguments: leaves of trees in order one after the other, each in C order. ``jit`` of it is
        the same, compiled. It keeps pattern and colours, so make it once and call it often.

    Raises
    ------
    TraceError
        Where `f` does something that cannot be followed, where there is no sparse pattern to be found, or where the
        Jacobian has an entry outside of the pattern given.
    OptionError
        For an unknown mode or argument, or a pattern of another shape.

    See Also
    --------
    chainrule.jacobian : the whole matrix.

    Notes
    -----
    Columns that have no row in common have one colour: the sum of them tells them all (A. Curtis, M. Powell and
    J. Reid, On the estimation of sparse Jacobian matrices, IMA Journal of Applied Mathematics 13, 1974). The pattern
    that is found holds for all values, as long as `f` takes the same decisions and picks entries by the same indices;
    otherwise it is found anew. A pattern that is given is held against one more direction at each call.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import sparse_jacobian
    >>> J = sparse_jacobian(lambda x: x[1:] ** 2 - x[:-1])
    >>> J(np.array([1.0, 2.0, 3.0])).toarray()
    array([[-1.,  4.,  0.],
           [ 0., -1.,  6.]])
    >>> J.plan(np.ones(1000))
    <plan: 999 x 1000, 1998 entries, 2 colours, forward>
    """
    if mode not in ("forward", "reverse", None):
        raise OptionError(f"mode should be 'forward', 'reverse' or None, found {mode!r}")
    return SparseDerivative(f, f, wrt, pattern, mode, memory, is_symmetric=False)


def sparse_hessian(
    f: Callable[..., Any], wrt: Arguments = 0, *, pattern: Any = None, memory: int = _MEMORY
) -> "SparseDerivative":
    """Make the function that computes all second derivatives of `f` as a sparse matrix.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns a real number.
    wrt : int, str or a sequence of them
        The arguments to differentiate by: real arrays, numbers or trees.
    pattern : sparse matrix or array, optional
        As in `sparse_jacobian`; an entry in one of two mirrored places is enough.
    memory : int
        As in `jacobian`.

    Returns
    -------
    SparseDerivative
        Takes the arguments of `f` and returns a `scipy.sparse.csr_array`, symmetric to the last bit.

    Raises
    ------
    TraceError, OptionError
        As `sparse_jacobian`.

    Notes
    -----
    It is the Jacobian of the gradient, with fewer colours, since an entry may be read in either of its two places
    (M. Powell and Ph. Toint, On the estimation of sparse Hessian matrices, SIAM Journal on Numerical Analysis 16,
    1979).

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import sparse_hessian
    >>> sparse_hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2))(np.array([1.0, 2.0, 3.0])).toarray()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    """
    return SparseDerivative(f, grad(f, wrt), wrt, pattern, "forward", memory, is_symmetric=True)


class SparseDerivative:
    """A function that computes a sparse matrix of derivatives; `sparse_jacobian` and `sparse_hessian` make it.

    It is called as the function that is differentiated, and returns a `scipy.sparse.csr_array`.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        differentiated: Callable[..., Any],
        wrt: Arguments,
        pattern: Any,
        mode: Mode | None,
        memory: int,
        *,
        is_symmetric: bool,
    ) -> None:
        functools.update_wrapper(self, f)
        from chainrule.differentiate.sparse.plans import Plans

        self._f = f
        self._plans = Plans(
            Selection(differentiated, wrt), pattern, mode, checked_memory(memory), is_symmetric=is_symmetric
        )
        self._programs: Programs | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> "sparse.csr_array":
        """Compute the matrix."""
        return self.with_value(*args, **kwargs)[1]

    def with_value(self, *args: Any, **kwargs: Any) -> tuple[Any, "sparse.csr_array"]:
        """Compute what is differentiated together with its derivative, from one run of the function.

        Parameters
        ----------
        *args, **kwargs
            The arguments of the function.

        Returns
        -------
        value : array, number or tree
            The value of the function; for a Hessian the gradient.
        matrix : csr_array
            The derivative.
        """
        run = self._plans.run if self._programs is None else self._programs.run
        value, entries, seen, plan = run(args, kwargs)
        if isinstance(entries, Tracer):
            raise TraceError(
                f"A sparse derivative of {getattr(self._f, '__name__', 'f')} was asked for inside of a function that "
                "is recorded itself. SciPy's sparse matrices hold plain numbers: use chainrule.jacobian or hvp there. "
                "Compiled it is jit(sparse_jacobian(f))."
            )
        matrix = plan.matrix(np.asarray(entries))
        if seen is not None:
            plan.check(matrix, np.asarray(seen))
        return value, matrix

    def plan(self, *args: Any, **kwargs: Any) -> "Plan":
        """Find pattern and colours without computing the derivative.

        Parameters
        ----------
        *args, **kwargs
            The arguments of the function.

        Returns
        -------
        Plan
            With `pattern`, `colours`, their number `count`, and `mode`.
        """
        return self._plans.plan(args, kwargs)[0]

    def stages(self) -> Any:
        """Show what the last call was compiled to, as `Jitted.stages` does; for what `jit` returned.

        Returns
        -------
        Stages
            See `chainrule.jit.Jitted.stages`.
        """
        if self._programs is None or self._programs.last is None:
            raise OptionError("nothing is compiled so far: jit(sparse_jacobian(f)) is, when it is first called")
        return self._programs.last.stages()

    def __chainrule_jit__(self, compiler: Callable[..., Any]) -> "SparseDerivative":
        """How `jit` compiles it: pattern and colours are found while it is recorded."""
        from chainrule.differentiate.sparse.programs import Programs

        made = object.__new__(SparseDerivative)
        made.__dict__.update(self.__dict__, _programs=Programs(self._plans, compiler))
        return made

    def __repr__(self) -> str:
        return f"<sparse derivative of {self._f!r}>"
