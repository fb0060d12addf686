"""The three cities there are programmes of: what their simulated twins are numbered by and named after.

Owns which numbers belong to which city, so that three of them stand in one registry without meeting. The
rules of each are the rules file of that code (`switch/rules/programmes`), its offers the offers file of that
code (`simulators/city/offers`); nothing else tells one city from another. Must not know a rule.
"""

from datetime import UTC, datetime
from importlib import resources
from typing import Final, NamedTuple


class Place(NamedTuple):
    """One city. `begins`: its programme's first day; `flags`: the flags its holders may have, as bits.

    `has_holders`: holders have a date of birth; `is_lapsing`: entitlements end; `is_retaining`: a terminal
    may be told to keep a card; `takes_keyed`: a number may be keyed in.
    """

    programme: int
    code: str
    begins: datetime
    prefix: str
    first_partner: int
    first_terminal: int
    flags: int
    has_holders: bool
    is_lapsing: bool
    is_retaining: bool
    takes_keyed: bool
    districts: tuple[str, ...]

    @property
    def rules_toml(self) -> str:
        """Its rules, as they are delivered with the switch."""
        return _text("switch", f"rules/programmes/{self.code}.toml")

    @property
    def offers_toml(self) -> str:
        """The offers of its first partners."""
        return _text("simulators", f"city/offers/{self.code}.toml")


def _text(package: str, path: str) -> str:
    return resources.files(package).joinpath(path).read_text(encoding="utf-8")


CZESTOCHOWA: Final = Place(
    1, "czestochowa", datetime(2016, 12, 19, tzinfo=UTC), "961600", 1_001, 10_000_001, 0b11,
    has_holders=False, is_lapsing=False, is_retaining=False, takes_keyed=True,
    districts=(
        "Raków", "Tysiąclecie", "Śródmieście", "Lisiniec", "Północ", "Wrzosowiak", "Grabówka", "Stradom",
        "Błeszno", "Ostatni Grosz",
    ),
)  # fmt: skip
ZYWIEC: Final = Place(
    2, "zywiec", datetime(2019, 9, 1, tzinfo=UTC), "961610", 101_001, 20_000_001, 0,
    has_holders=False, is_lapsing=False, is_retaining=True, takes_keyed=True,
    districts=(
        "Śródmieście", "Zabłocie", "Sporysz", "Oczków", "Moszczanica", "Paderewskiego", "Kocurów", "Rudza",
        "Podlesie", "Isep",
    ),
)  # fmt: skip
ZGIERZ: Final = Place(
    3, "zgierz", datetime(2024, 1, 1, tzinfo=UTC), "961620", 201_001, 30_000_001, 0b11,
    has_holders=True, is_lapsing=True, is_retaining=False, takes_keyed=False,
    districts=(
        "Centrum", "Rudunki", "Proboszczewice", "Krzywie", "Chełmy", "Przybyłów", "Piaskowice", "Stępowizna",
        "Kontrewers", "Lućmierz",
    ),
)  # fmt: skip
PLACES: Final = {place.programme: place for place in (CZESTOCHOWA, ZYWIEC, ZGIERZ)}
