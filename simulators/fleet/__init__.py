"""Many terminals at once, with faults, and what they report."""
