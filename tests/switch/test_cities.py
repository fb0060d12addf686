"""What the three programmes say, rule by rule with its section; and a fourth city that is one file more."""

from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from ledger.books.posting import Kind
from protocol import Balance, Earn, EntryMode, ResultCode
from switch.rules.benefits import Terms, benefits_for, best_discount, refuse_benefit
from switch.rules.cards import Card
from switch.rules.dates import day_of_number, kinds_on
from switch.rules.decide import Moment, decide_balance, decide_earn
from switch.rules.directory import Partner, Programme
from switch.rules.offer_checks import check_codes
from switch.rules.offers import codes_of, parse_offers
from switch.rules.programme import LANGUAGES, Rules, parse_rules
from switch.rules.programme.benefits import CHECK_ALONE, CHECK_GUARDIAN, CHECK_ID
from switch.rules.receipts import SECTIONS, ReceiptPrinter
from switch.rules.text import columns
from switch.rules.versions import Version
from tests.entries import SWIPED
from tests.switch.memory import CARD
from tests.switch.tills import EVER, till

DELIVERED = files("switch").joinpath("rules/programmes")
CZESTOCHOWA, ZYWIEC, ZGIERZ = (
    parse_rules(DELIVERED.joinpath(f"{city}.toml").read_text())
    for city in ("czestochowa", "zywiec", "zgierz")
)
PONTA = parse_rules(Path(__file__).with_name("fourth_city.toml").read_text(encoding="utf-8"))
AT_MS = int(datetime(2026, 7, 1, 23, 30, tzinfo=UTC).timestamp() * 1000)


def printer_of(rules: Rules) -> ReceiptPrinter:
    return Version.of(1, 0, rules).printer


def partner_in(rules: Rules) -> Partner:
    partner = Partner(7)
    partner.contracts.put(1, EVER)
    partner.programme = Programme(rules.programme.number)
    partner.programme.add_version(Version.of(1, 0, rules))
    partner.programme.choose_version(AT_MS)
    return partner


def kinds_of(rules: Rules, born: date, day: date) -> set[str]:
    assert rules.holders is not None
    mask = kinds_on(rules.holders.bands(), rules.holders.overlap or "both", born, day)
    return {kind.code for kind in rules.holders.kinds if mask >> kind.bit & 1}


# Częstochowa.


def test_czestochowa_lease_and_price_of_points() -> None:
    """Częstochowa, "Oferta dla Partnera": 1 zł net a month, 12 months at least; 1 punkt = 10 gr net."""
    assert CZESTOCHOWA.lease is not None
    assert CZESTOCHOWA.lease.contract_months_min == 12
    assert CZESTOCHOWA.lease.with_services_grosze == CZESTOCHOWA.lease.prices[0].monthly_grosze == 100
    assert CZESTOCHOWA.settlement is not None
    assert CZESTOCHOWA.settlement.point_price_grosze == 10
    assert CZESTOCHOWA.settlement.vat_percent == 23


def test_czestochowa_main_partners_and_adverts() -> None:
    """Częstochowa, "Główni Partnerzy": a limited number; adverts on the prints of terminals."""
    assert CZESTOCHOWA.partners is not None
    assert CZESTOCHOWA.partners.main_max > 0
    assert CZESTOCHOWA.partners.adverts


def test_czestochowa_one_card_for_senior_and_family() -> None:
    """Częstochowa, "O Programie": the card takes the place of the Senior and Rodzina+ cards: two flags."""
    assert CZESTOCHOWA.holders is not None
    assert [flag.code for flag in CZESTOCHOWA.holders.flags] == ["family", "senior"]
    assert CZESTOCHOWA.holders.flags_mask(["senior"]) == 0b10


def test_czestochowa_has_points_and_discounts() -> None:
    """Częstochowa, "Korzyści dla Mieszkańców": partners' own discounts run beside the points."""
    assert CZESTOCHOWA.earn is not None
    assert CZESTOCHOWA.benefits is not None
    assert CZESTOCHOWA.benefits.checks(0, 0) == 0


# Żywiec.


@pytest.mark.parametrize(
    ("issued", "until"),
    [
        (date(2024, 5, 10), date(2026, 5, 10)),
        (date(2024, 2, 29), date(2026, 2, 28)),
        (date(2025, 12, 31), date(2027, 12, 31)),
    ],
)
def test_zywiec_3_a_card_is_valid_for_two_years(issued: date, until: date) -> None:
    """Żywiec § 3: up to two years from the day of issue, by art. 112 of the Civil Code."""
    assert ZYWIEC.card.valid_until(issued) == until


