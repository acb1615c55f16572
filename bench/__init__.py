"""How fast the client is, measured against the genuine JavaScript SDK: one file a question."""
