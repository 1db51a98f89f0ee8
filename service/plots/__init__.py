"""Plots of fields and scores, in colours that are safe for colour-blind readers."""
