"""Rules files that contradict themselves: each is refused with the key and the reason, one line."""

import tomllib
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from switch.rules.programme import Rules, RulesError, parse_rules
from switch.rules.programme.contradictions import CHECKS, contradictions

DELIVERED = files("switch").joinpath("rules/programmes")
CZESTOCHOWA, ZYWIEC, ZGIERZ = (
    DELIVERED.joinpath(f"{city}.toml").read_text() for city in ("czestochowa", "zywiec", "zgierz")
)
LIMITS = '\n[limits]\nsource = ["Zgierz § 18"]\nquotas = [{}]\n'
ONE_LIMIT = '{ number = 0, per = "card", period = "day", uses = 3 }'


def refusal(text: str) -> str:
    """Return what a file is refused with; its name and the key come first, and it is one line."""
    with pytest.raises(RulesError) as caught:
        parse_rules(text, source="rules.toml")
    said = str(caught.value)
    assert said.startswith("rules.toml: key '")
    assert "\n" not in said
    return said.removeprefix("rules.toml: ")


def without(text: str, table: str) -> str:
    """Return the file without one table."""
    before, _, rest = text.partition(f"\n[{table}]\n")
    _, bracket, after = rest.partition("\n[")
    assert rest, table
    return before + bracket + after


def without_key(text: str, table: str, key: str) -> str:
    """Return the file without one line of one table."""
    head, mark, rest = text.partition(f"\n[{table}]\n")
    lines = rest.split("\n")
    index = next(n for n, line in enumerate(lines) if line.startswith(f"{key} ="))
    return head + mark + "\n".join(lines[:index] + lines[index + 1 :])


def changed(text: str, old: str, new: str) -> str:
    """Return the file with one thing said otherwise."""
    assert old in text, old
    return text.replace(old, new, 1)


