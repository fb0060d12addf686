"""The operations of the API: one row each, from which routes and OpenAPI are made.

Owns which there are, what each takes, gives and needs. Must not know HTTP beyond a method and a path.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from ledger.errors import NotInRegistry
from ledger.postgres.database import Connection
from ledger.registry.api_tokens import Token
from ledger.registry.cards import find_cards
from ledger.registry.numbers import Numbers
from ledger.registry.offers import read_public
from ledger.registry.outbox import read_events
from ledger.settlement.statement import Statement, read_statement
from ops.api import acts, holders, schemas
from ops.web.offices import Office
from protocol import CardNumberError, parse_card
from switch.clock import clock_ms
from switch.rules.versions import Version

ACCOUNT: Final = re.compile("[1-9][0-9]{0,15}")
PARTNER: Final = re.compile("[1-9][0-9]{0,7}")
MONTH: Final = re.compile("20[0-9]{2}-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Context:
    """A request that was let in: whose it is, and the programme it is about."""

    token: Token
    office: Office
    version: Version
    path: Mapping[str, str]

    @property
    def account(self) -> int:
        """The account that the path names. Raises NotInRegistry for a number that is none of a card's."""
        text = self.path["account"]
        if not ACCOUNT.fullmatch(text) or int(text) > schemas.NUMBER_MAX or int(text) & 7:
            raise NotInRegistry("there is no such account")
        return int(text)

    @property
    def partner(self) -> int:
        """The partner that the path names, if it is the token's where that is one partner's. Raises
        NotInRegistry.
        """
        text = self.path["partner"]
        if not PARTNER.fullmatch(text) or self.token.partner not in (None, int(text)):
            raise NotInRegistry("there is no such partner")
        return int(text)

    @property
    def asker(self) -> acts.Asker:
        """For which account something is asked of the desk."""
        return acts.Asker(self.token, self.account, self.version.rules, self.office.master.vault)

    @property
    def now(self) -> datetime:
        """The moment it is."""
        return datetime.fromtimestamp(clock_ms() / 1_000, UTC)


Handler = Callable[[Connection, Context, Any], Awaitable[msgspec.Struct]]


@dataclass(frozen=True)
class Operation:
    """One operation. `takes`: the body of a POST, the parameters of a GET."""

    name: str
    method: str
    path: str
    right: str
    takes: type[msgspec.Struct]
    gives: type[msgspec.Struct]
    handler: Handler
    summary: str
    is_write: bool = False
    """Whether it changes something: then it wants an Idempotency-Key, and is answered 201."""

    @property
    def status(self) -> int:
        """The status of success."""
        return 201 if self.is_write else 200


async def _programme(_: Connection, at: Context, __: schemas.Nothing) -> schemas.Programme:
    return schemas.Programme(at.office.programme, at.office.code, at.office.name)


async def _find_card(connection: Connection, at: Context, asked: schemas.CardNumber) -> schemas.Account:
    try:
        digits = parse_card(asked.card)
    except CardNumberError:
        raise NotInRegistry("that is no card's number") from None
    numbers = await Numbers.of(connection, at.office.master, at.office.programme)
    rows = await find_cards(connection, numbers.tokens(digits))
    if not rows:
        raise NotInRegistry("there is no such card")
    return schemas.Account(rows[0]["account"])


async def _holder(connection: Connection, at: Context, _: schemas.Nothing) -> schemas.Holder:
    return await holders.show_holder(connection, at.office.master.vault, at.version, at.account)


async def _cards(connection: Connection, at: Context, _: schemas.Nothing) -> schemas.Cards:
    return await holders.show_cards(connection, at.account)


async def _history(connection: Connection, at: Context, page: schemas.Page) -> schemas.History:
    return await holders.show_history(connection, at.account, page)


async def _holder_offers(connection: Connection, at: Context, _: schemas.Nothing) -> schemas.HolderOffers:
    return await holders.show_holder_offers(connection, at.version, at.account, at.now)


async def _applications(connection: Connection, at: Context, _: schemas.Nothing) -> schemas.Applications:
    return await acts.show_applications(connection, at.account)


