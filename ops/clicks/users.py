"""People at the office's pages, as Locust's users: holders on their own, officers at a desk.

Owns what they come for and how often. Must not know how a page is asked for (`browser`) nor the bench. As
Locust patches this process, trio and asyncio must not be imported. How people spend their time at a city's
pages is published by nobody: the weights are assumptions.
"""

from __future__ import annotations

import re
from typing import Final

from locust.env import Environment

from ops.clicks.browser import Errand, Somebody

WRITTEN_MAX: Final = 10
"""Messages of one holder: who writes more than the desk reads is told so."""
_APPLICATION: Final = re.compile(rb'href="(/pl/desk/applications/[0-9]+)"')
_THROUGH: Final = re.compile(rb'name="through" value="([0-9]+)"')
_HOLDER: Final = re.compile(rb'href="(/pl/desk/holders/[0-9]+)"')


class Holder(Somebody):
    """Somebody with a card, mostly on a phone: looks, and goes."""

    def __init__(self, environment: Environment) -> None:
        login, session = next(self.crowd.holders)
        pause_s = self.crowd.order.holder_pause_s
        super().__init__(environment, login, pause_s, HOLDERS_DO, session)
        self._written = 0

    def history(self) -> None:
        """Look at the counter, now and then further back."""
        page = self.get("/pl/me/history")
        if b"page=1" in page and self.rng.random() < 0.3:
            self.read()
            self.get("/pl/me/history?page=1", "/pl/me/history, further back")

    def write(self) -> None:
        """Ask the desk something."""
        self.get("/pl/me/messages")
        if self._written < WRITTEN_MAX:
            self._written += 1
            self.read()
            self.post("/pl/me/messages", "a message to the desk", text="Od kiedy obowiązuje nowa zniżka?")

    def newsletter(self) -> None:
        """Change one's mind about the newsletter."""
        self.get("/pl/me/consents")
        self.read()
        which = self.rng.choice(("give", "withdraw"))
        self.post("/pl/me/consents", "a consent", newsletter=which)


HOLDERS_DO: Final[dict[Errand, int]] = {
    lambda who: who.get("/pl/me"): 25,
    Holder.history: 20,
    lambda who: who.get("/pl/me/offers"): 15,
    lambda who: who.get("/pl/me/messages"): 14,
    lambda who: who.get("/pl/me/data"): 6,
    lambda who: who.get("/pl/me/history.csv"): 5,
    lambda who: who.get("/pl/me/history.pdf"): 1,
    Holder.newsletter: 4,
    Holder.write: 5,
    Somebody.sign_out_and_in: 5,
}


class Officer(Somebody):
    """Somebody at a desk: one application, one holder after another."""

    def __init__(self, environment: Environment) -> None:
        login, pause_s = next(self.crowd.officers), self.crowd.order.officer_pause_s
        super().__init__(environment, login, pause_s, OFFICERS_DO)

    def application(self) -> None:
        """Look at one of the applications that are due."""
        if found := _APPLICATION.findall(self.get("/pl/desk/applications")):
            self.read()
            self.get(self.rng.choice(found).decode(), "/pl/desk/applications/…")

    def due(self) -> None:
        """Look which applications of a state there are."""
        state = self.rng.choice(("received", "called", "verified", "done"))
        self.get(f"/pl/desk/applications?state={state}", "/pl/desk/applications?state=")

    def by_name(self) -> None:
        """Look for somebody by name, and at whom is found."""
        self._look_for(self.rng.choice(self.crowd.order.names), "a search by name")

    def by_card(self) -> None:
        """Look for somebody by the card's number."""
        self._look_for(self.rng.choice(self.crowd.order.cards), "a search by card")

    def answer(self) -> None:
        """Find somebody by the card, and write something to them."""
        whose, page = self._look_for(self.rng.choice(self.crowd.order.cards), "a search by card")
        self.read()
        (through,) = _THROUGH.findall(page)
        self.post(
            whose, "a message to a holder", act="write", text="Karta czeka na odbiór.",
            through=through.decode(),
        )  # fmt: skip

    def take(self) -> None:
        """Take an application down."""
        self.get("/pl/desk/applications/new")
        self.read()
        self.post(
            "/pl/desk/applications/new", "an application taken down", kind="first", account="",
            name=f"Nowa {self.rng.choice(self.crowd.order.names).title()}", born_on="1980-03-01",
            address="Rynek 1", phone="600000000", channel="phone", consent_data="yes",
        )  # fmt: skip

    def _look_for(self, who: str, name: str) -> tuple[str, bytes]:
        self.get("/pl/desk/holders")
        self.read()
        page = self.post("/pl/desk/holders", name, is_page=True, who=who)
        if not (found := _HOLDER.findall(page.partition(b"h_found")[2])):
            self.count(name, "nobody was found")
        whose = found[0].decode()
        self.read()
        return str(whose), self.get(whose, "/pl/desk/holders/…")


OFFICERS_DO: Final[dict[Errand, int]] = {
    Officer.application: 30,
    Officer.due: 10,
    Officer.by_name: 10,
    Officer.by_card: 15,
    Officer.answer: 8,
    Officer.take: 6,
    lambda who: who.get("/pl/desk/cases"): 12,
    lambda who: who.get("/pl/desk/months"): 3,
    lambda who: who.get("/pl/desk/offers"): 3,
    lambda who: who.get("/pl/desk/partners"): 2,
    Somebody.sign_out_and_in: 1,
}
