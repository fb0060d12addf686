"""A site with one of everything that an address can name, and who has it, and who has not.

Owns the rows and the addresses of them (`places`), which tests of other people's numbers, of markup and of
what everybody can use walk. Must not know what they look for. Invariant: each route of the site with a gap
has a place here, or its tests fail.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from ledger.postgres.database import Connection, Database
from ledger.registry import proposals
from ledger.registry.audit import Actor
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.logins import ROLES
from ledger.registry.people import change_person
from tests.ledger.books import write_registry
from tests.ledger.settled import STATEMENT
from tests.ops.test_applications import number_of
from tests.ops.uploads import png
from tests.postgres import Server
from tests.web.desk_counter import NOBODY, send, take
from tests.web.desk_months import last_month
from tests.web.office_stage import TESTER, Client, OfficeStage
from tests.web.partner_stage import make_partners
from tests.web.test_acting_for import represent
from tests.web.test_apply import invited, sent
from tests.web.test_passkeys import with_passkey

CITY: Final = "zgierz"
MONTH: Final = "2033-09"
"""Of it partners have statements, and the first a note and an invoice."""
ALONE: Final = "2033-10"
"""Of it the first partner alone has a statement."""
OFFER: Final = {
    "number": "831", "name_pl": "Lody", "text_pl": "Jedna gałka", "name_en": "Ices", "text_en": "One scoop",
    "kind": "percent", "value": "10",
}  # fmt: skip
CARD: Final = number_of("96161", 7_900)
"""A card of the city that has points."""
HOLDERS: Final = ("ola", "neighbour")
"""Another holder of the city, and one of the other."""
ORGANISERS: Final = {
    3: ("every3", "second3", "admin3", "desk1", "desk2"), 1: ("every1", "second1", "admin1"),
}  # fmt: skip
"""Who may be shown what is a programme's."""


class Place(NamedTuple):
    """What a route's address names: its gaps filled, whose it is, and who must not have it.

    `no_others`: why no other person's row has such an address: then the others may be answered.
    """

    path: str
    whose: str
    others: tuple[str, ...]
    no_others: str = ""


