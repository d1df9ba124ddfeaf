"""The table of notations, one row a text."""

from chainrule.inspection.notation import Notation, Symbol
from chainrule.nn.lookup import look_up

__all__ = ["NOTATIONS", "notation_of"]


def _symbols(*rows: tuple[str, str, str]) -> dict[str, Symbol]:
    return {quantity: Symbol(word, latex) for quantity, word, latex in rows}


NOTATIONS: dict[str, Notation] = {
    row.key: row
    for row in (
        # Rows of an example times weights (inputs, units), as NumPy code has it.
        Notation(
            "chainrule",
            "chainrule's own words",
            input_layer=0,
            transposed=False,
            bias_row=False,
            cost="mean",
            square=None,
            sign=1,
            jacobians=False,
            bars=False,
            sum_latex=r"\frac{1}{N} \sum_n",
            symbols=_symbols(
                ("inputs", "inputs", "a^{l-1}"),
                ("signals", "signals", "s^{l}"),
                ("activations", "activations", "a^{l}"),
                ("back", "back", r"\frac{\partial \ell}{\partial a^{l}}"),
                ("slope", "slope", "g'(s^{l})"),
                ("sensitivities", "sensitivities", r"\delta^{l}"),
                ("weights", "weights", "W^{l}"),
                ("bias", "bias", "b^{l}"),
                ("gradient by weights", "gradient by weights", r"\frac{\partial C}{\partial W^{l}}"),
                ("gradient by bias", "gradient by bias", r"\frac{\partial C}{\partial b^{l}}"),
                ("loss", "loss", r"\ell"),
                ("objective", "objective", "C"),
                ("targets", "targets", "t"),
            ),
            formulas={
                "signals": "s^{l} = a^{l-1} W^{l} + b^{l}",
                "activations": "a^{l} = g(s^{l})",
                "output error": r"\frac{\partial \ell}{\partial a^{L}} = 2 (a^{L} - t)",
                "output sensitivity": r"\delta^{L} = \frac{\partial \ell}{\partial a^{L}} \odot g'(s^{L})",
                "output sensitivity, matrix": (
                    r"\delta^{L} = \frac{\partial \ell}{\partial a^{L}} \cdot \frac{\partial a^{L}}{\partial s^{L}}"
                ),
                "back": r"\delta^{l+1} (W^{l+1})^\top",
                "sensitivity": r"\delta^{l} = (\delta^{l+1} (W^{l+1})^\top) \odot g'(s^{l})",
                "sensitivity, matrix": (
                    r"\delta^{l} = \delta^{l+1} (W^{l+1})^\top \cdot \frac{\partial a^{l}}{\partial s^{l}}"
                ),
                "gradient by bias": r"\frac{\partial C}{\partial b^{l}} = @sum \delta^{l}",
                "gradient by weights": r"\frac{\partial C}{\partial W^{l}} = @sum (a^{l-1})^\top \delta^{l}",
                "cost": r"C = @sum \ell_n",
                "update": r"W^{l} \leftarrow W^{l} - \eta \frac{\partial C}{\partial W^{l}}",
            },
        ),
        Notation(
            "magdon-ismail",
            "Y. Abu-Mostafa, M. Magdon-Ismail and H.-T. Lin, Learning from Data, e-chapter 7",
            input_layer=0,
            transposed=False,
            bias_row=True,
            cost="mean",
            square=1.0,
            sign=1,
            jacobians=False,
            bars=False,
            sum_latex=r"\frac{1}{N} \sum_n",
            symbols=_symbols(
                ("inputs", "inputs of the layer", "x^{(l-1)}"),
                ("signals", "signals", "s^{(l)}"),
                ("activations", "outputs", "x^{(l)}"),
                ("back", "derivative by the outputs", r"\frac{\partial e}{\partial x^{(l)}}"),
                ("slope", "derivative of the transformation", r"\theta'(s^{(l)})"),
                ("sensitivities", "sensitivities", r"\delta^{(l)}"),
                ("weights", "weights, with the bias as row 0", "W^{(l)}"),
                ("bias", "bias", "w_0^{(l)}"),
                ("gradient by weights", "gradient", r"\frac{\partial E_{\mathrm{in}}}{\partial W^{(l)}}"),
                ("gradient by bias", "gradient by the bias", r"\frac{\partial E_{\mathrm{in}}}{\partial w_0^{(l)}}"),
                ("loss", "error of an example", "e"),
                ("objective", "in-sample error", r"E_{\mathrm{in}}"),
                ("targets", "targets", "y"),
            ),
            formulas={
                "signals": r"s^{(l)} = (W^{(l)})^\top x^{(l-1)}",
                "activations": r"x^{(l)} = [1, \theta(s^{(l)})]",
                "output error": r"\frac{\partial e}{\partial x^{(L)}} = 2 (x^{(L)} - y)",
                "output sensitivity": r"\delta^{(L)} = \frac{\partial e}{\partial x^{(L)}} \odot \theta'(s^{(L)})",
                "output sensitivity, matrix": (
                    r"\delta^{(L)} = (\frac{\partial x^{(L)}}{\partial s^{(L)}})^\top "
                    r"\frac{\partial e}{\partial x^{(L)}}"
                ),
                "back": r"[W^{(l+1)} \delta^{(l+1)}]_1^{d}",
                "sensitivity": r"\delta^{(l)} = \theta'(s^{(l)}) \odot [W^{(l+1)} \delta^{(l+1)}]_1^{d}",
                "sensitivity, matrix": (
                    r"\delta^{(l)} = (\frac{\partial \theta}{\partial s^{(l)}})^\top [W^{(l+1)} \delta^{(l+1)}]_1^{d}"
                ),
                "gradient by weights": (
                    r"\frac{\partial E_{\mathrm{in}}}{\partial W^{(l)}} = @sum x^{(l-1)} (\delta^{(l)})^\top"
                ),
                "cost": r"E_{\mathrm{in}} = @sum e_n",
                "update": r"W^{(l)} \leftarrow W^{(l)} - \eta \frac{\partial E_{\mathrm{in}}}{\partial W^{(l)}}",
            },
        ),
        Notation(
            "nielsen",
            "M. Nielsen, Neural Networks and Deep Learning, chapter 2",
            input_layer=1,
            transposed=True,
            bias_row=False,
            cost="mean",
            square=0.5,
            sign=1,
            jacobians=False,
            bars=False,
            sum_latex=r"\frac{1}{n} \sum_x",
            symbols=_symbols(
                ("inputs", "activations of the layer before", "a^{l-1}"),
                ("signals", "weighted inputs", "z^{l}"),
                ("activations", "activations", "a^{l}"),
                ("back", "derivative by the activations", r"\frac{\partial C}{\partial a^{l}}"),
                ("slope", "derivative of the activation function", r"\sigma'(z^{l})"),
                ("sensitivities", "errors", r"\delta^{l}"),
                ("weights", "weights", "w^{l}"),
                ("bias", "biases", "b^{l}"),
                ("gradient by weights", "gradient by the weights", r"\frac{\partial C}{\partial w^{l}}"),
                ("gradient by bias", "gradient by the biases", r"\frac{\partial C}{\partial b^{l}}"),
                ("loss", "cost of an example", "C_x"),
                ("objective", "cost", "C"),
                ("targets", "desired outputs", "y"),
            ),
            formulas={
                "signals": "z^{l} = w^{l} a^{l-1} + b^{l}",
                "activations": r"a^{l} = \sigma(z^{l})",
                "output error": r"\nabla_a C = a^{L} - y",
                "output sensitivity": r"\delta^{L} = \nabla_a C \odot \sigma'(z^{L})",
                "output sensitivity, matrix": r"\delta^{L} = (\frac{\partial a^{L}}{\partial z^{L}})^\top \nabla_a C",
                "back": r"(w^{l+1})^\top \delta^{l+1}",
                "sensitivity": r"\delta^{l} = ((w^{l+1})^\top \delta^{l+1}) \odot \sigma'(z^{l})",
                "sensitivity, matrix": (
                    r"\delta^{l} = (\frac{\partial a^{l}}{\partial z^{l}})^\top (w^{l+1})^\top \delta^{l+1}"
                ),
                "gradient by bias": r"\frac{\partial C}{\partial b^{l}} = @sum \delta^{l}",
                "gradient by weights": r"\frac{\partial C}{\partial w^{l}} = @sum \delta^{l} (a^{l-1})^\top",
                "cost": "C = @sum C_x",
                "update": r"w^{l} \leftarrow w^{l} - \eta \frac{\partial C}{\partial w^{l}}",
            },
        ),
        Notation(
            "kanade",
            "V. Kanade, Machine Learning, lectures on neural networks and backpropagation",
            input_layer=1,
            transposed=True,
            bias_row=False,
            cost="mean",
            square=None,
            sign=1,
            jacobians=True,
            bars=False,
            sum_latex=r"\frac{1}{N} \sum_i",
            symbols=_symbols(
                ("inputs", "activations of the layer before", "a^{l-1}"),
                ("signals", "pre-activations", "z^{l}"),
                ("activations", "activations", "a^{l}"),
                ("back", "derivative by the activations, a row", r"\frac{\partial \ell}{\partial a^{l}}"),
                ("slope", "Jacobian of the activations", r"\frac{\partial a^{l}}{\partial z^{l}}"),
                ("sensitivities", "derivative by the pre-activations, a row", r"\frac{\partial \ell}{\partial z^{l}}"),
                ("weights", "weights", "W^{l}"),
                ("bias", "biases", "b^{l}"),
                ("gradient by weights", "derivative by the weights", r"\frac{\partial L}{\partial W^{l}}"),
                ("gradient by bias", "derivative by the biases", r"\frac{\partial L}{\partial b^{l}}"),
                ("loss", "loss", r"\ell"),
                ("objective", "objective", "L"),
                ("targets", "targets", "y"),
            ),
            formulas={
                "signals": "z^{l} = W^{l} a^{l-1} + b^{l}",
                "activations": "a^{l} = f_l(z^{l})",
                "output error": r"\frac{\partial \ell}{\partial a^{L}} = 2 (a^{L} - y)^\top",
                "output sensitivity": (
                    r"\frac{\partial \ell}{\partial z^{L}} = \frac{\partial \ell}{\partial a^{L}} \cdot "
                    r"\frac{\partial a^{L}}{\partial z^{L}}"
                ),
                "output sensitivity, matrix": (
                    r"\frac{\partial \ell}{\partial z^{L}} = \frac{\partial \ell}{\partial a^{L}} \cdot "
                    r"\frac{\partial a^{L}}{\partial z^{L}}"
                ),
                "back": r"\frac{\partial \ell}{\partial z^{l+1}} \cdot W^{l+1}",
                "sensitivity": (
                    r"\frac{\partial \ell}{\partial z^{l}} = \frac{\partial \ell}{\partial z^{l+1}} \cdot W^{l+1} "
                    r"\cdot \frac{\partial a^{l}}{\partial z^{l}}"
                ),
                "sensitivity, matrix": (
                    r"\frac{\partial \ell}{\partial z^{l}} = \frac{\partial \ell}{\partial z^{l+1}} \cdot W^{l+1} "
                    r"\cdot \frac{\partial a^{l}}{\partial z^{l}}"
                ),
                "gradient by bias": r"\frac{\partial L}{\partial b^{l}} = @sum \frac{\partial \ell}{\partial z^{l}}",
                "gradient by weights": (
                    r"\frac{\partial L}{\partial W^{l}} = @sum (a^{l-1} \cdot "
                    r"\frac{\partial \ell}{\partial z^{l}})^\top"
                ),
                "cost": r"L = @sum \ell_i",
                "update": r"W^{l} \leftarrow W^{l} - \eta \frac{\partial L}{\partial W^{l}}",
            },
        ),
        Notation(
            "lee",
            "Hung-yi Lee, Machine Learning, lecture on backpropagation",
            input_layer=0,
            transposed=True,
            bias_row=False,
            cost="sum",
            square=None,
            sign=1,
            jacobians=False,
            bars=False,
            sum_latex=r"\sum_n",
            symbols=_symbols(
                ("inputs", "dz/dw, the forward pass", "a^{l-1}"),
                ("signals", "inputs of the activation functions", "z^{l}"),
                ("activations", "outputs of the activation functions", "a^{l}"),
                ("back", "dl/da, the backward pass", r"\frac{\partial l}{\partial a^{l}}"),
                ("slope", "constant gains of the backward pass", r"\sigma'(z^{l})"),
                ("sensitivities", "dl/dz, the backward pass", r"\frac{\partial l}{\partial z^{l}}"),
                ("weights", "weights", "W^{l}"),
                ("bias", "biases", "b^{l}"),
                ("gradient by weights", "derivative by the weights", r"\frac{\partial L}{\partial W^{l}}"),
                ("gradient by bias", "derivative by the biases", r"\frac{\partial L}{\partial b^{l}}"),
                ("loss", "loss of an example", "l"),
                ("objective", "total loss", "L"),
                ("targets", "targets", r"\hat{y}"),
            ),
            formulas={
                "signals": "z^{l} = W^{l} a^{l-1} + b^{l}",
                "activations": r"a^{l} = \sigma(z^{l})",
                "output error": r"\frac{\partial l}{\partial a^{L}} = 2 (a^{L} - \hat{y})",
                "output sensitivity": (
                    r"\frac{\partial l}{\partial z^{L}} = \sigma'(z^{L}) \odot \frac{\partial l}{\partial a^{L}}"
                ),
                "output sensitivity, matrix": (
                    r"\frac{\partial l}{\partial z^{L}} = (\frac{\partial a^{L}}{\partial z^{L}})^\top "
                    r"\frac{\partial l}{\partial a^{L}}"
                ),
                "back": r"(W^{l+1})^\top \frac{\partial l}{\partial z^{l+1}}",
                "sensitivity": (
                    r"\frac{\partial l}{\partial z^{l}} = \sigma'(z^{l}) \odot ((W^{l+1})^\top "
                    r"\frac{\partial l}{\partial z^{l+1}})"
                ),
                "sensitivity, matrix": (
                    r"\frac{\partial l}{\partial z^{l}} = (\frac{\partial a^{l}}{\partial z^{l}})^\top (W^{l+1})^\top "
                    r"\frac{\partial l}{\partial z^{l+1}}"
                ),
                "gradient by bias": r"\frac{\partial L}{\partial b^{l}} = @sum \frac{\partial l}{\partial z^{l}}",
                "gradient by weights": (
                    r"\frac{\partial L}{\partial W^{l}} = @sum \frac{\partial l}{\partial z^{l}} (a^{l-1})^\top"
                ),
                "cost": "L = @sum l_n",
                "update": r"W^{l} \leftarrow W^{l} - \eta \frac{\partial L}{\partial W^{l}}",
            },
        ),
        Notation(
            "aima",
            "S. Russell and P. Norvig, Artificial Intelligence: A Modern Approach, learning in multilayer networks",
            input_layer=1,
            transposed=False,
            bias_row=True,
            cost="sum",
            square=0.5,
            sign=-1,
            jacobians=False,
            bars=False,
            sum_latex=r"\sum",
            symbols=_symbols(
                ("inputs", "activations of the layer before", "a^{l-1}"),
                ("signals", "weighted sums of inputs", r"\mathrm{in}^{l}"),
                ("activations", "activations", "a^{l}"),
                ("back", "errors", r"\mathrm{Err}^{l}"),
                ("slope", "derivative of the activation function", r"g'(\mathrm{in}^{l})"),
                ("sensitivities", "modified errors", r"\Delta^{l}"),
                ("weights", "weights, with the bias as row 0", "W^{l}"),
                ("bias", "bias weights", "w_0^{l}"),
                ("gradient by weights", "what is added, times the rate", r"a^{l-1} \Delta^{l}"),
                ("gradient by bias", "what is added to the bias weights", r"\Delta^{l}"),
                ("loss", "loss of an example", r"\mathrm{Loss}"),
                ("objective", "loss", r"\mathrm{Loss}"),
                ("targets", "targets", "y"),
            ),
            formulas={
                "signals": r"\mathrm{in}^{l} = (W^{l})^\top a^{l-1}",
                "activations": r"a^{l} = [1, g(\mathrm{in}^{l})]",
                "output error": r"\mathrm{Err}^{L} = y - a^{L}",
                "output sensitivity": r"\Delta^{L} = \mathrm{Err}^{L} \odot g'(\mathrm{in}^{L})",
                "output sensitivity, matrix": (
                    r"\Delta^{L} = (\frac{\partial a^{L}}{\partial \mathrm{in}^{L}})^\top \mathrm{Err}^{L}"
                ),
                "back": r"W^{l+1} \Delta^{l+1}",
                "sensitivity": r"\Delta^{l} = g'(\mathrm{in}^{l}) \odot (W^{l+1} \Delta^{l+1})",
                "sensitivity, matrix": (
                    r"\Delta^{l} = (\frac{\partial a^{l}}{\partial \mathrm{in}^{l}})^\top (W^{l+1} \Delta^{l+1})"
                ),
                "gradient by weights": (
                    r"-\frac{\partial \mathrm{Loss}}{\partial W^{l}} = @sum a^{l-1} (\Delta^{l})^\top"
                ),
                "cost": r"\mathrm{Loss} = @sum \mathrm{Loss}_x",
                "update": r"W^{l} \leftarrow W^{l} + \alpha @sum a^{l-1} (\Delta^{l})^\top",
            },
        ),
        Notation(
            "grosse",
            "R. Grosse, CSC321 Introduction to Neural Networks and Machine Learning, lecture 6",
            input_layer=0,
            transposed=True,
            bias_row=False,
            cost="mean",
            square=0.5,
            sign=1,
            jacobians=False,
            bars=True,
            sum_latex=r"\frac{1}{N} \sum_i",
            symbols=_symbols(
                ("inputs", "values of the layer before", "h^{(l-1)}"),
                ("signals", "weighted sums", "z^{(l)}"),
                ("activations", "hidden units or outputs", "h^{(l)}"),
                ("back", "error signals of the units", r"\overline{h}^{(l)}"),
                ("slope", "derivative of the activation function", r"\varphi'(z^{(l)})"),
                ("sensitivities", "error signals of the sums", r"\overline{z}^{(l)}"),
                ("weights", "weights", "W^{(l)}"),
                ("bias", "biases", "b^{(l)}"),
                ("gradient by weights", "error signals of the weights", r"\overline{W}^{(l)}"),
                ("gradient by bias", "error signals of the biases", r"\overline{b}^{(l)}"),
                ("loss", "loss", r"\mathcal{L}"),
                ("objective", "cost", r"\mathcal{E}"),
                ("targets", "targets", "t"),
            ),
            formulas={
                "signals": "z^{(l)} = W^{(l)} h^{(l-1)} + b^{(l)}",
                "activations": r"h^{(l)} = \varphi(z^{(l)})",
                "output error": r"\overline{h}^{(L)} = h^{(L)} - t",
                "output sensitivity": r"\overline{z}^{(L)} = \overline{h}^{(L)} \odot \varphi'(z^{(L)})",
                "output sensitivity, matrix": (
                    r"\overline{z}^{(L)} = (\frac{\partial h^{(L)}}{\partial z^{(L)}})^\top \overline{h}^{(L)}"
                ),
                "back": r"(W^{(l+1)})^\top \overline{z}^{(l+1)}",
                "sensitivity": (
                    r"\overline{z}^{(l)} = ((W^{(l+1)})^\top \overline{z}^{(l+1)}) \odot \varphi'(z^{(l)})"
                ),
                "sensitivity, matrix": (
                    r"\overline{z}^{(l)} = (\frac{\partial h^{(l)}}{\partial z^{(l)}})^\top (W^{(l+1)})^\top "
                    r"\overline{z}^{(l+1)}"
                ),
                "gradient by bias": r"\overline{b}^{(l)} = @sum \overline{z}^{(l)}",
                "gradient by weights": r"\overline{W}^{(l)} = @sum \overline{z}^{(l)} (h^{(l-1)})^\top",
                "cost": r"\mathcal{E} = @sum \mathcal{L}",
                "update": r"W^{(l)} \leftarrow W^{(l)} - \alpha \overline{W}^{(l)}",
            },
        ),
    )
}


def notation_of(notation: str | Notation) -> Notation:
    """Look a notation up.

    Parameters
    ----------
    notation : str or Notation
        A key of `NOTATIONS`, or a row of one's own, which is returned as it is.

    Returns
    -------
    Notation
        The row.

    Raises
    ------
    OptionError
        Where there is none of this name; the message suggests the closest.

    Examples
    --------
    >>> notation_of("aima").formula("update")
    'W^l ← W^l + α Σ a^(l−1) (Δ^l)ᵀ'
    """
    return notation if isinstance(notation, Notation) else look_up("notation", NOTATIONS, notation)
