"""Statements that make a new variable."""

from tests.programs.indices import basic_index, fancy_index, mask

__all__ = ["alias", "choice", "elementwise", "join", "make", "pick", "product", "total", "view"]


def elementwise(w):
    a = w.array()
    return [f"{w.new()} = {w.expression(w.shape(a))}"]


def total(w):
    a = w.array()
    ndim = len(w.shape(a))
    axis = w.choose(
        ["", "", *(f", axis={k}" for k in range(-ndim, ndim)), ", keepdims=True", ", axis=0, keepdims=True"]
    )
    if ndim > 1 and w.chance(0.2):
        axis = ", axis=(0, 1)"
    name = w.choose(["sum", "mean", "mean", "max", "min", "prod", "var", "std", "linalg.norm", "cumsum", "ptp"])
    if name in ("var", "std", "linalg.norm"):
        return [f"{w.new()} = np.{name}(2.0 + np.sin({a}) * np.arange(1, {a}.size + 1).reshape({a}.shape){axis})"]
    if w.chance(0.3) and name in ("sum", "mean", "max", "prod", "cumsum"):
        return [f"{w.new()} = {a}.{name}({axis[2:]})"]
    return [f"{w.new()} = np.{name}({a}{axis})"]


def view(w):
    a = w.array(lambda a: a.ndim > 0)
    shape = w.shape(a)
    kinds = [f"{a}[{basic_index(w, shape)}]"] * 5
    kinds += [f"{a}.T", f"{a}[::-1]", f"{a}[...]", f"{a}[1:][:-1]", f"np.asarray({a})", f"np.atleast_2d({a})"]
    kinds += [f"{a}.swapaxes(0, -1)", f"np.flip({a})", f"{a}.real", f"np.moveaxis({a}, 0, -1)", f"np.squeeze({a})"]
    kinds += [f"{a}[None]", f"np.expand_dims({a}, 0)", f"np.atleast_1d({a})", f"np.split({a}, 1)[0]"]
    kinds += [f"np.array_split({a}, 2)[{w.choose([0, 1])}]", f"np.broadcast_to({a}, (2, *{shape}))"]
    if w.decides:
        kinds += [
            f"{a}.reshape(-1)",
            f"np.ravel({a})",
            f"{a}.reshape(1, -1)",
            f"{a}.ravel()",
            f"{a}.reshape({shape[::-1]})",
        ]
    if len(shape) == 2:
        kinds += [f"np.diagonal({a})", f"{a}.diagonal()"]
    return [f"{w.new()} = {w.choose(kinds)}"]


def pick(w):
    a = w.array(lambda a: a.ndim > 0)
    shape = w.shape(a)
    kinds = [f"{a}[{fancy_index(w, shape)}]"] * 4
    kinds += [f"np.take({a}, [0], axis=-1)", f"np.take_along_axis({a}, np.argsort({a}, axis=-1), axis=-1)"]
    kinds += [f"{a}.flatten()", f"np.sort({a})", f"np.repeat({a}, 2, axis=0)", f"np.roll({a}, 1)", f"np.tile({a}, 2)"]
    kinds += [
        f"np.pad({a}, 1)",
        f"np.cumsum({a})",
        f"np.tril(np.outer({a}, {a}))",
        f"np.diag({a})",
        f"np.append({a}, 0.5)",
    ]
    if w.decides:
        kinds += [
            f"{a}[{mask(w, a)}]",
            f"{a}[np.argsort({a})]",
            f"{a}[np.argmax({a}, axis=0)]",
            f"{a}[np.nonzero({a} > 0.2)]",
        ]
        kinds += [f"np.array(sorted({a}))"]
    return [f"{w.new()} = {w.choose(kinds)}"]


