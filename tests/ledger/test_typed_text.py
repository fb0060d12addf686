"""What somebody typed, before it enters the registry: what programs put in, and what nobody sees."""

import pytest

from ledger.registry.bounds import is_readable, plain_text

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("600\u00a0100\u202f200", "600 100 200"),
        ("1.\tkarta\u2009\u3000x", "1. karta  x"),
        ("dupli\u00adkat\u200b\ufeff", "duplikat"),
        (f"my {FAMILY}\nZażółć", f"my {FAMILY}\nZażółć"),
        ("a\u202eb\u2066c\x00d\x7f", "a\u202eb\u2066c\x00d\x7f"),
    ],
)
def test_a_text_is_as_a_keyboard_types_it(typed: str, kept: str) -> None:
    """Every space is one, what shows nothing is gone; what turns a text round stays, to be refused."""
    assert plain_text(typed) == kept


@pytest.mark.parametrize(
    ("text", "may_be"),
    [
        (f"Zażółć\n{FAMILY}", True),
        ("\u2764\ufe0f\u200d\U0001f525", True),
        ("Jan\u200dKowalski", False),
        ("\u200d", False),
        (f"{FAMILY}\u200d", False),
        ("a\u202eb", False),
        ("a\u2066b", False),
        ("a\u00a0b", False),
        ("a\x1bb", False),
    ],
)
def test_what_is_written_to_be_read_is_seen(text: str, may_be: bool) -> None:
    """Emoji may be joined; letters joined by what nobody sees, and what turns a text round, are refused."""
    assert is_readable(text) is may_be
