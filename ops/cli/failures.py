"""Failures of the command, each one line that says cause and cure, with the exit status that belongs to it.

Owns the translation of expected failures of all parts into `CommandError`. Invariant: a failure that is not
in `explain` is a defect of ours; it ends in exit status 70 with its details in a file, never in a traceback
on screen.
"""

from __future__ import annotations

import errno
import os
import tempfile
import traceback
from collections.abc import Iterator

from ledger.errors import (
    DatabaseContended,
    DatabaseMisconfigured,
    DatabaseUnavailable,
    EmbeddedFault,
    EmbeddedPostgresError,
    HolderErased,
    MigrationError,
    NotInRegistry,
    RegistryRefused,
    SecretsError,
    StatementRefused,
)
from ops.cli.amounts import AmountError
from ops.errors import CommandError, without_numbers
from ops.exit_codes import Exit
from ops.office.keys import KeysMisplaced
from simulators.city.seeding import SeedConflict
from simulators.errors import (
    CannotConnect,
    InvalidEntry,
    RefusedBySwitch,
    SignOnDeclined,
    StoreError,
    SwitchBusy,
    TerminalError,
)
from simulators.fleet.process import FleetFailed
from switch.config import ConfigError
from switch.rules.offer_faults import OfferError
from switch.rules.programme import RulesError
from switch.wire.listener import PortInUse

# The first line that fits counts, so a kind stands above the kinds it belongs to.
EXPECTED: tuple[tuple[type[Exception], Exit], ...] = (
    (AmountError, Exit.USAGE),
    (InvalidEntry, Exit.USAGE),
    (NotInRegistry, Exit.NOT_FOUND),
    (HolderErased, Exit.NOT_FOUND),
    (RegistryRefused, Exit.USAGE),
    (StatementRefused, Exit.USAGE),
    (ConfigError, Exit.CONFIGURATION),
    (OfferError, Exit.CONFIGURATION),
    (RulesError, Exit.CONFIGURATION),
    (SecretsError, Exit.CONFIGURATION),
    (MigrationError, Exit.CONFIGURATION),
    (FleetFailed, Exit.STATE),
    (SeedConflict, Exit.CONFIGURATION),
    (DatabaseMisconfigured, Exit.CONFIGURATION),
    (DatabaseContended, Exit.DATABASE),
    (PortInUse, Exit.PORT),
    (KeysMisplaced, Exit.STATE),
    (StoreError, Exit.STATE),
    (RefusedBySwitch, Exit.DECLINED),
    (SignOnDeclined, Exit.DECLINED),
    (SwitchBusy, Exit.TRY_AGAIN),
    (TerminalError, Exit.CANNOT_CONNECT),
)
NAME_SHOWN = 200
EMBEDDED_STATUS = {
    EmbeddedFault.BINARIES_MISSING: Exit.ENVIRONMENT,
    EmbeddedFault.NOT_STARTED: Exit.DATABASE,
}


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the single failures of a failure that a nursery may have wrapped into groups."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def explain(error: BaseException) -> CommandError | None:
    """Return what to tell the user of one failure, or None if it was not expected."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, EmbeddedPostgresError):
        return CommandError(EMBEDDED_STATUS.get(error.fault, Exit.STATE), str(error))
    if isinstance(error, CannotConnect):
        return CommandError(
            Exit.CANNOT_CONNECT, f"{error}.", "Start one with `cityswitch up`, or name it with --switch."
        )
    if isinstance(error, DatabaseUnavailable):
        return CommandError(Exit.DATABASE, f"{error}.", "Start the server, or correct the DSN.")
    for kind, status in EXPECTED:
        if isinstance(error, kind):
            return CommandError(status, str(error))
    return _explain_os_error(error) if isinstance(error, OSError) else None


def _explain_os_error(error: OSError) -> CommandError | None:
    place = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.EADDRINUSE:
        return CommandError(
            Exit.PORT,
            f"{place}the port is in use by another program.",
            "Choose another with --listen-port or --http-port, or stop that program.",
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CommandError(
            Exit.STATE, f"{place}the disk is full.", "Free some space (df -h) and run it again."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return CommandError(
            Exit.STATE,
            f"{place}{error.strerror}.",
            "Give this user access, or name another place with --state-dir.",
        )
    if error.filename:
        shown = f"{str(error.filename)[:NAME_SHOWN]}: {error.strerror}."
        return CommandError(Exit.STATE, shown, "Check the path.")
    return None


def report(error: BaseException) -> CommandError:
    """Return what to tell of a failure of any kind, nursery groups unwrapped.

    The details of an unexpected one are written to a file that only this user can read.
    """
    singles = list(leaves(error))
    if any(isinstance(single, KeyboardInterrupt) for single in singles):
        return CommandError(Exit.INTERRUPTED, "stopped by Ctrl-C.")
    explained = [explain(single) for single in singles]
    if unexpected := [single for single, told in zip(singles, explained, strict=True) if told is None]:
        return CommandError(
            Exit.INTERNAL,
            f"unexpected failure: {type(unexpected[0]).__name__}: {str(unexpected[0])[:200]}.",
            f"Details: {_write_details(error)}",
        )
    told = explained[0]
    assert told is not None
    return told


def _write_details(error: BaseException) -> str:
    try:
        descriptor, path = tempfile.mkstemp(prefix="cityswitch-failure-", suffix=".log")
        with os.fdopen(descriptor, "w") as file:
            file.write(without_numbers("".join(traceback.format_exception(error))))
    except OSError as problem:
        return f"could not be written ({problem.strerror})"
    return path
