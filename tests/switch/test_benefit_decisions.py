"""Benefits decided: each refusal, what a use costs and counts, and a quote that is the operation."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.books.posting import AccountKind, QuotaLeg, account_id
from ledger.registry.reads import OfferRow
from protocol import (
    TYPE_OF,
    BenefitAdvice,
    BenefitUse,
    Earn,
    EntryMode,
    Quote,
    Redeem,
    Refund,
    ResultCode,
    Verify,
    limits,
)
from switch.rules.cards import Card, HeldCard
from switch.rules.decide import (
    Decision,
    Moment,
    decide_benefit_advice,
    decide_benefit_use,
    decide_earn,
    decide_quote,
    decide_redeem,
    decide_refund,
    decide_verify,
)
from switch.rules.directory import Partner, Terminal
from switch.rules.entitlement import Held
from switch.rules.offers import Offer, encode_offer
from switch.rules.programme import Rules
from switch.rules.states import States
from tests.entries import SWIPED
from tests.switch.offers import an_offer
from tests.switch.test_cities import CZESTOCHOWA, PONTA, ZGIERZ, ZYWIEC, partner_in
from tests.switch.tills import till

CHILD, JUNIOR, YOUTH, ADULT, SENIOR = (1 << bit for bit in range(5))
NOON = datetime(2027, 6, 1, 10, tzinfo=UTC)  # a Tuesday, 12:00 in Warsaw
NOW_MS = int(NOON.timestamp() * 1000)
TODAY = NOW_MS // 86_400_000
NOW = Moment(NOW_MS)
HOUR_MS = 3_600_000
SEEN_ALL = 7


def held(kinds: int, flags: int = 0, entitled_days: int | None = 100) -> Held:
    """A holder whose kinds never change."""
    until = None if entitled_days is None else TODAY + entitled_days
    return Held(flags, kinds, kinds, -1_000_000, kinds, 1_000_000, until)


def card(rules: Rules, kinds: int = ADULT, flags: int = 0, **more: Any) -> Card:
    """An active card of a holder of these kinds."""
    entitled = more.pop("entitled_days", 100)
    return HeldCard(8, rules.programme.number, 0, held=held(kinds, flags, entitled), **more)


def shop(rules: Rules, *offers: Offer, outlet: int = 0) -> Terminal:
    """A terminal of partner 7 in a programme with these offers, which hold since 1970."""
    partner: Partner = partner_in(rules)
    for one in offers:
        row = OfferRow(rules.programme.number, one.number, 1, one.partner, False, 0, encode_offer(one))
        partner.programme.offers.put(row)
    return till(partner, outlet=outlet)


def here(number: int, *benefits: dict[str, Any], **more: Any) -> Offer:
    """An offer of that partner."""
    return an_offer(number, *benefits, partner=more.pop("partner", partner_in(ZGIERZ).number), **more)


def use(
    terminal: Terminal, of: Card | int, *, offer: int = 9, amount: int = 1000, confirmed: int = SEEN_ALL,
    entry: EntryMode = SWIPED, at: Moment = NOW,
) -> Decision:  # fmt: skip
    return decide_benefit_use(BenefitUse(1, 0, "", entry, offer, amount, confirmed), terminal, of, at)


HALF = {"kind": "percent", "percent": 50, "for": ["youth"]}
TENTH = {"kind": "percent", "percent": 10, "for": ["adult"]}


@pytest.mark.parametrize(
    ("kinds", "discount"),
    [(YOUTH, 500), (ADULT, 100), (YOUTH | ADULT, 500)],
)
def test_zgierz_16_at_18_the_better_benefit_is_granted(kinds: int, discount: int) -> None:
    """Youth half, adults a tenth: who is both gets half; the use is posted with the discount."""
    decision = use(shop(ZGIERZ, here(9, HALF, TENTH)), card(ZGIERZ, kinds))
    assert decision.code == 0
    assert decision.amount_grosze == 1000
    assert decision.more is not None
    assert (decision.more.offer, decision.more.discount_grosze) == (9, discount)


@pytest.mark.parametrize(
    ("kinds", "confirmed", "code", "checks"),
    [
        (ADULT, 7, 0, 5),
        (ADULT, 5, 0, 5),
        (ADULT, 4, ResultCode.CONFIRMATION_MISSING, 1),
        (ADULT, 6, ResultCode.CONFIRMATION_MISSING, 1),
        (ADULT, 1, ResultCode.CONFIRMATION_MISSING, 4),
        (ADULT, 0, ResultCode.CONFIRMATION_MISSING, 5),
        (CHILD, 6, 0, 7),
        (CHILD, 5, 0, 7),
        (CHILD, 0, ResultCode.CONFIRMATION_MISSING, 7),
        (YOUTH | ADULT, 6, ResultCode.CONFIRMATION_MISSING, 1),
    ],
)
def test_zgierz_17_and_37_what_the_cashier_confirms(
    kinds: int, confirmed: int, code: int, checks: int
) -> None:
    """Card and photo document each time; of a minor the guardian's will do; and no other relief."""
    decision = use(shop(ZGIERZ, here(9)), card(ZGIERZ, kinds), confirmed=confirmed)
    assert decision.code == code
    assert decision.more is not None
    assert decision.more.checks == checks


