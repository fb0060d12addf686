"""Every field of a decision: what the ledger posts and a reprint is reckoned by, not only the code."""

from ledger.books.posting import ANY_ACCOUNT, AccountKind, account_id
from ledger.registry.card_states import CardStatus
from protocol import BenefitAdvice, Earn, Quote, ResultCode, Reversal
from switch.rules.benefits import Terms, benefits_for
from switch.rules.cards import Card
from switch.rules.decide import (
    Decision,
    Moment,
    decide_benefit_advice,
    decide_earn,
    decide_quote,
    decide_reference,
)
from switch.rules.decide.decision import More
from switch.rules.offers import codes_of
from switch.rules.versions import Version
from tests.entries import SWIPED
from tests.switch.test_benefit_decisions import ADULT, NOW, NOW_MS, TENTH, YOUTH, card, here, shop, use
from tests.switch.test_cities import CZESTOCHOWA, ZGIERZ, ZYWIEC

ISSUED = account_id(7, AccountKind.PARTNER_ISSUED)
SOLD_S = NOW_MS // 1_000


def test_points_name_their_account_amount_version_and_step() -> None:
    """An award holds what it is posted against, what was paid, by which rules, and a refund's step."""
    terminal = shop(CZESTOCHOWA)
    of = card(CZESTOCHOWA)
    earned = decide_earn(Earn(1, 0, "", SWIPED, 4_590), terminal, of, NOW)
    assert earned == Decision(0, 4, 4_590, ISSUED, rules_version=1, step_grosze=1_000)
    refused = decide_earn(Earn(1, 0, "", SWIPED, -4_590), terminal, of, NOW)
    assert refused == Decision(int(ResultCode.AMOUNT_NEGATIVE), 0, -4_590, rules_version=1)


def test_a_programme_without_points_keeps_the_amount_and_gives_none() -> None:
    """What was keyed is in the journal, as an amount and not as points."""
    refused = decide_earn(Earn(1, 0, "", SWIPED, 4_590), shop(ZYWIEC), card(ZYWIEC), NOW)
    assert refused == Decision(int(ResultCode.NOT_SUPPORTED), 0, 4_590, rules_version=1)


def test_a_use_names_its_partner_rules_offer_and_what_was_confirmed() -> None:
    """What is granted holds everything the books and a reprint need."""
    terminal = shop(ZGIERZ, here(9, TENTH))
    granted = use(terminal, card(ZGIERZ), amount=1_000, confirmed=5)
    assert granted.more is not None
    assert granted == Decision(
        0,
        amount_grosze=1_000,
        counter_account=ISSUED,
        rules_version=1,
        more=More(
            offer=9, discount_grosze=100, confirmed=5, checks=5, quotas=granted.more.quotas, basis=ADULT
        ),
    )


def test_a_use_that_is_refused_keeps_what_was_asked() -> None:
    """Offer, amount and what the cashier confirmed stand with a refusal; nothing is to be checked."""
    terminal = shop(ZGIERZ, here(9, TENTH))
    assert use(terminal, int(ResultCode.CARD_UNKNOWN), amount=1_000, confirmed=5) == Decision(
        int(ResultCode.CARD_UNKNOWN), amount_grosze=1_000, more=More(offer=9, confirmed=5)
    )
    not_for_card = use(terminal, card(ZGIERZ, YOUTH), amount=1_000, confirmed=5)
    assert not_for_card == Decision(
        int(ResultCode.BENEFIT_NOT_FOR_CARD),
        amount_grosze=1_000,
        rules_version=1,
        more=More(offer=9, confirmed=5, checks=0, basis=YOUTH),
    )


def test_an_offline_use_that_is_refused_names_the_rules_of_its_time() -> None:
    """A late refusal is printed by the version it was judged by; one that could not be judged by none."""

    blocked_card = Card(8, CZESTOCHOWA.programme.number, int(CardStatus.BLOCKED))

    def advice(sold_s: int) -> Decision:
        message = BenefitAdvice(1, sold_s, "", SWIPED, 9, 1_000, 5)
        return decide_benefit_advice(message, shop(CZESTOCHOWA, here(9)), blocked_card, NOW)

    more = More(offer=9, confirmed=5)
    blocked = Decision(int(ResultCode.CARD_BLOCKED), amount_grosze=1_000, rules_version=1, more=more)
    assert advice(SOLD_S) == blocked
    too_old = Decision(int(ResultCode.ADVICE_OUT_OF_TIME), amount_grosze=1_000, more=more)
    assert advice(SOLD_S - 32 * 86_400) == too_old


def test_a_quote_of_no_operation_is_refused() -> None:
    """A type of message that has no price."""
    asked = Quote(1, 0, "", SWIPED, 0, 0, 1_000)
    assert decide_quote(asked, shop(CZESTOCHOWA), card(CZESTOCHOWA), NOW) == Decision(
        int(ResultCode.NOT_SUPPORTED)
    )


def test_a_reference_names_its_original() -> None:
    """And takes any account where the card may only be new here."""
    reversal = Reversal(2, 0, "", SWIPED, 1)
    assert decide_reference(reversal, shop(CZESTOCHOWA), card(CZESTOCHOWA), NOW) == Decision(
        0, original_stan=1
    )
    unknown = int(ResultCode.CARD_UNKNOWN)
    stale = Moment(NOW_MS, is_stale=True)
    assert decide_reference(reversal, shop(CZESTOCHOWA), unknown, stale) == Decision(
        0, original_stan=1, account=ANY_ACCOUNT
    )


def test_a_flag_that_the_programme_no_longer_knows_is_nobody_s() -> None:
    """An offer for holders of such a flag is for none, whatever the bits of a holder's flags."""
    version = Version.of(1, 0, ZGIERZ)
    terms = Terms.of(here(9, {"kind": "free_entry", "flags": ["family"]}), version.codes)
    assert benefits_for(terms, kinds=0, flags=version.codes.flags["family"])
    no_flags = codes_of(ZGIERZ)._replace(flags={})
    forgotten = Terms.of(here(9, {"kind": "free_entry", "flags": ["family"]}), no_flags)
    for flags in (0, 1, 0b1111):
        assert not benefits_for(forgotten, kinds=0, flags=flags)
