"""Card numbers: Luhn, 16 to 19 digits, track 2 with and without sentinels, and garbage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import CardNumberError, luhn_digit, mask_card, parse_card

digits_text = st.text("0123456789", min_size=15, max_size=18)


def reference_luhn(digits: str) -> str:
    """The check digit as ISO/IEC 7812-1 annex B words it: double every other digit from the right."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str((10 - total % 10) % 10)


@given(digits_text)
def test_luhn_digit_is_the_standards(digits: str) -> None:
    """The table-driven sum equals the standard's wording."""
    assert luhn_digit(digits) == reference_luhn(digits)


@given(digits_text, st.text("0123456789", min_size=4, max_size=15), st.booleans(), st.booleans())
def test_every_right_number_is_read_from_every_form(
    payload: str, rest: str, opening: bool, closing: bool
) -> None:
    """16 to 19 digits with their check digit are read keyed and from track 2, each sentinel optional."""
    digits = payload + luhn_digit(payload)
    assert parse_card(digits) == digits
    assert parse_card(";" * opening + digits + "=" + rest + "?" * closing) == digits


@given(digits_text, st.integers(1, 9), st.integers(0, 18))
def test_one_wrong_digit_is_always_found(payload: str, change: int, place: int) -> None:
    """Luhn finds any single wrong digit."""
    digits = payload + luhn_digit(payload)
    place %= len(digits)
    wrong = digits[:place] + str((int(digits[place]) + change) % 10) + digits[place + 1 :]
    with pytest.raises(CardNumberError):
        parse_card(wrong)


@given(st.text())
def test_garbage_raises_nothing_but_the_declared_error(text: str) -> None:
    """Whatever the text, the answer is 16 to 19 digits or CardNumberError, which never repeats the text."""
    try:
        digits = parse_card(text)
    except CardNumberError as error:
        assert len(text) < 4 or text not in str(error)  # noqa: PT017
    else:
        assert 16 <= len(digits) <= 19


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4000000000000003",
        "400000000000002",
        "40000000000000000002",
        "4000 0000 0000 0002",
        " 4000000000000002",
        "4000000000000002\n",
        "４０００００００００００００02",
        "4000000000000002=",
        "4000000000000002=291",
        ";4000000000000002?",
        ";4000000000000002",
        "4000000000000002?",
        ";;4000000000000002=2912?",
        ";4000000000000002=2912??",
        ";4000000000000002=29A2?",
        "%B4000000000000002^KOWALSKI/JAN^2912?",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    """No spaces, no digits of other scripts, no half track, no track 1."""
    with pytest.raises(CardNumberError):
        parse_card(text)


def test_luhn_digit_of_no_digits_is_refused() -> None:
    """Only decimal ASCII digits have a check digit."""
    for text in ("", "12a4", "١٢٣", "1 2"):
        with pytest.raises(CardNumberError):
            luhn_digit(text)


def test_mask_shows_the_last_four() -> None:
    """A masked number has its length and its last four digits, nothing else."""
    assert mask_card("4000000000000002") == "************0002"
    assert mask_card("6304985028090561515") == "***************1515"
