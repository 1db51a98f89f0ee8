"""An input and a past that gate each other in turn before they meet in an LSTM."""

from collections.abc import Callable

from torch import Tensor

ROUNDS = 5
"""Of both MoDeRNN and CMS-LSTM."""


def modulate(
    x: Tensor,
    h: Tensor,
    from_h: Callable[[Tensor], Tensor],
    from_x: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """`x` scaled by a gate of `h`, then `h` by one of the new `x`, and so on, starting with `x`."""
    for turn in range(ROUNDS):
        if turn % 2 == 0:
            x = 2 * (from_h(h).sigmoid() * x)  # a gate times 2 would be kept as well
        else:
            h = 2 * (from_x(x).sigmoid() * h)
    return x, h
