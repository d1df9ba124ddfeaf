"""A star in a galaxy's field, whose force is the gradient of a potential, and the gradient of where it ends.

Hénon and Heiles' potential V(x, y) = (x^2 + y^2) / 2 + x^2 y - y^3 / 3, in units of the galaxy. The force is -grad V:
computed by `grad`, inside a function that is differentiated again. The leapfrog steps

    v += h/2 F(x),   x += h v,   v += h/2 F(x)

keep the energy to O(h^2) for all times, and they are symplectic: with J the Jacobian of the end (x, v) by the start,
J' W J = W for W = [[0, I], [-I, 0]], to rounding. That is the check on J, which goes through second derivatives of V.

Sources: M. Hénon and C. Heiles, The Applicability of the Third Integral of Motion (1964); E. Hairer, C. Lubich and G.
Wanner, Geometric Numerical Integration, section VI.3.
"""

import time

import numpy as np
from scipy.optimize import root

from chainrule import check_gradient, grad, jacobian


def potential(x: np.ndarray) -> float:
    """V at the place x of shape (2,)."""
    return 0.5 * np.sum(x**2) + x[0] ** 2 * x[1] - x[1] ** 3 / 3


def force(x: np.ndarray) -> np.ndarray:
    """-grad V."""
    return -grad(potential)(x)


def energy(state: np.ndarray) -> float:
    """|v|^2 / 2 + V(x) of a state (x, v) of shape (4,)."""
    return 0.5 * np.sum(state[2:] ** 2) + potential(state[:2])


def fly(start: np.ndarray, steps: int, h: float) -> np.ndarray:
    """The states after each step, of shape (steps, 4)."""
    path = np.empty((steps, 4))
    state = start.copy()
    x, v = state[:2], state[2:]  # views: what is written into them is written into the state
    for i in range(steps):
        v += h / 2 * force(x)
        x += h * v
        v += h / 2 * force(x)
        path[i] = state
    return path


def end(start: np.ndarray, steps: int, h: float) -> np.ndarray:
    """The last state."""
    return fly(start, steps, h)[-1]


def distance_to(target: np.ndarray, start: np.ndarray, steps: int, h: float) -> float:
    """Squared distance of the end's place from the target."""
    return np.sum((end(start, steps, h)[:2] - target) ** 2)


def main(steps: int = 200, h: float = 0.05) -> None:
    started = time.perf_counter()
    start = np.array([0.0, 0.1, 0.4, 0.0])
    path = fly(start, steps, h)
    drift = max(abs(energy(state) - energy(start)) for state in path)
    print(f"{steps} steps of {h}: the star ends at {path[-1, :2].round(5)}")
    print(f"  energy {energy(start):.6f}, largest change on the way {drift:.1e}")

    J = jacobian(end)(start, steps, h)
    W = np.block([[np.zeros((2, 2)), np.eye(2)], [-np.eye(2), np.zeros((2, 2))]])
    print(f"  Jacobian of the end by the start: J' W J - W at most {np.max(np.abs(J.T @ W @ J - W)):.1e}")
    target = path[-1, :2] + 0.05
    report = check_gradient(lambda start: distance_to(target, start, steps, h), start)
    print(f"  distance to a target, {report}".replace("\n", "\n  "))

    def miss(velocity: np.ndarray) -> np.ndarray:
        return end(np.concatenate([start[:2], velocity]), steps, h)[:2] - target

    shot = root(miss, start[2:], jac=jacobian(miss))
    size = np.linalg.norm(shot.fun)
    print(f"to end there it starts with velocity {shot.x.round(6)}: {shot.nfev} shots, misses by {size:.1e}")
    print(f"{time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
