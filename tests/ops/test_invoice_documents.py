"""Documents of a statement: valid by the official schema, whatever the statement, and to the grosz."""

from datetime import UTC, date, datetime
from hashlib import sha256
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.errors import RegistryRefused
from ledger.registry.invoice_billings import Billing
from ledger.registry.invoices import Numbered
from ledger.settlement.statement import Line, Statement
from ops.invoices.drafts import Draft, drafts_of
from ops.invoices.fa3 import NAMESPACE, Parties
from ops.invoices.issuing import write_document
from ops.invoices.schema import FOLDER, check_invoice
from ops.invoices.texts import GROSZE_MAX, money_of
from tests.ops.statements import (
    CITY,
    PARTIES,
    SELLER,
    STATEMENTS,
    ksef_number,
    points,
    rebate,
    statement,
)  # fmt: skip

N = f"{{{NAMESPACE}}}"
NUMBERED = Numbered("F/CZESTOCHOWA/2026/17", date(2026, 12, 3), datetime(2026, 12, 3, 9, 15, tzinfo=UTC))
HERE = Parties(SELLER)
TAX_IDS = ("", " ", "1", "8982145678", "PL", "٨٩٨٢١٤٥٦٧٧", "\x00")


BILLED = Billing("F/CZESTOCHOWA/2026/9", date(2026, 11, 3), ksef_number(date(2026, 11, 3)), False)


def written(
    of: Statement, draft: Draft, parties: Parties = HERE, billed_by: Billing = BILLED
) -> ElementTree.Element:
    corrected = billed_by if draft.kind == "correction" else None
    return ElementTree.fromstring(write_document(of, draft, parties, NUMBERED, corrected))


def first(of: Statement, parties: Parties = HERE) -> ElementTree.Element:
    return written(of, drafts_of(of)[0], parties)


def texts(root: ElementTree.Element, path: str) -> list[str | None]:
    return [found.text for found in root.findall("/".join(N + step for step in path.split("/")))]


def grosze(text: str | None) -> int:
    assert text is not None
    whole, _, part = text.removeprefix("-").partition(".")
    assert len(part) == 2
    return (int(whole) * 100 + int(part)) * (-1 if text.startswith("-") else 1)


@given(STATEMENTS, PARTIES)
def test_whatever_the_statement_its_invoice_is_valid_and_says_its_sums(
    of: Statement, parties: Parties
) -> None:
    """Held to the official schema; read back, its sums are the statement's, and those of its lines."""
    drafts = drafts_of(of)
    assert {draft.kind for draft in drafts} <= {"invoice", "correction", "note"}
    told = [0, 0, 0]
    for draft in drafts:
        root = written(of, draft, parties)
        if draft.kind == "note":
            debit = -1 if root.findtext("Rodzaj") == "Nota obciążeniowa" else 1
            told[2] += debit * grosze(root.findtext("Kwota"))
            assert sum(grosze(row.findtext("Kwota")) for row in root.findall("Pozycja")) == told[2]
            continue
        assert root.tag == f"{N}Faktura"
        net, vat = (
            sum(grosze(text) for n in "123" for text in texts(root, f"Fa/{field}_{n}"))
            for field in ("P_13", "P_14")
        )
        told = [told[0] + net, told[1] + vat, told[2]]
        assert [grosze(text) for text in texts(root, "Fa/P_15")] == [net + vat]
        assert sum(grosze(text) for text in texts(root, "Fa/FaWiersz/P_11")) == net
        for row in root.iter(f"{N}FaWiersz"):
            quantity, price, total = (row.findtext(f"{N}P_{field}") for field in ("8B", "9A", "11"))
            assert int(quantity or "") * grosze(price) == grosze(total)
            assert grosze(price) > 0
        assert texts(root, "Fa/RodzajFaktury") == [{"invoice": "VAT", "correction": "KOR"}[draft.kind]]
        assert net >= 0 or draft.kind == "correction"
    assert told == [of.net_grosze, of.vat_grosze, of.rebates_grosze]


