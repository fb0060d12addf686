"""Passkeys (W3C Web Authentication): what a browser is asked, and whether its answer is right.

Owns the challenge, the judging of both ceremonies by the package `webauthn`, and the order of signing in by a
passkey. Must not know pages. Invariants: a challenge is one that this site gave to this very visit for this
very purpose within `CHALLENGE_S`, and is taken once (it is counted before it is judged, as every attempt is);
whoever signs in so was verified by the own device (PIN, finger, face), which is why no second factor follows;
a count that went back shuts the passkey; whatever bytes come, only `Refused` leaves the judging.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import webauthn
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import (
    encode_cbor,
    options_to_json,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ledger.postgres.database import Connection
from ledger.registry import passkeys, web_sessions
from ledger.registry.audit import Actor
from ops.web.identity.secrets import Keys, hash_of
from ops.web.identity.signing_in import MYSELF, SOURCE_TRIES, Door, Entry, Outcome
from ops.web.offices import Office
from ops.web.throttled import WINDOW_S

CHALLENGE_S: Final = 10 * 60
"""How long a page that asks may lie open; less than WINDOW_S, for which it is known that one was taken."""
ASKED_MS: Final = 120_000
ANSWER_CHARACTERS_MAX: Final = 12_000
"""An answer has some 500 to 2,000; certificates of its maker, which are not asked for, may be in it."""
SIGN_IN: Final = "sign in by a passkey"
_HEAD_BYTES: Final = 24
_ALGORITHMS: Final = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
_NUMBERS: Final = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
_NOBODYS: Final = encode_cbor(
    {1: 2, 3: -7, -1: 1, -2: _NUMBERS.x.to_bytes(32, "big"), -3: _NUMBERS.y.to_bytes(32, "big")}
)
"""The public half (COSE) of a key that nobody has: what is judged by it costs as much, and is refused."""
_BROKEN: Final = (
    WebAuthnException,
    InvalidSignature,
    UnsupportedAlgorithm,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What the packages that read a stranger's JSON, CBOR and keys raise for what is none."""
COPIED: Final = Actor(MYSELF, "its count went back: there is a copy of it")


class Refused(Exception):
    """What the browser answered is not right."""


@dataclass(frozen=True)
class Relying:
    """The site as passkeys know it: by the name in its address, and by its whole origin."""

    name: str
    origin: str

    @classmethod
    def of(cls, origin: str) -> Self:
        """Return it of an address such as https://karta.example.org. Raises ValueError for one where browsers
        know no passkeys: without TLS (but on localhost), or in figures.
        """
        parts = urlsplit(origin)
        name = parts.hostname or ""
        plain = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme not in {"http", "https"} or not name or plain.lower() != origin.rstrip("/").lower():
            raise ValueError("an address is https://NAME, or https://NAME:PORT")
        if parts.scheme == "http" and name != "localhost":
            raise ValueError("browsers know passkeys by https alone, but on localhost")
        try:
            ip_address(name)
        except ValueError:
            return cls(name, plain.lower())
        raise ValueError("browsers know passkeys by a name, not by an address in figures")

    def is_asked(self, host: str) -> bool:
        """Whether a Host header names this origin."""
        return host.lower() == self.origin.partition("//")[2]


class Registered(NamedTuple):
    """A passkey that was made just now."""

    credential: bytes
    public_key: bytes
    uses: int
    is_synced: bool


class Challenges:
    """Makes challenges that need no memory, and knows its own again."""

    def __init__(self, key: bytes, *, now_s: Callable[[], float] = time.time) -> None:
        self._key = key
        self._now_s = now_s

    def make(self, token: str, what: str) -> bytes:
        """Return a challenge for the visit of a token, for a purpose."""
        head = int(self._now_s()).to_bytes(8, "big") + secrets.token_bytes(_HEAD_BYTES - 8)
        return head + self._seal(head, token, what)

    def is_mine(self, challenge: bytes, token: str, what: str) -> bool:
        """Whether this was made here for that visit and purpose, and is not too old."""
        head, seal = challenge[:_HEAD_BYTES], challenge[_HEAD_BYTES:]
        age_s = self._now_s() - int.from_bytes(head[:8], "big")
        return hmac.compare_digest(seal, self._seal(head, token, what)) and -1 <= age_s <= CHALLENGE_S

    def _seal(self, head: bytes, token: str, what: str) -> bytes:
        return hmac.digest(self._key, what.encode() + b" " + head + hash_of(token), "sha256")


def challenges_of(office: Office) -> Challenges:
    """Return what makes challenges for the installation of an office."""
    return Challenges(Keys(office.master).challenges)


