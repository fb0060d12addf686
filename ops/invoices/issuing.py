"""Issues what statements ask for, and sends what was issued: the use cases behind `cityswitch invoices`.

Owns their order. Must not know the command line, nor how statements are found. Invariants: a document is
valid by the official schema before it has its number for good; a partner that is refused stops no other; a
second run issues and sends only what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import trio
from msgspec import Struct, field
from msgspec.structs import replace

from ledger.errors import RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor, check_second
from ledger.registry.invoice_parties import cities_of, the_seller
from ledger.registry.invoices import (
    Issued,
    Numbered,
    Order,
    correctable,
    find_document,
    issue,
    record_sent,
    unsent,
)
from ledger.registry.partner_contracts import Details, named_in
from ledger.settlement.statement import Statement
from ops.invoices.drafts import Draft, corrected_by, drafts_of
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


class Outcome(Struct):
    """What a run did."""

    issued: list[Issued] = field(default_factory=list)
    there: list[Issued] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


async def issue_all(
    database: Database,
    actor: Actor,
    programme: int,
    statements: Iterable[Statement],
    *,
    second_needed: bool | None = None,
) -> Outcome:
    """Issue what the statements of a programme ask for, each document in a transaction of its own.

    By two persons, where a second one is wanted; None: as the rules in force want it. Raises NotInRegistry
    where nobody invoices for the programme.
    """
    seller = await database.run(lambda c: the_seller(c, programme))
    cities = await database.run(lambda c: cities_of(c, programme))
    details = await database.run(lambda c: named_in(c, programme))
    needed = second_needed
    if needed is None:
        needed = (await second_person(database, programme)).month_documents
    check_second(actor, "to issue documents", needed=needed)
    outcome = Outcome()
    for closed in statements:
        statement = completed(closed, details.get(closed.partner, Details()))
        parties = Parties(seller, cities.get(statement.partner))
        try:
            for draft in drafts_of(statement):
                job = partial(
                    _issue,
                    actor=actor,
                    statement=statement,
                    draft=draft,
                    parties=parties,
                    second_needed=needed,
                )
                document, is_new = await database.run(job)
                (outcome.issued if is_new else outcome.there).append(document)
        except RegistryRefused as error:
            outcome.refused.append(
                Refused(Phrase("partner {partner}", partner=statement.partner), error.phrase)
            )
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


async def _issue(
    connection: Connection,
    *,
    actor: Actor,
    statement: Statement,
    draft: Draft,
    parties: Parties,
    second_needed: bool,
) -> tuple[Issued, bool]:
    corrected: list[Issued] = []
    if draft.kind == "correction":
        before = await correctable(connection, statement.programme, statement.partner, statement.month)
        corrected = corrected_by(draft, before)

    def write(numbered: Numbered) -> bytes:
        return write_document(statement, draft, parties, numbered, corrected)

    order = Order(
        statement.programme,
        statement.partner,
        statement.month,
        statement.number,
        draft.kind,
        draft.net_grosze,
        draft.vat_grosze,
        tuple(invoice.text for invoice in corrected),
        second_needed,
    )
    return await issue(connection, actor, order, write)


def write_document(
    statement: Statement, draft: Draft, parties: Parties, numbered: Numbered, corrected: list[Issued]
) -> bytes:
    """Return the bytes of a document. Raises RegistryRefused for one that cannot be, or is not valid."""
    if draft.kind == "note":
        return write_note(statement, draft, parties, numbered)
    document = write_fa3(statement, draft, parties, numbered, corrected)
    check_invoice(document)
    return document


async def send_all(database: Database, actor: Actor, programme: int, sink: Sink) -> Outcome:
    """Send what was issued for a programme and not sent yet, in the order of the numbers.

    A document that is refused stops no other. Raises OSError where nothing can be sent now.
    """
    outcome = Outcome()
    last: Issued | None = None
    while waiting := await database.run(partial(unsent, programme=programme, after=last)):
        for issued in waiting:
            last = issued
            _, content = await database.run(partial(find_document, text=issued.text))
            try:
                number = await trio.to_thread.run_sync(sink.send, Document(issued.text, issued.kind, content))
            except RegistryRefused as error:
                outcome.refused.append(Refused(issued.text, error.phrase))
                continue
            await database.run(
                partial(record_sent, actor=actor, text=issued.text, sink=sink.name, ksef_number=number)
            )
            outcome.sent.append(issued.text)
    return outcome
