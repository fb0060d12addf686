"""Owns the proposals of what the office changes of cards' points: corrections and opening balances.

Proposed by one person with a reason, decided by another (where the rules want a second one) who says what it
comes to; the database holds both to it (migrations, 0084). Whoever proposes and decides takes the owner's
connection or a programme's role; what became of a row is noted by whoever posts it
(`ledger.books.adjusting`). Must not know the books. Invariants: a proposal is written whole or not at all; a
card has one opening balance, ever, unless it was refused; what was proposed is what is posted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection
from ledger.registry.audit import SWITCH, Actor, is_same_person, writing
from ledger.registry.bounds import INT64_MAX, check_number, check_page, check_text, number_fault, text_fault
from ledger.registry.imports import Import, Mode, Refusal, sort_out

ROWS_MAX: Final = 200_000
POINTS_MAX: Final = 1_000_000_000
REFERENCE_CHARACTERS_MAX: Final = 64
DECISION_CHARACTERS_MAX: Final = 200


class AdjustmentKind(IntEnum):
    """Why points change without a till."""

    CORRECTION = 1
    OPENING = 2


class AdjustmentState(IntEnum):
    """Of a proposal."""

    PROPOSED = 1
    APPROVED = 2
    REFUSED = 3


class NewRow(NamedTuple):
    """What is to change of one card: signed points, and what the old system called it."""

    token: int
    points: int
    reference: str = ""


class Terms(NamedTuple):
    """What the rules in force say: their version, the most points of a row, whether a card may go below 0,
    and whether another person approves than proposed.
    """

    rules_version: int
    points_max: int
    may_go_below: bool
    second_needed: bool = True


class OpenRow(NamedTuple):
    """An approved row that is still to be posted."""

    number: int
    programme: int
    account: int
    last4: str
    points: int
    may_go_below: bool
    rules_version: int


class PostedRow(NamedTuple):
    """What became of a row: its result code (0: posted) and the balance after it."""

    number: int
    code: int
    balance: int


_CARDS: Final = """select c.token, c.account, c.last4,
    (select r.points from registry.adjustment_row r join registry.adjustment a on a.number = r.adjustment
      where r.account = c.account and a.kind = 2 and a.state <> 3 order by r.number limit 1) as opened,
    (select r.reference from registry.adjustment_row r join registry.adjustment a on a.number = r.adjustment
      where r.account = c.account and a.kind = 2 and a.state <> 3 order by r.number limit 1) as opened_of
  from registry.card c where c.programme = $1 and c.token = any($2::bigint[])"""
_PROPOSE: Final = """insert into registry.adjustment
    (programme, kind, reason, source, rows, points_sum, may_go_below, rules_version, second_needed)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning number"""
_ROWS: Final = """insert into registry.adjustment_row
    (adjustment, programme, account, last4, points, reference)
  select $1, $2, r.* from unnest($3::bigint[], $4::text[], $5::bigint[], $6::text[])
      as r(account, last4, points, reference)"""
_ONE: Final = "select * from registry.adjustment where number = $1"
_DECIDE: Final = "update registry.adjustment set state = $2, decision = $3 where number = $1"
_LIST: Final = """select a.*, (select count(*) from registry.adjustment_row r
      where r.adjustment = a.number and r.code = 0)::int as posted,
    (select count(*) from registry.adjustment_row r
      where r.adjustment = a.number and r.code <> 0)::int as declined
  from registry.adjustment a
  where a.number > $1 and ($3::smallint is null or a.state = $3) order by a.number limit $2"""
_SHOW: Final = """select r.number, r.account, r.last4, r.points, r.reference, r.posted_at, r.code, r.balance
  from registry.adjustment_row r where r.adjustment = $1 and r.number > $2 order by r.number limit $3"""
_OF_ROW: Final = """select a.number, a.kind, a.reason, a.proposed_by, a.decided_by, a.decision
  from registry.adjustment_row r join registry.adjustment a on a.number = r.adjustment where r.number = $1"""
OPEN_ROWS: Final = """select r.number, r.programme, r.account, r.last4, r.points, a.may_go_below,
    a.rules_version
  from registry.adjustment a
  join registry.adjustment_row r on r.adjustment = a.number and r.posted_at is null
  where a.state = 2 order by r.number limit $1"""
_NOTE: Final = """update registry.adjustment_row r
  set posted_at = clock_timestamp(), code = n.code, balance = n.balance
  from unnest($1::int[], $2::smallint[], $3::bigint[]) as n(number, code, balance)
  where r.number = n.number and r.posted_at is null"""


async def propose(
    connection: Connection,
    actor: Actor,
    rows: Iterable[NewRow],
    *,
    programme: int,
    kind: AdjustmentKind,
    terms: Terms,
    mode: Mode = Mode.WHOLE,
) -> tuple[Import, int | None]:
    """Propose rows, all checked before the first is written; return what became of them, and the number.

    The number is None where nothing new was written. An opening balance that is there already, with the same
    points and reference, is passed over; with others it is refused. Raises RegistryRefused.
    """
    if not actor.reason.strip():
        raise RegistryRefused("points are changed with a reason, which is kept")
    given = list(rows)
    check_number("the number of rows", len(given), 1, ROWS_MAX)
    is_opening = kind is AdjustmentKind.OPENING
    sound, refused = sort_out(given, lambda row: row.token, lambda row: _fault(row, terms, is_opening))
    async with writing(connection, actor):
        known = {row["token"]: row for row in await connection.fetch(_CARDS, programme, list(sound))}
        new, unchanged, more = _place(sound, known, is_opening)
        refused += more
        done = Import(len(new), unchanged, refused)
        if not new or mode is Mode.DRY_RUN or (mode is Mode.WHOLE and refused):
            return done._replace(added=len(new) if mode is Mode.DRY_RUN else 0), None
        number: int = await connection.fetchval(
            _PROPOSE, programme, kind, actor.reason, actor.source, len(new),
            sum(row.points for row in new), terms.may_go_below, terms.rules_version, terms.second_needed,
        )  # fmt: skip
        await connection.execute(
            _ROWS, number, programme, [known[row.token]["account"] for row in new],
            [known[row.token]["last4"] for row in new], [row.points for row in new],
            [row.reference for row in new],
        )  # fmt: skip
    return done, number


def _fault(row: NewRow, terms: Terms, is_opening: bool) -> tuple[str, str] | None:
    """Return what is wrong with a row by itself."""
    least = 1 if is_opening else -terms.points_max
    if why := number_fault(row.points, least, terms.points_max):
        return "points", why
    if not row.points:
        return "points", Phrase("must not be 0")
    if why := text_fault(row.reference, REFERENCE_CHARACTERS_MAX, least=1 if is_opening else 0):
        return "reference", why
    return None


def _place(
    sound: Mapping[int, NewRow], known: Mapping[int, Any], is_opening: bool
) -> tuple[list[NewRow], int, list[Refusal]]:
    """Set rows against the cards there are: the new ones, how many are there already, the refused."""
    new: list[NewRow] = []
    unchanged, refused = 0, list[Refusal]()
    accounts: set[int] = set()
    for token, row in sound.items():
        card = known.get(token)
        if card is None:
            refused.append(Refusal(token, "number", Phrase("is no card of this programme")))
        elif is_opening and card["opened"] is not None:
            if (card["opened"], card["opened_of"]) == (row.points, row.reference):
                unchanged += 1
            else:
                refused.append(
                    Refusal(
                        token, "points", Phrase("it has an opening balance: {points}", points=card["opened"])
                    )
                )
        elif is_opening and card["account"] in accounts:
            refused.append(Refusal(token, "number", Phrase("another card of this account is in the file")))
        else:
            new.append(row)
            accounts.add(card["account"])
    return new, unchanged, refused


async def approve(connection: Connection, actor: Actor, number: int, points_sum: int) -> None:
    """Approve a proposal, as another person than proposed it where it wants one, who says what it comes to.

    Raises NotInRegistry, RegistryRefused.
    """
    async with writing(connection, actor):
        row = await _proposed(connection, number)
        if row["second_needed"] and is_same_person(actor.name, row["proposed_by"]):
            raise RegistryRefused(
                "adjustment {number}: another person approves it than proposed it", number=number
            )
        if points_sum != row["points_sum"]:
            raise RegistryRefused(
                "adjustment {number} does not come to {points} points: look at it once more",
                number=number,
                points=points_sum,
            )
        await connection.execute(_DECIDE, number, AdjustmentState.APPROVED, actor.reason)


async def refuse(connection: Connection, actor: Actor, number: int) -> None:
    """Refuse a proposal, or take one's own back, with a reason. Raises NotInRegistry, RegistryRefused."""
    check_text("the reason", actor.reason.strip(), DECISION_CHARACTERS_MAX)
    async with writing(connection, actor):
        await _proposed(connection, number)
        await connection.execute(_DECIDE, number, AdjustmentState.REFUSED, actor.reason)


