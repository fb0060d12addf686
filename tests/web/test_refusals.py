"""What is refused is told in the language of the page: every text that can reach one has its Polish.

Which texts those are is read from the source: all that the modules say which the office's pages import.
"""

import ast
import copy
import functools
import pickle
import re
import string
from collections.abc import Iterator
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ledger.errors import DatabaseContended, NotInRegistry, RegistryRefused
from ledger.phrase import Phrase
from ledger.registry.adjustments import AdjustmentState
from ledger.registry.agreements import CONSENTS, ROLES
from ledger.registry.applications import ENDED, KINDS, OPEN, WAYS
from ledger.registry.attachments import ATTACHMENTS
from ledger.registry.card_cases import CaseState
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.duplicates import Carrier
from ledger.registry.logins import ROLES as ROLES_OF_OFFICERS
from ledger.registry.offer_declarations import DeclarationState
from ledger.registry.partner_contracts import ContractState
from ledger.registry.people import CHANNELS
from ledger.registry.proposals import ProposalState
from ops.office.forms import Lack
from ops.office.publish_offers import WITHDRAWN
from ops.web.desk.site import WORDS
from ops.web.language import Speech
from ops.web.refusals import CATALOGUES, POLISH, fault_of, tell
from ops.web.refusals.names import NAMES, PAGE_WORDS
from switch.rules.offer_faults import WRITTEN, OfferError
from switch.rules.offers import Offer, read_offer
from switch.rules.programme import WhyDuplicate
from tests.web.office_stage import OfficeStage

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("protocol", "ledger", "switch", "simulators", "ops")
PAGES: Final = (
    "ops.web.desk", "ops.web.holder", "ops.web.partner", "ops.web.identity", "ops.web.office_site",
)  # fmt: skip
MADE_BY: Final = ("RegistryRefused", "NotInRegistry", "Phrase")
"""What is called with a template; who derives from them calls them by super()."""
OF_WHAT: Final = (
    "check_text", "check_number", "check_nip", "check_unit_id", "check_account", "check_second", "_one_of",
)  # fmt: skip
"""What is called with what a bound or a rule is of, in English."""


class Said(NamedTuple):
    """A call that makes a text: where, with which template (None: none that can be read), and which parts."""

    where: str
    template: str | None
    parts: frozenset[str] | None


