"""ASGI middleware: access, rate limits, caching and security headers."""
