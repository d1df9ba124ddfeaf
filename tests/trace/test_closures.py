"""Traced values are found wherever a function may read them from."""

import functools

import pytest

from chainrule import grad
from chainrule.trace.closures import reads_traced


class Holder:
    def __init__(self, x):
        self.x = x

    def method(self, y):
        return self.x * y

    def __call__(self, y):
        return self.x * y


class Slotted:
    __slots__ = ("unset", "x")

    def __init__(self, x):
        self.x = x

    def method(self, y):
        return self.x * y


def inner(x):
    def f(y):
        return x * y

    return lambda y: f(y) + 1


WAYS = {
    "value": lambda x: x,
    "closure": lambda x: lambda y: x * y,
    "closure of a closure": inner,
    "default": lambda x: lambda y, x=x: x * y,
    "keyword default": lambda x: lambda y, *, x=x: x * y,
    "partial": lambda x: functools.partial(max, x),
    "partial by keyword": lambda x: functools.partial(max, key=x),
    "method": lambda x: Holder(x).method,
    "object": Holder,
    "slots": lambda x: Slotted(x).method,
    "tuple in a dict": lambda x: {"a": (1.0, [x])},
    "container in a closure": lambda x: (lambda p: lambda y: p["x"] * y)({"x": x}),
}


@pytest.mark.parametrize("way", WAYS)
def test_found(way):
    seen = []

    def f(x):
        seen.append(reads_traced(WAYS[way](x)))
        return x

    grad(f)(2.0)
    assert seen == [True]
    assert not reads_traced(WAYS[way](2.0))


def test_what_refers_to_itself_ends():
    loop = []
    loop.append(loop)

    def f(y):
        return f(loop)

    assert not reads_traced(f)
