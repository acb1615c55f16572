"""The object model: one noun a file."""
