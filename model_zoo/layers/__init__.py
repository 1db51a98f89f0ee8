"""Layers without gates: attention, lean convolutions, warping, resampling."""
