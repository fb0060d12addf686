"""The torture itself: what its oracle finds, and a short run of it."""
