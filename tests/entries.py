"""How the cards of tests are read, where it does not matter."""

from typing import Final

from protocol import EntryMode

SWIPED: Final = EntryMode.SWIPED
