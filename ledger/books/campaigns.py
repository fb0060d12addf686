"""Owns the points of campaigns in the books: each sale's bonus posted from the organiser's account, once.

Sales are looked at by transaction id, bucket by bucket, and no further than what has been rolled up: below
that nothing comes any more, however late a worker is. A bonus follows from the sale as it stands when it is
looked at, what was undone of it taken off; a reversal or a refund that comes later takes its share of it
back. What was posted, and up to where was looked, is noted in the transaction that posts: so it may be broken
off anywhere and done by several. Must not know what the rules say: the caller tells by which version it
posts, and whether a card may go below zero by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from ledger.books.hand import Hand, HandRow, Work
from ledger.books.transaction_ids import first_id
from ledger.errors import LedgerError, NotInRegistry
from ledger.postgres.database import Connection
from ledger.registry.reads import layout_buckets

SLICE_POSTINGS: Final = 500
"""So many are looked at in one transaction."""
SKEW_MS: Final = 86_400_000
"""So much earlier than a campaign was entered its first sale may be numbered: clocks of workers differ."""
CAMPAIGNS: Final = r"""
select c.programme, v.version, (extract(epoch from v.effective_from) * 1000)::bigint, v.rules_toml,
    (extract(epoch from min(c.made_at)) * 1000)::bigint
  from registry.campaign c join registry.programme_version v on v.programme = c.programme
  group by c.programme, v.version, v.effective_from, v.rules_toml order by 1, 2"""
_BEGIN: Final = """insert into ledger.bonus_mark (bucket, through)
  select b, $2 from generate_series(0, $1::int - 1) as b on conflict (bucket) do nothing"""
_SPANS: Final = """select m.bucket, m.through, r.through as until from ledger.bonus_mark m
  join ledger.rollup_mark r on r.bucket = m.bucket and r.through > m.through
  where m.bucket < $1 order by m.bucket"""
_HELD: Final = "select through from ledger.bonus_mark where bucket = $1 for update"
_UNTIL: Final = """select p.transaction_id from ledger.posting p
  where p.bucket = $1 and p.transaction_id > $2 and p.transaction_id <= $3 and p.leg = 1
  order by p.transaction_id offset $4 limit 1"""
_SALES: Final = """
with sale as materialized (select * from ledger.sales_v1($1, $2, $3)), local as (
  select s.*, p.programme, to_timestamp(s.at_ms / 1000.0) at time zone z.zone as clock
    from sale s join registry.partner p on p.id = s.partner
    join (select id, registry.zone_of_v1(id, now()) as zone from registry.programme) z on z.id = p.programme
), had as (
  select * from ledger.bonuses_of_sales_v1($1, array(select terminal from sale), array(select stan from sale))
)
select s.terminal, s.stan, s.account, s.partner, s.programme, s.points as awarded, s.left_of_it,
    c.number as campaign, c.percent, c.points as per_sale, c.card_points_max,
    coalesce(b.rows, 0) as rows, coalesce(b.granted, 0) as granted, coalesce(b.stands, 0) as stands,
    coalesce(b.waived, 0) as waived, coalesce(o.points, 0) as of_card
  from local s join registry.campaign c on c.programme = s.programme
  left join registry.holder h on h.account = s.account
  left join had b on b.terminal = s.terminal and b.stan = s.stan and b.campaign = c.number
  left join ledger.bonuses_of_accounts_v1($1, array(select account from sale)) o
    on o.account = s.account and o.campaign = c.number
  where b.rows is not null or s.is_new
    and s.clock::date between c.starts_on and c.ends_on
    and c.weekdays >> (extract(isodow from s.clock)::int - 1) & 1 = 1
    and extract(hour from s.clock) * 60 + extract(minute from s.clock) >= c.from_minute
    and extract(hour from s.clock) * 60 + extract(minute from s.clock) < c.until_minute
    and (c.partners = '{}' or s.partner = any (c.partners))
    and (c.ended_at is null or to_timestamp(s.at_ms / 1000.0) < c.ended_at)
    and (c.kinds = 0 and c.flags = 0 or h.flags & c.flags <> 0 or c.kinds & case
      when s.clock::date < h.kinds_from then h.kinds_before
      when s.clock::date >= h.next_from then h.kinds_next else h.kinds end <> 0)
  order by s.transaction_id, c.number"""
_BALANCES: Final = """select id, balance from ledger.account where bucket = $1 and id = any($2::bigint[])
  order by id for no key update"""
_NOTE: Final = """insert into ledger.bonus (bucket, terminal, stan, campaign, number, programme,
    partner, account, granted, points, waived, transaction_id, bonus_stan)
  select $1, n.* from unnest($2::int[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::bigint[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::int[]) as n"""
_MOVE: Final = "update ledger.bonus_mark set through = $2 where bucket = $1"


_OF_POSTING: Final = """select b.campaign, c.name, c.reason, c.made_by, c.agreed_by, b.terminal, b.stan,
    b.number, b.granted, b.waived
  from office.bonus_v1($1) b join registry.campaign c on c.number = b.campaign"""


class Ruled(NamedTuple):
    """One version of the rules of a programme that has campaigns; `since_ms`: when the first was entered."""

    programme: int
    version: int
    from_ms: int
    rules_toml: str
    since_ms: int


class Terms(NamedTuple):
    """By what a programme's bonuses are posted: the version of its rules in force, and whether taking one
    back may bring a card below zero (`[refund] below_zero`).
    """

    rules_version: int
    may_go_below: bool


class Span(NamedTuple):
    """What of a bucket is still to be looked at: above `through`, up to `until`, both transaction ids."""

    bucket: int
    through: int
    until: int


class Points(NamedTuple):
    """Points of campaigns: given, taken back with what was undone, and of these not had from the card."""

    given: int = 0
    taken_back: int = 0
    waived: int = 0

    def and_(self, points: int, waived: int) -> Points:
        """These, and a change of a card besides."""
        return Points(self.given + max(0, points), self.taken_back + max(0, -points), self.waived + waived)


Awarded: TypeAlias = dict[int, Points]
"""What a slice came to, by programme."""


class _Due(NamedTuple):
    """One change of a card's points, and what is noted of it."""

    sale: Any
    granted: int
    points: int
    waived: int


class Bonus(NamedTuple):
    """What one posting of a campaign was for: the sale, and who entered the campaign. `number` above 1: the
    sale had been undone in part or whole.
    """

    campaign: int
    name: str
    reason: str
    made_by: str
    agreed_by: str
    terminal: int
    stan: int
    number: int
    granted: int
    waived: int


async def read_bonus(connection: Connection, transaction_id: int) -> Bonus:
    """Return what a posting of a campaign was for. Raises NotInRegistry."""
    row = await connection.fetchrow(_OF_POSTING, transaction_id)
    if row is None:
        raise NotInRegistry(f"no campaign noted transaction {transaction_id}")
    return Bonus(*row)


async def programmes_with_campaigns(connection: Connection) -> list[Ruled]:
    """All versions of the rules of those programmes that have or had campaigns."""
    return [Ruled(*row) for row in await connection.fetch(CAMPAIGNS)]


async def spans_to_look_at(connection: Connection, since_ms: int) -> list[Span]:
    """What has been rolled up and not yet looked at, bucket by bucket; the first time from `since_ms` on."""
    buckets = await layout_buckets(connection)
    await connection.execute(_BEGIN, buckets, first_id(max(0, since_ms - SKEW_MS)))
    return [Span(*row) for row in await connection.fetch(_SPANS, buckets)]


async def award_slice(
    connection: Connection, span: Span, terms: Mapping[int, Terms], now_ms: int
) -> tuple[Span, Awarded]:
    """Look at the next sales of a span and post what is due; return what is left of the span.

    `terms` by programme: of one that is not there nothing is posted, ever.
    """
    found = await connection.fetchval(_UNTIL, span.bucket, span.through, span.until, SLICE_POSTINGS - 1)
    until = span.until if found is None else found
    rows = await connection.fetch(_SALES, span.bucket, span.through, until)
    awarded: Awarded = {}
    async with connection.transaction():
        # The lock of all hands first: whoever has it has the mark, too.
        hand = await Hand.take(connection, now_ms, len(rows)) if rows else None
        if await connection.fetchval(_HELD, span.bucket) != span.through:
            return span._replace(through=span.until), awarded  # somebody else has looked
        if hand is not None:
            dues = await _dues(connection, span.bucket, rows, terms)
            awarded = await _post(connection, hand, span.bucket, dues, terms)
        await connection.execute(_MOVE, span.bucket, until)
    return span._replace(through=until), awarded


async def _dues(
    connection: Connection, bucket: int, rows: Iterable[Any], terms: Mapping[int, Terms]
) -> list[_Due]:
    """What is due of sales, under the locks of their accounts."""
    of_programmes = [row for row in rows if row["programme"] in terms]
    accounts = sorted({row["account"] for row in of_programmes})
    balances = {row[0]: row[1] for row in await connection.fetch(_BALANCES, bucket, accounts)}
    given: dict[tuple[int, int], int] = {}
    dues = []
    for row in of_programmes:
        key = row["account"], row["campaign"]
        if row["rows"]:
            due = _take_back(row, balances[row["account"]], terms[row["programme"]])
        else:
            due = _give(row, given.get(key, 0))
        if due is not None:
            given[key] = given.get(key, 0) + due.points
            balances[row["account"]] += due.points
            dues.append(due)
    return dues


def _give(row: Any, given: int) -> _Due | None:
    """The bonus of a sale that had none; `given`: to the card, of this campaign, in this slice."""
    left, awarded = row["left_of_it"], row["awarded"]
    if left <= 0:
        return None
    granted = row["per_sale"] or awarded * row["percent"] // 100
    if row["card_points_max"]:
        granted = min(granted, max(0, row["card_points_max"] - row["of_card"] - given))
    return _Due(row, granted, granted * left // awarded, 0)


def _take_back(row: Any, balance: int, terms: Terms) -> _Due | None:
    """What of a bonus goes with what was undone of its sale; what the card may not give is waived."""
    due = row["granted"] * row["left_of_it"] // row["awarded"]
    points = row["stands"] - row["waived"] - due
    if points <= 0:
        return None
    taken = points if terms.may_go_below else min(points, max(0, balance))
    return _Due(row, row["granted"], -taken, points - taken)


async def _post(
    connection: Connection, hand: Hand, bucket: int, dues: list[_Due], terms: Mapping[int, Terms]
) -> Awarded:
    awarded: Awarded = {}
    stans = {
        programme: await hand.last_stan(Work.CAMPAIGN, programme)
        for programme in {due.sale["programme"] for due in dues}
    }
    posted = iter(await _posted(hand, dues, stans, terms))
    noted: list[tuple[int, ...]] = []
    for due in dues:
        sale, programme = due.sale, due.sale["programme"]
        awarded[programme] = awarded.get(programme, Points()).and_(due.points, due.waived)
        transaction_id = stan = 0
        if due.points:
            stan, transaction_id = next(posted)
        noted.append(
            (
                *(sale["terminal"], sale["stan"], sale["campaign"], sale["rows"] + 1, programme),
                *(sale["partner"], sale["account"], due.granted, due.points, due.waived),
                *(transaction_id, stan),
            )
        )
    if noted:
        await connection.execute(_NOTE, bucket, *map(list, zip(*noted, strict=True)))
    return awarded


async def _posted(
    hand: Hand, dues: Iterable[_Due], stans: dict[int, int], terms: Mapping[int, Terms]
) -> list[tuple[int, int]]:
    """Post what changes a card; return the STAN and the transaction id of each. `stans`: the last ones."""
    rows = []
    for due in dues:
        programme = due.sale["programme"]
        if due.points:
            stans[programme] += 1
            version, may_go_below = terms[programme]
            rows.append(
                HandRow(
                    *(Work.CAMPAIGN, programme, stans[programme], due.sale["account"], due.points),
                    *(version, may_go_below),
                )
            )
    outcomes = await hand.post(rows)
    if any(outcome.code for outcome in outcomes):
        raise LedgerError("a bonus of a campaign was declined")
    return [(row.stan, outcome.transaction_id) for row, outcome in zip(rows, outcomes, strict=True)]
