"""Owns the cases of cards: what terminals report, and what the organiser decides about it.

A report comes by the service's own function (`registry.report_card_v1`, migrations, 0031), which stops the
card in the same transaction; it is taken down once by (terminal, STAN). Who decides takes the owner's
connection and an actor. Invariant: lifting a case never gives back a card that anything else stops, be it
older or newer than the report, and lifting the last of those that stop it does; so it does not matter in
which order cases of one card are decided.
"""

from enum import IntEnum
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import INT64_MAX, check_number, check_page
from ledger.registry.card_states import STOPPED, CardStatus, check_move
from ledger.registry.cards import before_the_stop
from ledger.registry.stops import is_stopped_by_report


class CaseKind(IntEnum):
    """What was reported."""

    RETAINED = 1
    ATTEMPT = 2
    DOUBT = 3


class CaseState(IntEnum):
    """Of a case. NOTED: there is no such card in the programme, and nothing to decide."""

    OPEN = 0
    CONFIRMED = 1
    LIFTED = 2
    NOTED = 3


class Report(NamedTuple):
    """One report of a terminal; `happened_s`: Unix time by its clock; token and last4 None: no number."""

    terminal: int
    stan: int
    digest: int
    kind: int
    entry: int
    happened_s: int
    token: int | None
    last4: int | None


class Decided(NamedTuple):
    """What a decision has done: the card's state before and after it."""

    was: CardStatus
    now: CardStatus


REPORT: Final = "select registry.report_card_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_LIST: Final = """select c.number, c.kind, c.state, c.opened_at, c.happened_at, c.programme, c.terminal,
    c.stan, c.entry, t.partner, account, c.last4, c.was, c.became, c.decided_by, c.decided_at, k.status,
    extract(day from coalesce(c.decided_at, now()) - c.opened_at)::int as days
  from registry.card_case c join registry.terminal t on t.id = c.terminal
  left join registry.card k using (account, carrier, issue)
  where c.number > $1 and ($3::smallint is null or c.state = $3)
    and ($4::smallint is null or c.programme = $4)
  order by c.number limit $2"""
# A stop that reports made began with the last one that found the card free. Nobody unblocks a card while a
# case is open, so those confirmed since then stop it still.
_CASE: Final = """select c.state, k.token, k.past, c.account, c.carrier, c.issue,
    registry.status_today(k.account, k.status) as status,
    exists (select from registry.card_case o
      where (o.account, o.carrier, o.issue) = (c.account, c.carrier, c.issue) and o.kind <> 3
        and (o.state = 0 and o.number <> c.number or o.state = 1 and o.number >= (
          select coalesce(max(f.number), 0) from registry.card_case f
          where (f.account, f.carrier, f.issue) = (c.account, c.carrier, c.issue) and f.kind <> 3
            and f.was <> all ($2::smallint[])))) as is_held
  from registry.card_case c left join registry.card k using (account, carrier, issue) where c.number = $1"""
_DECIDE: Final = """update registry.card_case set state = $2, decided_by = $3, decided_at = now()
  where number = $1"""


async def report_card(connection: Connection, report: Report) -> int:
    """Take a report down, and stop the card if it is one of misuse; returns a result code.

    0: taken down, now or before; 21: the STAN was used for another report. The service's own write.
    """
    code: int = await connection.fetchval(REPORT, *report)
    return code


async def list_cases(
    connection: Connection,
    state: CaseState | None = None,
    *,
    programme: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Any]:
    """A page of cases with a number above `after`, of a programme or of all, oldest first; `status` is the
    card's now, `days` how long a case has waited, or did.
    """
    check_page(limit, after)
    rows: list[Any] = await connection.fetch(_LIST, after, limit, state, programme)
    return rows


async def decide_case(connection: Connection, actor: Actor, number: int, state: CaseState) -> Decided:
    """Confirm an open case, and the card stays as it is; or lift it, and the card is what it was before it
    was stopped.

    A card that another hand stopped, before the reports or since, that another case stops which is open or
    was confirmed, or that is stopped no more stays as it is when a case is lifted, too. Raises
    NotInRegistry, RegistryRefused.
    """
    check_number("the number of a case", number, 1, INT64_MAX)
    async with writing(connection, actor):
        row = await connection.fetchrow(_CASE, number, [int(status) for status in STOPPED])
        if row is None:
            raise NotInRegistry("there is no case {number}", number=number)
        if row["state"] != CaseState.OPEN:
            raise RegistryRefused(
                "case {number} is {case_state} already",
                number=number,
                case_state=CaseState(row["state"]).name.lower(),
            )
        now = status = CardStatus(row["status"])
        is_free_to_go = status in STOPPED and not row["is_held"]
        if state is CaseState.LIFTED and is_free_to_go and await is_stopped_by_report(connection, row):
            now = before_the_stop(status, row["past"] or ())
            check_move(status, now, actor.hand)
        if now != status:
            await connection.execute(
                "update registry.card set status = $2 where token = $1", row["token"], now
            )
        await connection.execute(_DECIDE, number, state, actor.name)
    return Decided(status, now)
