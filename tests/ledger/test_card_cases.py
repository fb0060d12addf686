"""What terminals report of cards: taken down once, acted on at once, decided by the organiser."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest
import trio

from ledger.errors import DatabaseMisconfigured, NotInRegistry, RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.api_tokens import Token
from ledger.registry.audit import Actor, Wanted, list_audit
from ledger.registry.card_cases import CaseKind, CaseState, Report, decide_case, list_cases, report_card
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.cards import CardRow, find_card, import_cards, set_card_status
from ledger.registry.duplicates import hand_over_card, renew_card, replace_card
from ledger.registry.programmes import add_programme
from ops.api import acts, schemas
from ops.office.holder_file import HolderFile
from tests.days import today
from tests.ledger.books import TERMINAL, TESTER, found_registry, write_registry
from tests.switch.memory import MASTER_KEY

RETAINED, ATTEMPT, DOUBT = CaseKind.RETAINED, CaseKind.ATTEMPT, CaseKind.DOUBT
ACTIVE, BLOCKED, WANTED, KEPT = (
    CardStatus.ACTIVE, CardStatus.BLOCKED, CardStatus.WANTED, CardStatus.RETAINED,
)  # fmt: skip
TOKEN = 1000
ORGANISER = Actor("anna", "asked the holder")
stans = itertools.count(1)
Tell = Callable[..., Awaitable[int]]


@pytest.fixture
async def tell(owner: Database, database: Database) -> Tell:
    """A registry with two cards, and the way the service reports."""
    await owner.run(lambda c: found_registry(c, 2))

    async def told(kind: int, *, token: int | None = TOKEN, stan: int = 0, digest: int = 7) -> int:
        last4 = None if token is None else 42
        report = Report(TERMINAL, stan or next(stans), digest, kind, 1, 1_800_000_000, token, last4)
        return await database.run(lambda c: report_card(c, report))

    return told


async def status(owner: Database, token: int = TOKEN) -> CardStatus:
    row = await owner.run(lambda c: find_card(c, token))
    return CardStatus(row["status"])  # type: ignore[index]


async def cases(owner: Database, state: CaseState | None = None) -> list[Any]:
    return await owner.run(lambda c: list_cases(c, state))


@pytest.mark.parametrize(
    ("kind", "was", "becomes"),
    [
        (RETAINED, ACTIVE, KEPT),
        (RETAINED, BLOCKED, KEPT),
        (RETAINED, WANTED, KEPT),
        (RETAINED, CardStatus.READY, KEPT),
        (RETAINED, CardStatus.ORDERED, KEPT),
        (ATTEMPT, ACTIVE, BLOCKED),
        (ATTEMPT, BLOCKED, BLOCKED),
        (ATTEMPT, WANTED, WANTED),
        (ATTEMPT, CardStatus.READY, BLOCKED),
        (ATTEMPT, CardStatus.REPLACED, CardStatus.REPLACED),
        (RETAINED, CardStatus.CLOSED, CardStatus.CLOSED),
        (DOUBT, ACTIVE, ACTIVE),
        (DOUBT, WANTED, WANTED),
    ],
)
async def test_what_a_report_makes_of_a_card(
    tell: Tell, owner: Database, kind: CaseKind, was: CardStatus, becomes: CardStatus
) -> None:
    """Żywiec, terms § 4: misuse stops the card as a precaution, a doubt stops nothing; each opens a case."""
    await owner.run(lambda c: import_cards(c, TESTER, 1, [CardRow(77, "0077", status=was)]))
    assert await tell(kind, token=77) == 0
    assert await status(owner, 77) is becomes
    [case] = await cases(owner, CaseState.OPEN)
    assert (case["kind"], case["was"], case["became"], case["status"]) == (kind, was, becomes, becomes)
    assert await status(owner) is ACTIVE


async def test_a_report_is_taken_down_once(tell: Tell, owner: Database) -> None:
    """The same again, ten times at once: one case. Another body under its STAN is a conflict."""
    codes: list[int] = []

    async def once() -> None:
        codes.append(await tell(ATTEMPT, stan=900_000))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(once)
    assert codes == [0] * 10
    assert len(await cases(owner)) == 1
    assert await tell(RETAINED, stan=900_000, digest=8) == 21
    assert await status(owner) is BLOCKED
    assert len(await cases(owner)) == 1


async def test_a_repeat_after_the_decision_stops_nothing_again(tell: Tell, owner: Database) -> None:
    """The reply was lost, the case was lifted meanwhile: the card stays as the organiser left it."""
    await tell(ATTEMPT, stan=900_001)
    [case] = await cases(owner)
    await owner.run(lambda c: decide_case(c, ORGANISER, case["number"], CaseState.LIFTED))
    assert await tell(ATTEMPT, stan=900_001) == 0
    assert await status(owner) is ACTIVE


async def test_no_card_of_the_programme_is_noted_and_tells_nothing(tell: Tell, owner: Database) -> None:
    """A number nobody has, another programme's card, no number at all: one answer, and nothing happens."""
    await owner.run(lambda c: add_programme(c, TESTER, programme=2, code="elsewhere", name="Inne miasto"))
    await owner.run(lambda c: import_cards(c, TESTER, 2, [CardRow(88, "0088")]))
    for token in (5, 88, None):
        assert await tell(RETAINED, token=token) == 0
    assert await status(owner, 88) is ACTIVE
    noted = await cases(owner, CaseState.NOTED)
    assert [(case["account"], case["last4"]) for case in noted] == [
        (None, "0042"),
        (None, "0042"),
        (None, None),
    ]
    with pytest.raises(RegistryRefused, match="noted already"):
        await owner.run(lambda c: decide_case(c, ORGANISER, noted[0]["number"], CaseState.CONFIRMED))


