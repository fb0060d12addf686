"""What the API shows of holders: their data, cards, history, and what they may claim now.

Owns how registry, books and rules become answers. Must not write SQL, nor know HTTP. Invariant: an account
is looked up with the rights of its programme's role, and first of all: another programme's is not there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from ledger.books import statements
from ledger.books.posting import AccountKind, Kind
from ledger.errors import NotInRegistry
from ledger.postgres.database import Connection
from ledger.registry.agreements import list_consents
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import list_cards
from ledger.registry.duplicates import Carrier
from ledger.registry.endings import list_endings
from ledger.registry.holders import find_holder
from ledger.registry.offers import Public, read_public
from ledger.registry.people import find_person
from ledger.registry.programmes import today_of
from ledger.registry.reads import Status
from ledger.registry.vault import Vault
from ops.api import schemas
from ops.office.public_list import held_versions
from ops.till.answers import code_name
from switch.rules.benefits import Terms, benefits_for
from switch.rules.cards import HeldCard
from switch.rules.dates import day_number
from switch.rules.entitlement import Held, Standing, standing
from switch.rules.offer_checks import is_over
from switch.rules.versions import Version

CARDS_MAX: Final = 1_000
WALK_ROWS: Final = 1_000
WALKS_MAX: Final = 20
_KINDS: Final = {int(kind): kind.name.lower() for kind in Kind}
_PARTNERS: Final = {int(AccountKind.PARTNER_ISSUED), int(AccountKind.PARTNER_REDEEMED)}
FAR: Final = 1_000_000


async def cards_of(connection: Connection, account: int) -> list[Any]:
    """Return the carriers of an account. Raises NotInRegistry where it has none that the reader may see."""
    rows = await list_cards(connection, account=account, limit=CARDS_MAX)
    if not rows:
        raise NotInRegistry("there is no such account")
    return rows


async def show_cards(connection: Connection, account: int) -> schemas.Cards:
    """Return the carriers of an account as terminals judge them."""
    rows = await cards_of(connection, account)
    holder = await find_holder(connection, account)
    notice = holder and holder["contract_ends_on"]
    today = await today_of(connection, rows[0]["programme"])
    cards = []
    for row in rows:
        until = min((day for day in (row["expires_on"], notice) if day), default=None)
        cards.append(
            schemas.Card(
                Carrier(row["carrier"]).name.lower(),
                row["issue"],
                row["last4"],
                CardStatus(row["status"]).name.lower(),
                row["expires_on"],
                until,
                until is not None and until < today,
            )
        )
    return schemas.Cards(cards)


async def show_holder(connection: Connection, vault: Vault, version: Version, account: int) -> schemas.Holder:
    """Return a holder's own data."""
    await cards_of(connection, account)
    held = await find_holder(connection, account)
    person = await find_person(connection, vault, account)
    row: dict[str, Any] = dict(held) if held is not None else {}
    rules = version.rules.holders
    kinds = [each.code for each in rules.kinds if row.get("kinds", 0) >> each.bit & 1] if rules else []
    flags = [each.code for each in rules.flags if row.get("flags", 0) >> each.bit & 1] if rules else []
    return schemas.Holder(
        account,
        await statements.balance(connection, account) or 0,
        kinds,
        flags,
        row.get("guardian", False),
        row.get("entitled_until"),
        row.get("tax_year"),
        row.get("contract_ends_on"),
        row.get("resigned_on"),
        None if person is None else schemas.Person(**person._asdict()),
        [schemas.Consent(**row) for row in await list_consents(connection, account)],
        [_ending(row) for row in await list_endings(connection, account)],
    )


def _ending(row: Any) -> schemas.Ending:
    return schemas.Ending(row["kind"], row["given_on"], row["ends_on"], row["withdrawn_at"])


async def show_history(connection: Connection, account: int, page: schemas.Page) -> schemas.History:
    """Return a page of an account's transactions. The page begins after a row of this account's own, so a
    number that was made up leads to no other's.
    """
    await cards_of(connection, account)
    last: statements.HistoryRow | None = None
    if page.before:
        last = await _row_of(connection, account, int(page.before))
    rows = await statements.history(connection, account, limit=page.limit + 1, before=last)
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    return schemas.History(
        [_entry(row) for row in rows], str(rows[-1].transaction_id) if more and rows else None
    )


