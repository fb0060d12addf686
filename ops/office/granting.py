"""What an application that was granted brings about: a holder with a card, a duplicate, a renewal.

Owns these steps, within a write that has begun. Must not know who decided. Invariant: a number becomes a
token by `ledger.registry.numbers` and goes no further.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import acceptances, agreements, cards, duplicates, holder_imports, holders, people
from ledger.registry.audit import Actor
from ledger.registry.card_fees import OldCard
from ledger.registry.card_states import CardStatus
from ledger.registry.holder_imports import NewHolder
from ledger.registry.numbers import Numbers
from ledger.registry.sealed import give_key, key_in
from ledger.registry.secrets import MasterKey
from ledger.registry.vault import Vault
from ops.office.account_cards import newest_card
from ops.office.duplicate_fees import fee_of
from ops.office.file_since import differing, read_file, words_of
from ops.office.forms import Form, is_guardian_asked, said_of
from ops.office.forms import asked as wanted
from ops.office.numbering import numbering_of
from ops.office.validity import Validity
from switch.rules.programme import Rules

LOST: Final = "lost or stolen: a duplicate is asked for"


class Asked(NamedTuple):
    """An application as it is carried out: its row, what it says, the rules in force, and the day."""

    row: Any
    form: Form
    rules: Rules
    day: date


class Made(NamedTuple):
    """A card that lies on the desk, by the number on it."""

    master: MasterKey
    numbers: Numbers
    digits: str

    @property
    def programme(self) -> int:
        """Whose card it is."""
        return self.numbers.programme

    @property
    def token(self) -> int:
        """What the card is known by, once it is re-entered."""
        return self.numbers.tokens(self.digits)[0]

    async def check_number(self, database: Database) -> None:
        """Raise RegistryRefused for a number that is none of the programme's."""
        if not (self.digits.isascii() and self.digits.isdecimal()):
            raise RegistryRefused("the number of a card has digits only")
        if why := (await numbering_of(database, self.programme)).fault(self.digits):
            raise RegistryRefused("number {why}", why=why)


async def first_card(connection: Connection, actor: Actor, made: Made, asked: Asked) -> tuple[int, int]:
    """Give an ordered or ready card its holder, who asked for it; return the account and the card's token."""
    row, form, rules, day = asked
    card = await cards.find_card(connection, made.token)
    if card is None or card["programme"] != made.programme:
        raise RegistryRefused("there is no such card: order it first, it is in the file of the card's maker")
    status = CardStatus(card["status"])
    if status not in (CardStatus.ORDERED, CardStatus.READY):
        raise RegistryRefused(
            "this card is {card_state}, and not one that waits to be handed over",
            card_state=status.name.lower(),
        )
    vault, account = made.master.vault, card["account"]
    if await holders.find_holder(connection, account) is not None:
        raise RegistryRefused("this card has a holder already")
    await give_key(connection, key_in(row["form"]), account)
    new = NewHolder(
        made.token,
        flags=rules.holders.flags_mask(form.flags) if rules.holders else 0,
        guardian=form.needs_guardian,
        tax_year=form.tax_year if rules.entitlement else None,
        entitled_until=_entitled_until(form, rules, row["received_on"]),
        person=form.person(),
    )
    needed = bool(rules.holders and rules.holders.contact_needed)
    done = await holder_imports.add_holders(
        connection, actor, vault, made.programme, [new], contact_needed=needed
    )
    if done.refused:
        _, column, why = done.refused[0]
        raise RegistryRefused("{column} {why}", column=column, why=why)
    grown_up = () if is_guardian_asked(form, rules, day) else ("guardian",)
    await _agree(connection, actor, vault, made.token, form, words=set(words_of(form)).difference(grown_up))
    needed = bool(wanted(rules).regulations)
    await acceptances.give_acceptance(connection, actor, row["number"], account, needed=needed)
    if status is CardStatus.ORDERED:
        await cards.set_card_status(connection, actor, made.token, CardStatus.READY)
    return account, made.token


async def _agree(
    connection: Connection, actor: Actor, vault: Vault, token: int, form: Form, *, words: Collection[str]
) -> None:
    """Take down the consents an application gives and the guardian it names, where `words` has them."""
    for kind in agreements.CONSENTS:
        if f"consent_{kind}" in words:
            await agreements.give_consent(connection, actor, token, kind)
    if "guardian" in words:
        await agreements.add_representative(connection, actor, vault, token, form.representative())


