"""Mutual gating of input and hidden state before an LSTM."""

from collections.abc import Callable

from torch import Tensor

ROUNDS = 5
"""Gating steps, in MoDeRNN and CMS-LSTM."""


def modulate(
    x: Tensor,
    h: Tensor,
    from_h: Callable[[Tensor], Tensor],
    from_x: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """Gate `x` by `h`, then `h` by the new `x`, and so on.

    Args:
        x: Input, (batch, channels, height, width).
        h: Hidden state, likewise.
        from_h: Convolution of `h`, likewise.
        from_x: Convolution of `x`, likewise.

    Returns:
        The gated input and hidden state.
    """
    for turn in range(ROUNDS):
        if turn % 2 == 0:
            x = 2 * (
                from_h(h).sigmoid() * x
            )  # 2 * gate as a factor would be saved for the backward pass as well
        else:
            h = 2 * (from_x(x).sigmoid() * h)
    return x, h
