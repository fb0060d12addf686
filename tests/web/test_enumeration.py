"""Nobody learns who has a login, a card or an address here: known and unknown get one answer for one work.

What a stranger may ask is found in the site's routes, and what names somebody in the forms that people are
served: a route or a field that is not in the tables below fails here until it is.
"""

import difflib
import html
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import webauthn
from argon2 import PasswordHasher
from asyncpg.connection import Connection

from ledger.registry.logins import NewCode, put_code
from ops.web.holder.login_pages import TRIES
from ops.web.identity.secrets import hash_of, new_code, plain_code
from tests.web.crawl import crawl, filled_path, site_routes
from tests.web.office_stage import PASSWORD, TESTER, OfficeStage, Reply
from tests.web.soft_key import SoftKey
from tests.web.test_apply import GOOD, invited, letters, pickup
from tests.web.test_passkeys import visitor, with_passkey

WRONG = "wrong password"
NAMES_NOBODY = "nothing of a person is asked for"
SECRET = "256 random bits of a letter, or nothing"
STRANGERS = {
    "GET /": NAMES_NOBODY,
    "GET /login": NAMES_NOBODY,
    "POST /login": "login, passkey's login",
    "POST /login/passkey": "credential",
    "GET /login/enrol.svg": NAMES_NOBODY,
    "POST /logout": NAMES_NOBODY,
    "GET /register": NAMES_NOBODY,
    "POST /register": "login, card",
    "GET /apply": NAMES_NOBODY,
    "POST /apply": "address",
    "GET /apply/form/{token}": SECRET,
    "POST /apply/form/{token}": "PESEL",
    "GET /apply/state/{secret}": SECRET,
    "POST /apply/state/{secret}": SECRET,
    "GET /apply/state/{secret}/data": SECRET,
    "POST /apply/state/{secret}/data": SECRET,
}
"""What is answered without a sign-in, and what of a person it takes."""
OWN = "of one's own, and the same for everybody"
NAMING = {"login", "email", "card", "code", "last4", "pesel", "account", "who", "number", "phone", "holder"}
FIELDS = {
    ("/me/login", "login"): "a name that is another's: told by the code from the letter alone",
    ("/me/data", "email"): OWN,
    ("/me/data", "phone"): OWN,
    ("/me/family/code", "code"): "random, counted, and used once",
}
"""What names somebody in a form that a holder or a partner is served."""


OF_THE_SITE = re.compile(
    r"\b(web|people|registry)\.|^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)|cityswitch\.actor"
)
"""What a connection begins with, and what is asked of the server from time to time, is no request's."""


class Work(NamedTuple):
    """What an answer cost: hashes of passwords, signatures judged, letters, statements to the database."""

    hashes: int
    signatures: int
    letters: int
    statements: tuple[str, ...]


class Told(NamedTuple):
    """An answer without what differs from visit to visit."""

    status: int
    headers: tuple[tuple[str, str], ...]
    text: str


class Measure:
    """Counts work while it lasts."""

    def __init__(self, office: OfficeStage, patch: pytest.MonkeyPatch) -> None:
        self._office = office
        self._said: list[str] = []
        for where, name in (
            (PasswordHasher, "verify"),
            (PasswordHasher, "hash"),
            (webauthn, "verify_authentication_response"),
            *((Connection, each) for each in ("fetch", "fetchrow", "fetchval", "execute")),
        ):
            patch.setattr(where, name, self._counted(getattr(where, name), name, is_sql=where is Connection))

    def _counted(self, original: Callable[..., Any], name: str, *, is_sql: bool) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._said.append(re.sub(r"savepoint_\w+", "savepoint", args[1]) if is_sql else name)
            return original(*args, **kwargs)

        return counted

    def begin(self) -> None:
        """Count anew: what came before was no part of it."""
        self._said.clear()

    def of(self, ask: Callable[[], Reply]) -> tuple[Told, Work]:
        """Ask; return what was told, and the work."""
        before = letters(self._office)
        self.begin()
        reply = ask()
        said = self._said
        return told(reply), Work(
            said.count("verify") + said.count("hash"),
            said.count("verify_authentication_response"),
            letters(self._office) - before,
            tuple(each for each in said if OF_THE_SITE.search(each)),
        )


