"""Result codes: numbers that never change, an order of precedence, and texts that fit a receipt."""

import re

import pytest

from protocol import ResultClass, ResultCode, limits, result_class

NUMBERS = {
    "APPROVED": 0, "APPROVED_ORIGINAL_UNSEEN": 1, "APPROVED_NOTHING_TO_REVERSE": 2, "TOTALS_DIFFER": 3,
    "TRY_AGAIN": 10, "FEED_STALE": 11, "SYSTEM_ERROR": 12,
    "SUSPENDED_FOR_NOW": 13,
    "NOT_SUPPORTED": 20, "STAN_CONFLICT": 21, "ORIGINAL_MISMATCH": 22, "ORIGINAL_NOT_REVERSIBLE": 23,
    "ORIGINAL_CANCELLED": 24, "STAN_UNKNOWN": 25, "ORIGINAL_NOT_REFUNDABLE": 26, "ORIGINAL_UNKNOWN": 27,
    "PROGRAMME_SUSPENDED": 30, "PARTNER_SUSPENDED": 31, "ADVICE_OUT_OF_TIME": 32, "PROGRAMME_ENDED": 33,
    "OFFLINE_NOT_ALLOWED": 34,
    "CARD_NUMBER_INVALID": 40, "CARD_UNKNOWN": 41, "CARD_OTHER_PROGRAMME": 42, "CARD_RETAIN": 43,
    "CARD_REPLACED": 44, "CARD_BLOCKED": 45, "CARD_NOT_ACTIVE": 46, "CARD_EXPIRED": 47,
    "ENTITLEMENT_ENDED": 48, "ENTRY_NOT_ALLOWED": 49,
    "AMOUNT_ZERO": 50, "AMOUNT_NEGATIVE": 51, "AMOUNT_OVER_LIMIT": 52, "TIER_UNKNOWN": 53,
    "REFUND_OVER_SALE": 54, "BENEFIT_UNKNOWN": 55, "BENEFIT_NOT_FOR_CARD": 56, "BENEFIT_NOT_NOW": 57,
    "CONFIRMATION_MISSING": 58, "BENEFIT_OTHER_PARTNER": 59,
    "POINTS_INSUFFICIENT": 60, "QUOTA_USED_UP": 61, "REBATE_OVER_AMOUNT": 62,
    "BENEFIT_NOTHING_OFF": 63,
}  # fmt: skip


def test_numbers_are_stable() -> None:
    """Terminals in the field and rows in the journal hold these numbers: none ever changes its meaning."""
    assert {code.name: int(code) for code in ResultCode} == NUMBERS
    assert all(ResultCode(number).name == name for name, number in NUMBERS.items())


def test_codes_stand_in_order_of_precedence() -> None:
    """The enum reads top to bottom as the order of precedence: ascending numbers, none used twice."""
    numbers = [int(code) for code in ResultCode]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("code", ResultCode, ids=lambda c: c.name)
def test_every_code_has_its_texts_class_and_iso_code(code: ResultCode) -> None:
    """Each code has both texts, of 1 to 64 bytes on one printable line, a class and an ISO 8583 code."""
    for text in (code.text_pl, code.text_en):
        assert 1 <= len(text.encode()) <= limits.RESULT_TEXT_BYTES_MAX
        assert text.isprintable()
    assert code.text_pl != code.text_en
    assert isinstance(code.result_class, ResultClass)
    assert re.fullmatch(r"[0-9]{2}", code.iso_8583)


def test_classes() -> None:
    """What a terminal does with each code is fixed with the number."""
    by_class = {c: {int(k) for k in ResultCode if k.result_class is c} for c in ResultClass}
    assert by_class[ResultClass.APPROVE] == {0, 1, 2, 3}
    assert by_class[ResultClass.RETRY] == {10, 11, 13}
    assert by_class[ResultClass.FAULT] == {12, 20, 21, 22, 23, 26}
    assert by_class[ResultClass.PICK_UP] == {43}


def test_a_code_from_the_future_has_a_class() -> None:
    """A terminal does not fail on a number younger than itself: its range says what to do."""
    assert {result_class(int(code)) == code.result_class for code in ResultCode} == {True}
    assert [result_class(code) for code in (9, 19, 29, 48, 255)] == [
        ResultClass.APPROVE,
        ResultClass.RETRY,
        ResultClass.FAULT,
        ResultClass.DECLINE,
        ResultClass.DECLINE,
    ]


@pytest.mark.parametrize("language", ["text_pl", "text_en"])
def test_what_changed_nothing_does_not_read_like_an_approval(language: str) -> None:
    """A cashier who reads the text of code 1 or 2 must not believe that points or goods came back."""
    reads_like_effect = re.compile(r"\b(za)?akceptowano|^anulowano|approved|^reversed", re.IGNORECASE)
    without_effect = (ResultCode.APPROVED_ORIGINAL_UNSEEN, ResultCode.APPROVED_NOTHING_TO_REVERSE)
    texts = [getattr(code, language) for code in without_effect]
    assert [text for text in texts if reads_like_effect.search(text)] == []
    assert reads_like_effect.search(getattr(ResultCode.APPROVED, language))


def test_every_text_names_one_outcome() -> None:
    """Two codes never share a text: what the cashier reads tells the outcomes apart."""
    for language in ("text_pl", "text_en"):
        texts = [getattr(code, language) for code in ResultCode]
        assert len(set(texts)) == len(texts)
