"""Everything that forecasts: baselines and networks with trained weights."""

BASELINE_NAMES = ("persistence", "advection", "s-prog")
"""Names of the baselines, which are known here without PyTorch."""
