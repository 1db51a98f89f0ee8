"""Files of weights: those of this project, and conversion of the published ones."""
