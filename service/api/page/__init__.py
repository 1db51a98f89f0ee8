"""The map page at `/`: radar and forecasts on a map.

It is a plain page of a few ES modules in `static/`, without a build step and without anything
from other origins. The map is a canvas in the projection of the radar instead of a web map
library: those draw in web Mercator or from tiles, so that every frame would have to be warped
first. Here a radar cell is a square on the screen, and the whole page is smaller than such a
library alone. Coasts, borders and rivers are those of GSHHG and WDBII in the package basemap-
data, projected once (`outlines.py`); fields are encoded by `packed_fields.py`.
"""
