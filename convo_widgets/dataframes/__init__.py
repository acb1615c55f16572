"""Conversations as pandas DataFrames."""
