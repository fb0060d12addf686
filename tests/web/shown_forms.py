"""A form as a browser posts it: what its page shows in every field, and what somebody types over that."""

from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urlencode

from tests.web.office_stage import Client, Reply


class Shown(NamedTuple):
    """A form of method post, where it goes, what is posted of it if nobody touches it, and in which fields
    that are typed or ticked something stands.
    """

    action: str
    fields: list[tuple[str, str]]
    shows: list[str]

    @property
    def act(self) -> str:
        return self.text("act")

    def text(self, name: str) -> str:
        return next((value for key, value in self.fields if key == name), "")

    def typed(self, **typed: str) -> "Shown":
        """The same with other texts in some fields; an empty one unticks a box."""
        kept = [(name, value) for name, value in self.fields if name not in typed]
        return self._replace(fields=kept + [(name, value) for name, value in typed.items() if value])


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Shown] = []
        self._open: Shown | None = None
        self._choosing = self._writing = ""
        self._chosen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and found.get("method") == "post":
            self._open = Shown(found["action"], [], [])
            self.forms.append(self._open)
        elif self._open is None:
            return
        elif tag == "input" and found.get("name"):
            kind, is_ticked = found.get("type", "text"), "checked" in found
            if kind not in ("checkbox", "radio", "file") or is_ticked:
                self._open.fields.append((found["name"], found.get("value", "")))
                if kind != "hidden" and found.get("value"):
                    self._open.shows.append(found["name"])
        elif tag == "select":
            self._choosing, self._chosen = found["name"], []
        elif tag == "option" and ("selected" in found or not self._chosen):
            self._chosen = [found.get("value", "")]
        elif tag == "textarea":
            self._writing = found["name"]
            self._open.fields.append((self._writing, ""))

    def handle_data(self, data: str) -> None:
        if self._writing and self._open is not None:
            name, text = self._open.fields.pop()
            self._open.fields.append((name, text + data))
            self._open.shows.append(name)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "textarea":
            self._writing = ""
        elif tag == "select" and self._open is not None:
            self._open.fields.extend((self._choosing, each) for each in self._chosen)


def forms_of(page: str) -> list[Shown]:
    """Every form of a page."""
    reader = _Forms()
    reader.feed(page)
    return reader.forms


def form_on(page: str, action: str, act: str = "") -> Shown:
    """The form of a page that posts there and asks for that."""
    (found,) = [form for form in forms_of(page) if (form.action, form.act) == (action, act)]
    return found


def send(client: Client, form: Shown) -> Reply:
    """Post a form as it is filled in."""
    return client.ask(
        "POST", form.action, urlencode(form.fields).encode(), Content_Type="application/x-www-form-urlencoded"
    )
