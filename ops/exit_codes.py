"""Exit statuses of the command `cityswitch`: stable numbers, so scripts and units can tell failures apart.

Owns the numbers and nothing else. Invariant: a number, once given, keeps its meaning.
"""

from enum import IntEnum


class Exit(IntEnum):
    """What a run of `cityswitch` ended as."""

    OK = 0
    DIFFERENCES = 1
    """Reconciliation or verification found differences, or an import refused lines."""
    USAGE = 2
    """The command line itself: unknown command, missing or bad argument."""
    CONFIGURATION = 3
    """A settings or programme file, a DSN, a role, a missing migration or master key."""
    DATABASE = 4
    """Postgres cannot be reached now."""
    PORT = 5
    """A port is taken, or the switch cannot be reached on it."""
    STATE = 6
    """The state directory: not writable, not there, or the disk is full."""
    DECLINED = 7
    """The switch answered, and refused the transaction."""
    ENVIRONMENT = 8
    """Python itself: version, venv or a package missing."""
    INTERNAL = 70
    """An unexpected failure: a defect of ours."""
    INTERRUPTED = 130
    """Ctrl-C."""
