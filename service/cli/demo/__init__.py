"""The demo: the whole service on simulated or live radar, as in `make demo`."""
