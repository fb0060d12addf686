"""CARD_REPORT: what a terminal tells of a card is taken down, and of nothing else is anything told.

Owns the turn from the message to the registry's report (`ledger.registry.card_cases`), which stops the card
in the same transaction; every worker hears of that as of any block. Must not know what comes of it.
Invariant: the reply is the same for every card there is and there is not.
"""

from __future__ import annotations

from ledger.postgres.database import Connection, Database
from ledger.registry.card_cases import Report, report_card
from ledger.registry.secrets import MasterKey
from protocol import Ack, CardNumberError, CardReport, parse_card, request_digest
from switch.flow.question import Question


async def take_down(question: Question, database: Database, master: MasterKey) -> Ack:
    """Return the reply to a CARD_REPORT. Raises `LedgerError`."""
    request, message = question.request, question.request.message
    assert isinstance(message, CardReport)
    try:
        digits = parse_card(message.card)
    except CardNumberError:
        token = last4 = None
    else:
        pepper = master.pepper(question.terminal.partner.programme.number)
        token, last4 = pepper.token(digits), int(digits[-4:])
    report = Report(
        question.terminal.number,
        message.stan,
        request_digest(request.type, request.body),
        message.report,
        message.entry,
        message.terminal_time,
        token,
        last4,
    )

    async def job(connection: Connection) -> int:
        return await report_card(connection, report)

    return Ack(message.stan, await database.run(job), question.at.now_ms)
