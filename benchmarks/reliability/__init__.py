"""What the service withstands: measurements of docs/reliability.md."""
