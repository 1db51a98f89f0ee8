"""Processes of a deployment: server, workers, schedule and supervisor."""
