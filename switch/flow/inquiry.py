"""What no posting answers: sign-on and totals, which read the journal, a key's change, a card's report.

Owns the replies of the first two. Each question is one database job; when Postgres cannot be asked the reply
says "try again". Must not write to the books. Invariant: every question gets a reply of its own shape,
whatever happens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, time
from itertools import islice

from msgspec.structs import replace

from ledger.books.outage import Outage
from ledger.books.posting import QuotaLeg
from ledger.books.quotas import QuotaReader
from ledger.books.statements import TerminalTotals, last_stan, terminal_totals
from ledger.errors import LedgerError
from ledger.postgres.database import Connection, Database
from ledger.registry.secrets import MasterKey
from protocol import (
    Ack,
    CardReport,
    KeyChange,
    Reply,
    Request,
    ResultCode,
    SignOn,
    SignOnReply,
    Totals,
    TotalsReply,
    limits,
)
from switch.flow.card_report import take_down
from switch.flow.connection import first_language
from switch.flow.key_change import change_key, no_key
from switch.flow.operations import is_served, served
from switch.flow.question import Question
from switch.flow.replies import not_supported
from switch.rules.dates import day_of_number
from switch.rules.decide.refusals import refuse_place_now
from switch.rules.directory import Terminal
from switch.rules.offer_checks import is_over
from switch.rules.offers import kind_number
from switch.rules.programme import LANGUAGES
from switch.rules.text import cut


class Inquiries:
    """Answers what no posting answers."""

    def __init__(
        self,
        database: Database,
        master: MasterKey,
        quotas: QuotaReader,
        catch_up: Callable[[], Awaitable[object]],
    ) -> None:
        """`catch_up` waits until this worker knows what the registry held when it was called; it raises
        `LedgerError` where that takes too long.
        """
        self._database = database
        self._master = master
        self._quotas = quotas
        self._catch_up = catch_up
        self._outage = Outage("inquiry")

    async def answer(self, question: Question) -> Reply:
        """Return the reply; never raises for a database that is away."""
        try:
            reply = await self._ask(question)
        except LedgerError as error:
            self._outage.failed(self, str(error))
            return _undecided(question)
        self._outage.works(self)
        return reply

    async def uses_left(self, quotas: Iterable[QuotaLeg]) -> dict[QuotaLeg, int]:
        """Return what is left of those that can be read now."""
        left = await self._quotas.read(quotas)
        if left.problem is None:
            self._outage.works(self)
        else:
            self._outage.failed(self, left.problem)
        return left.uses

    async def _ask(self, question: Question) -> Reply:
        message, terminal, now_ms = question.request.message, question.terminal, question.at.now_ms
        assert isinstance(message, Request)
        if not is_served(message, terminal.partner.programme.current.rules):
            return not_supported(message, now_ms, question.connection.language)
        match message:
            case SignOn():
                return await self._sign_on(message, terminal, now_ms)
            case Totals():
                return await self._totals(message, terminal, now_ms)
            case KeyChange():
                return await change_key(question, self._database, self._master)
            case CardReport():
                reply = await take_down(question, self._database)
                await self._catch_up()  # whatever was reported: the time it takes tells nothing of the card
                return reply
        raise AssertionError(f"{type(message).__name__} is no question")

    async def _sign_on(self, message: SignOn, terminal: Terminal, now_ms: int) -> SignOnReply:
        async def job(connection: Connection) -> int:
            return await last_stan(connection, terminal.number)

        # What holds is taken down first: the reply is of this moment, and the wait may be long.
        reply = sign_on_reply(message, terminal, now_ms, code=refuse_place_now(terminal, now_ms), last=0)
        return replace(reply, last_stan=await self._database.run(job))

    async def _totals(self, message: Totals, terminal: Terminal, now_ms: int) -> TotalsReply:
        if not 0 <= message.stan_to - message.stan_from < limits.TOTALS_STANS_MAX:
            return _totals_reply(message, now_ms, int(ResultCode.NOT_SUPPORTED), NO_FIGURES)

        async def job(connection: Connection) -> TerminalTotals:
            return await terminal_totals(connection, terminal.number, message.stan_from, message.stan_to)

        ours = signed_figures(await self._database.run(job))
        same = all(getattr(message, field) == figure for field, figure in ours.items())
        code = ResultCode.APPROVED if same else ResultCode.TOTALS_DIFFER
        return _totals_reply(message, now_ms, int(code), ours)


def _undecided(question: Question) -> Reply:
    """The reply to a question that Postgres could not be asked."""
    message, now_ms, code = question.request.message, question.at.now_ms, int(ResultCode.TRY_AGAIN)
    match message:
        case SignOn():
            return sign_on_reply(message, question.terminal, now_ms, code=code, last=0)
        case Totals():
            return _totals_reply(message, now_ms, code, NO_FIGURES)
        case KeyChange():
            return no_key(question, code)
        case CardReport():
            return Ack(message.stan, code, now_ms)
    raise AssertionError(f"{type(message).__name__} is no question")


def signed_figures(totals: TerminalTotals) -> dict[str, int]:
    """The figures as replies state points: a redemption takes them, so they are negative on the wire."""
    return {
        "earn_count": totals.earn_count,
        "earn_points": totals.earn_points,
        "redeem_count": totals.redeem_count,
        "redeem_points": -totals.redeem_points,
        "reversal_count": totals.reversal_count,
        "reversal_points": totals.reversal_points,
        "benefit_count": totals.benefit_count,
        "benefit_grosze": totals.benefit_grosze,
        "refund_count": totals.refund_count,
        "refund_points": totals.refund_points,
    }


NO_FIGURES = signed_figures(TerminalTotals(0, 0, 0, 0, 0, 0))


def sign_on_reply(message: SignOn, terminal: Terminal, now_ms: int, *, code: int, last: int) -> SignOnReply:
    """Return what a terminal is told of its programme; `last`: its highest STAN in the journal."""
    partner = terminal.partner
    version = partner.programme.current
    rules = version.rules
    offers, offers_next = _offers_page(message, terminal, now_ms)
    step_grosze = partner.points_step_grosze or (rules.earn.step_grosze if rules.earn else 0)
    return SignOnReply(
        stan=message.stan,
        code=code,
        server_time_ms=now_ms,
        programme=partner.programme.code,
        partner_name=cut(partner.name, limits.PARTNER_NAME_BYTES_MAX),
        last_stan=last,
        amount_max_grosze=max(
            (part.amount_max_grosze for part in (rules.earn, rules.benefits) if part), default=0
        ),
        points_step_grosze=step_grosze,
        tiers=[(tier.points, tier.value_grosze) for tier in rules.redeem.tiers] if rules.redeem else [],
        advice_age_max_days=rules.programme.advice_age_max_days,
        operations=served(rules),
        entries=version.entry_bits,
        offers=offers,
        offers_next=offers_next,
    )


def _offers_page(message: SignOn, terminal: Terminal, now_ms: int) -> tuple[list[tuple[int, int, str]], int]:
    """Return number, kind and name of offers that hold where a terminal stands, and the next page's begin.

    What is over (`is_over`) is not listed, here or in the public list.
    """
    partner = terminal.partner
    first = LANGUAGES[first_language(terminal)]
    language = message.language if message.language in LANGUAGES else first
    version = partner.programme.current
    if version.rules.benefits is None:
        return [], 0
    day, minute = version.calendar.wall(now_ms)
    wall = datetime.combine(day_of_number(day), time(*divmod(minute, 60)))
    held = partner.programme.offers.of_partner(partner.number, now_ms, after=message.offers_after)
    here = (one.offer for one in held if one.offer is not None and one.offer.is_in(terminal.outlet))
    offers = list(islice((offer for offer in here if not is_over(offer, wall)), limits.OFFERS_MAX + 1))
    page = offers[: limits.OFFERS_MAX]
    listed = [(offer.number, kind_number(offer), offer.name.in_(language)) for offer in page]
    return listed, page[-1].number if len(offers) > len(page) else 0


def _totals_reply(message: Totals, now_ms: int, code: int, figures: dict[str, int]) -> TotalsReply:
    return TotalsReply(stan=message.stan, code=code, server_time_ms=now_ms, **figures)