def modules() -> dict[str, Path]:
    """Return the modules of the product by name."""
    found = {}
    for path in (each for package in PACKAGES for each in (ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the names of modules a module may import: what is no module is nobody's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def behind_the_pages() -> dict[Path, ast.Module]:
    """Return every module that a page of the office is made with, however far behind it."""
    paths, seen = modules(), dict[Path, ast.Module]()
    waiting = [name for name in paths if name.startswith(PAGES)]
    while waiting:
        path = paths.get(waiting.pop())
        if path is not None and path not in seen:
            seen[path] = ast.parse(path.read_text(encoding="utf-8"))
            waiting += imported(seen[path])
    return seen


def called(node: ast.Call, derived: frozenset[ast.AST]) -> bool:
    """Whether a call makes a text of a template; `derived`: the calls of super().__init__ that do."""
    return (isinstance(node.func, ast.Name) and node.func.id in MADE_BY) or node in derived


def super_calls(tree: ast.Module) -> frozenset[ast.AST]:
    """Return how the classes of a module that are refusals call what they derive from."""
    found: set[ast.AST] = set()
    for kind in ast.walk(tree):
        if isinstance(kind, ast.ClassDef) and any(getattr(base, "id", "") in MADE_BY for base in kind.bases):
            found |= {
                node
                for node in ast.walk(kind)
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__"
            }
    return frozenset(found)


def said(path: Path, tree: ast.Module) -> Iterator[Said]:
    """Yield what a module says that may reach a page."""
    derived = super_calls(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not called(node, derived):
            continue
        first = node.args[0] if node.args else None
        is_text = isinstance(first, ast.Constant) and isinstance(first.value, str) and len(node.args) == 1
        names = [keyword.arg for keyword in node.keywords]
        yield Said(
            f"{path.relative_to(ROOT)}:{node.lineno}",
            first.value if is_text and isinstance(first, ast.Constant) else None,
            None if None in names else frozenset(name for name in names if name),
        )


@functools.cache
def everything_said() -> tuple[Said, ...]:
    """All of it, but for the two places where the errors themselves are made."""
    own = {ROOT / "ledger/errors.py", ROOT / "ledger/phrase.py"}
    return tuple(
        each for path, tree in behind_the_pages().items() if path not in own for each in said(path, tree)
    )


def places(template: str) -> frozenset[str]:
    """Return the names of the places of a template."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(template) if name is not None)


def test_what_is_refused_is_a_template_with_parts_and_no_text_made_up_before() -> None:
    """No f-string, no sum of texts, no variable: what cannot be looked up cannot be translated; its parts are
    those it has places for.
    """
    assert len(everything_said()) > 300
    assert [each.where for each in everything_said() if each.template is None] == []
    odd = {
        each.where: each.parts ^ places(each.template)
        for each in everything_said()
        if each.template is not None and each.parts is not None and each.parts != places(each.template)
    }
    assert odd == {}


def test_a_line_of_a_list_is_refused_by_a_phrase() -> None:
    """Why a row of an import is refused is no text made up before, either: a page tells the first of them."""
    made_up = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in behind_the_pages().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Refusal"
        and isinstance(node.args[-1], ast.Constant | ast.JoinedStr | ast.BinOp)
    ]
    assert made_up == []


def test_every_refusal_has_its_polish_and_no_other_is_there() -> None:
    """One Polish text of each English one that can reach a page, none left over of what nobody says."""
    english = {each.template for each in everything_said()}
    assert english - POLISH.keys() == set()
    assert POLISH.keys() - english == set()
    assert sum(map(len, CATALOGUES)) == len(POLISH), "two catalogues have one text"


def test_the_polish_has_the_places_of_the_english() -> None:
    """Each part is said in both languages."""
    odd = [english for english, polish in POLISH.items() if places(english) != places(polish)]
    assert odd == []


def test_what_a_bound_is_of_has_a_polish_name() -> None:
    """Whatever is checked for its bounds or wants a second person, behind a page, is called by a name."""
    what = {
        argument.value
        for tree in behind_the_pages().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in OF_WHAT
        for argument in node.args[:2]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and " " in argument.value
    }
    assert len(what) > 30
    assert what - NAMES["what"].keys() == set()


STATES: Final = {
    "card_state": CardStatus,
    "contract_state": ContractState,
    "adjustment_state": AdjustmentState,
    "proposal_state": ProposalState,
    "case_state": CaseState,
    "declaration_state": DeclarationState,
    "carrier": Carrier,
}


def test_states_hands_and_choices_have_polish_names() -> None:
    """Every value that a part may have: by a word of the desk's pages, or by a name of its own."""
    values = {part: [each.name.lower() for each in kind] for part, kind in STATES.items()}
    values |= {
        "application_state": [*OPEN, *ENDED],
        "hands": list(Hand),
        "known": [*CONSENTS, *ROLES, *ATTACHMENTS, *CHANNELS[1:]],
        "kinds": list(KINDS),
        "ways": list(WAYS),
        "roles": list(ROLES_OF_OFFICERS),
        "lacks": list(Lack.__args__),
        "duplicate_why": list(WhyDuplicate.__args__),
        "keys": [WITHDRAWN, *(field.encode_name for field in msgspec.structs.fields(Offer))],
    }
    nameless = {
        (part, value)
        for part, every in values.items()
        for value in every
        if (PAGE_WORDS[part] + value not in WORDS if part in PAGE_WORDS else value not in NAMES[part])
    }
    assert nameless == set()


def polish(error: Exception) -> str:
    return tell(Speech("pl", WORDS), fault_of(error))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            RegistryRefused("a card that is {card_state} is not renewed", card_state="blocked"),
            "karty w stanie „zablokowana” nie przedłuża się",
        ),
        (
            RegistryRefused(
                "{column} {why}", column="email", why=Phrase("must have at most {most} characters", most=254)
            ),
            "e-mail: dopuszczalna liczba znaków to najwyżej 254",
        ),
        (
            RegistryRefused(
                "the office stopped this card: replaced only by {hands}", hands=(Hand.DESK, Hand.ORGANISER)
            ),
            "tę kartę zatrzymał urząd: może ją wymienić tylko: punkt obsługi, organizator",
        ),
        (
            RegistryRefused(
                "what a duplicate costs here hangs on why it is made ({fees})",
                fees=(Phrase("--why {duplicate_why}: {zloty}", duplicate_why="fault", zloty="10.00 zł"),),
            ),
            "opłata za duplikat zależy tu od powodu, dla którego się go wydaje (z winy uczestnika: 10,00 zł)",
        ),
        (
            RegistryRefused("{whose} has declared nothing", whose=Phrase("partner {partner}", partner=7)),
            "partner nr 7: nie ma żadnej deklaracji",
        ),
        (
            DatabaseContended("deadlock detected"),
            "ktoś inny właśnie nad tym pracuje: prosimy spróbować ponownie",
        ),
        (
            OfferError(Phrase("is no number"), "limits", number=7),
            "oferta nr 7: pole „limity”: to nie jest liczba",
        ),
        (
            RegistryRefused(
                "the invoice is not valid by FA(3): {fault} at {path}", fault="not expected", path="/Faktura"
            ),
            'faktura nie jest zgodna ze schematem FA(3): <span lang="en">not expected</span> w /Faktura',
        ),
        (RegistryRefused("{why}", why="no TOML: <b>"), '<span lang="en">no TOML: &lt;b&gt;</span>'),
        (
            RegistryRefused("said by nobody {what}", what="<i>"),
            '<span lang="en">said by nobody &lt;i&gt;</span>',
        ),
    ],
    ids=["state", "within", "list", "money", "whose", "contended", "offer", "schema", "english", "unknown"],
)
def test_a_refusal_is_polish_with_its_parts(error: Exception, told: str) -> None:
    """States, fields, hands, sums and what is inside another, each in Polish; what has none is marked as
    English; markup in it is text.
    """
    assert polish(error) == told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"benefits": [{"kind": "percent", "percent": "1e1"}]},
         "pole „procent”: zapisuje się jak 10 albo 12,5"),
        ({"benefits": [{"kind": "percent", "percent": 12.5}]},
         "pole „procent”: jest liczba, a wymagana wartość to liczba całkowita albo tekst"),
        ({"benefits": [{"kind": "percent"}]}, "pole „korzyść”: brakuje pola „procent”"),
        ({"benefits": [{"kind": "free_entry", "for": ["x y"]}]},
         "pole „dla kogo”: to nie jest kod: do 32 liter, cyfr i znaków _, na początku litera"),
        ({"days": ["mon", "fry"]}, "pole „dni tygodnia (2)”: niedopuszczalna wartość: 'fry'"),
        ({"number": 0}, "pole „numer oferty”: wymagana jest liczba całkowita, co najmniej 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_terms_is_told_without_patterns_and_types(
    change: dict[str, object], told: str
) -> None:
    """Keys, places in lists and kinds of values have names; no pattern of the program's is shown."""
    terms = {"number": 1, "partner": 1, "name": {"pl": "x"}, "text": {"pl": "x"}} | change
    terms.setdefault("benefits", [{"kind": "free_entry"}])
    with pytest.raises(OfferError) as caught:
        read_offer(terms)
    assert unescape(polish(caught.value)) == told


