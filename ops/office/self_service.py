"""What a holder does without a desk (Zgierz § 19): by account, never by a number that somebody types.

Of data a holder changes contact alone (`CONTACT`); the rest says what the card was given for, and is the
desk's to verify.

Owns the use cases. Must not write SQL, nor know pages. Invariant: everything is of the one account it was
made for; a card is named by its place among the account's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from ledger.books.counter import ROWS_MAX, CounterRow, read_counter
from ledger.books.statements import balance
from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import agreements, cards, contracts, endings, erasures, holders, messages, people
from ledger.registry.acceptances import list_acceptances
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import ENDED, HANDS, CardStatus
from ledger.registry.offers import published_terms, read_public
from ledger.registry.people import CONTACT
from ledger.registry.secrets import MasterKey
from ops.office.account_cards import any_card
from ops.office.card_view import judged_by
from ops.office.objections import AnnouncedChange, announced_change, change_after
from ops.office.public_list import offer_of, public_list
from ops.office.public_page import PartnerLines, lines_of
from ops.office.rules_in_force import today, version_in_force, versions_now
from ops.office.seen import Seen, check_seen
from switch.clock import clock_ms
from switch.rules.programme import Rules


class OwnCard(NamedTuple):
    """A card of the account: its place among them, what terminals judge it by, whether it can be blocked."""

    place: str
    last4: str
    status: CardStatus
    valid_until: date | None
    is_over: bool
    may_block: bool


class Overview(NamedTuple):
    """What stands about a holder: cards, until when entitled (None: nothing was proved), kinds, points."""

    rules: Rules
    cards: list[OwnCard]
    has_ended: bool
    """Of whose contract no card goes on: nothing is claimed any more, whatever was proved."""
    is_proof_needed: bool
    entitled_until: date | None
    is_entitled: bool
    kinds: list[Mapping[str, str]]
    flags: list[Mapping[str, str]]
    points: int
    contract_ends_on: date | None
    endings: list[Any]
    """What ends the contract, or did until it was taken back, newest first."""
    change: AnnouncedChange | None
    """Which change of the rules is announced."""

    def may_object(self) -> bool:
        """Whether an objection to the change that is announced would be taken down."""
        was = endings.standing(self.endings, "objection")
        return (
            self.change is not None
            and not self.has_ended
            and (not was or self.change.ends_on < was[0]["ends_on"])
        )


@dataclass(frozen=True)
class SelfService:
    """One holder's own office."""

    database: Database
    master: MasterKey
    programme: int
    account: int

    async def overview(self) -> Overview:
        """Return what stands about the holder today."""
        version, coming = await versions_now(self.database, self.programme)
        rules, day = version.rules, today(version)

        async def job(connection: Connection) -> tuple[list[Any], Any, int, list[Any]]:
            return (
                await cards.list_cards(connection, account=self.account, limit=100),
                await holders.find_holder(connection, self.account),
                await balance(connection, self.account) or 0,
                await endings.list_endings(connection, self.account),
            )

        rows, holder, points, ends = await self.database.run(job)
        contract_ends_on = holder["contract_ends_on"] if holder else None
        own = [
            _own_card(row) for row in judged_by(rows, {self.account: contract_ends_on}, {self.programme: day})
        ]
        needs = rules.entitlement is not None
        until = holder["entitled_until"] if holder else None
        kinds = rules.holders.kinds if rules.holders else ()
        flags = rules.holders.flags if rules.holders else ()
        mask = _kinds_on(holder, day) if holder else 0
        return Overview(
            rules,
            own,
            all(card.status in ENDED for card in own),
            needs,
            until,
            not needs or (until is not None and day <= until),
            [kind.name for kind in kinds if mask >> kind.bit & 1],
            [flag.name for flag in flags if holder and holder["flags"] >> flag.bit & 1],
            points,
            contract_ends_on,
            ends,
            change_after(version, coming),
        )

    async def offers(self, language: str) -> tuple[Rules, list[PartnerLines]]:
        """Return the prices, discounts and promotions that hold now: the public list."""
        rules = await self.rules()
        public = await self.database.run(lambda c: read_public(c, self.programme))
        return rules, lines_of(public_list(public, rules, now()), rules, language)

    async def rules(self) -> Rules:
        """Return the rules in force."""
        return (await version_in_force(self.database, self.programme)).rules

    async def offer_names(self, numbers: Collection[int], language: str) -> dict[int, str]:
        """Return what each of these offers is called, by number, those that have ended too."""
        if not numbers:
            return {}
        rows = await self.database.run(lambda c: published_terms(c, self.programme, numbers))
        return {row["number"]: str(getattr(offer_of(row["terms"]).name, language)) for row in rows}

    async def counter(self, *, newer: int = 0, limit: int = 50) -> list[CounterRow]:
        """Return a page of the counter of benefits."""
        return await self.database.run(
            lambda c: read_counter(c, self.account, newer=newer, limit=limit), timeout_s=30.0
        )

    async def whole_counter(self) -> list[CounterRow]:
        """Return all of it that there is to be had."""
        return await self.counter(limit=ROWS_MAX)

    async def person(self) -> people.Person | None:
        """Return who the holder is."""
        return await self.database.run(lambda c: people.find_person(c, self.master.vault, self.account))

    async def check_contact(self, changes: Mapping[str, str], seen: Seen) -> people.Person:
        """Return who the holder is, before phone, e-mail and the channel of notices, as they were `seen`, are
        put anew. Raises RegistryRefused where they cannot be so.
        """
        person, version = await self.person(), await version_in_force(self.database, self.programme)
        if person is None:
            raise NotInRegistry("nobody is known by this card")
        check_seen(seen, {name: getattr(person, name) for name in CONTACT})
        needed = _is_contact_needed(version.rules)
        other = people.amended(person, changes)
        if why := people.person_fault(other, today(version), contact_needed=needed):
            raise RegistryRefused("{column} {why}", column=why[0], why=why[1])
        return person

    async def change_contact(self, actor: Actor, changes: Mapping[str, str], seen: Seen) -> None:
        """Put phone, e-mail and the channel of notices anew, as they were `seen`. Raises RegistryRefused."""
        assert set(changes) <= set(CONTACT)
        needed = _is_contact_needed(await self.rules())
        token, vault = await self._token(), self.master.vault

        async def job(connection: Connection) -> None:
            async with writing(connection, actor):
                if (was := await people.find_person(connection, vault, self.account)) is not None:
                    check_seen(seen, {name: getattr(was, name) for name in CONTACT})
                await people.change_person(connection, actor, vault, token, changes, contact_needed=needed)

        await self.database.run(job)

    async def block(self, actor: Actor, place: str) -> None:
        """Block a card of one's own, at once and everywhere (Zgierz § 24). Raises RegistryRefused."""

        async def job(connection: Connection) -> None:
            for row in await cards.list_cards(connection, account=self.account, limit=100):
                if _place(row) == place:
                    await cards.set_card_status(connection, actor, row["token"], CardStatus.BLOCKED)
                    return
            raise NotInRegistry("there is no such card")

        await self.database.run(job)

    async def messages(self, actor: Actor, before: int = 0) -> messages.Messages:
        """Return the newest messages before a number (0: of all), which are read by this."""

        async def job(connection: Connection) -> messages.Messages:
            page = await messages.page_of_messages(connection, self.master.vault, self.account, before)
            if any(row["read_at"] is None and not row["from_holder"] for row in page.rows):
                last = page.rows[0]["number"]
                await messages.mark_read(connection, actor, self.account, from_holder=False, through=last)
            return page

        return await self.database.run(job)

    async def write(self, actor: Actor, text: str) -> None:
        """Write to the desk. Raises RegistryRefused."""
        await self.database.run(
            lambda c: messages.send_message(c, actor, self.master.vault, self.account, text, from_holder=True)
        )

    async def consents(self) -> list[Any]:
        """Return what the holder agreed to, newest first."""
        token = await self._token()
        consents, _ = await self.database.run(
            lambda c: agreements.list_agreements(c, self.master.vault, token)
        )
        return consents

    async def accepted(self) -> list[Any]:
        """Return which rules of the programme the holder accepted, newest first."""
        return await self.database.run(lambda c: list_acceptances(c, self.account))

    async def consent(self, actor: Actor, kind: str, *, is_withdrawn: bool) -> None:
        """Take down a consent, or that it was withdrawn. Raises RegistryRefused."""
        token = await self._token()
        act = agreements.withdraw_consent if is_withdrawn else agreements.give_consent
        await self.database.run(lambda c: act(c, actor, token, kind))

    async def resign(self, actor: Actor) -> None:
        """End the contract today, and the login with it (Zgierz § 31); who the holder is stays known until it
        is asked to be removed.
        """
        token = await self._token()
        await self.database.run(lambda c: contracts.end_contract(c, actor, token, CardStatus.RESIGNED))

    async def object(self, actor: Actor, seen: Seen) -> date:
        """Object to the change of rules that was `seen` (Zgierz § 35): the contract ends the day before,
        unless a notice ends it sooner. Returns its last day. Raises RegistryRefused.
        """
        change = await announced_change(self.database, self.programme)
        change.check(seen)
        token = await self._token()
        return await self.database.run(
            lambda c: endings.take_objection(c, actor, token, given_on=change.today, ends_on=change.ends_on)
        )

    async def anonymise(self, actor: Actor) -> None:
        """Remove who the holder is, end the account and the login (Zgierz § 19, § 26)."""
        token = await self._token()
        await self.database.run(lambda c: erasures.anonymise(c, actor, self.master.vault, token))

    async def needs_guardian(self) -> bool:
        """Whether a parent or guardian acts for the holder today (Zgierz § 12)."""
        return await self.database.run(lambda c: holders.needs_guardian(c, self.account))

    async def _token(self) -> int:
        return int((await self.database.run(lambda c: any_card(c, self.account)))["token"])


def _is_contact_needed(rules: Rules) -> bool:
    return rules.holders is not None and rules.holders.contact_needed


def _place(row: Any) -> str:
    return f"{row['carrier']}-{row['issue']}"


def _own_card(row: Any) -> OwnCard:
    status = CardStatus(row["status"])
    may = any(hand.endswith("online") for hand in HANDS.get((status, CardStatus.BLOCKED), ()))
    return OwnCard(
        _place(row),
        row["last4"],
        status,
        row["valid_until"],
        row["is_over"],
        may and status is not CardStatus.BLOCKED,
    )


def _kinds_on(holder: Any, day: date) -> int:
    if holder["kinds_from"] and day < holder["kinds_from"]:
        return int(holder["kinds_before"])
    if holder["next_from"] and day >= holder["next_from"]:
        return int(holder["kinds_next"])
    return int(holder["kinds"])


def now() -> datetime:
    """Return the moment it is, by the switch's clock."""
    return datetime.fromtimestamp(clock_ms() / 1_000, UTC)
