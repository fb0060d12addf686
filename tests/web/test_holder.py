"""The holder's own pages: the nine functions of Zgierz § 19, and that each is of one's own account alone."""

import csv
import io
import re

import pytest
from pypdf import PdfReader

from ledger.registry.audit import Actor
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.contact import EMAIL_CHARACTERS_MAX
from ledger.registry.contracts import end_contract
from ledger.registry.logins import NewCode, put_code
from ops.web.identity.secrets import hash_of, new_code, plain_code
from tests.ops.uploads import png
from tests.web.office_stage import PASSWORD, TESTER, Client, OfficeStage
from tests.web.test_apply import send_file
from tests.web.test_own_contact import put

POSTED = tuple(
    f"/me/{name}"
    for name in (
        "duplicate",
        "renewal",
        "data",
        "messages",
        "consents",
        "end",
        "login",
        "login/code",
        "block/1-1",
        "data/code",
    )
)
PATHS = (*(f"/me{name}" for name in ("", "/offers", "/history", "/history.csv", "/history.pdf")), *POSTED[:7])
XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def ala(office: OfficeStage) -> Client:
    """A holder of Zgierz who has signed in."""
    return office.signed_in("zgierz", "ala")


def test_the_cards_and_their_state(ala: Client) -> None:
    """One: the overview says the cards and their state (until which day: test_nine_functions.py, § 19.2)."""
    text = ala.get("/en/me").text
    assert "Entitled until" in text
    assert "active" in text


def test_prices_discounts_promotions(office: OfficeStage, ala: Client) -> None:
    """Two: what holds now, with every limit; in a programme of points what they are worth (§ 19.1)."""
    assert "<strong>" in ala.get("/pl/me/offers").text
    other = office.signed_in("czestochowa", "ala").get("/en/me/offers").text
    assert "100\u00a0points are PLN 10.00 off" in other


def test_the_counter_on_screen_csv_and_pdf(office: OfficeStage) -> None:
    """Three: the same entries on the screen, as CSV and as a tagged PDF in a language (§ 19.7)."""
    client = office.signed_in("czestochowa", "ala")
    first = client.get("/en/me/history").text
    assert first.count("<tr>") == 1 + 25
    assert "/en/me/history?page=1" in first
    assert client.get("/en/me/history?page=1").text.count("<tr>") == 1 + 5
    body = client.get("/en/me/history.csv").body
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    assert len(rows) == 1 + 30
    assert rows[1][1] == "points earned"
    polish = client.get("/pl/me/history.csv").body.decode("utf-8-sig")
    assert "\u00a0" not in polish
    assert re.match(r"^[0-9]+,[0-9]{2}$", next(csv.reader([polish.splitlines()[1]], delimiter=";"))[6])
    reader = PdfReader(io.BytesIO(client.get("/pl/me/history.pdf").body))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 a PDF's own boolean
    assert root["/Lang"] == "pl"
    assert "StructTreeRoot" in str(root.keys())
    text = "".join(page.extract_text() for page in reader.pages)
    assert "Licznik korzyści" in text
    assert text.count("naliczenie punktów") == 30
    for page in ("-1", "x", "99999", "201", "%D9%A1", "1'"):
        assert client.get(f"/en/me/history?page={page}").status == 404


def test_messages_with_the_desk(office: OfficeStage, ala: Client) -> None:
    """Five: what is written arrives, is shown as text whatever it holds, and too much is refused (§ 19.8)."""
    ala.get("/en/me/messages")
    assert ala.post("/en/me/messages", text=f"Mam pytanie\n{XSS}").status == 303
    page = ala.get("/en/me/messages").text
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    for text in ("", " ", "x" * 4001, "a\x00b"):
        assert ala.post("/en/me/messages", text=text).status == 400
    other = office.signed_in("zgierz", "ola").get("/en/me/messages").text
    assert "Mam pytanie" not in other


