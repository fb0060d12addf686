"""What travels by the API: every request and answer as a type, bounded; OpenAPI is made of these.

Owns the shapes. Must not know where they come from. Invariants: a request with a field that is not here is
refused; sums are in grosze, points are integers, moments have their zone; an account is known by its number.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

NUMBER_MAX = 2**53 - 1
"""What every reader of JSON keeps whole."""
By = Literal["holder", "guardian", "proxy"]
Carrier = Literal["plastic", "transport", "qr"]
Reason = Annotated[str, Meta(min_length=1, max_length=200, description="Kept with the act.")]


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what a system sends."""


class Page(Asked, frozen=True):
    """Which part of a list."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    before: Annotated[
        str, Meta(pattern="^[0-9]{0,19}$", description="`next` of the page before; empty: the newest.")
    ] = ""


class After(Asked, frozen=True):
    """After which event."""

    after: Annotated[int, Meta(ge=0, le=NUMBER_MAX, description="The number of the last event read.")] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Nothing(Asked, frozen=True):
    """No parameters."""


class CardNumber(Asked, frozen=True):
    """A card by its number, in the body: so it stands in no log of addresses."""

    card: Annotated[str, Meta(min_length=8, max_length=40, description="The figures of the card.")]


class Block(Asked, frozen=True):
    """Block the carriers of an account that are not stopped yet: all, or of one kind (Zgierz § 24)."""

    by: By
    reason: Reason
    carrier: Carrier | None = None


class Duplicate(Asked, frozen=True):
    """Ask a desk for a duplicate, collected in person (Zgierz § 28, Żywiec § 3); a lost card is blocked."""

    by: Literal["holder", "guardian"]
    why: Literal["fault", "no-fault", "changed-data"]
    reason: Reason
    lost: bool = False
    pickup: Annotated[
        str, Meta(max_length=64, description="One of the programme's desks, if it names any.")
    ] = ""


class Renewal(Asked, frozen=True):
    """Ask for the entitlement or the card to be prolonged; the proof is shown to a desk (Zgierz § 20)."""

    by: By
    tax_year: Annotated[int, Meta(ge=1990, le=2200, description="Of which year proof is offered.")] | None = (
        None
    )


class Programme(Struct, frozen=True):
    """The programme a token is of."""

    number: int
    code: str
    name: str


class Account(Struct, frozen=True):
    """The account a card belongs to."""

    account: int


class Person(Struct, frozen=True):
    """What is known of a holder, as the desk has it."""

    name: str
    pesel: str
    born_on: date | None
    address: str
    phone: str
    email: str
    channel: str
    pickup: str


class Consent(Struct, frozen=True):
    """A time a consent was given (Zgierz § 13, § 14), `data` or `newsletter`, and when it was withdrawn."""

    kind: str
    given_at: datetime
    withdrawn_at: datetime | None


class Ending(Struct, frozen=True):
    """What ends the contract the day `ends_on` is over: a `notice` of the organiser (Zgierz § 33), an
    `objection` to announced rules (§ 35); nothing any more, once it was taken back.
    """

    kind: str
    given_on: date
    ends_on: date
    withdrawn_at: datetime | None


class Holder(Struct, frozen=True):
    """A holder's own data (Zgierz § 19); `person` is null where nobody is kept, or was removed. Each consent
    given, also what was withdrawn, the newest first; so is what ends the contract, of which the earliest that
    stands is `contract_ends_on`.
    """

    account: int
    points: int
    kinds: list[str]
    flags: list[str]
    guardian: bool
    entitled_until: date | None
    tax_year: int | None
    contract_ends_on: date | None
    resigned_on: date | None
    person: Person | None
    consents: list[Consent]
    endings: list[Ending]


class Card(Struct, frozen=True):
    """One carrier of an account; `valid_until` by its own last day or that of the contract."""

    carrier: str
    issue: int
    last4: str
    status: str
    expires_on: date | None
    valid_until: date | None
    is_over: bool


class Cards(Struct, frozen=True):
    """The carriers of an account, by kind and issue."""

    cards: list[Card]


class Entry(Struct, frozen=True):
    """One transaction of an account; `points` is what it changed, `balance` what was there after it. Of a
    benefit `discount_grosze` is what was taken off the price (given back: of a reversal), by this `offer`.
    """

    transaction: str
    at: datetime
    kind: str
    result: str
    points: int
    balance: int
    amount_grosze: int
    partner: int | None
    terminal: int
    stan: int
    original_stan: int | None
    discount_grosze: int
    offer: int | None


class History(Struct, frozen=True):
    """A page of transactions, newest first; `next` is null on the last."""

    entries: list[Entry]
    next: str | None


class Offer(Struct, frozen=True):
    """One published offer, with all its limits as the public list has them."""

    number: int
    version: int
    partner: int
    partner_name: str
    main_partner: bool
    terms: dict[str, Any]
    valid_from: datetime
    valid_until: datetime | None


class HolderOffers(Struct, frozen=True):
    """What a holder may claim now. Empty, with `why`, where the card or the entitlement does not hold."""

    offers: list[Offer]
    why: Literal["", "no_active_card", "not_entitled", "no_benefits"]


class Application(Struct, frozen=True):
    """Something asked of the desk, and what has become of it."""

    number: int
    kind: str
    state: str
    via: str
    received_on: date
    due_on: date | None
    complete_until: date | None


class Applications(Struct, frozen=True):
    """What was asked for an account, newest first, at most 100."""

    applications: list[Application]


class Event(Struct, frozen=True):
    """Something that happened: (programme, number) is its name for ever. Numbers have no gap."""

    number: int
    kind: str
    account: int | None
    partner: int | None
    data: dict[str, Any]
    at: datetime


class Events(Struct, frozen=True):
    """Events in order. `newest` is the last number there is; keep the last one you have read."""

    events: list[Event]
    newest: int


class Problem(Struct, frozen=True, omit_defaults=True):
    """What went wrong (RFC 9457)."""

    title: str
    status: int
    type: str = "about:blank"
    detail: str = ""
    oldest: int | None = None
    """Of events that are gone: the first that can be had."""
