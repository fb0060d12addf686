"""A desk's work with applications by the rules of each city: what lacks, clocks, cards, letters."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.agreements import list_agreements
from ledger.registry.audit import Actor
from ledger.registry.card_fees import Kept
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, find_card, import_cards
from ledger.registry.holders import find_holder, prove_tax
from ledger.registry.installation import adopt_master_key
from ledger.registry.people import find_person
from ledger.registry.programmes import add_programme, add_rules
from ops.office.applications import ApplicationDesk
from ops.office.forms import Form, lacks_of
from ops.office.letters.letter import Letter, as_pdf, as_text
from ops.office.uploads.attachment import check_attachment
from protocol import luhn_digit
from switch.rules.dates import kind_steps
from switch.rules.programme import parse_rules
from tests.days import today
from tests.ledger.books import TESTER
from tests.ops.uploads import png
from tests.switch.memory import MASTER_KEY

FILES = Path(__file__).parents[2] / "switch" / "rules" / "programmes"
ZYWIEC = (FILES / "zywiec.toml").read_text(encoding="utf-8")
ZGIERZ = (FILES / "zgierz.toml").read_text(encoding="utf-8")
ANNA, JAN = Actor("Anna (1)", "application"), Actor("Jan (2)", "application")
DAY = date(2026, 11, 27)
ADULT = Form(
    name="Bożydar Qxyzzy",
    pesel="44051401359",
    address="Rynek 2",
    email="b@poczta.example",
    channel="email",
    pickup="POK 1",
    consent_data=True,
    consent_newsletter=True,
    rules_accepted=True,
)


def with_(form: Form, **changes: Any) -> Form:
    return Form(**{**{name: getattr(form, name) for name in form.__struct_fields__}, **changes})


def number_of(prefix: str, n: int) -> str:
    payload = f"{prefix}{n:010d}"
    return payload + luhn_digit(payload)


def test_what_an_application_lacks_by_the_rules_of_each_city() -> None:
    """Żywiec § 3: a photo, a guardian under 18, co-signed from 16; Zgierz § 9, § 12: tax, contact."""
    zywiec, zgierz = parse_rules(ZYWIEC), parse_rules(ZGIERZ)
    assert lacks_of(ADULT, "first", zywiec, DAY, []) == ["photo"]
    assert lacks_of(ADULT, "first", zywiec, DAY, ["photo"]) == []
    for born, lacks in (
        (date(2010, 11, 28), ["guardian"]),  # 15
        (date(2010, 11, 27), ["guardian", "co_sign"]),  # 16 today
        (date(2008, 11, 28), ["guardian", "co_sign"]),  # 17 until tomorrow
        (date(2008, 11, 27), []),  # 18 today
    ):
        young = with_(ADULT, pesel="", born_on=born)
        assert lacks_of(young, "first", zywiec, DAY, ["photo"]) == lacks, born
        whole = with_(young, guardian="P", co_signed=True)
        assert lacks_of(whole, "first", zywiec, DAY, ["photo"]) == []
    assert lacks_of(with_(ADULT, needs_guardian=True), "first", zywiec, DAY, ["photo"]) == ["guardian"]
    assert lacks_of(ADULT, "first", zgierz, DAY, []) == ["tax_year", "tax"]
    assert lacks_of(with_(ADULT, tax_year=2025), "first", zgierz, DAY, ["tax"]) == []
    for kind in ("first", "renewal"):  # § 9, § 20: a proof counts until 31 May of the year after the next
        old = with_(ADULT, tax_year=2024)
        assert lacks_of(old, kind, zgierz, DAY, ["tax"]) == ["tax_year"]
        assert lacks_of(old, kind, zgierz, date(2026, 5, 31), ["tax"]) == []
        assert lacks_of(old, kind, zgierz, date(2026, 6, 1), ["tax"]) == ["tax_year"]
    assert lacks_of(with_(ADULT, tax_year=2025, email=""), "first", zgierz, DAY, ["tax"]) == ["contact"]
    reader = with_(ADULT, tax_year=2025, rules_accepted=False)  # § 2.1, § 5.12: a first application accepts
    assert lacks_of(reader, "first", zgierz, DAY, ["tax"]) == ["rules"]
    assert lacks_of(reader, "renewal", zgierz, DAY, ["tax"]) == []
    assert lacks_of(reader, "first", zywiec, DAY, ["photo"]) == []
    assert lacks_of(Form(), "first", zywiec, DAY, []) == ["name", "born", "address", "consent", "photo"]
    assert lacks_of(Form(), "renewal", zgierz, DAY, []) == ["tax_year", "tax"]
    assert lacks_of(Form(), "duplicate", zgierz, DAY, []) == []


async def found(owner: Database, programme: int, text: str, cards: int = 4) -> ApplicationDesk:
    """A city by its rules, with cards that were ordered."""
    rules = parse_rules(text)

    async def job(c: Connection) -> None:
        await adopt_master_key(c, TESTER, MASTER_KEY)
        await add_programme(c, TESTER, programme=programme, code=rules.programme.code, name="Miasto")
        steps = rules.holders and kind_steps(rules.holders.bands(), rules.holders.overlap or "both")
        await add_rules(
            c,
            TESTER,
            programme=programme,
            effective_from=datetime(2020, 1, 1, tzinfo=UTC),
            rules_toml=text,
            kind_steps=steps or (),
        )
        token = MASTER_KEY.pepper(programme).token
        numbers = [number_of(rules.card.prefix, n) for n in range(cards)]
        rows = [CardRow(token(n), n[-4:], None, CardStatus.ORDERED) for n in numbers]
        await import_cards(c, TESTER, programme, rows)

    await owner.run(job)
    return ApplicationDesk(owner, MASTER_KEY, programme)


async def attach(desk: ApplicationDesk, number: int, kind: str) -> None:
    await desk.keep(ANNA, number, kind, check_attachment(kind, png()))


async def granted(desk: ApplicationDesk, kind: Any, form: Form, account: int | None = None) -> int:
    number = await desk.take(ANNA, kind, "desk", form, account=account)
    for file in ("photo", "tax"):
        await attach(desk, number, file)
    await desk.verify(ANNA, number)
    await desk.grant(JAN, number)
    return number


async def a_year_ago(owner: Database) -> None:
    """Let what the holder of the first card proved be of the year before."""
    token, year = MASTER_KEY.pepper(3).token(number_of("96162", 0)), today().year - 2
    until = date(year + 2, 5, 31)
    await owner.run(
        lambda c: prove_tax(c, TESTER, token, tax_year=year, entitled_until=until, is_correction=True)
    )


async def test_a_first_card_from_application_to_receipt(owner: Database) -> None:
    """Zgierz § 12, § 8: the holder is added when the card lies ready, the card valid when collected."""
    desk = await found(owner, 3, ZGIERZ)
    form = with_(ADULT, tax_year=today().year - 1, flags=("family",), guardian="Opiekun", needs_guardian=True)
    form = with_(form, proofs_seen=("family",))
    number = await granted(desk, "first", form)
    card = number_of("96162", 0)
    token = MASTER_KEY.pepper(3).token(card)
    for wrong, why in (
        (number_of("96161", 0), "does not begin"),
        (number_of("96162", 77), "no such card"),
        ("9616x", "digits only"),
        (card[:-1] + str((int(card[-1]) + 1) % 10), "check digit"),
    ):
        with pytest.raises(RegistryRefused, match=why):
            await desk.ready(ANNA, number, wrong)
    await desk.ready(ANNA, number, card)
    account = (await owner.run(lambda c: find_card(c, token)))["account"]
    person = await owner.run(lambda c: find_person(c, MASTER_KEY.vault, account))
    assert person is not None
    assert (person.name, person.email, person.pickup) == (form.name, form.email, form.pickup)
    holder = await owner.run(lambda c: find_holder(c, account))
    assert holder is not None
    assert (holder["guardian"], holder["flags"]) == (True, 1)
    assert holder["entitled_until"] == date(today().year + 1, 5, 31)
    consents, who = await owner.run(lambda c: list_agreements(c, MASTER_KEY.vault, token))
    assert {row["kind"] for row in consents} == {"data", "newsletter"}
    assert [row["name"] for row in who] == ["Opiekun"]
    assert await desk.hand_over(ANNA, number) == card[-4:]
    assert (await owner.run(lambda c: find_card(c, token)))["status"] == CardStatus.ACTIVE
    view = await desk.show(number)
    assert (view.row["state"], view.row["account"]) == ("collected", account)
    assert view.form == form
    again = await desk.take(ANNA, "first", "web", form)
    await attach(desk, again, "tax")
    with pytest.raises(RegistryRefused, match="account already"):
        await desk.verify(ANNA, again)


async def test_a_renewal_and_a_duplicate_of_a_holder(owner: Database) -> None:
    """Zgierz § 20: a newer proof prolongs to the end of May, an old one nothing; § 28: a duplicate."""
    desk = await found(owner, 3, ZGIERZ)
    year = today().year
    number = await granted(desk, "first", with_(ADULT, tax_year=year - 1))
    await desk.ready(ANNA, number, number_of("96162", 0))
    await desk.hand_over(ANNA, number)
    account = (await desk.show(number)).row["account"]
    await a_year_ago(owner)
    renewal = await granted(desk, "renewal", Form(tax_year=year - 1), account)
    assert (await desk.show(renewal)).row["state"] == "done"
    holder = await owner.run(lambda c: find_holder(c, account))
    assert holder is not None
    assert holder["entitled_until"] == date(year + 1, 5, 31)
    with pytest.raises(RegistryRefused, match="renews nothing"):
        await desk.take(ANNA, "renewal", "web", Form(tax_year=year - 1), account=account)
    for tax_year in (year, year + 5, year - 3, 1900):
        with pytest.raises(RegistryRefused, match="tax_year"):
            await desk.take(ANNA, "renewal", "web", Form(tax_year=tax_year), account=account)
    lost = await granted(desk, "duplicate", Form(lost=True), account)
    fresh = number_of("96162", 9)
    with pytest.raises(RegistryRefused, match="check digit"):
        await desk.ready(ANNA, lost, number_of("96162", 8)[:-1] + fresh[-1])
    await desk.ready(ANNA, lost, fresh)
    tokens = [MASTER_KEY.pepper(3).token(n) for n in (number_of("96162", 0), fresh)]
    states = [(await owner.run(lambda c, t=token: find_card(c, t)))["status"] for token in tokens]
    assert states == [CardStatus.REPLACED, CardStatus.READY]
    assert await desk.hand_over(ANNA, lost) == fresh[-4:]


async def test_what_a_holder_s_application_says_anew_is_taken_over(owner: Database) -> None:
    """Żywiec § 3: a duplicate for changed data changes them; a renewal's flags, guardian and consents hold
    with it; what is left empty stays, and what does not go with the rest is refused at once.
    """
    desk = await found(owner, 3, ZGIERZ)
    year, vault = today().year, MASTER_KEY.vault
    number = await granted(desk, "first", with_(ADULT, tax_year=year - 1, consent_newsletter=False))
    await desk.ready(ANNA, number, number_of("96162", 0))
    await desk.hand_over(ANNA, number)
    await a_year_ago(owner)
    account = (await desk.show(number)).row["account"]
    with pytest.raises(RegistryRefused, match="born_on"):
        await desk.take(ANNA, "duplicate", "desk", Form(born_on=date(1950, 1, 1)), account=account)
    moved = Form(why="changed-data", name="Bożydar Nowy", address="Rynek 3")
    duplicate = await granted(desk, "duplicate", moved, account)
    await desk.ready(ANNA, duplicate, number_of("96162", 9))
    person = await owner.run(lambda c: find_person(c, vault, account))
    assert person is not None
    assert (person.name, person.address, person.email) == ("Bożydar Nowy", "Rynek 3", ADULT.email)
    assert person.pesel == ADULT.pesel
    await desk.hand_over(ANNA, duplicate)
    said = Form(
        tax_year=year - 1, flags=("family",), proofs_seen=("family",), needs_guardian=True,
        guardian="Opiekun",
        consent_data=True, consent_newsletter=True,
    )  # fmt: skip
    await granted(desk, "renewal", said, account)
    holder = await owner.run(lambda c: find_holder(c, account))
    assert holder is not None
    assert (holder["flags"], holder["guardian"]) == (1, True)
    token = MASTER_KEY.pepper(3).token(number_of("96162", 9))
    consents, who = await owner.run(lambda c: list_agreements(c, vault, token))
    assert sorted(row["kind"] for row in consents) == ["data", "newsletter"]
    assert [row["name"] for row in who] == ["Opiekun"]


async def test_a_desk_sees_what_a_duplicate_costs(owner: Database) -> None:
    """Żywiec § 3: by its cause and the rules until the card is ready, then as it was written down with it."""
    desk = await found(owner, 2, ZYWIEC)
    first = await granted(desk, "first", ADULT)
    assert await desk.fee(await desk.show(first)) is None
    await desk.ready(ANNA, first, number_of("96161", 0))
    await desk.hand_over(ANNA, first)
    account = (await desk.show(first)).row["account"]
    for why, grosze in (("fault", 1_000), ("changed-data", 0)):
        number = await granted(desk, "duplicate", Form(why=why), account)
        wanted = Kept(grosze, True, "", "", None, None, is_owed=False)
        assert await desk.fee(await desk.show(number)) == wanted
        await desk.ready(ANNA, number, number_of("96161", 10 + grosze))
        assert await desk.fee(await desk.show(number)) == wanted
        await desk.hand_over(ANNA, number, "returned")
        assert await desk.fee(await desk.show(number)) == wanted._replace(old_card="returned", is_owed=True)


async def test_the_clock_stands_while_somebody_is_called_and_begins_anew(owner: Database) -> None:
    """Żywiec § 3: 14 days from a correct application; called, 7 days to complete it; what is late is seen."""
    desk = await found(owner, 2, ZYWIEC)
    number = await desk.take(ANNA, "first", "web", ADULT)
    view = await desk.show(number)
    assert (view.row["due_on"], view.lacks) == (today() + timedelta(days=14), ["photo"])
    with pytest.raises(RegistryRefused, match="not whole: photo"):
        await desk.verify(ANNA, number)
    with pytest.raises(RegistryRefused, match="wants a reason"):
        await desk.call(ANNA, number, " ")
    assert await desk.call(ANNA, number, "Brakuje fotografii.") == today() + timedelta(days=7)
    view = await desk.show(number)
    assert (view.row["due_on"], view.reason, view.is_late) == (None, "Brakuje fotografii.", False)
    await attach(desk, number, "photo")
    assert await desk.complete(ANNA, number) == today() + timedelta(days=14)

    async def weeks_later(c: Connection) -> None:
        await c.execute("set session_replication_role = replica")
        await c.execute("update people.application set due_on = due_on - 15")
        await c.execute("set session_replication_role = origin")

    await owner.run(weeks_later)
    assert [view.is_late for view in await desk.due()] == [True]
    await desk.verify(ANNA, number)
    await desk.grant(ANNA, number)
    await desk.ready(ANNA, number, number_of("96161", 0))
    assert [view.is_late for view in await desk.due()] == [False]


async def test_a_page_of_applications_asks_once_for_the_files_of_all(owner: Database) -> None:
    """Each is shown with its own files; three are listed with as many statements as one."""
    desk = await found(owner, 2, ZYWIEC)
    asked: list[str] = []
    listened: list[Connection] = []

    async def listen(connection: Connection) -> None:
        if connection not in listened:
            listened.append(connection)
            connection.add_query_logger(lambda record: asked.append(record.query))

    async def of_a_page() -> tuple[list[list[str]], int]:
        await owner.run(listen)
        asked.clear()
        views = await desk.due()
        return [[file["kind"] for file in view.attachments] for view in views], len(asked)

    await desk.take(ANNA, "first", "desk", with_(ADULT, pesel="", born_on=date(1980, 1, 1)))
    none, few = await of_a_page()
    for number, kinds in enumerate((["photo", "other"], ["other"])):
        form = with_(ADULT, pesel="", born_on=date(1980, 1, 2 + number))
        taken = await desk.take(ANNA, "first", "desk", form)
        for kind in kinds:
            await attach(desk, taken, kind)
    assert (none, few > 0) == ([[]], True)
    files, many = await of_a_page()
    assert files == [[], ["photo", "other"], ["other"]]
    assert many == few


async def test_two_persons_where_the_rules_say_so(owner: Database) -> None:
    """`[second_person] applications`: whoever verified does not decide; another one does."""
    pair = '[second_person]\nsource = ["order 8"]\napplications = true\n\n[applications]'
    text = ZYWIEC.replace("photo_needed = true", "").replace("[applications]", pair)
    desk = await found(owner, 2, text)
    number = await desk.take(ANNA, "first", "desk", ADULT)
    await desk.verify(ANNA, number)
    for act in (desk.grant(ANNA, number), desk.refuse(ANNA, number, "no")):
        with pytest.raises(RegistryRefused, match="second person"):
            await act
    await desk.grant(JAN, number)


async def test_nothing_half_is_left_where_a_step_fails(owner: Database) -> None:
    """A card that has a holder by now: neither the state nor a person, key or consent is written."""
    desk = await found(owner, 2, ZYWIEC)
    first = await granted(desk, "first", ADULT)
    await desk.ready(ANNA, first, number_of("96161", 0))
    other = await granted(desk, "first", with_(ADULT, pesel="", born_on=date(1980, 1, 1)))
    with pytest.raises(RegistryRefused, match="has a holder"):
        await desk.ready(ANNA, other, number_of("96161", 0))
    assert (await desk.show(other)).row["state"] == "granted"
    count = await owner.run(lambda c: c.fetchval("select count(*) from people.person"))
    assert count == 1


async def test_wrong_input_is_refused_and_not_repeated(owner: Database) -> None:
    """Whatever is typed: a fault names the field, never what stood in it; the trail has nothing of it."""
    desk = await found(owner, 2, ZYWIEC)
    for changes in (
        {"name": " "}, {"name": "x" * 201}, {"pesel": "44051401358"}, {"email": "Qxyzzy"},
        {"name": "Qxy\x1b"}, {"born_on": date(2100, 1, 1)}, {"guardian": "x" * 201}, {"flags": ("Qxyzzy",)},
        {"proofs_seen": ("Qxyzzy",)},
        {"channel": "Qxyzzy"}, {"phone": "Qxyzzy", "channel": "sms"}, {"phone": "12345"}, {"email": "Qxy@"},
        {"guardian": "P", "guardian_email": "Qxyzzy"}, {"guardian": "P", "guardian_phone": "Qxyzzy"},
    ):  # fmt: skip
        with pytest.raises(RegistryRefused) as refused:
            await desk.take(ANNA, "first", "web", with_(ADULT, **changes))
        assert "Qxy" not in str(refused.value)
    number = await granted(desk, "first", ADULT)
    await desk.ready(ANNA, number, number_of("96161", 0))
    trail = await owner.run(lambda c: c.fetch("select * from registry.audit"))
    text = json.dumps([dict(row) for row in trail], default=str, ensure_ascii=False)
    assert not [word for word in ("Qxyzzy", ADULT.pesel, ADULT.email, ADULT.address) if word in text]


def test_a_refusal_is_a_letter_with_its_reason() -> None:
    """Żywiec § 3: in writing; as text and as tagged PDF, and what was typed is text in both."""
    reason = 'Brak zameldowania. #read("/etc/passwd") $x$ *y*'
    letter = Letter(
        "refusal", "pl", "Żywiecka Karta Mieszkańca", 7, "first", DAY, DAY,
        ("Bożydar Źdźbło", "Rynek 2"), clerk="Anna", reason=reason,
    )  # fmt: skip
    assert reason in as_text(letter)
    document = pypdf.PdfReader(io.BytesIO(as_pdf(letter)))
    text = " ".join(document.pages[0].extract_text().split())
    assert reason in text
    assert "Bożydar Źdźbło" in text
    assert "Odmowa" in text
    assert document.trailer["/Root"]["/MarkInfo"]["/Marked"]
    for kind in ("call", "receipt"):
        made = as_text(letter._replace(kind=kind, language="en", last4="1234", until=DAY))
        assert "27 November 2026" in made


def test_a_receipt_tells_the_day_of_collection_and_no_reason() -> None:
    """Whenever it is printed: what the application was called for once is no matter of the receipt."""
    letter = Letter(
        "receipt", "en", "Card", 7, "first", DAY, date(2027, 1, 9), ("Anna",), reason="A photo, please.",
        last4="1234", day=date(2027, 1, 5),
    )  # fmt: skip
    made = as_text(letter)
    assert "was collected on 5 January 2027" in made
    assert "photo" not in made
    assert "photo" in as_text(letter._replace(kind="refusal"))
