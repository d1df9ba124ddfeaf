"""What stands for a value that is not known while a body is recorded."""

from typing import Any, NoReturn

from chainrule.errors import TraceError, user_line

__all__ = ["NO_VALUE", "NoValue"]


class NoValue:
    """The value of what has none yet. To look at it raises."""

    __slots__ = ()

    def refuse(self, what: str) -> NoReturn:
        """Raise the error that says what was asked of it."""
        raise TraceError(
            f"{what} a value that is not known while the body of a loop or branch is recorded. Use chainrule.cond for "
            "a choice between two computations, np.where for one between entries, and chainrule.while_loop for a "
            "loop that ends on a condition; conditions are joined by &, | and ~, since and, or and not decide."
            f"{user_line()}"
        )

    def refuse_text(self) -> NoReturn:
        """Raise the error for a value that was to be printed or formatted."""
        raise TraceError(
            "The text was asked for of a value that is not known while the body of a loop or branch is recorded. "
            f"Return it from the body, as a result of each step of a scan, and print it afterwards.{user_line()}"
        )

    def __bool__(self) -> NoReturn:
        self.refuse("A decision was taken on")

    def __index__(self) -> NoReturn:
        self.refuse("An index or a count was made of")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        self.refuse("A decision was taken on, or a plain array made of,")

    def __eq__(self, other: object) -> bool:
        self.refuse("A comparison was to be made with")

    __lt__ = __le__ = __gt__ = __ge__ = __eq__

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        self.refuse_text()

    def __format__(self, specification: str) -> str:
        self.refuse_text()

    def __repr__(self) -> str:
        return "NO_VALUE"

    def copy(self) -> NoReturn:
        """As for an array; `chainrule.value` asks for it."""
        self.refuse("chainrule.value() was asked for")


NO_VALUE = NoValue()
