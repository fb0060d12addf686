"""A seeded city: its cards, partners, terminals and development keys, each computed from (seed, index).

Owns the numbering of the simulated city: which digits the n-th card has, what is wrong with it, which
partner and terminal come at which index, and the terminals' keys. Nothing is stored: 50,000 cards cost no
memory, and two processes that share a seed agree about every one of them. Writing the city into a registry
is `seeding`.

Must not know: sockets, the database, what any terminal was told.

Invariants: card digits are unique within a population and pass the Luhn check; `index_of` undoes
`card_digits` without a table; the same (seed, sizes) always gives the same city. Keys derived here are
**for development only**: whoever knows the seed knows them, so a production registry must issue its own.
"""

import hashlib
import hmac
import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final

from protocol import luhn_digit
from simulators.city.places import CZESTOCHOWA, PLACES, Place

CARDS_MAX: Final = 100_000_000
TERMINALS_MAX: Final = 100_000
FIRST_TERMINAL: Final = CZESTOCHOWA.first_terminal

_BODY_MODULUS: Final = 10**9
_REPLACEMENTS_FROM: Final = 500_000_000
_STRANGERS_FROM: Final = 900_000_000
_STRANGERS_MAX: Final = 100_000_000

_PECULIAR_EVERY: Final = 250

_PARTNER_KINDS: Final = (
    "Piekarnia", "Apteka", "Księgarnia", "Kwiaciarnia", "Cukiernia", "Drogeria", "Delikatesy", "Optyk",
    "Restauracja", "Kawiarnia", "Sklep Sportowy", "Sklep Zoologiczny", "Papiernik", "Pralnia", "Kino",
    "Basen", "Salon Fryzjerski", "Warzywniak", "Jubiler", "Pizzeria",
)  # fmt: skip
_PARTNER_SIGNS: Final = (
    "Kłos", "Jutrzenka", "Promyk", "Pod Zegarem", "Na Rogu", "Perła", "Przy Alejach", "Pod Kasztanem",
    "Bursztyn", "Przy Rynku", "Jubilat", "Koniczynka", "Pod Lipami", "Nad Wartą", "Zacisze",
)  # fmt: skip
PARTNERS_MAX: Final = len(_PARTNER_KINDS) * len(_PARTNER_SIGNS) * (1 + len(CZESTOCHOWA.districts))


class Peculiarity(IntEnum):
    """What is wrong with a card of the population; one of every 250 cards each."""

    NONE = 0
    BLOCKED = 1
    EXPIRED = 2
    REPLACED = 3
    """The plastic is dead; `replacement_digits` is the duplicate with the same account."""
    RETAIN = 4
    LAPSED = 5
    """Its entitlement has ended; only where entitlements end."""


_PECULIAR_SLOTS: Final = {
    31: Peculiarity.BLOCKED,
    81: Peculiarity.EXPIRED,
    131: Peculiarity.REPLACED,
    181: Peculiarity.RETAIN,
    231: Peculiarity.LAPSED,
}


