"""Putting the page together: the drawn graph, its programs, and the script that runs them."""

import html
import json
import math
from typing import Any

import numpy as np

from chainrule.errors import OptionError
from chainrule.graph import Node
from chainrule.inspection.explain import Explanation
from chainrule.inspection.explain_edges import Edge, edges_of
from chainrule.inspection.explain_names import names_of_values
from chainrule.inspection.stepping.layout import layered
from chainrule.inspection.stepping.programs import FUNCTIONS, instruction, program, reference
from chainrule.inspection.stepping.script import SCRIPT, STYLE
from chainrule.ops.axes import shape_of

__all__ = ["stepping_page"]

#: Entries of the largest array that the page shows.
_MOST = 64


def stepping_page(explanation: Explanation) -> str:
    """What `Explanation.html` returns."""
    title = html.escape(f"{explanation.name}, forward and backward")
    letter = html.escape(explanation.derivatives.letter)
    # Within a script only the end of it has to be kept from the reader of HTML.
    data = json.dumps(_data(explanation), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    functions = ",".join(f"{json.dumps(name)}:{text}" for name, text in FUNCTIONS.items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<form id="inputs" aria-label="arguments"></form>
<div class="board">
<nav aria-label="steps">
<button id="first" title="to the start (Home)">|◀</button>
<button id="back" title="one step back (left arrow)">◀</button>
<output id="place"></output>
<button id="next" title="one step on (right arrow)">▶</button>
<button id="last" title="to the end (End)">▶|</button>
</nav>
<section id="words" aria-live="polite"></section>
</div>
<div class="wide"><svg id="graph" role="img" aria-label="the graph of {html.escape(explanation.name)}"></svg></div>
<p class="note">Click a value, or press the arrow keys. In blue what the forward pass computed, in orange the derivative
of {letter} by it, which comes on the way back.</p>
<script>
const FUNCTIONS={{{functions}}};
const DATA={data};
{SCRIPT}
</script>
</body>
</html>
"""


def _data(explanation: Explanation) -> dict[str, Any]:
    names = names_of_values(explanation.values)
    formulas = {step.name: step.formula for step in explanation.steps}
    sources = {
        names[node]: [names[x] for x in node.inputs if isinstance(x, Node)] for node in explanation.values if node.op
    }
    places, through = layered(list(formulas), sources)
    values = []
    for node, value in explanation.values.items():
        if isinstance(node.dtype, tuple):
            raise OptionError(f"the page cannot compute {node.name}; explain(f)(...).derivation() shows it as text")
        if node.size > _MOST:
            raise OptionError(f"the page shows arrays of up to {_MOST} entries, found {names[node]} of {node.size}")
        name = names[node]
        run = instruction(node, [reference(x, names) for x in node.inputs]) if node.op is not None else None
        values.append(
            {
                "name": name,
                "formula": formulas[name],
                "derivative": explanation.derivatives.text(name),
                "shape": list(node.shape),
                "real": node.dtype.kind == "f",
                "run": run,
                "start": np.ravel(np.asarray(value, float)).tolist() if run is None else None,
                "x": places[name][0],
                "y": places[name][1],
                "from": sources.get(name, []),
                "through": [through.get((source, name), []) for source in sources.get(name, [])],
            }
        )
    shapes = {names[node]: node.shape for node in explanation.values}
    edges = [_edge(edge, shapes) for own in edges_of(explanation).values() for edge in own]
    return {"letter": explanation.derivatives.letter, "values": values, "edges": edges}


def _edge(edge: Edge, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    if edge.graph is None:
        raise OptionError(f"the page cannot compute what comes back through {edge.by}: {edge.text.text}")
    there, here = shapes[edge.by], shapes[edge.source]
    run = program(edge.graph, dict(zip(edge.graph.inputs, edge.arguments, strict=True)))
    found = shape_of(edge.graph.outputs[0])
    arriving = np.broadcast_shapes(there, found) if edge.is_factor else found
    return {
        "source": edge.source,
        "by": edge.by,
        "factor": edge.is_factor,
        "text": edge.text.text,
        "product": edge.product("…").removeprefix("… * "),
        "run": run,
        # Where both factors stand, and which entry of the input each product goes to.
        "local": _spread(found, arriving) if edge.is_factor else None,
        "arrives": _spread(there, arriving) if edge.is_factor else None,
        "to": _spread(here, arriving),
        "size": math.prod(here),
    }


def _spread(shape: tuple[int, ...], whole: tuple[int, ...]) -> list[int]:
    numbers = np.arange(math.prod(shape)).reshape(shape)
    return [int(place) for place in np.ravel(np.broadcast_to(numbers, whole))]