def test_zywiec_4_asks_for_no_document_unless_in_doubt() -> None:
    """Only that the discount is the only one has to be confirmed."""
    terminal = shop(ZYWIEC, here(9))
    assert use(terminal, card(ZYWIEC), confirmed=4).code == 0
    assert use(terminal, card(ZYWIEC), confirmed=3).code == ResultCode.CONFIRMATION_MISSING


def test_zywiec_4_only_what_was_published_is_granted() -> None:
    """An offer that is no version of any offer, not yet in force, or another partner's."""
    terminal = shop(ZYWIEC, here(9), here(11, partner=99))
    book = terminal.partner.programme.offers
    late = encode_offer(here(10))
    book.put(OfferRow(2, 10, 1, terminal.partner.number, False, NOW_MS + 1, late))
    holder = card(ZYWIEC)
    assert use(terminal, holder, offer=8).code == ResultCode.BENEFIT_UNKNOWN
    assert use(terminal, holder, offer=10).code == ResultCode.BENEFIT_UNKNOWN
    assert use(terminal, holder, offer=10, at=Moment(NOW_MS + 1)).code == 0
    assert use(terminal, holder, offer=11).code == ResultCode.BENEFIT_OTHER_PARTNER
    book.put(OfferRow(2, 9, 2, terminal.partner.number, True, NOW_MS, late))
    assert use(terminal, holder, offer=9).code == ResultCode.BENEFIT_UNKNOWN


@pytest.mark.parametrize(
    ("entitled_days", "code"),
    [(0, 0), (100, 0), (-1, ResultCode.ENTITLEMENT_ENDED), (None, ResultCode.ENTITLEMENT_ENDED)],
)
def test_zgierz_20_the_entitlement_ends_and_the_card_does_not(entitled_days: int | None, code: int) -> None:
    """Through its last day; then a code of its own, also for VERIFY."""
    terminal, holder = shop(ZGIERZ, here(9)), card(ZGIERZ, entitled_days=entitled_days)
    assert use(terminal, holder).code == code
    assert decide_verify(Verify(1, 0, "", SWIPED, 0), terminal, holder, NOW).code == code


