"""Somebody with a browser, as a user of Locust's: how pages are asked for, forms sent, who may click when.

Owns the gate, the cookies and the signing in. Must not know what anybody comes for (`users`). Locust patches
sockets for gevent when it is imported: trio and asyncio must not be imported here, not even by way of
something else.

Each comes from an address of one's own, as behind a proxy, keeps cookies and follows what a page leads to, as
a browser does; style sheets are loaded once. Invariants: nobody asks while the gate is shut; an answer that
is not the one a person would expect is counted as a failure, never passed over.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlencode, urlsplit

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from locust import FastHttpUser, task
from locust.env import Environment

from ops.clicks.order import Order

AT_THE_DOOR: Final = 16
"""So many sign in at once at the beginning: more would wait for each other's passwords alone."""
SESSION: Final = "__Host-session"
"""The office's cookie, where browsers reach it by TLS."""
IDLE_S: Final = 10.0
"""A connection that was idle for so long is made anew, before the office, which waits longer, closes it."""
TIMEOUT_S: Final = 60.0
_CSRF: Final = re.compile(rb'name="csrf" value="([0-9a-f]{64})"')
_ASSET: Final = re.compile(rb'"(/static/[^"]+)"')


Errand = Callable[[Any], None]


class Unexpected(Exception):
    """An answer that nobody would expect; it is counted already."""


class Gate:
    """Lets everybody click, or nobody; counts who waits for an answer."""

    def __init__(self) -> None:
        self._open = Event()
        self.asking = 0

    def open(self) -> None:
        """Let people click from now on; each after a pause, so that they do not come in step."""
        self._open.set()

    def shut(self) -> None:
        """Let nobody begin anything more."""
        self._open.clear()

    def wait(self, pause_s: Callable[[], float]) -> None:
        """Wait for a pause at whose end the gate is open. (It is exponential: whether it began long ago or
        begins anew, what is left of it is as long.)
        """
        while True:
            self._open.wait()
            gevent.sleep(pause_s())
            if self._open.is_set():
                return


