"""Trained networks beside other forecasters."""
