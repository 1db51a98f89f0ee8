"""Finished files: frames, forecasts and uploads."""
