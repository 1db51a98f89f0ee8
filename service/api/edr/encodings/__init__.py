"""Answers to queries in each format: CoverageJSON, GeoJSON, CSV, netCDF, GeoTIFF."""
