"""Planted bugs, one a patch, and what of the tests finds each (`python -m tests.mutants`, RELIABILITY.md)."""
