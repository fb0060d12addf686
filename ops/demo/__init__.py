"""The demo: the whole switch with three simulated cities, then the books reconciled."""
