"""Ensembles of the forecasts of an archive."""
