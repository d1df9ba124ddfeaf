"""The numbers along a logarithmic axis. Imported where matplotlib is known to be there."""

from typing import Any

from matplotlib.ticker import LogFormatterSciNotation

__all__ = ["PlainNumbers"]

#: Where powers of ten are longer to read than the numbers that they stand for.
_LEAST, _LARGEST = 1e-3, 1e4


class PlainNumbers(LogFormatterSciNotation):
    """Writes 0.2 in place of 2 × 10⁻¹ where the whole axis is within a thousandth and ten thousand."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Name a tick; of those between powers of ten matplotlib says which have a name."""
        text = super().__call__(x, pos)
        axis: Any = self.axis
        least, largest = sorted(axis.get_view_interval())
        return f"{x:g}" if text and least >= _LEAST and largest <= _LARGEST else text