def test_zgierz_11_nothing_is_granted_offline_and_17_nothing_to_a_number_typed_in() -> None:
    """Positive verification comes first; no card in the hand, no discount."""
    terminal = shop(ZGIERZ, here(9))
    advice = BenefitAdvice(1, NOW_MS // 1000, "", SWIPED, 9, 1000, SEEN_ALL)
    assert decide_benefit_advice(advice, terminal, card(ZGIERZ), NOW).code == ResultCode.OFFLINE_NOT_ALLOWED
    assert use(terminal, card(ZGIERZ), entry=EntryMode.KEYED).code == ResultCode.ENTRY_NOT_ALLOWED


@pytest.mark.parametrize(
    ("of", "code"),
    [
        (int(ResultCode.CARD_UNKNOWN), ResultCode.CARD_UNKNOWN),
        (card(ZYWIEC), ResultCode.CARD_OTHER_PROGRAMME),
        (card(ZGIERZ, expires_day=TODAY - 1), ResultCode.CARD_EXPIRED),
        (card(ZGIERZ, SENIOR), ResultCode.BENEFIT_NOT_FOR_CARD),
    ],
)
def test_a_card_that_cannot_be_used_has_its_code(of: Card | int, code: ResultCode) -> None:
    """The same refusals as of every operation, then those of the offer."""
    assert use(shop(ZGIERZ, here(9, HALF, TENTH)), of).code == code


@pytest.mark.parametrize(
    ("offer", "amount", "kinds", "confirmed", "code"),
    [
        (99, -1, SENIOR, 0, ResultCode.AMOUNT_NEGATIVE),
        (99, 10**12, SENIOR, 0, ResultCode.AMOUNT_OVER_LIMIT),
        (99, 0, SENIOR, 0, ResultCode.BENEFIT_UNKNOWN),
        (10, 0, SENIOR, 0, ResultCode.BENEFIT_OTHER_PARTNER),
        (9, 0, SENIOR, 0, ResultCode.BENEFIT_NOT_FOR_CARD),
        (9, 0, ADULT, 0, ResultCode.AMOUNT_ZERO),
        (9, 1, ADULT, 0, ResultCode.BENEFIT_NOT_NOW),
        (8, 1, ADULT, 0, ResultCode.CONFIRMATION_MISSING),
        (8, 5, ADULT, 7, ResultCode.APPROVED),
    ],
)
def test_of_several_refusals_the_first_in_order_is_given(
    offer: int, amount: int, kinds: int, confirmed: int, code: ResultCode
) -> None:
    """SPEC.md, section 7: the lowest number, but that it is another partner's before what else is wrong."""
    over = {"days": ["mon"]}
    terminal = shop(ZGIERZ, here(8, TENTH), here(9, TENTH, **over), here(10, TENTH, partner=99, **over))
    decision = use(terminal, card(ZGIERZ, kinds), offer=offer, amount=amount, confirmed=confirmed)
    assert decision.code == code


def test_of_a_programme_that_has_ended_an_advice_says_so_first() -> None:
    """33 before 34; a card that is blocked comes after it."""
    terminal = shop(ZGIERZ, here(9))
    advice = BenefitAdvice(1, NOW_MS // 1000, "", SWIPED, 9, 1000, SEEN_ALL)
    blocked = HeldCard(8, 3, 1, held=held(ADULT))
    assert decide_benefit_advice(advice, terminal, blocked, NOW).code == ResultCode.OFFLINE_NOT_ALLOWED
    terminal.partner.programme.states = States(ended_from_ms=NOW_MS - 1)
    assert decide_benefit_advice(advice, terminal, blocked, Moment(NOW_MS + 1_000)).code == (
        ResultCode.PROGRAMME_ENDED
    )


def test_while_a_block_may_be_missed_nothing_is_granted_for_now() -> None:
    """A stale registry may miss a block or a withdrawal: try again."""
    terminal, at = shop(ZGIERZ, here(9)), Moment(NOW_MS, is_stale=True)
    assert use(terminal, card(ZGIERZ), at=at).code == ResultCode.FEED_STALE
    verdict = decide_verify(Verify(1, 0, "", SWIPED, 0), terminal, card(ZGIERZ), at)
    assert verdict.code == ResultCode.FEED_STALE


def test_an_advice_is_not_lost_while_its_offer_may_only_be_new() -> None:
    """A worker whose registry is stale answers "send again", never "no such benefit" for good."""
    terminal = shop(PONTA)
    advice = BenefitAdvice(1, NOW_MS // 1000, "", EntryMode.TAPPED, 9, 1000, SEEN_ALL)
    for is_stale, code in ((True, ResultCode.FEED_STALE), (False, ResultCode.BENEFIT_UNKNOWN)):
        at = Moment(NOW_MS, is_stale=is_stale)
        assert decide_benefit_advice(advice, terminal, card(PONTA), at).code == code


def test_hours_and_outlets_are_the_terminals_and_the_citys() -> None:
    """12:00 in Warsaw on a Tuesday, in outlet 3."""
    for more, code in (
        ({"hours": ["12:00-12:01"], "days": ["tue"]}, 0),
        ({"hours": ["10:00-12:00"]}, ResultCode.BENEFIT_NOT_NOW),
        ({"days": ["wed"]}, ResultCode.BENEFIT_NOT_NOW),
        ({"outlets": [3]}, 0),
        ({"outlets": [4]}, ResultCode.BENEFIT_OTHER_PARTNER),
    ):
        assert use(shop(ZGIERZ, here(9, **more), outlet=3), card(ZGIERZ)).code == code


def test_zgierz_18_each_limit_is_a_quota_of_its_period() -> None:
    """Of the card or of all together; day, Monday of the week, month, year, ever; by the city's calendar."""
    limits_ = [
        {"per": per, "uses": 5, "every": every}
        for per, every in (
            ("card_and_offer", "day"), ("offer", "week"), ("offer", "month"), ("card_and_offer", "year"),
            ("offer", "ever"),
        )
    ]  # fmt: skip
    decision = use(shop(ZGIERZ, here(9, limits=limits_)), card(ZGIERZ))
    everybody = account_id(3, AccountKind.ORGANISER)
    assert decision.more is not None
    assert decision.more.quotas == (
        QuotaLeg(8, 9 << 3 | 0, TODAY, 5),
        QuotaLeg(everybody, 9 << 3 | 1, TODAY - 1, 5),
        QuotaLeg(everybody, 9 << 3 | 2, 2027 * 12 + 5, 5),
        QuotaLeg(8, 9 << 3 | 3, 2027, 5),
        QuotaLeg(everybody, 9 << 3 | 4, 0, 5),
    )


def test_limits_of_a_programme_count_every_offer_for_whom_they_are() -> None:
    """The fourth city: two a day for a pupil over all offers, and a year's limit for islanders."""
    everybody = account_id(4, AccountKind.ORGANISER)
    terminal = shop(PONTA, an_offer(9, partner=partner_in(PONTA).number))
    pupil, islander = QuotaLeg(8, 0, TODAY, 2), QuotaLeg(everybody, 1, 2027, 100_000)
    for kinds, flags, expected in (
        (1, 0, (pupil,)),
        (2, 0, ()),
        (1, 8, (pupil, islander)),
        (4, 8, (islander,)),
    ):
        decision = use(terminal, card(PONTA, kinds, flags), entry=EntryMode.TAPPED)
        assert decision.more is not None
        assert decision.more.quotas == expected


def test_an_advice_is_judged_by_the_time_of_the_sale() -> None:
    """Offer, hours, birthday, block and quota are those of the sale, where the programme has it offline."""
    partner = partner_in(PONTA)
    offer = an_offer(
        9, {"kind": "free_entry", "for": ["pupil"]}, partner=partner.number, hours=["08:00-09:00"],
        limits=[{"per": "card_and_offer", "uses": 1, "every": "day"}],
    )  # fmt: skip
    terminal = shop(PONTA, offer)
    terminal.partner.programme.offers.put(OfferRow(4, 9, 2, partner.number, True, NOW_MS - HOUR_MS, ""))
    sold_ms = NOW_MS - 26 * HOUR_MS  # the day before at 08:00 in Ponta, which is at 00:00 UTC in summer
    grown_today = Held(0, 2, 1, TODAY, 2, 1_000_000, None)
    blocked_since = ((NOW_MS - HOUR_MS) << 4 | 0,)
    holder = HeldCard(8, 4, 1, None, blocked_since, grown_today)

    def advise(at_ms: int) -> Decision:
        message = BenefitAdvice(1, at_ms // 1000, "", EntryMode.TAPPED, 9, 700, SEEN_ALL)
        return decide_benefit_advice(message, terminal, holder, NOW)

    decision = advise(sold_ms)
    assert (decision.code, decision.more and decision.more.discount_grosze) == (0, 700)
    assert decision.more is not None
    assert decision.more.quotas[0] == QuotaLeg(8, 9 << 3 | 0, TODAY - 1, 1)
    assert advise(sold_ms + HOUR_MS).code == ResultCode.BENEFIT_NOT_NOW
    assert advise(NOW_MS).code == ResultCode.CARD_BLOCKED
    assert advise(NOW_MS - 80 * HOUR_MS).code == ResultCode.ADVICE_OUT_OF_TIME


@given(
    st.sampled_from(["EARN", "REDEEM", "USE"]),
    st.integers(-5, 300_000),
    st.sampled_from([0, 8, 9, 40, 100, 250]),
    st.sampled_from([CHILD, ADULT, YOUTH | ADULT]),
    st.integers(0, 2),
    st.booleans(),
    st.sampled_from([CZESTOCHOWA, ZYWIEC, ZGIERZ, PONTA]),
)
def test_a_quote_is_the_decision_of_its_operation(
    operation: str, amount: int, number: int, kinds: int, status: int, stale: bool, rules: Rules
) -> None:
    """In every programme, for every card, amount and number: the same decision at the same moment."""
    partner = partner_in(rules).number
    terminal = shop(rules, an_offer(9, {"kind": "amount_off", "off_grosze": 250}, partner=partner, limits=[
        {"per": "offer", "uses": 3, "every": "month"}
    ]))  # fmt: skip
    of = HeldCard(8, rules.programme.number, status, held=held(kinds))
    at = Moment(NOW_MS, is_stale=stale)
    head = (1, 0, "", EntryMode.TAPPED)
    real, by = {
        "EARN": (decide_earn(Earn(*head, amount), terminal, of, at), Earn),
        "REDEEM": (decide_redeem(Redeem(*head, number, amount), terminal, of, at), Redeem),
        "USE": (
            decide_benefit_use(BenefitUse(*head, number, amount, SEEN_ALL), terminal, of, at),
            BenefitUse,
        ),
    }[operation]
    assert decide_quote(Quote(*head, TYPE_OF[by], amount, number), terminal, of, at) == real


def test_a_verify_lists_what_a_use_would_be_granted_page_by_page() -> None:
    """For 60 offers, some not for the card: the list is what may be used, page by page."""
    offers = [here(n, TENTH if n % 3 else HALF, confirm=["photo_id"] if n % 2 else []) for n in range(1, 61)]
    terminal, holder = shop(ZGIERZ, *offers), card(ZGIERZ)
    granted = [n for n in range(1, 61) if not use(terminal, holder, offer=n).code]
    first = decide_verify(Verify(1, 0, "", SWIPED, 0), terminal, holder, NOW)
    assert (first.code, len(first.found)) == (0, limits.BENEFITS_MAX)
    second = decide_verify(Verify(1, 0, "", SWIPED, first.next_after), terminal, holder, NOW)
    assert second.next_after == 0
    assert [found.offer for found in (*first.found, *second.found)] == granted
    for found in first.found:
        more = use(terminal, holder, offer=found.offer).more
        assert more is not None
        assert found.checks == more.checks == 5


def test_each_benefit_says_what_it_asks_for_itself() -> None:
    """Żywiec § 4 asks for a document in doubt only: one offer that wants it always asks for no other."""
    partner = partner_in(ZYWIEC).number
    anybody = {"kind": "percent", "percent": 10}
    offers = [here(n, anybody, partner=partner, confirm=["photo_id"] * (n == 8)) for n in (7, 8, 9)]
    page = decide_verify(Verify(1, 0, "", SWIPED, 0), shop(ZYWIEC, *offers), card(ZYWIEC), NOW)
    assert [(found.offer, found.checks) for found in page.found] == [(7, 4), (8, 5), (9, 4)]


def test_a_refund_names_a_sale_of_the_same_partner() -> None:
    """Whatever the state of the card what a sale gave is taken back; elsewhere there was no such sale."""
    terminal = shop(CZESTOCHOWA)
    other = till(terminal.partner, number=71)

    def refund(of: Card | int, at: int, amount: int = 100) -> Decision:
        return decide_refund(Refund(5, 0, "", SWIPED, at, 3, amount), terminal, of, NOW)

    decision = refund(Card(8, 1, 1), other.number)
    assert (decision.code, decision.original_stan, decision.amount_grosze) == (0, 3, 100)
    assert decision.more is not None
    assert (decision.more.original_terminal, decision.more.may_go_below) == (71, True)
    assert refund(Card(8, 1, 0), 99).code == ResultCode.ORIGINAL_UNKNOWN
    assert refund(Card(8, 1, 0), 71, -1).code == ResultCode.AMOUNT_NEGATIVE
    assert refund(Card(8, 2, 0), 71).code == ResultCode.CARD_OTHER_PROGRAMME
    assert refund(int(ResultCode.CARD_UNKNOWN), 71).code == ResultCode.CARD_UNKNOWN


@pytest.mark.parametrize(
    ("rules", "may"), [(CZESTOCHOWA, True), (ZYWIEC, True), (ZGIERZ, True), (PONTA, False)]
)
def test_a_refund_goes_below_zero_where_the_rules_let_it(rules: Rules, may: bool) -> None:
    """Points that were spent since are owed in the three cities; a fourth (§ 6) gives nothing back then."""
    terminal = shop(rules)
    of = Card(8, rules.programme.number, 0)
    decision = decide_refund(Refund(5, 0, "", SWIPED, terminal.number, 3, 100), terminal, of, NOW)
    assert decision.code == 0
    assert decision.more is not None
    assert decision.more.may_go_below is may
