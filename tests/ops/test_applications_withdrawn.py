"""A withdrawal that a desk takes down: whose that is, its letter, and how long what was said is kept."""

import io
from datetime import date, timedelta

import pypdf
import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.applications import TOLD
from ops.office.letters.letter import Letter, as_pdf, as_text
from tests.days import today
from tests.ops.test_applications import ADULT, ANNA, DAY, JAN, ZYWIEC, attach, found

PAIR = '[second_person]\nsource = ["order 8"]\napplications = true\n\n[applications]'


async def test_whoever_looked_last_takes_no_withdrawal_down(owner: Database) -> None:
    """Where the rules want two persons; and one does it where they want one."""
    text = ZYWIEC.replace("photo_needed = true", "").replace("[applications]", PAIR)
    desk = await found(owner, 2, text)
    number = await desk.take(ANNA, "first", "desk", ADULT)
    for actor in (ANNA, ANNA._replace(name="ANNA  (1)")):
        with pytest.raises(RegistryRefused, match="second person"):
            await desk.withdraw(actor, number, "telephone")
    assert (await desk.show(number)).row["state"] == "received"
    await desk.withdraw(JAN, number, "telephone", " She rang. \n")
    view = await desk.show(number)
    assert (view.row["state"], view.row["withdrawn_via"], view.reason) == (
        "withdrawn",
        "telephone",
        "She rang.",
    )
    with pytest.raises(RegistryRefused, match="second person"):
        await desk.remove(JAN, number, "telephone")
    await desk.remove(ANNA, number, "telephone")


async def test_one_person_takes_it_down_where_one_decides(owner: Database) -> None:
    """Never without saying which way it was told."""
    desk = await found(owner, 2, ZYWIEC)
    number = await desk.take(ANNA, "first", "desk", ADULT)
    for via in (None, "", "rumour"):
        with pytest.raises(RegistryRefused, match="which way"):
            await desk.withdraw(ANNA, number, via)
    await desk.withdraw(ANNA, number, "message")


async def test_what_ended_is_kept_as_long_as_the_rules_of_its_day_say(owner: Database) -> None:
    """[applications] keep_days; refused or withdrawn, the term is one."""
    desk = await found(owner, 2, ZYWIEC.replace("keep_days = 30", "keep_days = 60"))
    for n, end in enumerate(("refuse", "withdraw")):
        number = await desk.take(ANNA, "first", "desk", ADULT)
        await attach(desk, number, "photo")
        if end == "refuse":
            await desk.refuse(ANNA, number, "No.")
        else:
            await desk.withdraw(ANNA, number, TOLD[n])
        assert (await desk.show(number)).row["keep_until"] == today() + timedelta(days=60)
        with pytest.raises(RegistryRefused, match="is kept until"):
            await desk.remove(JAN, number)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "pl",
            ("Potwierdzenie wycofania wniosku", "27.11.2026", "poproszono o to telefonicznie", "27.12.2026"),
        ),
        ("en", ("application is withdrawn", "27 November 2026", "for by telephone", "27 December 2026")),
    ],
)
def test_a_withdrawal_is_a_letter(language: str, said: tuple[str, ...]) -> None:
    """When, which way, what was noted, and until when it is kept: as text, and as tagged PDF."""
    letter = Letter(
        "withdrawal", language, "Karta", 7, "first", DAY, date(2027, 1, 9), ("Bożydar Źdźbło", "Rynek 2"),
        reason="Rang *twice*.", until=date(2026, 12, 27), day=DAY, told="telephone",
    )  # fmt: skip
    document = pypdf.PdfReader(io.BytesIO(as_pdf(letter)))
    printed = " ".join(document.pages[0].extract_text().split())
    for each in (*said, "Rang *twice*."):
        assert each in as_text(letter)
        assert each in printed
    assert document.trailer["/Root"]["/MarkInfo"]["/Marked"]
    for way in TOLD:
        assert as_text(letter._replace(told=way))
