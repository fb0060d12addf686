"""What an offers file may say: every key bounded, every contradiction refused with the key and the reason."""

import re
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.rules.offer_checks import check_codes, check_languages, check_offer
from switch.rules.offer_faults import OfferError
from switch.rules.offers import (
    Codes,
    decode_offer,
    encode_offer,
    parse_hours,
    parse_offers,
    read_offer,
)
from switch.rules.programme import parse_rules

WHOLE = """
programme = "zgierz"

[[offer]]
number = 7
partner = 1001
outlets = [1, 2]
name = { pl = "Basen -50 %", en = "Pool -50 %" }
text = { pl = "Połowa ceny biletu na basen.", en = "Half the price of a ticket." }
goods = { pl = "bilet na basen", en = "pool ticket" }
from = 2027-01-01
to = 2027-12-31
days = ["mon", "tue"]
hours = ["08:00-12:00", "22:00-02:00"]
combines = false
confirm = ["photo_id", "guardian_id"]
limits = [
  { per = "card_and_offer", uses = 2, every = "week" },
  { per = "offer", uses = 500, every = "month" },
]
max_discount_grosze = 2000

[[offer.benefits]]
for = ["child", "junior"]
kind = "percent"
percent = "12.5"

[[offer.benefits]]
for = ["senior"]
flags = ["FAMILY"]
kind = "fixed_price"
price_grosze = 500
"""
FREE = '[[offer.benefits]]\nkind = "free_entry"\n'
RULES = Path(__file__).parents[2] / "switch" / "rules" / "programmes"
CODES = Codes.of(["child", "junior", "senior"], ["FAMILY"])
NEW_YEAR = datetime.fromisoformat("2027-01-01T00:00")


def test_a_whole_offer_is_read_and_kept_word_for_word() -> None:
    """Every key there is, read, checked against the programme's codes, and the same after the registry."""
    file = parse_offers(WHOLE)
    (offer,) = file.offer
    check_codes(offer, CODES)
    assert file.programme == "zgierz"
    assert [benefit.kinds for benefit in offer.benefits] == [("child", "junior"), ("senior",)]
    assert offer.benefits[0].discount_grosze(1000) == 125
    assert decode_offer(encode_offer(offer)) == offer
    assert encode_offer(decode_offer(encode_offer(offer))) == encode_offer(offer)


def test_a_percentage_is_kept_in_one_way() -> None:
    """Whichever way it is written, the same offer gives the same text."""
    kept = set()
    for written in ('"12.5"', '"12.50"', '"12,5"', '"012.5"'):
        (offer,) = parse_offers(WHOLE.replace('"12.5"', written)).offer
        kept.add(encode_offer(offer))
    assert len(kept) == 1
    assert '"percent":"12.5"' in kept.pop()
    for written in ("50", '"50"', '"50.00"'):
        assert '"percent":50}' in encode_offer(parse_offers(WHOLE.replace('"12.5"', written)).offer[0])