async def _amend(connection: Connection, actor: Actor, vault: Vault, token: int, asked: Asked) -> None:
    """Write what an application of a holder's says anew of the holder (Żywiec § 3: a duplicate for changed
    data), but where the file was changed since it said so: what came later stays. What it leaves empty stays
    as it was: flags are taken away on the holder's page alone.
    """
    form, rules = asked.form, asked.rules.holders
    file = await read_file(connection, vault, asked.row["account"], form, (asked.rules, asked.day))
    words = {each.field for each in differing(form, file) if each.is_written}
    if said := {column: value for column, value in said_of(form).items() if column in words}:
        needed = bool(rules and rules.contact_needed)
        await people.change_person(connection, actor, vault, token, said, contact_needed=needed)
    flags = [code for code in form.flags if f"flag {code}" in words]
    if rules and (flags or "needs_guardian" in words):
        holder = await holders.the_holder(connection, token)
        await holders.set_flags(
            connection,
            actor,
            token,
            flags=holder["flags"] | rules.flags_mask(flags),
            guardian="needs_guardian" in words or None,
        )
    await _agree(connection, actor, vault, token, form, words=words)


def _entitled_until(form: Form, rules: Rules, received: date) -> date | None:
    rule = rules.entitlement
    if rule is None:
        return None
    if form.tax_year is None:
        return rule.until_without_proof(received)
    return rule.until(form.tax_year)


async def block_lost(connection: Connection, actor: Actor, account: int) -> None:
    """Block the plastic whose duplicate is asked for as lost or stolen, by the hand of whoever asks
    (programmes, Żywiec § 3: it is dead at once): one that is blocked is by this hand as well; what is wanted
    stays so, and what lies at a desk is not lost.
    """
    lost = actor._replace(reason=actor.reason or LOST)
    for card in await cards.list_cards(connection, account=account):
        status = CardStatus(card["status"])
        if card["carrier"] == duplicates.Carrier.PLASTIC and status in (
            CardStatus.ACTIVE,
            CardStatus.BLOCKED,
        ):
            await cards.set_card_status(connection, lost, card["token"], CardStatus.BLOCKED)


async def duplicate(connection: Connection, actor: Actor, made: Made, asked: Asked) -> tuple[int, int]:
    """Let another card wait in the place of a holder's, dead at once if that was lost; return the account and
    the new card's token.
    """
    row, form, rules, day = asked
    old, validity = await newest_card(connection, row["account"]), Validity(rules.card, day)
    validity.check_not_over(old["expires_on"])
    await duplicates.replace_card(
        connection,
        actor,
        old["token"],
        made.token,
        made.digits[-4:],
        lost=form.lost,
        expires_on=validity.last_day(None),
        fee=fee_of(rules.card, form.why),
        pepper=made.numbers.pepper,
    )
    await _amend(connection, actor, made.master.vault, made.token, asked)
    return row["account"], made.token


async def renew(connection: Connection, actor: Actor, vault: Vault, asked: Asked) -> date:
    """Prolong what a programme prolongs: the entitlement by proof of tax, else the card; until when."""
    row, form, rules, day = asked
    card = await newest_card(connection, row["account"])
    await _amend(connection, actor, vault, card["token"], asked)
    if rules.entitlement is not None:
        if form.tax_year is None:
            raise RegistryRefused("the application names no tax year")
        if why := rules.entitlement.proof_fault(form.tax_year, day):
            raise RegistryRefused("{year} {why}", year=form.tax_year, why=why)
        until = rules.entitlement.until(form.tax_year)
        await holders.prove_tax(
            connection, actor, card["token"], tax_year=form.tax_year, entitled_until=until
        )
        return until
    last_day = Validity(rules.card, day).last_day(None)
    if last_day is None:
        raise RegistryRefused("in this programme neither card nor entitlement has an end")
    await duplicates.renew_card(connection, actor, card["token"], last_day)
    return last_day


async def hand_over(
    connection: Connection, actor: Actor, card: Any, validity: Validity, old_card: OldCard | None
) -> str:
    """Make a ready card active; return the last four digits of its number."""
    await duplicates.hand_over_card(
        connection, actor, card["token"], expires_on=validity.last_day(None), old_card=old_card
    )
    return str(card["last4"])
