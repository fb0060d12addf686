"""The forms of a page as they were served: where they go, their fields with what bounds them, their buttons.

Owns the reading, and filling a form in so that it is taken. Must not know what a test looks for. Invariant:
what is sent unseen comes from the page.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Final, NamedTuple

from tests.days import today
from tests.ops.statements import ksef_number
from tests.ops.test_applications import number_of
from tests.ops.uploads import png
from tests.web.crawl import site_routes
from tests.web.office_stage import PASSWORD, Client, OfficeStage, Reply

TEXT: Final = frozenset({"text", "search", "tel", "email", "url", "date", "textarea"})
"""What a person types."""
SAYS_WHAT: Final = ("act", "what", "go", "newsletter")
"""Fields that say what a form is to do."""
LEFT: Final = frozenset({"combines", "confirm", "needs_guardian", "outlets"})
"""Choices that stay as they are: the rules of the programmes here want them so."""
_CARD: Final = number_of("96162", 7_950)
VALID: Final[Mapping[str, str]] = {
    "born_on": "1980-01-01", "pesel": "", "phone": "600 700 800", "guardian_phone": "600 700 801",
    "email": "somebody@one.example", "guardian_email": "guardian@one.example",
    "tax_year": f"{today().year - 1}",
    "until": f"{today().year + 1}-01-31", "card": _CARD, "points": "25", "net": "45,90", "months": "12",
    "starts_on": f"{today():%Y-%m-%d}", "last_day": f"{today() + timedelta(days=90):%Y-%m-%d}",
    "from": "", "to": "2199-12-31", "value": "10", "hours": "", "max_discount": "", "outlets": "",
    "uses_1": "", "uses_2": "", "uses_3": "", "tax_id": "8982145677", "ksef_number": ksef_number(),
    "code": "AAAA-BBBB-CCCC", "last4": "0000", "lines": f"{_CARD} 300 OLD-1",
}  # fmt: skip
"""What may stand in a field that only what is like it may: a day, a figure, an address."""


class Input(NamedTuple):
    """A field: `most` characters may be typed; of a choice, `choices`."""

    name: str
    kind: str
    value: str
    most: int
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """A form of method post, with the button that is pressed."""

    action: str
    inputs: tuple[Input, ...] = ()
    button: tuple[str, str] = ("", "")
    buttons: tuple[tuple[str, str, bool], ...] = ()
    is_final: bool = False
    """Whether its button warns of what it does."""
    has_file: bool = False

    def pressed(self) -> Iterator["Form"]:
        """The form once for each of its buttons."""
        for name, value, is_final in self.buttons:
            yield replace(self, button=(name, value), is_final=is_final)

    @property
    def does(self) -> str:
        """What it says that is to be done; empty where it can do one thing."""
        said = {each.name: each.value for each in self.inputs if each.kind == "hidden"}
        said |= dict([self.button]) if self.button[0] else {}
        return next((said[name] for name in SAYS_WHAT if name in said), "")

    def typed(self) -> list[Input]:
        """The fields that are typed."""
        return [each for each in self.inputs if each.kind in TEXT]

    def filled(self, typed: Mapping[str, str]) -> dict[str, str]:
        """What is sent: as it was served, what is chosen chosen, with these texts."""
        sent: dict[str, str] = {}
        for each in self.inputs:
            if each.kind == "password":
                sent[each.name] = PASSWORD
            elif each.kind in TEXT:
                sent[each.name] = typed.get(each.name, VALID.get(each.name, each.value or "Jan Q"))
            elif each.kind == "select":
                first = next((one for one in each.choices if one and each.name not in LEFT), "")
                sent[each.name] = each.value or first
            elif each.kind != "file" and each.name not in sent and each.name not in LEFT:
                sent[each.name] = each.value
        if self.button[0]:
            sent[self.button[0]] = self.button[1]
        sent.pop("csrf", None)
        return sent


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._is_open = False
        self._select: tuple[str, str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_open = got.get("method") == "post"
            if self._is_open:
                self.forms.append(Form(got["action"], has_file="multipart" in got.get("enctype", "")))
        elif not self._is_open:
            return
        elif tag == "button":
            last = self.forms[-1]
            button = (got.get("name", ""), got.get("value", ""), "danger" in got.get("class", ""))
            self.forms[-1] = replace(last, buttons=(*last.buttons, button))
        elif tag == "select":
            self._select = (got["name"], "", [])
        elif tag == "option" and self._select:
            name, value, choices = self._select
            chosen = got.get("value", "") if "selected" in got else value
            self._select = (name, chosen, [*choices, got.get("value", "")])
        elif tag in ("input", "textarea") and got.get("name"):
            kind = "textarea" if tag == "textarea" else got.get("type", "text") or "text"
            most = int(got.get("maxlength", "2000"))
            self._add(Input(got["name"], kind, got.get("value", ""), most))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_open = False
        elif tag == "select" and self._select:
            name, value, choices = self._select
            self._add(Input(name, "select", value, 0, tuple(choices)))
            self._select = None

    def _add(self, new: Input) -> None:
        last = self.forms[-1]
        self.forms[-1] = replace(last, inputs=(*last.inputs, new))


def submit(client: Client, form: Form, typed: Mapping[str, str] | None = None) -> Reply:
    """Send a form as this client's own: filled in, with a picture where it takes a file."""
    sent = form.filled(typed or {})
    if not form.has_file:
        return client.post(form.action, **sent)
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in {**sent, "csrf": client.csrf}.items()]  # fmt: skip
    head = "".join(parts) + '--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    body = head.encode() + png() + b"\r\n--x--\r\n"
    return client.ask("POST", form.action, body, Content_Type="multipart/form-data; boundary=x")


def forms_of(html: str) -> list[Form]:
    """The forms of a page, each button of one as a form of its own."""
    reader = _Reader()
    reader.feed(html)
    return [pressed for form in reader.forms for pressed in form.pressed()]


@dataclass
class Routes:
    """The routes of the site, and which one an address is of."""

    office: OfficeStage
    all: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.all = site_routes(self.office)
        self._patterns = [(method, path, _pattern(path)) for method, path in self.all]

    def of(self, method: str, address: str) -> str:
        """The route of an address with its language; raises StopIteration where there is none."""
        bare = re.sub(r"^/(en|pl)", "", address.partition("?")[0]) or "/"
        return next(path for asked, path, like in self._patterns if asked == method and like.fullmatch(bare))


def _pattern(path: str) -> re.Pattern[str]:
    pattern = re.sub(r"\{\w+:int\}", "[0-9]+", path)
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", pattern.replace(".", r"\.")))
