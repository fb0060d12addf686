"""The demo: the whole switch with a simulated city, then the books reconciled."""
