"""Everything that forecasts: baselines and networks with trained weights."""
