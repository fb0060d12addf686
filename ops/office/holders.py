"""The office's work with holders: who they are, what they may claim, until when, and how it ends.

Owns the use cases, and what the rules of a programme make of them: flags by name, the day a proof of tax
entitles to, the end of a month of notice. Must not write SQL (`ledger.registry` does) nor ask or print
anything. Invariants: a number is turned into a token by `ledger.registry.numbers` and goes no further; no
error repeats what was typed of a person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import agreements, endings, erasures, holder_imports, holders, people
from ledger.registry.acceptances import list_acceptances
from ledger.registry.agreements import Representative
from ledger.registry.audit import Actor
from ledger.registry.holder_imports import NewHolder
from ledger.registry.imports import Import, Mode
from ledger.registry.installation import check_master_key
from ledger.registry.numbers import Numbers
from ledger.registry.people import Person
from ledger.registry.secrets import MasterKey
from ops.office.acting import with_reason
from ops.office.numbers import card_of, card_to_change
from ops.office.objections import announced_change
from ops.office.rules_in_force import today, version_in_force
from protocol import mask_card
from switch.rules.programme import Rules

T = TypeVar("T")

IMPORT_S_MAX = 600.0


@dataclass(frozen=True)
class HolderDesk:
    """Where holders are dealt with: a database as its owner, and the master key it was initialised with."""

    database: Database
    master: MasterKey

    async def rules(self, programme: int) -> Rules:
        """Return the rules of a programme in force now. Raises NotInRegistry before the first."""
        return (await version_in_force(self.database, programme)).rules

    async def terms(self, programme: int) -> tuple[Rules, date]:
        """Return the rules of a programme in force now, and the day it is there."""
        version = await version_in_force(self.database, programme)
        return version.rules, today(version)

    async def numbers(self, programme: int) -> Numbers:
        """Return what turns numbers of a programme's cards into tokens."""
        return await self._run(lambda c: Numbers.of(c, self.master, programme))

    async def rules_of(self, digits: str) -> Rules:
        """Return the rules in force of a card's programme."""
        card = await self.database.run(lambda c: card_of(c, self.master, digits))
        return await self.rules(card["programme"])

    async def add(self, actor: Actor, numbers: Numbers, digits: str, new: NewHolder) -> None:
        """Give a card its holder."""
        done = await self.import_all(actor, numbers, [new], Mode.WHOLE)
        if done.unchanged:
            raise RegistryRefused(f"card {mask_card(digits)}: has this holder already")
        if done.refused:
            _, column, reason = done.refused[0]
            raise RegistryRefused(f"card {mask_card(digits)}: {column} {reason}".replace("number ", ""))

    async def import_all(
        self, actor: Actor, numbers: Numbers, rows: Sequence[NewHolder], mode: Mode
    ) -> Import:
        """Give many cards their holders; see `ledger.registry.holder_imports.add_holders`."""
        programme, vault = numbers.programme, self.master.vault
        needed = _contact_needed(await self.rules(programme))

        async def job(connection: Connection) -> Import:
            await numbers.reenter(connection, actor)
            return await holder_imports.add_holders(
                connection, actor, vault, programme, rows, mode=mode, contact_needed=needed
            )

        return await self._run(job, timeout_s=IMPORT_S_MAX)

    async def show(self, digits: str) -> tuple[Any, Any | None, list[Any], Person | None]:
        """Return a card, what decides about its holder, what ends the contract, taken back or not, and who
        the holder is; None for what is not kept.
        """

        async def job(connection: Connection) -> tuple[Any, Any | None, list[Any], Person | None]:
            card = await card_of(connection, self.master, digits)
            account = card["account"]
            holder = await holders.find_holder(connection, account)
            ends = await endings.list_endings(connection, account)
            return card, holder, ends, await people.find_person(connection, self.master.vault, account)

        return await self._run(job)

    async def change(self, actor: Actor, digits: str, changes: Mapping[str, Any]) -> None:
        """Change what is known of a person."""
        needed = _contact_needed(await self.rules_of(digits))
        await self._on(
            actor,
            digits,
            lambda c, token: people.change_person(
                c, actor, self.master.vault, token, changes, contact_needed=needed
            ),
        )

    async def set_flags(self, actor: Actor, digits: str, flags: int, guardian: bool | None) -> None:
        """Put the flags of a holder anew."""
        await self._on(
            actor, digits, lambda c, token: holders.set_flags(c, actor, token, flags=flags, guardian=guardian)
        )

    async def prove_tax(
        self, actor: Actor, digits: str, tax_year: int, *, is_correction: bool = False
    ) -> date:
        """Take down proof of the tax of a year that has ended; return the last day it entitles to.

        A correction of what was taken down wants a reason.
        """
        if is_correction:
            with_reason(actor)
        card = await self.database.run(lambda c: card_of(c, self.master, digits))
        rules, day = await self.terms(card["programme"])
        rule = rules.entitlement
        if rule is None:
            raise RegistryRefused("in this programme nothing hangs on proof of tax")
        if why := rule.proof_fault(tax_year, day):
            raise RegistryRefused(f"card {mask_card(digits)}: {tax_year} {why}")
        until = rule.until(tax_year)
        await self._on(
            actor,
            digits,
            lambda c, token: holders.prove_tax(
                c, actor, token, tax_year=tax_year, entitled_until=until, is_correction=is_correction
            ),
        )
        return until

    async def give_notice(self, actor: Actor, digits: str, given_on: date | None) -> date:
        """Give notice that the entitlement is lost; return the last day of the contract, which may be an
        earlier one than the notice's. Wants a reason.

        None: it is given today, by the programme's calendar.
        """
        with_reason(actor)
        card = await self.database.run(lambda c: card_of(c, self.master, digits))
        rules, day = await self.terms(card["programme"])
        given_on = given_on or day
        ends_on = rules.card.notice_until(given_on)
        return await self._on(
            actor,
            digits,
            lambda c, token: endings.give_notice(c, actor, token, given_on=given_on, ends_on=ends_on),
        )

    async def object(self, actor: Actor, digits: str) -> date:
        """Take down a holder's objection to the change of the rules that comes next: the contract ends the
        day before (Zgierz § 35), unless a notice ends it sooner. Returns the last day of the contract.
        """
        card = await self.database.run(lambda c: card_of(c, self.master, digits))
        change = await announced_change(self.database, card["programme"])
        return await self._on(
            actor,
            digits,
            lambda c, token: endings.take_objection(
                c, actor, token, given_on=change.today, ends_on=change.ends_on
            ),
        )

    async def withdraw(self, actor: Actor, digits: str, kind: endings.Ending) -> date | None:
        """Take back what stands of a kind: the other stays. Returns the last day of the contract, if any."""
        return await self._on(actor, digits, lambda c, token: endings.withdraw(c, actor, token, kind))

    async def anonymise(self, actor: Actor, digits: str) -> int:
        """Remove who the holder is, destroy the key, end the account. Wants a reason. Returns how many
        carriers ended.
        """
        with_reason(actor)
        vault = self.master.vault
        return await self._on(actor, digits, lambda c, token: erasures.anonymise(c, actor, vault, token))

    async def pending_erasures(self) -> int:
        """Return how many were erased whom this database still has: it was restored from an older backup."""
        return len(await self._run(lambda c: erasures.pending_erasures(c, self.master.vault)))

    async def apply_erasures(self, actor: Actor) -> int:
        """Erase again whom this database still has; return how many they were."""
        return await self._run(
            lambda c: erasures.apply_erasures(c, actor, self.master.vault), timeout_s=IMPORT_S_MAX
        )

    async def consent(self, actor: Actor, digits: str, kind: str, *, is_withdrawn: bool) -> None:
        """Take down that a consent was given, or withdrawn."""
        act = agreements.withdraw_consent if is_withdrawn else agreements.give_consent
        await self._on(actor, digits, lambda c, token: act(c, actor, token, kind))

    async def represent(self, actor: Actor, digits: str, who: Representative) -> int:
        """Take down who may act for a holder; returns the number it is known by."""
        vault = self.master.vault
        return await self._on(
            actor, digits, lambda c, token: agreements.add_representative(c, actor, vault, token, who)
        )

    async def end_representative(self, actor: Actor, digits: str, number: int) -> None:
        """Remove who may act for a holder no more."""
        await self._on(actor, digits, lambda c, token: agreements.end_representative(c, actor, token, number))

    async def agreements(self, digits: str) -> tuple[list[Any], list[Any], list[Any]]:
        """Return a holder's consents, which rules the holder accepted, and who may act for the holder."""
        vault = self.master.vault

        async def job(connection: Connection) -> tuple[list[Any], list[Any], list[Any]]:
            card = await card_of(connection, self.master, digits)
            consents, who = await agreements.list_agreements(connection, vault, card["token"])
            return consents, await list_acceptances(connection, card["account"]), who

        return await self._run(job)

    async def _on(self, actor: Actor, digits: str, job: Callable[[Connection, int], Awaitable[T]]) -> T:
        async def with_card(connection: Connection) -> T:
            card = await card_to_change(connection, actor, self.master, digits)
            try:
                return await job(connection, card["token"])
            except RegistryRefused as error:
                raise type(error)("card {card}: {why}", card=mask_card(digits), why=error.phrase) from None

        return await self.database.run(with_card)

    async def _run(self, job: Callable[[Connection], Awaitable[T]], *, timeout_s: float = 10.0) -> T:
        async def checked(connection: Connection) -> T:
            await check_master_key(connection, self.master)
            return await job(connection)

        return await self.database.run(checked, timeout_s=timeout_s)


def _contact_needed(rules: Rules) -> bool:
    return rules.holders is not None and rules.holders.contact_needed
