"""scipy.spatial.distance: between vectors, and between the rows of matrices."""

import numpy as np
import scipy.spatial
from scipy.spatial import distance
from tests.ops.case import POSITIVE, PROBABILITY, REALS, Case, between, fixed, in_double

VECTORS = fixed((REALS, (4,)), (REALS, (4,)))
WEIGHTED = fixed((REALS, (4,)), (REALS, (4,)), (POSITIVE, (4,)))
ROWS = fixed((REALS, (3, 2)), (REALS, (4, 2)))
#: Complex differences that come close to 0, where an absolute value has a kink, are left out.
APART = fixed((POSITIVE, (4,)), (between(-2.5, -0.4), (4,)))
OF_TWO = ("braycurtis", "canberra", "chebyshev", "cityblock", "correlation", "cosine", "euclidean", "sqeuclidean")


def between_rows(metric, **options):
    return in_double(lambda x, y: distance.cdist(x, y, metric, **options))


def own(u, v):
    return np.sum(np.abs(u - v) ** 3)


#: Those of which SciPy takes absolute values; the others it refuses or computes of the real parts.
OF_COMPLEX = ("chebyshev", "cityblock", "euclidean", "sqeuclidean")

CASES = (
    *(
        Case(
            f"scipy.spatial.distance.{name}",
            in_double(getattr(distance, name)),
            APART if name in OF_COMPLEX else VECTORS,
            complex=name in OF_COMPLEX,
        )
        for name in OF_TWO
    ),
    *(
        Case(f"scipy.spatial.distance.{name}", in_double(getattr(distance, name)), WEIGHTED, label="with weights")
        for name in ("braycurtis", "cosine", "correlation", "euclidean", "sqeuclidean")
    ),
    Case(
        "scipy.spatial.distance.minkowski", in_double(lambda u, v: distance.minkowski(u, v, 3)), VECTORS, complex=True
    ),
    Case("scipy.spatial.distance.seuclidean", in_double(distance.seuclidean), WEIGHTED),
    Case(
        "scipy.spatial.distance.mahalanobis",
        in_double(lambda u, v, m: distance.mahalanobis(u, v, m @ m.T + np.eye(2))),
        fixed((REALS, (2,)), (REALS, (2,)), (REALS, (2, 2))),
        complex=True,
    ),
    Case(
        "scipy.spatial.distance.jensenshannon",
        # The root of a difference of logarithms: of equal arguments it has a kink.
        in_double(lambda p, q: distance.jensenshannon(p + np.arange(3.0), q + np.arange(3.0)[::-1], 2.0, axis=1)),
        fixed((PROBABILITY, (2, 3)), (PROBABILITY, (2, 3))),
    ),
    Case("scipy.spatial.distance.cdist", between_rows("euclidean"), ROWS),
    Case("scipy.spatial.distance.cdist", between_rows("sqeuclidean"), ROWS, label="squared"),
    Case("scipy.spatial.distance.cdist", between_rows("minkowski", p=3), ROWS, label="minkowski"),
    Case("scipy.spatial.distance.cdist", between_rows("mahalanobis"), ROWS, label="mahalanobis"),
    Case("scipy.spatial.distance.cdist", between_rows("seuclidean"), ROWS, label="seuclidean"),
    Case("scipy.spatial.distance.cdist", between_rows(own), ROWS, complex=True, label="by a function"),
    Case("scipy.spatial.distance.pdist", in_double(distance.pdist), fixed((REALS, (4, 3)))),
    Case(
        "scipy.spatial.distance.pdist",
        in_double(lambda x: distance.pdist(x, "cosine")),
        fixed((REALS, (3, 2))),
        label="cosine",
    ),
    Case("scipy.spatial.distance.squareform", in_double(distance.squareform), fixed((REALS, (6,))), complex=True),
    Case(
        "scipy.spatial.distance.squareform",
        in_double(lambda x: distance.squareform(distance.squareform(x))),
        fixed((REALS, (3,))),
        label="there and back",
    ),
    Case("scipy.spatial.distance_matrix", in_double(scipy.spatial.distance_matrix), ROWS, complex=True),
    Case(
        "scipy.spatial.minkowski_distance",
        in_double(lambda x: scipy.spatial.minkowski_distance(x, 0.5, 3)),
        fixed((REALS, (3, 2))),
        complex=True,
    ),
)