@given(st.text(max_size=600), st.text(max_size=600), st.sampled_from(TAX_IDS))
def test_any_text_makes_a_valid_invoice_or_a_clear_refusal(name: str, address: str, tax_id: str) -> None:
    """Names, addresses and tax numbers of any characters and lengths; a refusal repeats none of them."""
    of = statement(points(100), partner_name=name, address=address, tax_id=tax_id)
    sound = all(0 < len(" ".join(text.split())) <= 512 and " ".join(text.split()).isprintable()
                for text in (name, address))  # fmt: skip
    if sound and not tax_id.strip():
        root = first(of)
        assert texts(root, "Podmiot2/DaneIdentyfikacyjne/Nazwa") == [" ".join(name.split())]
        return
    with pytest.raises(RegistryRefused, match=r"^the partner's (name|address|tax number) "):
        first(of)


def test_an_invoice_says_who_what_and_when() -> None:
    """Points bought and lease; the period is the month; the sum is due some days after the day of issue."""
    lease = Line("lease", 2, 100, 200, 23)
    root = first(
        statement(points(1234), lease),
        Parties(SELLER._replace(due_days=14, bank_account="61109010140000071219812874")),
    )
    assert texts(root, "Podmiot1/DaneIdentyfikacyjne/NIP") == ["8982145677"]
    assert texts(root, "Podmiot2/DaneIdentyfikacyjne/NIP") == ["8982145677"]
    assert texts(root, "Fa/P_2") == [NUMBERED.text]
    assert texts(root, "Fa/OkresFa/P_6_Od") + texts(root, "Fa/OkresFa/P_6_Do") == ["2026-11-01", "2026-11-30"]
    assert texts(root, "Fa/P_13_1") + texts(root, "Fa/P_14_1") == ["125.40", "28.84"]
    assert texts(root, "Fa/FaWiersz/P_8B") == ["1234", "2"]
    assert texts(root, "Fa/FaWiersz/P_9A") == ["0.10", "1.00"]
    assert texts(root, "Fa/Platnosc/TerminPlatnosci/Termin") == ["2026-12-17"]
    assert texts(root, "Fa/DodatkowyOpis/Wartosc") == ["CZ/2026/11/7", "2026-11"]
    assert texts(root, "Podmiot2/JST") == ["2"]
    assert root.findall(f"{N}Podmiot3") == []


@pytest.mark.parametrize(("net", "vat"), [(2, 0), (3, 1), (50, 12), (100, 23), (1150, 265), (-50, -12)])
def test_vat_is_half_up_on_the_net_sum_of_the_document(net: int, vat: int) -> None:
    """Once for the document, not line by line; a negative sum is the mirror of its positive."""
    lines = [
        Line("points_bought", 1 if net > 0 else -1, 1, 1 if net > 0 else -1, 23) for _ in range(abs(net))
    ]
    root = first(statement(*lines))
    assert [grosze(text) for text in texts(root, "Fa/P_14_1")] == [vat]


def test_a_contractor_without_a_tax_number_is_named_all_the_same() -> None:
    """`BrakID` stands for the number; name and address are there."""
    root = first(statement(points(1), tax_id=""))
    assert texts(root, "Podmiot2/DaneIdentyfikacyjne/BrakID") == ["1"]
    assert texts(root, "Podmiot2/Adres/AdresL1") == ["Rynek 2, 42-200 Częstochowa"]


def test_the_unit_of_a_city_is_billed_to_the_city() -> None:
    """The city is the buyer with the mark JST, its unit a third party in the role of a receiver (8)."""
    root = first(statement(points(1), tax_id=""), Parties(SELLER, CITY))
    assert texts(root, "Podmiot2/DaneIdentyfikacyjne/NIP") == [CITY.nip]
    assert texts(root, "Podmiot2/JST") == ["1"]
    assert texts(root, "Podmiot3/DaneIdentyfikacyjne/IDWew") == [CITY.unit_id]
    assert texts(root, "Podmiot3/DaneIdentyfikacyjne/Nazwa") == ["Piekarnia Kłos"]
    assert texts(root, "Podmiot3/Rola") == ["8"]
    own = first(statement(points(1)), Parties(SELLER, CITY._replace(unit_id="")))
    assert texts(own, "Podmiot3/DaneIdentyfikacyjne/NIP") == ["8982145677"]


