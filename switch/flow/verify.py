"""VERIFY: which benefits hold for a card here and now, and how often.

Owns the reply. What holds is decided from memory (`switch.rules.decide.verify`), at the moment its turn has
come; the ledger only counts what is left. Invariants: nobody is told why a benefit holds for a card; what
is used up does not hold; what the receipt asks the cashier to see is wanted by every benefit listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_

from ledger.books.posting import NO_LIMIT, Kind
from ledger.books.quotas import uses_left
from ledger.postgres.database import Connection, Database
from protocol import Verify, VerifyReply
from switch.flow.question import Question
from switch.rules.decide import Verdict, decide_verify
from switch.rules.versions import Version

VERIFY = int(Kind.VERIFY)


async def verify(question: Question, database: Database) -> VerifyReply:
    """Return the reply to a VERIFY. Without limits nothing is asked, else once. Raises `LedgerError`."""
    message = question.request.message
    assert isinstance(message, Verify)
    programme = question.terminal.partner.programme
    card, last4 = question.find_card(programme, message.card)
    version = programme.current  # taken down before the wait
    verdict = decide_verify(message, question.terminal, card, question.at)
    legs = [leg for found in verdict.found for leg in found.quotas]

    async def job(connection: Connection) -> list[int]:
        return await uses_left(connection, legs)

    rests = iter(await database.run(job) if legs else [])
    left = [min((next(rests) for _ in found.quotas), default=NO_LIMIT) for found in verdict.found]
    return _reply(question, version, last4, verdict, left)


def not_verified(question: Question, code: int) -> VerifyReply:
    """Return the reply where nothing can be told."""
    message = question.request.message
    assert isinstance(message, Verify)
    programme = question.terminal.partner.programme
    return _reply(
        question, programme.current, question.find_card(programme, message.card)[1], Verdict(code), []
    )


def _reply(
    question: Question, version: Version, last4: int, verdict: Verdict, left: Sequence[int]
) -> VerifyReply:
    now_ms = question.at.now_ms
    benefits = [
        (found.offer, rest, found.checks) for found, rest in zip(verdict.found, left, strict=True) if rest
    ]
    checks = reduce(and_, (wanted for _, _, wanted in benefits)) if benefits else 0
    return VerifyReply(
        stan=question.request.message.stan,
        code=verdict.code,
        server_time_ms=now_ms,
        checks=checks,
        benefits=benefits,
        benefits_next=verdict.next_after,
        receipt=version.printer.text(
            VERIFY,
            verdict.code,
            at_ms=now_ms,
            last4=last4,
            amount_grosze=0,
            points=0,
            balance=0,
            language=question.connection.language,
            checks=checks,
        ),
    )
