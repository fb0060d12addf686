"""Owns what holds a stopped card: an open case of misuse, the hand that stopped it, a newer one in its place.

A duplicate that replaced such a card, or a hand-over, would give back what a case or the organiser took
away (Żywiec 4). A loss the holder reported holds nothing: the duplicate is for that. By whose hand a card
was stopped stands in the trail, where a stop is a row that made it so, or said it again and changed nothing;
a renewal of a stopped card is none. Must not change anything. Takes the owner's connection, inside a write.
"""

from typing import Any, Final

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.card_states import ENDED, OFFICE, STOPPED, Hand

Issues = tuple[int, int, int, int]
"""Account, carrier, and from which issue to which."""

_OPEN_CASE: Final = """select min(o.number) from registry.card_case o
  join registry.card c using (account, carrier, issue)
  where c.account = $1 and c.carrier = $2 and c.issue between $3 and $4 and c.status <> all ($5::smallint[])
    and o.state = 0 and o.kind <> 3"""
_STOPPERS: Final = """select distinct a.hand from registry.card c
  join registry.audit a on a.object = 'card' and a.key = concat_ws('/', c.account, c.carrier, c.issue)
  where c.account = $1 and c.carrier = $2 and c.issue between $3 and $4 and c.status = any ($5::smallint[])
    and (a.after ->> 'status')::smallint = any ($5::smallint[])
    and (a.before ->> 'status' is distinct from a.after ->> 'status'
      or a.before - 'changed' = a.after - 'changed')
    and a.id > coalesce((select max(b.id) from registry.audit b where b.object = 'card' and b.key = a.key
      and (b.after ->> 'status')::smallint <> all ($5::smallint[])), 0)"""
_STANDING: Final = """select coalesce(max(c.issue), 1) from registry.card c
  where c.account = $1 and c.carrier = $2 and c.issue <= $3 and registry.was_handed_over(c.status, c.past)"""
_OVERTAKEN: Final = """select true from registry.card c
  where c.account = $1 and c.carrier = $2 and c.issue > $3 and registry.was_handed_over(c.status, c.past)
  limit 1"""


async def check_no_case(connection: Connection, card: Any) -> None:
    """Raise RegistryRefused while an open case of misuse holds a card, or one it is to take the place of."""
    await _check_no_case(connection, await _issues(connection, card))


async def _check_no_case(connection: Connection, issues: Issues) -> None:
    ended = [int(status) for status in ENDED]
    case = await connection.fetchval(_OPEN_CASE, *issues, ended)
    if case is not None:
        raise RegistryRefused(
            "case {case} of misuse is open: confirm or lift it first (`cards cases`)", case=case
        )


async def check_not_held(connection: Connection, card: Any, hand: Hand) -> None:
    """Raise RegistryRefused unless this hand may put another card in the place of this one, and of those
    whose place it is to take.

    Nobody may while a case is open or the organiser's stop stands; only the office, where it or a terminal
    stopped the card; where the holder's side did, whoever may replace a card at all.
    """
    issues = await _issues(connection, card)
    await _check_no_case(connection, issues)
    by = await _stoppers(connection, issues)
    if Hand.ORGANISER in by:
        raise RegistryRefused("the organiser stopped this card: no other in its place before `cards unblock`")
    if by & {Hand.DESK, Hand.TERMINAL} and hand not in OFFICE:
        raise RegistryRefused("the office stopped this card: replaced only by {hands}", hands=OFFICE)


async def check_not_overtaken(connection: Connection, card: Any) -> None:
    """Raise RegistryRefused where a newer card of its account and kind was handed over: it works no more
    (Zgierz § 7), whatever became of the newer one.
    """
    if await connection.fetchval(_OVERTAKEN, card["account"], card["carrier"], card["issue"]):
        raise RegistryRefused("a newer card was handed over in its place: replace or use that one")


async def is_stopped_by_report(connection: Connection, card: Any) -> bool:
    """Whether nothing but a terminal's report stopped a card since it was last free."""
    alone = card["account"], card["carrier"], card["issue"], card["issue"]
    return await _stoppers(connection, alone) <= {Hand.TERMINAL}


async def _issues(connection: Connection, card: Any) -> Issues:
    """Return a card and those before it, back to the newest that was handed over, for what that one took the
    place of works no more.
    """
    place = card["account"], card["carrier"], card["issue"]
    return *place[:2], await connection.fetchval(_STANDING, *place), place[2]


async def _stoppers(connection: Connection, issues: Issues) -> set[str]:
    """By whose hands cards are stopped."""
    rows = await connection.fetch(_STOPPERS, *issues, [int(status) for status in STOPPED])
    return {row["hand"] for row in rows}
