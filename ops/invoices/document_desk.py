"""The documents of a closed month at a desk: proposed, approved and issued, by two persons where the rules
say so; then sent.

Owns the use cases. Must not write SQL, nor decide what is issued (`drafts`) or how (`issuing`). Invariants:
approved and issued are one write, so no approval is left over; each document is issued as it was proposed,
with its seller and the invoice that it corrects, or none is; what cannot be issued yet is told of, with why,
and is proposed once it can be; nothing is issued or sent twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import msgspec

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection, Database
from ledger.registry import proposals
from ledger.registry.audit import Actor
from ledger.registry.invoice_deliveries import record_number, record_outside
from ledger.registry.invoice_parties import the_seller
from ledger.registry.invoices import (
    DIGEST_CHARACTERS,
    Issued,
    ToIssue,
    check_issuable,
    digests_of,
    find_document,
    has_unsent,
    issue_proposed,
    list_issued,
    there_already,
)
from ledger.registry.proposals import TERMS_BYTES_MAX, Act, ProposalState
from ledger.settlement.closing import is_closed
from ledger.settlement.statement import check_month, read_statements
from ops.invoices.issuing import Outcome, Refused, asked_of, send_all, take_down
from ops.invoices.sinks import Sink
from ops.office.rules_in_force import second_person
from ops.settlement.month_desk import RUN_S_MAX

ISSUE: Final[Act] = "issue_documents"
PAGE: Final = 50
TOLD_MAX: Final = 5
"""Of so many documents a page says why they were refused; the others are told of the next time."""
AT_ONCE: Final = 400
"""So many documents are proposed at once: all are issued in one write, and a block of a card waits for it."""
_BESIDE_BYTES_MAX: Final = 256
"""Of what a proposal says beside the digests: three numbers and four names."""
assert AT_ONCE * (DIGEST_CHARACTERS + len('"", ')) + _BESIDE_BYTES_MAX <= TERMS_BYTES_MAX, "all have room"


class Left(NamedTuple):
    """What the statements of a month ask for and was not issued."""

    documents: int
    """How many they ask for, issued or not."""
    ready: list[ToIssue]
    """Those that can be issued now."""
    digests: list[str]
    """Of each of these: all that it says (`digests_of`)."""
    refused: list[Refused]
    """Those that cannot, and why."""

    def told(self) -> list[Phrase]:
        """Return why, of the first few."""
        return _told(self.refused)


class DocumentsView(NamedTuple):
    """The documents of a month as a desk sees them: a page of what was issued, and what is left to do."""

    is_closed: bool
    issued: list[Issued]
    left: Left
    proposed: list[str] | None
    """The digests of the documents of a proposal that waits; None: none does."""
    has_unsent: bool
    """Whether something waits to be sent, of any month."""

    @property
    def is_waiting(self) -> bool:
        """Whether documents are proposed, and were not decided on."""
        return self.proposed is not None

    @property
    def is_changed(self) -> bool:
        """Whether one of these is not what was proposed any more."""
        return not set(self.proposed or ()) <= set(self.left.digests)

    def ready(self, *, is_proposed: bool) -> list[ToIssue]:
        """Return what can be issued now and is as the proposal that waits has it, or is in none."""
        proposed = set(self.proposed or ())
        documents = zip(self.left.ready, self.left.digests, strict=True)
        return [document for document, digest in documents if (digest in proposed) is is_proposed]

    @property
    def state(self) -> Literal["open", "left", "all", "none"]:
        """How the month stands: still open, with something left, all issued, or it asks for nothing."""
        if not self.is_closed:
            return "open"
        if self.left.ready or self.left.refused:
            return "left"
        return "all" if self.left.documents else "none"


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
            left = await self._left(connection, month)
            proposal = await proposals.newest(connection, self.programme, ISSUE, month, open_only=True)
            proposed: list[str] | None = None
            if proposal is not None and proposal["state"] == ProposalState.PROPOSED:
                proposed = msgspec.json.decode(proposal["terms"])["digests"]
            return DocumentsView(
                await is_closed(connection, self.programme, month),
                await list_issued(connection, self.programme, month=month, after=skip, limit=PAGE + 1),
                left,
                proposed,
                await has_unsent(connection, self.programme),
            )

        return await self.database.run(job, timeout_s=RUN_S_MAX)

    async def propose(self, actor: Actor, month: str) -> int:
        """Propose to issue what a closed month asks for and can be issued now, up to `AT_ONCE`; return the
        proposal's number. RegistryRefused: there is nothing, or nobody invoices for the programme.
        """
        check_month(month)
        needed = (await second_person(self.database, self.programme)).month_documents

        async def job(connection: Connection) -> int:
            await the_seller(connection, self.programme)
            left = await self._left(connection, month)
            if not left.ready:
                _tell(Outcome(refused=left.refused), Phrase("{count} issued", count=0))
                raise RegistryRefused("there is no document to issue: a month is closed first")
            what: tuple[Act, str] = (ISSUE, month)
            return await proposals.propose(
                connection, actor, self.programme, what, terms_of(left), second_needed=needed
            )

        return await self.database.run(job, timeout_s=RUN_S_MAX)

    async def approve(self, actor: Actor, number: int) -> None:
        """Approve it (as another person, where it wants one), and issue what was proposed.

        Raises NotInRegistry, RegistryRefused: then it is not approved either.
        """
        month = (await self._find(number))["subject"]

        async def job(connection: Connection) -> None:
            statements = await read_statements(connection, self.programme, month)  # closed: they stay

            async def prepare(proposal: Any) -> Sequence[ToIssue]:
                needed = proposal["second_needed"]
                asked = await asked_of(connection, self.programme, statements, second_needed=needed)
                return asked.documents

            await issue_proposed(connection, actor, number, prepare)

        await self.database.run(job, timeout_s=RUN_S_MAX)

    async def refuse(self, actor: Actor, number: int) -> None:
        """Refuse it, or take one's own back."""
        await self._find(number)
        await self.database.run(lambda c: proposals.refuse(c, actor, number))

    async def send(self, actor: Actor) -> None:
        """Send what was issued and not sent yet, of every month. Raises RegistryRefused where one could not
        be sent, or none can be now, or somebody is sending them.
        """
        if self.sink is None:
            raise RegistryRefused("this site was not told where documents are sent to")
        outcome = await send_all(self.database, actor, self.programme, self.sink)
        sent, stopped = Phrase("{count} sent", count=len(outcome.sent)), outcome.stopped
        if isinstance(stopped, OSError):
            why = stopped.strerror or str(stopped)
            raise RegistryRefused("{done}, nothing more can be sent now ({why})", done=sent, why=why)
        if stopped is not None:
            raise stopped
        _tell(outcome, sent)

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

    async def _left(self, connection: Connection, month: str) -> Left:
        left = Left(0, [], [], [])
        if not await is_closed(connection, self.programme, month):
            return left
        try:
            statements = await read_statements(connection, self.programme, month)
        except NotInRegistry:  # nobody owed anything
            return left
        try:
            asked = await asked_of(connection, self.programme, statements, second_needed=False)
        except NotInRegistry as error:  # nobody invoices here
            return left._replace(refused=[Refused(month, error.phrase)])
        left.refused.extend(asked.refused)
        there = await there_already(connection, self.programme, month)
        for document in asked.documents:
            order = document.order
            if (order.partner, order.kind, order.origin) in there:
                continue
            try:
                await check_issuable(connection, document)
            except RegistryRefused as error:
                take_down(left.refused, order.partner, error)
            else:
                left.ready.append(document)
        digests = await digests_of(connection, left.ready)
        return left._replace(documents=len(asked.documents), digests=digests)


def terms_of(left: Left) -> dict[str, object]:
    """Return what a proposal keeps of the first `AT_ONCE` documents that are ready: each as a digest."""
    orders = [document.order for document in left.ready[:AT_ONCE]]
    return {
        "documents": len(orders),
        "net_grosze": sum(order.net_grosze for order in orders if order.kind != "note"),
        "rebates_grosze": sum(order.net_grosze for order in orders if order.kind == "note"),
        "digests": left.digests[:AT_ONCE],
    }


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