def test_the_unit_that_invoices_for_its_city_is_named_too() -> None:
    """A town hall is a third party in the role of the issuer's unit (7); the city is the taxpayer."""
    seller = SELLER._replace(unit_name="Urząd Miasta", unit_address="Rynek 1")
    root = first(statement(points(1)), Parties(seller))
    assert texts(root, "Podmiot3/Rola") == ["7"]
    assert texts(root, "Podmiot3/DaneIdentyfikacyjne/BrakID") == ["1"]


def test_a_sale_is_an_invoice_and_what_changes_an_earlier_one_a_correction_of_it() -> None:
    """One for each month of origin, with its lines alone; the month's own sale is never in it."""
    of = statement(
        points(-300, origin="2026-10"), points(-20, origin="2026-09"), points(5), points(4, origin="2026-09")
    )
    drafts = drafts_of(of)
    assert [(draft.kind, draft.origin, draft.net_grosze, draft.vat_grosze) for draft in drafts] == [
        ("invoice", "", 50, 12),
        ("correction", "2026-09", -160, -37),
        ("correction", "2026-10", -3000, -690),
    ]
    assert (of.vat_grosze, of.gross_grosze) == (12 - 37 - 690, 50 - 3160 + 12 - 37 - 690)
    root = written(of, drafts[2])
    assert texts(root, "Fa/RodzajFaktury") == ["KOR"]
    assert texts(root, "Fa/DaneFaKorygowanej/NrFaKorygowanej") == [BILLED.text]
    assert texts(root, "Fa/DaneFaKorygowanej/NrKSeFFaKorygowanej") == [BILLED.ksef_number]
    assert texts(root, "Fa/FaWiersz/P_11") == ["-30.00"]
    assert texts(root, "Fa/PrzyczynaKorekty") == ["Zwroty i storna sprzedaży z miesiąca 2026-10"]
    assert texts(root, "Fa/P_15") == ["-36.90"]
    assert texts(root, "Fa/DaneFaKorygowanej/NrKSeFN") == []
    assert root.find(f"{N}Fa/{N}Platnosc") is None
    outside = written(of, drafts[2], billed_by=BILLED._replace(ksef_number="", is_outside_ksef=True))
    assert texts(outside, "Fa/DaneFaKorygowanej/NrKSeFN") == ["1"]


def entered(grosze: int, reason: str, origin: str = "") -> Line:
    """A correction that a person entered."""
    return Line("correction", 1, grosze, grosze, 23, origin, reason=reason)


def test_a_correction_says_why_and_of_what_it_is() -> None:
    """Returns are told as returns, what was entered by its own reason, which stands in its line, too."""
    of = statement(points(-1, origin="2026-05"), entered(-500, "cena punktu od maja", "2026-05"))
    root = first(of)
    assert texts(root, "Fa/PrzyczynaKorekty") == [
        "Zwroty i storna sprzedaży z miesiąca 2026-05; cena punktu od maja"
    ]
    assert texts(root, "Fa/FaWiersz/P_7") == [
        "Punkty przyznane uczestnikom programu (dotyczy: 2026-05)",
        "Korekta rozliczenia: cena punktu od maja (dotyczy: 2026-05)",
    ]
    alone = first(statement(entered(-500, "x" * 200, "2026-05")))
    assert texts(alone, "Fa/PrzyczynaKorekty") == ["x" * 200]
    many = [entered(-1, letter * 200, "2026-05") for letter in "ab"]
    assert texts(first(statement(*many)), "Fa/PrzyczynaKorekty") == [
        "Korekty rozliczenia z powodów podanych w pozycjach"
    ]


@pytest.mark.parametrize(
    ("lines", "drafts"),
    [
        ([points(10), entered(-40, "x")], [("invoice", 60)]),
        ([points(10), entered(-140, "x")], [("invoice", 100), ("correction", -140)]),
        ([entered(-500, "x")], [("correction", -500)]),
        ([points(1), points(-1, origin="2026-05")], [("invoice", 10), ("correction", -10)]),
        ([entered(1000, "x"), entered(-1000, "x")], []),
        ([points(5, origin="2026-05"), entered(-50, "x", "2026-05")], []),
    ],
)
def test_what_names_no_month_lowers_the_sale_or_stands_apart(
    lines: list[Line], drafts: list[tuple[str, int]]
) -> None:
    """Never below nothing: then the sale is billed whole; and what comes to nothing is no document."""
    assert [(draft.kind, draft.net_grosze) for draft in drafts_of(statement(*lines))] == drafts


