"""Implied volatility by Newton's method with a Python `while`, differentiated through its steps.

A call on an asset of price S, strike K, rate r and time T is worth, after Black and Scholes,

    C(s) = S N(d) - K exp(-r T) N(d - s sqrt T),   d = (log(S / K) + (r + s^2 / 2) T) / (s sqrt T)

and the market's volatility is the s at which C(s) is the price seen. Newton's method finds it. The `while` decides on
values and is followed as it goes; the derivative of its result by the price is that of the last steps, and since
Newton's method forgets where it came from, it is the derivative of the root: 1 / (dC/ds), one over vega. (The
derivative lags the value by one step; the loop therefore goes on until a step changes nothing that matters.)

Sources: F. Black and M. Scholes, The Pricing of Options and Corporate Liabilities (1973), equation 13; S. Manaster
and G. Koehler, The Calculation of Implied Variances from the Black-Scholes Model: A Note (1982) (where to start).
"""

import time

import numpy as np
from scipy.special import ndtr

from chainrule import check_gradient, grad


def call_price(volatility: float, S: float, K: float, r: float, T: float) -> float:
    """The price of a call, in the unit of S; volatility per square root of a year, r per year, T in years."""
    spread = volatility * np.sqrt(T)
    d = (np.log(S / K) + (r + 0.5 * volatility**2) * T) / spread
    return S * ndtr(d) - K * np.exp(-r * T) * ndtr(d - spread)


vega = grad(call_price)


def implied_volatility(price: float, S: float, K: float, r: float, T: float, tolerance: float = 1e-12) -> float:
    """The volatility at which a call has this price."""
    volatility = np.sqrt(2 * abs(np.log(S / K) + r * T) / T) + 0.01  # Manaster and Koehler's start converges
    step = np.inf
    while abs(step) > tolerance:
        step = (call_price(volatility, S, K, r, T) - price) / vega(volatility, S, K, r, T)
        volatility = volatility - step
    return volatility


def square_root(a: float) -> float:
    """Heron's method: Newton's for x^2 = a."""
    x = a
    while abs(x * x - a) > 1e-14 * a:
        x = 0.5 * (x + a / x)
    return x


def main(strikes: int = 5) -> None:
    started = time.perf_counter()
    S, r, T = 100.0, 0.03, 0.5
    print(f"calls on an asset at {S}, rate {r} a year, {T} years")
    print("strike   price   volatility   d volatility / d price   1 / vega        difference")
    for K in np.linspace(80, 120, strikes):
        smile = 0.2 + 0.3 * np.log(K / S) ** 2
        price = call_price(smile, S, K, r, T)
        volatility = implied_volatility(price, S, K, r, T)
        derivative = grad(implied_volatility)(price, S, K, r, T)
        closed = 1 / vega(volatility, S, K, r, T)
        error = derivative - closed
        print(f"{K:6.1f} {price:7.3f} {volatility:12.8f} {derivative:24.10f} {closed:16.10f} {error:10.1e}")
    report = check_gradient(implied_volatility, (10.0, S, 95.0, r, T), wrt=("price", "S", "r"))
    print(f"  by price, S and r: {report}".replace("\n", "\n  "))
    print(f"square root of 2 by Heron: {square_root(2.0):.15f}, derivatives {grad(square_root)(2.0):.12f}")
    print(f"  and {grad(grad(square_root))(2.0):.12f}; 1 / (2 sqrt 2) is {0.5 / np.sqrt(2):.12f}")
    print(f"{time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