@dataclass(frozen=True)
class Population:
    """A city of `cards` cards, `partners` partners and `terminals` terminals (0: one per partner).

    The terminals stand at the partners in turn, the last `at_first` of them at the first one. `seed` may be
    any text, `programme` is one of `PLACES`. Sizes: cards 1..100,000,000, partners 1..3,300, terminals up to
    100,000. Raises ValueError for what lies outside of these.
    """

    seed: str
    cards: int = 50_000
    partners: int = 300
    terminals: int = 0
    programme: int = CZESTOCHOWA.programme
    at_first: int = 0

    def __post_init__(self) -> None:
        if self.programme not in PLACES:
            raise ValueError(f"programme must be one of {', '.join(map(str, PLACES))}, not {self.programme}")
        if self.terminals == 0:
            object.__setattr__(self, "terminals", self.partners)
        for name, value, most in (
            ("cards", self.cards, CARDS_MAX),
            ("partners", self.partners, PARTNERS_MAX),
            ("terminals", self.terminals, TERMINALS_MAX),
        ):
            if not 1 <= value <= most:
                raise ValueError(f"{name} must be between 1 and {most}, not {value}")

    @property
    def place(self) -> Place:
        """The city this is one of."""
        return PLACES[self.programme]

    def _secret(self, purpose: str) -> bytes:
        return hashlib.sha256(f"cityswitch population {purpose} {self.seed}".encode()).digest()

    @cached_property
    def _scatter(self) -> tuple[int, int, int]:
        """(multiplier, offset, inverse multiplier) of the permutation that turns an index into the digits."""
        draw = self._secret("cards")
        multiplier = int.from_bytes(draw[:8], "big") % _BODY_MODULUS | 1
        while math.gcd(multiplier, _BODY_MODULUS) != 1:
            multiplier += 2
        offset = int.from_bytes(draw[8:16], "big") % _BODY_MODULUS
        return multiplier, offset, pow(multiplier, -1, _BODY_MODULUS)

    def _digits(self, position: int) -> str:
        multiplier, offset, _ = self._scatter
        payload = f"{self.place.prefix}{(position * multiplier + offset) % _BODY_MODULUS:09d}"
        return payload + luhn_digit(payload)

    def card_digits(self, index: int) -> str:
        """Return the 16 digits of card `index` (0..cards-1)."""
        return self._digits(self._checked(index))

    def replacement_digits(self, index: int) -> str:
        """Return the digits of the duplicate (issue 2) of a card whose peculiarity is REPLACED."""
        if self.peculiarity(index) is not Peculiarity.REPLACED:
            raise ValueError(f"card {index} was not replaced")
        return self._digits(_REPLACEMENTS_FROM + index)

    def stranger_digits(self, number: int) -> str:
        """Return a well-formed card number that nobody was issued, for deliberate bad input."""
        return self._digits(_STRANGERS_FROM + number % _STRANGERS_MAX)

    def track2(self, index: int) -> str:
        """Return the stripe of card `index` as a reader gives it (ISO/IEC 7813 track 2 with sentinels)."""
        expires = "2012" if self.peculiarity(index) is Peculiarity.EXPIRED else "4912"
        return f";{self.card_digits(index)}={expires}101{index % 10**8:08d}?"

    def index_of(self, digits: str) -> int | None:
        """Return the index of the card with these digits (or that they replace); None for a stranger."""
        if len(digits) != 16 or not digits.startswith(self.place.prefix):
            return None
        _, offset, inverse = self._scatter
        position = (int(digits[6:15]) - offset) * inverse % _BODY_MODULUS
        if position < self.cards:
            return position
        index = position - _REPLACEMENTS_FROM
        if 0 <= index < self.cards and self.peculiarity(index) is Peculiarity.REPLACED:
            return index
        return None

    def peculiarity(self, index: int) -> Peculiarity:
        """Return what is wrong with card `index`."""
        found = _PECULIAR_SLOTS.get(self._checked(index) % _PECULIAR_EVERY, Peculiarity.NONE)
        return Peculiarity.NONE if found is Peculiarity.LAPSED and not self.place.is_lapsing else found

    def _checked(self, index: int) -> int:
        if not 0 <= index < self.cards:
            raise ValueError(f"card index {index} is outside 0..{self.cards - 1}")
        return index

    def partner_id(self, index: int) -> int:
        """Return the registry id of partner `index`."""
        if not 0 <= index < self.partners:
            raise ValueError(f"partner index {index} is outside 0..{self.partners - 1}")
        return self.place.first_partner + index

    def partner_name(self, index: int) -> str:
        """Return the shop sign of partner `index`, at most 64 characters, unique in the city."""
        self.partner_id(index)
        branch, place = divmod(index, len(_PARTNER_KINDS) * len(_PARTNER_SIGNS))
        # Neighbouring indexes differ in both words: a list of the first ten partners looks like a street.
        turn, kind_index = divmod(place, len(_PARTNER_KINDS))
        # Cities do not begin with the same shop.
        kind = _PARTNER_KINDS[(kind_index + 7 * (self.programme - 1)) % len(_PARTNER_KINDS)]
        sign = _PARTNER_SIGNS[(kind_index + turn) % len(_PARTNER_SIGNS)]
        return f"{kind} {sign}" if branch == 0 else f"{kind} {sign}, {self.place.districts[branch - 1]}"

    def terminal_id(self, index: int) -> int:
        """Return the terminal number of terminal `index`, as sent in HELLO."""
        if not 0 <= index < self.terminals:
            raise ValueError(f"terminal index {index} is outside 0..{self.terminals - 1}")
        return self.place.first_terminal + index

    def terminal_partner(self, index: int) -> int:
        """Return the partner id that terminal `index` stands at."""
        self.terminal_id(index)
        return self.partner_id(0 if index >= self.terminals - self.at_first else index % self.partners)

    def terminal_key(self, index: int) -> bytes:
        """Return the 32-byte key of terminal `index`, generation 1; for development only."""
        name = self.terminal_id(index).to_bytes(4, "big")
        return hmac.digest(self._secret("terminal keys"), name, "sha256")
