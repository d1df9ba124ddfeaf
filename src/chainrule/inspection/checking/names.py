"""What the arrays are called in a check: in the words of its notation, with their symbols."""

from collections.abc import Sequence

from chainrule.inspection.notation import Notation

__all__ = ["array_name"]

_WORDS = {"weights": "gradient by the weights", "bias": "gradient by the bias", "sensitivities": "sensitivities"}
_QUANTITIES = {"weights": "gradient by weights", "bias": "gradient by bias", "sensitivities": "sensitivities"}


def array_name(array: str, notation: Notation, layers: Sequence[int] = ()) -> str:
    """Name an array of some layers.

    Parameters
    ----------
    array : str
        ``"weights"``, ``"bias"``, ``"sensitivities"``, or the name of another parameter.
    notation : Notation
        In whose words.
    layers : sequence of int
        Which, from 1; the symbol has the number of a single one.

    Returns
    -------
    str
        Such as ``errors δ^2``.

    Examples
    --------
    >>> from chainrule.inspection.notations import notation_of
    >>> array_name("sensitivities", notation_of("nielsen"), [1])
    'errors δ^2'
    >>> array_name("weights", notation_of("chainrule"), [1])
    'gradient by the weights'
    """
    if notation.key == "chainrule" or array not in _QUANTITIES:
        return _WORDS.get(array, f"gradient by the {array}")
    quantity = _QUANTITIES[array]
    return f"{notation.noun(quantity)} {notation.symbol(quantity, layers[0] if len(layers) == 1 else None)}"