@pytest.mark.parametrize(("kind", "stopped"), [(ATTEMPT, BLOCKED), (RETAINED, KEPT)])
async def test_the_organiser_confirms_or_lifts(
    tell: Tell, owner: Database, kind: CaseKind, stopped: CardStatus
) -> None:
    """Confirmed, the card stays as it is; lifted, it is what it was. Once."""
    await tell(kind)
    await tell(kind, token=TOKEN + 1)
    first, second = await cases(owner)
    done = await owner.run(lambda c: decide_case(c, ORGANISER, first["number"], CaseState.CONFIRMED))
    assert done == (stopped, stopped)
    done = await owner.run(lambda c: decide_case(c, ORGANISER, second["number"], CaseState.LIFTED))
    assert done == (stopped, ACTIVE)
    assert (await status(owner), await status(owner, TOKEN + 1)) == (stopped, ACTIVE)
    with pytest.raises(RegistryRefused, match="lifted already"):
        await owner.run(lambda c: decide_case(c, ORGANISER, second["number"], CaseState.CONFIRMED))
    with pytest.raises(NotInRegistry):
        await owner.run(lambda c: decide_case(c, ORGANISER, 999, CaseState.LIFTED))
    decided = await cases(owner)
    assert [(case["state"], case["decided_by"]) for case in decided] == [(1, "anna"), (2, "anna")]


async def test_lifting_gives_back_nothing_that_something_else_stops(tell: Tell, owner: Database) -> None:
    """Blocked before the report, another case open, moved on since: the card stays as it is."""
    await owner.run(lambda c: set_card_status(c, TESTER, TOKEN, BLOCKED))
    await tell(RETAINED)
    await tell(ATTEMPT, token=TOKEN + 1)
    await tell(ATTEMPT, token=TOKEN + 1)
    for case in (await cases(owner))[:2]:
        await owner.run(lambda c, n=case["number"]: decide_case(c, ORGANISER, n, CaseState.LIFTED))  # type: ignore[misc]
    assert await status(owner) is KEPT
    assert await status(owner, TOKEN + 1) is BLOCKED
    await owner.run(lambda c: set_card_status(c, TESTER, TOKEN + 1, WANTED))
    [left] = await cases(owner, CaseState.OPEN)
    await owner.run(lambda c: decide_case(c, ORGANISER, left["number"], CaseState.LIFTED))
    assert await status(owner, TOKEN + 1) is WANTED