def test_every_pattern_of_an_offer_is_told_in_words() -> None:
    """A text that matches none of them says how it is written."""
    patterns = set(
        re.findall(
            r'"pattern":\s*("(?:[^"\\]|\\.)*")', msgspec.json.encode(msgspec.json.schema(Offer)).decode()
        )
    )
    assert {msgspec.json.decode(each) for each in patterns} == set(WRITTEN)


def test_in_english_it_is_what_commands_and_the_api_say() -> None:
    """`str` of a refusal and an English page say the same; a copy of it says so, too, whatever is in it."""
    error = NotInRegistry("there is no login {login}", login="{x}")
    for each in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (type(each), str(each)) == (NotInRegistry, "there is no login {x}")
        assert tell(Speech("en", WORDS), fault_of(each)) == "there is no login {x}"
        assert polish(each) == "nie ma loginu nr {x}"
    assert str(RegistryRefused("a brace { alone")) == "a brace { alone"


def test_in_english_days_and_moments_are_written_as_pages_write_them() -> None:
    """Alone, in a list, within a reason, and as the moment from which something may hold."""
    speech = Speech("en", {})
    inner = Phrase("not before {day}", day=date(2026, 5, 1))
    found = tell(
        speech,
        Phrase("{why}; {days}; at {at}; from {first}", why=inner, days=(date(2026, 6, 2), "x"),
               at=datetime(2026, 7, 3, 10, 5, tzinfo=UTC), first="2026-08-04T12:00:00+00:00"),
    )  # fmt: skip
    assert found == "not before 1 May 2026; 2 Jun 2026, x; at 3 Jul 2026, 10:05; from 4 Aug 2026, 12:00"
    days = Phrase("{first} to {last}", first=date(2026, 11, 27), last=date(2026, 11, 28))
    assert tell(Speech("en", {}, ZoneInfo("Europe/Warsaw")), days) == "27 Nov 2026 to 28 Nov 2026"


def test_a_refusal_on_a_polish_page_is_polish(office: OfficeStage) -> None:
    """At the desk: no English sentence stands there, and none on the English page is Polish."""
    clerk = office.signed_in("zgierz", "clerk")
    account = office.accounts["ela3"]
    path = f"/desk/holders/{account}"
    for language, told in (
        ("pl", "na żądanie tej osoby nie można tego zrobić w punkcie obsługi"),
        ("en", "not by this hand at a desk"),
    ):
        clerk.get(f"/{language}{path}")
        reply = clerk.post(f"/{language}{path}", act="block", hand="proxy-desk", reason="x")
        assert (reply.status, fault(reply.text)) == (409, told)
    clerk.get("/pl/desk/holders")
    reply = clerk.post("/pl/desk/holders", who="Q")
    assert fault(reply.text).startswith("aby szukać po nazwisku, trzeba podać co najmniej")
    assert 'lang="en"' not in reply.text.partition("<main")[2]


def fault(page: str) -> str:
    """Return what the page tells that is refused, without what stands before it."""
    _, _, rest = page.partition('id="fault"')
    return rest.partition(">")[2].partition("</p>")[0].partition(": ")[2]