def test_a_block_is_at_once_and_of_one_s_own(office: OfficeStage) -> None:
    """Six: after a question the card is blocked; whoever comes again is told that it is, and that the holder
    said so again is taken down; another's is not found (§ 24).
    """
    client = office.signed_in("zgierz", "ola")
    place = re.findall(r"/en/me/block/([0-9-]+)", client.get("/en/me").text)[0]
    assert "Block the card" in client.get(f"/en/me/block/{place}").text
    assert client.get("/en/me/block/9-9").status == client.post("/en/me/block/9-9").status == 404
    assert client.post(f"/en/me/block/{place}").status == 303
    status = office.sql("select status from registry.card where account = $1", office.accounts["ola3"])
    assert 1 in [row["status"] for row in status]
    trail = office.sql(
        "select actor, hand, reason from registry.audit where object = 'card' order by id desc limit 1"
    )[0]
    assert (trail["hand"], trail["actor"].split()[0]) == ("holder-online", "holder")
    trails = "select count(*) from registry.audit where object = 'card'"
    written = office.sql(trails)[0]["count"]
    for more, ask in ((0, client.get), (1, client.post)):
        again = ask(f"/en/me/block/{place}")
        assert (again.status, again.header("location")) == (303, "/en/me?done=block")
        assert office.sql(trails)[0]["count"] == written + more
    others = office.sql("select status from registry.card where account = $1", office.accounts["ala3"])
    assert 1 not in [row["status"] for row in others]


