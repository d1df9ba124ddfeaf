"""Statements that hold others: branches, loops, loops as operations; and what a program returns."""

from tests.programs.writes import operator

__all__ = ["as_operation", "branch", "repeat", "result"]


# Statements that hold others.


def indented(lines):
    return ["    " + line for line in lines]


def branch(w):
    a = w.array(lambda a: a.size > 0)
    test = w.choose(
        [
            f"np.sum({a}) > {w.constant()}",
            f"np.all({a} > -0.3)",
            f"{a}.max() < 0.9 or {w.number()} > 0.2",
            f"not np.any({a} > 0.7)",
        ]
    )
    lines = [f"if {test}:", *indented(w.block(1 + w.rng.integers(2)))]
    if w.chance(0.7):
        lines += ["else:", *indented(w.block(1 + w.rng.integers(2)))]
    return lines


def repeat(w):
    a = w.writeable(lambda a: a.ndim > 0)
    n = w.new()
    k = w.choose(["i", "j", "k"])
    kinds = [
        [f"for {k} in range({w.rng.integers(2, 4)}):", *indented(w.block(1 + w.rng.integers(2)))],
        [f"for {k} in range(len({a})):", f"    {a}[{k}] = np.sin({a}[{k}]) + 0.1 * {k}"],
        [f"for {k} in range(1, len({a})):", f"    {a}[{k}] {operator(w)} np.cos({a}[{k} - 1])"],
        [f"for row in {a}:", "    row *= 0.5", *indented(w.block(1))],
        [f"{n} = 0.0", f"for {k}, row in enumerate({a}):", f"    {n} += np.sum(row) * 0.3 ** {k}"],
        [
            f"{n} = []",
            f"for row in {a}:",
            f"    {n}.append(np.tanh(row) + (0.5 * {n}[-1] if {n} else 0.0))",
            f"{w.new()} = np.stack({n})",
        ],
        [f"{n} = 1.0", f"for {k} in range({a}.shape[-1]):", f"    {n} = {n} * 0.5 + {a}[..., {k}]"],
        [
            f"{n} = np.zeros({a}.shape[0] + 1)",
            f"for {k} in range({a}.shape[0]):",
            f"    {n}[{k} + 1] = 0.7 * {n}[{k}] + np.mean({a}[{k}])",
        ],
        [f"{n} = np.zeros({a}.shape)", f"for {k} in np.ndindex({a}.shape):", f"    {n}[{k}] = np.sin({a}[{k}])"],
        [f"{n} = sum(np.sum(row) * 0.2 for row in {a})"],
    ]
    if w.decides:
        m = w.new()
        kinds += [
            [f"{n} = 3.0 + np.sin({w.number()})", f"while {n} > 0.7:", f"    {n} = {n} * 0.6", *indented(w.block(1))],
            [f"{n} = {a}.copy()", f"while np.sum({n} ** 2) > 0.5:", f"    {n} *= 0.5"],
            [
                f"{n}, {m} = {w.number()}, 0",
                "while True:",
                f"    {n}, {m} = np.cos({n}), {m} + 1",
                f"    if {m} >= 3 or {n} < 0.4:",
                "        break",
            ],
        ]
    return w.choose(kinds)


def as_operation(w):
    a, b = w.array(lambda a: a.ndim > 0), w.array()
    c, n, m = w.number(), w.new(), w.new()
    shape = w.shape(a)
    e = w.expression(shape[1:])
    return w.choose(
        [
            [
                f"def step_{n}(carry, row):",
                f"    carry = 0.5 * carry + np.sin(row) * {c}",
                "    return carry, np.sum(carry)",
                f"{n}, {m} = scan(step_{n}, np.zeros({shape[1:]}), {a})",
            ],
            [
                f"def step_{n}(B, k):",
                "    B[k] = np.tanh(B[k - 1]) + 0.1",
                "    B += 0.1",
                "    return B, B[0].copy()",
                f"{n}, {m} = scan(step_{n}, {a}.copy(), np.arange(len({a})))",
            ],
            [
                f"def step_{n}(carry, row):",
                "    u, k = carry",
                "    v = np.zeros_like(u)",
                f"    v[...] = {e}",
                "    v *= np.cos(u)",
                "    return (v, k + 0.5), None",
                f"{n}, _ = scan(step_{n}, ({a}[0], 0.0), length=3)",
                f"{m} = {n}[0] * {n}[1]",
            ],
            [
                f"{n} = cond({c} > 0.1, lambda t: np.sin(t) * {c}, "
                f"lambda t: ({w.expression(w.shape(b))}) + 0.0 * t, {b})"
            ],
            [
                f"def branch_{n}(t):",
                "    t = t * 0.5",
                "    t[-1] = np.sum(t)",
                "    return t",
                f"{n} = cond(np.sum({a} + 0.0 * {a}[-1]) > 0.0, branch_{n}, lambda t: np.cos(t), {a})",
            ],
            [f"{n} = while_loop(lambda t: np.sum(t * t) > 0.3, lambda t: 0.6 * t, 1.0 * {b})"],
            [
                f"def body_{n}(state):",
                "    k, t = state",
                "    t[0] = np.sin(t[-1])",
                "    return k + 1, 0.9 * t",
                f"_, {n} = while_loop(lambda s: s[0] < 3, body_{n}, (0, {a}.copy()))",
            ],
        ]
    )


def result(w):
    """What the program returns: something of all variables, or of some."""
    names = w.arrays(lambda a: a.size > 0) + w.numbers()
    used = [name for name in names if w.chance(0.8)][-9:] or names[-1:]
    return w.choose(
        [
            f"np.concatenate([np.ravel(part) for part in ({', '.join(used)},)])",
            f"np.array([{', '.join(f'np.sum(np.sin({name}))' for name in used)}])",
            " + ".join(f"np.mean({name} * {w.constant()})" for name in used),
            f"np.tanh(sum(np.sum(part ** 2) for part in [{', '.join(used)}]) / 9.0)",
            f"np.stack([np.sum({used[-1]}), *[np.mean(part) for part in [{', '.join(used)}]]])",
            f"{used[-1]} * np.cos({' + '.join(f'np.sum({name})' for name in used)})",
        ]
    )
