"""Numbers as they stand in a sentence."""

__all__ = ["numeral"]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
#: Numbers between these are written out, others with a power of ten.
_LEAST, _MOST = 1e-4, 1e6


def numeral(number: float, digits: int = 3) -> str:
    """Write a number for a sentence.

    Parameters
    ----------
    number : float
        The number.
    digits : int
        Significant digits; trailing zeros behind the point are left out.

    Returns
    -------
    str
        With a true minus sign, and a power of ten where the number is very small or large.

    Examples
    --------
    >>> numeral(-0.006693), numeral(1144), numeral(7.25e-9), numeral(0.0), numeral(2.0)
    ('−0.00669', '1144', '7.25 × 10⁻⁹', '0', '2')
    """
    if number and not _LEAST <= abs(number) < _MOST:
        mantissa, exponent = f"{number:.{digits - 1}e}".split("e")
        return f"{mantissa} × 10{str(int(exponent)).translate(_RAISED)}".replace("-", "−")
    if abs(number) >= 10 ** (digits - 1):
        return f"{number:.0f}".replace("-", "−")
    return f"{number:.{digits}g}".replace("-", "−")
