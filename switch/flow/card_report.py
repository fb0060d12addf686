"""CARD_REPORT: what a terminal tells of a card is taken down, and of nothing else is anything told.

Owns the turn from the message to the registry's report (`ledger.registry.card_cases`), which stops the card
in the same transaction; every worker hears of that as of any block. Must not know what comes of it.
Invariant: the reply is the same for every card there is and there is not.
"""

from __future__ import annotations

from ledger.postgres.database import Connection, Database
from ledger.registry.card_cases import Report, report_card
from ledger.registry.peppers import REENTERED, reenter
from protocol import Ack, CardNumberError, CardReport, parse_card, request_digest
from switch.flow.question import Question


async def take_down(question: Question, database: Database) -> Ack:
    """Return the reply to a CARD_REPORT. Raises `LedgerError`."""
    request, message = question.request, question.request.message
    assert isinstance(message, CardReport)
    programme, former = question.terminal.partner.programme, dict[int, int]()
    try:
        digits = parse_card(message.card)
    except CardNumberError:
        token = last4 = None
    else:
        token, last4 = programme.token_of(digits), int(digits[-4:])
        if programme.former_token_of is not None:
            former[programme.former_token_of(digits)] = token
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
        await reenter(connection, REENTERED, programme.number, programme.pepper, former)
        return await report_card(connection, report)

    return Ack(message.stan, await database.run(job), question.at.now_ms)
