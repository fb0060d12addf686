"""Partners' contracts and declarations at a desk: what is due first, and what the rules want of a term.

Owns the use cases. Must not write SQL (`ledger.registry` does). Invariants: a partner is one of this
programme; a term is no shorter than the rules in force want.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from ledger.errors import NotInRegistry
from ledger.postgres.database import Connection, Database
from ledger.registry import offer_declarations, partner_contracts
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import PAGE_ROWS_MAX
from ledger.registry.offers import as_they_stand
from ledger.registry.outlets import list_outlets
from ledger.registry.partner_contracts import MONTHS_MIN, Details, Term
from ops.office.rules_in_force import version_in_force
from ops.office.seen import Seen, check_seen


@dataclass(frozen=True)
class ContractDesk:
    """Where the partners of one programme are dealt with."""

    database: Database
    programme: int

    async def due(self) -> list[Any]:
        """Return the declarations to take part that wait, what is due first on top."""
        return await self.database.run(lambda c: partner_contracts.due_contracts(c, self.programme))

    async def page(self, after: int, limit: int) -> list[Any]:
        """Return a page of contracts by partner."""
        return await self.database.run(
            lambda c: partner_contracts.list_contracts(c, programme=self.programme, after=after, limit=limit)
        )

    async def contracts(self, partner: int) -> list[Any]:
        """Return the contracts of a partner of this programme, the newest first. Raises NotInRegistry."""
        rows = await self.database.run(lambda c: partner_contracts.contracts_of(c, partner))
        if not rows or rows[0]["programme"] != self.programme:
            raise NotInRegistry("there is no partner {partner} here", partner=partner)
        return rows

    async def outlets(self, partner: int) -> list[Any]:
        """Return the first thousand outlets of a partner of this programme."""
        return await self.database.run(lambda c: list_outlets(c, partner=partner, limit=PAGE_ROWS_MAX))

    async def months_min(self) -> int:
        """Return for how many months an agreement is at least, by the rules in force."""
        try:
            lease = (await version_in_force(self.database, self.programme)).rules.lease
        except NotInRegistry:
            return MONTHS_MIN
        return lease.contract_months_min if lease else MONTHS_MIN

    async def agree(self, actor: Actor, partner: int, term: Term, outlet: int | None, seen: Seen) -> None:
        """Take the agreement with a verified partner, or about one outlet of it, down; raises as `step`."""
        least = await self.months_min()
        await self.step(
            actor, partner, outlet, seen,
            lambda c: partner_contracts.agree(c, actor, partner, term, outlet=outlet, months_min=least),
        )  # fmt: skip

    async def step(
        self,
        actor: Actor,
        partner: int,
        outlet: int | None,
        seen: Seen,
        act: Callable[[Connection], Awaitable[object]],
    ) -> None:
        """Carry out a step of a contract as it was `seen`. Raises `ChangedSince` of a later one."""

        async def job(connection: Connection) -> None:
            async with writing(connection, actor):
                rows = await partner_contracts.contracts_of(connection, partner)
                numbers = [row["number"] for row in rows if row["outlet"] == outlet]
                check_seen(seen, {"contract": max(numbers, default=0)})
                await act(connection)

        await self.database.run(job)

    async def set_details(self, actor: Actor, partner: int, details: Details, seen: Seen) -> None:
        """Say how documents name a partner, who was `seen` named otherwise. Raises `ChangedSince`."""

        async def job(connection: Connection) -> None:
            async with writing(connection, actor):
                was = (await partner_contracts.contracts_of(connection, partner))[0]
                check_seen(seen, {name: was[name] for name in Details._fields})
                await partner_contracts.set_details(connection, actor, partner, details)

        await self.database.run(job)

    async def declared(self, after: int = 0, limit: int = 50) -> list[Any]:
        """Return the offers that partners declared and nobody decided, the oldest first."""
        return await self.database.run(
            lambda c: offer_declarations.open_declarations(c, self.programme, after=after, limit=limit)
        )

    async def standing(self, offers: Collection[int]) -> dict[int, str]:
        """Return how offers that are declared stand, of those that are there (`as_they_stand`)."""
        return await self.database.run(lambda c: as_they_stand(c, self.programme, offers))

    async def decide(self, actor: Actor, number: int, *, accepted: bool, reason: str, seen: Seen) -> None:
        """Take a declared offer into the drafts, where that stands as it was `seen`, or refuse it."""

        async def job(connection: Connection) -> None:
            async with writing(connection, actor):
                offer = (await offer_declarations.the_declaration(connection, number))["offer"]
                if accepted:
                    stands = await as_they_stand(connection, self.programme, [offer])
                    check_seen(seen, {"offer": stands.get(offer)})
                await offer_declarations.decide(connection, actor, number, accepted, reason)

        await self.database.run(job)