class OneOfEach:
    """The rows, their addresses, and clients that have signed in."""

    def __init__(self, office: OfficeStage) -> None:
        self.office = office
        self.clients: dict[str, Client] = {}
        self._people()
        self.ids = self._rows()

    def __getitem__(self, name: str) -> Client:
        return self.clients[name]

    def _people(self) -> None:
        office = self.office
        for programme, city in ((3, CITY), (1, "czestochowa")):
            for name, roles in (("every", ROLES), ("second", ROLES), ("admin", ("admin",))):
                office.officer(programme, f"{name}-one", *roles, desk="")
                self.clients[f"{name}{programme}"] = office.signed_in(city, f"{name}-one")
        for desk in ("1", "2"):
            office.officer(3, f"desk-{desk}", "clerk", "verifier", desk=desk)
            self.clients[f"desk{desk}"] = office.signed_in(CITY, f"desk-{desk}")
        office.accounts["member3"] = office.new_member("member", CITY)
        self.clients["ola"] = office.signed_in(CITY, "ola")
        self.clients["neighbour"] = office.signed_in("czestochowa", "ala")
        self.partners = make_partners(office)
        for name in self.partners:
            self.clients[name] = office.signed_in("czestochowa" if name == "pool" else CITY, name)
        self.clients["member"], _ = with_passkey(office, "member")
        self.clients["stranger"] = office.client()
        for name, client in self.clients.items():
            client.get("/en/login" if name == "stranger" else "/en/account/sessions")

    def _rows(self) -> dict[str, str]:
        office, found = self.office, {}
        account = office.accounts["member3"]
        desk, member, every = self["desk1"], self["member"], self["every3"]
        self._mark_holders()
        application = take(desk, **NOBODY, address="Znak 4")
        desk.get(application)
        assert send(desk, f"{application}/files", png()).status == 303
        found["attachment"] = re.findall(rf'href="{application}/files/(\d+)"', desk.get(application).text)[0]
        refused = take(desk, **NOBODY)
        desk.get(refused)
        assert desk.post(refused, act="call", reason="a proof").status == 303
        found |= {"application": _last(application), "called": _last(refused), "account": str(account)}
        represent(office, "member3", "guardian", "Halina Opiekun")
        represent(office, "member3", "proxy", "Piotr Pełnomocnik")
        member.get("/en/me/duplicate")
        assert member.post("/en/me/duplicate", why="no-fault", pickup="1").status == 303
        found["own_application"] = str(
            office.sql("select max(number) from people.application where account = $1", account)[0][0]
        )
        found["case"] = str(self.reported())
        every.get("/en/desk/offers")
        kept = every.post("/en/desk/offers", act="keep", partner=str(self.partners["baker"]), **OFFER)
        assert kept.status == 303, kept.text
        baker = self["baker"]
        baker.get("/en/partner/offers/new")
        said = {key: value for key, value in OFFER.items() if key != "number"}
        assert baker.post("/en/partner/offers/new", **said).status == 303
        found |= {"offer": "831", "declaration": str(_newest(office, "registry.offer_declaration"))}
        found |= {"proposed": str(self.proposed()), "published": str(self.published())}
        found |= {"adjustment": self.adjusted(), "passkey": str(_newest(office, "web.passkey"))}
        found["login"] = str(office.sql("select id from web.login where shown = 'Baker'")[0]["id"])
        self._alone()
        assert every.post(f"/en/desk/months/{last_month()}", act="run").status == 303
        return found | self._strangers()

    def _mark_holders(self) -> None:
        for n, whose in enumerate(("member3", "ola3", "ala1"), 1):
            account = self.office.accounts[whose]
            token = self.office.sql("select token from registry.card where account = $1", account)[0][0]

            async def job(c: Connection, token: int = token, mark: str = f"Znak {n}") -> None:
                await change_person(c, TESTER, self.office.master.vault, token, {"address": mark})

            self.office.run(lambda owner, job=job: owner.run(job))  # type: ignore[misc]

    def _strangers(self) -> dict[str, str]:
        """What who has no card yet was sent: the address of a form, and of an application."""
        form = invited(self.office, "stranger@one.example").form
        _, state = sent(self.office, "applicant@one.example", **NOBODY)
        self.office.forget_attempts()
        return {"token": _last(form), "secret": _last(state)}

    def reported(self, stan: int = 9_900) -> int:
        """The number of a case of a new card."""
        account, last4 = self.office.unnamed(CITY)
        self.office.sql(
            "select registry.report_card_v1(t.id, $3, 1, 1::smallint, 1::smallint, 1790000000, c.token, "
            "$2::smallint) from registry.terminal t join registry.partner p on p.id = t.partner, "
            "registry.card c where p.programme = 3 and c.account = $1 order by t.id limit 1",
            account, int(last4), stan,
        )  # fmt: skip
        return _newest(self.office, "registry.card_case")

    def proposed(self) -> int:
        """The number of a correction that waits to be approved."""
        sums: dict[str, int | str] = {"net_grosze": 5, "vat_rate": 23, "origin": "x"}
        what: tuple[Any, str] = ("correct_statement", f"{self.partners['cinema']}/{last_month()}")
        return self._propose(what, sums)

    def published(self) -> int:
        """The number of a proposal to publish the offer."""
        rows = self.office.sql("select registry.offer_as_it_stands(3::smallint, 831) as stands")
        terms = {"from_day": None, "urgent": True, "offers": {"831": rows[0]["stands"]}}
        return self._propose(("publish_offers", "831"), terms)

    def _propose(self, what: tuple[Any, str], terms: dict[str, Any]) -> int:
        async def job(c: Connection) -> int:
            return await proposals.propose(c, Actor("one", "x"), 3, what, terms)

        return self.office.run(lambda owner: owner.run(job))

    def adjusted(self) -> str:
        """The number of a correction of points that waits to be approved."""
        token = self.office.master.pepper(1).token(CARD)

        async def run(owner: Database) -> None:
            row = CardRow(token, CARD[-4:], None, CardStatus.ACTIVE)
            await owner.run(lambda c: import_cards(c, TESTER, 1, [row]))

        self.office.run(run)
        every = self["every1"]
        every.get("/en/desk/points")
        reply = every.post("/en/desk/points", act="correct", card=CARD, points="25", reason="a till")
        assert reply.status == 303, reply.text
        return _last(reply.header("location"))

    def _alone(self) -> None:
        partner = self.partners["baker"]
        document = STATEMENT.format(programme=3, partner=partner).replace("2026-09", ALONE)
        sql = (
            "insert into registry.statement (programme, month, partner, number, due_grosze, document) "
            f"values (3, '{ALONE}', $1, 'baker/{ALONE}', 123, $2)"
        )
        self.office.run(lambda o: o.run(lambda c: write_registry(c, sql, partner, document)))

    def tells(self) -> list[str]:
        """What no page may hold that is for others: names and numbers of the rows."""
        return ["Halina Opiekun", "Piotr Pełnomocnik", f"{self.partners['baker']}", "baker/20"]

    def marks(self) -> dict[str, tuple[str, ...]]:
        """What is planted in rows, and who alone may be told it."""
        here, there = ORGANISERS[3], ORGANISERS[1]
        return {
            "Znak 1": ("member", *here), "Znak 2": ("ola", *here), "Znak 3": ("neighbour", *there),
            "Znak 4": ("desk1", "every3", "second3"),
            "Halina Opiekun": ("member", *here), "Piotr Pełnomocnik": ("member", *here),
            "baker/2033": ("baker", *here), "cinema/2033": ("cinema", *here), "pool/2033": ("pool", *there),
        }  # fmt: skip

    def places(self) -> dict[str, Place]:
        """Of each route with a gap the address of a row."""
        ids, partner = self.ids, self.partners["baker"]
        application = f"/desk/applications/{ids['application']}"
        at, month = "/desk/applications/{number:int}", f"/desk/months/{MONTH}"
        clerk = ("desk1", ("desk2", "every1"))
        every = ("every3", ("every1",))
        shop = ("baker", ("cinema", "pool"))
        holder = ("member", HOLDERS)
        theirs = "/desk/months/{month}/{partner:int}"
        own_month = "a month is of every programme: its own is shown and moved"
        found: dict[str, tuple[Any, ...]] = {
            at: (application, *clerk),
            f"{at}/form": (f"{application}/form", *clerk),
            f"{at}/files": (f"{application}/files", *clerk),
            f"{at}/files/{{attachment:int}}": (f"{application}/files/{ids['attachment']}", *clerk),
            f"{at}/letter": (f"/desk/applications/{ids['called']}/letter", *clerk),
            "/desk/cases/{number:int}": (f"/desk/cases/{ids['case']}", *every),
            "/desk/proposals/{number:int}": (f"/desk/proposals/{ids['proposed']}", *every),
            "/desk/points/{number:int}": (f"/desk/points/{ids['adjustment']}", "every1", ("every3",)),
            "/desk/offers/proposals/{proposal:int}": (f"/desk/offers/proposals/{ids['published']}", *every),
            "/desk/offers/{number:int}": (f"/desk/offers/{ids['offer']}", *every),
            "/desk/partners/{partner:int}": (f"/desk/partners/{partner}", *every),
            "/desk/declarations/{number:int}": (f"/desk/declarations/{ids['declaration']}", *every),
            "/desk/logins/{login:int}": (f"/desk/logins/{ids['login']}", "admin3", ("admin1",)),
            "/me/block/{place}": ("/me/block/1-1", *holder, "a place is among the own cards"),
            "/me/applications/{number:int}": (f"/me/applications/{ids['own_application']}", *holder),
            "/account/passkeys/{number:int}": (f"/account/passkeys/{ids['passkey']}", *holder),
            "/partner/offers/{number:int}": (f"/partner/offers/{ids['offer']}", *shop),
            "/partner/declarations/{number:int}": (f"/partner/declarations/{ids['declaration']}", *shop),
            "/apply/form/{token}": (f"/apply/form/{ids['token']}", "stranger", ()),
        }
        for more in ("", "/code", "/login"):
            route = f"/desk/holders/{{account:int}}{more}"
            found[route] = (f"/desk/holders/{ids['account']}{more}", *every)
        for more in ("", "/data"):
            found[f"/apply/state/{{secret}}{more}"] = (f"/apply/state/{ids['secret']}{more}", "stranger", ())
        for more in ("", "/statements.csv", "/summary.csv", "/notes.csv", "/documents"):
            found[f"/desk/months/{{month}}{more}"] = (f"{month}{more}", *every, own_month)
        found["/desk/months/{month}/summary.csv"] = (
            f"/desk/months/{last_month()}/summary.csv",
            *every,
            own_month,
        )
        number = self.office.sql("select text from registry.invoice where kind = 'invoice'")[0][0]
        for more, asks in (("", ""), ("/csv", ""), ("/pdf", ""), ("/note.csv", ""), ("/note.pdf", ""),
                           ("/document", f"?number={number}")):  # fmt: skip
            found[f"{theirs}{more}"] = (f"{month}/{partner}{more}{asks}", *every)
        for kind in ("csv", "pdf"):
            found[f"/partner/statements/{{month}}.{kind}"] = (f"/partner/statements/{ALONE}.{kind}", *shop)
            found[f"/partner/notes/{{month}}.{kind}"] = (f"/partner/notes/{MONTH}.{kind}", *shop)
        return {route: Place(*place) for route, place in found.items()}


def _last(path: str) -> str:
    return path.partition("?")[0].rpartition("/")[2]


def _newest(office: OfficeStage, table: str) -> int:
    return int(office.sql(f"select max(number) from {table}")[0][0])


@contextmanager
def one_of_each(server: Server, directory: Path) -> Iterator[OneOfEach]:
    """One of everything, on a site and a database of its own."""
    fresh = server.create()
    try:
        with OfficeStage(fresh, directory).running() as running:
            yield OneOfEach(running)
    finally:
        server.drop(fresh)
