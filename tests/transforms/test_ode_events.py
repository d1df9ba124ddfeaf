"""Events and continuous solutions of solve_ivp, against closed forms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from chainrule import TraceError, grad, hessian, jacobian, jit, scan, trace, vectorize
from chainrule.errors import SolutionError
from chainrule.evaluate import evaluate

TIGHT = {"rtol": 1e-10, "atol": 1e-10}


def ground(t, y, *args):
    return y[0]


ground.terminal = True
ground.direction = -1


def fall(h, g, **options):
    """A body that falls from a height."""
    return solve_ivp(lambda t, y: [y[1], -g], (0.0, 100.0), [h, 0.0], events=ground, **{**TIGHT, **options})


class TestFall:
    at = (10.0, 9.81)

    def test_time(self):
        def landing(h, g):
            found = fall(h, g)
            assert found.status == 1
            assert found.success
            assert found.message == "A termination event occurred."
            return found.t[-1] + found.t_events[0][0]

        def exact(h, g):
            return 2 * np.sqrt(2 * h / g)

        assert_allclose(grad(landing, (0, 1))(*self.at), grad(exact, (0, 1))(*self.at), rtol=1e-8)
        assert_allclose(hessian(landing, 1)(*self.at), hessian(exact, 1)(*self.at), rtol=1e-7)
        third = grad(grad(grad(exact)))(*self.at)
        assert_allclose(grad(grad(grad(landing)))(*self.at), third, rtol=1e-6)

    def test_state(self):
        for speed in (lambda h, g: fall(h, g).y_events[0][0, 1], lambda h, g: fall(h, g).y[1, -1]):
            found = jacobian(speed, (0, 1))(*self.at)
            assert_allclose(found, jacobian(lambda h, g: -np.sqrt(2 * h * g), (0, 1))(*self.at), rtol=1e-8)
        assert_allclose(grad(lambda h: fall(h, 9.81).y[0, -1])(10.0), 0.0, atol=1e-8)

    def test_times_asked_for_end_with_the_event(self):
        def heights(h):
            found = fall(h, 9.81, t_eval=np.linspace(0.0, 3.0, 31))
            assert len(found.t) == found.y.shape[1] == 15
            return found.y[0]

        assert_allclose(jacobian(heights)(10.0), np.ones(15), rtol=1e-8)

    def test_bounces(self):
        # With a share of the speed at every bounce the whole takes sqrt(2 h / g) (1 + 2 s + 2 s^2 + ...).
        def until_the_fourth(h, s):
            t, y = 0.0, np.stack([h, 0.0])
            for _ in range(4):
                found = solve_ivp(lambda t, y: [y[1], -9.81], (t, 100.0), y, events=ground, **TIGHT)
                t, y = found.t_events[0][0], np.stack([0.0, -s * found.y_events[0][0, 1]])
            return t

        def exact(h, s):
            return np.sqrt(2 * h / 9.81) * (1 + 2 * s + 2 * s**2 + 2 * s**3)

        found = grad(until_the_fourth, (0, 1))(10.0, 0.7)
        assert_allclose(found, grad(exact, (0, 1))(10.0, 0.7), rtol=1e-7)


def crossings(w, a, end=10.0, **options):
    """Times at which cos(w t) is a, and at which its slope is zero."""
    found = solve_ivp(
        lambda t, y: [y[1], -(w**2) * y[0]],
        (0.0, end),
        [1.0, 0.0],
        events=[lambda t, y: y[0] - a, lambda t, y: y[1]],
        **{**TIGHT, **options},
    )
    assert found.status == 0
    return np.concatenate([found.t_events[0], found.t_events[1], found.y_events[0][:, 1]])


def exact_crossings(w, a):
    k = np.arange(20)
    first = np.arccos(a) / w
    times = np.sort(np.concatenate([2 * np.pi * k / w + first, 2 * np.pi * k / w - first]))
    times = times[(times > 0) & (times < 10.0)]
    slopes = k * np.pi / w
    return np.concatenate([times, slopes[slopes < 10.0], -w * np.sin(w * times)])


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_many_events(mode):
    found = jacobian(crossings, (0, 1), mode=mode)(2.0, 0.3)
    for part, expected in zip(found, jacobian(exact_crossings, (0, 1))(2.0, 0.3), strict=True):
        assert_allclose(part, expected, atol=1e-7)
    assert_allclose(crossings(2.0, 0.3), exact_crossings(2.0, 0.3), atol=1e-8)


@pytest.mark.parametrize("method", ["RK23", "DOP853", "Radau", "BDF", "LSODA"])
def test_every_method(method):
    def first(a):
        return crossings(2.0, a, end=1.5, method=method, rtol=1e-7, atol=1e-9)[0]

    assert_allclose(grad(first)(0.3), -1 / np.sqrt(1 - 0.09) / 2, rtol=1e-4)


def test_an_event_may_depend_on_time_and_args_and_come_backwards():
    def event(t, y, k, level):
        return y[0] - level * t

    def when(k, level, begin):
        found = solve_ivp(lambda t, y, k, level: [k], (begin, -10.0), [1.0], events=event, args=(k, level), **TIGHT)
        return found.t_events[0][0]

    # 1 + k (t - begin) = level t
    def exact(k, level, begin):
        return (1 - k * begin) / (level - k)

    found = grad(when, (0, 1, 2))(0.5, 1.0, 3.0)
    assert_allclose(found, grad(exact, (0, 1, 2))(0.5, 1.0, 3.0), rtol=1e-8)


def test_the_second_occurrence_ends():
    def event(t, y):
        return y[0]

    event.terminal = 2

    def end(w):
        found = solve_ivp(lambda t, y: [y[1], -(w**2) * y[0]], (0, 10), [1.0, 0.0], events=event, **TIGHT)
        assert len(found.t_events[0]) == 2
        return found.t[-1]

    assert_allclose(grad(end)(2.0), -1.5 * np.pi / 4, rtol=1e-8)


def test_an_event_that_does_not_happen():
    def last(k):
        found = solve_ivp(lambda t, y: -k * y, (0, 1), [1.0], events=lambda t, y: y[0] + 1, **TIGHT)
        assert found.t_events[0].shape == (0,)
        assert found.y_events[0].shape == (0, 1)
        return found.y[0, -1]

    assert_allclose(grad(last)(0.7), -np.exp(-0.7), rtol=1e-8)


def test_an_event_that_alone_is_traced():
    found = grad(lambda a: solve_ivp(lambda t, y: [1.0], (0, 9), [0.0], events=lambda t, y: y[0] - a**2).t_events[0][0])
    assert_allclose(found(2.0), 4.0, rtol=1e-6)


def test_graph_is_right_for_other_values():
    graph = trace(crossings)(2.0, 0.3)
    assert_allclose(evaluate(graph, 2.01, 0.31)[0], crossings(2.01, 0.31), atol=1e-8)
    with pytest.raises(
        SolutionError, match=r"events happen \(7, 7\) times, and \(6, 7\) times where this was recorded"
    ):
        evaluate(graph, 2.05, 0.3)


def test_an_event_that_touches_zero_has_no_derivative():
    # (t - a)^3 goes through zero with slope zero.
    def when(a):
        found = solve_ivp(lambda t, y: [3 * (t - a) ** 2], (0, 3), [-1.0], events=lambda t, y: y[0], **TIGHT)
        return found.t_events[0][0]

    with pytest.raises(SolutionError, match=r"argument events=.*(singular|not close enough)"):
        grad(when)(1.0)


REFUSED = {
    "events= is not followed in a compiled": lambda k: fall(k, 9.81).t[-1],
    "should return one real number, found float64 of shape": lambda k: solve_ivp(
        lambda t, y: -k * y, (0, 1), [1.0, 2.0], events=lambda t, y: y
    ).t_events[0][0],
    "should return one real number, found NoneType": lambda k: solve_ivp(
        lambda t, y: -k * y, (0, 1), [1.0, 2.0], events=lambda t, y: None
    ).t_events[0][0],
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_is_refused(told):
    f = grad(REFUSED[told])
    for wrapped in [jit(f), lambda k: vectorize(f)(np.stack([k]))] if "compiled" in told else [f]:
        with pytest.raises(TraceError, match=told) as problem:
            wrapped(2.0)
        assert "test_ode_events.py" in str(problem.value)


# The solution as a function of time.


def at(k, begin, t, span=3.0, **options):
    found = solve_ivp(lambda t, y: -k * y, (begin, begin + span), [1.0, 2.0], dense_output=True, **{**TIGHT, **options})
    return found.sol(t)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("t", [1.3, np.array([2.0, 0.5, 1.0, 0.5])])
@pytest.mark.parametrize("span", [3.0, -3.0])
def test_continuous_solution(t, span, compiled):
    def exact(k, begin, t):
        return np.stack([np.exp(-k * (t - begin)), 2 * np.exp(-k * (t - begin))])

    point = (0.7, 0.1, t if span > 0 else -t)

    def f(k, begin, t):
        return at(k, begin, t, span)

    found, expected = (jacobian(g, (0, 1, 2)) for g in (f, exact))
    for part, other in zip((jit(found) if compiled else found)(*point), expected(*point), strict=True):
        assert_allclose(part, other, rtol=1e-7, atol=1e-12)
    constant = jacobian(lambda k: f(k, *point[1:]))
    assert_allclose((jit(constant) if compiled else constant)(0.7), expected(*point)[0], rtol=1e-7)


def test_continuous_solution_is_not_extrapolated():
    with pytest.raises(ValueError, match=r"outside of the interval that was solved, 0.0 to 3.0"):
        grad(lambda k: at(k, 0.0, 3.1)[0])(1.0)
    with pytest.raises(ValueError, match="a float or a 1-D array"):
        grad(lambda k: at(k, 0.0, np.ones((2, 2)))[0, 0])(1.0)


def test_continuous_solution_up_to_an_event():
    def mean_height(h):
        found = fall(h, 9.81, dense_output=True)
        times = np.linspace(0.0, found.t[-1], 5)
        return np.sum(found.sol(times)[0]) / 5

    assert_allclose(grad(mean_height)(10.0), np.mean(1 - np.linspace(0, 1, 5) ** 2), rtol=1e-7)


def test_columns():
    def last(k):
        return solve_ivp(lambda t, y: np.stack([y[1], -k * y[0]]), (0, 1), [1.0, 0.0], vectorized=True, **TIGHT).y[
            0, -1
        ]

    assert_allclose(grad(last)(2.0), -np.sin(np.sqrt(2)) / 2 / np.sqrt(2), rtol=1e-7)


# Steps whose number is not known.


ENDS = {
    "y[:, -1]": lambda found: found.y[:, -1],
    "y.T[-1]": lambda found: found.y.T[-1],
    "y[..., -1]": lambda found: found.y[..., -1],
    "y[0, 0] + y[1, -1]": lambda found: found.y[0, 0] + found.y[1, -1],
    "y[:, -1] / t[-1]": lambda found: found.y[:, -1] / (found.t[-1] - found.t[0]),
}


@pytest.mark.parametrize("form", ENDS)
def test_first_and_last_step_under_jit(form):
    def f(k, end):
        return ENDS[form](solve_ivp(lambda t, y: -k * y, (0.0, end), [1.0, 2.0], **TIGHT))

    for part, expected in zip(jit(jacobian(f, (0, 1)))(0.7, 1.5), jacobian(f, (0, 1))(0.7, 1.5), strict=True):
        assert_allclose(part, expected, rtol=1e-8, atol=1e-12)
    many = vectorize(lambda k: f(k, 1.5))(np.array([0.5, 0.7]))
    assert_allclose(many[1], f(0.7, 1.5), rtol=1e-7)


def test_solutions_in_a_loop():
    def pulses(k):
        def step(y, _):
            return solve_ivp(lambda t, y: -k * y, (0.0, 0.5), y, **TIGHT).y[:, -1] + 1.0, None

        return scan(step, np.ones(1), length=3)[0][0]

    d = np.exp(-0.35)
    assert_allclose(grad(pulses)(0.7), -0.5 * (d + 2 * d**2 + 3 * d**3), rtol=1e-7)


OTHERWISE = {
    "sum": lambda y: np.sum(y),
    "another step": lambda y: y[0, 3],
    "a slice": lambda y: y[0, -3:],
    "all": lambda y: y[0],
    "arithmetic": lambda y: y - 1.0,
    "of an array": lambda y: np.ones(2) * y,
    "shape": lambda y: y.shape,
    "array": lambda y: np.asarray(y),
    "length": lambda y: len(y),
}


@pytest.mark.parametrize("form", OTHERWISE)
def test_other_steps_need_times(form):
    def f(k):
        return OTHERWISE[form](solve_ivp(lambda t, y: -k * y, (0, 1), [1.0]).y)

    with pytest.raises(TraceError, match=r"argument t_eval= is needed.*y\[:, -1\]") as problem:
        jit(f)(1.0)
    assert "test_ode_events.py" in str(problem.value)
