"""Sums of two factors as matrix products, and as stacks of them."""

import numpy as np
import pytest
from tests.native.running import check_traced

from chainrule import grad
from chainrule.native.einsum import as_product

RNG = np.random.default_rng(0)
SIZES = {"b": 2, "c": 3, "i": 4, "j": 5, "k": 6, "l": 7}

PRODUCTS = [
    "bij,bjk->bik",
    "bij,bkj->bik",
    "bji,bjk->bik",
    "bij,bjk->ikb",
    "ibj,jkb->kbi",
    "bcij,bcjk->bcik",
    "bij,jk->bik",
    "ij,bjk->bik",
    "bij,bj->bi",
    "bj,bjk->bk",
    "bj,bj->b",
    "bij,bik->jk",
    "bij,kij->bk",
    "ij,jkl->ikl",
    "ijk,ijk->",
    "ij,ij->",
    "ijk,jkl->il",
    "bij,cjk->bcik",
    "bij,cjk->icbk",
    "bjic,kj->bick",
]
OTHERS = ["bi,bj->bij", "i,j->ij", "bij,jk->bk", "ij,ik->i", "bij,bkij->", "bij,bji->b"]


def operands(subscripts):
    terms = subscripts.partition("->")[0].split(",")
    return [RNG.normal(size=tuple(SIZES[letter] for letter in term)) for term in terms]


@pytest.mark.parametrize("subscripts", PRODUCTS)
def test_products(subscripts):
    def f(x, y):
        return np.einsum(subscripts, x, y)

    x, y = operands(subscripts)
    program = check_traced(f, x, y)
    assert program.is_native
    assert not any(node.op.name == "np.einsum" for node in program.graph.nodes)
    check_traced(f, x.astype(np.float32), y.astype(np.float32))
    check_traced(grad(lambda x, y: np.sum(f(x, y) ** 2), (0, 1)), x, y)


@pytest.mark.parametrize("subscripts", OTHERS)
def test_others_stay_sums(subscripts):
    program = check_traced(lambda x, y: np.einsum(subscripts, x, y), *operands(subscripts))
    (node,) = (node for node in program.graph.nodes if node.op.name == "np.einsum")
    assert as_product(node) is node


def test_axes_of_length_one_that_broadcast():
    x, y = RNG.normal(size=(2, 4, 1)), RNG.normal(size=(1, 5, 6))
    check_traced(lambda x, y: np.einsum("bij,bjk->bik", x, y), x, y)