REFUSED: dict[str, tuple[str, str, str]] = {
    "a time zone that is none": (
        changed(ZGIERZ, "Europe/Warsaw", "Europe/Zgierz"),
        "programme.time_zone",
        "no such time zone: 'Europe/Zgierz'",
    ),
    "a section that the table does not name": (
        changed(ZGIERZ, 'offline = "Zgierz § 11"', 'offline = "Zgierz § 12"'),
        "benefits.at.offline",
        "'Zgierz § 12' is none of the table's sections",
    ),
    "a section of a key that is none": (
        changed(ZGIERZ, 'offline = "Zgierz § 11"', 'offlin = "Zgierz § 11"'),
        "benefits.at.offlin",
        "the table has no such key",
    ),
    "a language nobody has texts in": (
        changed(ZGIERZ, '["pl", "en"]', '["pl", "de"]'),
        "programme.languages[1]",
        "Invalid enum value 'de'",
    ),
    "a language twice": (changed(ZGIERZ, '["pl", "en"]', '["pl", "pl"]'), "programme.languages", "twice"),
    "a way of reading cards twice": (
        changed(ZGIERZ, '"scanned"', '"swiped"'),
        "terminals.entries",
        "'swiped' stands there twice",
    ),
    "an unknown way of reading cards": (
        changed(ZGIERZ, '"scanned"', '"guessed"'),
        "terminals.entries[1]",
        "Invalid enum value 'guessed'",
    ),
    "tiers without points": (without(CZESTOCHOWA, "earn"), "redeem", "has no points"),
    "prices of points without points": (
        without(without(CZESTOCHOWA, "earn"), "redeem"),
        "settlement",
        "has no points",
    ),
    "points that cost nothing stated": (
        without(CZESTOCHOWA, "settlement"),
        "settlement",
        "nothing says what they cost",
    ),
    "points and no word of refunds": (without(CZESTOCHOWA, "refund"), "refund", "a sale taken back"),
    "neither points nor benefits": (without(ZYWIEC, "benefits"), "earn", "benefits ([benefits]) or both"),
    "limits without benefits": (
        without(CZESTOCHOWA, "benefits") + LIMITS.format(ONE_LIMIT),
        "limits",
        "has nothing to limit",
    ),
    "a tier worth nothing": (
        changed(CZESTOCHOWA, "value_grosze = 1000", "value_grosze = 0"),
        "redeem.tiers[0].value_grosze",
        "Expected `int` >= 1",
    ),
    "two tiers of the same points": (
        changed(CZESTOCHOWA, "points = 250,", "points = 100,"),
        "redeem.tiers",
        "two tiers of 100 points",
    ),
    "more points for less money": (
        changed(CZESTOCHOWA, "value_grosze = 2500", "value_grosze = 900"),
        "redeem.tiers",
        "250 points are worth 900 grosze and 100 points 1000: more points for less money",
    ),
    "more points for the same money": (
        changed(CZESTOCHOWA, "value_grosze = 2500", "value_grosze = 1000"),
        "redeem.tiers",
        "more points for less money",
    ),
    "no amount that earns": (
        changed(CZESTOCHOWA, "amount_max_grosze = 2000000", "amount_max_grosze = 999"),
        "earn.amount_max_grosze",
        "no amount a terminal may key earns a point",
    ),
    "a duplicate under the number of the original": (
        changed(ZGIERZ, 'number = "new"', 'number = "next_issue"'),
        "card.duplicate.number",
        "a number of its own",
    ),
    "a lease that begins late": (
        changed(CZESTOCHOWA, "from_month = 1,", "from_month = 2,"),
        "lease.prices[0].from_month",
        "month 1",
    ),
    "a lease without a second year": (
        changed(CZESTOCHOWA, "from_month = 13", "from_month = 12"),
        "lease.prices",
        "from month 13 on is not said",
    ),
    "prices of a lease out of order": (
        changed(
            CZESTOCHOWA,
            "    { from_month = 13,",
            "    { from_month = 24, monthly_grosze = 1 },\n    { from_month = 13,",
        ),
        "lease.prices",
        "a later month than the one before",
    ),
    "two kinds of one bit": (changed(ZGIERZ, "bit = 1,", "bit = 0,"), "holders.kinds", "the bit 0"),
    "two kinds of one code": (
        changed(ZGIERZ, 'code = "junior"', 'code = "child"'),
        "holders.kinds",
        "the code 'child'",
    ),
    "two flags of one code": (
        changed(CZESTOCHOWA, 'code = "senior"', 'code = "family"'),
        "holders.flags",
        "the code 'family'",
    ),
    "two flags of one bit": (
        changed(CZESTOCHOWA, "{ bit = 1,", "{ bit = 0,"),
        "holders.flags",
        "the bit 0",
    ),
    "a kind that ends before it begins": (
        changed(ZGIERZ, "from_age = 7, to_age = 12", "from_age = 12, to_age = 7"),
        "holders.kinds[1].to_age",
        "nobody is a 'junior'",
    ),
    "overlapping bands without a rule": (
        changed(ZGIERZ, 'overlap = "both"\n', ""),
        "holders.overlap",
        "'youth' and 'adult' overlap at 18 years, and no rule says which holds",
    ),
    "a gap between bands": (
        changed(ZGIERZ, "from_age = 13", "from_age = 14"),
        "holders.kinds",
        "nobody of 13 years has a kind",
    ),
    "bands that begin late": (
        changed(ZGIERZ, "from_age = 0", "from_age = 3"),
        "holders.kinds",
        "nobody of 0 years",
    ),
    "bands that end": (
        changed(ZGIERZ, "from_age = 61,", "from_age = 61, to_age = 99,"),
        "holders.kinds",
        "nobody of 100 years",
    ),
    "a kind that nobody can be of": (
        changed(
            changed(ZGIERZ, 'overlap = "both"', 'overlap = "older"'),
            "from_age = 13, to_age = 18",
            "from_age = 12, to_age = 60",
        ).replace("from_age = 18, to_age = 60", "from_age = 12, to_age = 60"),
        "holders.kinds",
        "nobody is a 'youth': another kind takes its place at every age",
    ),
    "a name that is missing": (
        changed(ZGIERZ, 'name = { pl = "dziecko", en = "child" }', 'name = { pl = "dziecko" }'),
        "holders.kinds[0].name.en",
        "missing",
    ),
    "a name in a language that is none of the programme's": (
        changed(ZGIERZ, 'pl = "dziecko"', 'de = "Kind", pl = "dziecko"'),
        "holders.kinds[0].name.de",
        "no language of the programme",
    ),
    "a name that no printer has": (
        changed(ZGIERZ, 'pl = "dziecko"', 'pl = "\U0001f476"'),
        "holders.kinds[0].name.pl",
        "not one column wide",
    ),
    "an excluded kind of goods without a translation": (
        changed(CZESTOCHOWA, "excluded = []", 'excluded = [{ pl = "tytoń" }]'),
        "earn.excluded[0].en",
        "missing",
    ),
    "a transition that ends before it begins": (
        changed(ZGIERZ, "applied_until = 2024-04-30", "applied_until = 2023-04-30"),
        "entitlement.transition.applied_until",
        "before applied_from",
    ),
    "an entitlement that ends before the applications": (
        changed(ZGIERZ, "entitled_until = 2024-05-31", "entitled_until = 2024-03-31"),
        "entitlement.transition.entitled_until",
        "ends before the applications do",
    ),
    "an entitlement that ends on a day that never is": (
        changed(changed(ZGIERZ, "\nmonth = 5", "\nmonth = 2"), "\nday = 31", "\nday = 30"),
        "entitlement.day",
        "not every year has a day 30 in month 2",
    ),
    "an entitlement that ends on a day of leap years": (
        changed(changed(ZGIERZ, "\nmonth = 5", "\nmonth = 2"), "\nday = 31", "\nday = 29"),
        "entitlement.day",
        "not every year has a day 29 in month 2",
    ),
    "reliefs that do not add up and go together": (
        changed(ZGIERZ, "stacks = false", "stacks = true"),
        "benefits.stacks",
        "no other discount may be given (alone), and offers go together",
    ),
    "uses that may be stored and never sent": (
        changed(
            changed(ZGIERZ, "offline = false", "offline = true"),
            "advice_age_max_days = 7",
            "advice_age_max_days = 0",
        ),
        "benefits.offline",
        "none may be late",
    ),
    "a guardian's document where nobody is a minor": (
        ZGIERZ.replace(", minor = true", ""),
        "benefits.guardian_for_minors",
        "no kind of holder is for minors",
    ),
    "a guardian's document where none is asked for": (
        changed(ZGIERZ, 'identity = "always"', 'identity = "in_doubt"'),
        "benefits.guardian_for_minors",
        "nobody is asked for a document",
    ),
    "card numbers that could be guessed": (
        changed(ZGIERZ, 'prefix = "96162"', 'prefix = "96162000"'),
        "card.prefix",
        "fewer than 8 digits",
    ),
    "a quota without a period": (
        ZGIERZ + LIMITS.format('{ number = 0, per = "card", uses = 3 }'),
        "limits.quotas[0]",
        "missing required field `period`",
    ),
    "two quotas of one number": (
        ZGIERZ + LIMITS.format(ONE_LIMIT + ", " + ONE_LIMIT.replace("day", "week")),
        "limits.quotas",
        "two have the number 0",
    ),
    "two quotas that say the same": (
        ZGIERZ + LIMITS.format(ONE_LIMIT + ", " + ONE_LIMIT.replace("number = 0", "number = 1")),
        "limits.quotas",
        "two limits per card and day",
    ),
    "an unknown flag in a rule": (
        ZGIERZ + LIMITS.format(ONE_LIMIT.replace(" }", ', flags = ["veteran"] }')),
        "limits.quotas[0].flags",
        "there is no 'veteran' among [[holders.flags]]",
    ),
    "an unknown kind in a rule": (
        ZGIERZ + LIMITS.format(ONE_LIMIT.replace(" }", ', kinds = ["student"] }')),
        "limits.quotas[0].kinds",
        "there is no 'student' among [[holders.kinds]]",
    ),
    "names in more languages than the programme has": (
        changed(ZGIERZ, '["pl", "en"]', '["pl"]'),
        "holders.kinds[0].name.en",
        "no language of the programme",
    ),
    "a language without receipts": (without(ZGIERZ, "receipt.en"), "receipt.en", "are missing"),
    "a text without a translation": (
        without_key(ZGIERZ, "receipt.en", "check_guardian"),
        "receipt.en.check_guardian",
        "the text in this language is missing",
    ),
    "a receipt line too wide for the paper": (
        changed(ZGIERZ, "Karta: {card}", "Numer okazanej przez klienta karty: {card}"),
        "receipt.pl.header",
        "44 columns in 'Numer okazanej przez klienta karty: {card}', and the paper has 32",
    ),
    "a rate of VAT that no document knows": (
        changed(CZESTOCHOWA, "vat_percent = 23", "vat_percent = 16"),
        "settlement.vat_percent",
        "there is no VAT of 16 %, but of 23, 8, 5",
    ),
    "a table without a section": (
        without_key(ZGIERZ, "benefits", "source"),
        "benefits",
        "missing required field `source`",
    ),
    "a table that names no section": (
        changed(ZGIERZ, 'source = ["Zgierz § 5"]', "source = []"),
        "partners.source",
        "length >= 1",
    ),
    "a key that is none": (changed(ZGIERZ, "stacks = false", "stack = false"), "benefits", "unknown field"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_contradictory_file_is_refused_with_key_and_reason(what: str) -> None:
    """Each contradiction is found before anything is published: the key, then why."""
    text, key, reason = REFUSED[what]
    assert tomllib.loads(text)
    said = refusal(text)
    assert said.startswith(f"key '{key}': ")
    assert reason in said


def test_receipts_in_another_language_are_refused() -> None:
    """Receipts in a language the programme does not have would never be printed."""
    said = refusal(changed(ZYWIEC, '["pl", "en"]', '["pl"]'))
    assert said.startswith("key 'receipt.en': no language of the programme")


@pytest.mark.parametrize("text", [CZESTOCHOWA, ZYWIEC, ZGIERZ])
def test_what_is_delivered_contradicts_nothing(text: str) -> None:
    """The three programmes of the house pass every check there is."""
    assert list(contradictions(parse_rules(text))) == []


def test_every_check_has_found_something() -> None:
    """No check is there in vain: each of them refuses at least one of the files above."""
    found: set[Any] = set()
    for text, _, _ in REFUSED.values():
        rules = _shaped(text)
        found |= {check for check in CHECKS if rules is not None and list(check(rules))}
    assert found == set(CHECKS)


def _shaped(text: str) -> Rules | None:
    """Return the rules of a file whose single values stand, contradictions or not."""
    try:
        return msgspec.convert(tomllib.loads(text), Rules)
    except msgspec.ValidationError:
        return None
