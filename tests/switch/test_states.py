"""A programme that is suspended, comes back by itself, or has ended; cards read and kept."""

from datetime import UTC, datetime

import pytest

from protocol import Balance, Earn, EarnAdvice, EntryMode, Redeem, ResultCode
from switch.rules.cards import Card
from switch.rules.decide import Moment, decide_balance, decide_earn, decide_earn_advice, decide_redeem
from switch.rules.decide.refusals import refuse_card
from switch.rules.directory import Partner
from switch.rules.programme import Rules
from switch.rules.states import States
from tests.entries import SWIPED
from tests.switch.test_cities import CZESTOCHOWA, PONTA, ZYWIEC, partner_in
from tests.switch.tills import till

HOUR_MS = 3_600_000
KEYED, TAPPED = EntryMode.KEYED, EntryMode.TAPPED
NOW_MS = int(datetime(2026, 7, 1, 21, 30, tzinfo=UTC).timestamp() * 1000)
SUSPENDED = int(ResultCode.PROGRAMME_SUSPENDED)
ENDED = int(ResultCode.PROGRAMME_ENDED)
RETAIN_STATUS = 2


def partner_of(rules: Rules, states: States, now_ms: int = NOW_MS) -> Partner:
    partner = partner_in(rules)
    partner.programme.states = states
    partner.programme.choose_version(now_ms)
    return partner


def card_of(rules: Rules, status: int = 0) -> Card:
    return Card(8, rules.programme.number, status)


def advise(partner: Partner, sold_ms: int, *, entry: EntryMode = SWIPED, is_stale: bool = False) -> int:
    """Return the code of a sale made offline and sent now."""
    card = Card(8, partner.programme.number, 0)
    advice = EarnAdvice(stan=1, terminal_time=sold_ms // 1000, card="", entry=entry, amount=5_000)
    return decide_earn_advice(advice, till(partner), card, Moment(NOW_MS, is_stale)).code


@pytest.mark.parametrize(
    ("states", "hours", "code"),
    [
        (States(), 0, 0),
        (States(((NOW_MS, None),)), -1, 0),
        (States(((NOW_MS, None),)), 0, SUSPENDED),
        (States(((NOW_MS, None),)), 10_000, SUSPENDED),
        (States(((NOW_MS, NOW_MS + HOUR_MS),)), 0, SUSPENDED),
        (States(((NOW_MS, NOW_MS + HOUR_MS),)), 1, 0),
        (States(((NOW_MS, NOW_MS + HOUR_MS), (NOW_MS + 9 * HOUR_MS, None))), 0, SUSPENDED),
        (States((), NOW_MS), -1, 0),
        (States((), NOW_MS), 0, ENDED),
        (States(((NOW_MS - HOUR_MS, None),), NOW_MS), -1, SUSPENDED),
        (States(((NOW_MS - HOUR_MS, None),), NOW_MS), 0, ENDED),
    ],
)
def test_zywiec_6_suspended_comes_back_and_called_off_does_not(states: States, hours: int, code: int) -> None:
    """Żywiec § 6: two states, each with its own refusal, to the moment; a suspension ends by itself."""
    at_ms = NOW_MS + hours * HOUR_MS
    partner = partner_of(CZESTOCHOWA, states, at_ms)
    earn = Earn(stan=1, terminal_time=at_ms // 1000, card="", entry=SWIPED, amount=5_000)
    assert states.refusal(at_ms) == code
    assert decide_earn(earn, till(partner), card_of(CZESTOCHOWA), Moment(at_ms)).code == code


@pytest.mark.parametrize(
    ("states", "sold_hours_ago", "code"),
    [
        (States(((NOW_MS - 5 * HOUR_MS, None),)), 6, 0),  # sold before, sent during the suspension
        (States(((NOW_MS - 5 * HOUR_MS, None),)), 5, SUSPENDED),
        (States(((NOW_MS - 5 * HOUR_MS, NOW_MS - HOUR_MS),)), 2, SUSPENDED),  # sold during, sent after it
        (States(((NOW_MS - 5 * HOUR_MS, NOW_MS - HOUR_MS),)), 1, 0),
        (States(((NOW_MS - 5 * HOUR_MS, NOW_MS - HOUR_MS), (NOW_MS, None))), 2, SUSPENDED),  # the one before
        (States(((NOW_MS - 5 * HOUR_MS, NOW_MS - HOUR_MS), (NOW_MS, None))), 1, 0),  # between the two
        (States((), NOW_MS - 5 * HOUR_MS), 6, 0),
        (States((), NOW_MS - 5 * HOUR_MS), 5, ENDED),
    ],
)
def test_a_sale_made_offline_is_judged_by_the_state_of_its_moment(
    states: States, sold_hours_ago: int, code: int
) -> None:
    """What was sold before a suspension or the end counts, whenever it arrives; what was sold in it not."""
    partner = partner_of(CZESTOCHOWA, states)
    assert advise(partner, NOW_MS - sold_hours_ago * HOUR_MS) == code


def test_a_suspension_whose_end_may_be_missed_is_not_final() -> None:
    """A worker that may lag keeps an advice for later: what is not known is not refused."""
    partner = partner_of(CZESTOCHOWA, States(((NOW_MS - 5 * HOUR_MS, None),)))
    assert advise(partner, NOW_MS - HOUR_MS, is_stale=True) == ResultCode.SUSPENDED_FOR_NOW
    assert advise(partner, NOW_MS - 6 * HOUR_MS, is_stale=True) == 0


def test_zgierz_17_a_card_that_is_not_read_is_refused() -> None:
    """Zgierz § 17, by the file of another city that keys no cards: 49, after all that concerns the card."""
    partner, card = partner_of(PONTA, States()), card_of(PONTA)
    at, time = Moment(NOW_MS), NOW_MS // 1000
    earn = Earn(stan=1, terminal_time=time, card="", entry=KEYED, amount=5_000)
    assert decide_earn(earn, till(partner), card, at).code == ResultCode.ENTRY_NOT_ALLOWED
    assert decide_earn(earn, till(partner), card_of(PONTA, 1), at).code == ResultCode.CARD_BLOCKED
    balance = Balance(stan=1, terminal_time=time, card="", entry=SWIPED)
    assert decide_balance(balance, till(partner), card, at).code == ResultCode.ENTRY_NOT_ALLOWED
    redeem = Redeem(stan=1, terminal_time=time, card="", entry=KEYED, tier=40, amount=0)
    assert decide_redeem(redeem, till(partner), card, at).code == ResultCode.ENTRY_NOT_ALLOWED
    assert advise(partner, NOW_MS, entry=KEYED) == ResultCode.ENTRY_NOT_ALLOWED
    assert advise(partner, NOW_MS, entry=TAPPED) == 0


def test_zywiec_4_a_terminal_keeps_a_card_only_where_rules_say_so() -> None:
    """Żywiec § 4: a wanted card is to be retained there; elsewhere it is refused as blocked."""
    for rules, code in ((ZYWIEC, ResultCode.CARD_RETAIN), (CZESTOCHOWA, ResultCode.CARD_BLOCKED)):
        version = partner_of(rules, States()).programme.current
        card = card_of(rules, RETAIN_STATUS)
        assert refuse_card(card, RETAIN_STATUS, version, NOW_MS) == code
