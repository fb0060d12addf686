"""Offline sales: judged by the time of the sale, kept by the terminal while that is not possible.

Inside [arrival − 7 days, arrival + 5 minutes] block, last valid day, rules and plastic are those of the sale
(ARCHITECTURE.md, "An offline sale is judged by its own time").
"""

from datetime import UTC, datetime
from importlib.resources import files

import pytest

from ledger.registry.card_states import CardStatus
from protocol import EarnAdvice, ResultCode
from switch.rules.cards import Card
from switch.rules.decide import Decision, Moment, decide_earn_advice
from switch.rules.directory import Partner, Programme
from switch.rules.programme import parse_rules
from switch.rules.versions import DAY_MS, Version
from tests.entries import SWIPED
from tests.switch.memory import CARD, UNKNOWN_CARD, Line, running_front
from tests.switch.tills import EVER, till

TOML = files("switch").joinpath("rules/programmes/czestochowa.toml").read_text()


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


ARRIVAL_MS = ms("2026-06-10T12:00:00")


def make_partner() -> Partner:
    """Since 2016 a point for 10 zł, since 5 June 2026 a point for 20 zł."""
    partner = Partner(7)
    partner.contracts.put(1, EVER)
    programme = partner.programme = Programme(1)
    programme.add_version(Version.of(1, ms("2016-12-19T00:00:00"), parse_rules(TOML)))
    dearer = TOML.replace("step_grosze = 1000", "step_grosze = 2000")
    programme.add_version(Version.of(2, ms("2026-06-05T00:00:00"), parse_rules(dearer)))
    programme.choose_version(ARRIVAL_MS)
    return partner