@pytest.fixture
def measure(office: OfficeStage, monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Counts of what the site does from now on."""
    office.forget_attempts()
    return Measure(office, monkeypatch)


def told(reply: Reply) -> Told:
    text = re.sub(r'name="csrf" value="[0-9a-f]{64}"', "", html.unescape(reply.text))
    text = re.sub(r'data-question="\{.*?\}"', "", text)
    headers = [
        (key.lower(), re.sub(r"(session|device|/state)[=/][^;?]*", r"\1", value))
        for key, value in reply.headers
        if key.lower() not in {"date", "content-length"}
    ]
    return Told(reply.status, tuple(headers), text)


def assert_same(office: OfficeStage, measure: Measure, asks: dict[str, Callable[[], Reply]]) -> Told:
    """All are told the same after the same work; returns what."""
    found = {}
    for name, ask in asks.items():
        office.forget_attempts()
        found[name] = measure.of(ask)
    first, *others = found.items()
    for name, each in others:
        assert each[0] == first[1][0], f"{name} is told from {first[0]}"
        costs = ([*work.statements, str(work[:3])] for work in (first[1][1], each[1]))
        differ = list(difflib.unified_diff(*costs, n=0))
        assert differ == [], f"{name} costs another work than {first[0]}: {differ}"
    return first[1][0]


def test_every_route_of_strangers_is_listed(office: OfficeStage) -> None:
    """A new one is found, and is none of the table's until somebody says what of a person it takes."""
    client = office.client()
    client.get("/en/login")
    found = set()
    for method, path in site_routes(office):
        at = f"/en{filled_path(path)}"
        reply = client.get(at) if method == "GET" else client.post(at)
        if not (reply.status == 303 and "/login?next=" in reply.header("location")):
            found.add(f"{method} {path}")
        client.get("/en/login")
    assert found == set(STRANGERS)


def test_every_field_that_names_somebody_is_listed(office: OfficeStage) -> None:
    """Of all forms that a holder and a partner are served; an officer's are to look people up.

    What is hidden, or a button's, is the page's own and not typed.
    """
    found = {
        (re.sub(r"/\d+", "/1", action.removeprefix("/en")), field.name)
        for login in ("ala", "ola")
        for action, form in crawl(office.signed_in("zgierz", login)).forms.items()
        for field in form.fields
        if field.name in NAMING and field.kind not in {"hidden", "submit"}
    }
    assert found == set(FIELDS)


@pytest.mark.parametrize(
    ("known", "unknown"),
    [("ala", "alx"), ("clerk", "clerx"), ("novice", "novicx"), ("ALA ", "ALX ")],
    ids=["a holder", "an officer", "an officer without a second factor", "written otherwise"],
)
def test_a_login(office: OfficeStage, measure: Measure, known: str, unknown: str) -> None:
    """Signing in by a wrong password: as for a login that is not there, and one of another city."""

    def ask(city: str, login: str) -> Callable[[], Reply]:
        return lambda: office.client().sign_in(city, login, WRONG)

    asks = {"known": ask("zgierz", known), "unknown": ask("zgierz", unknown)}
    answer = assert_same(office, measure, asks)
    assert answer.status == 403
    assert measure.of(ask("zgierz", unknown))[1].hashes == 1


def test_a_passkey(office: OfficeStage, measure: Measure) -> None:
    """A known credential by another key, one that is not there, one under another's handle: one judging."""
    office.write("delete from web.passkey")
    _, key = with_passkey(office, "ala")
    _, other = with_passkey(office, "ola")

    def ask(credential: bytes, handle: bytes) -> Callable[[], Reply]:
        def asked() -> Reply:
            client, question = visitor(office)
            measure.begin()
            forged = SoftKey(key.origin, credential=credential, handle=handle)
            return client.post("/en/login/passkey", credential=forged.sign_in(question))

        return asked

    asks = {
        "known": ask(key.credential, key.handle),
        "unknown": ask(b"x" * 32, key.handle),
        "another's": ask(key.credential, other.handle),
        "nobody's handle": ask(key.credential, key.handle[:2] + bytes(30)),
    }
    assert assert_same(office, measure, asks).status == 403
    assert measure.of(asks["unknown"])[1].signatures == 1
    client, question = visitor(office)
    assert client.post("/en/login/passkey", credential=key.sign_in(question)).status == 303, "it is not shut"
    office.write("delete from web.passkey")


def register(office: OfficeStage, login: str, last4: str, code: str) -> Callable[[], Reply]:
    def asked() -> Reply:
        client = office.client()
        client.get("/en/register")
        return client.post(
            "/en/register", programme="zgierz", code=code, last4=last4, login=login,
            password="Niebieski tramwaj 3", again="Niebieski tramwaj 3",
        )  # fmt: skip

    return asked


def test_a_login_to_be_and_a_card(office: OfficeStage, measure: Measure) -> None:
    """Without a code neither a name that is taken nor the figures of a card are told; with one, not which
    of the two was wrong.
    """
    last4, wrong = office.last4["ela3"], "AAAA-BBBB-CCCC"
    other4 = "0000" if last4 != "0000" else "1111"
    asks = {
        "known": register(office, "ala", last4, wrong),
        "another name": register(office, "alx", last4, wrong),
        "another card": register(office, "ala", other4, wrong),
    }
    assert assert_same(office, measure, asks).status == 403
    code = new_code()
    new = NewCode(3, "activate", hash_of(plain_code(code)), office.accounts["ela3"])
    office.run(lambda owner: owner.run(lambda c: put_code(c, TESTER, new, hours=1)))
    answers = {
        measure.of(register(office, login, figures, code))[0]
        for login, figures in (("ala", last4), ("alx", other4))
    } | {measure.of(asks["known"])[0]}
    assert len(answers) == 1


def test_an_address(office: OfficeStage, measure: Measure) -> None:
    """Applying: an address of a holder, one that applied, one nobody knows; each gets its letter."""
    invited(office, "was-here@city3.example")

    def ask(email: str) -> Callable[[], Reply]:
        def asked() -> Reply:
            client = office.client()
            client.get("/en/apply")
            return client.post("/en/apply", programme="zgierz", email=email)

        return asked

    asks = {
        "a holder's": ask("holder0@city3.example"),
        "one that applied": ask("was-here@city3.example"),
        "nobody's": ask("nobody0@city3.example"),
    }
    assert assert_same(office, measure, asks).status == 303
    assert measure.of(asks["nobody's"])[1].letters == 1


def test_a_person(office: OfficeStage, measure: Measure) -> None:
    """An application under a PESEL that is in one already, and under one that is in none."""
    first = invited(office, "first@person.example")
    said = {**GOOD, "pickup": pickup(office, first)}
    assert first.client.post(first.form, step="3", go="next", **said).status == 303

    def ask(email: str, pesel: str) -> Callable[[], Reply]:
        applicant = invited(office, email)
        return lambda: applicant.client.post(applicant.form, step="3", go="next", **{**said, "pesel": pesel})

    asks = {
        "known": ask("aa@person.example", said["pesel"]),
        "unknown": ask("bb@person.example", "02070803628"),
    }
    assert assert_same(office, measure, asks).status == 303


def test_a_name_that_is_another_s(office: OfficeStage, measure: Measure) -> None:
    """A holder who wants another login gets a letter whoever has that name; the code tells, a few times."""
    client = office.signed_in("zgierz", "ola")
    client.get("/en/me/login")
    asks = {
        name: (lambda login=login: client.post("/en/me/login", login=login, password=PASSWORD))
        for name, login in (("taken", "ela"), ("free", "elx"))
    }
    answer = assert_same(office, measure, asks)
    assert (answer.status, answer.text) == (303, "")
    office.forget_attempts()
    said = [client.post("/en/me/login", login="ela", password=PASSWORD).text for _ in range(TRIES + 1)]
    assert "Too many" in said[-1] or "later" in said[-1]
    assert said[-1] != said[0]
