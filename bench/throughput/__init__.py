"""The lanes of the throughput bench, as ratios in one run."""
