"""The data sets that networks are trained on, one module each."""