async def test_a_case_is_lifted_and_an_ended_contract_stays_so(tell: Tell, owner: Database) -> None:
    """§ 33: a notice that has run out meanwhile is judged by its day, not by whether the keeper was round."""
    await tell(ATTEMPT)
    day = today() - timedelta(1)
    sql = """insert into registry.holder (account, programme, contract_ends_on)
      select account, programme, $1 from registry.card where token = 1000"""
    await owner.run(lambda c: write_registry(c, sql, day))
    done = await owner.run(lambda c: decide_case(c, ORGANISER, 1, CaseState.LIFTED))
    assert done == (CardStatus.VOID, CardStatus.VOID)
    assert await status(owner) is CardStatus.BLOCKED


async def test_what_was_stopped_meanwhile_stays_so(tell: Tell, owner: Database) -> None:
    """The holder says it is lost while a case is open: who lifts the case does not take that back."""
    await tell(ATTEMPT)
    await owner.run(lambda c: set_card_status(c, HOLDER, TOKEN, BLOCKED))
    [case] = await cases(owner)
    done = await owner.run(lambda c: decide_case(c, ORGANISER, case["number"], CaseState.LIFTED))
    assert done == (BLOCKED, BLOCKED)
    assert await owner.run(lambda c: set_card_status(c, TESTER, TOKEN, ACTIVE)) is ACTIVE


@pytest.mark.parametrize("confirmed", [0, 1])
async def test_of_two_reports_one_confirmed_stops_the_card(
    tell: Tell, owner: Database, confirmed: int
) -> None:
    """In whatever order they are decided; a later report that is wrong gives the card back again."""
    for _ in range(2):
        await tell(ATTEMPT)
    numbers = [case["number"] for case in await cases(owner)]
    decisions = ((numbers[confirmed], CaseState.CONFIRMED), (numbers[1 - confirmed], CaseState.LIFTED))
    for number, state in decisions:
        await owner.run(lambda c, n=number, s=state: decide_case(c, ORGANISER, n, s))  # type: ignore[misc]
    assert await status(owner) is BLOCKED
    assert await owner.run(lambda c: set_card_status(c, TESTER, TOKEN, ACTIVE)) is ACTIVE
    await tell(ATTEMPT)
    [case] = await cases(owner, CaseState.OPEN)
    done = await owner.run(lambda c: decide_case(c, ORGANISER, case["number"], CaseState.LIFTED))
    assert done == (BLOCKED, ACTIVE)


@pytest.mark.parametrize(
    "kinds", [(ATTEMPT, ATTEMPT, ATTEMPT), (ATTEMPT, DOUBT, RETAINED), (RETAINED, ATTEMPT)]
)
async def test_all_reports_lifted_give_the_card_back(
    tell: Tell, owner: Database, kinds: tuple[CaseKind, ...]
) -> None:
    """In any order, the last of them does; one that is confirmed holds it, whenever that was."""
    for order in itertools.permutations(range(len(kinds))):
        for confirmed in (None, *range(len(kinds))):
            for kind in kinds:
                await tell(kind)
            numbers = [case["number"] for case in await cases(owner, CaseState.OPEN)]
            for place in order:
                state = CaseState.CONFIRMED if place == confirmed else CaseState.LIFTED
                await owner.run(lambda c, n=numbers[place], s=state: decide_case(c, ORGANISER, n, s))  # type: ignore[misc]
            is_held = confirmed is not None and kinds[confirmed] is not DOUBT
            assert ((await status(owner)) is not ACTIVE) is is_held, (order, confirmed)
            await owner.run(lambda c: set_card_status(c, ORGANISER, TOKEN, ACTIVE))


