"""A network as a notebook shows it: a table of its layers, and a sketch."""

import math
from typing import Any
from xml.etree.ElementTree import Element

from chainrule.html import element, panel, table
from chainrule.nn.network import Network
from chainrule.nn.places import PlacedLayer

__all__ = ["network_html", "network_parts"]

#: Layers up to which there is a sketch: as many as are wide as a fragment may be.
_SKETCHED = 8
# Of the sketch: between two layers, and of the bar of the widest one.
_STEP, _TALLEST = 92, 84


def network_html(network: Network) -> str:
    """Show a network.

    Parameters
    ----------
    network : Network
        The network.

    Returns
    -------
    str
        A fragment of HTML.

    Examples
    --------
    >>> "<td>softmax</td>" in network_html(Network.of(4, hidden=(16,), outputs=3, output="softmax"))
    True
    """
    return panel(*network_parts(network))


def network_parts(network: Network) -> tuple[Element, ...]:
    """Return what `network_html` shows, to stand in another fragment: the sketch, where it fits, and the table."""
    drawn = (_sketch(network),) if len(network.places) <= _SKETCHED else ()
    return (*drawn, _layers(network))


def _layers(network: Network) -> Element:
    rows: list[tuple[str, ...]] = [("0", "inputs", f"{network.inputs:,}", "", "", "")]
    carried = 0
    parts = zip(network.places, network.shapes(), network.state_shapes(), strict=True)
    for number, (place, shapes, state) in enumerate(parts, start=1):
        sizes = ", ".join(f"{name} {' × '.join(f'{n:,}' for n in shape)}" for name, shape in shapes.items())
        row = place.layer.activation_row.name
        rows.append((str(number), _kind(place), f"{place.units:,}", row, sizes, f"{_count(shapes):,}"))
        carried += _count(state)
    name = f"Network of {len(network.places)} layer{'s' if len(network.places) > 1 else ''}"
    name += f" (carries {carried:,} numbers of state)" if carried else ""
    heads = ("layer", "kind", "units", "activation", "shapes of parameters", "parameters")
    foot = ("total", "", "", "", "", f"{network.count_parameters():,}")
    return table(name, heads, rows, numbers=(2, 5), foot=foot)


def _count(shapes: dict[str, tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes.values())


def _kind(place: PlacedLayer) -> str:
    """Write the layer in words, without its activation, and what it adds where it is a residual connection."""
    layer = place.layer
    text = layer.text.removesuffix(layer.activation_row.name).strip() or layer.kind
    if place.skip is None:
        return text
    return f"{text}, adds {f'layer {place.skip}' if place.skip else 'the inputs'}"


def _sketch(network: Network) -> Element:
    """Draw each layer as a bar, the taller the more units: on a logarithmic scale, since they differ by powers."""
    names = ["inputs", *(_short(place) for place in network.places)]
    sizes = [network.inputs, *(place.units for place in network.places)]
    most = math.log1p(max(sizes))
    heights = [max(8.0, _TALLEST * math.log1p(size) / most) for size in sizes]
    middle = _TALLEST / 2 + 24
    parts: list[Element] = []
    for k, (name, size, height) in enumerate(zip(names, sizes, heights, strict=True)):
        x = 46 + k * _STEP
        if k:
            before = heights[k - 1]
            corners = [(x - _STEP + 9, -before), (x - 9, -height), (x - 9, height), (x - _STEP + 9, before)]
            points = " ".join(f"{a},{middle + b / 2:.1f}" for a, b in corners)
            parts.append(element("polygon", points=points, fill="currentColor", opacity=0.12))
            if (skip := network.places[k - 1].skip) is not None:
                parts.append(_arc(46 + skip * _STEP, x))
        box: dict[str, Any] = {"x": x - 9, "y": f"{middle - height / 2:.1f}", "width": 18, "height": f"{height:.1f}"}
        parts.append(element("rect", **box, rx=3, fill="currentColor", opacity=0.65))
        for line, text in enumerate((f"{size:,}", name)):
            parts.append(element("text", text, x=x, y=middle + _TALLEST / 2 + 18 + 15 * line, text_anchor="middle"))
    width, height = 92 + (len(sizes) - 1) * _STEP, middle + _TALLEST / 2 + 42
    label = "Sketch of the network: " + ", ".join(f"{size:,} {name}" for size, name in zip(sizes, names, strict=True))
    style = f"width:{width}px;min-width:{width}px"
    drawing = element("svg", *parts, viewBox=f"0 0 {width} {height:.0f}", role="img", aria_label=label, style=style)
    return element("div", drawing, class_="wide")


def _arc(start: int, end: int) -> Element:
    """Draw the way around the layers of a residual connection."""
    path = f"M{start},20 C{start},2 {end},2 {end},20"
    return element("path", d=path, fill="none", stroke="currentColor", stroke_width=1.5, stroke_dasharray="4 3")


def _short(place: PlacedLayer) -> str:
    layer = place.layer
    text = layer.activation_row.name if layer.kind == "dense" else layer.kind
    return text if len(text) <= 13 else f"{text[:12]}…"
