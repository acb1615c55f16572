"""The embedded service: an ASGI app over SQLite that speaks the wire, for demos, lessons and tests."""
