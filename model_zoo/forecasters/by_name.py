"""Loading of forecasters by name: baselines, those of installed packages, and trained networks.

Installed packages add forecasters by entry points of the group `nowcast.forecasters`
(`ingest.plugins`).
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from ingest import plugins
from model_zoo.checkpoints import checkpoint
from model_zoo.errors import BadCheckpoint, NoWeights, UnknownModel
from model_zoo.fast.autotune import AutotunedNetwork
from model_zoo.forecasters.baseline_names import BASELINE_NAMES
from model_zoo.forecasters.baselines import Advection, Persistence
from model_zoo.forecasters.blend import NAME as BLEND
from model_zoo.forecasters.blend import Blend, BlendTable
from model_zoo.forecasters.contract import Forecaster
from model_zoo.forecasters.network import Network
from model_zoo.forecasters.plugin_forecaster import accepted_forecaster
from model_zoo.forecasters.sprog import SPROG
from model_zoo.zoo import MODELS, RESERVED_NAMES

SUFFIX = ".safetensors"
BLEND_SUFFIX = ".json"
SHIPPED = Path(__file__).parents[1] / "weights"

OWN_BASELINES: Mapping[str, Callable[[], Forecaster]] = MappingProxyType(
    dict(zip(BASELINE_NAMES, (Persistence, Advection, SPROG), strict=True))
)
BASELINES = plugins.Registry(
    OWN_BASELINES,
    lambda: plugins.load(
        plugins.FORECASTERS, (*MODELS, *OWN_BASELINES, *RESERVED_NAMES), accepted_forecaster
    ),
)
"""Forecasters that are no networks of the zoo: the baselines, and those of installed packages."""


def load_forecaster(
    name_or_path: str | Path,
    *,
    device: str = "auto",
    weights_folder: str | Path | None = None,
    bf16: bool = False,
    member: Callable[[str], Forecaster] | None = None,
) -> Forecaster:
    """Load a forecaster, to be called on frames.

    Args:
        name_or_path: "blend"; "persistence", "advection" or "s-prog"; a forecaster of an installed
            package; a network of the zoo, such as "ms-lstm"; the name of a checkpoint in
            `weights_folder`, without its suffix; or the path of a checkpoint, which ends in
            .safetensors.
        device: Where a network runs: as torch names it, or "auto" for the GPU if there is one.
        weights_folder: Searched for <name>.safetensors before the shipped weights.
        bf16: Whether convolutions of a network may run in bfloat16 where that is fastest.
        member: Gives the members of "blend" by name, so that those loaded already are shared; by
            default each is loaded for it.

    Raises:
        UnknownModel: There is no forecaster of this name; the message lists those there are.
        NoWeights: There are no trained weights of this network, or no file at this path.
        BadCheckpoint: The file is not a checkpoint, or that of another network.
    """
    by = partial(AutotunedNetwork, bf16=bf16)
    if isinstance(name_or_path, Path) or name_or_path.endswith(SUFFIX):
        trained = checkpoint.load(name_or_path)
        return Network(trained, name=trained.model, device=device, by=by)
    name = name_or_path
    if name in BASELINES:
        return BASELINES[name]()
    if name == BLEND:
        table = BlendTable.read(find_weights(name, weights_folder, BLEND_SUFFIX))
        load = member or partial(
            load_forecaster, device=device, weights_folder=weights_folder, bf16=bf16
        )
        return Blend(table, {name: load(name) for name in table.members})
    check_name(name, weights_folder)
    path = find_weights(name, weights_folder)
    trained = checkpoint.load(path)
    if name in MODELS and MODELS.get(trained.model) != MODELS[name]:
        raise BadCheckpoint(
            f"{path} should hold weights of {name!r} but holds those of {trained.model!r}; "
            f"rename it to {trained.model}{SUFFIX}, or ask for it by its path"
        )
    return Network(trained, name=name, device=device, by=by)


def check_name(name: str, weights_folder: str | Path | None = None) -> None:
    """Check that a name is that of a forecaster, without loading it.

    Names are "blend", those of baselines and of forecasters of installed packages, those of
    networks of the zoo, and those of checkpoints in `weights_folder`, which may be of any network.

    Raises:
        UnknownModel: It is not; the message lists the names there are.
        NoWeights: There are no trained weights of the network.
    """
    if name in BASELINES:
        return
    own = [] if weights_folder is None else sorted(Path(weights_folder).glob(f"*{SUFFIX}"))
    if name != BLEND and name not in MODELS and name not in (path.stem for path in own):
        raise UnknownModel(unknown_message(name, [path.stem for path in own]))
    find_weights(name, weights_folder, BLEND_SUFFIX if name == BLEND else SUFFIX)


def find_weights(name: str, folder: str | Path | None, suffix: str = SUFFIX) -> Path:
    """Find the checkpoint of a network of the zoo, in `folder` or among those shipped.

    Raises:
        NoWeights: There is none; the message names the searched folders and how to get weights.
    """
    folders = [SHIPPED] if folder is None else [Path(folder), SHIPPED]
    paths = [folder / f"{name}{suffix}" for folder in folders]
    for path in paths:
        if path.is_file():
            return path
    raise NoWeights(
        f"there are no trained weights of {name!r}, looked for {' and '.join(map(str, paths))}; "
        f"an untrained network does not forecast. Train it with `nowcast train`, convert weights "
        f"with `nowcast convert`, or take one of {', '.join(BASELINES)}"
    )


def unknown_message(name: str, own: Sequence[str] = ()) -> str:
    """Return the error message for an unknown name, with the closest known one."""
    known = list(dict.fromkeys([BLEND, *BASELINES, *own, *MODELS]))
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return (
        f"there is no forecaster {name!r}"
        + "".join(f", did you mean {guess!r}?" for guess in close)
        + f"; known are {', '.join(known)}, and paths of checkpoints that end in {SUFFIX}"
        + "".join(f"; {line}" for line in plugins.problems(name))
    )