async def _row_of(connection: Connection, account: int, transaction: int) -> statements.HistoryRow:
    last: statements.HistoryRow | None = None
    for _ in range(WALKS_MAX):
        rows = await statements.history(connection, account, limit=WALK_ROWS, before=last)
        for row in rows:
            if row.transaction_id == transaction:
                return row
        if len(rows) < WALK_ROWS:
            break
        last = rows[-1]
    raise NotInRegistry("there is no such transaction of this account")


def _entry(row: statements.HistoryRow) -> schemas.Entry:
    return schemas.Entry(
        str(row.transaction_id),
        datetime.fromtimestamp(row.accepted_at_ms / 1_000, UTC),
        _KINDS.get(row.kind, "tombstone"),
        code_name(row.code),
        row.points,
        row.balance,
        row.amount_grosze,
        row.counter_account >> 3 if row.counter_account & 7 in _PARTNERS else None,
        row.terminal,
        row.stan,
        row.original_stan or None,
        row.discount_grosze,
        row.offer or None,
    )


async def show_holder_offers(
    connection: Connection, version: Version, account: int, now: datetime
) -> schemas.HolderOffers:
    """Return the offers a holder may claim at this moment, at some outlet of their partners."""
    rows = await cards_of(connection, account)
    today = await today_of(connection, rows[0]["programme"])
    holder = await find_holder(connection, account)
    notice = holder and holder["contract_ends_on"]
    days = [min(day for day in (row["expires_on"], notice, today) if day) for row in rows]
    if not any(
        row["status"] == CardStatus.ACTIVE and day >= today for row, day in zip(rows, days, strict=True)
    ):
        return schemas.HolderOffers([], "no_active_card")
    if version.rules.benefits is None:
        return schemas.HolderOffers([], "no_benefits")
    who = _standing(account, rows[0]["programme"], holder, version, day_number(today))
    if not who.is_entitled:
        return schemas.HolderOffers([], "not_entitled")
    public = await read_public(connection, rows[0]["programme"])
    return schemas.HolderOffers(offers_now(public, version, now, who), "")


def _standing(account: int, programme: int, row: Any | None, version: Version, day: int) -> Standing:
    held = None
    if row is not None:
        held = Held(
            row["flags"],
            row["kinds"],
            row["kinds_before"],
            day_number(row["kinds_from"]) if row["kinds_from"] else -FAR,
            row["kinds_next"],
            day_number(row["next_from"]) if row["next_from"] else FAR,
            day_number(row["entitled_until"]) if row["entitled_until"] else None,
        )
    return standing(HeldCard(account, programme, int(CardStatus.ACTIVE), held=held), version, day)


def offers_now(
    public: Public, version: Version, now: datetime, who: Standing | None = None
) -> list[schemas.Offer]:
    """Return the published offers that hold at a moment, those of main partners first; of a holder, those
    that are for the holder.
    """
    wall = now.astimezone(ZoneInfo(version.rules.programme.time_zone))
    partners = {row["id"]: row for row in public.partners if row["status"] == Status.ACTIVE}
    found = []
    for held in held_versions(public.versions, now) if version.rules.benefits else ():
        offer = held.offer
        is_early = offer.from_day is not None and wall.date() < offer.from_day
        if held.since > now or is_early or is_over(offer, wall) or offer.partner not in partners:
            continue
        if who is not None and not benefits_for(
            Terms.of(offer, version.codes), kinds=who.kinds, flags=who.flags
        ):
            continue
        partner = partners[offer.partner]
        terms = msgspec.to_builtins(offer)
        for name in ("number", "partner"):
            terms.pop(name, None)
        found.append(
            schemas.Offer(
                offer.number,
                held.version,
                offer.partner,
                partner["name"],
                partner["main_partner"],
                terms,
                held.since,
                held.until,
            )
        )
    found.sort(key=lambda each: (not each.main_partner, each.partner, each.number))
    return found
