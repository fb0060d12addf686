"""The documents of a closed month at a desk: proposed, approved and issued, by two persons where the rules
say so; then sent.

Owns the use cases. Must not write SQL, nor decide what is issued (`drafts`) or how (`issuing`). Invariants:
nothing is issued that was not approved; what an approval could not issue, for a partner was refused or the
process ended, is issued later by it, by anybody who may, and the trail names who approved it; nothing is
issued or sent twice; a statement that no document can be made of is told of, with why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection, Database
from ledger.registry import proposals
from ledger.registry.audit import Actor
from ledger.registry.invoice_billings import corrected
from ledger.registry.invoice_deliveries import record_number, record_outside
from ledger.registry.invoice_parties import the_seller
from ledger.registry.invoices import Issued, find_document, has_unsent, list_issued, there_already
from ledger.registry.proposals import Act, ProposalState
from ledger.settlement.closing import is_closed
from ledger.settlement.statement import Statement, check_month, read_statements
from ops.invoices.drafts import Draft, drafts_of
from ops.invoices.issuing import Outcome, Refused, issue_all, send_all
from ops.invoices.sinks import Sink
from ops.office.rules_in_force import second_person
from ops.settlement.month_desk import RUN_S_MAX

ISSUE: Final[Act] = "issue_documents"
PAGE: Final = 50
TOLD_MAX: Final = 5
"""Of so many documents a page says why they were refused; the others are told of the next time."""


class Asked(NamedTuple):
    """What the statements of a month ask for."""

    documents: int
    """How many, issued or not."""
    left: list[Draft]
    """Those that were not issued."""
    refused: list[Refused]
    """The statements that none can be made of."""
    waiting: list[Refused]
    """The corrections that cannot be issued yet, which `left` has, too."""

    def told(self) -> list[Phrase]:
        """Return why, of the first few."""
        return _told([*self.refused, *self.waiting])


class DocumentsView(NamedTuple):
    """The documents of a month as a desk sees them: a page of what was issued, and what is left to do."""

    is_closed: bool
    issued: list[Issued]
    asked: Asked
    proposal: Any | None
    """The proposal to issue them, where there is one that was not refused."""
    has_unsent: bool
    """Whether something waits to be sent, of any month."""

    @property
    def state(self) -> Literal["open", "left", "all", "none"]:
        """How the month stands: still open, with something left, all issued, or it asks for nothing."""
        if not self.is_closed:
            return "open"
        if self.asked.left or self.asked.refused:
            return "left"
        return "all" if self.asked.documents else "none"


@dataclass(frozen=True)
class DocumentDesk:
    """Where the documents of one programme are issued; `sink`: where to they are sent."""

    database: Database
    programme: int
    sink: Sink | None = None

    async def show(self, month: str, skip: int = 0) -> DocumentsView:
        """Return what was issued for a month behind so many, one more than a page, and what is left to do."""
        check_month(month)

        async def job(connection: Connection) -> DocumentsView:
            return DocumentsView(
                await is_closed(connection, self.programme, month),
                await list_issued(connection, self.programme, month=month, after=skip, limit=PAGE + 1),
                await self._asked(connection, month),
                await proposals.newest(connection, self.programme, ISSUE, month, open_only=True),
                await has_unsent(connection, self.programme),
            )

        return await self.database.run(job, timeout_s=RUN_S_MAX)

    async def propose(self, actor: Actor, month: str) -> int:
        """Propose to issue what a closed month asks for; return the proposal's number. RegistryRefused:
        there is nothing, or nobody invoices for the programme.
        """
        check_month(month)
        needed = (await second_person(self.database, self.programme)).month_documents

        async def job(connection: Connection) -> int:
            await the_seller(connection, self.programme)
            asked = await self._asked(connection, month)
            left = asked.left
            if not left:
                _tell(Outcome(refused=asked.refused), Phrase("{count} issued", count=0))
                raise RegistryRefused("there is no document to issue: a month is closed first")
            sums = {
                "documents": len(left),
                "net_grosze": sum(draft.net_grosze for draft in left if draft.kind != "note"),
                "rebates_grosze": sum(draft.net_grosze for draft in left if draft.kind == "note"),
            }
            what: tuple[Act, str] = (ISSUE, month)
            return await proposals.propose(
                connection, actor, self.programme, what, sums, second_needed=needed
            )

        return await self.database.run(job, timeout_s=RUN_S_MAX)

    async def approve(self, actor: Actor, number: int) -> None:
        """Approve it (as another person, where it wants one), and issue.

        Raises NotInRegistry, RegistryRefused, also where a partner was refused: the others' are issued.
        """
        proposal = await self._find(number)
        await self.database.run(lambda c: proposals.approve(c, actor, number))
        await self._issue(actor, proposal)

    async def refuse(self, actor: Actor, number: int) -> None:
        """Refuse it, or take one's own back."""
        await self._find(number)
        await self.database.run(lambda c: proposals.refuse(c, actor, number))

    async def issue(self, actor: Actor, month: str) -> None:
        """Issue what was approved and could not be issued then. Raises as `approve` does."""
        check_month(month)
        proposal = await self.database.run(
            lambda c: proposals.newest(c, self.programme, ISSUE, month, open_only=True)
        )
        if proposal is None or proposal["state"] != ProposalState.APPROVED:
            raise RegistryRefused("to issue documents is proposed first, and approved")
        await self._issue(actor, proposal)

    async def send(self, actor: Actor) -> None:
        """Send what was issued and not sent yet, of every month. Raises RegistryRefused where one could not
        be sent, or none can be now.
        """
        if self.sink is None:
            raise RegistryRefused("this site was not told where documents are sent to")
        try:
            outcome = await send_all(self.database, actor, self.programme, self.sink)
        except OSError as error:
            raise RegistryRefused("nothing more can be sent now ({why})", why=error.strerror) from None
        _tell(outcome, Phrase("{count} sent", count=len(outcome.sent)))

    async def note_number(self, actor: Actor, month: str, text: str, ksef_number: str) -> None:
        """Note the number that KSeF gave a document of the month. Raises NotInRegistry, RegistryRefused."""

        async def job(connection: Connection) -> None:
            await self._of_month(connection, month, text)
            await record_number(connection, actor, text, ksef_number)

        await self.database.run(job)

    async def note_outside(self, actor: Actor, month: str, text: str) -> None:
        """Note that one of the month was issued outside KSeF. Raises NotInRegistry, RegistryRefused."""

        async def job(connection: Connection) -> None:
            await self._of_month(connection, month, text)
            await record_outside(connection, actor, text)

        await self.database.run(job)

    async def _of_month(self, connection: Connection, month: str, text: str) -> None:
        issued, _ = await find_document(connection, text)
        if (issued.programme, issued.month) != (self.programme, month):
            raise NotInRegistry("there is no document of that number")

    async def _find(self, number: int) -> Any:
        proposal = await self.database.run(lambda c: proposals.find(c, number))
        if proposal["act"] != ISSUE:
            raise RegistryRefused("this is decided elsewhere")
        return proposal

    async def _issue(self, actor: Actor, proposal: Any) -> None:
        month, needed = proposal["subject"], proposal["second_needed"]
        statements = await self.database.run(
            lambda c: read_statements(c, self.programme, month), timeout_s=RUN_S_MAX
        )
        outcome = await issue_all(
            self.database, proposals.both(actor, proposal), self.programme, statements, second_needed=needed
        )
        _tell(outcome, Phrase("{count} issued", count=len(outcome.issued)))

    async def _asked(self, connection: Connection, month: str) -> Asked:
        asked = Asked(0, [], [], [])
        if not await is_closed(connection, self.programme, month):
            return asked
        try:
            statements = await read_statements(connection, self.programme, month)
        except NotInRegistry:  # nobody owed anything
            return asked
        there = await there_already(connection, self.programme, month)
        for statement in statements:
            try:
                drafts = drafts_of(statement)
            except RegistryRefused as error:
                asked.refused.append(
                    Refused(Phrase("partner {partner}", partner=statement.partner), error.phrase)
                )
                continue
            asked = asked._replace(documents=asked.documents + len(drafts))
            left = [d for d in drafts if (statement.partner, d.kind, d.origin) not in there]
            asked.left.extend(left)
            for draft in left:
                await self._wait(connection, statement, draft, asked)
        return asked

    async def _wait(self, connection: Connection, statement: Statement, draft: Draft, asked: Asked) -> None:
        """Take down what a correction waits for."""
        if draft.kind != "correction":
            return
        try:
            await corrected(connection, self.programme, statement.partner, draft.origin, draft.net_grosze)
        except RegistryRefused as error:
            what = Phrase("partner {partner}", partner=statement.partner)
            asked.waiting.append(Refused(what, error.phrase))


def _told(refused: list[Refused]) -> list[Phrase]:
    return [Phrase("{document}: {why}", document=one.what, why=one.why) for one in refused[:TOLD_MAX]]


def _tell(outcome: Outcome, done: Phrase) -> None:
    """Raise RegistryRefused where something was refused, with what was done all the same."""
    if outcome.refused:
        raise RegistryRefused(
            "{done}, {count} refused: {told}",
            done=done,
            count=len(outcome.refused),
            told=tuple(_told(outcome.refused)),
        )
