"""Bundle adjustment: cameras and points in space from where the cameras have seen the points.

Camera c turns the point X by its rotation vector r (Rodrigues' formula), shifts it by t, and divides by the depth:
P = R(r) X + t, p = -(P_x, P_y) / P_z. The picture is f (1 + k1 |p|^2 + k2 |p|^4) p, with the focal length f and the
radial distortion k1, k2. So a camera has nine numbers and a point three, and each coordinate of each observation
depends on twelve of all of them: the Jacobian of the residuals is sparse, and twelve directions tell it whole, however
many cameras and points there are.

With noise of standard deviation s in m coordinates, the sum of squares at the minimum is s^2 times a chi-squared number
with m - (9 cameras + 3 points - 7) degrees of freedom: seven numbers stay open, since the scene as a whole may be
shifted, turned and scaled.

Sources: B. Triggs, P. McLauchlan, R. Hartley and A. Fitzgibbon, Bundle adjustment: a modern synthesis (2000);
S. Agarwal, N. Snavely, S. Seitz and R. Szeliski, Bundle adjustment in the large (2010), for this camera model.
"""

import time

import numpy as np
from scipy import sparse
from scipy.optimize import approx_fprime, least_squares

from chainrule import jit, sparse_jacobian

NOISE = 0.5  # pixels


def rotated(points: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Points turned by rotation vectors, row by row: cos a X + sin a (v x X) + (1 - cos a) (v . X) v."""
    angle = np.sqrt(np.sum(rotations**2, axis=1))[:, None]
    v = rotations / angle
    along = np.sum(v * points, axis=1)[:, None]
    return np.cos(angle) * points + np.sin(angle) * np.cross(v, points) + (1 - np.cos(angle)) * along * v


def projected(points: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """Where cameras see points, row by row: an array of shape (observations, 2)."""
    P = rotated(points, cameras[:, :3]) + cameras[:, 3:6]
    p = -P[:, :2] / P[:, 2:]
    square = np.sum(p**2, axis=1)
    focal, k1, k2 = cameras[:, 6], cameras[:, 7], cameras[:, 8]
    return (focal * (1 + k1 * square + k2 * square**2))[:, None] * p


def residuals(unknowns: np.ndarray, count: int, camera: np.ndarray, point: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Differences between what `count` cameras should have seen and what they have, in one vector."""
    cameras = unknowns[: 9 * count].reshape(-1, 9)
    points = unknowns[9 * count :].reshape(-1, 3)
    return (projected(points[point], cameras[camera]) - seen).ravel()


def scene(
    cameras: int, points: int, views: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cameras around a cloud of points: the unknowns as they are; camera, point and place of each observation."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (points, 3))
    angles = 2 * np.pi * np.arange(cameras) / cameras
    turned = np.stack([0 * angles, angles + 0.01, 0 * angles], axis=1)
    C = np.concatenate([turned, np.zeros((cameras, 2)), np.full((cameras, 1), -6.0), np.zeros((cameras, 3))], axis=1)
    C[:, :6] += 0.05 * rng.normal(size=(cameras, 6))
    C[:, 6:] = rng.normal((500.0, -0.05, 0.01), (10.0, 0.01, 0.002), (cameras, 3))
    camera = np.concatenate([rng.permutation(cameras)[:views] for _ in range(points)])
    point = np.repeat(np.arange(points), views)
    seen = projected(X[point], C[camera]) + NOISE * rng.normal(size=(len(point), 2))
    return np.concatenate([C.ravel(), X.ravel()]), camera, point, seen


def pattern_by_hand(count: int, camera: np.ndarray, point: np.ndarray) -> sparse.csr_array:
    """The pattern of the Jacobian as one writes it down for finite differences."""
    rows = np.arange(2 * len(camera))
    of_camera = 9 * np.repeat(camera, 2)[:, None] + np.arange(9)
    of_point = 9 * count + 3 * np.repeat(point, 2)[:, None] + np.arange(3)
    columns = np.concatenate([of_camera, of_point], axis=1)
    marks = (np.ones(columns.size, bool), (np.repeat(rows, 12), columns.ravel()))
    return sparse.csr_array(marks, shape=(len(rows), 9 * count + 3 * (point.max() + 1)))


def main(cameras: int = 16, points: int = 400, views: int = 6) -> None:
    truth, camera, point, seen = scene(cameras, points, views)
    rng = np.random.default_rng(1)
    start = truth + np.concatenate(
        [np.tile([0.01] * 6 + [5.0, 0, 0], cameras), np.full(3 * points, 0.05)]
    ) * rng.normal(size=len(truth))
    data = (cameras, camera, point, seen)

    started = time.perf_counter()
    jacobian = jit(sparse_jacobian(residuals))
    J = jacobian(start, *data)
    compiling = time.perf_counter() - started
    print(f"{cameras} cameras, {points} points, {len(point)} observations: {jacobian.plan(start, *data)}")
    hand = pattern_by_hand(cameras, camera, point)
    print(f"the pattern found is the one written by hand: {(jacobian.plan(start, *data).pattern != hand).nnz == 0}")
    row = int(np.argmax(abs(J).max(axis=1).toarray()))
    by_differences = approx_fprime(start, lambda x: residuals(x, *data)[row], 1e-6)
    error = np.max(np.abs(J[[row]].toarray()[0] - by_differences)) / np.max(np.abs(by_differences))
    print(f"one row against differences: largest relative difference {error:.1e}")

    options = {"args": data, "x_scale": "jac", "method": "trf", "tr_solver": "lsmr", "ftol": 1e-8, "max_nfev": 60}
    started = time.perf_counter()
    fit = least_squares(residuals, start, jac=jacobian, **options)
    ours = time.perf_counter() - started
    started = time.perf_counter()
    theirs = least_squares(residuals, start, jac_sparsity=hand, **options)
    by_differences = time.perf_counter() - started

    freedom = seen.size - (len(truth) - 7)
    expected, spread = NOISE**2 * freedom, NOISE**2 * (2 * freedom) ** 0.5
    print(f"sum of squares: {2 * fit.cost:.1f}, expected {expected:.1f} +- {spread:.1f}")
    print(f"  by finite differences: {2 * theirs.cost:.1f}")
    print(f"  steps: {fit.nfev} and {theirs.nfev}")
    print(f"pattern, colours and compilation: {compiling:.2f} s")
    print(
        f"least squares with the sparse Jacobian {ours:.2f} s, with SciPy's finite differences {by_differences:.2f} s"
    )


if __name__ == "__main__":
    main()
