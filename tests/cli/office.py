"""What the tests of the office's commands share; the fixture `run` is in conftest.py."""

from collections.abc import Callable
from pathlib import Path

from protocol import luhn_digit

RULES = Path(__file__).parents[2] / "switch" / "rules" / "programmes" / "czestochowa.toml"
Run = Callable[..., tuple[int, str, str]]
SURE = ("--yes", "--reason", "lost by the holder")


def card(number: int) -> str:
    """Return a card number that passes the Luhn check."""
    payload = f"400000{number:09d}"
    return payload + luhn_digit(payload)
