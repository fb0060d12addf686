"""Owns what happened to a document once it was issued: where it was sent, and how KSeF knows it.

A number that KSeF gave is held to its form, the seller and the day (`ksef_numbers`); that an invoice was
issued outside KSeF a person says. Both are said anew with a reason, until a correction carries them, which
the database holds, too (migrations, 0083). What a sink told and cannot be the number is kept beside it.

One session at a time sends the documents of a programme. What it handed over is noted before the next one is
begun: who ends between the two leaves one document that is handed over again, and no other.
"""

from datetime import date
from typing import Final

from ledger.errors import RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection
from ledger.postgres.locks import INVOICE_SPACE
from ledger.postgres.session import Session
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import check_text
from ledger.registry.invoice_billings import correction_of, refuse_known_number, want_reason
from ledger.registry.invoices import Issued, find_document, unsent
from ledger.registry.ksef_numbers import check_form, check_ksef_number

TOLD_CHARACTERS_MAX: Final = 256
_SENDS: Final = "sends"
_ELECT: Final = "select pg_try_advisory_lock($1, $2)"
_LEAVE: Final = "select pg_advisory_unlock($1, $2)"
_SENT: Final = """
insert into registry.invoice_delivery (text, programme, sink, ksef_number, told_number)
  select text, programme, $2, $3, $4 from registry.invoice where text = $1 on conflict (text) do nothing"""
_SAY: Final = "update registry.invoice_delivery set ksef_number = $2, outside_ksef = $3 where text = $1"


async def next_to_send(
    session: Session, connection: Connection, programme: int, after: Issued | None
) -> tuple[Issued, bytes] | None:
    """Inside a job of `session`: return the first document behind `after` that was issued and not sent yet,
    None without one. The session sends those of the programme from now until it ends, or `leave_sending`.

    Raises RegistryRefused where another one does.
    """
    if _SENDS not in session.state:
        if not await connection.fetchval(_ELECT, INVOICE_SPACE, programme):
            raise RegistryRefused("the documents are being sent already: look again in a while")
        session.state[_SENDS] = True
    for waiting in await unsent(connection, programme, after=after, limit=1):
        return await find_document(connection, waiting.text)
    return None


async def leave_sending(connection: Connection, programme: int) -> None:
    """Let another session send the documents of a programme."""
    await connection.fetchval(_LEAVE, INVOICE_SPACE, programme)


async def record_sent(
    connection: Connection, actor: Actor, text: str, sink: str, ksef_number: str
) -> Phrase | None:
    """Note that a document was sent, and the number that KSeF gave it, "" where it is not known; a second
    time changes nothing.

    What cannot be its number is kept as it was told, for a person to look into; returns why it cannot.
    """
    check_text("the name of the sink", sink, 64)
    async with writing(connection, actor):
        issued, _ = await find_document(connection, text)
        known, told, why = ksef_number, "", None
        if ksef_number:
            try:
                await _check(connection, issued, ksef_number)
            except RegistryRefused as error:
                known, told, why = "", _printable(ksef_number), error.phrase
        await connection.execute(_SENT, text, sink, known, told)
    if why is None:
        return None
    return Phrase("it was sent, and told as its KSeF number was {number}: {why}", number=told, why=why)


def _printable(told: str) -> str:
    return "".join(each if each.isprintable() else "\ufffd" for each in told[:TOLD_CHARACTERS_MAX])


async def record_number(connection: Connection, actor: Actor, text: str, ksef_number: str) -> None:
    """Note the number that KSeF gave a document that was sent, in the place of what was said with a reason.

    Raises NotInRegistry, RegistryRefused.
    """
    check_form(ksef_number)
    async with writing(connection, actor):
        issued, _ = await find_document(connection, text)
        await _check(connection, issued, ksef_number)
        await _say(connection, actor, issued, ksef_number, is_outside=False)


async def record_outside(connection: Connection, actor: Actor, text: str) -> None:
    """Note that a document was issued outside KSeF, with a reason. Raises NotInRegistry, RegistryRefused."""
    want_reason(actor)
    async with writing(connection, actor):
        issued, _ = await find_document(connection, text)
        _refuse_note(issued)
        await _say(connection, actor, issued, "", is_outside=True)


async def _say(
    connection: Connection, actor: Actor, issued: Issued, ksef_number: str, *, is_outside: bool
) -> None:
    if issued.sent_at is None:
        raise RegistryRefused("{document} was not sent yet", document=issued.text)
    if (issued.ksef_number, issued.is_outside_ksef) == (ksef_number, is_outside):
        return
    if issued.ksef_number or issued.is_outside_ksef:
        whose = (issued.programme, issued.partner, issued.month)
        if carried := await correction_of(connection, *whose, issued.text):
            raise RegistryRefused(
                "{correction} names {document} as it is known to KSeF: that stays",
                correction=carried,
                document=issued.text,
            )
        want_reason(actor)
    await connection.execute(_SAY, issued.text, ksef_number, is_outside)


def _refuse_note(issued: Issued) -> None:
    if issued.kind == "note":
        raise RegistryRefused("a note is no invoice, and never gets a KSeF number")


async def _check(connection: Connection, issued: Issued, ksef_number: str) -> None:
    _refuse_note(issued)
    today: date = await connection.fetchval("select registry.today_of($1)", issued.programme)
    check_ksef_number(ksef_number, issued.seller_nip, issued.issued_on, today)
    await refuse_known_number(connection, ksef_number, text=issued.text)
