"""Columns and cuts: what a reader takes for one character stays whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.rules.text import columns, cut, graphemes, is_plain, wrap

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAGS = "\U0001f1f5\U0001f1f1\U0001f1e8\U0001f1ff"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Kłos", ["K", "ł", "o", "s"]),
        ("a\u0301\u0328b", ["a\u0301\u0328", "b"]),
        (FAMILY + "!", [FAMILY, "!"]),
        (FLAGS, [FLAGS[:2], FLAGS[2:]]),
        ("\U0001f44d\U0001f3fd", ["\U0001f44d\U0001f3fd"]),
        ("", []),
    ],
)
def test_a_grapheme_stays_whole(text: str, pieces: list[str]) -> None:
    """Marks, joined emoji, flags and skin tones belong to what stands before them."""
    assert list(graphemes(text)) == pieces


@given(st.text(), st.integers(0, 80))
def test_a_cut_text_is_the_longest_beginning_that_fits(text: str, bytes_max: int) -> None:
    """At most so many bytes, a beginning of the text, cut where one grapheme ends."""
    kept = cut(text, bytes_max)
    assert len(kept.encode()) <= bytes_max
    assert text.startswith(kept)
    rest = list(graphemes(text))[len(list(graphemes(kept))) :]
    assert kept + "".join(rest) == text
    assert not rest or len((kept + rest[0]).encode()) > bytes_max


def test_a_name_is_not_cut_inside_a_letter() -> None:
    """A partner's name of many bytes loses its last letter whole, not the accent alone."""
    assert cut("xe\u0301", 3) == "x"
    assert cut("xe\u0301", 4) == "xe\u0301"


@pytest.mark.parametrize(
    ("text", "width", "plain"),
    [("Kłos", 4, True), ("e\u0301", 1, False), ("漢", 2, False), ("a\tb", 3, False)],
)
def test_columns(text: str, width: int, plain: bool) -> None:
    """A mark takes none, an ideograph two; plain is what every printer shows as so many columns."""
    assert (columns(text), is_plain(text)) == (width, plain)


@given(st.text(st.characters(exclude_categories=["C", "M"])), st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    """No line is wider than the paper, and all but the spaces is there."""
    lines = wrap(text, width)
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
