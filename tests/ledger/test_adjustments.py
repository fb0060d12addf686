"""What corrections and opening balances promise: two people, posted once, in balance, at 1 and 4 buckets."""

from collections.abc import Sequence
from functools import partial

import pytest
import trio

from ledger.books.adjusting import post_adjustments
from ledger.books.hand import Hand, HandRow, Work, hand_terminal, work_of
from ledger.books.posting import AccountKind, Kind, account_id
from ledger.books.result_codes import POINTS_INSUFFICIENT
from ledger.books.statements import history
from ledger.errors import RegistryRefused, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.adjustments import (
    AdjustmentKind,
    AdjustmentState,
    NewRow,
    Terms,
    approve,
    list_adjustments,
    list_rows,
    propose,
    refuse,
)
from ledger.registry.audit import Actor, writing
from ledger.registry.imports import Import
from tests.ledger.books import NOW_MS, PROGRAMME, Books
from tests.ledger.test_races import Rival, assert_sound, wait_blocked
from tests.ledger.test_shares import four_buckets

ANNA = Actor("anna", "letter of 3 May")
MARIA = Actor("maria", "slip seen")
STRICT = Terms(1, 1_000, may_go_below=False)
LOOSE = Terms(1, 1_000, may_go_below=True)


async def opened(owner: Database, database: Database, buckets: int) -> Books:
    """Books whose first cards have tokens 1000, 1001, ..., and stand in one bucket or in four."""
    return await four_buckets(owner, database) if buckets > 1 else await Books.open(owner, database, cards=4)


async def token_of(owner: Database, account: int) -> int:
    found: int = await owner.run(
        lambda c: c.fetchval("select token from registry.card where account = $1", account)
    )
    return found


async def proposed(
    owner: Database,
    rows: Sequence[NewRow],
    terms: Terms = STRICT,
    kind: AdjustmentKind = AdjustmentKind.CORRECTION,
) -> tuple[Import, int | None]:
    return await owner.run(lambda c: propose(c, ANNA, rows, programme=PROGRAMME, kind=kind, terms=terms))


async def corrected(owner: Database, database: Database, rows: Sequence[NewRow], terms: Terms) -> int:
    """Propose, approve and post rows; return the adjustment's number."""
    _, number = await proposed(owner, rows, terms)
    assert number is not None
    total = sum(row.points for row in rows)
    await owner.run(lambda c: approve(c, MARIA, number, total))
    await database.run(lambda c: post_adjustments(c, NOW_MS))
    return number


async def results(owner: Database, number: int) -> list[tuple[int, int | None, int | None]]:
    rows = await owner.run(lambda c: list_rows(c, number, limit=1_000))
    return [(row["points"], row["code"], row["balance"]) for row in rows]


@pytest.mark.parametrize("buckets", [1, 4])
async def test_a_correction_is_posted_once_from_the_organisers_account(
    owner: Database, database: Database, buckets: int
) -> None:
    """Double entry, one row in the card's history, and nothing more however often it is posted."""
    books = await opened(owner, database, buckets)
    await books.post(books.earn(1, 30, card=1))
    tokens = [await token_of(owner, account) for account in books.accounts[:3]]
    rows = [NewRow(tokens[0], 25), NewRow(tokens[1], -10), NewRow(tokens[2], 7)]
    number = await corrected(owner, database, rows, STRICT)
    assert await results(owner, number) == [(25, 0, 25), (-10, 0, 20), (7, 0, 7)]
    assert await database.run(lambda c: post_adjustments(c, NOW_MS)) == 0
    newest = (await database.run(lambda c: history(c, books.accounts[1])))[0]
    assert (newest.kind, newest.points, newest.balance) == (Kind.ADJUSTMENT, -10, 20)
    assert newest.counter_account == account_id(PROGRAMME, AccountKind.ORGANISER)
    assert (newest.terminal, work_of(newest.terminal)) == (2_000_000_001, Work.ADJUSTMENT)
    assert (await books.post(books.redeem(2, 20, card=1))).code == 0
    await assert_sound(books)


