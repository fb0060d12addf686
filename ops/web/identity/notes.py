"""What is noted of signing in: a log line and a count each, and of nobody who it was.

Owns the events' names, the sets of their values, and the counts of this process. Must not know requests, nor
decide. Invariant: a line has the programme, the kind of login and words of closed sets; no login, number,
name, address or browser.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

import structlog

from ledger.registry.logins import Kind
from ops.web.offices import Office
from switch.metrics import office_catalogue as of
from switch.metrics.scrape import Family

Way = Literal["password", "second", "passkey", "again", "activate", "confirm"]
"""What was given: a password; a code of the second factor; a passkey; the password once more, of who is in;
a code of activation; the code that a change of login or contact was confirmed by."""
Throttle = Literal[
    "login",
    "strangers",
    "source",
    "second",
    "again",
    "activate",
    "rename",
    "contact",
    "confirm",
    "act",
    "apply",
    "apply all",
    "apply to",
    "application",
    "write",
]
"""Of one login from one address; of one login by all strangers; of one address; of the codes, or the password
once more, of who has given it; of codes of activation by address; of changes of a name and of contact, of the
code that confirms one; of codes to act for somebody; of invitations to apply, by address, in all, and to one
e-mail; of what is done on line with one application; of what one login writes on its own pages."""
End = Literal["signed_out", "ended", "others_ended", "copied_passkey"]
Change = Literal[
    "made", "name", "password", "second", "passkey_added", "passkey_named", "passkey_removed", "deleted"
]

Counts = dict[tuple[str, ...], float]

log = structlog.get_logger()


class Notes:
    """Notes what happens at the door; one for a whole site."""

    def __init__(self, offices: Collection[Office]) -> None:
        codes = [office.code for office in offices]
        self.sign_ins: Counts = {(code, each): 0 for code in codes for each in of.RESULT.values}
        self.ends: Counts = {(code, each): 0 for code in codes for each in of.HOW.values}
        self.changes: Counts = {(code, each): 0 for code in codes for each in of.WHAT.values}

    def families(self) -> Iterator[Family]:
        """Return the counts as they are exposed."""
        yield Family(of.SIGN_INS, self.sign_ins)
        yield Family(of.SESSIONS_ENDED, self.ends)
        yield Family(of.LOGIN_CHANGES, self.changes)

    def signed_in(self, office: Office, kind: Kind, way: Way) -> None:
        """Somebody is in."""
        self.sign_ins[office.code, "signed_in"] += 1
        log.info("signed_in", programme=office.programme, kind=kind, way=way)

    def refused(self, office: Office, way: Way) -> None:
        """What was given is not right: why, is not told."""
        self.sign_ins[office.code, "refused"] += 1
        log.info("sign_in_refused", programme=office.programme, way=way)

    def locked(self, office: Office, by: Throttle) -> None:
        """Too many attempts: nothing was looked at."""
        self.sign_ins[office.code, "locked"] += 1
        log.warning("sign_in_locked", programme=office.programme, by=by)

    def second_failed(self, office: Office, kind: Kind) -> None:
        """Who had the password had no right code."""
        self.sign_ins[office.code, "second_factor_failed"] += 1
        log.warning("second_factor_failed", programme=office.programme, kind=kind)

    def copied(self, office: Office) -> None:
        """A passkey's count went back."""
        self.sign_ins[office.code, "copied_passkey"] += 1
        log.warning("passkey_copied", programme=office.programme)

    def ended(self, office: Office, kind: Kind, how: End) -> None:
        """A session was ended; one that ran out is noted by nobody."""
        self.ends[office.code, how] += 1
        log.info("session_ended", programme=office.programme, kind=kind, how=how)

    def changed(self, office: Office, kind: Kind, what: Change) -> None:
        """A login is another, or was made, or is gone."""
        self.changes[office.code, what] += 1
        log.info("login_changed", programme=office.programme, kind=kind, what=what)
