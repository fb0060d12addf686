"""The life of a card: one table in code, database and page, and no way around it."""

import itertools
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import RegistryRefused, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import HANDS, MOVES, CardStatus, Hand, check_move
from ledger.registry.cards import CardRow, find_card, import_cards, set_card_status
from ledger.registry.contracts import end_contract
from ledger.registry.duplicates import Carrier, New, add_carrier, hand_over_card, renew_card, replace_card
from switch.rules.decide.refusals import CARD_REFUSAL_OF
from tests.ledger.books import TESTER, Books, found_registry

PAGE = Path(__file__).parents[2] / "docs" / "cards.md"
ACTIVE, BLOCKED, READY = CardStatus.ACTIVE, CardStatus.BLOCKED, CardStatus.READY
HOLDER = Actor("web", "lost", hand=Hand.HOLDER_ONLINE)


@pytest.fixture
async def registry(owner: Database) -> Database:
    await owner.run(lambda c: found_registry(c, 3))
    return owner


async def add(registry: Database, token: int, status: CardStatus) -> None:
    """Add a card that has a status from the beginning."""
    await registry.run(lambda c: import_cards(c, TESTER, 1, [CardRow(token, "0001", status=status)]))


async def status_of(registry: Database, token: int) -> CardStatus:
    """The state of a card."""
    return CardStatus((await registry.run(lambda c: find_card(c, token)))["status"])


async def by_hand(connection: Connection, hand: str, sql: str, *arguments: object) -> None:
    """Write with plain SQL, as somebody in psql does."""
    async with writing(connection, Actor("psql")):
        await connection.execute("select set_config('cityswitch.hand', $1, true)", hand)
        await connection.execute(sql, *arguments)


async def test_code_database_and_page_hold_the_same_table(registry: Database) -> None:
    """Every act, state and hand of the table stands in the database and on the page, and no other does."""
    rows = await registry.run(lambda c: c.fetch("select was, becomes, hands from registry.card_move"))
    assert {(row["was"], row["becomes"]): tuple(row["hands"]) for row in rows} == HANDS
    page = PAGE.read_text(encoding="utf-8").splitlines()
    for move in MOVES:
        was, becomes = (", ".join(s.name.lower() for s in side) for side in (move.was, move.becomes))
        row = f"| {move.act} | {was} | {becomes} | {', '.join(move.hands)} | {move.source} |"
        assert row in page
    assert sum(line.startswith("| ") and line.count("|") == 6 for line in page) == len(MOVES) + 2
    for status, code in CARD_REFUSAL_OF.items():
        assert f"| {status.name.lower()} | {int(status)} | {int(code)} {code.name} |" in page
    assert set(CARD_REFUSAL_OF) == set(CardStatus)


@pytest.mark.parametrize("was", CardStatus)
async def test_the_database_refuses_what_the_table_does_not_have(registry: Database, was: CardStatus) -> None:
    """A status written by hand follows the table, or is refused, and by no hand that may not."""
    tried = {10_000 + n: wanted for n, wanted in enumerate(itertools.product(CardStatus, Hand))}
    rows = [CardRow(token, "0001", status=was) for token in tried]
    await registry.run(lambda c: import_cards(c, TESTER, 1, rows))
    sql = "update registry.card set status = $1 where token = $2"
    for token, (becomes, hand) in tried.items():
        done = True
        try:
            await registry.run(lambda c, *a: by_hand(c, hand, sql, int(becomes), token))  # noqa: B023
        except StatementRefused:
            done = False
        # What was stopped from the beginning was never anything but active before.
        is_back = was in {BLOCKED, CardStatus.WANTED, CardStatus.RETAINED} and becomes in {
            CardStatus.ORDERED,
            READY,
        }
        assert done == (was == becomes or (hand in HANDS.get((was, becomes), ()) and not is_back))
        assert (await status_of(registry, token) == becomes) == done


@pytest.mark.parametrize(
    ("hand", "is_allowed"),
    [
        (Hand.HOLDER_ONLINE, True),
        (Hand.PROXY_ONLINE, True),
        (Hand.GUARDIAN_ONLINE, True),
        (Hand.HOLDER_DESK, True),
        (Hand.GUARDIAN_DESK, True),
        (Hand.PROXY_DESK, False),
        (Hand.HOLDER_POST, False),
        (Hand.CLOCK, False),
    ],
)
async def test_who_may_block_and_how(registry: Database, hand: Hand, is_allowed: bool) -> None:
    """Zgierz § 24: online the holder, proxy, parent or guardian; at a desk not the proxy."""
    actor = Actor("anna", "lost", hand=hand)
    if is_allowed:
        await registry.run(lambda c: set_card_status(c, actor, 1000, BLOCKED))
        trail = "select hand from registry.audit order by id desc limit 1"
        assert await registry.run(lambda c: c.fetchval(trail)) == hand
    else:
        with pytest.raises(RegistryRefused, match=f"not made blocked by {hand}"):
            await registry.run(lambda c: set_card_status(c, actor, 1000, BLOCKED))
    assert (await status_of(registry, 1000) is BLOCKED) == is_allowed


