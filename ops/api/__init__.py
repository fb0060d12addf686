"""The HTTP API, version 1: for the city's application and other systems, each of one programme."""