def test_the_least_offer_is_for_everybody_always() -> None:
    """Number, partner, names, texts and one benefit are enough."""
    offer = read_offer(
        {
            "number": 1,
            "partner": 2,
            "name": {"pl": "Gratis", "en": "Free"},
            "text": {"pl": "Wstęp wolny", "en": "Free entry"},
            "benefits": [{"kind": "free_entry"}],
        }
    )
    check_codes(offer, Codes.of([], []))
    assert (offer.outlets, offer.days, offer.hours, offer.limits, offer.combines) == ((), (), (), (), None)


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('percent = "12.5"', "percent = 101", "benefits[0].percent", "not over 100"),
        ('percent = "12.5"', 'percent = "100.01"', "benefits[0].percent", "not over 100"),
        ('percent = "12.5"', "percent = 0", "benefits[0].percent", "more than 0"),
        ('percent = "12.5"', "percent = 12.5", "benefits[0].percent", "got `float`"),
        ('percent = "12.5"', 'percent = "1e1"', "benefits[0].percent", "is written like 10 or 12.5"),
        ("price_grosze = 500", "price_grosze = 0", "benefits[1].price_grosze", ">= 1"),
        ("price_grosze = 500", "off_grosze = 500", "benefits[1]", "unknown field"),
        ('kind = "percent"', 'kind = "gift"', "benefits[0].kind", "Invalid value 'gift'"),
        ('every = "week"', 'every = "hour"', "limits[0].every", "Invalid enum value"),
        (', every = "week"', "", "limits[0]", "missing required field `every`"),
        ("uses = 2,", "uses = 0,", "limits[0].uses", ">= 1"),
        ('per = "card_and_offer"', 'per = "card"', "limits[0].per", "stands in the programme's rules"),
        ('per = "card_and_offer"', 'per = "programme"', "limits[0].per", "stands in the programme's rules"),
        (
            'per = "offer", uses = 500, every = "month"',
            'per = "card_and_offer", uses = 3, every = "week"',
            "limits",
            "one of them says nothing",
        ),
        ("to = 2027-12-31", "to = 2026-12-31", "to", "never holds"),
        ("to = 2027-12-31", "to = 2027-01-03", "days", "never holds"),
        ('"mon", "tue"', '"mon", "mon"', "days", "twice"),
        ('"mon", "tue"', '"monday"', "days[0]", "Invalid enum value"),
        ("08:00-12:00", "08:00-08:00", "hours", "no time at all"),
        ("08:00-12:00", "24:00-02:00", "hours", "not like"),
        ("08:00-12:00", "8-12", "hours", "not like"),
        ("[1, 2]", "[1, 1]", "outlets", "twice"),
        ("[1, 2]", "[0]", "outlets[0]", ">= 1"),
        ('"photo_id", "guardian_id"', '"guardian_id"', "confirm", "photo_id belongs to it"),
        ("combines = false", "combines = true\nnothing = 1", "(top level)", "unknown field `nothing`"),
        ("Basen -50 %", "Basen" * 7, "name.pl", "1 to 32 bytes"),
        ("Pool -50 %", "", "name.en", "1 to 32 bytes"),
        ("Pool -50 %", "Pool 🏊", "name.en", "a printer can show"),
        ("Half the price of a ticket.", "x" * 501, "text.en", "1 to 500"),
        ("pool ticket", "", "goods.en", "1 to 64"),
        ("number = 7", "number = 100000000", "number", "<= 99999999"),
        ("max_discount_grosze = 2000", "max_discount_grosze = 0", "max_discount_grosze", ">= 1"),
    ],
)
def test_a_contradiction_is_refused_with_key_and_reason(old: str, new: str, key: str, reason: str) -> None:
    """A quota without a period, over 100 percent, hours that are never, from after to, and all the others."""
    assert WHOLE.count(old) == 1
    with pytest.raises(OfferError) as refused:
        parse_offers(WHOLE.replace(old, new), source="oferty.toml")
    told = str(refused.value)
    assert told.startswith("oferty.toml: ")
    assert reason in told
    assert f": key '{key}': " in told
    assert "offer " in told


def test_a_cap_on_a_privilege_and_a_confirmation_that_contradicts_are_refused() -> None:
    """A privilege has no discount to cap; who may combine has nothing to confirm; equal benefits are one."""
    least = {
        "number": 1,
        "partner": 2,
        "name": {"pl": "Szatnia", "en": "Cloakroom"},
        "text": {"pl": "Bez kolejki", "en": "No queue"},
        "benefits": [{"kind": "privilege"}],
    }
    for more, key in (
        ({"max_discount_grosze": 5}, "max_discount_grosze"),
        ({"combines": True, "confirm": ["no_other_discount"]}, "combines"),
        ({"benefits": [{"kind": "privilege"}, {"kind": "privilege"}]}, "benefits"),
        ({"benefits": []}, "benefits"),
    ):
        with pytest.raises(OfferError, match=rf"^key '{key}'"):
            read_offer({**least, **more})


def test_a_number_stands_once_in_a_file() -> None:
    """Two offers of one number: refused, with the number."""
    entry = WHOLE.partition("\n[[offer]]")[2]
    with pytest.raises(OfferError, match="offer 7: key 'number'"):
        parse_offers(WHOLE + "\n[[offer]]" + entry)


@pytest.mark.parametrize(
    ("codes", "key"),
    [
        (Codes.of(["child", "junior"], ["FAMILY"]), r"benefits\[1\].for"),
        (Codes.of(["child", "junior", "senior"], []), r"benefits\[1\].flags"),
    ],
)
def test_a_benefit_nobody_can_get_is_refused(codes: Codes, key: str) -> None:
    """A kind of holder or a flag that the programme has not: key, and what there is instead."""
    (offer,) = parse_offers(WHOLE).offer
    with pytest.raises(OfferError, match=f"offer 7: key '{key}'.*nobody could get it"):
        check_codes(offer, codes)