@pytest.mark.parametrize("place", ["api", "desk"])
async def test_what_a_holder_said_elsewhere_is_not_taken_back(
    tell: Tell, owner: Database, place: str
) -> None:
    """Whose card a report has blocked says that it is lost: it is taken down, though it is blocked."""
    await tell(ATTEMPT)
    account = (await owner.run(lambda c: find_card(c, TOKEN)))["account"]  # type: ignore[index]
    if place == "api":
        asked = schemas.Block(by="holder", reason="lost")
        token = Token(1, 1, "app", frozenset(), None)
        await owner.run(lambda c: acts.block(c, token, account, asked))
    else:
        await HolderFile(owner, MASTER_KEY, 1).block(ORGANISER, account, Hand.HOLDER_DESK)
    [case] = await cases(owner)
    done = await owner.run(lambda c: decide_case(c, ORGANISER, case["number"], CaseState.LIFTED))
    assert done == (BLOCKED, BLOCKED)


async def test_the_trail_says_who_reported(tell: Tell, owner: Database) -> None:
    """The card's row and the case's both name the terminal, the report and the hand."""
    await tell(ATTEMPT)
    for kind in ("card", "card_case"):
        row = (
            await owner.run(lambda c, k=kind: list_audit(c, Wanted(object=k, actor=f"terminal {TERMINAL}")))
        )[0]  # type: ignore[misc]
        assert (row["reason"], row["hand"], row["role"]) == (
            "report: attempt",
            "terminal",
            "cityswitch_service",
        )


async def test_the_service_has_no_other_way_to_cases(tell: Tell, database: Database) -> None:
    """It may count them; neither read whose card they are nor write them, nor stop a card in another way."""
    for statement in (
        "select * from registry.card_case",
        "insert into registry.card_case (terminal) values (1)",
        "update registry.card_case set state = 2",
        "update registry.card set status = 1",
    ):
        with pytest.raises(DatabaseMisconfigured, match="permission denied"):
            await database.run(lambda c, s=statement: c.execute(s))  # type: ignore[misc]


async def test_a_case_stays(tell: Tell, owner: Database) -> None:
    """Nothing is deleted, and what was decided is not decided anew, not by hand either."""
    await tell(ATTEMPT)
    for statement in ("delete from registry.card_case", "truncate registry.card_case"):
        with pytest.raises(Exception, match="what is written there stays"):
            await owner.run(lambda c, s=statement: c.execute(s))  # type: ignore[misc]
    with pytest.raises(Exception, match="must name its actor"):
        await owner.run(lambda c: c.execute("update registry.card_case set state = 0"))


HOLDER = Actor("anna", "lost", hand=Hand.HOLDER_DESK)


async def test_a_duplicate_goes_round_no_open_case(tell: Tell, owner: Database) -> None:
    """Żywiec § 4: no duplicate, hand-over or unblocking before the case is decided; then the office's."""
    await owner.run(lambda c: replace_card(c, HOLDER, TOKEN + 1, 5001, "0091"))
    await tell(ATTEMPT)
    await tell(RETAINED, token=TOKEN + 1)
    with pytest.raises(RegistryRefused, match="case 1 of misuse is open"):
        await owner.run(lambda c: replace_card(c, HOLDER, TOKEN, 5000, "0090"))
    with pytest.raises(RegistryRefused, match="case 2 of misuse is open"):
        await owner.run(lambda c: hand_over_card(c, TESTER, 5001))
    with pytest.raises(RegistryRefused, match="case 1 of misuse is open"):
        await owner.run(lambda c: set_card_status(c, TESTER, TOKEN, ACTIVE))
    for case in await cases(owner):
        await owner.run(lambda c, n=case["number"]: decide_case(c, ORGANISER, n, CaseState.CONFIRMED))  # type: ignore[misc]
    assert await owner.run(lambda c: hand_over_card(c, TESTER, 5001)) == 1
    with pytest.raises(RegistryRefused, match="replaced only by desk, organiser"):
        await owner.run(lambda c: replace_card(c, HOLDER, TOKEN, 5000, "0090"))
    await owner.run(lambda c: replace_card(c, TESTER, TOKEN, 5000, "0090"))
    assert await owner.run(lambda c: hand_over_card(c, TESTER, 5000)) == 1


