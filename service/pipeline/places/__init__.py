"""Places in Germany by name and postcode, found without a network.

`geonames.py` reads GeoNames data (CC BY 4.0, https://www.geonames.org) from a Python package;
`index.py` searches them.
"""
