"""Statements for the tests of invoices: one in a line, and any that hangs together."""

from datetime import date

from hypothesis import strategies as st

from ledger.registry.invoice_parties import City, Seller
from ledger.registry.ksef_numbers import check_sum
from ledger.settlement.statement import Line, Statement, total
from ledger.settlement.vat import RATES
from ops.invoices.fa3 import Parties
from tests.days import today

MADE_BY_KSEF = "0100001AF629"
"""Twelve digits of its own, as the published example has them."""
SELLER = Seller("8982145677", "Gmina Miasto Częstochowa", "ul. Śląska 11/13, 42-217 Częstochowa")
CITY = City("5265877635", "Gmina Zgierz", "pl. Jana Pawła II 16, 95-100 Zgierz", "5265877635-00012")
CLOSED_AT_MS = 1_796_000_000_000
MONTHS = [f"{year}-{month:02}" for year in (2025, 2026, 2049) for month in range(1, 13)]


def ksef_number(day: date | None = None, nip: str = SELLER.nip) -> str:
    """A number that KSeF could have given an invoice on a day, today else."""
    body = f"{nip}-{day or today():%Y%m%d}-{MADE_BY_KSEF}"
    return f"{body}-{check_sum(body)}"


def points(quantity: int, unit: int = 10, *, origin: str = "", rate: int = 23) -> Line:
    return Line("points_bought", quantity, unit, quantity * unit, rate, origin)


def rebate(grosze: int) -> Line:
    return Line("rebates", 1, 0, grosze, None)


def statement(
    *lines: Line, partner: int = 7, month: str = "2026-11", tax_id: str = "898-214-56-77", **other: object
) -> Statement:
    """A closed statement of these lines."""
    net, vat, gross, rebates, due = total(lines)
    given = {"partner_name": "Piekarnia Kłos", "address": "Rynek 2, 42-200 Częstochowa", **other}
    closed_at_ms = given.pop("closed_at_ms", CLOSED_AT_MS)
    return Statement(
        number=f"CZ/{month.replace('-', '/')}/{partner}",
        programme=1,
        partner=partner,
        month=month,
        tax_id=tax_id,
        lines=lines,
        net_grosze=net,
        vat_grosze=vat,
        gross_grosze=gross,
        rebates_grosze=rebates,
        due_grosze=due,
        days=(),
        closed_at_ms=closed_at_ms,  # type: ignore[arg-type]
        **given,  # type: ignore[arg-type]
    )


_SAID = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=512)
TEXTS = st.one_of(st.sampled_from(["Kino & Bar <3>", 'Sklep "U Żaka"', "x" * 512, "  Dwa   słowa\n"]), _SAID)
_ORIGINS = st.one_of(st.just(""), st.sampled_from(MONTHS), st.just("CZ/2026/10/7"))
_PRODUCTS = st.builds(
    lambda kind, quantity, unit, rate, origin: Line(kind, quantity, unit, quantity * unit, rate, origin),
    st.sampled_from(["points_bought", "lease", "duplicate_fees", "correction", "campaign"]),
    st.integers(-(10**9), 10**9),
    st.integers(-(10**6), 10**6),
    st.sampled_from([23, 23, 23, *RATES]),
    _ORIGINS,
)
_SUMS = st.builds(
    lambda grosze, origin: Line("correction", 1, 0, grosze, 23, origin),
    st.integers(-(10**12), 10**12),
    _ORIGINS,
)
_REBATES = st.builds(
    lambda count, grosze, origin: Line("rebates", count, 0, grosze, None, origin),
    st.integers(-1000, 1000),
    st.integers(-(10**9), 10**9),
    _ORIGINS,
)
STATEMENTS = st.builds(
    lambda lines, month, name, address, tax_id: statement(
        *lines, month=month, partner_name=name, address=address, tax_id=tax_id
    ),
    st.lists(st.one_of(_PRODUCTS, _SUMS, _REBATES), max_size=12),
    st.sampled_from(MONTHS),
    TEXTS,
    TEXTS,
    st.sampled_from(["", "  ", "8982145677", "PL 526-587-76-35"]),
)
"""Any statement that hangs together: sums of both signs, partners with and without a NIP."""
_SELLERS = st.builds(
    lambda unit, account, days: Seller(*SELLER[:3], *unit, account, days),
    st.sampled_from([
        ("", "", ""),
        ("Urząd Miasta", "", ""),
        ("Urząd Miasta", "Rynek 1", "8982145677-00001"),
        ("MZK", "Rynek 2", "5265877635"),
    ]),
    st.sampled_from(["", "PL61109010140000071219812874"]),
    st.integers(0, 365),
)  # fmt: skip
PARTIES = st.builds(Parties, _SELLERS, st.sampled_from([None, CITY, CITY._replace(unit_id="")]))
