"""The office's work with points that no till moves: corrections and opening balances.

Owns the use cases: proposed within the limits of the rules in force, decided (by another person, where they
want one), posted. Must not write SQL (`ledger` does) nor ask or print anything. Invariants: a card number is
turned into a token here and goes no further; what an approval could not post the keeper does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.books.adjusting import post_adjustments
from ledger.errors import LedgerError, RegistryRefused
from ledger.postgres.database import Database
from ledger.registry import adjustments
from ledger.registry.adjustments import AdjustmentKind, NewRow, Terms
from ledger.registry.audit import Actor
from ledger.registry.imports import Import, Mode
from ledger.registry.installation import check_master_key
from ledger.registry.numbers import Numbers
from ledger.registry.secrets import MasterKey
from ops.office.acting import with_reason
from ops.office.numbers import card_to_change
from ops.office.rules_in_force import version_in_force
from protocol import mask_card
from switch.clock import clock_ms

IMPORT_S_MAX = 600.0


@dataclass(frozen=True)
class AccountsDesk:
    """Where points are changed by hand: a database as its owner, and its master key."""

    database: Database
    master: MasterKey

    async def terms(self, programme: int, kind: AdjustmentKind) -> Terms:
        """Return what the rules in force say of a kind. Raises RegistryRefused without points."""
        version = await version_in_force(self.database, programme)
        if version.rules.earn is None:
            raise RegistryRefused("programme {programme} has no points", programme=programme)
        rules, second = version.rules.of_corrections(), version.rules.of_second_person()
        is_opening = kind is AdjustmentKind.OPENING
        needed = second.opening_balances if is_opening else second.point_corrections
        return Terms(version.number, rules.points_max, rules.below_zero, needed)

    async def propose(self, actor: Actor, digits: str, points: int) -> int:
        """Propose to correct the points of a card; return the proposal's number."""
        with_reason(actor)
        card = await self.database.run(lambda c: card_to_change(c, actor, self.master, digits))
        programme, row = int(card["programme"]), NewRow(card["token"], points)
        done, number = await self._propose(actor, programme, AdjustmentKind.CORRECTION, [row])
        if number is None:
            _, column, reason = done.refused[0]
            raise RegistryRefused(
                "card {card}: {column} {why}", card=mask_card(digits), column=column, why=reason
            )
        return number

    async def import_balances(
        self, actor: Actor, numbers: Numbers, rows: Sequence[NewRow], mode: Mode
    ) -> tuple[Import, int | None]:
        """Propose the opening balances of many cards as one; return what became of them, and its number."""
        with_reason(actor)
        await self.database.run(lambda c: check_master_key(c, self.master))
        await self.database.run(lambda c: numbers.reenter(c, actor))
        return await self._propose(actor, numbers.programme, AdjustmentKind.OPENING, rows, mode)

    async def numbers(self, programme: int) -> Numbers:
        """Return what turns numbers of a programme's cards into tokens."""
        return await self.database.run(lambda c: Numbers.of(c, self.master, programme))

    async def _propose(
        self,
        actor: Actor,
        programme: int,
        kind: AdjustmentKind,
        rows: Sequence[NewRow],
        mode: Mode = Mode.WHOLE,
    ) -> tuple[Import, int | None]:
        terms = await self.terms(programme, kind)
        return await self.database.run(
            lambda c: adjustments.propose(
                c, actor, rows, programme=programme, kind=kind, terms=terms, mode=mode
            ),
            timeout_s=IMPORT_S_MAX,
        )


async def approve(database: Database, actor: Actor, number: int, points_sum: int) -> None:
    """Approve a proposal, as its second person where it wants one, who says what it comes to; post it, or
    leave that to the keeper where this login may not, or the books are busy.
    """
    with_reason(actor)
    await database.run(lambda c: adjustments.approve(c, actor, number, points_sum))
    try:
        await database.run(lambda c: post_adjustments(c, clock_ms()), timeout_s=IMPORT_S_MAX)
    except LedgerError:
        return


async def refuse(database: Database, actor: Actor, number: int) -> None:
    """Refuse a proposal, or take one's own back."""
    with_reason(actor)
    await database.run(lambda c: adjustments.refuse(c, actor, number))


async def read_one(database: Database, number: int) -> Any:
    """Return one adjustment as the list has it."""
    rows = await database.run(lambda c: adjustments.list_adjustments(c, after=number - 1, limit=1))
    return rows[0]