def advise(card: Card | int, sale_ms: int, partner: Partner | None = None) -> Decision:
    message = EarnAdvice(1, sale_ms // 1000, "", SWIPED, 10_000)
    return decide_earn_advice(message, till(partner or make_partner()), card, Moment(ARRIVAL_MS))


def make_card(status: CardStatus = CardStatus.ACTIVE, *past: tuple[int, CardStatus]) -> Card:
    entries = tuple(ended_ms << 4 | was for ended_ms, was in past)
    return Card(account=8, programme=1, status=status, past=entries or None)


@pytest.mark.parametrize(
    ("sale_ms", "code"),
    [
        (ARRIVAL_MS - 7 * DAY_MS, ResultCode.APPROVED),
        (ARRIVAL_MS - 7 * DAY_MS - 1000, ResultCode.ADVICE_OUT_OF_TIME),
        (0, ResultCode.ADVICE_OUT_OF_TIME),
        (ARRIVAL_MS + 300_000, ResultCode.APPROVED),
        (ARRIVAL_MS + 301_000, ResultCode.ADVICE_OUT_OF_TIME),
        (ms("2036-06-10T12:00:00"), ResultCode.ADVICE_OUT_OF_TIME),
    ],
)
def test_a_sale_is_judged_inside_seven_days_and_five_minutes(sale_ms: int, code: ResultCode) -> None:
    """Outside of it, 1970 and ten years ahead too, it gets a code of its own and nothing is posted."""
    decision = advise(make_card(), sale_ms)
    assert decision.code == code
    assert bool(decision.points) == (code == ResultCode.APPROVED)
    assert decision.amount_grosze == 10_000


def test_a_sale_before_the_first_rules_cannot_be_judged() -> None:
    """A programme that began yesterday has no rules for the day before."""
    partner = make_partner()
    partner.programme = Programme(1)
    partner.programme.add_version(Version.of(1, ARRIVAL_MS - DAY_MS, parse_rules(TOML)))
    partner.programme.choose_version(ARRIVAL_MS)
    assert advise(make_card(), ARRIVAL_MS - 2 * DAY_MS, partner).code == ResultCode.ADVICE_OUT_OF_TIME
    assert advise(make_card(), ARRIVAL_MS - DAY_MS, partner).code == 0


BLOCKED_MS = ARRIVAL_MS - DAY_MS


@pytest.mark.parametrize(
    "now", [CardStatus.BLOCKED, CardStatus.WANTED, CardStatus.REPLACED, CardStatus.CLOSED]
)
def test_a_sale_before_the_block_counts_and_one_after_it_does_not(now: CardStatus) -> None:
    """Blocked, wanted, replaced or closed since the sale: it was good, and its account gets the points."""
    card = make_card(now, (BLOCKED_MS, CardStatus.ACTIVE))
    before = advise(card, BLOCKED_MS - 1000)
    assert (before.code, before.points) == (0, 5)
    assert advise(card, BLOCKED_MS).code != 0


def test_a_sale_during_a_block_that_was_lifted_since_does_not_count() -> None:
    """The status of the sale decides in both directions."""
    lifted_ms = ARRIVAL_MS - 3_600_000
    card = make_card(CardStatus.ACTIVE, (BLOCKED_MS, CardStatus.ACTIVE), (lifted_ms, CardStatus.BLOCKED))
    assert advise(card, BLOCKED_MS + 1000).code == ResultCode.CARD_BLOCKED
    assert advise(card, BLOCKED_MS - 1000).code == 0
    assert advise(card, lifted_ms).code == 0


def test_the_last_valid_day_is_that_of_the_sale_in_the_city() -> None:
    """Sold on 9 June at 23:59 in Poland (21:59 UTC) with a card valid until that day, sent on the 10th."""
    card = Card(account=8, programme=1, status=0, expires_day=ms("2026-06-09T00:00:00") // DAY_MS)
    assert advise(card, ms("2026-06-09T21:59:00")).code == 0
    assert advise(card, ms("2026-06-09T22:00:00")).code == ResultCode.CARD_EXPIRED


def test_the_rules_are_those_of_the_sale() -> None:
    """Before 5 June 100 zł earned ten points, and are printed by the rules that said so."""
    before, after = (
        advise(make_card(), ms("2026-06-04T23:59:59")),
        advise(make_card(), ms("2026-06-05T00:00:00")),
    )
    assert (before.points, before.rules_version) == (10, 1)
    assert (after.points, after.rules_version) == (5, 2)


def test_a_partner_s_step_is_that_of_now() -> None:
    """Of what a partner has of its own only what is so now is known: a sale of before is counted by it."""
    partner = make_partner()
    partner.points_step_grosze = 500
    assert advise(make_card(), ms("2026-06-04T23:59:59"), partner).points == 20


def test_a_partner_s_suspension_keeps_an_advice() -> None:
    """A passing state has no final answer: the terminal keeps its offline sale until the suspension ends."""
    partner = make_partner()
    partner.suspended = True
    assert advise(make_card(), ARRIVAL_MS, partner).code == ResultCode.SUSPENDED_FOR_NOW


def test_a_suspension_keeps_no_advice_past_its_window() -> None:
    """Past seven days no sale is made, whatever ends: the terminal is told so, and keeps it no longer."""
    partner = make_partner()
    partner.suspended = True
    for sale_ms, code in (
        (ARRIVAL_MS - 7 * DAY_MS, ResultCode.SUSPENDED_FOR_NOW),
        (ARRIVAL_MS - 7 * DAY_MS - 1000, ResultCode.ADVICE_OUT_OF_TIME),
        (ARRIVAL_MS + 301_000, ResultCode.ADVICE_OUT_OF_TIME),
    ):
        assert advise(make_card(), sale_ms, partner).code == code


async def test_what_is_only_put_off_is_not_journalled() -> None:
    """Suspended, unknown while the feed is stale, a wrong clock: try again, and the id stays free."""
    stale = False
    async with running_front(clock=lambda: stale) as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        partner, now_s = memory.directory.partners[1], int(datetime.now(UTC).timestamp())
        partner.suspended = True
        advice = EarnAdvice(stan=1, terminal_time=now_s, card=CARD, entry=SWIPED, amount=1_000)
        assert (await line.ask(advice)).code == ResultCode.SUSPENDED_FOR_NOW
        partner.suspended = False
        stale = True
        unknown = EarnAdvice(stan=2, terminal_time=now_s, card=UNKNOWN_CARD, entry=SWIPED, amount=1_000)
        assert (await line.ask(unknown)).code == ResultCode.TRY_AGAIN
        stale = False
        memory.directory.note_clock(database_ms=(now_s + 3_600) * 1000, now_ms=now_s * 1000)
        assert (await line.ask(advice)).code == ResultCode.TRY_AGAIN
        assert memory.ledger.posted == []
        memory.directory.note_clock(database_ms=now_s * 1000, now_ms=now_s * 1000)
        assert (await line.ask(advice)).code == 0
        assert (await line.ask(unknown)).code == ResultCode.CARD_UNKNOWN
