"""A holder as a desk sees one: found by card, PESEL or name, shown whole, and what is done there.

Owns these use cases, by account: at a desk somebody stands there, mostly without the card. Must not write SQL
(`ledger.registry` does) nor know a page. Invariants: whose hand acts is said, and the table of moves decides
whether it may (a proxy blocks nothing at a desk: Zgierz § 24); no error repeats what was typed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

import trio

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import (
    acting_for,
    agreements,
    applications,
    cards,
    contracts,
    endings,
    erasures,
    holders,
    messages,
    people,
    proposals,
)
from ledger.registry.acceptances import list_acceptances
from ledger.registry.agreements import Representative
from ledger.registry.audit import Actor, writing
from ledger.registry.card_fees import fees_to_give_back, record_paid
from ledger.registry.card_states import ENDED, CardStatus, Hand
from ledger.registry.numbers import Numbers
from ledger.registry.people_search import accounts_of_pesel, name_in, page_of_names
from ledger.registry.pesel import born_of_pesel
from ledger.registry.proposals import Act
from ledger.registry.secrets import MasterKey
from ops.office.account_cards import any_card
from ops.office.acting import with_reason
from ops.office.holder_view import Found, Holder, held_flags
from ops.office.name_match import is_named, words_of
from ops.office.objections import announced_change
from ops.office.rules_in_force import second_person, today, version_in_force
from ops.office.seen import Seen, check_seen

T = TypeVar("T")
FOUND_MAX: Final = 50
NAME_CHARACTERS_MIN: Final = 3
ANONYMISE: Final[Act] = "anonymise"


@dataclass(frozen=True)
class HolderFile:
    """Where the holders of one programme are dealt with at a desk."""

    database: Database
    master: MasterKey
    programme: int

    async def find(self, text: str) -> list[Found]:
        """Return who has a card of this number, this PESEL, or a name of these words: one more than
        `FOUND_MAX` where there are more than those.
        """
        digits = text.replace(" ", "")
        if not digits.isascii() or not digits.isdecimal():
            return await self._by_name(text)
        vault = self.master.vault

        async def job(connection: Connection) -> list[Found]:
            accounts = list[int]()
            if born_of_pesel(digits) is not None:
                accounts = await accounts_of_pesel(connection, vault, self.programme, digits)
            if not accounts:
                numbers = await Numbers.of(connection, self.master, self.programme)
                accounts = [
                    row["account"] for row in await cards.find_cards(connection, numbers.tokens(digits))
                ][:1]
            accounts = accounts[: FOUND_MAX + 1]
            people_of = [await people.find_person(connection, vault, account) for account in accounts]
            return [
                Found(account, person.name if person else "")
                for account, person in zip(accounts, people_of, strict=True)
            ]

        return await self.database.run(job)

    async def _by_name(self, text: str) -> list[Found]:
        words = words_of(text)
        if len("".join(words)) < NAME_CHARACTERS_MIN:
            raise RegistryRefused(
                "a name is looked for by {least} letters or more", least=NAME_CHARACTERS_MIN
            )
        vault, found, after = self.master.vault, list[Found](), 0

        def matching(rows: list[Any]) -> list[Found]:
            named = [Found(row["account"], name_in(vault, row)) for row in rows]
            return [one for one in named if is_named(one.name, words)]

        while len(found) <= FOUND_MAX:
            rows = await self.database.run(lambda c, a=after: page_of_names(c, self.programme, a))  # type: ignore[misc]
            if not rows:
                break
            found += await trio.to_thread.run_sync(matching, rows)  # thousands of names take a while to open
            after = rows[-1]["account"]
        return sorted(found[: FOUND_MAX + 1], key=lambda one: one.name)

    async def show(self, account: int, before: int = 0) -> Holder:
        """Return a holder of this programme, with the newest messages before a number (0: of all). Raises
        NotInRegistry, also for one of another programme.
        """
        vault = self.master.vault
        rules = (await version_in_force(self.database, self.programme)).rules.holders

        async def job(connection: Connection) -> Holder:
            rows = await self._cards(connection, account)
            token = rows[-1]["token"]
            decides = await holders.find_holder(connection, account)
            held = decides["flags"] if decides else 0
            consents, who = await agreements.list_agreements(connection, vault, token)
            return Holder(
                account,
                await people.find_person(connection, vault, account),
                decides,
                await endings.list_endings(connection, account),
                [(flag, bool(held >> flag.bit & 1)) for flag in (rules.flags if rules else ())],
                rows,
                consents,
                await list_acceptances(connection, account),
                who,
                await acting_for.linked_numbers(connection, account),
                await self._erasure(connection, account),
                await applications.applications_of(connection, self.programme, account),
                await messages.page_of_messages(connection, vault, account, before),
                await fees_to_give_back(connection, self.programme, account),
            )

        return await self.database.run(job)

    async def block(self, actor: Actor, account: int, hand: Hand) -> None:
        """Block every carrier of an account that works, waits or is blocked (Zgierz § 24). Wants a reason."""
        with_reason(actor)

        async def job(connection: Connection) -> None:
            rows = await self._cards(connection, account)
            going = [row for row in rows if CardStatus(row["status"]) in _BLOCKABLE]
            if not going:
                raise RegistryRefused("no card of this holder can be blocked")
            for row in going:
                await cards.set_card_status(
                    connection, actor._replace(hand=hand), row["token"], CardStatus.BLOCKED
                )

        await self.database.run(job)

    async def unblock(self, actor: Actor, account: int) -> None:
        """Take the newest plastic up again, as it was before its block. Wants a reason."""
        with_reason(actor)

        async def act(connection: Connection, token: int) -> None:
            await cards.set_card_status(connection, actor, token, CardStatus.ACTIVE)

        await self._on(account, act)

    async def resign(self, actor: Actor, account: int, hand: Hand) -> None:
        """Take a resignation down: the contract ends today (Zgierz § 31). Wants a reason."""
        with_reason(actor)

        async def act(connection: Connection, token: int) -> None:
            await contracts.end_contract(connection, actor._replace(hand=hand), token, CardStatus.RESIGNED)

        await self._on(account, act)

    async def give_notice(self, actor: Actor, account: int) -> date:
        """Give notice that the entitlement is lost; return the last day (Zgierz § 33). Wants a reason."""
        with_reason(actor)
        version = await version_in_force(self.database, self.programme)
        day = today(version)
        ends_on = version.rules.card.notice_until(day)

        async def act(connection: Connection, token: int) -> None:
            await endings.give_notice(connection, actor, token, given_on=day, ends_on=ends_on)

        await self._on(account, act)
        return ends_on

    async def notice_until(self) -> date | None:
        """Return the last day of a contract of which notice is given today; None: it ends at once."""
        version = await version_in_force(self.database, self.programme)
        return version.rules.card.notice_until(today(version)) if version.rules.card.notice_months else None

    async def withdraw(self, actor: Actor, account: int, kind: endings.Ending, seen: Seen) -> None:
        """Take back what stands of a kind, as it was `seen` (`Holder.standing`); the other stays. A notice
        wants a reason, as to give it does; an objection the hand on whose word it is.
        """
        if kind == "notice":
            with_reason(actor)

        async def act(connection: Connection, token: int) -> None:
            await endings.withdraw(
                connection, actor, token, kind, lambda numbers: check_seen(seen, {kind: numbers})
            )

        await self._on(account, act)

    async def object(self, actor: Actor, account: int, hand: Hand, seen: Seen) -> None:
        """Take down an objection to the change of rules that was `seen` (Zgierz § 35). Raises NotInRegistry
        where none is announced, `ChangedSince` where another is.
        """
        change = await announced_change(self.database, self.programme)
        change.check(seen)
        whose = actor._replace(hand=hand)

        async def act(connection: Connection, token: int) -> None:
            await endings.take_objection(
                connection, whose, token, given_on=change.today, ends_on=change.ends_on
            )

        await self._on(account, act)

    async def change(self, actor: Actor, account: int, changes: dict[str, Any], seen: Seen) -> None:
        """Change what is known of the holder, as it was `seen`. Raises `ChangedSince`."""
        rules = (await version_in_force(self.database, self.programme)).rules
        needed = bool(rules.holders and rules.holders.contact_needed)
        vault = self.master.vault

        async def act(connection: Connection, token: int) -> None:
            async with writing(connection, actor):
                if (was := await people.find_person(connection, vault, account)) is not None:
                    check_seen(seen, was._asdict())
                await people.change_person(connection, actor, vault, token, changes, contact_needed=needed)

        await self._on(account, act)

    async def set_flags(
        self, actor: Actor, account: int, codes: Collection[str], *, needs_guardian: bool, seen: Seen
    ) -> None:
        """Put the flags of the holder anew, as they were `seen`, and whether a guardian acts whatever the age
        (Zgierz § 10, § 12, § 16). Wants a reason. Raises `ChangedSince`.
        """
        with_reason(actor)
        rules = (await version_in_force(self.database, self.programme)).rules.holders
        if set(codes) - {flag.code for flag in (rules.flags if rules else ())}:
            raise RegistryRefused("flags are others than the programme's")
        mask = rules.flags_mask(codes) if rules else 0

        async def act(connection: Connection, token: int) -> None:
            async with writing(connection, actor):
                was = await holders.the_holder(connection, token)
                check_seen(seen, held_flags(rules.flags if rules else (), was))
                await holders.set_flags(connection, actor, token, flags=mask, guardian=needs_guardian)

        await self._on(account, act)

    async def consent(self, actor: Actor, account: int, kind: str, *, is_withdrawn: bool) -> None:
        """Take down that a consent was given, or withdrawn (Zgierz § 13, § 14)."""
        act = agreements.withdraw_consent if is_withdrawn else agreements.give_consent
        await self._on(account, lambda c, token: act(c, actor, token, kind))

    async def represent(self, actor: Actor, account: int, who: Representative) -> None:
        """Take down who may act for the holder, from today on. Wants a reason."""
        with_reason(actor)
        day = today(await version_in_force(self.database, self.programme))
        if who.until is not None and who.until < day:
            raise RegistryRefused("until is past")
        vault = self.master.vault

        async def act(connection: Connection, token: int) -> None:
            _, known = await agreements.list_agreements(connection, vault, token)
            if (who.role, who.name) in agreements.acting(known, day):
                raise RegistryRefused("that person acts for the holder already: end that first")
            await agreements.add_representative(connection, actor, vault, token, who)

        await self._on(account, act)

    async def end_representative(self, actor: Actor, account: int, number: int) -> None:
        """Remove who may act for the holder no more, with the own login's way to it. Wants a reason."""
        with_reason(actor)
        await self._on(account, lambda c, token: agreements.end_representative(c, actor, token, number))

    async def fees_to_give_back(self) -> list[Any]:
        """Return what was paid for duplicates that nobody will be handed, by account."""
        return await self.database.run(lambda c: fees_to_give_back(c, self.programme))

    async def give_back(self, actor: Actor, account: int, payment: int) -> None:
        """Take down that a fee was given back whose duplicate nobody will be handed. Wants a reason."""
        with_reason(actor)

        async def act(connection: Connection, _token: int) -> None:
            async with writing(connection, actor):
                rows = await fees_to_give_back(connection, self.programme, account)
                card = next((row for row in rows if row["payment"] == payment), None)
                if card is None:
                    raise RegistryRefused("nothing of this is to be given back")
                await record_paid(connection, actor, card, None)

        await self._on(account, act)

    async def propose_erasure(self, actor: Actor, account: int) -> None:
        """Propose that nobody is known by the account any more (Zgierz § 19, § 38). Wants a reason."""
        with_reason(actor)
        needed = (await second_person(self.database, self.programme)).erasures

        async def job(connection: Connection) -> None:
            await self._cards(connection, account)
            if not await people.is_known(connection, self.master.vault, account):
                raise RegistryRefused("nobody is known by this account")
            what: tuple[Act, str] = (ANONYMISE, str(account))
            await proposals.propose(connection, actor, self.programme, what, second_needed=needed)

        await self.database.run(job)

    async def approve_erasure(self, actor: Actor, account: int, seen: Seen) -> None:
        """Approve it (as another person, where it wants one) and do it: both, or neither, and for good."""

        async def act(connection: Connection, token: int) -> None:
            async with writing(connection, actor):
                number = await self._proposed(connection, account, seen)
                row = await proposals.approve(connection, actor, number)
                agreed = proposals.both(actor, row)._replace(hand=Hand.DESK, reason=row["reason"])
                await erasures.anonymise(connection, agreed, self.master.vault, token)

        await self._on(account, act)

    async def refuse_erasure(self, actor: Actor, account: int, seen: Seen) -> None:
        """Refuse it, or take one's own proposal back."""

        async def act(connection: Connection, _token: int) -> None:
            async with writing(connection, actor):
                await proposals.refuse(connection, actor, await self._proposed(connection, account, seen))

        await self._on(account, act)

    async def erasures_waiting(self) -> list[Any]:
        """Return the first proposals to anonymise somebody that wait to be approved."""
        return await self.database.run(lambda c: proposals.list_proposals(c, self.programme, (ANONYMISE,)))

    async def _erasure(self, connection: Connection, account: int) -> Any | None:
        row = await proposals.newest(connection, self.programme, ANONYMISE, str(account), open_only=True)
        return row if row is not None and row["state"] == proposals.ProposalState.PROPOSED else None

    async def _proposed(self, connection: Connection, account: int, seen: Seen) -> int:
        row = await self._erasure(connection, account)
        if row is None:
            raise RegistryRefused("nothing of this kind waits to be approved")
        check_seen(seen, {"proposal": row["number"]})
        return int(row["number"])

    async def write(self, actor: Actor, account: int, text: str, *, through: int) -> None:
        """Answer a holder: what the holder sent is read with it, up to the message numbered `through`, the
        last that was shown; it waits on where the answer is refused.
        """
        vault = self.master.vault

        async def act(connection: Connection, _token: int) -> None:
            await messages.send_message(connection, actor, vault, account, text, from_holder=False)
            await messages.mark_read(connection, actor, account, from_holder=True, through=through)

        await self._on(account, act)

    async def waiting(self) -> list[Any]:
        """Return whose messages the desk has not read, the longest waiting first."""
        return await self.database.run(lambda c: messages.unread_accounts(c, self.programme))

    async def _cards(self, connection: Connection, account: int) -> list[Any]:
        rows = await cards.list_cards(connection, account=account)
        if not rows or rows[0]["programme"] != self.programme:
            raise NotInRegistry("there is no such holder here")
        return rows

    async def _on(self, account: int, act: Callable[[Connection, int], Awaitable[T]]) -> T:
        async def job(connection: Connection) -> T:
            await self._cards(connection, account)
            return await act(connection, (await any_card(connection, account))["token"])

        return await self.database.run(job)


_BLOCKABLE: Final = frozenset(CardStatus) - ENDED - {CardStatus.RETAINED}
"""One that is blocked already is blocked by this hand as well, which its trail says."""
