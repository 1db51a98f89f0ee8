"""Routes that report new forecasts: an Atom feed and server-sent events."""
