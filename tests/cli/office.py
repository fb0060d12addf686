"""What the tests of the office's commands share; the fixture `run` is in conftest.py."""

from collections.abc import Callable
from pathlib import Path

from protocol import luhn_digit

RULES = Path(__file__).parents[2] / "switch" / "rules" / "programmes" / "czestochowa.toml"
Run = Callable[..., tuple[int, str, str]]
SURE = ("--yes", "--reason", "lost by the holder")


def card(number: int, prefix: str = "96160") -> str:
    """Return a card number of a programme's prefix that passes the Luhn check."""
    payload = f"{prefix}{number:010d}"
    return payload + luhn_digit(payload)
