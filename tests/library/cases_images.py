"""scipy.ndimage: filters, and values between the entries."""

import numpy as np
from scipy import ndimage
from tests.ops.case import POSITIVE, REALS, Case, between, distinct, fixed, in_double


def off_the_grid(rng, shape):
    """Places of which none is close to an entry, where the pieces of a spline meet."""
    return rng.integers(0, 3, shape) + rng.uniform(0.1, 0.9, shape)


IMAGE = fixed((REALS, (4, 5)))
PLACES = fixed((REALS, (4, 5)), (off_the_grid, (2, 3)))
OUTSIDE = fixed((REALS, (4, 5)), (between(-1.9, -1.1), (2, 3)))
KERNEL = np.array([[0.1, 0.5, -0.2], [0.3, 1.0, 0.4]])
#: What is linear in the image, at places that are known.
OF_COMPLEX = (
    *("correlate1d", "correlate", "convolve", "gaussian_filter1d", "gaussian_filter", "uniform_filter1d"),
    *(
        "uniform_filter",
        "sobel",
        "prewitt",
        "laplace",
        "gaussian_laplace",
        "gaussian_gradient_magnitude",
        "center_of_mass",
        "zoom",
        "rotate",
    ),
)


def sloping(rng, shape):
    """Images whose real gradient is larger than the imaginary one: of its square a root is taken."""
    return 4 * np.add(*np.indices(shape)) + rng.uniform(-0.5, 0.5, shape)


def of(name, *args, draws=IMAGE, label="", **options):
    call = in_double(lambda x: getattr(ndimage, name)(x, *args, **options))
    # Of complex images SciPy's zoom leaves grid_mode= out.
    complex = name in OF_COMPLEX and "grid_mode" not in options
    return Case(f"scipy.ndimage.{name}", call, draws, complex=complex, label=label)


CASES = (
    Case(
        "scipy.ndimage.correlate1d", in_double(ndimage.correlate1d), fixed((REALS, (3, 4)), (REALS, (3,))), complex=True
    ),
    of("correlate1d", [1.0, 2.0, 3.0, -1.0], axis=0, mode="mirror", origin=-1, label="off centre"),
    Case("scipy.ndimage.convolve1d", in_double(ndimage.convolve1d), fixed((REALS, (5,)), (REALS, (4,))), complex=True),
    Case(
        "scipy.ndimage.correlate", in_double(ndimage.correlate), fixed((REALS, (4, 3)), (REALS, (2, 3))), complex=True
    ),
    of("correlate", KERNEL[0], axes=0, mode="nearest", label="along an axis"),
    Case("scipy.ndimage.convolve", in_double(ndimage.convolve), fixed((REALS, (4, 3)), (REALS, (2, 3))), complex=True),
    of("convolve", KERNEL, mode="constant", cval=0.5, origin=(0, 1), label="with a constant"),
    of("gaussian_filter1d", 0.6, order=1),
    of("gaussian_filter", 0.7),
    of("gaussian_filter", (0.5, 1.0), order=(0, 2), mode="wrap", radius=2, label="one way each"),
    Case(
        "scipy.ndimage.gaussian_filter",
        in_double(ndimage.gaussian_filter),
        fixed((REALS, (4, 3)), (between(0.55, 0.6), ())),
        looks=True,
        label="by its width",
    ),
    of("uniform_filter1d", 2),
    of("uniform_filter", 3),
    of("sobel"),
    of("prewitt", axis=0),
    of("laplace"),
    of("gaussian_laplace", 0.6),
    of("gaussian_gradient_magnitude", 0.6, draws=fixed((sloping, (3, 5)))),
    of("maximum_filter", 2, draws=fixed((distinct, (3, 4)))),
    of("minimum_filter", footprint=[[1, 0], [1, 1]], draws=fixed((distinct, (3, 4)))),
    of("median_filter", 3, draws=fixed((distinct, (3, 4)))),
    of("percentile_filter", 30, 3, draws=fixed((distinct, (3, 4)))),
    of("center_of_mass", draws=fixed((POSITIVE, (3, 4)))),
    *(
        Case(
            "scipy.ndimage.map_coordinates",
            in_double(
                lambda x, c, order=order, mode=mode: ndimage.map_coordinates(x, c, order=order, mode=mode, cval=0.3)
            ),
            draws,
            label=f"{mode} {order} {where}",
        )
        for where, draws in (("inside", PLACES), ("outside", OUTSIDE))
        for order in (1, 3)
        for mode in ("constant", "nearest", "mirror", "reflect", "grid-wrap", "grid-constant")
        if (mode != "nearest" and mode != "constant") or where == "inside"
    ),
    Case(
        "scipy.ndimage.shift",
        in_double(lambda x, s: ndimage.shift(x, s, mode="nearest")),
        fixed((REALS, (4, 5)), (between(0.2, 0.8), (2,))),
    ),
    of("zoom", 1.7, mode="nearest"),
    of("zoom", 2, order=1, grid_mode=True, mode="grid-constant", label="of a grid"),
    Case(
        "scipy.ndimage.rotate",
        in_double(lambda x, a: ndimage.rotate(x, 20 * a, reshape=False, mode="nearest")),
        fixed((REALS, (4, 5)), (between(1.0, 1.1), ())),
    ),
    of("rotate", 25.0, order=1, draws=fixed((REALS, (4, 3, 2))), label="with other axes"),
    Case(
        "scipy.ndimage.affine_transform",
        in_double(lambda x, m: ndimage.affine_transform(x, np.eye(2) + 0.1 * m, offset=0.13, mode="nearest", order=3)),
        fixed((REALS, (4, 5)), (POSITIVE, (2, 2))),
    ),
)
