"""Fuzzing: a harness for each way in, fed from a seed in the suite, guided by coverage by `make fuzz`."""