@pytest.mark.parametrize("buckets", [1, 4])
async def test_a_kill_between_books_and_note_posts_nothing_twice(
    owner: Database, database: Database, buckets: int
) -> None:
    """What was posted and not noted is found as it stands; another row under its id is refused."""
    books = await opened(owner, database, buckets)
    token, account = await token_of(owner, books.accounts[0]), books.accounts[0]
    _, number = await proposed(owner, [NewRow(token, 40)])
    assert number is not None
    await owner.run(lambda c: approve(c, MARIA, number, 40))
    row = (await owner.run(lambda c: list_rows(c, number)))[0]

    async def by_hand(points: int) -> int:
        async def work(connection: Connection) -> int:
            async with connection.transaction():
                hand = await Hand.take(connection, NOW_MS)
                made = HandRow(
                    Work.ADJUSTMENT, PROGRAMME, row["number"], account, points, 1, last4=row["last4"]
                )
                return (await hand.post([made]))[0].code

        return await database.run(work)

    assert await by_hand(40) == 0
    assert await by_hand(41) == 21
    assert await database.run(lambda c: post_adjustments(c, NOW_MS + 5_000)) == 1
    assert await results(owner, number) == [(40, 0, 40)]
    await assert_sound(books)


async def test_a_card_goes_below_zero_only_where_the_rules_let_it(
    owner: Database, database: Database
) -> None:
    """Else the row is declined, noted with its code, and not tried again; the others are posted."""
    books = await opened(owner, database, 1)
    tokens = [await token_of(owner, account) for account in books.accounts[:2]]
    strict = await corrected(owner, database, [NewRow(tokens[0], -5), NewRow(tokens[1], 5)], STRICT)
    assert await results(owner, strict) == [(-5, POINTS_INSUFFICIENT, 0), (5, 0, 5)]
    loose = await corrected(owner, database, [NewRow(tokens[0], -5), NewRow(tokens[1], -7)], LOOSE)
    assert await results(owner, loose) == [(-5, 0, -5), (-7, 0, -2)]
    assert (await books.post(books.redeem(9, 1))).code == POINTS_INSUFFICIENT
    await assert_sound(books)


