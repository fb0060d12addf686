"""The one expected failure of this package.

Owns the type. Invariant: its message is one line that says cause and cure.
"""


class CannotRun(Exception):
    """There is nothing to measure here: no switch, no port, no such city."""
