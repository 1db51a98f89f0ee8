"""Ingests radar, forecasts, verifies and serves, again and again."""
