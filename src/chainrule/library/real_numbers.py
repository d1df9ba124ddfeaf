"""SciPy's functions of real numbers alone, whose formulas here would mean something else for complex ones.

SciPy refuses complex numbers there, or drops their imaginary parts with a warning. Where a formula is made of functions
that refuse them by themselves, as `np.hypot` does, nothing is to be said here. tests/ops/real_numbers.py has both.
"""

from collections.abc import Callable
from typing import Any

from chainrule.errors import user_line
from chainrule.trace.hooks import HOOKED
from chainrule.trace.tables import SPECIAL_COMPOSITIONS

__all__: list[str] = []

_OF_REAL_NUMBERS = frozenset(
    {
        *(
            f"scipy.special.{name}"
            for name in (
                *("exp2", "exp10", "cbrt", "exprel", "boxcox", "boxcox1p"),
                *("entr", "rel_entr", "kl_div", "huber", "pseudo_huber"),
            )
        ),
        *(
            f"scipy.spatial.distance.{name}"
            for name in (
                *("braycurtis", "canberra", "correlation", "cosine", "jensenshannon"),
                *("seuclidean", "pdist"),
            )
        ),
        *(
            f"scipy.stats.{name}"
            for name in (
                *("variation", "moment", "entropy", "wasserstein_distance", "energy_distance"),
                *("yeojohnson", "pearsonr"),
            )
        ),
        *(f"scipy.stats.gaussian_kde.{name}" for name in ("evaluate", "pdf", "logpdf")),
        *(f"scipy.ndimage.{name}_filter" for name in ("maximum", "minimum", "median", "percentile")),
        "scipy.signal.savgol_filter",
        *(f"scipy.linalg.{name}" for name in ("eigh_tridiagonal", "eigvalsh_tridiagonal")),
        "scipy.sparse.linalg.minres",
    }
)


def _of_real_numbers(name: str, follow: Callable[..., Any]) -> Callable[..., Any]:
    def refusing(*args: Any, **kwargs: Any) -> Any:
        for x in (*args, *kwargs.values()):
            dtype = getattr(x, "dtype", None)
            if type(x) is complex or getattr(dtype, "kind", None) == "c":
                raise TypeError(f"{name} takes real numbers, and got complex ones.{user_line()}")
        return follow(*args, **kwargs)

    return refusing


for _entry in (*HOOKED.values(), *SPECIAL_COMPOSITIONS.values()):
    if _entry.name in _OF_REAL_NUMBERS:
        _entry.follow = _of_real_numbers(_entry.name, _entry.follow)
