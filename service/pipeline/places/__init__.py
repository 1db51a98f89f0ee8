"""Places in Germany by name and postcode, found without a network.

`germany.tsv.gz` is a table of GeoNames data (CC BY 4.0, https://www.geonames.org), which
`make_table.py` compiles from Python packages; `index.py` searches it.
"""
