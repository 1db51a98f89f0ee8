"""From a radar file to a verified forecast."""
