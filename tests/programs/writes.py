"""Statements that write into an array, or into a number."""

from tests.programs.indices import basic_index, fancy_index, mask, picked_shape

__all__ = ["operator", "by_function", "call", "in_place", "overlapping", "write", "write_mask"]


def operator(w):
    return w.choose(["=", "=", "+=", "-=", "*= 0.5 *", "/= 2 +"])


def write(w):
    a = w.writeable(lambda a: a.ndim > 0)
    shape = w.shape(a)
    key = basic_index(w, shape) if w.chance(0.6) else fancy_index(w, shape)
    picked = picked_shape(w, a, key)
    trailing = picked[1:] if w.chance(0.15) else picked
    op = operator(w)
    e = w.expression(trailing)
    if "2 +" in op:
        e = f"np.sin({e})"
    return [f"{a}[{key}] {op} {w.apart(f'{a}[{key}]', e) if op == '=' else e}"]


def write_mask(w):
    a = w.writeable()
    kinds = [f"{a}[{mask(w, a)}] = {w.number()}"]
    if w.decides:
        m = mask(w, a)
        kinds += [f"{a}[{m}] *= {w.number()}", f"{a}[{m}] += {w.number()}"]
        kinds += [f"{a}[{m}] = np.sin({a}[{m}])", f"{a}[{m}] *= np.cos({a}[{m}])"]
    return [w.choose(kinds)]


def in_place(w):
    if w.chance(0.25) and w.numbers():
        n = w.choose(w.numbers())
        return [f"{n} {w.choose(['+=', '-=', '*='])} np.sin({w.number()})"]
    a = w.writeable()
    e = w.expression(w.shape(a))
    return [f"{a} {w.choose(['+=', '-=', '*=', '/= 2 + np.cos', '= 0.3 * '])}({e})"]


def overlapping(w):
    a = w.writeable(lambda a: a.ndim > 0)
    texts = [
        "{a}[1:] = {a}[:-1]",
        "{a}[:-1] = {a}[1:]",
        "{a}[1:] += 0.5 * {a}[:-1]",
        "{a}[1:] -= {a}[:-1]",
        "{a}[:] = {a}[::-1]",
    ]
    texts += [
        "{a}[...] = {a}.T",
        "{a} += {a}[::-1]",
        "{a}[0], {a}[-1] = {a}[-1], {a}[0]",
        "{a}[[0, -1]] = {a}[[-1, 0]]",
        "{a} *= np.sin({a}.T)",
    ]
    texts += [
        "np.tanh({a}, out={a})",
        "{a}[::2] *= 0.5",
        "{a}[0][...] = 0.5 * {a}[-1]",
        "{a}.T[0] = {a}[0]",
        "{a}[::-1][0] += 0.1",
        "{a}[1:][0] *= 0.7",
    ]
    texts += [
        "{a}[..., 0] = {a}[..., -1] ** 2",
        "{a} = {a} + 0.2",
        "{a}.T[...] = 0.9 * {a}.T",
        "{a}[-1] = {a}[0] = 0.3 * np.sum({a}[1:])",
    ]
    return [w.choose(texts).format(a=a)]


def by_function(w):
    a = w.writeable(lambda a: a.ndim > 0)
    shape = w.shape(a)
    n = shape[0]
    places = [int(k) for k in w.rng.integers(0, max(n, 1), 3)]
    e = w.expression(shape)
    kinds = [
        f"np.add.at({a}, {places}, {w.expression((3, *shape[1:]))})",
        f"np.subtract.at({a}, {places}, {w.number()})",
        f"np.put_along_axis({a}, np.argmax({a}, axis=-1, keepdims=True), {w.number()}, axis=-1)",
        f"np.put_along_axis({a}, np.argsort({a}, axis=-1), np.sin({a}), axis=-1)",
        f"np.copyto({a}, {w.apart(a, e)})",
        f"np.copyto({a}, {w.apart(a, e)}, where=np.arange({shape[-1] if shape else 1}) > 0)",
        f"np.multiply({a}, 0.5, out={a})",
        f"np.sin({e}, out={a})",
        f"np.add({a}, {e}, out={a})",
        f"np.add({a}, {e}, {a})",
        f"{a}.fill({w.number()})",
        f"{a}[...] = {w.number()}",
        f"{a}.flat[0] = {w.number()}",
    ]
    kinds += [f"np.fill_diagonal({a}, {w.number()})", f"np.fill_diagonal({a}, {w.expression((min(shape),))})"] * (
        2 * (len(shape) == 2)
    )
    return [w.choose(kinds)]


def call(w):
    text = w.choose(w.helpers)
    name = text[4 : text.index("(")]
    a, b, n = w.writeable(lambda a: a.ndim > 0), w.array(lambda a: a.ndim > 0), w.new()
    calls = {
        "damp": f"damp({a}, {b})",
        "swap": f"swap({a})",
        "forward": f"{n} = forward({a}, {b})",
        "power": f"{n} = power({b}, {w.rng.integers(0, 4)})",
        "shift": f"{n} = shift({a}, by={w.number()})",
    }
    return [calls.get(name, f"{n} = {name}({a})")]
