"""The office's site on a real socket over a real database, with two small cities and a few logins.

Owns the thread in which trio runs it, and a client that keeps cookies as a browser does.
"""

import itertools
import re
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from ledger.books.posting import AccountKind, account_id
from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.audit import Actor
from ledger.registry.cards import CardRow, find_card, import_cards
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.logins import NewCode, put_code
from ledger.registry.people import Person, change_person
from ledger.registry.secrets import MasterKey
from ops.invoices.sinks import FileSink as InvoiceFiles
from ops.notices.channels import Channel
from ops.notices.mail import From
from ops.notices.mail_folder import MailFolder
from ops.web.application import Access
from ops.web.identity.mail import Mail
from ops.web.identity.making import make_login
from ops.web.identity.passkeys import Relying
from ops.web.identity.passwords import Passwords
from ops.web.identity.second_factor import code_at
from ops.web.identity.secrets import hash_of, new_code, plain_code
from ops.web.office_site import make_office_site
from ops.web.offices import open_offices
from ops.web.server import Tls, bind_site, serving_site, url_of
from simulators.city.population import Population
from simulators.city.seeding import seed_city
from tests.ledger.books import NOW_MS, Books
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.certificates import make_certificate
from tests.trio_thread import TrioThread
from tests.web.posted import may_be_a_page

T = TypeVar("T")
TESTER = Actor("tester", "a test")
CITIES = (Population(1, 12, 2, 1, 1, at_first=2), Population(3, 12, 2, 1, 3, at_first=2))
NAMES = ("Ala Kowal", "Ola Nowa", "Ela Trzecia")
PASSWORD = "Zielony rower 7"
SECRET = b"a secret of a device"
FIELD = re.compile(r'name="csrf" value="([0-9a-f]{64})"')
FORM = re.compile(r'(?s)<form method="post" action="([^"]+)"(.*?)</form>')
SHOWN = re.compile(r'type="hidden" name="(seen|through|digest)" value="([^"]+)"')
ACT = re.compile(r'<(?:input|button)[^>]* name="act" value="([^"]+)"')


class Reply(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    text: str
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")


class Client:
    """A browser without a window: cookies kept, redirects told and not followed."""

    def __init__(self, url: str) -> None:
        self.host = self.known_as = url.split("/")[2]
        self.is_by_tls = url.startswith("https:")
        self.source = "127.0.0.1"
        self.cookies: dict[str, str] = {}
        self.csrf = ""
        self.shown: dict[tuple[str, str], dict[str, str]] = {}
        """Of each form, by where it goes and its act, what it said unseen of what its page showed."""

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        if self.is_by_tls:  # of a certificate made for the test
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection: HTTPConnection = HTTPSConnection(self.host, timeout=HANG_S, context=context)
        else:
            connection = HTTPConnection(self.host, timeout=HANG_S, source_address=(self.source, 0))
        sent = {"Host": self.known_as} | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        raw = answer.read()
        connection.close()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        text = raw.decode("utf-8", "replace")
        if found := FIELD.search(text):
            self.csrf = found[1]
        for action, form in FORM.findall(text):
            for act in ACT.findall(form) or [""]:
                self.shown[action, act] = dict(SHOWN.findall(form))
        return Reply(answer.status, answer.getheaders(), text, raw)

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, **headers)

    def post(self, path: str, csrf: str | None = None, **fields: str) -> Reply:
        fields = self.shown.get((path, fields.get("act", "")), {}) | fields  # as the form was shown last
        fields["csrf"] = self.csrf if csrf is None else csrf
        reply = self.ask(
            "POST", path, urlencode(fields).encode(), Content_Type="application/x-www-form-urlencoded"
        )
        assert reply.status != 200 or may_be_a_page(path), f"{path}: sent again when the page is loaded again"
        return reply

    def sign_in(self, city: str, login: str, password: str = PASSWORD) -> Reply:
        self.get("/en/login")
        return self.post("/en/login", programme=city, login=login, password=password)


