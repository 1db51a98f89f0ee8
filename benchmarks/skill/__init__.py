"""Skill of forecasts on stored events: scores, cards and figures for the docs."""
