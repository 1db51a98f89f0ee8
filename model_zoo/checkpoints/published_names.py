"""Names of the convolutions of a layer in the published networks, mapped to ours."""

from collections.abc import Mapping
from typing import NamedTuple


class Rows(NamedTuple):
    """A convolution of ours with a subset of the gates of the published one."""

    ours: str
    kept: tuple[int, ...]
    """Indices of the gates that ours has."""
    gates: int
    """Number of gates of the published convolution."""


Names = Mapping[str, str | Rows | None]
"""None for a published convolution whose result is unused; ours has none."""


def pair(x: str, h: str, ours: str) -> Names:
    """Map two convolutions that are summed."""
    return {x: f"{ours}.convs.0", h: f"{ours}.convs.1"}


def inside(name: str, names: Names) -> Names:
    """Map the names of a cell that is wrapped by another under `name`."""
    return {
        theirs: ours._replace(ours=f"{name}.{ours.ours}")
        if isinstance(ours, Rows)
        else ours and f"{name}.{ours}"
        for theirs, ours in names.items()
    }


def unused(names: Names) -> Names:
    """Mark convolutions as unused."""
    return dict.fromkeys(names)


CONVLSTM = pair("_conv_x2h", "_conv_h2h", "gates")
MEMORY = pair("_conv_x2h_m", "_conv_m2h_m", "memory_gates")

TRAJGRU: Names = {
    **pair("_conv_x2f", "_conv_h2f", "flow_features"),
    "_conv_flow": "flow",
    "_conv_x2h": "input_gates",
    "project": "past_gates",
}
PREDRNN: Names = {
    **CONVLSTM,
    **MEMORY,
    **pair("_conv_c2o", "_conv_m2o", "output_gate"),
    "_conv_c_m": "fuse",
}
CAUSAL: Names = {
    "_conv_x_h_c": "gates",
    "_conv_x_c_m": "memory_gates",
    "_conv_m": "memory_read",
    "_conv_o": "output_gate",
    "_conv_c_m": "fuse",
}
HIGHWAY = pair("_conv_x", "_conv_z", "gates")
CHANGE: Names = {
    **pair("_conv_x2h_n", "_conv_n2h_n", "change_gates"),
    **pair("_conv_diff2o", "_conv_n2o", "change_output"),
    **pair("_conv_x2h_s", "_conv_c2h_s", "trend_gates"),
    "_conv_s2o": "trend_output",
}
MIM: Names = {
    **PREDRNN,
    **CHANGE,
    # gates i, f, g, o, of which f is computed and not used
    "_conv_x2h": Rows("gates.convs.0", (0, 2, 3), 4),
    "_conv_h2h": Rows("gates.convs.1", (0, 2, 3), 4),
}
MOTION: Names = {
    "_conv_enc": "encode",
    "_conv_u": "update",
    "_conv_r": "reset",
    "_conv_z": "candidate",
    "_conv_hm": "weight",
    "_conv_dec": "merge",
    "_deconv_dec": "decode",
    "_conv_g": "gate",
}
PRECIPLSTM: Names = {
    **CONVLSTM,
    **MEMORY,
    **pair("_conv_x2h_ms", "_conv_ms2h_ms", "space_gates"),
    **pair("_conv_x2h_mt", "_conv_mt2h_mt", "change_gates"),
    "_conv_c2o": "output_gate.convs.0",
    "_conv_ms2o": "output_gate.convs.1",
    "_conv_mt2o": "output_gate.convs.2",
    "_conv_m2o": "output_gate.convs.3",
    "c_m_ms_mt": "fuse",
    "LA.conv1": "attention.query",
    "LA.conv2": "attention.key",
    "LA.conv3": "attention.value",
    "_conv_x_x_att": "attended",
}
CMS_LSTM: Names = {
    **inside("cell", CONVLSTM),
    "convQ": "from_h",
    "convR": "from_x",
    **{
        f"SEBlock.stages.{scale}.f_{part}": f"expression.scales.{scale}.{part}"
        for scale in range(3)
        for part in ("query", "key", "value")
    },
    "SEBlock.conv_bn": "expression.join",
    "SEBlock.w_z": "expression.fuse",
    **pair("SEBlock.w_h2h", "SEBlock.w_z2h", "expression.gates"),
}
MODERNN: Names = {
    **inside("cell", CONVLSTM),
    **{
        f"conv{size}{size}_{side}": f"from_{side.lower()}.convs.{index}"
        for index, size in enumerate((3, 5, 7))
        for side in ("H", "X")
    },
}
MK_LSTM: Names = {
    **pair("_conv_x2h_3", "_conv_h2h_3", "near_gates"),
    **pair("_conv_x2h_5", "_conv_h2h_5", "far_gates"),
    "_conv_c2o_3": "near_output",
    "_conv_c2o_5": "far_output",
    "_conv_out": "fuse",
}
