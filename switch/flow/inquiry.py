"""Sign-on and totals: the two requests that read the journal instead of posting to it.

Owns their replies. Each is one database job; when Postgres cannot be asked the reply says "try again".
Must not write anything. Invariant: every request gets a reply of its own shape, whatever happens.
"""

from __future__ import annotations

from ledger.books.outage import Outage
from ledger.books.statements import TerminalTotals, last_stan, terminal_totals
from ledger.errors import LedgerError
from ledger.postgres.database import Connection, Database
from protocol import ENTRY_MODES_ALL, Reply, ResultCode, SignOn, SignOnReply, Totals, TotalsReply, limits
from switch.flow.operations import served
from switch.rules.directory import Terminal
from switch.rules.text import cut


class Inquiries:
    """Answers sign-on and totals."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outage = Outage("inquiry")

    async def answer(self, message: SignOn | Totals, terminal: Terminal, now_ms: int) -> Reply:
        """Return the reply; never raises for a database that is away."""
        try:
            reply = await self._ask(message, terminal, now_ms)
        except LedgerError as error:
            self._outage.failed(self, str(error))
            code = int(ResultCode.TRY_AGAIN)
        else:
            self._outage.works(self)
            return reply
        if isinstance(message, SignOn):
            return _sign_on_reply(message, terminal, now_ms, code=code, last=0)
        return _totals_reply(message, now_ms, code, NO_FIGURES)

    async def _ask(self, message: SignOn | Totals, terminal: Terminal, now_ms: int) -> Reply:
        if isinstance(message, SignOn):
            return await self._sign_on(message, terminal, now_ms)
        return await self._totals(message, terminal, now_ms)

    async def _sign_on(self, message: SignOn, terminal: Terminal, now_ms: int) -> SignOnReply:
        async def job(connection: Connection) -> int:
            return await last_stan(connection, terminal.number)

        last = await self._database.run(job)
        return _sign_on_reply(message, terminal, now_ms, code=int(ResultCode.APPROVED), last=last)

    async def _totals(self, message: Totals, terminal: Terminal, now_ms: int) -> TotalsReply:
        if not 0 <= message.stan_to - message.stan_from < limits.TOTALS_STANS_MAX:
            return _totals_reply(message, now_ms, int(ResultCode.NOT_SUPPORTED), NO_FIGURES)

        async def job(connection: Connection) -> TerminalTotals:
            return await terminal_totals(connection, terminal.number, message.stan_from, message.stan_to)

        ours = signed_figures(await self._database.run(job))
        same = all(getattr(message, field) == figure for field, figure in ours.items())
        code = ResultCode.APPROVED if same else ResultCode.TOTALS_DIFFER
        return _totals_reply(message, now_ms, int(code), ours)


def signed_figures(totals: TerminalTotals) -> dict[str, int]:
    """The figures as replies state points: a redemption takes them, so they are negative on the wire."""
    return {
        "earn_count": totals.earn_count,
        "earn_points": totals.earn_points,
        "redeem_count": totals.redeem_count,
        "redeem_points": -totals.redeem_points,
        "reversal_count": totals.reversal_count,
        "reversal_points": totals.reversal_points,
        "benefit_count": 0,
        "benefit_grosze": 0,
        "refund_count": 0,
        "refund_points": 0,
    }


NO_FIGURES = signed_figures(TerminalTotals(0, 0, 0, 0, 0, 0))


def _sign_on_reply(message: SignOn, terminal: Terminal, now_ms: int, *, code: int, last: int) -> SignOnReply:
    partner = terminal.partner
    rules = partner.programme.current.rules
    step_grosze = partner.points_step_grosze or (rules.earn.step_grosze if rules.earn else 0)
    return SignOnReply(
        stan=message.stan,
        code=code,
        server_time_ms=now_ms,
        programme=partner.programme.code,
        partner_name=cut(partner.name, limits.PARTNER_NAME_BYTES_MAX),
        last_stan=last,
        amount_max_grosze=rules.earn.amount_max_grosze if rules.earn else 0,
        points_step_grosze=step_grosze,
        tiers=[(tier.points, tier.value_grosze) for tier in rules.redeem.tiers] if rules.redeem else [],
        advice_age_max_days=rules.programme.advice_age_max_days,
        operations=served(rules),
        entries=ENTRY_MODES_ALL,
        offers=[],
        offers_next=0,
    )


def _totals_reply(message: Totals, now_ms: int, code: int, figures: dict[str, int]) -> TotalsReply:
    return TotalsReply(stan=message.stan, code=code, server_time_ms=now_ms, **figures)