async def _proposed(connection: Connection, number: int) -> Any:
    check_number("the number of an adjustment", number, 1, INT64_MAX)
    row = await connection.fetchrow(_ONE, number)
    if row is None:
        raise NotInRegistry("there is no adjustment {number}", number=number)
    if row["state"] != AdjustmentState.PROPOSED:
        raise RegistryRefused(
            "adjustment {number} is {adjustment_state} already",
            number=number,
            adjustment_state=AdjustmentState(row["state"]).name.lower(),
        )
    return row


async def list_adjustments(
    connection: Connection, state: AdjustmentState | None = None, *, after: int = 0, limit: int = 100
) -> list[Any]:
    """A page of adjustments with a number above `after`, oldest first."""
    check_page(limit, after)
    rows: list[Any] = await connection.fetch(_LIST, after, limit, state)
    return rows


async def list_rows(connection: Connection, number: int, *, after: int = 0, limit: int = 100) -> list[Any]:
    """A page of an adjustment's rows with a number above `after`. Raises NotInRegistry."""
    check_page(limit, after)
    check_number("the number of an adjustment", number, 1, INT64_MAX)
    if await connection.fetchrow(_ONE, number) is None:
        raise NotInRegistry("there is no adjustment {number}", number=number)
    rows: list[Any] = await connection.fetch(_SHOW, number, after, limit)
    return rows


class Proposal(NamedTuple):
    """What a row belongs to, and who said so."""

    number: int
    kind: AdjustmentKind
    reason: str
    proposed_by: str
    decided_by: str
    decision: str


async def read_proposal(connection: Connection, row_number: int) -> Proposal:
    """Return the adjustment that a row belongs to. Raises NotInRegistry."""
    row = await connection.fetchrow(_OF_ROW, row_number)
    if row is None:
        raise NotInRegistry("there is no row {number} of an adjustment", number=row_number)
    number, kind, *said = row
    return Proposal(number, AdjustmentKind(kind), *said)


async def open_rows(connection: Connection, limit: int) -> list[OpenRow]:
    """The oldest approved rows that are still to be posted."""
    return [OpenRow(*row) for row in await connection.fetch(OPEN_ROWS, limit)]


async def note_posted(connection: Connection, rows: Sequence[PostedRow]) -> None:
    """Note what became of rows: the service's own write."""
    async with writing(connection, SWITCH):
        await connection.execute(_NOTE, *map(list, zip(*rows, strict=True)))
