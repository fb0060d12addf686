"""Advices, refunds and reversals × block, birthday, new rules, 31 May, replacement: before and after.

One sale or its undoing, and one thing that happened at noon. What was sold offline is judged by the time of
its sale; what is undone is undone whatever has happened since.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from ledger.registry.card_states import CardStatus
from ledger.registry.reads import EARLY_MS, OfferRow, since
from protocol import BenefitAdvice, EarnAdvice, EntryMode, Refund, ResultCode, Reversal
from switch.rules.cards import HeldCard
from switch.rules.decide import (
    Decision,
    Moment,
    decide_benefit_advice,
    decide_earn_advice,
    decide_reference,
    decide_refund,
)
from switch.rules.directory import Partner, Programme, Terminal
from switch.rules.entitlement import Held
from switch.rules.offers import encode_offer
from switch.rules.programme import parse_rules
from switch.rules.versions import DAY_MS, Version
from tests.switch.offers import an_offer
from tests.switch.tills import EVER, till

TEXT = Path(__file__).with_name("fourth_city.toml").read_text(encoding="utf-8")
PROVED = TEXT + '\n[entitlement]\nsource = ["Ponta § 4"]\nyears = 2\nmonth = 5\nday = 31\n'
RULES = parse_rules(PROVED)
DEARER = parse_rules(PROVED.replace("step_grosze = 500", "step_grosze = 1000"))
HOUR_MS = 3_600_000
TODAY = 20_970  # 1 June 2027
# Midnight in Ponta, which is at 00:00 UTC in summer: a birthday, and the end of 31 May, come with it.
EVENT_MS = TODAY * DAY_MS
NOW = Moment(EVENT_MS + 6 * HOUR_MS)
BEFORE_MS, AFTER_MS = EVENT_MS - HOUR_MS, EVENT_MS + HOUR_MS
PUPIL, GROWN = 1, 2
FOR_PUPILS = an_offer(9, {"kind": "free_entry", "for": ["pupil"]}, partner=7)
EVENTS = ("block", "birthday", "new rules", "31 May", "replacement")
"""Things that end something; "issue" begins it: before, there was no such card."""


class World(NamedTuple):
    """A terminal and a card to which one thing has happened."""

    terminal: Terminal
    card: HeldCard


def after_event(event: str) -> World:
    """The world as the switch knows it six hours after the event."""
    partner, programme = Partner(7), Programme(4)
    partner.contracts.put(1, EVER)
    partner.programme = programme
    programme.add_version(Version.of(1, 0, RULES))
    if event == "new rules":
        programme.add_version(Version.of(2, EVENT_MS, DEARER))
    programme.choose_version(NOW.now_ms)
    programme.offers.put(OfferRow(4, 9, 1, 7, False, 0, encode_offer(FOR_PUPILS)))
    if event == "new rules":
        programme.offers.put(OfferRow(4, 9, 2, 7, True, EVENT_MS, ""))
    status = {"block": CardStatus.BLOCKED, "replacement": CardStatus.REPLACED}.get(event, CardStatus.ACTIVE)
    past = (EVENT_MS << 4 | int(CardStatus.ACTIVE),) if status else None
    if event == "issue":
        past = since(EVENT_MS + EARLY_MS, int(status), None)
    grown = GROWN if event == "birthday" else PUPIL
    until = TODAY - 1 if event == "31 May" else TODAY + 300
    held = Held(0, grown, PUPIL, TODAY, grown, 1_000_000, until)
    return World(till(partner), HeldCard(8, 4, int(status), None, past, held))


def earn_advice(world: World, sold_ms: int) -> Decision:
    message = EarnAdvice(5, sold_ms // 1000, "", EntryMode.TAPPED, 4_590)
    return decide_earn_advice(message, world.terminal, world.card, NOW)


def benefit_advice(world: World, sold_ms: int) -> Decision:
    message = BenefitAdvice(5, sold_ms // 1000, "", EntryMode.TAPPED, 9, 4_590, 7)
    return decide_benefit_advice(message, world.terminal, world.card, NOW)


# What a sale of an hour after the event comes to; of an hour before, each is as if nothing had happened.
EARNED_AFTER = {
    "block": (ResultCode.CARD_BLOCKED, 0),
    "birthday": (0, 9),
    "new rules": (0, 4),
    "31 May": (ResultCode.ENTITLEMENT_ENDED, 0),
    "replacement": (ResultCode.CARD_REPLACED, 0),
}
GRANTED_AFTER = {
    "block": ResultCode.CARD_BLOCKED,
    "birthday": ResultCode.BENEFIT_NOT_FOR_CARD,
    "new rules": ResultCode.BENEFIT_UNKNOWN,
    "31 May": ResultCode.ENTITLEMENT_ENDED,
    "replacement": ResultCode.CARD_REPLACED,
}


@pytest.mark.parametrize("event", EVENTS)
def test_points_of_a_sale_made_offline(event: str) -> None:
    """Before the event: nine points by the old step; after it: by what held then."""
    world = after_event(event)
    before, after = earn_advice(world, BEFORE_MS), earn_advice(world, AFTER_MS)
    assert (before.code, before.points, before.rules_version) == (0, 9, 1)
    assert (after.code, after.points) == EARNED_AFTER[event]
    assert after.rules_version == (2 if event == "new rules" else 1)


@pytest.mark.parametrize("event", EVENTS)
def test_a_benefit_granted_offline(event: str) -> None:
    """Before the event the pupil's free entry, counted in the day of the sale; after it what held then."""
    world = after_event(event)
    before, after = benefit_advice(world, BEFORE_MS), benefit_advice(world, AFTER_MS)
    assert before.more is not None
    assert (before.code, before.more.discount_grosze, before.rules_version) == (0, 4_590, 1)
    assert {leg.period for leg in before.more.quotas} == {TODAY - 1}
    assert after.code == GRANTED_AFTER[event]


def test_no_sale_was_made_with_a_card_that_was_not_there() -> None:
    """Dated before the card was added: as one that is not active yet; after it, as any other."""
    world = after_event("issue")
    for advice in (earn_advice, benefit_advice):
        assert advice(world, BEFORE_MS).code == ResultCode.CARD_NOT_ACTIVE
        assert advice(world, AFTER_MS).code == 0


@pytest.mark.parametrize("event", [*EVENTS, "issue"])
@pytest.mark.parametrize("sold_ms", [BEFORE_MS, AFTER_MS], ids=["before", "after"])
def test_what_was_sold_can_be_taken_back(event: str, sold_ms: int) -> None:
    """A refund and a reversal go to the books whatever has happened, before or after the sale."""
    terminal, card = after_event(event)
    undone = sold_ms // 1000 + 60
    refund = Refund(9, undone, "", EntryMode.TAPPED, terminal.number, 5, 100)
    reversal = Reversal(9, undone, "", EntryMode.TAPPED, 5)
    for decision in (
        decide_refund(refund, terminal, card, NOW), decide_reference(reversal, terminal, card, NOW)
    ):  # fmt: skip
        assert (decision.code, decision.original_stan) == (0, 5)