def test_an_offer_speaks_the_programme_s_languages() -> None:
    """Of a city that speaks English alone: an offer with an English name is in order, one with a Polish one
    beside it is not; name, text and goods are in the same languages.
    """
    english = msgspec.structs.replace(
        rules := parse_rules((RULES / "zgierz.toml").read_bytes()),
        programme=msgspec.structs.replace(rules.programme, languages=("en",)),
    )
    (both,) = parse_offers(WHOLE).offer
    (one,) = parse_offers(re.sub(r'pl = "[^"]*", ', "", WHOLE)).offer
    check_languages(one, english)
    assert (one.name.in_("pl"), both.name.in_("pl")) == ("Pool -50 %", "Basen -50 %")
    with pytest.raises(OfferError, match=r"offer 7: key 'name\.pl': no language of the programme"):
        check_languages(both, english)
    with pytest.raises(OfferError, match=r"offer 7: key 'name\.pl': the name in this language is missing"):
        check_languages(one, rules)
    for key in ("text", "goods"):
        with pytest.raises(OfferError, match=f"offer 7: key '{key}.pl': missing"):
            parse_offers(re.sub(f'({key} = {{ )pl = "[^"]*", ', r"\1", WHOLE))
    with pytest.raises(OfferError, match="offer 7: key 'name': there in none"):
        parse_offers(re.sub(r"name = .*", "name = {}", WHOLE))


@pytest.mark.parametrize("city", ["zgierz", "zywiec"])
def test_an_offer_never_loosens_what_a_programme_says_of_other_discounts(city: str) -> None:
    """Zgierz § 37, Żywiec § 2: `combines = true` is refused by key; to say nothing or `false` is in order."""
    rules = parse_rules((RULES / f"{city}.toml").read_bytes())
    words = WHOLE.partition("[[offer.benefits]]")[0].replace("combines = false", "combines = true")
    (loose,) = parse_offers(words + FREE).offer
    with pytest.raises(OfferError, match="offer 7: key 'combines'"):
        check_offer(loose, rules, NEW_YEAR)
    for said in ("combines = false", ""):
        (sound,) = parse_offers(words.replace("combines = true", said) + FREE).offer
        check_offer(sound, rules, NEW_YEAR)
    points = parse_rules((RULES / "czestochowa.toml").read_bytes())
    check_offer(loose, points, NEW_YEAR)


@pytest.mark.parametrize(
    ("hours", "days", "wall", "is_had"),
    [
        ("", "", "2027-12-31T23:59", True),
        ("", "", "2028-01-01T00:00", False),
        ('hours = ["22:00-02:00"]', "", "2028-01-01T01:59", True),
        ('hours = ["22:00-02:00"]', "", "2028-01-01T02:00", False),
        ('hours = ["23:00-01:00", "22:00-02:00"]', "", "2028-01-01T01:00", True),
        ('hours = ["08:00-12:00"]', "", "2027-12-31T12:00", True),
        ('hours = ["22:00-02:00"]', 'days = ["thu"]', "2027-12-31T01:59", True),
        ('hours = ["22:00-02:00"]', 'days = ["thu"]', "2027-12-31T02:00", False),
        ("", 'days = ["fri"]', "2027-12-31T00:00", True),
        ("", 'days = ["thu"]', "2027-12-30T23:59", True),
        ("", 'days = ["thu"]', "2027-12-31T00:00", False),
        ("", "", "2020-01-01T00:00", True),
    ],
)
def test_an_offer_none_of_whose_days_is_left_is_refused(
    hours: str, days: str, wall: str, is_had: bool
) -> None:
    """The last day is the last, and ends with its hours past midnight; Thursday over is no day."""
    written = WHOLE.replace('hours = ["08:00-12:00", "22:00-02:00"]', hours).replace(
        'days = ["mon", "tue"]', days
    )
    (offer,) = parse_offers(written.partition("[[offer.benefits]]")[0] + FREE).offer
    rules = parse_rules((RULES / "zgierz.toml").read_bytes())
    if is_had:
        check_offer(offer, rules, datetime.fromisoformat(wall))
    else:
        with pytest.raises(OfferError, match=r"offer 7: key .to.: .* nobody could get it"):
            check_offer(offer, rules, datetime.fromisoformat(wall))


@given(st.text(max_size=12))
def test_hours_are_read_or_refused(text: str) -> None:
    """Whatever stands there: minutes of a day, or a ValueError that names the key."""
    try:
        start, until = parse_hours(text)
    except ValueError as error:
        start, until = 0, str(error).index("hours: ") + 1
    assert 0 <= start < 1440
    assert 0 < until <= 1440 or start > until
    assert start != until


@given(st.binary(max_size=200))
def test_any_bytes_are_an_offers_file_or_refused(data: bytes) -> None:
    """Whatever a file holds, only the declared error comes out."""
    with pytest.raises(OfferError):
        parse_offers(data)
