"""What a new version of the rules changes, and what of it is to the holders' disadvantage."""

import pytest

from switch.rules.changes import changes, moved_numbers
from switch.rules.programme import parse_rules
from tests.switch.test_rules_refused import CZESTOCHOWA, LIMITS, ONE_LIMIT, ZGIERZ, ZYWIEC, changed

LIMITED = ZGIERZ + LIMITS.format(ONE_LIMIT)

CASES: dict[str, tuple[str, str, str, str, bool]] = {
    "a larger step": (CZESTOCHOWA, "step_grosze = 1000", "step_grosze = 1500", "earn.step_grosze", True),
    "a smaller step": (CZESTOCHOWA, "step_grosze = 1000", "step_grosze = 500", "earn.step_grosze", False),
    "a lower tier": (
        CZESTOCHOWA,
        "value_grosze = 5000",
        "value_grosze = 4000",
        "redeem.tiers[500].value_grosze",
        True,
    ),
    "goods without points": (
        CZESTOCHOWA,
        "excluded = []",
        'excluded = [{ pl = "tytoń", en = "tobacco" }]',
        "earn.excluded",
        True,
    ),
    "a dearer point for partners": (
        CZESTOCHOWA,
        "point_price_grosze = 10",
        "point_price_grosze = 20",
        "settlement.point_price_grosze",
        False,
    ),
    "other words": (CZESTOCHOWA, "Zapraszamy ponownie!", "Do widzenia!", "receipt.pl.footer", False),
    "a shorter validity": (
        ZYWIEC,
        "validity_months = 24",
        "validity_months = 12",
        "card.validity_months",
        True,
    ),
    "no end of validity": (
        ZYWIEC,
        "validity_months = 24",
        "validity_months = 0",
        "card.validity_months",
        False,
    ),
    "a carrier less": (
        CZESTOCHOWA,
        'further_carriers = ["transport", "qr"]',
        'further_carriers = ["transport"]',
        "card.further_carriers",
        True,
    ),
    "a carrier more": (
        ZGIERZ,
        "further_carriers = []",
        'further_carriers = ["qr"]',
        "card.further_carriers",
        False,
    ),
    "a dearer duplicate": (
        ZYWIEC,
        "at_fault_grosze = 1000",
        "at_fault_grosze = 1500",
        "card.duplicate.at_fault_grosze",
        True,
    ),
    "a document in doubt": (
        changed(ZYWIEC, '"in_doubt"', '"none"'),
        'identity = "none"',
        'identity = "in_doubt"',
        "benefits.identity",
        True,
    ),
    "no document": (
        ZGIERZ,
        'identity = "always"\nguardian_for_minors = true',
        'identity = "none"\nguardian_for_minors = false',
        "benefits.identity",
        False,
    ),
    "keyed cards refused": (
        ZYWIEC,
        '"scanned", "tapped", "keyed"',
        '"scanned", "tapped"',
        "terminals.entries",
        True,
    ),
    "keyed cards taken": (
        ZGIERZ,
        '"scanned", "tapped"]',
        '"scanned", "tapped", "keyed"]',
        "terminals.entries",
        False,
    ),
    "seniors a year later": (
        changed(ZGIERZ, "from_age = 61", "from_age = 60"),
        "from_age = 60",
        "from_age = 61",
        "holders.kinds[senior].from_age",
        True,
    ),
    "an earlier end of entitlement": (ZGIERZ, "month = 5", "month = 3", "entitlement.month", True),
    "a tighter limit": (LIMITED, "uses = 3", "uses = 2", "limits.quotas[0].uses", True),
    "a wider limit": (LIMITED, "uses = 3", "uses = 4", "limits.quotas[0].uses", False),
    "less notice": (ZGIERZ, "notice_days = 7", "notice_days = 6", "programme.notice_days", True),
}


@pytest.mark.parametrize("what", CASES)
def test_a_change_is_named_and_judged(what: str) -> None:
    """Zgierz § 34: each key that changes, old and new, and whether some holder loses by it."""
    text, old, new, key, is_worse = CASES[what]
    rules = parse_rules(changed(text, old, new))
    found = {change.key: change for change in changes(parse_rules(text), rules)}
    assert key in found
    assert found[key].is_worse is is_worse
    assert found[key].old != found[key].new


def test_the_same_rules_differ_in_nothing() -> None:
    """No difference, and a file that only says it in another order has none either."""
    assert changes(parse_rules(ZGIERZ), parse_rules(ZGIERZ)) == []
    lines = CZESTOCHOWA.split("\n")
    first = next(n for n, line in enumerate(lines) if "points = 100" in line)
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    assert changes(parse_rules(CZESTOCHOWA), parse_rules("\n".join(lines))) == []


def test_what_is_taken_away_is_worse_and_a_limit_lifted_is_not() -> None:
    """A tier, a kind of goods, a table: gone is worse; without its limit an offer is better."""
    fewer = changed(CZESTOCHOWA, "    { points = 500, value_grosze = 5000 },\n", "")
    gone = changes(parse_rules(CZESTOCHOWA), parse_rules(fewer))
    assert {(change.key, change.new, change.is_worse) for change in gone} == {
        ("redeem.tiers[500].points", None, False),
        ("redeem.tiers[500].value_grosze", None, True),
    }
    lifted = changes(parse_rules(LIMITED), parse_rules(ZGIERZ))
    assert lifted
    assert not any(change.is_worse for change in lifted)
    assert any(change.is_worse for change in changes(parse_rules(ZGIERZ), parse_rules(LIMITED)))


def test_a_bit_that_would_change_its_meaning_is_found() -> None:
    """A kind or flag may come and go, but neither its bit nor its code may mean something else."""
    rules = parse_rules(ZGIERZ)
    swapped = ZGIERZ.replace("bit = 3, code", "bit = 9, code")
    assert moved_numbers(rules, parse_rules(swapped)) == ["holders.kinds[adult].bit"]
    renamed = changed(ZGIERZ, 'code = "family"', 'code = "veteran"')
    assert moved_numbers(rules, parse_rules(renamed)) == ["holders.flags[veteran].bit"]
    assert moved_numbers(rules, parse_rules(ZYWIEC)) == []


def test_a_limit_keeps_its_number_for_what_it_counts() -> None:
    """Uses are counted by number and period: another period wants another number, another bound does not."""
    limited = parse_rules(LIMITED)
    weekly = changed(LIMITED, 'period = "day"', 'period = "week"')
    assert moved_numbers(limited, parse_rules(weekly)) == ["limits.quotas[0].number"]
    assert moved_numbers(limited, parse_rules(changed(weekly, "number = 0", "number = 1"))) == []
    assert moved_numbers(limited, parse_rules(changed(LIMITED, "uses = 3", "uses = 9"))) == []