def make(w):
    p = w.prefix
    a = w.array()
    shape = w.choose([w.shape(a), w.shape(a), (2, 3), (3,), (4,), ()])
    e = w.expression(shape)
    n = w.new()
    kinds = [
        [f"{n} = {p['zeros']}zeros({shape})"],
        [f"{n} = {p['ones']}ones({shape})"],
        [f"{n} = {p['empty']}empty({shape})", f"{n}[...] = {e}"],
        [f"{n} = {p['full']}full({shape}, {w.number()})"],
        [f"{n} = {p['zeros_like']}zeros_like({a})"],
        [f"{n} = {p['empty_like']}empty_like({a})", f"{n}[:] = {w.expression(w.shape(a))}"],
        [f"{n} = {p['array']}array([{w.number()}, {w.number()}, {w.constant()}])"],
        [f"{n} = {p['array']}array([[{w.number()}, {w.constant()}], [{w.number()}, {w.number()}]])"],
        [f"{n} = {p['array']}array({a})"],
        [f"{n} = {p['array']}array([{a}, {a} * 0.5])"],
        [f"{n} = {a}.copy()"],
        [f"{n} = {p['copy']}copy({a})"],
        [f"{n} = np.full_like({a}, {w.number()})"],
        [f"{n} = np.eye(3)"],
        [f"{n} = {p['linspace']}linspace({w.number()}, {w.number()}, 4)"],
        [f"{n} = np.arange(4.0)"],
        [f"{n} = np.array({w.number()})"],
        [f"{n} = 0.0"],
        [f"{n} = {w.number()}"],
        [f"{n} = {a}.astype(float)"],
        [f"{n} = np.zeros((0, 2))"],
    ]
    return w.choose(kinds)


def product(w):
    a, b = w.array(lambda a: a.ndim > 0), w.array(lambda a: a.ndim > 0)
    texts = [
        "{a} @ {b}",
        "{a} @ {b}.T",
        "{a}.T @ {a}",
        "np.dot({a}, {b})",
        "np.outer({a}, {b})",
        "np.inner({a}, {a})",
        "{a}.dot({b})",
    ]
    texts += [
        "np.tensordot({a}, {b}, 1)",
        "np.einsum('ij,kj->ik', {a}, {b})",
        "np.einsum('i,j->ij', {a}, {b})",
        "np.trace({a})",
    ]
    texts += [
        "np.einsum('ij->ji', {a})",
        "np.einsum('...i,...i', {a}, {a})",
        "np.vdot({a}, {a})",
        "np.einsum('ii->i', {a})",
    ]
    texts += ["{a}[..., None] * {b}", "np.matmul({a}, np.swapaxes({a}, -1, -2))", "np.linalg.norm({a}) + {b}"]
    # The tangents are less than 1, so that these are far from singular.
    square = "4.0 * np.eye(len({a})) + np.tanh({a} @ {a}.T)"
    texts += [
        f"np.linalg.solve({square}, {{a}})",
        f"np.linalg.inv({square})",
        f"np.linalg.slogdet({square})[1] * {{a}}",
        f"np.linalg.cholesky({square} + 2.0 * np.eye(len({{a}})))",
    ]
    return [f"{w.new()} = np.tanh({w.choose(texts).format(a=a, b=b)})"]


def join(w):
    a = w.array()
    b = w.choose(w.arrays(lambda c: c.shape == w.shape(a)))
    texts = [
        "np.concatenate([{a}, {b}])",
        "np.stack([{a}, {b}], axis=-1)",
        "np.vstack(({a}, {b}))",
        "np.hstack([{a}, {b}])",
    ]
    texts += [
        "np.r_[{a}, {b}]",
        "np.c_[{a}, {b}]",
        "np.column_stack([{a}, {b}])",
        "np.concatenate([{a}, {b}], axis=-1)",
    ]
    texts += [
        "np.block([[{a}, {b}]])",
        "np.stack([row for row in {a}])",
        "np.array([np.sum(row) for row in {a}])",
        "np.array([{a}, {b}])",
    ]
    texts += [
        "np.array(list({a}))",
        "np.concatenate((np.ravel({a}), np.ravel({b})))",
        "np.array([u + v for u, v in zip({a}, {b})])",
    ]
    return [f"{w.new()} = {w.choose(texts).format(a=a, b=b)}"]


def alias(w):
    a, b, n = w.array(), w.array(), w.new()
    kinds = [
        [f"{n} = {a}"],
        [f"{a}, {b} = {b}, {a}"],
        [f"{n} = [{a}, {b}]", f"{n}[0][...] = 0.5 * {n}[1].sum()" if w.chance(0.5) else f"{n}[-1] *= 0.5"],
        [f"{n} = {{'a': {a}, 'b': {b}}}", f"{n}['a'] += {w.expression(w.shape(a))}"],
        [f"{n} = lambda t: t * {a} + {w.constant()}", f"{w.new()} = {n}({w.number()})"],
        [f"{n} = list({a})", f"{n}[0] = {n}[-1] * 0.5", f"{w.new()} = np.array({n})"],
        [f"{n}, *{n}_rest = {a}"],
    ]
    return w.choose(kinds)


def choice(w):
    a = w.array()
    e, f = w.expression(w.shape(a)), w.expression(w.shape(a))
    return [f"{w.new()} = np.where({mask(w, a)}, {e}, {f})"]
