"""A month's end at a desk: computed, looked at, closed, and corrected; by two persons where the rules say so.

Owns the use cases. Must not write SQL nor compute (`ledger` does). Invariants: approved and done are one
write, of a close as of a correction: nothing approved waits; a month is closed as it was proposed, to the
last line, or not at all; the trail names both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
import trio

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import kept_statements, proposals
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import ID_MAX, check_number
from ledger.registry.invoices import Issued, has_notes, list_issued
from ledger.registry.partners import check_partner
from ledger.registry.proposals import Act
from ledger.registry.settlements import check_correction, check_open, month_digest
from ledger.settlement import closing
from ledger.settlement.compute import Summary
from ledger.settlement.correction_rates import rate_of_correction
from ledger.settlement.statement import Statement, check_month, read_statement, read_statements
from ops.office.rules_in_force import second_person
from ops.settlement.organiser import Organiser, organiser_of
from ops.settlement.prices import prices_of

RUN_S_MAX: Final = 600.0
PAGE: Final = 50
CLOSE: Final[Act] = "close_month"
CORRECT: Final[Act] = "correct_statement"
ACTS: Final = (CLOSE, CORRECT)
_ONE: Final = trio.CapacityLimiter(1)
"""One month is computed at a time: it reads all that moved in it."""


class MonthView(NamedTuple):
    """A month as a desk sees it: the summary, a page of statements, the close."""

    summary: Summary | None
    """None: it was never computed."""
    statements: list[Any]
    close: Any | None
    """The proposal to close it, where there is one that was not refused."""
    is_changed: bool
    """Whether it was computed anew since, and is not what was proposed."""
    has_notes: bool
    """Whether notes of rebates were issued for it."""


@dataclass(frozen=True)
class MonthDesk:
    """Where the months of one programme are settled."""

    database: Database
    programme: int

    async def months(self) -> list[Any]:
        """Return the months that were settled or closed, the newest first."""
        return await self.database.run(lambda c: kept_statements.kept_months(c, self.programme))

    async def show(self, month: str, after: int = 0) -> MonthView:
        """Return a month as it was computed last, or as it was closed. Raises RegistryRefused."""
        check_month(month)

        async def job(connection: Connection) -> MonthView:
            page = await kept_statements.kept_page(
                connection, self.programme, month, after=after, limit=PAGE + 1
            )
            close = await proposals.newest(connection, self.programme, CLOSE, month, open_only=True)
            try:
                summary = await closing.read_summary(connection, self.programme, month)
            except NotInRegistry:
                summary = None
            is_changed = close is not None and (
                msgspec.json.decode(close["terms"]).get("digest")
                != await month_digest(connection, self.programme, month)
            )
            noted = await has_notes(connection, self.programme, month)
            return MonthView(summary, page, close, is_changed, noted)

        return await self.database.run(job)

    async def summary(self, month: str) -> Summary:
        """Return the organiser's summary of a month as it was computed last, or as it was closed.

        Raises NotInRegistry, RegistryRefused.
        """
        return await self.database.run(lambda c: closing.read_summary(c, self.programme, month))

    async def statement(self, partner: int, month: str) -> Statement:
        """Return the statement of a partner. Raises NotInRegistry, RegistryRefused."""
        return await self.database.run(lambda c: read_statement(c, self.programme, partner, month))

    async def organiser(self) -> Organiser:
        """Return who statements are from."""
        return await self.database.run(lambda c: organiser_of(c, self.programme))

    async def documents(self, month: str, partner: int) -> list[Issued]:
        """Return what was issued to a partner for a month."""
        return await self.database.run(lambda c: list_issued(c, self.programme, month=month, partner=partner))

    async def statements(self, month: str) -> list[Statement]:
        """Return all statements of a month. Raises NotInRegistry without any, RegistryRefused."""
        return await self.database.run(
            lambda c: read_statements(c, self.programme, month), timeout_s=RUN_S_MAX
        )

    async def run(self, actor: Actor, month: str) -> None:
        """Compute the statements of an open month and keep them."""

        async def job(connection: Connection) -> None:
            prices = await prices_of(connection, self.programme)
            await closing.run(connection, actor, self.programme, month, prices)

        check_month(month)
        async with _ONE:
            await self.database.run(job, timeout_s=RUN_S_MAX)

    async def propose_close(self, actor: Actor, month: str) -> int:
        """Propose to close a month that is over, as it is kept now; return the proposal's number."""
        check_month(month)
        needed = (await second_person(self.database, self.programme)).month_close

        async def job(connection: Connection) -> int:
            await closing.check_closable(connection, self.programme, month)
            async with writing(connection, actor):  # nobody computes it anew while it is read
                digest = await month_digest(connection, self.programme, month)
                if digest is None:
                    raise RegistryRefused("compute the month's statements first, and look at them")
                summary = await closing.read_summary(connection, self.programme, month)
                terms = {
                    "statements": summary.statements,
                    "due_grosze": summary.due_grosze,
                    "fees_grosze": summary.duplicate_fees_grosze,
                    "digest": digest,
                }
                what: tuple[Act, str] = (CLOSE, month)
                return await proposals.propose(
                    connection, actor, self.programme, what, terms, second_needed=needed
                )

        return await self.database.run(job)

    async def propose_correction(
        self,
        actor: Actor,
        partner: int,
        month: str,
        net_grosze: int,
        *,
        origin: str = "",
        vat_rate: int | None = None,
    ) -> int:
        """Propose to correct a partner's account in an open month, at a rate of VAT at which the month of
        `origin` billed it; None: the only one. Wants a reason.
        """
        check_month(month)
        check_number("the number of a partner", partner, 1, ID_MAX)
        check_correction(actor, month, net_grosze, origin)
        needed = (await second_person(self.database, self.programme)).statement_corrections

        async def job(connection: Connection) -> int:
            await check_partner(connection, partner)
            await check_open(connection, self.programme, month)
            rate = await rate_of_correction(
                connection,
                self.programme,
                partner,
                month,
                prices=await prices_of(connection, self.programme),
                origin=origin,
                named=vat_rate,
            )
            terms: dict[str, int | str] = {"net_grosze": net_grosze, "vat_rate": rate, "origin": origin}
            what: tuple[Act, str] = (CORRECT, f"{partner}/{month}")
            return await proposals.propose(
                connection, actor, self.programme, what, terms, second_needed=needed
            )

        return await self.database.run(job)

    async def approve(self, actor: Actor, number: int) -> None:
        """Approve what was proposed (by another person, where it wants one), and do it.

        Raises NotInRegistry, RegistryRefused, DatabaseContended: then it is not approved either.
        """
        proposal = await self._find(number)
        if proposal["act"] == CORRECT:
            await self.database.run(lambda c: _correct(c, actor, self.programme, number))
            return
        proposals.check_approver(actor, proposal)
        async with _ONE:
            await self.database.run(lambda c: self._close(c, actor, proposal), timeout_s=RUN_S_MAX)

    async def refuse(self, actor: Actor, number: int) -> None:
        """Refuse what was proposed, or take one's own back."""
        await self._find(number)
        await self.database.run(lambda c: proposals.refuse(c, actor, number))

    async def _find(self, number: int) -> Any:
        proposal = await self.database.run(lambda c: proposals.find(c, number))
        if proposal["act"] not in ACTS:
            raise RegistryRefused("this is decided elsewhere")
        return proposal

    async def _close(self, connection: Connection, actor: Actor, proposal: Any) -> None:
        month = proposal["subject"]
        await closing.close(
            connection,
            proposals.both(actor, proposal),
            self.programme,
            month,
            await prices_of(connection, self.programme),
            second_needed=proposal["second_needed"],
            proposal=proposal["number"],
        )


async def _correct(connection: Connection, actor: Actor, programme: int, number: int) -> None:
    """Approve a correction and enter it: both, or neither."""
    async with writing(connection, actor):
        row = await proposals.approve(connection, actor, number)
        partner, _, month = row["subject"].partition("/")
        terms = msgspec.json.decode(row["terms"])
        agreed = proposals.both(actor, row)._replace(reason=row["reason"])
        await closing.correct(
            connection,
            agreed,
            int(partner),
            month,
            terms["net_grosze"],
            prices=await prices_of(connection, programme),
            origin=terms["origin"],
            vat_rate=terms["vat_rate"],
            second_needed=row["second_needed"],
        )
