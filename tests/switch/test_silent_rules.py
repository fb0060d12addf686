"""What the documents of the cities leave open: what is done there (docs/rules.md, the defaults)."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ledger.books.posting import QuotaLeg
from ledger.registry.reads import OfferRow
from protocol import BenefitUse, EntryMode, ResultCode
from switch.rules.cards import Card, HeldCard
from switch.rules.dates import Period, day_number
from switch.rules.decide import Decision, Moment, decide_benefit_use
from switch.rules.entitlement import Held
from switch.rules.offers import Offer, encode_offer
from switch.rules.quotas import Counted, quota_legs
from tests.switch.offers import an_offer
from tests.switch.test_cities import ZGIERZ, partner_in
from tests.switch.tills import till

YOUTH, ADULT, SENIOR_FLAG = 4, 8, 2
PHOTO, GUARDIAN, ALONE = 1, 2, 4
SATURDAY = date(2027, 3, 6)
TENTH: dict[str, Any] = {"kind": "percent", "percent": 10}


def at(day: date, hour: int) -> Moment:
    """A moment on the city's clock."""
    wall = datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo("Europe/Warsaw"))
    return Moment(int(wall.timestamp() * 1_000))


def holder(kinds: int, flags: int = 0) -> Card:
    """A card of Zgierz whose entitlement holds, of a holder of these kinds."""
    held = Held(flags, kinds, kinds, -1_000_000, kinds, 1_000_000, day_number(SATURDAY) + 100)
    return HeldCard(8, ZGIERZ.programme.number, 0, None, None, held)


def grant(offer: Offer, of: Card, confirmed: int = PHOTO | ALONE, when: Moment | None = None) -> Decision:
    """What a use of an offer at its partner's till comes to."""
    partner = partner_in(ZGIERZ)
    row = OfferRow(ZGIERZ.programme.number, offer.number, 1, offer.partner, False, 0, encode_offer(offer))
    partner.programme.offers.put(row)
    message = BenefitUse(1, 0, "", EntryMode.SWIPED, offer.number, 1_000, confirmed)
    return decide_benefit_use(message, till(partner), of, when or at(SATURDAY, 12))


def offered(*benefits: dict[str, Any], **more: Any) -> Offer:
    """An offer of the partner of Zgierz."""
    return an_offer(9, *benefits, partner=partner_in(ZGIERZ).number, **more)


def test_limits_for_both_kinds_of_who_is_18_both_count() -> None:
    """One a day for adults and three for the young: a use takes one of each, so the tighter decides."""
    limits = (
        Counted(is_cards=True, quota=0, period=int(Period.DAY), uses=1, kinds=ADULT),
        Counted(is_cards=True, quota=1, period=int(Period.DAY), uses=3, kinds=YOUTH),
    )
    taken = quota_legs(limits, account=8, organiser=3, kinds=YOUTH | ADULT, flags=0, day=20_000)
    assert taken == (QuotaLeg(8, 0, 20_000, 1), QuotaLeg(8, 1, 20_000, 3))


def test_a_daily_limit_is_of_the_calendar_s_day_also_in_a_night_s_hours() -> None:
    """Friday's hours from 22 to 2 hold on Saturday at 1, and the use is one of Saturday's."""
    night = offered(
        TENTH, days=["fri"], hours=["22:00-02:00"],
        limits=[{"per": "card_and_offer", "every": "day", "uses": 1}],
    )  # fmt: skip
    decision = grant(night, holder(ADULT), when=at(SATURDAY, 1))
    assert decision.code == ResultCode.APPROVED
    assert decision.more is not None
    assert [leg.period for leg in decision.more.quotas] == [day_number(SATURDAY)]


def test_who_is_of_no_kind_gets_what_is_for_everybody() -> None:
    """A holder whose date of birth is not known: entitled by proof, and granted what names no kind."""
    assert grant(offered(TENTH), holder(0)).code == ResultCode.APPROVED
    for_adults = grant(offered({**TENTH, "for": ["adult"]}), holder(0))
    assert for_adults.code == ResultCode.BENEFIT_NOT_FOR_CARD


def test_the_flag_senior_asks_for_no_age() -> None:
    """Zgierz § 10: who had a Senior card before has the flag, and what is for the flag, below 61 too."""
    of_flag = offered({**TENTH, "flags": ["senior"]})
    assert grant(of_flag, holder(ADULT, SENIOR_FLAG)).code == ResultCode.APPROVED
    assert grant(of_flag, holder(ADULT)).code == ResultCode.BENEFIT_NOT_FOR_CARD


def test_a_guardian_s_document_stands_for_the_photo_that_an_offer_itself_asks_for() -> None:
    """Zgierz § 17 lets it stand for the programme's; an offer's own `photo_id` is no other document."""
    minor = 2
    decision = grant(offered(TENTH, confirm=["photo_id"]), holder(minor), GUARDIAN | ALONE)
    assert decision.code == ResultCode.APPROVED
    assert grant(offered(TENTH, confirm=["photo_id"]), holder(minor), ALONE).code == (
        ResultCode.CONFIRMATION_MISSING
    )