_TOKENS = itertools.count(7_000)


async def add_persons(connection: Connection, master: MasterKey, programme: int) -> list[Any]:
    """Name the holders of three accounts that have an active card."""
    rows: list[Any] = await connection.fetch(
        "select c.account, c.token, c.last4, p.account is not null as is_known from registry.card c "
        "left join people.person p using (account) left join registry.holder h using (account) "
        "where c.programme = $1 and c.status = 0 and c.carrier = 1 "
        "and (p.account is not null or h.account is null) order by c.account limit 3",
        programme,
    )
    for number, row in enumerate(rows):
        person = Person(NAMES[number], email=f"holder{number}@city{programme}.example", phone="600000000")
        if row["is_known"]:
            changes = {"name": person.name, "email": person.email, "phone": person.phone}
            await change_person(connection, TESTER, master.vault, row["token"], changes)
        else:
            new = [NewHolder(row["token"], person=person)]
            await add_holders(connection, TESTER, master.vault, programme, new)
    return rows


class OfficeStage(TrioThread):
    """What a test has: the site's address, its database, its logins."""

    def __init__(self, fresh: FreshDatabase, directory: Path) -> None:
        super().__init__()
        self._fresh = fresh
        self.directory = directory
        self.master = MasterKey.create(directory / "master.key")
        self.accounts: dict[str, int] = {}
        self.last4: dict[str, str] = {}
        self.url = ""
        self.channel: Callable[[], Channel] = lambda: MailFolder(
            directory / "mail", From("karta@example.org", "Karta")
        )
        self.mail = Mail(lambda: self.channel())  # noqa: PLW0108 a test gives it another

    async def serve(self) -> AsyncGenerator[None, None]:
        async with open_database(self._fresh.owner_dsn, connections_max=2) as self._owner:
            for city in CITIES:
                await seed_city(self._owner, city, self.master)
            async with open_offices(self._fresh.owner_dsn, self.master) as self.offices:
                await self._people()
                sock = bind_site("127.0.0.1", 0)
                self.url = url_of(sock, None)
                self.relying = Relying.of(f"http://localhost:{sock.getsockname()[1]}")
                tls = Tls(*make_certificate(self.directory))
                tls_sock = bind_site("127.0.0.1", 0)
                self.tls_url = url_of(tls_sock, tls)
                async with (
                    self.mail.going(),
                    serving_site(self._site(), sock),
                    serving_site(self._site(is_secure=True), tls_sock, tls),
                ):
                    yield

    def _site(self, *, is_secure: bool = False) -> Any:
        return make_office_site(
            self.offices,
            Access(is_secure=is_secure),
            mail=self.mail,
            relying=self.relying,
            address=self.relying.origin,
            public=self.directory / "public",
            sink_of=lambda code: InvoiceFiles(self.directory / "invoices" / code),
        )

    async def _people(self) -> None:
        passwords = Passwords()
        for number, office in self.offices.items():
            rows = await self._owner.run(lambda c, n=number: add_persons(c, self.master, n))
            for name, row in zip(("ala", "ola", "ela"), rows, strict=True):
                self.accounts[f"{name}{number}"] = row["account"]
                self.last4[f"{name}{number}"] = row["last4"]
                await make_login(
                    office, passwords, TESTER, "holder", name, password=PASSWORD, account=row["account"]
                )
            for name, roles in (("clerk", ["clerk"]), ("boss", ["verifier", "admin"])):
                await make_login(
                    office, passwords, TESTER, "officer", name, password=PASSWORD, shown=name.title(),
                    desk="1", roles=roles, second=SECRET,
                )  # fmt: skip
            await make_login(
                office, passwords, TESTER, "officer", "beginner", password=PASSWORD, shown="Beginner"
            )
            await make_login(
                office,
                passwords,
                TESTER,
                "officer",
                "novice",
                password=PASSWORD,
                shown="Novice",
                roles=["clerk"],
            )

    def run(self, job: Callable[[Database], Awaitable[T]]) -> T:
        """Run a job on the database, as its owner, from the tests' thread."""
        found: T = self.call(job, self._owner)
        return found

    def sql(self, text: str, *values: object) -> list[Any]:
        async def job(connection: Connection) -> list[Any]:
            rows: list[Any] = await connection.fetch(text, *values)
            return rows

        return self.run(lambda owner: owner.run(job))

    def write(self, text: str) -> None:
        """Change what leaves a trail."""

        async def job(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute("select set_config('cityswitch.actor', 'a test', true)")
                await connection.execute(text)

        self.run(lambda owner: owner.run(job))

    def officer(self, programme: int, name: str, *roles: str, desk: str = "1") -> None:
        """Add an officer with these roles, who may sign in."""

        async def job(_owner: Database) -> None:
            await make_login(
                self.offices[programme], Passwords(), TESTER, "officer", name, password=PASSWORD,
                shown=name.title(), desk=desk, roles=roles, second=SECRET,
            )  # fmt: skip

        self.run(job)

    def trade(
        self, entries: int = 30, *, account: int = 0, stan: int = 1, from_ms: int = NOW_MS + 1_000
    ) -> None:
        """Let Częstochowa's ala (or another account) buy so often at the city's first terminal."""
        partner, terminal = self.sql(
            "select t.partner, t.id from registry.terminal t join registry.partner p on p.id = t.partner "
            "where p.programme = 1 order by t.id limit 1"
        )[0]

        async def job(owner: Database) -> None:
            clock = itertools.count(from_ms)
            books = await Books.of(owner, [account or self.accounts["ala1"]], clock)
            for each in range(stan, stan + entries):
                posting = books.earn(each, 5, terminal=terminal)
                posting.counter_account = account_id(partner, AccountKind.PARTNER_ISSUED)
                await books.post(posting)

        self.run(job)

    def unnamed(self, city: str) -> tuple[int, str]:
        """The account and last figures of a new card whose holder is known and has no login."""
        programme = next(number for number, office in self.offices.items() if office.code == city)
        token = next(_TOKENS)
        last4 = f"{token % 10_000:04d}"

        async def job(owner: Database) -> int:
            card, person = CardRow(token, last4), Person("Ktoś Nowy", phone="600000001")
            await owner.run(lambda c: import_cards(c, TESTER, programme, [card]))
            new = [NewHolder(token, person=person)]
            await owner.run(lambda c: add_holders(c, TESTER, self.master.vault, programme, new))
            row = await owner.run(lambda c: find_card(c, token))
            return int(row["account"])

        return self.run(job), last4

    def new_member(self, login: str, city: str = "czestochowa") -> int:
        """The account of a holder who has made a login with a desk's code just now."""
        account, last4 = self.unnamed(city)
        code = new_code()
        programme = self.sql("select programme from registry.card where account = $1", account)[0][0]
        new = NewCode(programme, "activate", hash_of(plain_code(code)), account)
        self.run(lambda owner: owner.run(lambda c: put_code(c, TESTER, new, hours=1)))
        client = self.client()
        client.get("/en/register")
        made = client.post(
            "/en/register", programme=city, code=code, last4=last4, login=login,
            password=PASSWORD, again=PASSWORD,
        )  # fmt: skip
        assert made.status == 303, made.text
        return account

    def client(self) -> Client:
        return Client(self.url)

    def signed_in(self, city: str, login: str) -> Client:
        """A client that has signed in, with the second factor where there is one."""
        self.forget_attempts()
        client = self.client()
        reply = client.sign_in(city, login)
        assert reply.status == 303, reply.text
        if "/second" in reply.header("location"):
            client.get("/en/login/second")
            reply = client.post("/en/login/second", code=code_at(SECRET, time.time()))
            assert reply.status == 303, reply.text
        return client

    def forget_attempts(self) -> None:
        """Let everybody try anew, with the code of the present step too."""
        self.sql("delete from web.attempt")
        self.sql("update web.login set totp_step = 0")