def test_zywiec_3_fees_of_a_duplicate() -> None:
    """Żywiec § 3: 10 zł at fault, nothing for changed data; without a fault nothing is stated."""
    duplicate = ZYWIEC.card.duplicate
    assert (duplicate.at_fault_grosze, duplicate.changed_data_grosze, duplicate.no_fault_grosze) == (
        1000,
        0,
        0,
    )


def test_zywiec_3_lost_entitlement_voids_at_once() -> None:
    """Żywiec § 3: losing the entitlement makes the card void, without notice: not valid that day."""
    assert ZYWIEC.card.notice_until(date(2026, 3, 1)) == date(2026, 2, 28)


def test_zywiec_4_identity_only_in_doubt_and_no_other_discount() -> None:
    """Żywiec § 2 and § 4: a document in doubt; discounts do not combine with those of other cards."""
    assert ZYWIEC.benefits is not None
    assert ZYWIEC.benefits.identity == "in_doubt"
    assert ZYWIEC.benefits.checks(0, 0) == CHECK_ALONE
    assert not ZYWIEC.benefits.stacks


def test_zywiec_4_a_card_may_be_retained() -> None:
    """Żywiec § 4: partners keep a misused card; only there is a terminal told to."""
    assert ZYWIEC.terminals.retain
    assert not CZESTOCHOWA.terminals.retain
    assert not ZGIERZ.terminals.retain


