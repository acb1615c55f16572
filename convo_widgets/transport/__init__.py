"""The client's only I/O: websockets is spoken to here and nowhere else, and its errors become ours."""
