"""How a card was read: where a programme takes no typed number, new business is refused and nothing else."""

import re
from collections.abc import Callable
from pathlib import Path

from protocol import (
    TYPE_OF,
    Balance,
    BenefitUse,
    Earn,
    EntryMode,
    Quote,
    Redeem,
    Refund,
    ResultCode,
    Reversal,
    Status,
    Verify,
)
from switch.rules.cards import Card
from switch.rules.decide import (
    decide_balance,
    decide_benefit_use,
    decide_earn,
    decide_quote,
    decide_redeem,
    decide_reference,
    decide_refund,
    decide_verify,
)
from switch.rules.directory import Terminal
from tests.switch.offers import an_offer
from tests.switch.test_benefit_decisions import NOW, SEEN_ALL, card, shop
from tests.switch.test_cities import PONTA, partner_in

KEYED = (1, 0, "", EntryMode.KEYED)
READ_BY_HAND: dict[str, Callable[[Terminal, Card], int]] = {
    "BALANCE": lambda at, of: decide_balance(Balance(*KEYED), at, of, NOW).code,
    "VERIFY": lambda at, of: decide_verify(Verify(*KEYED, 0), at, of, NOW).code,
    "QUOTE": lambda at, of: decide_quote(Quote(*KEYED, TYPE_OF[BenefitUse], 900, 9), at, of, NOW).code,
    "EARN": lambda at, of: decide_earn(Earn(*KEYED, 900), at, of, NOW).code,
    "REDEEM": lambda at, of: decide_redeem(Redeem(*KEYED, 40, 0), at, of, NOW).code,
    "BENEFIT_USE": lambda at, of: decide_benefit_use(BenefitUse(*KEYED, 9, 900, SEEN_ALL), at, of, NOW).code,
    "REVERSAL": lambda at, of: decide_reference(Reversal(*KEYED, 3), at, of, NOW).code,
    "REFUND": lambda at, of: decide_refund(Refund(*KEYED, at.number, 3, 900), at, of, NOW).code,
    "STATUS": lambda at, of: decide_reference(Status(*KEYED, 3), at, of, NOW).code,
}


def test_a_number_typed_in_is_refused_for_new_business_alone_as_spec_says() -> None:
    """Where a programme takes no keyed card: what comes after a sale is taken; SPEC.md names both sorts."""
    offer = an_offer(9, partner=partner_in(PONTA).number)
    at, of = shop(PONTA, offer), card(PONTA)
    refused = {name for name, code in READ_BY_HAND.items() if code(at, of) == ResultCode.ENTRY_NOT_ALLOWED}
    spec = (Path(__file__).parents[2] / "protocol" / "SPEC.md").read_text(encoding="utf-8")
    said = re.search(r"the answer to ([^.]*?) and the advices is ENTRY_NOT_ALLOWED", spec)
    taken = re.search(r"after an earlier sale \(([^)]*)\)", spec)
    assert said
    assert taken
    assert set(re.findall(r"[A-Z_]+", said[1])) == refused
    assert set(re.findall(r"[A-Z_]+", taken[1])) == READ_BY_HAND.keys() - refused
