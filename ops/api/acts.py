"""What the API does for holders: block, and what is asked of the desk.

Owns the acts; each runs in the transaction its answer is kept in. Must not write SQL, nor know HTTP.
Invariant: whose hand a card moves by is what the system says of its user, and the table of moves holds it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, Literal, NamedTuple

import msgspec

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.api_tokens import Token
from ledger.registry.applications import (
    NewApplication,
    Which,
    add_application,
    applications_of,
    the_application,
)
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import HANDS, CardStatus, Hand
from ledger.registry.cards import set_card_status
from ledger.registry.duplicates import Carrier
from ledger.registry.holders import entitled_until
from ledger.registry.programmes import today_of
from ledger.registry.vault import Vault
from ops.api import schemas
from ops.api.holders import cards_of, show_cards
from ops.office.forms import Form, check_form, check_proves_more
from ops.office.forms import asked as asked_of
from ops.office.granting import block_lost
from switch.rules.programme import Rules

HAND: Final = {
    "holder": Hand.HOLDER_ONLINE,
    "guardian": Hand.GUARDIAN_ONLINE,
    "proxy": Hand.PROXY_ONLINE,
}


def actor_of(token: Token, reason: str = "", by: str = "") -> Actor:
    """Return as whom a system writes: by its name and the number of its token."""
    name = f"api: {token.name}"[:50]
    return Actor(f"{name} ({token.number})", reason, hand=HAND.get(by, Hand.DESK))


class Asker(NamedTuple):
    """For which account a system asks, by which rules, and what the forms are sealed with."""

    token: Token
    account: int
    rules: Rules
    vault: Vault


async def block(connection: Connection, token: Token, account: int, asked: schemas.Block) -> schemas.Cards:
    """Block the carriers of an account that can be blocked. Of those that are it stands in the trail who says
    so again: a case that is lifted gives nothing back that its holder blocked.
    """
    rows = await cards_of(connection, account)
    wanted = None if asked.carrier is None else int(Carrier[asked.carrier.upper()])
    actor = actor_of(token, asked.reason, asked.by)
    chosen = [row for row in rows if wanted in (None, row["carrier"]) and _can_be_blocked(row, actor.hand)]
    if not chosen:
        raise RegistryRefused("there is no card here that can be blocked")
    for row in chosen:
        await set_card_status(connection, actor, row["token"], CardStatus.BLOCKED)
    return await show_cards(connection, account)


def _can_be_blocked(row: Any, hand: Hand) -> bool:
    now = CardStatus(row["status"])
    return now is CardStatus.BLOCKED or hand in HANDS.get((now, CardStatus.BLOCKED), ())


async def ask_duplicate(connection: Connection, at: Asker, asked: schemas.Duplicate) -> schemas.Application:
    """Ask the desk for a duplicate; a card that is lost or stolen is blocked by it."""
    form = Form(why=asked.why, lost=asked.lost, pickup=asked.pickup)
    return await _ask(connection, at, "duplicate", form, actor_of(at.token, asked.reason, asked.by))


async def ask_renewal(connection: Connection, at: Asker, asked: schemas.Renewal) -> schemas.Application:
    """Ask the desk to prolong the entitlement or the card."""
    form = Form(tax_year=asked.tax_year)
    return await _ask(connection, at, "renewal", form, actor_of(at.token, "", asked.by))


async def _ask(
    connection: Connection, at: Asker, kind: Literal["renewal", "duplicate"], form: Form, actor: Actor
) -> schemas.Application:
    rows = await cards_of(connection, at.account)
    programme = rows[0]["programme"]
    terms = asked_of(at.rules)
    today = await today_of(connection, programme)
    check_form(form, kind, at.rules, today)
    if form.pickup and not terms.desks:
        raise RegistryRefused("pickup is none of the programme's desks")
    check_proves_more(form, kind, at.rules, await entitled_until(connection, at.account))
    new = NewApplication(
        programme,
        kind,
        "api",
        msgspec.json.encode(form),
        today + timedelta(days=terms.decide_days),
        form.pickup,
        at.account,
        at.rules.of_second_person().applications,
        keep_days=terms.keep_days,
    )
    async with writing(connection, actor):
        number = await add_application(connection, actor, at.vault, new)
        if form.lost:
            await block_lost(connection, actor, at.account)
    return application(await the_application(connection, Which(programme, number)))


def application(row: Any) -> schemas.Application:
    """Return an application as the API shows it."""
    return schemas.Application(
        row["number"],
        row["kind"],
        row["state"],
        row["via"],
        row["received_on"],
        row["due_on"],
        row["complete_until"],
    )


async def show_applications(connection: Connection, account: int) -> schemas.Applications:
    """Return what was asked for an account, newest first."""
    rows = await cards_of(connection, account)
    found = await applications_of(connection, rows[0]["programme"], account)
    return schemas.Applications([application(row) for row in found])
