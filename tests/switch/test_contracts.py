"""A partner's contract is judged by its days at the till, as a card is; a late sale by that of its day."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from protocol import Earn, EarnAdvice, ResultCode
from switch.rules.cards import Card
from switch.rules.contract import Contract, Contracts
from switch.rules.decide import Moment, decide_earn, decide_earn_advice
from switch.rules.decide.refusals import refuse_place_now
from switch.rules.directory import Terminal
from tests.entries import SWIPED
from tests.switch.test_cities import CZESTOCHOWA, partner_in
from tests.switch.tills import till

WARSAW = ZoneInfo("Europe/Warsaw")
SUSPENDED = ResultCode.PARTNER_SUSPENDED
OUTLET, OTHER = 71, 72


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=WARSAW).timestamp() * 1000)


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


def terminal_under(*contracts: Contract, outlet: int = 0) -> Terminal:
    partner = partner_in(CZESTOCHOWA)
    partner.contracts = Contracts(*contracts)
    return till(partner, outlet=outlet)


def earn(terminal: Terminal, at_ms: int) -> int:
    message = Earn(1, at_ms // 1000, "", SWIPED, 1_000)
    return decide_earn(message, terminal, Card(8, 1, 0), Moment(at_ms)).code


def advise(terminal: Terminal, sold_ms: int, now_ms: int, *, is_stale: bool = False) -> int:
    """Return the code of a sale made offline."""
    message = EarnAdvice(1, sold_ms // 1000, "", SWIPED, 1_000)
    return decide_earn_advice(message, terminal, Card(8, 1, 0), Moment(now_ms, is_stale)).code


OF_MARCH = Contract(0, day("2026-03-01"), day("2026-03-02"))


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        ("2026-02-28T23:59:59", SUSPENDED),
        ("2026-03-01T00:00:00", 0),
        ("2026-03-02T23:59:59", 0),
        ("2026-03-03T00:00:00", SUSPENDED),
    ],
)
def test_a_contract_begins_and_ends_with_its_days(moment: str, code: int) -> None:
    """From the first second of its first day to the last of its last, by the city's clocks; sign-on, too."""
    terminal = terminal_under(OF_MARCH)
    assert earn(terminal, ms(moment)) == refuse_place_now(terminal, ms(moment)) == code


@pytest.mark.parametrize(
    ("sold", "code"),
    [
        ("2026-03-02T21:00:00", 0),
        ("2026-03-02T23:59:59", 0),
        ("2026-03-03T00:00:00", SUSPENDED),
        ("2026-02-28T23:00:00", SUSPENDED),
    ],
)
def test_a_late_sale_is_judged_by_the_contract_of_its_day(sold: str, code: int) -> None:
    """What was sold on its days counts after it has ended; what was not is refused, and never put off."""
    terminal = terminal_under(OF_MARCH)
    assert advise(terminal, ms(sold), ms("2026-03-04T12:00:00")) == code


def test_no_contract_keeps_a_sale_past_its_window() -> None:
    """Seven days later a sale of the last day is too late, as any."""
    terminal = terminal_under(OF_MARCH)
    assert advise(terminal, ms("2026-03-02T21:00:00"), ms("2026-03-15T12:00:00")) == (
        ResultCode.ADVICE_OUT_OF_TIME
    )


def test_a_contract_that_may_be_missed_is_not_final() -> None:
    """A worker that may lag keeps a sale for later: the next contract may have been agreed."""
    terminal, now_ms = terminal_under(OF_MARCH), ms("2026-03-04T12:00:00")
    assert advise(terminal, ms("2026-03-03T00:00:00"), now_ms, is_stale=True) == ResultCode.SUSPENDED_FOR_NOW


def test_an_outlet_s_contract_is_about_its_terminals_alone() -> None:
    """Another outlet's stand under the partner's or under none; of several contracts one is enough."""
    now_ms = ms("2026-03-20T12:00:00")
    own = Contract(OUTLET, day("2026-03-10"), None)
    for outlet, code in ((OUTLET, 0), (OTHER, SUSPENDED), (0, SUSPENDED)):
        assert earn(terminal_under(OF_MARCH, own, outlet=outlet), now_ms) == code
    assert earn(terminal_under(outlet=OUTLET), now_ms) == SUSPENDED


def test_a_partner_that_is_suspended_is_so_whatever_contracts_say() -> None:
    """31 now; its late sales wait, for that ends."""
    terminal = terminal_under(OF_MARCH)
    terminal.partner.suspended = True
    assert earn(terminal, ms("2026-03-02T12:00:00")) == SUSPENDED
    sold_ms, now_ms = ms("2026-03-02T12:00:00"), ms("2026-03-04T12:00:00")
    assert advise(terminal, sold_ms, now_ms) == ResultCode.SUSPENDED_FOR_NOW
