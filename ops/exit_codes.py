"""Exit statuses of the command `cityswitch`: stable numbers, so scripts and units can tell failures apart.

Owns the numbers and nothing else. Invariants: a number means one thing; once given, it keeps its meaning.
"""

from enum import IntEnum


class Exit(IntEnum):
    """What a run of `cityswitch` ended as."""

    OK = 0
    DIFFERENCES = 1
    """Differences found by a comparison, refused lines of an import, or a danger the doctor sees."""
    USAGE = 2
    """The command line itself: unknown command, missing or bad argument."""
    CONFIGURATION = 3
    """A settings or programme file, a DSN, a role, a missing migration or master key."""
    DATABASE = 4
    """Postgres cannot be reached now."""
    PORT = 5
    """A port the switch should listen on is taken."""
    STATE = 6
    """The state directory or the output: not writable, not there, in use, or the disk is full."""
    DECLINED = 7
    """The switch answered, and refused the transaction or the terminal."""
    ENVIRONMENT = 8
    """Python itself: version, venv or a package missing."""
    NOT_FOUND = 9
    """The command line is right, and what it names is not there: no such card, partner, terminal, version."""
    CANNOT_CONNECT = 10
    """No switch could be reached, or the line to it broke."""
    TRY_AGAIN = 11
    """The switch was there and could not serve now; what was asked has not taken effect, or is undone."""
    INTERNAL = 70
    """An unexpected failure: a defect of ours."""
    INTERRUPTED = 130
    """Ctrl-C."""