class Crowd:
    """What all people of this process share."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.gate = Gate()
        self.door = BoundedSemaphore(AT_THE_DOOR)
        self.holders = iter(zip(order.holders, order.sessions, strict=True))
        self.officers: Iterator[str] = iter(order.officers)
        self.people: list[Somebody] = []
        self.arrived = 0


class Somebody(FastHttpUser):
    """A person with a browser; what kind is a subclass'."""

    abstract = True
    crowd: ClassVar[Crowd]
    connection_timeout = network_timeout = TIMEOUT_S

    def __init__(
        self,
        environment: Environment,
        login: str,
        pause_s: float,
        errands: Mapping[Errand, int],
        session: str = "",
    ) -> None:
        """`pause_s`: the mean; `errands`: what for, by weight; `session`: the cookie of one that is open."""
        super().__init__(environment)
        self.login = login
        self._pause_s = pause_s
        self._errands = list(errands)
        self._weights = list(errands.values())
        self.cookies: dict[str, str] = {}  # kept here: Locust's jar gives none that are Secure back
        self.is_in = bool(session)
        if session:
            self.cookies[SESSION] = session
        self._asked_s = 0.0
        self._is_in_haste = False
        self.crowd.people.append(self)
        self.rng = random.Random(f"{self.crowd.order.seed} {self.login}")
        number = self.rng.getrandbits(24)
        self._address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        self._csrf = ""
        self._assets: set[bytes] = set()
        self._step = 0

    def wait_time(self) -> float:
        """Pauses are the gate's."""
        return 0.0

    def on_start(self) -> None:
        """Sign in before anything is measured, but for whoever has a session."""
        if not self.is_in:
            with self.crowd.door:
                self._do(lambda: self._sign_in(pause=lambda: None))
        self.crowd.arrived += 1

    @task
    def click(self) -> None:
        """Come, and do something."""
        self.read()
        (errand,) = self.rng.choices(self._errands, self._weights)
        self._do(lambda: errand(self) if self.is_in else self._sign_in(self.read))

    def tour(self, errands: Iterable[Errand]) -> None:
        """Do these, one after the other, without a pause."""
        self._is_in_haste = True
        for errand in errands:
            self._do(lambda it=errand: it(self))  # type: ignore[misc]
        self._is_in_haste = False

    def read(self) -> None:
        """Look at the page that is there, or fill its form in."""
        if self._is_in_haste:
            return
        self.crowd.gate.wait(lambda: self.rng.expovariate(1.0 / self._pause_s))

    def get(self, path: str, name: str = "") -> bytes:
        """Return a page, which has to be there. Raises Unexpected."""
        body, _ = self._ask("GET", path, name or path)
        return body

    def post(self, path: str, counted_as: str, *, is_page: bool = False, **fields: str) -> bytes:
        """Send the form of the page before, and return what it leads to, or (`is_page`) answers with."""
        status = 200 if is_page else 303
        body, leads_to = self._ask("POST", path, counted_as, {"csrf": self._csrf, **fields}, status)
        return body if is_page else self.get(leads_to, named(leads_to))

    def sign_out_and_in(self) -> None:
        """Go, and come again later."""
        if not self._csrf:
            self.get("/pl/me")
        self.is_in = False
        self.post("/pl/logout", "sign out")
        self.read()
        self._sign_in(self.read)

    def _do(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Unexpected:
            self.is_in = False  # begins again at the door, as a person would

    def _sign_in(self, pause: Callable[[], None]) -> None:
        order = self.crowd.order
        self._load(self.get("/pl/login", "sign in: the page"))
        pause()
        fields = {
            "csrf": self._csrf,
            "programme": order.city,
            "login": self.login,
            "password": order.password,
        }
        _, leads_to = self._ask("POST", "/pl/login", "sign in: the password", fields, 303)
        if "/login/second" in leads_to:
            self.get(leads_to, "sign in: the code's page")
            fields = {"csrf": self._csrf, "code": self._code()}
            _, leads_to = self._ask("POST", "/pl/login/second", "sign in: the code", fields, 303)
        if "/login" in leads_to:
            self.count("sign in", "leads back to the sign-in")
        if urlsplit(leads_to).path.strip("/") == "pl":
            _, leads_to = self._ask("GET", leads_to, "where one begins", status=303)
        self._load(self.get(leads_to, named(leads_to)))
        self.is_in = True

    def _code(self) -> str:
        """Return the code of a time step that was not used yet: of now, or the next, which is taken too."""
        order = self.crowd.order
        while (step := max(_step(order), self._step + 1)) > _step(order) + 1:
            gevent.sleep(1.0)
        self._step = step
        return order.codes[step]

    def _load(self, page: bytes) -> None:
        """Load a page's files, once: a browser keeps them."""
        for path in set(_ASSET.findall(page)) - self._assets:
            self._assets.add(path)
            self.get(path.decode(), "a style sheet or icon")

    def _ask(
        self, method: str, path: str, name: str, fields: dict[str, str] | None = None, status: int = 200
    ) -> tuple[bytes, str]:
        headers = {"X-Forwarded-For": self._address}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if time.monotonic() - self._asked_s > IDLE_S:
            self.client.client.clientpool.close()
        gate = self.crowd.gate
        gate.asking += 1
        try:
            with self.client.request(
                method, path, name=name, data=urlencode(fields) if fields is not None else None,
                headers=headers, allow_redirects=False, catch_response=True,
            ) as answer:  # fmt: skip
                body: bytes = answer.content or b""
                leads_to = (answer.headers or {}).get("location") or ""
                for given in answer.headers.getlist("set-cookie") if answer.headers else ():
                    key, _, rest = given.partition("=")
                    self.cookies[key] = rest.partition(";")[0]
                if answer.status_code != status:
                    answer.failure(f"{answer.status_code or answer.error!r}, not {status} {leads_to}".strip())
                    raise Unexpected
        finally:
            gate.asking -= 1
            self._asked_s = time.monotonic()
        if found := _CSRF.search(body):
            self._csrf = found[1].decode()
        return body, leads_to

    def count(self, name: str, why: str) -> None:
        """Count something that nobody expects, and raise Unexpected."""
        self.environment.stats.log_error("", name, why)
        raise Unexpected


def _step(order: Order) -> int:
    return int(time.time()) // order.step_s


def named(path: str) -> str:
    """Return by what a page is counted: numbers of rows make no other page."""
    return re.sub(r"/[0-9]+", "/…", urlsplit(path).path)
