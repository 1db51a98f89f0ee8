"""Reference pages generated from the code: settings, commands, HTTP API."""