async def test_hands_and_tills_that_meet_wait_in_one_order(owner: Database, database: Database) -> None:
    """A card that is in two corrections, one that is in one, and a till that has the first and wants the
    other: whoever comes second waits for the first, and nobody for both.
    """
    books = await opened(owner, database, 1)
    first, second = sorted(books.accounts[:2])
    cards = [books.accounts.index(first), books.accounts.index(second)]
    tokens = [await token_of(owner, account) for account in (first, second)]
    for rows in ([NewRow(tokens[1], 2), NewRow(tokens[0], 1)], [NewRow(tokens[0], 3)]):
        _, number = await proposed(owner, rows)
        assert number is not None
        total = sum(row.points for row in rows)
        await owner.run(partial(approve, actor=MARIA, number=number, points_sum=total))
    till, done = Rival(database), list[int]()
    await till.begin(books.earn(1, 10, card=cards[0]))

    async def adjust() -> None:
        done.append(await database.run(lambda c: post_adjustments(c, NOW_MS)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(adjust)
        nursery.start_soon(adjust)
        await wait_blocked(owner, till.pid)
        await till.post(books.earn(2, 10, card=cards[1]))
        await till.commit()
    assert sorted(done) == [0, 3]
    assert [await books.balance(card) for card in cards] == [14, 12]
    await assert_sound(books)


@pytest.mark.parametrize("same", ["anna", "Anna", " ANNA ", "\uff21nna"])
async def test_nobody_approves_an_own_proposal(owner: Database, database: Database, same: str) -> None:
    """Forms, capitals and spaces make no other person; the database holds it against any program, too."""
    books = await opened(owner, database, 1)
    _, number = await proposed(owner, [NewRow(await token_of(owner, books.accounts[0]), 5)])
    assert number is not None
    with pytest.raises(RegistryRefused, match="another person"):
        await owner.run(lambda c: approve(c, Actor(same), number, 5))

    async def by_sql(connection: Connection) -> None:
        async with writing(connection, Actor(same)):
            await connection.execute("update registry.adjustment set state = 2")

    with pytest.raises(StatementRefused, match="another person"):
        await owner.run(by_sql)
    assert await database.run(lambda c: post_adjustments(c, NOW_MS)) == 0


async def test_what_is_proposed_is_what_is_decided_once(owner: Database, database: Database) -> None:
    """A wrong sum, a second decision, a changed or an added row: refused, by the database as well."""
    books = await opened(owner, database, 1)
    token = await token_of(owner, books.accounts[0])
    _, number = await proposed(owner, [NewRow(token, 5)])
    assert number is not None
    with pytest.raises(RegistryRefused, match="does not come to 6"):
        await owner.run(lambda c: approve(c, MARIA, number, 6))

    async def as_maria(sql: str) -> None:
        async def work(connection: Connection) -> None:
            async with writing(connection, MARIA):
                await connection.execute(sql)

        await owner.run(work)

    copy = (
        "insert into registry.adjustment_row (adjustment, programme, account, last4, points) "
        "select adjustment, programme, account, last4, points from registry.adjustment_row"
    )
    for sql in (
        "update registry.adjustment set points_sum = 6",
        "update registry.adjustment_row set points = 6",
        "delete from registry.adjustment_row",
        "delete from registry.adjustment",
        f"{copy}; update registry.adjustment set state = 2",
        copy.replace(
            "adjustment, programme, account, last4, points from", "adjustment, 2, account, '', 1 from"
        ),
    ):
        with pytest.raises(StatementRefused):
            await as_maria(sql)
    await owner.run(lambda c: refuse(c, ANNA, number))
    for state in (2, 3):
        with pytest.raises(StatementRefused, match="decided once"):
            await as_maria(f"update registry.adjustment set state = {state}")
    with pytest.raises(RegistryRefused, match="refused already"):
        await owner.run(lambda c: approve(c, MARIA, number, 5))
    assert await database.run(lambda c: post_adjustments(c, NOW_MS)) == 0
    assert await owner.run(lambda c: list_adjustments(c, AdjustmentState.PROPOSED)) == []


@pytest.mark.parametrize("points", [0, 1_001, -1_001, 2**63])
async def test_the_rules_bound_a_correction(owner: Database, database: Database, points: int) -> None:
    """Nothing, and more than the programme's most, is no correction; nor is one without a reason."""
    books = await opened(owner, database, 1)
    token = await token_of(owner, books.accounts[0])
    done, number = await proposed(owner, [NewRow(token, points)])
    assert (number, done.added, done.refused[0].column) == (None, 0, "points")
    with pytest.raises(RegistryRefused, match="reason"):
        await owner.run(
            lambda c: propose(
                c,
                Actor("anna", " "),
                [NewRow(token, 1)],
                programme=PROGRAMME,
                kind=AdjustmentKind.CORRECTION,
                terms=STRICT,
            )
        )


@pytest.mark.parametrize("buckets", [1, 4])
async def test_opening_balances_come_once(owner: Database, database: Database, buckets: int) -> None:
    """The same file again proposes nothing; another sum is refused; what was refused may come again."""
    books = await opened(owner, database, buckets)
    tokens = [await token_of(owner, account) for account in books.accounts]
    rows = [NewRow(token, 100 + n, f"old {n}") for n, token in enumerate(tokens)]
    _, first = await proposed(owner, rows, kind=AdjustmentKind.OPENING)
    assert first is not None
    again, nothing = await proposed(owner, rows, kind=AdjustmentKind.OPENING)
    assert (again.added, again.unchanged, again.refused, nothing) == (0, len(rows), [], None)
    await owner.run(lambda c: refuse(c, MARIA, first))
    _, second = await proposed(owner, rows, kind=AdjustmentKind.OPENING)
    assert second is not None
    await owner.run(lambda c: approve(c, MARIA, second, sum(row.points for row in rows)))
    assert await database.run(lambda c: post_adjustments(c, NOW_MS)) == len(rows)
    changed = [rows[0]._replace(points=5), NewRow(999, 7, "x"), rows[1]._replace(reference="")]
    other, nothing = await proposed(owner, changed, kind=AdjustmentKind.OPENING)
    assert {refusal.column for refusal in other.refused} == {"points", "number", "reference"}
    assert nothing is None
    balances = {balance for _, _, balance in await results(owner, second)}
    assert balances == {row.points for row in rows}
    await assert_sound(books)


async def test_a_hand_has_terminals_that_no_till_can_have() -> None:
    """Each kind of work and programme its own; a till's number is no hand's."""
    numbers = {hand_terminal(work, programme) for work in Work for programme in (1, 2, 9_999)}
    assert len(numbers) == 9
    assert all(99_999_999 < number < 2**31 for number in numbers)
    assert work_of(99_999_999) is None
