"""scipy.sparse.linalg: systems solved by iteration."""

from collections.abc import Callable
from typing import Any

from chainrule.errors import TraceError, user_line
from chainrule.library.linear_operators import recorded_products, vector_for
from chainrule.library.refusals import need_plain
from chainrule.library.solutions import frozen
from chainrule.ops.axes import shape_of
from chainrule.trace.closures import reads_traced
from chainrule.trace.hooks import hook
from chainrule.trace.tracer import Tracer
from chainrule.transforms.linear_solves import Aside, Method, linear_solution_op
from chainrule.transforms.replay import as_strong

__all__: list[str] = []

_SYMMETRIC = ("cg", "minres")


def _solved(method: str, A: Any, b: Any, x0: Any, M: Any, callback: Any, options: dict[str, Any]) -> tuple[Any, int]:
    name = f"scipy.sparse.linalg.{method}"
    need_plain(name, **options)
    b = vector_for(name, b, shape_of(b)[0] if shape_of(b) else 0)
    body, params = recorded_products(name, "A", A, None, b)
    dtype = body.inputs[0].dtype
    b = as_strong(b, dtype)
    starts = []
    if isinstance(x0, str):
        options["x0"] = x0
    elif x0 is not None:
        starts = [as_strong(vector_for(name, x0, shape_of(b)[0]), dtype)]
    helper, aside = None, {"callback": callback}
    if M is not None and reads_traced(M):
        helper, more = recorded_products(name, "M", M, dtype, b)
        params += more
    elif M is not None:
        aside["M"] = M
    chosen = Method(
        method,
        frozen({key: x for key, x in options.items() if x is not None}),
        Aside({key: x for key, x in aside.items() if x is not None}),
        method in _SYMMETRIC,
    )
    x = linear_solution_op(b, b, *starts, *params, body=body, helper=helper, method=chosen, starts=len(starts))
    # Where it fails, this is not reached.
    return x, 0


def _plain(method: str) -> Callable[..., Any]:
    def follow(
        A: Any,
        b: Any,
        x0: Any = None,
        *,
        rtol: float = 1e-5,
        atol: float = 0.0,
        maxiter: int | None = None,
        M: Any = None,
        callback: Any = None,
    ) -> tuple[Any, int]:
        return _solved(method, A, b, x0, M, callback, {"rtol": rtol, "atol": atol, "maxiter": maxiter})

    return follow


for _name in ("cg", "bicg", "bicgstab", "cgs", "tfqmr"):
    hook("scipy.sparse.linalg", _name, calls=True)(_plain(_name))


@hook("scipy.sparse.linalg", "gmres", calls=True)
def _gmres(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    restart: int | None = None,
    maxiter: int | None = None,
    M: Any = None,
    callback: Any = None,
    callback_type: str | None = None,
) -> tuple[Any, int]:
    options: dict[str, Any] = {"rtol": rtol, "atol": atol, "restart": restart, "maxiter": maxiter}
    if callback is not None:
        options["callback_type"] = callback_type
    return _solved("gmres", A, b, x0, M, callback, options)


@hook("scipy.sparse.linalg", "lgmres", calls=True)
def _lgmres(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int = 1000,
    M: Any = None,
    callback: Any = None,
    inner_m: int = 30,
    outer_k: int = 3,
) -> tuple[Any, int]:
    options = {"rtol": rtol, "atol": atol, "maxiter": maxiter, "inner_m": inner_m, "outer_k": outer_k}
    return _solved("lgmres", A, b, x0, M, callback, options)


@hook("scipy.sparse.linalg", "gcrotmk", calls=True)
def _gcrotmk(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int = 1000,
    M: Any = None,
    callback: Any = None,
    m: int = 20,
    k: int | None = None,
) -> tuple[Any, int]:
    return _solved("gcrotmk", A, b, x0, M, callback, {"rtol": rtol, "atol": atol, "maxiter": maxiter, "m": m, "k": k})


@hook("scipy.sparse.linalg", "qmr", calls=True)
def _qmr(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    callback: Any = None,
) -> tuple[Any, int]:
    return _solved("qmr", A, b, x0, None, callback, {"rtol": rtol, "atol": atol, "maxiter": maxiter})


@hook("scipy.sparse.linalg", "minres", calls=True, real_only=True)
def _minres(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    shift: float = 0.0,
    maxiter: int | None = None,
    M: Any = None,
    callback: Any = None,
    show: bool = False,
    check: bool = False,
) -> tuple[Any, int]:
    if x0 is not None and not isinstance(shift, Tracer) and shift != 0:
        # SciPy 1.17 forms the first residual without the shift then, and ends at the solution of another system.
        raise TraceError(
            f"scipy.sparse.linalg.minres: arguments x0= and shift= together are not followed.{user_line()}"
        )
    options = {"rtol": rtol, "shift": shift, "maxiter": maxiter, "show": show, "check": check}
    return _solved("minres", A, b, x0, M, callback, options)