def test_a_login_is_changed_by_a_letter(office: OfficeStage) -> None:
    """Seven: the password and a code from the holder's own e-mail change the login; the code works once."""
    put(office, office.new_member("moves", "zgierz"), email="moves@example.org")
    client = office.signed_in("zgierz", "moves")
    client.get("/en/me/login")
    assert client.post("/en/me/login", login="moves-new", password="wrong").status == 403
    assert client.post("/en/me/login", login="a b", password=PASSWORD).status == 403
    assert client.post("/en/me/login", login="moves-new", password=PASSWORD).status == 303
    letter = max((office.directory / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    assert letter.stat().st_mode & 0o077 == 0
    code = re.findall(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}\b", letter.read_text())[0]
    thief = office.signed_in("zgierz", "ala")
    thief.get("/en/me/login")
    assert thief.post("/en/me/login/code", code=code).status == 403
    assert client.post("/en/me/login/code", code="AAAA-BBBB-CCCC").status == 403
    assert client.post("/en/me/login/code", code=code).status == 303
    assert client.post("/en/me/login/code", code=code).status == 403
    assert office.client().sign_in("zgierz", "moves").status == 403
    assert office.client().sign_in("zgierz", "moves-new").status == 303


def test_a_card_gets_its_login_by_a_code(office: OfficeStage) -> None:
    """A code of the desk works once, with the card's own figures, and for its city alone."""
    account, last4 = office.unnamed("czestochowa")
    code = new_code()
    new = NewCode(1, "activate", hash_of(plain_code(code)), account)
    office.run(lambda owner: owner.run(lambda c: put_code(c, TESTER, new, hours=1)))
    client = office.client()
    client.get("/en/register")
    good = {"programme": "czestochowa", "code": code.lower(), "last4": last4, "login": "nowa"}
    good |= {"password": PASSWORD, "again": PASSWORD}
    for change in ({"programme": "zgierz"}, {"last4": "0"}, {"code": "AAAABBBBCCCC"}, {"login": "ala"},
                   {"password": "short"}, {"again": "x"}, {"login": "a b"}):  # fmt: skip
        assert client.post("/en/register", **{**good, **change}).status == 403, change
    assert client.post("/en/register", **good).status == 303
    assert office.client().sign_in("czestochowa", "nowa").status == 303
    assert client.post("/en/register", **{**good, "login": "nowa2"}).status == 403


def test_a_login_may_be_an_address_as_long_as_one_can_be(office: OfficeStage) -> None:
    """Zgierz § 5.6: as long as an e-mail address can be and no longer; two that begin alike are two, at the
    sign-in, too.
    """
    domain = ".".join(("d" * 63, "e" * 63, "f" * 60, "pl"))
    longest = "a" * (EMAIL_CHARACTERS_MAX - len(domain) - 1) + f"@{domain}"
    account, last4 = office.unnamed("zgierz")
    code = new_code()
    new = NewCode(3, "activate", hash_of(plain_code(code)), account)
    office.run(lambda owner: owner.run(lambda c: put_code(c, TESTER, new, hours=1)))
    client = office.client()
    assert f'maxlength="{EMAIL_CHARACTERS_MAX}"' in client.get("/en/register").text
    typed = {"programme": "zgierz", "code": code, "last4": last4, "password": PASSWORD, "again": PASSWORD}
    page = client.post("/en/register", **typed, login=f"x{longest}")
    assert (page.status, "3 to 254 characters" in page.text) == (403, True)
    assert client.post("/en/register", **typed, login=longest).status == 303
    assert office.client().sign_in("zgierz", f"{longest[:-1]}k").status == 403
    assert office.client().sign_in("zgierz", longest).status == 303


def test_a_fee_is_written_as_the_language_writes_it(office: OfficeStage) -> None:
    """With a comma in Polish."""
    client = office.signed_in("czestochowa", "ala")
    assert " 0,00\u00a0zł" in client.get("/pl/me/duplicate").text
    assert " PLN 0.00" in client.get("/en/me/duplicate").text


def test_a_duplicate_is_asked_for(office: OfficeStage) -> None:
    """Eight: an application the desk sees at once, of one's own account; no made-up reason (§ 19.6). A card
    that is lost is blocked with it, by the holder's hand.
    """
    account = office.new_member("has-lost-it")
    client = office.signed_in("czestochowa", "has-lost-it")
    client.get("/en/me/duplicate")
    assert client.post("/en/me/duplicate", why="because").status == 400
    made_up = {"pickup": "Anywhere"}  # the programme names no desks: it would be hidden from all there are
    assert client.post("/en/me/duplicate", why="fault", lost="yes", **made_up).status == 303
    assert "for a duplicate – <strong>received</strong>" in client.get("/en/me/duplicate").text
    kept = office.sql("select account, kind, via, desk from people.application order by number desc limit 1")
    assert tuple(kept[0]) == (account, "duplicate", "web", "")
    assert office.sql("select status from registry.card where account = $1", account)[0][0] == 1
    trail = "select hand from registry.audit where object = 'card' and key = $1 order by id desc limit 1"
    assert office.sql(trail, f"{account}/1/1")[0]["hand"] == "holder-online"


def test_a_renewal_comes_with_a_file_that_is_what_it_says(office: OfficeStage, ala: Client) -> None:
    """A page that calls itself a PDF, or a year in the future, leaves nothing behind (§ 20)."""
    office.write(
        f"update registry.holder set entitled_until = null where account = {office.accounts['ala3']}"
    )
    ala.get("/en/me/renewal")

    def send(year: str, file: bytes) -> int:
        parts = [("csrf", "", ala.csrf.encode()), ("tax_year", "", year.encode())]
        parts.append(("file", '; filename="pit.pdf"', file))
        body = b"".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"
            for name, more, value in parts
        )
        kind = "multipart/form-data; boundary=x"
        return ala.ask("POST", "/en/me/renewal", body + b"--x--\r\n", Content_Type=kind).status

    def count() -> int:
        return int(office.sql("select count(*) from people.application where kind = 'renewal'")[0][0])

    before = count()
    for year, file in (("2025", b"<html><script>"), ("2025", b"%PDF-1.4 no more"), ("2999", b""), ("x", b"")):
        assert send(year, file) == 400, (year, file)
    assert send("2025", b"x" * 6_000_000) == 413
    assert count() == before
    assert send("2025", png()) == 303
    assert count() == before + 1
    assert office.sql("select type from people.attachment order by number desc")[0]["type"] == "image/png"


def test_a_proof_that_renews_nothing_is_told_at_once(office: OfficeStage) -> None:
    """Zgierz § 20: who is entitled until a later day than the proof gives asks no desk to find that out."""
    account = office.new_member("entitled", "zgierz")
    proved = "entitled_until = '2099-05-31', tax_year = 2097"
    office.write(f"update registry.holder set {proved} where account = {account}")
    client = office.signed_in("zgierz", "entitled")
    client.get("/pl/me/renewal")
    refused = client.post("/pl/me/renewal", tax_year="2025")
    assert (refused.status, "ten dokument niczego nie przedłuża" in refused.text) == (400, True), refused.text
    assert office.sql("select count(*) from people.application where account = $1", account)[0][0] == 0


def test_a_renewal_is_completed_on_its_own_page(office: OfficeStage) -> None:
    """Zgierz § 20.2: what the desk calls for is attached there, by as many files as it takes; one renewal is
    open at a time, beside a duplicate; it is withdrawn there; another's is not found.
    """
    account = office.new_member("renews", "zgierz")
    client = office.signed_in("zgierz", "renews")
    client.get("/en/me/renewal")
    page = client.post("/en/me/renewal", tax_year="2025").header("location").partition("?")[0]
    number = page.rpartition("/")[2]
    assert "PIT page or declaration" in client.get(page).text
    refused = client.post("/en/me/renewal", tax_year="2025")
    assert (refused.status, f"application {number} of this kind is open" in refused.text) == (400, True)
    assert "w toku, pod numerem" in client.post("/pl/me/renewal", tax_year="2025").text
    assert client.post("/en/me/duplicate", why="no-fault", lost="yes").status == 303
    clerk = office.signed_in("zgierz", "clerk")
    clerk.get(f"/en/desk/applications/{number}")
    called = clerk.post(f"/en/desk/applications/{number}", act="call", reason="The UPO is missing.")
    assert called.status == 303
    text = client.get(page).text
    assert "The UPO is missing." in text
    assert "to be completed" in text
    for kind in ("tax", "declaration"):
        assert send_file(client, page, png(), kind) == 303
    client.get(page)
    assert client.post(page, act="complete").status == 303
    assert client.post(page, act="complete").status == 400
    text = client.get(page).text
    assert "received" in text
    assert "UPO is missing" not in text
    other = office.signed_in("zgierz", "ola")
    other.get("/en/me")
    for path in (page, "/en/me/applications/0", "/en/me/applications/x", f"/en/me/applications/{'9' * 5000}"):
        assert other.get(path).status == 404
        assert other.post(path, act="withdraw", sure="yes").status == 404
    assert client.post(page, act="withdraw").status == 400
    assert client.post(page, act="withdraw", sure="yes").status == 303
    assert client.post(page, act="withdraw", sure="yes").status == 400
    assert client.post("/en/me/renewal", tax_year="2025").status == 303
    kept = office.sql("select count(*) from people.attachment a join people.application p "
                      "on p.number = a.application where p.account = $1", account)  # fmt: skip
    assert kept[0][0] == 2


def test_the_account_is_deleted(office: OfficeStage) -> None:
    """Nine: after password and tick the person, the login, all sessions are gone; books stay (§ 26)."""
    account = office.new_member("goes")
    client = office.signed_in("czestochowa", "goes")
    client.get("/en/me/end")
    assert client.post("/en/me/end", what="delete", password=PASSWORD).status == 400
    assert client.post("/en/me/end", what="delete", understood="yes", password="wrong").status == 400
    done = client.post("/en/me/end", what="delete", understood="yes", password=PASSWORD)
    assert "<h1>The account is deleted</h1>" in done.text
    assert office.sql("select 1 from people.person where account = $1", account) == []
    assert office.sql("select 1 from web.login where account = $1", account) == []
    assert client.get("/en/me").status == 303
    assert office.client().sign_in("czestochowa", "goes").status == 403
    assert office.sql("select 1 from ledger.account where id = $1", account)


def test_whose_account_is_closed_gets_no_code(office: OfficeStage) -> None:
    """Neither a code nor a login is made of an account that was closed; those it had are gone."""
    account = office.new_member("closes", "zgierz")
    (token,) = office.sql("select token from registry.card where account = $1", account)[0]
    clerk = office.signed_in("zgierz", "clerk")
    clerk.get(f"/en/desk/holders/{account}")
    assert clerk.post(f"/en/desk/holders/{account}/login", reason="identity card seen").status == 200
    assert office.sql("select 1 from web.code where account = $1", account)
    by = TESTER._replace(hand=Hand.ORGANISER)
    office.run(lambda owner: owner.run(lambda c: end_contract(c, by, token, CardStatus.CLOSED)))
    refused = clerk.post(f"/en/desk/holders/{account}/login", reason="asked")
    assert "contract has ended" in refused.text
    for table in ("login", "code"):
        assert office.sql(f"select 1 from web.{table} where account = $1", account) == []


def test_who_resigns_has_no_account_any_more(office: OfficeStage) -> None:
    """Zgierz § 31.1: login, sessions and codes go with the day of the resignation, and no others are made;
    the data waits for the desk; what was asked for goes no further, nor is anything else asked for.
    """
    account = office.new_member("resigns", "zgierz")
    client = office.signed_in("zgierz", "resigns")
    client.get("/en/me/duplicate")
    assert client.post("/en/me/duplicate", why="no-fault").status == 303
    number = office.sql("select max(number) from people.application where account = $1", account)[0][0]
    clerk = office.signed_in("zgierz", "clerk")
    clerk.get(f"/en/desk/holders/{account}")
    assert clerk.post(f"/en/desk/holders/{account}/login", reason="identity card seen").status == 200
    client.get("/en/me/end")
    done = client.post("/en/me/end", what="resign", understood="yes", password=PASSWORD)
    assert "<h1>The resignation is taken</h1>" in done.text
    assert "<title>The resignation is taken" in done.text
    assert "the login is removed" in done.text
    for table in ("login", "code"):
        assert office.sql(f"select 1 from web.{table} where account = $1", account) == []
    assert client.get("/en/me").status == 303
    assert office.client().sign_in("zgierz", "resigns").status == 403
    assert office.sql("select 1 from people.person where account = $1", account)
    assert "resigned" in clerk.post(f"/en/desk/holders/{account}/login", reason="asked").text
    assert office.sql("select 1 from web.code where account = $1", account) == []
    clerk.get(f"/en/desk/applications/{number}")
    refused = clerk.post(f"/en/desk/applications/{number}", act="verify")
    assert (refused.status, "the contract has ended" in refused.text) == (409, True)
    refused = clerk.post("/en/desk/applications/new", kind="renewal", account=str(account), tax_year="2025")
    assert (refused.status, "the contract has ended" in refused.text) == (409, True)
    for act in ("propose_erasure", "refuse_erasure"):
        clerk.get(f"/en/desk/holders/{account}")
        done = clerk.post(f"/en/desk/holders/{account}", act=act, reason="asked for", sure="yes")
        assert done.status == 303, (act, done.text)


def test_an_ended_contract_entitles_to_nothing(office: OfficeStage) -> None:
    """A card that was made void: the overview says that the contract has ended, and no day (§ 19.2)."""
    account = office.new_member("ends", "czestochowa")
    client = office.signed_in("czestochowa", "ends")
    assert "no end" in client.get("/en/me").text
    token = office.sql("select token from registry.card where account = $1", account)[0][0]
    city = Actor("the city", "gross breach", hand=Hand.ORGANISER)
    office.run(lambda owner: owner.run(lambda c: end_contract(c, city, token, CardStatus.VOID)))
    page = client.get("/en/me").text
    assert '<dd id="entitled">the contract has ended</dd>' in page


def test_nobody_else_gets_in(office: OfficeStage) -> None:
    """An officer has no holder's page, a stranger is led to the sign-in, from every path."""
    officer, stranger = office.signed_in("zgierz", "clerk"), office.client()
    for path in PATHS:
        assert officer.get(f"/en{path}").status == 403
        assert stranger.get(f"/en{path}").status == 303
    officer.get("/en/account/sessions")
    for path in POSTED:
        assert officer.post(f"/en{path}").status == 403


def test_no_log_and_no_trail_names_anybody(office: OfficeStage, ala: Client) -> None:
    """After all of it the trail has no name, address or message of a holder in it."""
    ala.get("/en/me/messages")
    ala.post("/en/me/messages", text="tajemnica-w-liscie")
    trail = " ".join(row[0] for row in office.sql("select t::text from registry.audit t where id > 0"))
    for secret in ("Ala Kowal", "tajemnica-w-liscie", "ala@nowy.example", "holder0@city3.example", PASSWORD):
        assert secret not in trail


def test_where_nothing_ends_nothing_is_renewed(office: OfficeStage) -> None:
    """The page says so and has no form, where neither cards nor entitlements have an end; else it asks."""
    for city, has_form in (("czestochowa", False), ("zgierz", True)):
        page = office.signed_in(city, "ala").get("/en/me/renewal").text
        assert ("there is nothing to renew" in page, 'enctype="multipart' in page) == (not has_form, has_form)