async def _block(connection: Connection, at: Context, asked: schemas.Block) -> schemas.Cards:
    return await acts.block(connection, at.token, at.account, asked)


async def _duplicate(connection: Connection, at: Context, asked: schemas.Duplicate) -> schemas.Application:
    return await acts.ask_duplicate(connection, at.asker, asked)


async def _renewal(connection: Connection, at: Context, asked: schemas.Renewal) -> schemas.Application:
    return await acts.ask_renewal(connection, at.asker, asked)


async def _offers(connection: Connection, at: Context, _: schemas.Nothing) -> schemas.HolderOffers:
    public = await read_public(connection, at.office.programme)
    why = "" if at.version.rules.benefits else "no_benefits"
    return schemas.HolderOffers(holders.offers_now(public, at.version, at.now), why)  # type: ignore[arg-type]


async def _events(connection: Connection, at: Context, asked: schemas.After) -> schemas.Events:
    found = await read_events(connection, at.office.programme, asked.after, asked.limit)
    return schemas.Events(
        [
            schemas.Event(each.number, each.kind, each.account, each.partner, each.data, each.made_at)
            for each in found.events
        ],
        found.newest,
    )


async def _statement(connection: Connection, at: Context, _: schemas.Nothing) -> Statement:
    if not MONTH.fullmatch(at.path["month"]):
        raise NotInRegistry("there is no such month")
    return await read_statement(connection, at.office.programme, at.partner, at.path["month"])


HOLDER: Final = "/v1/holders/{account}"
READ, WRITE = "holders:read", "holders:write"
OPERATIONS: Final = (
    Operation(
        "showProgramme", "GET", "/v1/programme", "", schemas.Nothing, schemas.Programme, _programme,
        "The programme the token is of",
    ),
    Operation(
        "findCard", "POST", "/v1/cards/find", READ, schemas.CardNumber, schemas.Account, _find_card,
        "The account of a card, by its number",
    ),
    Operation(
        "showHolder", "GET", HOLDER, READ, schemas.Nothing, schemas.Holder, _holder,
        "A holder's own data, points and entitlement (Zgierz § 19)",
    ),
    Operation(
        "listCards", "GET", f"{HOLDER}/cards", READ, schemas.Nothing, schemas.Cards, _cards,
        "The carriers of an account",
    ),
    Operation(
        "listHistory", "GET", f"{HOLDER}/history", READ, schemas.Page, schemas.History, _history,
        "The transactions of an account, newest first: the benefit counter",
    ),
    Operation(
        "listHolderOffers", "GET", f"{HOLDER}/offers", READ, schemas.Nothing, schemas.HolderOffers,
        _holder_offers, "What a holder may claim now",
    ),
    Operation(
        "listApplications", "GET", f"{HOLDER}/applications", READ, schemas.Nothing, schemas.Applications,
        _applications, "What was asked of the desk, and what has become of it",
    ),
    Operation(
        "blockCards", "POST", f"{HOLDER}/block", WRITE, schemas.Block, schemas.Cards, _block,
        "Block cards, at once and everywhere (Zgierz § 24)", is_write=True,
    ),
    Operation(
        "askDuplicate", "POST", f"{HOLDER}/duplicates", WRITE, schemas.Duplicate, schemas.Application,
        _duplicate, "Ask for a duplicate", is_write=True,
    ),
    Operation(
        "askRenewal", "POST", f"{HOLDER}/renewals", WRITE, schemas.Renewal, schemas.Application, _renewal,
        "Ask for a renewal", is_write=True,
    ),
    Operation(
        "listOffers", "GET", "/v1/offers", "offers:read", schemas.Nothing, schemas.HolderOffers, _offers,
        "The published offers that hold now",
    ),
    Operation(
        "showStatement", "GET", "/v1/partners/{partner}/statements/{month}", "statements:read",
        schemas.Nothing, Statement, _statement, "What a partner and the organiser owe each other for a month",
    ),
    Operation(
        "listEvents", "GET", "/v1/events", "events:read", schemas.After, schemas.Events, _events,
        "What happened, in order and without a gap: begin at 0, then after the last you have read",
    ),
)  # fmt: skip
"""Every operation of version 1."""
