# From an empty folder to an own network that is served; docs/tutorials/train-on-your-radar.md
# explains each step, and a test runs them on little data.

# --8<-- [start:import]
mkdir events weights
nowcast data import radar/2021-01-01 -o events/january-1.zarr \
    --source "KNMI, radar reflectivity composite" --licence CC-BY-4.0
nowcast data import radar/2021-01-16 -o events/january-16.zarr \
    --source "KNMI, radar reflectivity composite" --licence CC-BY-4.0
nowcast data import radar/2021-02-03 -o events/february-3.zarr \
    --source "KNMI, radar reflectivity composite" --licence CC-BY-4.0
# --8<-- [end:import]
# --8<-- [start:look]
nowcast data corpus events
nowcast data show events/january-1.zarr -o january-1.png
# --8<-- [end:look]
# --8<-- [start:train]
nowcast train my-radar.toml --data events -o runs/my-radar --device cpu
# --8<-- [end:train]
# --8<-- [start:evaluate]
nowcast evaluate runs/my-radar/best.safetensors corpus --data events --split test \
    --device cpu --beside persistence,advection
# --8<-- [end:evaluate]
# --8<-- [start:serve]
cp runs/my-radar/best.safetensors weights/my-radar.safetensors
export NOWCAST_WEIGHTS=weights
export NOWCAST_MODELS=my-radar,s-prog,persistence
nowcast up
# --8<-- [end:serve]
