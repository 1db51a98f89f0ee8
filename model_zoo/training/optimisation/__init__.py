"""Losses, learning rate, weight averaging and scheduled sampling."""
