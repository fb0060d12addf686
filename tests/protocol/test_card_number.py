"""Card numbers: Luhn, 16 to 19 digits, track 2 with and without sentinels, and garbage."""

import contextlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol import (
    Balance,
    CardNumberError,
    Earn,
    EarnAdvice,
    Received,
    Redeem,
    Reversal,
    Status,
    encode_request,
    luhn_digit,
    mask_card,
    parse_card,
    without_track_1,
)

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


def with_check_digit(payload: str) -> str:
    return payload + luhn_digit(payload)


numbers = digits_text.map(with_check_digit)
spaces = st.text(" \t\r\n", max_size=3)
after_the_number = st.one_of(
    st.just(""),
    st.builds("".join, st.tuples(st.sampled_from("=Dd"), st.text("0123456789=Dd", max_size=20))),
)
holder_names = st.text(st.characters(exclude_characters="%;?^", exclude_categories=["Cs"]), max_size=26)
noise = st.text("0123456789;=?DdFf%BbEe^ \r\n/A", max_size=300)


@st.composite
def stripes(draw: st.DrawFn, number: str) -> str:
    """Track 2 of a number as some reader may give it."""
    rest = draw(after_the_number)
    filler = draw(st.sampled_from(["", "F", "f"]))
    opening, closing = draw(st.sampled_from(["", ";"])), draw(st.sampled_from(["", "?"]))
    return f"{opening}{number}{rest}{filler}{closing}"


@st.composite
def first_tracks(draw: st.DrawFn, number: str) -> str:
    """Track 1 of a number, and what readers put between two tracks."""
    name, rest = draw(holder_names), draw(st.text("0123456789 ", max_size=20))
    return f"%{draw(st.sampled_from('Bb'))}{number}^{name}^{rest}?{draw(spaces)}"


@given(st.data(), numbers, spaces, spaces)
def test_every_right_number_is_read_from_every_form(
    data: st.DataObject, number: str, before: str, after: str
) -> None:
    """16 to 19 digits with their check digit: keyed, in groups, from any track 2, behind track 1."""
    stripe = data.draw(stripes(number))
    groups = " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    texts = [number, groups, stripe, "%E?" + stripe, data.draw(first_tracks(number)) + stripe]
    assert [parse_card(before + text + after) for text in texts] == [number] * len(texts)


@given(st.data(), numbers, numbers)
def test_two_numbers_in_one_text_are_never_one_card(data: st.DataObject, first: str, second: str) -> None:
    """Two tracks with different numbers, or two readings in a row, are refused: nobody guesses."""
    assume(first != second)
    one, other = data.draw(stripes(first)), data.draw(stripes(second))
    for text in (
        data.draw(first_tracks(first)) + other,
        f"{first} {second}",
        f"{one}\n{other}",
        f"{one};{other}",
    ):
        with pytest.raises(CardNumberError):
            parse_card(text)


@given(numbers, after_the_number, noise)
def test_what_follows_the_separator_never_changes_the_card(number: str, rest: str, tail: str) -> None:
    """Whatever a stripe holds behind its number: the card is that number, or none."""
    with contextlib.suppress(CardNumberError):
        assert parse_card(f";{number}{rest or '='}{tail}") == number


@given(digits_text, st.integers(1, 9), st.integers(0, 18))
def test_one_wrong_digit_is_always_found(payload: str, change: int, place: int) -> None:
    """Luhn finds any single wrong digit."""
    digits = payload + luhn_digit(payload)
    place %= len(digits)
    wrong = digits[:place] + str((int(digits[place]) + change) % 10) + digits[place + 1 :]
    with pytest.raises(CardNumberError):
        parse_card(wrong)


@given(st.text() | noise)
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
        "４０００００００００００００02",
        ";;4000000000000002=2912?",
        ";4000000000000002=2912??",
        ";4000000000000002=29A2?",
        "%B4000000000000002^KOWALSKI/JAN^2912?",
        "%B4000000000000003^KOWALSKI/JAN^2912?;4000000000000002=2912?",
        "4000  0000 0000 0002",
        "4000000000000002FF",
        "4000000000000002F2912",
        "+4000000000000002=2912?",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    """No digits of other scripts, no half number, no track 1 alone, nothing twice."""
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


@pytest.mark.parametrize("piece", ["4", "4 ", ";", "=", "D", " ", "%B4000000000000002^", "^", "?"])
def test_a_text_past_the_bound_is_refused_unread(piece: str) -> None:
    """Reading never costs more than 255 characters' time: ten million of them are refused by their number."""
    with pytest.raises(CardNumberError):
        parse_card(piece * 10_000_000)


@given(st.data(), numbers, holder_names)
def test_track_1_does_not_leave_the_terminal(data: st.DataObject, number: str, name: str) -> None:
    """Of a swipe of both tracks only what follows track 1 is sent: the same card, without the name."""
    assume(len(name) > 2 and not name.isdigit())
    stripe = data.draw(stripes(number))
    sent = without_track_1(f"%B{number}^{name}^2912?{stripe}")
    assert (sent, parse_card(sent)) == (stripe, number)
    assert without_track_1(stripe) == stripe


@pytest.mark.parametrize(
    "card", ["4000000000000002", ";4000000000000002=2912?", "4000000000000003", "4" * 255]
)
def test_no_message_prints_its_card(card: str) -> None:
    """What a log or a traceback shows of a request is its last four digits at most, its body not at all."""
    for cls in (Balance, Earn, EarnAdvice, Redeem, Reversal, Status):
        fields = [7] * (len(cls.__struct_fields__) - 3)
        message = cls(1, 2, card, *fields)
        type_byte, body = encode_request(message)
        received = Received(message, type_byte, body)
        for shown in (repr(message), str(message), repr(received), *map(str, message.__rich_repr__())):
            assert "400000000000" not in shown
            assert "444444" not in shown
        assert repr(message).startswith(f"{cls.__name__}(stan=1, terminal_time=2, card=")
