"""Owns the closed set of errors the ledger raises. Knows nothing of asyncpg, exit statuses or languages.

Every message is one line that names the cause and, where there is one, the cure; it is fit to be printed
as it is.
"""

from enum import StrEnum

from ledger.phrase import Phrase


class LedgerError(Exception):
    """Base of every error of this package."""


class DatabaseUnavailable(LedgerError):
    """The connection was lost, refused or timed out. What was in flight is of unknown outcome: try
    again later.
    """


class DatabaseMisconfigured(LedgerError):
    """The server answers, but not to what was asked for: DSN, password, version, role or migrations are
    wrong.
    """


class DatabaseContended(LedgerError):
    """The transaction lost a deadlock or a race and was rolled back whole: run it again at once."""


class ServerLost(DatabaseUnavailable):
    """One of the servers of a sharded ledger does not answer, or has not what is asked of it; the others do.
    What it was asked is of unknown outcome.
    """


class IdsClosed(DatabaseContended):
    """Transaction ids at or below a mark that is rolled up: nothing took effect; number anew, above it."""


class StatementRefused(LedgerError):
    """The server refused the statement because of its data; nothing of it took effect."""

    def __init__(self, message: str, sqlstate: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class EmbeddedFault(StrEnum):
    """Why the embedded server could not be started."""

    BINARIES_MISSING = "binaries_missing"
    DIRECTORY_UNUSABLE = "directory_unusable"
    DISK_FULL = "disk_full"
    IN_USE = "in_use"
    OTHER_VERSION = "other_version"
    NOT_STARTED = "not_started"


class EmbeddedPostgresError(LedgerError):
    """The embedded server could not be started or went away; `fault` says why."""

    def __init__(self, fault: EmbeddedFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class SecretsError(LedgerError):
    """The master key file is missing, unreadable, open to others or damaged, or a wrapped key does not
    open.
    """


class HolderErased(LedgerError):
    """The key of a holder was destroyed: what it sealed can be read by nobody any more."""


class MigrationError(LedgerError):
    """A migration file was changed after it was applied, is missing, or failed."""


class RegistryRefused(LedgerError):
    """An operator's change was refused: out of bounds, already there, or not there.

    Made of an English template and its parts (see `Phrase`): `str` of it is the English, `phrase` is what a
    page says in its own language.
    """

    def __init__(self, template: str, /, **parts: object) -> None:
        super().__init__(template)
        self.phrase = Phrase(template, **parts)

    def __str__(self) -> str:
        return str(self.phrase)


class NotInRegistry(RegistryRefused):
    """What the operator named is not there."""
