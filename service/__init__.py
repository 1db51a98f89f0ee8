"""Ingests radar, forecasts, verifies and serves continuously."""
