"""An argmin inside an argmax, both by gradient descent: a market with a leader and a follower.

Two firms sell the same n products. With quantities q (leader) and f (follower) the prices are a - B (q + f), and
making them costs c. The follower sees q and minimises its loss; the leader knows that, and maximises its profit with
the follower's answer f(q) inside:

    max over q of  q . (a - c - B (q + f(q))),    f(q) = argmin over f of  -f . (a - c - B (q + f))

Each optimum is found by following gradients, so that the outer gradient goes back through the steps of the inner
descent, which contain gradients themselves: second derivatives. For this market the answer is known: the follower's
is f(q) = B^-1 (a - c) / 2 - q / 2, and at the optimum q = B^-1 (a - c) / 2, f = B^-1 (a - c) / 4.

Sources: H. von Stackelberg, Marktform und Gleichgewicht (1934); D. Maclaurin, D. Duvenaud and R. P. Adams,
Gradient-based Hyperparameter Optimization through Reversible Learning (2015) (derivatives through unrolled descent).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chainrule import grad, jacobian


@dataclass(frozen=True)
class Market:
    """Margins a - c of the first unit (n,), and the fall B of prices with quantities (n, n)."""

    margins: np.ndarray
    B: np.ndarray

    def profit(self, own: np.ndarray, other: np.ndarray) -> float:
        """What a firm earns with quantities `own` while the other sells `other`."""
        return own @ (self.margins - self.B @ (own + other))


def descend(f: Callable[[np.ndarray], float], x: np.ndarray, rate: float, steps: int) -> np.ndarray:
    """The place that so many steps of gradient descent reach from x."""
    for _ in range(steps):
        x = x - rate * grad(f)(x)
    return x


def answer(q: np.ndarray, market: Market, steps: int) -> np.ndarray:
    """The follower's quantities: argmin of its loss."""
    return descend(lambda f: -market.profit(f, q), np.zeros(len(q)), 0.25, steps)


def leaders_profit(q: np.ndarray, market: Market, steps: int) -> float:
    """The leader's profit with the follower's answer in it."""
    return market.profit(q, answer(q, market, steps))


def leader(market: Market, outer: int, inner: int) -> np.ndarray:
    """The leader's quantities: argmax of its profit."""
    return descend(lambda q: -leaders_profit(q, market, inner), np.zeros(len(market.margins)), 0.5, outer)


def example_market(n: int) -> Market:
    """Products next to each other replace one another a little."""
    near = np.exp(-np.abs(np.arange(n)[:, None] - np.arange(n)))
    return Market(margins=np.linspace(8.0, 12.0, n), B=0.6 * np.eye(n) + 0.4 * near)


def main(n: int = 4, outer: int = 40, inner: int = 40) -> None:
    started = time.perf_counter()
    market = example_market(n)
    alone = np.linalg.solve(market.B, market.margins)
    q = leader(market, outer, inner)
    f = answer(q, market, inner)
    print(f"leader   {q.round(6)} units, in closed form {(alone / 2).round(6)}")
    print(f"follower {f.round(6)} units, in closed form {(alone / 4).round(6)}")
    print(f"profits  {leaders_profit(q, market, inner):.6f} and {market.profit(f, q):.6f}")
    J = jacobian(lambda q: answer(q, market, inner))(q)
    error = np.max(np.abs(J + np.eye(n) / 2))
    print(f"the follower gives way by half of every change: largest error of df/dq = -I/2 is {error:.1e}")
    slope = grad(leaders_profit)(q, market, inner)
    print(f"slope of the leader's profit at the optimum: at most {np.max(np.abs(slope)):.1e}")
    print(f"{time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
