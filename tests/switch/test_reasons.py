"""Every code a terminal can meet has a reason in both languages, and a paragraph."""

import itertools
import re
from pathlib import Path

import pytest

from ledger.books.posting import NOT_JOURNALLED, Kind
from protocol import ResultClass, ResultCode
from switch.flow.operations import OPERATIONS
from switch.rules.programme import Rules
from switch.rules.programme.parts import TOPICS, Rule
from switch.rules.reasons import APPROVALS, OF_OPERATION, REASONS, SPEC, Reason, paragraphs, reason_for
from switch.rules.silent import IN_POLISH, SILENT, in_polish
from tests.switch.test_cities import CZESTOCHOWA, PONTA, ZGIERZ, ZYWIEC

SPEC_PAGE = Path(__file__).parents[2] / "protocol" / "SPEC.md"
ALL = [*REASONS.values(), *APPROVALS.values(), *OF_OPERATION.values()]
POSTED = [kind for kind in Kind if kind in APPROVALS]


def test_every_result_code_and_every_operation_has_its_reason() -> None:
    """No code without one, no approval of a journalled operation without its own; one line, two languages."""
    assert set(REASONS) == set(ResultCode)
    posted = {row.kind for row in OPERATIONS.values() if row.decide and row.kind not in NOT_JOURNALLED}
    assert set(APPROVALS) == posted
    for reason in ALL:
        assert reason.pl != reason.en
        assert all(text.endswith(".") and text.isprintable() for text in (reason.pl, reason.en))


def test_every_place_is_one_of_the_rules_or_of_the_specification() -> None:
    """A key that was renamed, or a section of SPEC.md that is gone, is found."""
    chapters = re.findall(r"^## (\d+)\. ", SPEC_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    everything = [CZESTOCHOWA, ZYWIEC, ZGIERZ, PONTA]
    for place in itertools.chain.from_iterable(reason.places for reason in ALL):
        if place.startswith(SPEC):
            assert place.removeprefix(f"{SPEC}, ") in chapters
            continue
        name, _, key = place.partition(".")
        tables = [table for rules in everything if isinstance(table := getattr(rules, name), Rule)]
        assert tables, place
        assert key in TOPICS or key in tables[0].__struct_fields__, place


@pytest.mark.parametrize("rules", [CZESTOCHOWA, ZYWIEC, ZGIERZ, PONTA])
def test_whatever_a_terminal_is_told_has_a_paragraph(rules: Rules) -> None:
    """Of each code and operation, in each programme that can come to it."""
    without = {
        (code.name, kind.name)
        for code, kind in itertools.product(ResultCode, POSTED)
        if code.result_class is not ResultClass.RETRY and not paragraphs(reason_for(code, kind), rules)
    }
    # What a programme has no table for, no terminal of it can be told.
    impossible = {
        name
        for name, table in (
            ("TIER_UNKNOWN", rules.redeem),
            ("REBATE_OVER_AMOUNT", rules.redeem),
            ("POINTS_INSUFFICIENT", rules.redeem),
            ("AMOUNT_NEGATIVE", rules.redeem),
            ("APPROVED", rules.earn and rules.redeem and rules.benefits),
            ("ENTITLEMENT_ENDED", rules.entitlement),
            ("BENEFIT_NOT_FOR_CARD", rules.holders),
        )
        if table is None
    }
    assert {code for code, _ in without} <= impossible


@pytest.mark.parametrize(
    ("rules", "code", "sections"),
    [
        (ZGIERZ, ResultCode.ENTRY_NOT_ALLOWED, ["Zgierz § 17"]),
        (ZGIERZ, ResultCode.ENTITLEMENT_ENDED, ["Zgierz § 20"]),
        (ZGIERZ, ResultCode.OFFLINE_NOT_ALLOWED, ["Zgierz § 11"]),
        (ZGIERZ, ResultCode.CONFIRMATION_MISSING, ["Zgierz § 17", "Zgierz § 37"]),
        (ZGIERZ, ResultCode.BENEFIT_NOT_FOR_CARD, ["Zgierz § 16"]),
        (ZGIERZ, ResultCode.BENEFIT_UNKNOWN, ["silent: published offers"]),
        (ZYWIEC, ResultCode.BENEFIT_UNKNOWN, ["Żywiec § 4"]),
        (ZYWIEC, ResultCode.PARTNER_SUSPENDED, ["SPEC.md, 7"]),
        (ZYWIEC, ResultCode.CARD_RETAIN, ["Żywiec § 4"]),
        (ZYWIEC, ResultCode.PROGRAMME_ENDED, ["Żywiec § 6"]),
        (ZYWIEC, ResultCode.CARD_EXPIRED, ["Żywiec § 3"]),
        (CZESTOCHOWA, ResultCode.TIER_UNKNOWN, ["Częstochowa, Działanie Programu"]),
        (CZESTOCHOWA, ResultCode.AMOUNT_OVER_LIMIT, ["silent: largest amount"]),
        (CZESTOCHOWA, ResultCode.ADVICE_OUT_OF_TIME, ["silent: late sales"]),
    ],
)
def test_the_paragraph_is_the_one_of_the_document(
    rules: Rules, code: ResultCode, sections: list[str]
) -> None:
    """Document and section, or which default of ours."""
    found = paragraphs(reason_for(code, Kind.EARN), rules)
    assert found[: len(sections)] == sections


def test_an_operation_may_have_a_reason_of_its_own() -> None:
    """Too few points say another thing of a refund than of a redemption."""
    refund, redeem = (reason_for(ResultCode.POINTS_INSUFFICIENT, kind) for kind in (Kind.REFUND, Kind.REDEEM))
    assert isinstance(refund, Reason)
    assert refund != redeem


def test_every_default_of_ours_has_a_polish_name() -> None:
    """What the documents are silent about has two names; what they say is told as it stands."""
    everything = [CZESTOCHOWA, ZYWIEC, ZGIERZ]
    tables = [getattr(rules, name) for rules in everything for name in rules.__struct_fields__]
    tables += [rules.of_corrections() for rules in everything]
    sections = {section for table in tables if table for section in table.source}
    silent = {section.removeprefix(SILENT) for section in sections if section.startswith(SILENT)}
    assert silent == set(IN_POLISH)
    assert in_polish("silent: refunds") == "dokumenty milczą: zwroty"
    assert in_polish("Zgierz § 18") == "Zgierz § 18"


def test_a_quota_used_up_stands_where_the_document_limits_uses() -> None:
    """Zgierz § 18; where a document has no such rule, where the list of offers stands."""
    reason = reason_for(ResultCode.QUOTA_USED_UP, Kind.BENEFIT_USE)
    assert paragraphs(reason, ZGIERZ) == ["Zgierz § 18"]
    assert paragraphs(reason, ZYWIEC) == ["Żywiec § 4"]
