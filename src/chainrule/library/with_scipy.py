"""Which rooms follow functions of one part of SciPy alone: they are loaded once that part has been imported.

They are half of the library, and take as long to load as all the rest: a program that never imports, say,
``scipy.integrate`` does without its solvers.
"""

from functools import partial
from importlib import import_module

from chainrule.trace.hooks import hook_later

__all__ = ["ROOMS", "load_all"]

#: By package of SciPy the rooms in this one.
ROOMS: dict[str, tuple[str, ...]] = {
    "scipy.fft": ("scipy_fft",),
    "scipy.fftpack": ("scipy_fft",),
    "scipy.integrate": ("integrate", "quadrature", "samples"),
    "scipy.interpolate": ("bsplines", "cubic_splines", "fitpack", "interpolate", "pieces"),
    "scipy.linalg": ("scipy_decompositions", "scipy_linalg", "structured"),
    "scipy.ndimage": ("image_coordinates", "image_orders", "images"),
    "scipy.optimize": ("bounded_least_squares", "least_squares", "optimize", "roots"),
    "scipy.signal": ("filters", "signal", "spectra"),
    "scipy.sparse": (
        "iterative",
        "linear_operators",
        "sparse",
        "sparse_eigenvalues",
        "sparse_factors",
        "sparse_least_squares",
        "sparse_matrices",
    ),
    "scipy.spatial": ("distances",),
    "scipy.stats": ("multivariate", "relations", "statistics", "stats"),
}


def _load(rooms: tuple[str, ...]) -> None:
    for room in rooms:
        import_module(f"chainrule.library.{room}")


def load_all() -> None:
    """Load every room, for who looks through the tables.

    Examples
    --------
    >>> from chainrule.library.with_scipy import load_all
    >>> from chainrule.trace.hooks import HOOKED
    >>> load_all()
    >>> "brentq" in {name for _, name in HOOKED}
    True
    """
    for rooms in ROOMS.values():
        _load(rooms)


for _package, _rooms in ROOMS.items():
    hook_later(_package, partial(_load, _rooms))
