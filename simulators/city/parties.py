"""How a simulated city's invoices name who sells and who buys: made up, for development only.

Owns the made-up names, addresses and tax numbers (NIP). Pure. Invariants: each number has the check digit of
a NIP and begins with 998 or 999; each name and address says that it is an example.
"""

from typing import Final

from ledger.registry.invoice_parties import Seller
from ledger.registry.partner_contracts import Details
from simulators.city.population import Population

_WEIGHTS: Final = (6, 5, 7, 2, 3, 4, 5, 6, 7)
_TOWN: Final = "00-000 Miasto Przykładowe"


def made_up_nip(number: int) -> str:
    """Return a NIP for a number of 1..999999, another for each."""
    for prefix in ("999", "998"):
        digits = f"{prefix}{number % 1_000_000:06}"
        check = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11
        if check < 10:
            return f"{digits}{check}"
    raise AssertionError("of two numbers that differ by 7 in their sum one has a check digit")


def seller_of(population: Population, name: str) -> Seller:
    """Return who invoices for a city's programme of that name."""
    return Seller(
        made_up_nip(population.programme),
        f"Organizator przykładowy programu {name}",
        f"ul. Przykładowa {population.programme}, {_TOWN}",
    )


def details_of(population: Population, index: int) -> Details:
    """Return how documents name partner `index`."""
    return Details(
        f"{population.partner_name(index)} Przykład sp. z o.o.",
        made_up_nip(population.partner_id(index)),
        f"ul. Przykładowa {index + 1}, {_TOWN}",
    )
