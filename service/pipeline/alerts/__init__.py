"""Alerts: subscriptions to rain at a place or in an area, and the messages that they send."""
