"""Forecast jobs: queued, claimed by one worker, each forecast made once."""
