"""The office's work with cards: added, looked up, and moved from state to state.

Owns the use cases. Must not write SQL (`ledger.registry.cards` does) nor ask or print anything. Invariants: a
number is turned into a token by `ledger.registry.numbers` and goes no further; no error repeats it; the
master key was compared with the database's before anything is done with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import cards, carriers, contracts, duplicates
from ledger.registry.audit import Actor, list_card_audit
from ledger.registry.bounds import INT64_MAX
from ledger.registry.card_fees import Fee, Kept, OldCard, PaidHow, record_paid
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow
from ledger.registry.carriers import NewCarrier
from ledger.registry.duplicates import Carrier, Duplicate, New
from ledger.registry.imports import Import, Mode
from ledger.registry.installation import check_master_key
from ledger.registry.numbers import Numbers
from ledger.registry.secrets import MasterKey
from ops.office.acting import with_reason
from ops.office.card_view import judged
from ops.office.duplicate_fees import fee_of
from ops.office.numbering import Numbering, numbering_of
from ops.office.numbers import card_of, card_to_change
from ops.office.validity import Validity, validity_of
from protocol import mask_card
from switch.rules.programme import WhyDuplicate

T = TypeVar("T")

ACT_S_MAX = 10.0
IMPORT_S_MAX = 3_600.0
NEEDS_REASON = (CardStatus.BLOCKED, CardStatus.WANTED, CardStatus.RETAINED)


@dataclass(frozen=True)
class CardDesk:
    """Where cards are dealt with: a database as its owner, and the master key it was initialised with."""

    database: Database
    master: MasterKey

    async def numbers(self, programme: int) -> Numbers:
        """Return what turns numbers of a programme's cards into tokens."""
        return await self._run(lambda c: Numbers.of(c, self.master, programme))

    async def numbering(self, programme: int) -> Numbering:
        """Return which numbers the programme's cards may have."""
        return await numbering_of(self.database, programme)

    async def validity(self, programme: int) -> Validity:
        """Return until when the programme's cards may be valid that are issued today."""
        return await validity_of(self.database, programme)

    async def add(
        self,
        actor: Actor,
        programme: int,
        digits: str,
        *,
        expires_on: date | None = None,
        status: CardStatus = CardStatus.ACTIVE,
    ) -> None:
        """Add one card, with a new account; see `Validity` for its last day."""
        if why := (await self.numbering(programme)).fault(digits):
            raise RegistryRefused(f"card {mask_card(digits)}: number {why}")
        try:
            last_day = (await self.validity(programme)).last_day(expires_on, status)
        except RegistryRefused as error:
            raise RegistryRefused(f"card {mask_card(digits)}: {error}") from None
        numbers = await self.numbers(programme)
        row = CardRow(numbers.token(digits), digits[-4:], last_day, status)
        done = await self._import(actor, numbers, [row], Mode.WHOLE)
        if done.refused:
            raise RegistryRefused(f"card {mask_card(digits)}: {_told(done)}")
        if done.unchanged:
            raise RegistryRefused(f"card {mask_card(digits)}: it is there already")

    async def import_all(
        self,
        actor: Actor,
        numbers: Numbers,
        rows: Sequence[CardRow],
        mode: Mode,
        on_stored: Callable[[int], None],
    ) -> Import:
        """Import cards, with the rules' last day where none is named; see `cards.import_cards`."""
        last_day = (await self.validity(numbers.programme)).last_day(None)
        return await self._import(actor, numbers, rows, mode, on_stored=on_stored, last_day=last_day)

    async def _import(
        self, actor: Actor, numbers: Numbers, rows: Sequence[CardRow], mode: Mode, **more: Any
    ) -> Import:
        async def job(connection: Connection) -> Import:
            await numbers.reenter(connection, actor)
            return await cards.import_cards(
                connection, actor, numbers.programme, rows, mode, pepper=numbers.pepper, **more
            )

        return await self._run(job, timeout_s=IMPORT_S_MAX)

    async def find(self, digits: str) -> Any:
        """Return a card as the registry has it. Raises NotInRegistry."""
        return await self._run(lambda c: card_of(c, self.master, digits))

    async def show(self, digits: str) -> Any:
        """Return a card as terminals judge it. Raises NotInRegistry."""
        return (await judged(self.database, [await self.find(digits)]))[0]

    async def history(self, digits: str, *, before: int = INT64_MAX, limit: int = 100) -> list[Any]:
        """Return what was done to a card in the registry, newest first. Raises NotInRegistry."""
        row = await self.find(digits)
        return await self._run(lambda c: list_card_audit(c, row, before=before, limit=limit))

    async def set(self, actor: Actor, digits: str, status: CardStatus) -> CardStatus:
        """Move a card to a state; what stops it wants a reason. Returns the state it has now."""
        if status in NEEDS_REASON:
            with_reason(actor)
        return await self._on(
            actor, digits, lambda c, card: cards.set_card_status(c, actor, card["token"], status)
        )

    async def end(self, actor: Actor, digits: str, status: CardStatus) -> int:
        """End the contract of a card's holder; see `ledger.registry.contracts.end_contract`. Wants a
        reason.
        """
        with_reason(actor)
        return await self._on(
            actor, digits, lambda c, card: contracts.end_contract(c, actor, card["token"], status)
        )

    async def duplicate(
        self,
        actor: Actor,
        digits: str,
        new_digits: str,
        *,
        lost: bool,
        handed_over: bool,
        why: WhyDuplicate | None = None,
        old_card: OldCard | None = None,
    ) -> tuple[Duplicate, Fee]:
        """Give a card's account a duplicate; see `ledger.registry.duplicates.replace_card`. Wants a
        reason, and where the programme's fees differ, why it is made.
        """
        with_reason(actor)
        old = await self.find(digits)
        await self._check_new(old["programme"], new_digits, Carrier(old["carrier"]))
        validity = await self.validity(old["programme"])
        fee = fee_of(validity.rules, why)

        numbers = await self.numbers(old["programme"])
        new = numbers.token(new_digits)

        async def job(connection: Connection, card: Any) -> Duplicate:
            validity.check_not_over(card["expires_on"])
            await numbers.reenter(connection, actor)
            return await duplicates.replace_card(
                connection,
                actor,
                card["token"],
                new,
                new_digits[-4:],
                lost=lost,
                handed_over=handed_over,
                expires_on=validity.last_day(None),
                fee=fee,
                old_card=old_card,
                pepper=numbers.pepper,
            )

        return await self._on(actor, digits, job), fee

    async def add_carrier(self, actor: Actor, digits: str, new_digits: str, carrier: Carrier) -> int:
        """Give a card's account another kind of carrier; see `ledger.registry.duplicates.add_carrier`."""
        programme = (await self.find(digits))["programme"]
        await self._check_new(programme, new_digits, carrier)
        numbers = await self.numbers(programme)
        token = numbers.token(new_digits)

        async def job(connection: Connection, card: Any) -> int:
            await numbers.reenter(connection, actor)
            new = New(token, new_digits[-4:], carrier, numbers.pepper)
            return await duplicates.add_carrier(connection, actor, card["token"], new)

        return await self._on(actor, digits, job)

    async def import_carriers(
        self, actor: Actor, numbers: Numbers, rows: Sequence[NewCarrier], mode: Mode
    ) -> Import:
        """Give many accounts a further carrier; see `ledger.registry.carriers`."""

        async def job(connection: Connection) -> Import:
            await numbers.reenter(connection, actor)
            return await carriers.import_carriers(
                connection, actor, numbers.programme, rows, mode, pepper=numbers.pepper
            )

        return await self._run(job, timeout_s=IMPORT_S_MAX)

    async def activate(self, actor: Actor, digits: str, old_card: OldCard | None = None) -> int:
        """Hand a ready card over: it is valid as long as the rules say, from today on, unless it has a
        last day.

        The older ones of its account and kind die; `old_card`: what became of the one in the hand. Returns
        how many did.
        """
        last_day = (await self.validity((await self.find(digits))["programme"])).last_day(None)
        return await self._on(
            actor,
            digits,
            lambda c, card: duplicates.hand_over_card(
                c, actor, card["token"], expires_on=last_day, old_card=old_card
            ),
        )

    async def fee_paid(self, actor: Actor, digits: str, how: PaidHow | None) -> Kept:
        """Take down how the fee of a duplicate was paid; see `ledger.registry.card_fees.record_paid`."""
        return await self._on(actor, digits, lambda c, card: record_paid(c, actor, card, how))

    async def renew(self, actor: Actor, digits: str, expires_on: date | None) -> date:
        """Put the last valid day of a card anew, within the rules' term from today (None: its end)."""
        validity = await self.validity((await self.find(digits))["programme"])
        last_day = validity.last_day(expires_on)
        if last_day is None:
            raise RegistryRefused("by this programme's rules a card has no last day: name one")
        await self._on(
            actor, digits, lambda c, card: duplicates.renew_card(c, actor, card["token"], last_day)
        )
        return last_day

    async def _check_new(self, programme: int, digits: str, carrier: Carrier) -> None:
        numbering = await self.numbering(programme)
        if why := numbering.carrier_fault(carrier):
            raise RegistryRefused(why)
        if why := numbering.fault(digits, carrier):
            raise RegistryRefused(f"the new card {mask_card(digits)}: number {why}")

    async def _on(self, actor: Actor, digits: str, job: Callable[[Connection, Any], Awaitable[T]]) -> T:
        async def with_card(connection: Connection) -> T:
            card = await card_to_change(connection, actor, self.master, digits)
            try:
                return await job(connection, card)
            except RegistryRefused as error:
                raise type(error)("card {card}: {why}", card=mask_card(digits), why=error.phrase) from None

        return await self.database.run(with_card, timeout_s=ACT_S_MAX)

    async def _run(self, job: Callable[[Connection], Awaitable[T]], *, timeout_s: float = ACT_S_MAX) -> T:
        async def checked(connection: Connection) -> T:
            await check_master_key(connection, self.master)
            return await job(connection)

        return await self.database.run(checked, timeout_s=timeout_s)


def _told(done: Import) -> str:
    column, reason = done.refused[0][1:]
    return reason if not column or column in reason else f"{column}: {reason}"