async def test_a_card_is_ordered_ready_and_handed_over(registry: Database) -> None:
    """Zgierz § 8: no step is left out, and nobody but the desk hands a card over."""
    await add(registry, 2000, CardStatus.ORDERED)
    with pytest.raises(RegistryRefused, match="ordered cannot be made active"):
        await registry.run(lambda c: hand_over_card(c, TESTER, 2000))
    await registry.run(lambda c: set_card_status(c, TESTER, 2000, READY))
    with pytest.raises(RegistryRefused, match="by holder-online"):
        await registry.run(lambda c: hand_over_card(c, HOLDER, 2000))
    assert await registry.run(lambda c: hand_over_card(c, TESTER, 2000)) == 0
    assert await status_of(registry, 2000) is ACTIVE


async def test_nobody_changes_what_a_card_is(registry: Database) -> None:
    """Token, account, programme, carrier and issue stay; only state and last day ever change by hand."""
    for change in ("token = 9", "account = 8000", "carrier = 2", "issue = 7", "last4 = '9999'"):
        sql = f"update registry.card set {change} where token = 1000"
        with pytest.raises(StatementRefused, match="a card keeps"):
            await registry.run(lambda c, sql=sql: by_hand(c, "desk", sql))


async def test_each_carrier_is_blocked_alone_and_all_end_together(
    owner: Database, database: Database
) -> None:
    """Plastic, transport card and QR code name one account; a second one of a kind is refused."""
    books = await Books.open(owner, database, cards=1)
    for token, carrier in ((5000, Carrier.QR), (5001, Carrier.TRANSPORT)):
        new = New(token, "0099", carrier)
        assert await owner.run(lambda c, new=new: add_carrier(c, TESTER, 1000, new)) == 1
    with pytest.raises(RegistryRefused, match="has a qr already"):
        await owner.run(lambda c: add_carrier(c, TESTER, 1000, New(5002, "0099", Carrier.QR)))
    await owner.run(lambda c: set_card_status(c, TESTER, 5000, BLOCKED))
    statuses = [await status_of(owner, token) for token in (1000, 5000, 5001)]
    assert statuses == [ACTIVE, BLOCKED, ACTIVE]
    accounts = {(await owner.run(lambda c, t=t: find_card(c, t)))["account"] for t in (1000, 5000, 5001)}
    assert accounts == set(books.accounts)
    await owner.run(lambda c: replace_card(c, TESTER, 5000, 5003, "0098", handed_over=True))
    assert await status_of(owner, 5003) is ACTIVE
    assert await owner.run(lambda c: end_contract(c, HOLDER, 1000, CardStatus.RESIGNED)) == 3
    statuses = [await status_of(owner, token) for token in (1000, 5000, 5001, 5003)]
    assert statuses == [CardStatus.RESIGNED, CardStatus.REPLACED, CardStatus.RESIGNED, CardStatus.RESIGNED]


async def test_an_account_never_has_two_active_cards_of_a_kind(registry: Database) -> None:
    """Zgierz § 7: an old plastic found again stays dead beside its duplicate, whoever writes."""
    await registry.run(lambda c: set_card_status(c, TESTER, 1000, CardStatus.WANTED))
    account = (await registry.run(lambda c: find_card(c, 1000)))["account"]
    sql = (
        "insert into registry.card (token, account, programme, last4, issue) values (5000, $1, 1, '0099', 2)"
    )
    await registry.run(lambda c: by_hand(c, "desk", sql, account))
    with pytest.raises(RegistryRefused, match="a newer card was handed over"):
        await registry.run(lambda c: set_card_status(c, TESTER, 1000, ACTIVE))
    up = "update registry.card set status = 0 where token = 1000"
    with pytest.raises(StatementRefused, match="another active card"):
        await registry.run(lambda c: by_hand(c, "desk", up))
    with pytest.raises(StatementRefused, match="another active card"):
        await registry.run(
            lambda c: by_hand(c, "desk", sql.replace("5000", "5001").replace("2)", "3)"), account)
        )


