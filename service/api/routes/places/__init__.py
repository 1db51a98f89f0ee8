"""Routes about places by name."""
