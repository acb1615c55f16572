"""Live conversations in notebooks."""
