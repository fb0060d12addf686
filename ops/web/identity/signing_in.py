"""Signing in: a password, a second factor where one is wanted, and what stops who guesses.

Owns the order of both and the throttle. Must not know requests or pages. Invariants: an attempt is counted
before it is judged, so many at once are not more than as many in a row; who is not known, whose password is
wrong and who has ended get the same answer after the same work; each step forward makes another token; what
strangers try for a login counts against none of the browsers it was used in before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Final

from ledger.postgres.database import Connection
from ledger.registry import logins, web_sessions
from ledger.registry.audit import Actor
from ledger.registry.web_sessions import NewSession, Stage
from ops.web.identity.devices import Devices
from ops.web.identity.notes import Notes, Throttle
from ops.web.identity.passwords import Passwords
from ops.web.identity.second_factor import new_recovery_codes, step_of
from ops.web.identity.secrets import Keys, hash_of, new_token, plain_code
from ops.web.identity.visits import HOURS_MAX
from ops.web.offices import Office
from ops.web.throttled import WINDOW_S

LOGIN_TRIES: Final = 8
"""Of one login from one address, or in one known browser, within the window (`WINDOW_S`)."""
STRANGERS_TRIES: Final = 16
"""Of one login from all addresses together; past them strangers have one try in `SLOW_S`, all together."""
SLOW_S: Final = 60
SOURCE_TRIES: Final = 60
"""From one address: a household or a library may share it."""
SECOND_TRIES: Final = 6
WRITES: Final = 30
"""Of one application on line, and of one login on its own pages, password and passkeys among them: who fills
in a form is done with fewer."""
AGENT_CHARACTERS_MAX: Final = 120
SECOND_WANTED: Final = ("officer", "organiser")
"""Who works for a programme cannot do without."""
MYSELF: Final = "web"


class Outcome(Enum):
    """How an attempt ended."""

    IN = auto()
    WRONG = auto()
    LATER = auto()
    """Too many attempts: nothing was looked at."""


@dataclass(frozen=True)
class Entry:
    """How an attempt ended; where it did not fail, the token of the session it began and its stage."""

    outcome: Outcome
    token: str = ""
    stage: Stage = "whole"
    device: str = ""
    """What the browser is known by from now on."""


class Door:
    """Lets people in; one for a whole site."""

    def __init__(self, passwords: Passwords, notes: Notes, *, now_s: Callable[[], float] = time.time) -> None:
        self.passwords = passwords
        self.notes = notes
        self._now_s = now_s

    async def enter(
        self, office: Office, name: str, password: str, *, source: str, agent: str, device: str = ""
    ) -> Entry:
        """Judge a name and a password; `device`: the cookie of a browser that may be known."""
        keys = Keys(office.master)
        key = keys.name_key(office.programme, name)
        counted = await self._counted_by(office, key, source, Devices(keys.devices).known_as(device, key))
        if counted is None:
            return Entry(Outcome.LATER)
        row = await office.database.run(lambda c: logins.find_login(c, office.programme, key))
        if not await self.passwords.is_right(row["password"] if row else None, password) or row is None:
            self.notes.refused(office, "password")
            return Entry(Outcome.WRONG)
        if self.passwords.needs_new(row["password"]):
            fresh = await self.passwords.hash(password)
            actor = Actor(MYSELF, "hashed anew with the parameters of now")
            await office.database.run(lambda c: logins.set_password(c, actor, row["id"], fresh))
        stage: Stage = "second" if row["totp"] else "enrol" if row["kind"] in SECOND_WANTED else "whole"
        token = new_token(office.programme)

        async def begin(connection: Connection) -> None:
            for what, whose in counted:
                by = keys.attempt_key(what, whose)
                if what in {"login", "device"}:
                    await web_sessions.forget_attempts(connection, office.programme, by)
                else:
                    await web_sessions.take_attempt_back(connection, office.programme, by)
            new = NewSession(hash_of(token), office.programme, row["id"], stage, shown_agent(agent))
            await web_sessions.begin_session(connection, new, hours=HOURS_MAX)
            await web_sessions.sweep(connection, office.programme, WINDOW_S)

        await office.database.run(begin)
        if stage != "whole":
            return Entry(Outcome.IN, token, stage)
        self.notes.signed_in(office, row["kind"], "password")
        return Entry(Outcome.IN, token, stage, Devices(keys.devices).remembered(device, key))

    async def _counted_by(
        self, office: Office, key: bytes, source: str, device: str
    ) -> Sequence[tuple[str, str]] | None:
        """Count an attempt for the login of a name's key; return by what it was counted, None where it is one
        too many. A known browser is counted alone; strangers by address, by login and address, by login.
        """
        if device and await self._count(office, "device", device) <= LOGIN_TRIES:
            return [("device", device)]
        name = key.hex()
        if not (
            await self.may_try(office, "source", source, SOURCE_TRIES)
            and await self.may_try(office, "login", f"{name} {source}", LOGIN_TRIES)
        ):
            return None
        counted = [("source", source), ("login", f"{name} {source}"), ("strangers", name)]
        if await self._count(office, "strangers", name) <= STRANGERS_TRIES:
            return counted
        if await self._count(office, "slow", name, SLOW_S) == 1:
            return counted
        self.notes.locked(office, "strangers")
        return None

    async def is_right(self, office: Office, login: int, password: str) -> Outcome:
        """Judge the password of who is in already, before an act that wants it once more."""
        if not await self.may_try(office, "again", str(login), LOGIN_TRIES):
            return Outcome.LATER
        row = await office.database.run(lambda c: logins.the_login(c, login))
        if not await self.passwords.is_right(row["password"], password):
            self.notes.refused(office, "again")
            return Outcome.WRONG
        await self.has_succeeded(office, "again", str(login))
        return Outcome.IN

    async def give_second(
        self, office: Office, session: Any, typed: str, *, replaces: bytes, agent: str, device: str = ""
    ) -> Entry:
        """Judge a code of the second factor, or a recovery code, of who has given the password."""
        login = session["login"]
        if not await self.may_try(office, "second", str(login), SECOND_TRIES):
            return Entry(Outcome.LATER)
        row = await office.database.run(lambda c: logins.the_login(c, login))
        if not row["totp"] or not await self._takes(office, row, typed):
            self.notes.second_failed(office, row["kind"])
            return Entry(Outcome.WRONG)
        await self.has_succeeded(office, "second", str(login))
        self.notes.signed_in(office, row["kind"], "second")
        entry = await self.whole(office, login, replaces=replaces, agent=agent)
        known = Devices(Keys(office.master).devices)
        return replace(entry, device=known.remembered(device, bytes(row["name_key"])))

    async def enrol(self, office: Office, session: Any, typed: str) -> list[str] | Outcome:
        """Judge the first code of a second factor that is being enrolled; returns the recovery codes."""
        login = session["login"]
        if not await self.may_try(office, "second", str(login), SECOND_TRIES):
            return Outcome.LATER
        row = await office.database.run(lambda c: logins.the_login(c, login))
        if not session["pending"] or row["totp"]:
            return Outcome.WRONG
        keys = Keys(office.master)
        step = step_of(keys.unseal(login, session["pending"]), typed, self._now_s())
        if step is None:
            self.notes.second_failed(office, row["kind"])
            return Outcome.WRONG
        codes = new_recovery_codes()
        hashes = [hash_of(plain_code(code)) for code in codes]
        actor = Actor(MYSELF, "second factor enrolled")

        async def keep(connection: Connection) -> None:
            await logins.set_second_factor(connection, actor, login, session["pending"], hashes)
            await logins.take_step(connection, login, step)

        await office.database.run(keep)
        await self.has_succeeded(office, "second", str(login))
        self.notes.changed(office, row["kind"], "second")
        self.notes.signed_in(office, row["kind"], "second")
        return codes

    async def whole(self, office: Office, login: int, *, replaces: bytes, agent: str) -> Entry:
        """Begin a whole session in place of another."""
        token = new_token(office.programme)
        new = NewSession(hash_of(token), office.programme, login, "whole", shown_agent(agent))
        await office.database.run(
            lambda c: web_sessions.begin_session(c, new, hours=HOURS_MAX, replaces=replaces)
        )
        return Entry(Outcome.IN, token)

    async def may_try(self, office: Office, what: Throttle, whose: str, most: int) -> bool:
        """Count an attempt; whether it may be made. That it may not is noted."""
        if await self._count(office, what, whose) <= most:
            return True
        self.notes.locked(office, what)
        return False

    async def may_deal(self, office: Office, application: int) -> bool:
        """Count what is done on line with an application; whether it may be: each leaves rows and a trail."""
        return await self.may_try(office, "application", str(application), WRITES)

    async def may_write(self, office: Office, login: int) -> bool:
        """Count what a login writes on its own pages that nothing else bounds; whether it may."""
        return await self.may_try(office, "write", str(login), WRITES)

    async def is_first(self, office: Office, what: str, whose: str) -> bool:
        """Count a use of something that is used once; whether it was not used before."""
        return await self._count(office, what, whose) == 1

    async def _count(self, office: Office, what: str, whose: str, window_s: int = WINDOW_S) -> int:
        key = Keys(office.master).attempt_key(what, whose)
        return await office.database.run(
            lambda c: web_sessions.count_attempt(c, office.programme, key, window_s)
        )

    async def has_succeeded(self, office: Office, what: str, whose: str) -> None:
        """Forget the attempts of who has succeeded."""
        key = Keys(office.master).attempt_key(what, whose)
        await office.database.run(lambda c: web_sessions.forget_attempts(c, office.programme, key))

    async def _takes(self, office: Office, row: Any, typed: str) -> bool:
        step = step_of(Keys(office.master).unseal(row["id"], row["totp"]), typed, self._now_s())
        if step is not None:
            return await office.database.run(lambda c: logins.take_step(c, row["id"], step))
        code = hash_of(plain_code(typed))
        return await office.database.run(lambda c: logins.take_recovery_code(c, row["id"], code))


def shown_agent(agent: str) -> str:
    """Return what a browser calls itself, as it is kept."""
    return "".join(letter for letter in agent if letter.isprintable())[:AGENT_CHARACTERS_MAX]
