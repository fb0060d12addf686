"""Issues what statements ask for, and sends what was issued: the use cases behind `cityswitch invoices`.

Owns their order. Must not know the command line, nor how statements are found. Invariants: a document is
valid by the official schema before it has its number for good; a document that is refused stops no other; a
second run issues and sends only what is missing; of two that send at once one does; what ends a run midway
takes nothing from what is told of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import trio
from msgspec import Struct, field
from msgspec.structs import replace

from ledger.errors import LedgerError, RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection, Database
from ledger.postgres.session import Session
from ledger.registry.audit import Actor, check_second
from ledger.registry.invoice_billings import Billing
from ledger.registry.invoice_deliveries import leave_sending, next_to_send, record_sent
from ledger.registry.invoice_parties import Seller, cities_of, the_seller
from ledger.registry.invoices import Issued, Numbered, Order, ToIssue, issue
from ledger.registry.partner_contracts import Details, named_in
from ledger.settlement.statement import Statement
from ops.invoices.drafts import Draft, drafts_of
from ops.invoices.fa3 import Parties, write_fa3
from ops.invoices.notes import write_note
from ops.invoices.schema import check_invoice
from ops.invoices.sinks import Document, Sink
from ops.office.rules_in_force import second_person


class Refused(Struct, frozen=True):
    """A partner whose document could not be made, or a document that could not be sent, and why; a page
    tells both in its own language.
    """

    what: str
    why: Phrase


class Asked(Struct):
    """What statements ask for: the documents, and the partners of whose statement none can be made."""

    documents: list[ToIssue] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class Outcome(Struct):
    """What a run did."""

    issued: list[Issued] = field(default_factory=list)
    there: list[Issued] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    stopped: OSError | LedgerError | None = None
    """What ended it before all was done: the database was lost, or nothing more could be sent."""


def take_down(refused: list[Refused], partner: int, error: RegistryRefused) -> None:
    """Take down why a partner's document was refused, once."""
    told = Refused(Phrase("partner {partner}", partner=partner), error.phrase)
    if told not in refused:
        refused.append(told)


async def asked_of(
    connection: Connection,
    programme: int,
    statements: Iterable[Statement],
    *,
    second_needed: bool,
    takes_from: str = "",
) -> Asked:
    """Return what the statements of a programme ask for, issued or not, as seller and partners are named now.

    Raises NotInRegistry where nobody invoices for the programme. `second_needed`, `takes_from`: see
    `issue_all`.
    """
    seller = await the_seller(connection, programme)
    cities = await cities_of(connection, programme)
    details = await named_in(connection, programme)
    asked = Asked()
    for closed in statements:
        statement = completed(closed, details.get(closed.partner, Details()))
        parties = Parties(seller, cities.get(statement.partner))
        try:
            drafts = drafts_of(statement)
        except RegistryRefused as error:
            take_down(asked.refused, statement.partner, error)
            continue
        for draft in drafts:
            order = order_of(statement, draft, seller, takes_from=takes_from, second_needed=second_needed)
            asked.documents.append(ToIssue(order, partial(write_document, statement, draft, parties)))
    return asked


async def issue_all(
    database: Database,
    actor: Actor,
    programme: int,
    statements: Iterable[Statement],
    *,
    second_needed: bool | None = None,
    takes_from: str = "",
) -> Outcome:
    """Issue what the statements of a programme ask for, each document in a transaction of its own.

    By two persons, where a second one is wanted; None: as the rules in force want it. `takes_from`: the month
    whose invoice is corrected by what names none. Where the database is lost midway it is `stopped`. Raises
    NotInRegistry where nobody invoices for the programme.
    """
    needed = second_needed
    if needed is None:
        needed = (await second_person(database, programme)).month_documents
    check_second(actor, "to issue documents", needed=needed)
    asked = await database.run(
        partial(
            asked_of,
            programme=programme,
            statements=statements,
            takes_from=takes_from,
            second_needed=needed,
        )
    )
    outcome = Outcome(refused=asked.refused)
    for order, write in asked.documents:
        try:
            document, is_new = await database.run(partial(issue, actor=actor, order=order, write=write))
        except RegistryRefused as error:
            take_down(outcome.refused, order.partner, error)
            continue
        except LedgerError as error:
            outcome.stopped = error
            break
        (outcome.issued if is_new else outcome.there).append(document)
    return outcome


def completed(statement: Statement, details: Details) -> Statement:
    """Return a statement with the address and tax number that it was closed without, where they are known by
    now: they are no sums of the month. What it was closed with stays.
    """
    return replace(
        statement,
        tax_id=statement.tax_id.strip() or details.tax_id,
        address=statement.address.strip() or details.address,
    )


def order_of(
    statement: Statement, draft: Draft, seller: Seller, *, takes_from: str, second_needed: bool
) -> Order:
    """Return what is to be issued for a draft; a correction takes from the month it names, else from that."""
    return Order(
        statement.programme,
        statement.partner,
        statement.month,
        statement.number,
        draft.kind,
        draft.net_grosze,
        draft.vat_grosze,
        seller.nip,
        draft.origin,
        (draft.origin or takes_from) if draft.kind == "correction" else "",
        second_needed,
        draft.net_of,
    )


def write_document(
    statement: Statement, draft: Draft, parties: Parties, numbered: Numbered, corrected: Billing | None
) -> bytes:
    """Return the bytes of a document, of a correction with the invoice that it is of.

    Raises RegistryRefused for one that cannot be, or is not valid.
    """
    if draft.kind == "note":
        return write_note(statement, draft, parties, numbered)
    document = write_fa3(statement, draft, parties, numbered, corrected)
    check_invoice(document)
    return document


async def send_all(database: Database, actor: Actor, programme: int, sink: Sink) -> Outcome:
    """Send what was issued for a programme and not sent yet, in the order of the numbers.

    A document that is refused stops no other; where nothing more can be sent, or the database is lost, it is
    `stopped`. Raises RegistryRefused where somebody is sending them.
    """
    outcome = Outcome()
    try:
        with database.passing_session(database.target) as session:
            await _send_all(session, actor, programme, sink, outcome)
            await session.run(partial(leave_sending, programme=programme))
    except RegistryRefused:
        raise
    except (OSError, LedgerError) as error:
        outcome.stopped = error
    return outcome


async def _send_all(session: Session, actor: Actor, programme: int, sink: Sink, outcome: Outcome) -> None:
    last: Issued | None = None
    while found := await session.run(partial(next_to_send, session, programme=programme, after=last)):
        last, content = found
        try:
            number = await trio.to_thread.run_sync(sink.send, Document(last.text, last.kind, content))
        except RegistryRefused as error:
            outcome.refused.append(Refused(last.text, error.phrase))
            continue
        noted = partial(record_sent, actor=actor, text=last.text, sink=sink.name)
        if why := await session.run(partial(noted, ksef_number=number)):  # numbered by a person
            outcome.refused.append(Refused(last.text, why))
        outcome.sent.append(last.text)
