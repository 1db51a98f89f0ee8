"""Skill of forecasts every five minutes: by lead time, and of what is stated of places."""
