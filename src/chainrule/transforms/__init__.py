"""Operations whose rules need differentiation."""

from chainrule.transforms.custom import custom_gradient
from chainrule.transforms.vectorize import vectorize

__all__ = ["custom_gradient", "vectorize"]
