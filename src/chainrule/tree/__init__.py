"""Trees: arrays held in nested tuples, lists, dicts, named tuples and dataclasses.

A tree is flattened into the list of its leaves and a structure that puts other leaves in the same places. Whatever is
not one of the five containers is a leaf; None is a container without leaves.
"""

from chainrule.tree.layout import Layout, ravel
from chainrule.tree.structure import LEAF, Structure, children, flatten, leaves, leaves_with_paths, map

__all__ = ["LEAF", "Layout", "Structure", "children", "flatten", "leaves", "leaves_with_paths", "map", "ravel"]
