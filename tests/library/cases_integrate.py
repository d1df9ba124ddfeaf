"""scipy.integrate: differential equations, integrals of functions and of samples."""

import numpy as np
from hypothesis import strategies as st
from scipy import integrate
from tests.ops.case import POSITIVE, REALS, SEEDS, Call, Case, distinct, fixed

#: Makes float64 of float32, so that an integrand is computed to what the rules of SciPy ask for.
WIDE = np.float64(1.0)
TIGHT = {"rtol": 1e-12, "atol": 1e-12}
TIMES = np.array([0.0, 0.2, 0.3])


def ascending(rng, shape):
    """Distinct numbers in order, not close to each other."""
    return 8 * np.sort(distinct(rng, shape), axis=-1)


@st.composite
def samples(draw):
    """Samples, and where they were taken."""
    count = draw(st.integers(2, 5))
    return Call(((REALS, (2, count)), (ascending, (count,))), {}, draw(SEEDS))


def by_odeint(a, y0):
    return integrate.odeint(lambda y, t: a * y[::-1] - 0.1 * y**2, y0, TIMES, **TIGHT)


def by_solve_ivp(a, y0):
    return integrate.solve_ivp(lambda t, y: a * y[::-1] - 0.1 * y**2, (0.0, 0.3), y0, "DOP853", TIMES, **TIGHT).y


CASES = (
    Case("scipy.integrate.odeint", by_odeint, fixed((REALS, (2,)), (REALS, (2,))), tolerance=1e-9),
    Case("scipy.integrate.solve_ivp", by_solve_ivp, fixed((REALS, (2,)), (REALS, (2,))), tolerance=1e-9),
    Case(
        "scipy.integrate.solve_ivp",
        lambda a, y0: (
            integrate.solve_ivp(lambda t, y: a * y[::-1], (0.0, 0.3), y0 + 0j, t_eval=TIMES, rtol=1e-9, atol=1e-9).y
        ),
        fixed((REALS, (2,)), (REALS, (2,))),
        complex=True,
        label="of a complex state",
        tolerance=1e-6,
    ),
    Case(
        "scipy.integrate.quad",
        lambda a, b, k: integrate.quad(lambda x: np.exp(-k * WIDE * x) * np.sin(x), a, b)[0],
        fixed((REALS, ()), (REALS, ()), (REALS, ())),
        tolerance=1e-9,
    ),
    Case(
        # Of limits in the other order SciPy's result has the wrong sign for complex numbers.
        "scipy.integrate.quad",
        lambda a, b, k: integrate.quad(lambda x: np.exp(-k * WIDE * x), -a, b, complex_func=True)[0],
        fixed((POSITIVE, ()), (POSITIVE, ()), (REALS, ())),
        complex=((2,),),
        label="of complex numbers",
        tolerance=1e-9,
    ),
    Case(
        "scipy.integrate.quad_vec",
        lambda a, b, k: integrate.quad_vec(lambda x: np.exp(-k * WIDE * x), a, b, epsabs=1e-10)[0],
        fixed((REALS, ()), (REALS, ()), (REALS, (2, 2))),
        complex=((2,),),
        tolerance=1e-9,
    ),
    Case(
        "scipy.integrate.dblquad",
        lambda a, k: integrate.dblquad(lambda y, x: WIDE * k * y + x * y**2, 0.0, a, 0.0, lambda x: k * x)[0],
        fixed((POSITIVE, ()), (REALS, ())),
        tolerance=1e-9,
    ),
    Case(
        "scipy.integrate.nquad",
        lambda a, k: integrate.nquad(lambda x, y: x**2 + WIDE * k * y, [lambda y: (0.0, a * y), (0.0, 1.0)])[0],
        fixed((POSITIVE, ()), (REALS, ())),
        tolerance=1e-9,
    ),
    Case(
        "scipy.integrate.fixed_quad",
        lambda a, b, k: integrate.fixed_quad(lambda x: np.cos(WIDE * k * x), a, b, n=4)[0],
        fixed((REALS, ()), (REALS, ()), (REALS, ())),
        complex=True,
    ),
    Case("scipy.integrate.trapezoid", lambda y, x: integrate.trapezoid(y, x), samples(), complex=((0, 1), (0,))),
    Case("scipy.integrate.simpson", lambda y, x: integrate.simpson(y, x=x), samples(), complex=((0,),)),
    Case(
        "scipy.integrate.simpson", lambda y: integrate.simpson(y, dx=0.3, axis=0), fixed((REALS, (4, 2))), label="even"
    ),
    Case(
        "scipy.integrate.cumulative_trapezoid",
        lambda y, x: integrate.cumulative_trapezoid(y, x),
        samples(),
        complex=True,
    ),
    Case(
        "scipy.integrate.cumulative_trapezoid",
        lambda y: integrate.cumulative_trapezoid(y, dx=0.3, axis=0, initial=0),
        fixed((REALS, (4, 2))),
        label="from 0",
    ),
)
