"""Where radar files come from: servers and folders."""