def test_zywiec_has_no_points() -> None:
    """Żywiec: discounts only; earning and redeeming are not supported there."""
    card = Card(8, ZYWIEC.programme.number, 0)
    partner = partner_in(ZYWIEC)
    at = Moment(AT_MS)
    earn = Earn(stan=1, terminal_time=AT_MS // 1000, card=CARD, entry=SWIPED, amount=100)
    balance = Balance(stan=1, terminal_time=AT_MS // 1000, card=CARD, entry=SWIPED)
    assert decide_earn(earn, till(partner), card, at).code == ResultCode.NOT_SUPPORTED
    assert decide_balance(balance, till(partner), card, at).code == ResultCode.NOT_SUPPORTED


# Zgierz.


def test_zgierz_16_eighteen_is_youth_and_adult() -> None:
    """Zgierz § 16: who is 18 is both; the 61st birthday makes a senior."""
    born = date(2008, 5, 17)
    assert kinds_of(ZGIERZ, born, date(2026, 5, 16)) == {"youth"}
    assert kinds_of(ZGIERZ, born, date(2026, 5, 17)) == {"youth", "adult"}
    assert kinds_of(ZGIERZ, born, date(2027, 5, 17)) == {"adult"}
    assert kinds_of(ZGIERZ, date(1965, 5, 17), date(2026, 5, 16)) == {"adult"}
    assert kinds_of(ZGIERZ, date(1965, 5, 17), date(2026, 5, 17)) == {"senior"}


def test_zgierz_10_and_16_family_and_senior_are_flags() -> None:
    """Zgierz § 10 and § 16: a family and a carried-over SENIOR are flags beside the kind."""
    assert ZGIERZ.holders is not None
    assert [flag.code for flag in ZGIERZ.holders.flags] == ["family", "senior"]
    assert ZGIERZ.holders.kinds_mask(["child", "senior"]) == 0b10001


@pytest.mark.parametrize(
    ("age", "checks"),
    [
        (8, CHECK_ID | CHECK_GUARDIAN | CHECK_ALONE),
        (17, CHECK_ID | CHECK_GUARDIAN | CHECK_ALONE),
        (18, CHECK_ID | CHECK_ALONE),
        (70, CHECK_ID | CHECK_ALONE),
    ],
)
def test_zgierz_17_a_document_each_time_of_a_minor_the_guardian_s(age: int, checks: int) -> None:
    """Zgierz § 17 and § 37: card and photo document; a minor without one: the guardian's; no other relief."""
    assert ZGIERZ.holders is not None
    assert ZGIERZ.benefits is not None
    holders = ZGIERZ.holders
    kinds = kinds_on(holders.bands(), "both", date(2000, 1, 1), date(2000 + age, 6, 1))
    assert ZGIERZ.benefits.checks(kinds, holders.minors_mask()) == checks


def test_zgierz_17_no_keyed_cards_and_no_fees() -> None:
    """Zgierz § 17: no card in the hand, no discount; card and duplicate are free."""
    assert ZGIERZ.terminals.entry_bits() == 1 << 1 | 1 << 2 | 1 << 3
    assert ZYWIEC.terminals.entry_bits() == 0b11110
    duplicate = ZGIERZ.card.duplicate
    assert {duplicate.at_fault_grosze, duplicate.no_fault_grosze, duplicate.changed_data_grosze} == {0}


def test_zgierz_20_entitled_until_the_end_of_may() -> None:
    """Zgierz § 20: the card has no end, the entitlement has: tax of 2025 until 31 May 2027."""
    assert ZGIERZ.entitlement is not None
    assert ZGIERZ.entitlement.until(2025) == date(2027, 5, 31)
    assert ZGIERZ.card.valid_until(date(2026, 1, 1)) is None


@pytest.mark.parametrize(
    ("applied", "until"),
    [
        (date(2023, 12, 31), None),
        (date(2024, 1, 1), date(2024, 5, 31)),
        (date(2024, 4, 30), date(2024, 5, 31)),
        (date(2024, 5, 1), None),
    ],
)
def test_zgierz_21_transition(applied: date, until: date | None) -> None:
    """Zgierz § 21: 1 January to 30 April 2024 without proof; the last valid day is 31 May 2024."""
    assert ZGIERZ.entitlement is not None
    assert ZGIERZ.entitlement.until_without_proof(applied) == until


def test_zgierz_33_a_month_s_notice() -> None:
    """Zgierz § 33: after a notice of 31 January the last valid day is the last of February."""
    assert ZGIERZ.card.notice_until(date(2026, 1, 31)) == date(2026, 2, 28)
    assert ZGIERZ.card.notice_until(date(2028, 1, 31)) == date(2028, 2, 29)


def test_zgierz_11_nothing_offline_and_34_seven_days() -> None:
    """Zgierz § 11: verified first, so no offline use; § 34: changes are published seven days ahead."""
    assert ZGIERZ.benefits is not None
    assert not ZGIERZ.benefits.offline
    assert ZGIERZ.programme.notice_days == 7


def test_no_city_that_asks_for_proof_takes_a_sale_made_offline() -> None:
    """An advice is held to the entitlement of its sale; where one counts, nobody has any to prove."""
    proven = [rules for rules in (CZESTOCHOWA, ZYWIEC, ZGIERZ) if rules.entitlement]
    assert proven == [ZGIERZ]
    assert ZGIERZ.earn is None
    assert ZGIERZ.benefits is not None
    assert not ZGIERZ.benefits.offline


# Receipts.


@pytest.mark.parametrize(
    "rules", [CZESTOCHOWA, ZYWIEC, ZGIERZ, PONTA], ids=lambda rules: rules.programme.code
)
@pytest.mark.parametrize("language", range(len(LANGUAGES)))
def test_every_refusal_is_explained_in_the_language_asked_for(rules: Rules, language: int) -> None:
    """Every result code prints its text, in the terminal's language or else the programme's first."""
    spoken, _ = rules.receipt_in(LANGUAGES[language])
    for code in (code for code in ResultCode if code >= 10):
        text = printer_of(rules).text(
            Kind.EARN,
            int(code),
            at_ms=AT_MS,
            last4=1234,
            amount_grosze=0,
            points=0,
            balance=0,
            language=language,
        )
        assert (code.text_pl if spoken == "pl" else code.text_en) in text.replace("\n", " ")


@pytest.mark.parametrize("rules", [CZESTOCHOWA, ZYWIEC, ZGIERZ], ids=lambda rules: rules.programme.code)
def test_both_languages_say_as_much(rules: Rules) -> None:
    """Each part of a receipt shows the same figures in Polish and in English, and no line is too wide."""
    polish, english = rules.receipt.pl, rules.receipt.en
    assert polish is not None
    assert english is not None
    for section in polish.__struct_fields__:
        lines = getattr(polish, section), getattr(english, section)
        figures = [sorted(word for line in part for word in _placeholders(line)) for part in lines]
        assert figures[0] == figures[1], section
        assert all(columns(line) <= 48 for part in lines for line in part)


def _placeholders(line: str) -> list[str]:
    return [part.partition("}")[0] for part in line.split("{")[1:]]


def test_the_same_reply_in_english() -> None:
    """A terminal that asked for English gets the same figures in English words."""
    text = printer_of(CZESTOCHOWA).text(
        Kind.EARN, 0, at_ms=AT_MS, last4=1234, amount_grosze=4590, points=4, balance=104, language=1
    )
    assert text.splitlines() == [
        "Częstochowska Karta Mieszkańca",
        "2026-07-02 01:30",
        "Card: ****1234",
        "Amount paid: 45.90 zł",
        "Points awarded: 4",
        "Points on the card: 104",
        "See you soon!",
    ]


def test_an_approval_a_programme_has_no_words_for_prints_its_header() -> None:
    """A programme without points prints no points; header and footer stand in any case."""
    assert ZYWIEC.receipt.pl is not None
    for kind in SECTIONS:
        text = printer_of(ZYWIEC).text(
            kind, 0, at_ms=AT_MS, last4=1234, amount_grosze=0, points=0, balance=0, original=3
        )
        assert text.startswith("Żywiecka Karta Mieszkańca\n")


# The fourth city.


def test_a_fourth_city_is_a_file_and_nothing_else() -> None:
    """Points, benefits, bands of its own, another time zone, English: loaded, decided, printed."""
    partner = partner_in(PONTA)
    card = Card(8, PONTA.programme.number, 0)
    message = Earn(stan=1, terminal_time=AT_MS // 1000, card=CARD, entry=EntryMode.SCANNED, amount=4590)
    decision = decide_earn(message, till(partner), card, Moment(AT_MS))
    assert (decision.code, decision.points) == (0, 9)
    text = printer_of(PONTA).text(
        Kind.EARN, 0, at_ms=AT_MS, last4=1234, amount_grosze=4590, points=decision.points, balance=9
    )
    assert text.splitlines() == [
        "Ponta City Card",
        "2026-07-01 23:30",
        "Paid: 45.90 zł",
        "Points: 9",
        "Total: 9",
        "Not for tobacco, lottery",
        "tickets, phone top-ups.",
    ]


def test_a_fourth_city_grants_benefits_to_its_own_kinds() -> None:
    """Offers name its kinds and flags; who is a pupil there follows from its file."""
    assert PONTA.holders is not None
    assert PONTA.benefits is not None
    (offer,) = parse_offers(
        """
        programme = "ponta"

        [[offer]]
        number = 1
        partner = 7
        name = { pl = "Basen", en = "Pool" }
        text = { pl = "Zniżka", en = "Discount" }

        [[offer.benefits]]
        kind = "percent"
        percent = 50
        for = ["pupil"]

        [[offer.benefits]]
        kind = "percent"
        percent = 20
        flags = ["islander"]
        """
    ).offer
    check_codes(offer, codes_of(PONTA))
    terms = Terms.of(offer, codes_of(PONTA))
    wall = Version.of(1, 0, PONTA).calendar.wall(AT_MS)
    for born, flags, code, discount in (
        (date(2015, 3, 1), 0, 0, 1000),
        (date(1980, 3, 1), 0, ResultCode.BENEFIT_NOT_FOR_CARD, 0),
        (date(1980, 3, 1), PONTA.holders.flags_mask(["islander"]), 0, 400),
    ):
        kinds = kinds_on(PONTA.holders.bands(), "older", born, day_of_number(wall[0]))
        refusal = refuse_benefit(terms, partner=7, outlet=0, kinds=kinds, flags=flags, wall=wall)
        assert refusal == code
        assert best_discount(benefits_for(terms, kinds=kinds, flags=flags), 2000, None) == discount


def test_a_fourth_city_has_its_own_people_and_limits() -> None:
    """Its own bands, the older kind where two meet, its own flags, checks and quotas."""
    assert kinds_of(PONTA, date(2010, 2, 28), date(2028, 2, 27)) == {"pupil"}
    assert kinds_of(PONTA, date(2010, 2, 28), date(2028, 2, 28)) == {"grown"}
    assert PONTA.holders is not None
    assert PONTA.holders.flags_mask(["islander"]) == 0b1000
    assert PONTA.benefits is not None
    assert PONTA.benefits.checks(0b1, PONTA.holders.minors_mask()) == CHECK_ID | CHECK_GUARDIAN
    assert PONTA.limits is not None
    assert [quota.period for quota in PONTA.limits.quotas] == ["day", "year"]
    assert PONTA.card.valid_until(date(2026, 8, 31)) == date(2029, 8, 31)
    assert PONTA.card.further_carriers == ("qr",)
