"""The networks published with the MS-RNN and MS-LSTM papers, mapped to ours.

https://arxiv.org/abs/2206.03010 and https://arxiv.org/abs/2304.07724. They have their
own names. "_fixed" is the published network with its warp corrected so that a flow of zero moves
nothing, and in MotionRNN with samples of a batch and positions of warped copies not mixed.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from model_zoo.checkpoints.published_names import (
    CAUSAL,
    CHANGE,
    CMS_LSTM,
    CONVLSTM,
    HIGHWAY,
    MIM,
    MK_LSTM,
    MODERNN,
    MOTION,
    PRECIPLSTM,
    PREDRNN,
    TRAJGRU,
    Names,
    Rows,
    inside,
    unused,
)

DEPTH = 6
"""All published networks have six layers."""


class Published(NamedTuple):
    """A published network."""

    model: str
    """Name of our model."""
    layers: tuple[Names, ...]
    """Names of the convolutions of each layer, bottom first."""
    layer: str = "rnns.lstm"
    """Prefix of the names of layers."""
    beside: Names = MappingProxyType({})
    """Full names of convolutions outside the layers."""

    @property
    def modules(self) -> Names:
        """Map the full names of all published convolutions to ours."""
        names: dict[str, str | Rows | None] = {
            "embed.conv_embed": "embed",
            "fc.conv_fc": "head",
            **self.beside,
        }
        for depth, within in enumerate(self.layers):
            for theirs, ours in inside(f"stack.cells.{depth}", within).items():
                names[f"{self.layer}.{depth}.{theirs}"] = ours
        return names


PREDRNN_PLUS = (
    {**CAUSAL, **unused(HIGHWAY)},
    {**inside("cell", CAUSAL), **HIGHWAY},
    *({**CAUSAL, **unused(HIGHWAY)},) * (DEPTH - 2),
)
"""All layers have the convolutions of the highway, only the second uses them."""

MIMS = ({**PREDRNN, **unused(CHANGE)}, *(MIM,) * (DEPTH - 1))
"""The memories of change of the bottom layer are not used."""

WITH_MOTION = tuple({**inside("cell", names), **inside("motion", MOTION)} for names in MIMS[:-1])
MOTIONS = (*WITH_MOTION, {**MIMS[-1], **unused(MOTION)})
"""The motion of the top layer is not used."""

ADAPTER: Names = {"rnns.adapter": "stack.cells.0.adapter"}
"""One adapter for all layers."""

PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "ConvLSTM": Published("convlstm", (CONVLSTM,) * DEPTH),
        "MS-ConvLSTM": Published("ms-convlstm", (CONVLSTM,) * DEPTH),
        "MS-ConvLSTM-WO-Skip": Published(
            "ms-convlstm-wo-skip", (CONVLSTM,) * DEPTH, layer="rnns.lstms"
        ),
        "MS-ConvLSTM-UNet3+": Published(
            "ms-convlstm-unet3+", (CONVLSTM,) * DEPTH, layer="rnns.lstms"
        ),
        "MS-ConvLSTM-FC": Published("ms-convlstm-fc", (CONVLSTM,) * DEPTH, layer="rnns.lstms"),
        "TrajGRU": Published("trajgru-shrinking", (TRAJGRU,) * DEPTH),
        "MS-TrajGRU": Published("ms-trajgru-shrinking", (TRAJGRU,) * DEPTH),
        "TrajGRU_fixed": Published("trajgru", (TRAJGRU,) * DEPTH),
        "MS-TrajGRU_fixed": Published("ms-trajgru", (TRAJGRU,) * DEPTH),
        "PredRNN": Published("predrnn", (PREDRNN,) * DEPTH),
        "MS-PredRNN": Published("ms-predrnn", (PREDRNN,) * DEPTH),
        "PredRNN++": Published("predrnn++", PREDRNN_PLUS),
        "MS-PredRNN++": Published("ms-predrnn++", PREDRNN_PLUS),
        "MIM": Published("mim", MIMS),
        "MotionRNN_fixed": Published("motionrnn", MOTIONS),
        "PredRNN-V2": Published("predrnn-v2", (PREDRNN,) * DEPTH, beside=ADAPTER),
        "MS-PredRNN-V2": Published("ms-predrnn-v2", (PREDRNN,) * DEPTH, beside=ADAPTER),
        "PrecipLSTM": Published("preciplstm", (PRECIPLSTM,) * DEPTH),
        "MS-PrecipLSTM": Published("ms-preciplstm", (PRECIPLSTM,) * DEPTH),
        "CMS-LSTM": Published("cms-lstm", (CMS_LSTM,) * DEPTH),
        "MS-CMS-LSTM": Published("ms-cms-lstm", (CMS_LSTM,) * DEPTH),
        "MoDeRNN": Published("modernn", (MODERNN,) * DEPTH),
        "MS-MoDeRNN": Published("ms-modernn", (MODERNN,) * DEPTH),
        "MK-LSTM": Published("mk-lstm", (MK_LSTM,) * DEPTH),
        "MS-LSTM": Published("ms-lstm", (MK_LSTM,) * DEPTH),
    }
)

SCRAMBLED = (
    "the published motion GRU mixes the samples of a batch, scatters moved copies over the field "
    "and moves it even by a flow of zero, which ours does not"
)
SKIPLESS = (
    "the published input differences leave the skips of the pyramid out of the earlier input, "
    "where ours are those of the real inputs"
)

REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "MotionRNN": f"{SCRAMBLED}. Weights trained with that mended are of 'MotionRNN_fixed'; "
        "otherwise train 'motionrnn' again.",
        "MS-MIM": f"{SKIPLESS}. Train 'ms-mim' again.",
        "MS-MotionRNN": f"{SCRAMBLED}, and {SKIPLESS}. Train 'ms-motionrnn' again.",
        "MS-MotionRNN_fixed": f"{SKIPLESS}. Train 'ms-motionrnn' again.",
    }
)
"""Published networks that ours cannot give the numbers of, and why."""