def test_rebates_are_a_note_apart_and_owe_no_vat() -> None:
    """Not a line of the invoice; a month with rebates alone has a note alone, one of nothing nothing."""
    both = drafts_of(statement(points(10), rebate(5000)))
    assert [(draft.kind, draft.net_grosze, draft.vat_grosze) for draft in both] == [
        ("invoice", 100, 23),
        ("note", 5000, 0),
    ]
    of = statement(rebate(5000), rebate(-1000))
    (draft,) = drafts_of(of)
    note = written(of, draft)
    assert (note.findtext("Kwota"), note.findtext("Rodzaj")) == ("40.00", "Nota uznaniowa")
    assert drafts_of(statement()) == []
    assert drafts_of(statement(rebate(5), rebate(-5), points(0))) == []


@pytest.mark.parametrize(
    "of",
    [
        statement(points(1), closed_at_ms=None),
        statement(points(1), month="2026-13"),
        statement(points(1), tax_id="8982145678"),
        statement(points(1), partner_name=" "),
        statement(points(1), address=""),
        statement(points(1, rate=19)),
        statement(Line("rebates", 1, 0, 100, 23)),
        statement(Line("lease", 1, 0, 100, None)),
        statement(Line("gift", 1, 0, 100, 23)),
        statement(Line("lease", 2, 100, 201, 23)),
        statement(points(10**16 + 1, 1)),
        statement(Line("correction", 1, 0, GROSZE_MAX + 1, 23)),
        statement(*[points(1)] * 10_001),
    ],
)
def test_what_no_invoice_has_room_for_is_refused(of: Statement) -> None:
    """An open month, an unknown rate or kind, sums and texts out of bounds: each a clear line."""
    with pytest.raises(RegistryRefused) as refused:
        first(of)
    assert "valid by FA(3)" not in str(refused.value)


def test_sums_that_are_not_those_of_the_lines_are_refused() -> None:
    """A statement a grosz off is not invoiced."""
    of = replace(statement(points(100)), vat_grosze=231, gross_grosze=1231, due_grosze=1231)
    with pytest.raises(RegistryRefused, match="sums"):
        drafts_of(of)


def test_the_same_number_gives_the_same_bytes() -> None:
    """A document is a function of the statement, the parties and its number."""
    of = statement(points(3), rebate(10))
    for draft in drafts_of(of):
        assert len({write_document(of, draft, HERE, NUMBERED, None) for _ in range(2)}) == 1


def test_a_document_that_breaks_the_schema_is_refused_without_its_values() -> None:
    """The last guard before a number is taken: the place is told, what stands there is not."""
    of = statement(points(3))
    document = write_document(of, drafts_of(of)[0], HERE, NUMBERED, None)
    for good, bad in ((b">PLN<", b">ZZZ<"), (b"<P_15>0.37</P_15>", b""), (b">8982145677<", b">0982145677<")):
        assert good in document
        with pytest.raises(RegistryRefused, match=r"not valid by FA\(3\)") as refused:
            check_invoice(document.replace(good, bad))
        assert "0982145677" not in str(refused.value)


def test_the_schema_is_the_ministry_s() -> None:
    """Its files are those whose sums schemas/README.md names, with their source."""
    told = (FOLDER / "README.md").read_text(encoding="utf-8")
    files = sorted(FOLDER.glob("*.xsd"))
    assert len(files) == 4
    for file in files:
        assert f"`{file.name}` | `{sha256(file.read_bytes()).hexdigest()}`" in told


@pytest.mark.parametrize(
    ("sum_grosze", "text"),
    [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-1234, "-12.34"), (10**17, "1" + "0" * 15 + ".00")],
)
def test_a_sum_is_told_in_whole_grosze(sum_grosze: int, text: str) -> None:
    """Two digits behind the point always, the sign before, no float in between."""
    assert money_of("it", sum_grosze) == text