def asked_to_sign_in(relying: Relying, challenge: bytes) -> str:
    """Return what a browser is asked for a sign-in, as JSON: any passkey it has for this site."""
    return options_to_json(
        webauthn.generate_authentication_options(
            rp_id=relying.name,
            challenge=challenge,
            timeout=ASKED_MS,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def asked_to_make(
    relying: Relying, challenge: bytes, *, handle: bytes, programme: str, name: str, known: Sequence[bytes]
) -> str:
    """Return what a browser is asked for a new passkey, as JSON; one that is known makes no second."""
    return options_to_json(
        webauthn.generate_registration_options(
            rp_id=relying.name,
            rp_name=programme,
            user_id=handle,
            user_name=f"{programme}: {name}",
            challenge=challenge,
            timeout=ASKED_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
            supported_pub_key_algs=_ALGORITHMS,
        )
    )


def judge_new(relying: Relying, answer: str, is_mine: Callable[[bytes], bool]) -> tuple[bytes, Registered]:
    """Return the challenge and the passkey of an answer to `asked_to_make`. Raises Refused."""
    try:
        credential = parse_registration_credential_json(answer)
        challenge = parse_client_data_json(credential.response.client_data_json).challenge
        if not is_mine(challenge):
            raise Refused
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=relying.name,
            expected_origin=relying.origin,
            require_user_verification=True,
            supported_pub_key_algs=_ALGORITHMS,
        )
    except _BROKEN as error:
        raise Refused from error
    is_synced = made.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    return challenge, Registered(made.credential_id, made.credential_public_key, made.sign_count, is_synced)


class Answer(NamedTuple):
    """An answer to `asked_to_sign_in`, read and not judged."""

    credential: Any
    challenge: bytes
    handle: bytes


def read_answer(answer: str) -> Answer:
    """Read it. Raises Refused."""
    try:
        credential = parse_authentication_credential_json(answer)
        challenge = parse_client_data_json(credential.response.client_data_json).challenge
    except _BROKEN as error:
        raise Refused from error
    return Answer(credential, challenge, credential.response.user_handle or b"")


def judge_answer(relying: Relying, answer: Answer, public_key: bytes) -> int:
    """Return how often its device says the passkey was used. Raises Refused.

    The count is compared by whoever keeps it, after the signature: nobody without the key shuts a passkey.
    """
    try:
        return webauthn.verify_authentication_response(
            credential=answer.credential,
            expected_challenge=answer.challenge,
            expected_rp_id=relying.name,
            expected_origin=relying.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        ).new_sign_count
    except _BROKEN as error:
        raise Refused from error


class PasskeyDoor:
    """Lets people in by a passkey, past the password and its throttle: a passkey cannot be guessed."""

    def __init__(self, door: Door, relying: Relying) -> None:
        self._door = door
        self.relying = relying

    async def enter(
        self,
        offices: Mapping[int, Office],
        typed: str,
        *,
        token: str,
        source: str,
        agent: str,
    ) -> Entry:
        """Judge an answer of the visit of a token. Which programme it is of stands in the handle that the
        passkey was made with.
        """
        try:
            answer = read_answer(typed)
        except Refused:
            return Entry(Outcome.WRONG)
        office = offices.get(int.from_bytes(answer.handle[:2], "big"))
        if office is None:
            return Entry(Outcome.WRONG)
        if not await self._door.may_try(office, "source", source, SOURCE_TRIES):
            return Entry(Outcome.LATER)
        try:
            login = await self._judged(office, answer, token)
        except Refused:
            self._door.notes.refused(office, "passkey")
            return Entry(Outcome.WRONG)
        if login is None:
            self._door.notes.copied(office)
            return Entry(Outcome.WRONG)
        by_source = Keys(office.master).attempt_key("source", source)

        async def tidy(connection: Connection) -> None:
            await web_sessions.take_attempt_back(connection, office.programme, by_source)
            await web_sessions.sweep(connection, office.programme, WINDOW_S)

        await office.database.run(tidy)
        self._door.notes.signed_in(office, login["kind"], "passkey")
        return await self._door.whole(office, login["login"], replaces=b"", agent=agent)

    async def _judged(self, office: Office, answer: Answer, token: str) -> Any | None:
        """Return whose passkey it is; None where there is a copy of it. Raises Refused."""
        if not challenges_of(office).is_mine(answer.challenge, token, SIGN_IN):
            raise Refused
        if not await self._door.is_first(office, "challenge", answer.challenge.hex()):
            raise Refused
        row = await office.database.run(
            lambda c: passkeys.find_passkey(c, office.programme, answer.credential.raw_id)
        )
        login, public_key = (row["login"], bytes(row["public_key"])) if row else (0, _NOBODYS)
        handle = Keys(office.master).passkey_handle(office.programme, login)
        uses = judge_answer(self.relying, answer, public_key)
        if row is None or not hmac.compare_digest(handle, answer.handle):
            raise Refused
        if await office.database.run(lambda c: passkeys.use_passkey(c, row["number"], uses)):
            return row
        await office.database.run(lambda c: passkeys.shut_passkey(c, COPIED, row["login"], row["number"]))
        return None
