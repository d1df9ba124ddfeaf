"""Operations whose rules need differentiation."""

from chainrule.transforms.custom import custom_gradient

__all__ = ["custom_gradient"]
