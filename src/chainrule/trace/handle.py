"""A handle on a node: what a traced value is, apart from what can be done with it."""

from typing import Any

from chainrule.errors import TraceError, user_line
from chainrule.graph import Node
from chainrule.ops.op import Op
from chainrule.trace.arraylike import ArrayLike
from chainrule.trace.no_value import NO_VALUE

__all__ = ["Handle", "View", "token"]


class View:
    """How a handle on a view of an array is related to the handle it was taken from.

    Attributes
    ----------
    parent : Handle
        The handle that it was taken from.
    source : object
        What that handle stood for then (see `token`).
    op, params
        How it was taken.
    """

    __slots__ = ("op", "params", "parent", "source")

    def __init__(self, parent: Any, source: Any, op: Op, params: dict[str, Any]) -> None:
        self.parent = parent
        self.source = source
        self.op = op
        self.params = params


def token(x: "Handle") -> Any:
    """What tells whether a handle still stands for the same array: its node, or its memory where nothing is traced."""
    return x.node if x.is_traced else x.value


class Handle(ArrayLike):
    """A node together with its value and the recording that it belongs to.

    The class of a handle goes with the kind of its recording: one of a `Recording` is a `Tracer` and nothing else.

    Attributes
    ----------
    node : Node
        What it stands for now. An assignment gives the handle another node.
    value : array, number or Handle
        The value; a traced value of an outer recording where recordings are nested.
    recording : Recording
        Where operations on it go. Levels of another kind, such as a batch, have a method `compute` that does
        an operation in their own way, and a subclass of `Tracer`.
    view : View or None
        For a view: where it was taken from.
    """

    __slots__ = ("node", "recording", "value", "view")

    #: False for an array that depends on nothing so far.
    is_traced = True

    def __init__(self, node: Node, value: Any, recording: Any) -> None:
        self.node = node
        self.value = value
        self.recording = recording
        self.view: View | None = None

    def refresh(self) -> None:
        """Take a view again whose parent has been written into."""
        view = self.view
        if view is None:
            return
        view.parent.refresh()
        if token(view.parent) is view.source:
            return
        from chainrule.trace.assignment import is_surely_a_view

        if (
            self.value is NO_VALUE
            and view.op.name == "np.reshape"
            and not is_surely_a_view(self.shape, view.parent.shape)
        ):
            raise TraceError(
                "An array was written into after a reshape of it was taken. Whether the reshape is a view cannot be "
                f"told where the body of a loop is recorded without values; copy one of them.{user_line()}"
            )
        fresh = view.op(view.parent, **view.params)
        self.__class__ = type(fresh)
        self.node, self.value, self.recording = fresh.node, fresh.value, fresh.recording
        view.source = token(view.parent)

    def same_handle(self) -> Any:
        """Make another handle on the same array, which assignments to this one do not change."""
        return type(self)(self.node, self.value, self.recording)