@pytest.mark.parametrize(
    ("status", "hand"),
    [
        (CardStatus.RESIGNED, Hand.HOLDER_POST),
        (CardStatus.VOID, Hand.ORGANISER),
        (CardStatus.VOID, Hand.CLOCK),
        (CardStatus.CLOSED, Hand.GUARDIAN_ONLINE),
    ],
)
async def test_what_ends_a_contract_ends_it_for_good(
    registry: Database, status: CardStatus, hand: Hand
) -> None:
    """Resigned (§ 31), void (§ 32, § 33), closed (§ 26): at once, and no hand brings the card back."""
    actor = Actor("anna", "so it is", hand=hand)
    await registry.run(lambda c: end_contract(c, actor, 1000, status))
    assert await status_of(registry, 1000) is status
    for again in Hand:
        with pytest.raises(RegistryRefused):
            await registry.run(lambda c, h=again: set_card_status(c, Actor("x", hand=h), 1000, ACTIVE))
        with pytest.raises(RegistryRefused):
            await registry.run(lambda c, h=again: set_card_status(c, Actor("x", hand=h), 1000, BLOCKED))


@pytest.mark.parametrize("hand", [hand for hand in Hand if hand not in {Hand.ORGANISER, Hand.CLOCK}])
async def test_only_the_organiser_voids_a_card(registry: Database, hand: Hand) -> None:
    """§ 32: a gross breach is the organiser's to find; no desk, holder or terminal voids a card."""
    with pytest.raises(RegistryRefused, match="not made void by"):
        await registry.run(lambda c: end_contract(c, Actor("x", hand=hand), 1000, CardStatus.VOID))


async def test_a_card_is_renewed_to_a_later_day_only(registry: Database) -> None:
    """Żywiec 3: a new application puts the last day later; a card without one, or that ended, has nothing."""
    sql = "update registry.card set expires_on = '2027-05-31' where token = 1000"
    await registry.run(lambda c: by_hand(c, "desk", sql))
    day = (await registry.run(lambda c: find_card(c, 1000)))["expires_on"]
    later = day.replace(year=2029)
    await registry.run(lambda c: renew_card(c, TESTER, 1000, later))
    assert (await registry.run(lambda c: find_card(c, 1000)))["expires_on"] == later
    with pytest.raises(RegistryRefused, match="valid until 2029-05-31 already"):
        await registry.run(lambda c: renew_card(c, TESTER, 1000, day))
    with pytest.raises(RegistryRefused, match="nothing to renew"):
        await registry.run(lambda c: renew_card(c, TESTER, 1001, later))
    await registry.run(lambda c: end_contract(c, HOLDER, 1000, CardStatus.RESIGNED))
    with pytest.raises(RegistryRefused, match="resigned is not renewed"):
        await registry.run(lambda c: renew_card(c, TESTER, 1000, later))


async def test_a_renewal_stops_nothing(registry: Database) -> None:
    """A lost card that an officer renews is stopped by its holder alone, who may have another; what an
    officer stops once more is stopped by the office.
    """
    sql = "update registry.card set expires_on = '2030-01-01' where token = any($1::bigint[])"
    await registry.run(lambda c: by_hand(c, "desk", sql, [1000, 1001]))
    for token in (1000, 1001):
        await registry.run(lambda c, t=token: set_card_status(c, HOLDER, t, BLOCKED))  # type: ignore[misc]
    at_desk = Actor("desk", "lost", hand=Hand.HOLDER_DESK)
    officer = Actor("desk", "a new year", hand=Hand.DESK)
    await registry.run(lambda c: renew_card(c, officer, 1000, date(2031, 1, 1)))
    duplicate = await registry.run(lambda c: replace_card(c, at_desk, 1000, 5000, "0098"))
    assert duplicate.issue == 2
    await registry.run(lambda c: set_card_status(c, officer, 1001, BLOCKED))
    with pytest.raises(RegistryRefused, match="the office stopped this card"):
        await registry.run(lambda c: replace_card(c, at_desk, 1001, 5001, "0099"))


def test_the_table_names_who_may(tmp_path: Path) -> None:
    """A refusal says who may do it, or that nobody may."""
    said: list[Any] = []
    for was, becomes, hand in (
        (ACTIVE, BLOCKED, Hand.PROXY_DESK),
        (CardStatus.CLOSED, ACTIVE, Hand.DESK),
        (CardStatus.REPLACED, ACTIVE, Hand.DESK),
    ):
        with pytest.raises(RegistryRefused) as caught:
            check_move(was, becomes, hand)
        said.append(str(caught.value))
    assert "only by desk, organiser, holder-online" in said[0]
    assert said[1] == "a card that is closed cannot be made active"
    assert said[2].endswith("replace or use the newer one")
