"""What an officer sees at the desk: all that is decided on, the own applications, every case, how many were
found; and what is final wants to be said twice.
"""

import re
from datetime import datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ledger.postgres.database import Connection, Database
from ledger.registry.audit import writing
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards
from ops.office import holder_file
from ops.office.forms import Form
from ops.web.desk import holder_pages
from tests.days import today
from tests.ops.uploads import pdf
from tests.web.desk_counter import NOBODY, PROGRAMME, number, send, take
from tests.web.office_stage import TESTER, Client, OfficeStage
from tests.web.test_desk import report

SAID = {
    "address": "Wrzosowisko 4711", "phone": "600 100 200", "email": "qx@poczta.example", "channel": "sms",
    "guardian": "Halina Qxyzzy", "guardian_phone": "600 100 300", "guardian_email": "hq@poczta.example",
    "co_signed": "yes", "needs_guardian": "yes", "consent_newsletter": "yes", "lost": "yes",
    "flags": "family", "proofs_seen": "family", "why": "fault",
}  # fmt: skip


def said(page: str) -> dict[str, str]:
    """What a page says of an application, by field."""
    return {
        name: unescape(re.sub("<[^>]*>", "", text))
        for name, text in re.findall(r'<dd id="said_(\w+)">(.*?)</dd>', page)
    }


def cards(office: OfficeStage, which: tuple[int, ...], status: CardStatus = CardStatus.ACTIVE) -> list[int]:
    """Add cards of the city that are nobody's, once; return their accounts."""
    tokens = [office.master.pepper(PROGRAMME).token(number(n)) for n in which]

    async def job(c: Connection) -> list[int]:
        rows = [CardRow(t, number(n)[-4:], None, status) for t, n in zip(tokens, which, strict=True)]
        await import_cards(c, TESTER, PROGRAMME, rows)
        found = await c.fetch("select account from registry.card where token = any($1)", tokens)
        return [row["account"] for row in found]

    async def run(owner: Database) -> list[int]:
        return await owner.run(job)

    return office.run(run)


def test_who_decides_sees_everything_that_is_decided_on(clerk: Client) -> None:
    """Verified, an application shows every field of its form: flags, consents, signatures, causes."""
    path = take(clerk, **NOBODY, **SAID)
    clerk.get(path)
    assert send(clerk, f"{path}/files", pdf()).status == 303
    clerk.get(path)
    assert clerk.post(path, act="verify").status == 303
    page = said(clerk.get(path).text)
    assert page.keys() == set(Form.__struct_fields__) - {"stood"}, (
        "what stood on file is shown where it differs"
    )
    told = SAID | {
        "channel": "SMS",
        "why": "by the holder's fault",
        "consent_data": "yes",
        "rules_accepted": "yes",
    }
    assert page.items() >= told.items()
    polish = said(clerk.get(path.replace("/en/", "/pl/")).text)
    assert (polish["co_signed"], polish["why"]) == ("tak", "z winy uczestnika")


def test_who_took_an_application_down_for_another_desk_goes_on_with_it(
    office: OfficeStage, clerk: Client
) -> None:
    """The card is collected at another desk: whoever took it down attaches, shows and finds it all the same;
    nobody else of the first desk does.
    """
    path = take(clerk, **NOBODY, pickup="2")
    page = clerk.get(path)
    assert page.status == 200
    assert send(clerk, f"{path}/files", pdf()).status == 303
    assert path in clerk.get("/en/desk/applications").text
    office.officer(PROGRAMME, "desk-one-too", "clerk", desk="1")
    other = office.signed_in("zgierz", "desk-one-too")
    assert other.get(path).status == 404
    assert path not in other.get("/en/desk/applications").text


def test_a_search_that_is_cut_says_so(
    clerk: Client, monkeypatch: pytest.MonkeyPatch, office: OfficeStage
) -> None:
    """More are there than are shown: the page says that, and not that these are all."""
    clerk.get("/en/desk/holders")
    names = office.sql("select count(*) from people.person where programme = $1", PROGRAMME)[0][0]
    assert names >= 3, "Ala, Ola and Ela"
    for most, told in ((50, "Found: 1"), (0, "Shown: 0, and there are more")):
        monkeypatch.setattr(holder_file, "FOUND_MAX", most)
        monkeypatch.setattr(holder_pages, "FOUND_MAX", most)
        assert told in clerk.post("/en/desk/holders", who="ala kowal").text


