"""Bytes in and out: the listening socket, the pump, streams, and the way from bytes to requests."""
