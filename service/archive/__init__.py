"""Archive of finished files: frames, forecasts and uploads."""