def test_every_open_case_can_be_reached_and_says_where_and_when(
    office: OfficeStage, clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page after page; of each the partner, the terminal, when it happened and how long it has waited."""
    monkeypatch.setattr(holder_pages, "CASES", 1)

    cards(office, (21, 22), CardStatus.ORDERED)
    for n in (21, 22):
        report(office, office.master.pepper(PROGRAMME).token(number(n)), n)
    waiting = "select number from registry.card_case where state = 0 and programme = 3 order by number"
    cases, path, seen = [row["number"] for row in office.sql(waiting)], "/en/desk/cases", []
    while path:
        page = clerk.get(path).text
        seen += [int(each) for each in re.findall(r'<h2 id="case_(\d+)"', page)]
        assert re.search(r"partner \d+, terminal \d+", page)
        assert "21 Sep 2026, " in page, "by the terminal's clock"
        assert "waiting for 0\u00a0days" in page
        found = re.search(r'href="(/en/desk/cases\?after=\d+)"', page)
        path = found[1] if found else ""
    assert seen == cases
    assert len(seen) >= 2


@pytest.mark.parametrize("act", ["resign", "notice", "object"])
def test_what_ends_a_contract_is_said_twice(office: OfficeStage, clerk: Client, act: str) -> None:
    """One click ends nothing: without the box nothing is done, and the page says why."""
    account = f"/en/desk/holders/{office.accounts['ola3']}"
    assert f'id="sure_{act}"' in clerk.get(account).text
    newest = "select max(id) from registry.audit"
    before = office.sql(newest)[0][0]
    reply = clerk.post(account, act=act, hand="holder-desk", reason="x")
    assert (reply.status, "cannot be taken back" in reply.text) == (409, True)
    assert office.sql(newest)[0][0] == before


def test_the_end_of_a_notice_is_named_before_it_is_given(office: OfficeStage, clerk: Client) -> None:
    """Zgierz § 33: a month; where a card is void at once (Żywiec § 4), that is what the button says."""
    page = clerk.get(f"/en/desk/holders/{office.accounts['ola3']}").text
    last = re.search(r"Give notice \(the last day: ([0-9A-Za-z ]+)\)", page)
    assert last
    assert (
        timedelta(27) < datetime.strptime(f"{last[1]} +0000", "%d %b %Y %z").date() - today() < timedelta(32)
    )
    office.officer(1, "clerk-of-one", "clerk", desk="")
    other, account = office.signed_in("czestochowa", "clerk-of-one"), office.accounts["ela1"]
    page = other.get(f"/en/desk/holders/{account}").text
    assert "Void the cards at once" in page
    assert "Give notice" not in page

    async def job(c: Connection) -> None:
        async with writing(c, TESTER):
            await c.execute(
                "insert into registry.ending (account, programme, kind, given_on, ends_on) "
                "values ($1, 1, 'notice', '2026-11-28', '2026-11-27')",
                account,
            )

    async def run(owner: Database) -> None:
        await owner.run(job)

    office.run(run)
    assert "at once, on 28 Nov 2026" in other.get(f"/en/desk/holders/{account}").text
    office.write(f"update registry.ending set withdrawn_at = now() where account = {account}")


def test_a_new_offer_changes_none_that_is_there(office: OfficeStage) -> None:
    """Its number is another offer's: told so, whatever state that is in; a change of an offer is one."""
    office.officer(PROGRAMME, "writes-offers", "editor", desk="")
    client = office.signed_in("zgierz", "writes-offers")
    partner = office.sql("select min(id) as id from registry.partner where programme = 3")[0]["id"]
    fields = {
        "act": "keep", "number": "871", "partner": str(partner), "name_pl": "Lody", "name_en": "Ices",
        "text_pl": "Gałka", "text_en": "A scoop", "kind": "free_entry", "combines": "",
    }  # fmt: skip
    client.get("/en/desk/offers/new")
    assert client.post("/en/desk/offers", **fields).status == 303
    reply = client.post("/en/desk/offers", **{**fields, "name_pl": "Inne"})
    assert (reply.status, "is there already" in reply.text) == (409, True)
    assert 'value="Inne"' in reply.text, "what was typed stays"
    page = client.get("/en/desk/offers/new?like=871").text
    assert 'name="changes" value="871"' in page
    assert client.post("/en/desk/offers", **{**fields, "changes": "871", "name_pl": "Inne"}).status == 303
    terms = office.sql("select terms from registry.offer where number = 871 order by version")
    assert [msgspec.json.decode(row["terms"])["name"]["pl"] for row in terms] == ["Inne"]


@pytest.mark.parametrize("whose", ["1", "999999999", "another city's", "a card without a holder", "figures"])
def test_a_duplicate_is_asked_for_a_holder_of_the_city_who_is_known(
    office: OfficeStage, clerk: Client, whose: str
) -> None:
    """Whatever account the form names: nothing is taken down, and the page says why instead of failing."""
    nobody = cards(office, (31,))[0]
    account = {
        "another city's": str(office.accounts["ala1"]),
        "a card without a holder": str(nobody),
        "figures": "9" * 19,
    }.get(whose, whose)
    clerk.get("/en/desk/applications/new?account=" + account)
    before = office.sql("select count(*) from people.application")[0][0]
    reply = clerk.post(
        "/en/desk/applications/new",
        kind="duplicate",
        account=account,
        why="fault",
        address="Wrzosowisko 4711",
    )
    assert reply.status in (400, 404, 409), reply.text
    assert office.sql("select count(*) from people.application")[0][0] == before
    if whose != "figures":
        assert 'id="fault"' in reply.text
        assert 'value="Wrzosowisko 4711"' in reply.text, "what was typed stays"


def test_polish_pages_tell_days_and_times_as_polish_does_by_the_city_s_clock(office: OfficeStage) -> None:
    """No day of ISO 8601 and no UTC where somebody reads: applications, holders, cases, months, contracts,
    offers; and an offer's terms as words.
    """
    office.officer(PROGRAMME, "reads-all", "clerk", "accounts", "editor", desk="")
    client = office.signed_in("zgierz", "reads-all")
    path = take(client, **{**SAID, **NOBODY}).replace("/en/", "/pl/")
    client.get("/pl/desk/partners")
    client.post("/pl/desk/partners", partner="88222", name="Kiosk")
    offer = {"number": "722", "partner": "88222", "kind": "percent", "value": "12,5", "uses_0": "1"}
    offer |= {f"{text}_{language}": "Gazeta" for text in ("name", "text") for language in ("pl", "en")}
    offer |= {"every_0": "day", "per_0": "card_and_offer", "to": "2031-05-01"}
    client.get("/pl/desk/offers/new")
    assert client.post("/pl/desk/offers", act="keep", **offer).status == 303
    account = office.accounts["ola3"]
    client.get(f"/pl/desk/holders/{account}")
    client.post(f"/pl/desk/holders/{account}", act="write", text="Dzień dobry")
    seen = ""
    for page in (
        path, "/pl/desk/applications", f"/pl/desk/holders/{account}", "/pl/desk/cases", "/pl/desk/partners",
        "/pl/desk/partners/88222", "/pl/desk/offers", "/pl/desk/offers/722",
        "/pl/desk/offers/preview?number=722",
        "/pl/account/sessions",
    ):  # fmt: skip
        reply = client.get(page)
        assert reply.status == 200, page
        text = unescape(re.sub("<[^>]*>", " ", reply.text.partition("<main")[2]))
        assert not re.search(r"\d{4}-\d\d-\d\d|UTC|percent|card_and_offer", text), page
        seen += text
    assert "zniżka 12,5\u00a0% dla: wszystkich" in seen
    assert "limit: 1\u00a0użycie dziennie na kartę" in seen
    assert "01.05.2031" in seen
    clock = datetime.now(ZoneInfo("Europe/Warsaw"))
    assert re.search(rf"{clock:%d.%m.%Y}, \d\d:\d\d", seen) or clock.hour == 0
