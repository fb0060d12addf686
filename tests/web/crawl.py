"""What a person can reach of the office's site: every page by its links, every form with its fields."""

import re
from collections import deque
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import NamedTuple

from starlette.routing import Route

from ops.web.identity.notes import Notes
from ops.web.identity.pages import IdentityPages
from ops.web.identity.passwords import Passwords
from ops.web.identity.signing_in import Door
from ops.web.office_site import Site, parts_here
from ops.web.pages import Pages
from tests.web.office_stage import PASSWORD, Client, OfficeStage

PAGES_MAX = 1_000
"""So many pages of one person's would be links that lead on without an end."""
_LINK = re.compile(r'href="(/en/[^"#]*)"')


class Field(NamedTuple):
    name: str
    kind: str
    value: str


@dataclass
class Form:
    """A form of method post, as it was served."""

    action: str
    fields: list[Field] = field(default_factory=list)

    def filled(self) -> dict[str, str]:
        """What is sent: as it came, the password where one is wanted."""
        sent = {}
        for each in self.fields:
            if each.kind != "file" and each.name not in sent:
                sent[each.name] = PASSWORD if each.kind == "password" else each.value or "x"
        return sent


class Reader(HTMLParser):
    """Reads the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and found.get("method") == "post":
            self.forms.append(Form(found["action"]))
        elif self.forms and found.get("name") and tag in {"input", "select", "textarea", "button"}:
            kind = found.get("type", "") if tag in {"input", "button"} else tag
            self.forms[-1].fields.append(Field(found["name"], kind, found.get("value", "")))
        elif (
            tag == "option"
            and self.forms
            and self.forms[-1].fields
            and self.forms[-1].fields[-1].kind == "select"
        ):
            last = self.forms[-1].fields[-1]
            if not last.value:
                self.forms[-1].fields[-1] = last._replace(value=found.get("value", ""))


class Seen(NamedTuple):
    """What was reached: pages by their path, and the forms on them by where they go."""

    pages: dict[str, str]
    forms: dict[str, Form]

    def ids(self) -> set[str]:
        """Paths that name something: those with a figure in them."""
        paths = {path.partition("?")[0] for path in (*self.pages, *self.forms)}
        return {path for path in paths if re.search(r"/[^/]*\d", path)}


def site_routes(office: OfficeStage) -> list[tuple[str, str]]:
    """Every method and path of the site, as they are declared."""

    def pages() -> Pages:
        raise AssertionError("no page is made")

    door = Door(Passwords(), Notes(()))
    site = Site(pages, door, office.mail, office.offices, office.relying.origin)
    parts = [make(site) for make in parts_here()]
    parts.append(IdentityPages(pages, door, lambda: [], office.relying).part())
    return [
        (method, route.path)
        for part in parts
        for route in part.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    ]


def filled_path(path: str) -> str:
    """A path with a figure for each of its parameters."""
    return re.sub(r"\{\w+(:\w+)?\}", lambda part: "1" if part[1] else "1-1", path)


def crawl(client: Client, start: str = "/en/account/sessions") -> Seen:
    """Follow every link from a page on, to the last page; files are not read."""
    seen = Seen({}, {})
    waiting, known = deque([start]), {start}
    while waiting:
        assert len(seen.pages) < PAGES_MAX, f"{PAGES_MAX} pages, and more: {', '.join(list(waiting)[:9])}"
        path = waiting.popleft()
        reply = client.get(path)
        if not reply.header("content-type").startswith("text/html") or reply.status != 200:
            continue
        seen.pages[path] = reply.text
        reader = Reader()
        reader.feed(reply.text)
        for form in reader.forms:
            seen.forms.setdefault(form.action, form)
        for link in _LINK.findall(reply.text):
            if link not in known:
                known.add(link)
                waiting.append(link.replace("&amp;", "&"))
    return seen
