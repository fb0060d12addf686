"""First applications on line, by who has no card: invited by e-mail, sent, looked after by their applicant.

Owns the use cases, and the invitation: a token that holds the address it was sent to, so that nothing of
anybody is kept before an application is sent, and no address counts that was not confirmed. Must not write
SQL, nor know pages. Invariants: whoever brings a secret meets the one application it is of; what is refused
is told in the same words whoever is known already.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.agreements import list_agreements
from ledger.registry.audit import Actor
from ledger.registry.card_states import Hand
from ledger.registry.online_applications import Online, add_online, find_online
from ledger.registry.secrets import MasterKey
from ops.office.account_cards import newest_card
from ops.office.applications import ApplicationDesk
from ops.office.forms import Form, who_it_is_of
from ops.office.own_applications import OwnApplication

INVITED_S: Final = 48 * 3_600
TOKEN_CHARACTERS_MAX: Final = 600
_NONCE_BYTES: Final = 12
_PLACE: Final = b"application 1"
APPLICANT: Final = Actor("applicant", "an application on line")


class Invited(msgspec.Struct, frozen=True, array_like=True):
    """Whom an invitation was sent to, for which programme, until when (seconds since 1970)."""

    programme: int
    email: str
    until_s: int


class Invitations:
    """Makes and reads invitations; a reader of the database learns nothing by which to make one."""

    def __init__(self, master: MasterKey) -> None:
        self._aead = AESGCM(master.derived(b"applications on line"))
        self._addresses = master.derived(b"addresses of applicants")

    def make(self, programme: int, email: str, now_s: float) -> str:
        """Return the token of an invitation."""
        plain = msgspec.json.encode(Invited(programme, email, int(now_s) + INVITED_S))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _spelt(nonce + self._aead.encrypt(nonce, plain, _PLACE))

    def read(self, token: str, now_s: float) -> Invited | None:
        """Return whom a token invited; None for one that is none, or is over."""
        if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii():
            return None
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            plain = self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _PLACE)
        except (InvalidTag, ValueError, binascii.Error):
            return None
        if token != _spelt(sealed):  # the last character of Base64 may have bits that nobody reads
            return None
        invited = msgspec.json.decode(plain, type=Invited)
        return invited if now_s < invited.until_s else None

    def address_key(self, programme: int, email: str) -> bytes:
        """Return what applications of one address are counted by."""
        return hmac.digest(self._addresses, f"{programme} {email.strip().casefold()}".encode(), "sha256")


def _spelt(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


@dataclass(frozen=True)
class OnlineDesk:
    """Where applications on line of one programme are sent to and found again."""

    desk: ApplicationDesk

    async def send(self, form: Form, online: Online) -> int:
        """Take an application down; return its number. Raises RegistryRefused."""
        new = await self.desk.drawn_up("first", "web", form)
        vault = self.desk.master.vault
        return await self.desk.database.run(lambda c: add_online(c, APPLICANT, vault, new, online))

    async def find(self, hash_: bytes) -> OwnApplication | None:
        """Return the application of a secret; None where there is none."""

        async def job(connection: Connection) -> int | None:
            row = await find_online(connection, self.desk.programme, hash_)
            return None if row is None else int(row["application"])

        number = await self.desk.database.run(job)
        if number is None:
            return None
        return OwnApplication(self.desk, _applicant(number), await self.desk.show(number))

    async def change(self, own: OwnApplication, form: Form, digest: str | None = None) -> None:
        """Put what it says anew; whose address it is from stays, and what an officer ticked as long as it is
        about the same person. `digest`: of what was shown to whoever asked. Raises RegistryRefused.
        """
        was = own.view.form
        if was is None:
            raise RegistryRefused("whoever asked was erased")
        ticks = was if who_it_is_of(was) == who_it_is_of(form) else Form()
        changed = msgspec.structs.replace(
            form,
            email=was.email,
            flags=ticks.flags,
            proofs_seen=ticks.proofs_seen,
            co_signed=ticks.co_signed,
            consent_data=was.consent_data,
            rules_accepted=form.rules_accepted or was.rules_accepted,
        )
        shown = own.view.row["digest"] if digest is None else digest
        await self.desk.change(own.actor, own.number, changed, "web", digest=shown)

    async def guardian_of(self, own: OwnApplication) -> int | None:
        """Return as which representative whoever applied for somebody else acts for the holder of the card
        that was collected; None where the holder applied. Raises RegistryRefused before, or once it has
        ended.
        """
        row, form = own.view.row, own.view.form
        if row["state"] != "collected" or form is None or row["account"] is None:
            raise RegistryRefused("a login is made once the card was collected")
        if not form.guardian:
            return None
        vault, account = self.desk.master.vault, row["account"]

        async def job(connection: Connection) -> list[Any]:
            token = (await newest_card(connection, account))["token"]
            _, rows = await list_agreements(connection, vault, token)
            return rows

        for each in await self.desk.database.run(job):
            if (each["role"], each["name"]) == ("guardian", form.guardian):
                return int(each["number"])
        raise RegistryRefused("whoever applied acts for the holder no more")


def _applicant(number: int) -> Actor:
    return Actor(f"applicant {number}", "on line", hand=Hand.HOLDER_ONLINE)  # known so to the database (0088)
