"""Bytes to typed values and back. Pure: no asyncio, no sockets."""