async def test_who_stopped_a_card_says_who_may_replace_it(tell: Tell, owner: Database) -> None:
    """A loss the holder reported: a duplicate; the organiser's block: none until it is taken back."""
    organiser = Actor("maria", "breach", hand=Hand.ORGANISER)
    await owner.run(lambda c: set_card_status(c, HOLDER, TOKEN, BLOCKED))
    await owner.run(lambda c: replace_card(c, HOLDER, TOKEN, 5000, "0090"))
    assert await owner.run(lambda c: hand_over_card(c, TESTER, 5000)) == 1
    await owner.run(lambda c: replace_card(c, TESTER, TOKEN + 1, 5001, "0091"))
    await owner.run(lambda c: set_card_status(c, organiser, TOKEN + 1, BLOCKED))
    with pytest.raises(RegistryRefused, match="the organiser stopped this card"):
        await owner.run(lambda c: hand_over_card(c, TESTER, 5001))
    with pytest.raises(RegistryRefused, match="the organiser stopped this card"):
        await owner.run(lambda c: replace_card(c, TESTER, 5001, 5002, "0092", handed_over=True))
    await owner.run(lambda c: set_card_status(c, TESTER, TOKEN + 1, ACTIVE))
    await owner.run(lambda c: set_card_status(c, organiser, 5000, BLOCKED))
    with pytest.raises(RegistryRefused, match="the organiser stopped this card"):
        await owner.run(lambda c: replace_card(c, organiser, 5000, 5003, "0093", lost=True))
    assert await owner.run(lambda c: hand_over_card(c, TESTER, 5001)) == 1


async def test_what_does_not_stop_a_card_is_no_stop(tell: Tell, owner: Database) -> None:
    """The office renews a card the holder blocked: it is the holder's to replace as before; once the office
    blocks it, too, it is not.
    """
    day = "update registry.card set expires_on = '2031-05-31' where token = 1000"
    await owner.run(lambda c: write_registry(c, day))
    await owner.run(lambda c: set_card_status(c, HOLDER, TOKEN, BLOCKED))
    organiser = Actor("maria", "a new application", hand=Hand.ORGANISER)
    await owner.run(lambda c: renew_card(c, organiser, TOKEN, date(2033, 5, 31)))
    await owner.run(lambda c: replace_card(c, HOLDER, TOKEN, 5000, "0090"))
    await owner.run(lambda c: set_card_status(c, organiser, TOKEN, BLOCKED))
    with pytest.raises(RegistryRefused, match="the organiser stopped this card"):
        await owner.run(lambda c: hand_over_card(c, TESTER, 5000))


async def test_a_stopped_card_is_not_handed_over(tell: Tell, owner: Database) -> None:
    """`activate` is the hand-over of a ready card, no second way to take up a blocked one."""
    await owner.run(lambda c: set_card_status(c, HOLDER, TOKEN, BLOCKED))
    with pytest.raises(RegistryRefused, match="is not handed over: unblock it first"):
        await owner.run(lambda c: hand_over_card(c, TESTER, TOKEN))
    assert await status(owner) is BLOCKED


async def test_a_stopped_card_does_not_lie_ready(tell: Tell, owner: Database) -> None:
    """`ready` is for what was ordered, no second way round an open case to take up a blocked one."""
    await owner.run(lambda c: import_cards(c, TESTER, 1, [CardRow(77, "0077", status=CardStatus.READY)]))
    await tell(ATTEMPT, token=77)
    for token in (77, TOKEN):
        await owner.run(lambda c, t=token: set_card_status(c, TESTER, t, BLOCKED))  # type: ignore[misc]
        with pytest.raises(RegistryRefused, match="blocked cannot be made ready"):
            await owner.run(lambda c, t=token: set_card_status(c, TESTER, t, CardStatus.READY))  # type: ignore[misc]
        assert await status(owner, token) is BLOCKED
